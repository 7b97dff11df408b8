//! Tests with a database that does not respond, behind a proxy that holds all data.

use std::sync::Arc;

use storefront_eventlog::{AppendError, PostgresStore, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

use crate::postgres_server;
use crate::world::*;

/// Creates a database behind a proxy. Returns its address, and a switch that opens and closes the proxy. A connection that
/// sends data through a closed proxy stays open and silent for ever.
async fn database_behind_proxy() -> (String, watch::Sender<bool>) {
    let address = postgres_server::create_database().await;
    let folder = address.split(' ').find_map(|word| word.strip_prefix("host=")).unwrap();
    let socket = format!("{folder}/.s.PGSQL.5432");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxied_address = address.replace(folder, &format!("127.0.0.1 port={port}"));
    let (open, is_open) = watch::channel(true);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let (from, to) = client.into_split();
            let (back_from, back_to) = UnixStream::connect(&socket).await.unwrap().into_split();
            tokio::spawn(forward(from, back_to, is_open.clone()));
            tokio::spawn(forward(back_from, to, is_open.clone()));
        }
    });
    (proxied_address, open)
}

async fn forward(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    is_open: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if !*is_open.borrow() {
            return std::future::pending().await;
        }
        to.write_all(&bytes[..count]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_to_a_database_that_falls_silent_fail_in_bounded_time_and_can_be_sent_again() {
    let (address, open) = database_behind_proxy().await;
    let log: Log = Arc::new(PostgresStore::connect(&address).await.unwrap());
    log.append(empty_append().and(at_version("a", 0, new_events(1)))).await.unwrap();
    open.send_replace(false);
    let second = empty_append().and(at_version("a", 1, new_events(1)));
    let unanswered = with_timeout("an answer", log.append(second.clone())).await;
    assert!(matches!(unanswered, Err(AppendError::Store(StoreError::Database(_)))), "{unanswered:?}");
    open.send_replace(true);
    assert_eq!(with_timeout("an answer", log.append(second)).await.unwrap().position.0, 2);
    assert_eq!(head(&log).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_on_a_host_that_says_nothing_is_not_opened() {
    let (address, open) = database_behind_proxy().await;
    open.send_replace(false);
    let opened = with_timeout("an answer", PostgresStore::connect(&address)).await.map(|_| ());
    assert!(matches!(opened, Err(StoreError::Database(_))), "{opened:?}");
}
