//! Databases that cannot be used, played by a program that speaks just enough of PostgreSQL's protocol
//! (postgresql.org/docs/current/protocol-message-formats.html).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::PostgresStore;

/// The sessions of a pool that are free.
type Free = Arc<Mutex<BTreeSet<u32>>>;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

async fn read_message(stream: &mut TcpStream, with_kind: bool) -> Option<(u8, Vec<u8>)> {
    let kind = if with_kind { stream.read_u8().await.ok()? } else { 0 };
    let length = stream.read_u32().await.ok()?;
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await.ok()?;
    Some((kind, body))
}

/// Answers simple queries. With `pooled`, a session is taken for each transaction; else each connection has its own.
async fn serves(mut stream: TcpStream, own: u32, pooled: bool, free: Free) -> Option<()> {
    read_message(&mut stream, false).await?;
    let ready = |state: u8| message(b'Z', &[state]);
    stream.write_all(&[message(b'R', &0_u32.to_be_bytes()), ready(b'I')].concat()).await.ok()?;
    let mut held = None;
    while let Some((b'Q', query)) = read_message(&mut stream, true).await {
        let query = String::from_utf8_lossy(&query).into_owned();
        let session = match (pooled, held) {
            (false, _) => own,
            (true, Some(held)) => held,
            (true, None) => free.lock().unwrap().pop_first().unwrap_or(own),
        };
        let in_transaction = query.starts_with("BEGIN") || (held.is_some() && !query.starts_with("ROLLBACK"));
        held = in_transaction.then_some(session);
        if held.is_none() {
            free.lock().unwrap().insert(session);
        }
        let mut answer = Vec::new();
        if query.starts_with("SELECT pg_backend_pid") {
            let column = [&b"pid\0"[..], &[0; 4], &[0; 2], &23_u32.to_be_bytes(), &[0, 4], &[255; 4], &[0; 2]].concat();
            answer.extend(message(b'T', &[&1_u16.to_be_bytes()[..], &column].concat()));
            let text = session.to_string();
            let length = u32::try_from(text.len()).unwrap();
            answer.extend(message(b'D', &[&1_u16.to_be_bytes()[..], &length.to_be_bytes(), text.as_bytes()].concat()));
        }
        answer.extend(message(b'C', b"DONE\0"));
        answer.extend(ready(if in_transaction { b'T' } else { b'I' }));
        stream.write_all(&answer).await.ok()?;
    }
    None
}

/// The address of something that each connection is handed to.
async fn at<F: Future<Output = Option<()>> + Send + 'static>(
    serve: impl Fn(TcpStream, u32) -> F + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 1.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, number));
        }
    });
    format!("postgres://shop@127.0.0.1:{port}/shop?sslmode=disable")
}

async fn refusal(url: &str) -> String {
    match PostgresStore::connect(url).await {
        Ok(_) => panic!("it is taken for a database"),
        Err(refusal) => refusal.to_string(),
    }
}

#[tokio::test]
async fn a_pooler_that_shares_sessions_is_reported_with_what_to_do() {
    let free = Free::default();
    let pooled = at(move |stream, number| serves(stream, number, true, free.clone())).await;
    let told = refusal(&pooled).await;
    assert!(told.contains("pool_mode = transaction") && told.contains("address of PostgreSQL itself"), "{told}");
}

#[tokio::test]
async fn sessions_of_their_own_are_no_pooler() {
    let own = at(|stream, number| serves(stream, number, false, Free::default())).await;
    let told = refusal(&own).await;
    assert!(!told.contains("pool_mode"), "it fails later, because it knows no tables: {told}");
}

#[tokio::test]
async fn a_database_that_takes_encrypted_connections_only_is_reported_with_what_to_do() {
    let wants_tls = at(|mut stream, _| async move {
        read_message(&mut stream, false).await?;
        let fields = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host \"127.0.0.1\", user \"shop\", \
            database \"shop\", no encryption\0\0";
        stream.write_all(&message(b'E', fields)).await.ok()
    })
    .await;
    let told = refusal(&wants_tls).await;
    assert!(told.contains("sslmode=require") && told.contains("pg_hba.conf"), "{told}");
}
