//! A database that takes what it is sent and says nothing: behind a door that lets nothing through any more.

use std::sync::Arc;

use storefront_eventlog::{AppendError, PostgresStore, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

use crate::postgres_server;
use crate::world::*;

/// The address of a new database behind a door, and what opens and shuts it. A connection that met a shut door stays open
/// and silent for ever.
async fn behind_a_door() -> (String, watch::Sender<bool>) {
    let address = postgres_server::a_database().await;
    let folder = address.split(' ').find_map(|word| word.strip_prefix("host=")).unwrap();
    let socket = format!("{folder}/.s.PGSQL.5432");
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = door.local_addr().unwrap().port();
    let outside = address.replace(folder, &format!("127.0.0.1 port={port}"));
    let (open, is_open) = watch::channel(true);
    tokio::spawn(async move {
        loop {
            let (there, _) = door.accept().await.unwrap();
            let (from, to) = there.into_split();
            let (back_from, back_to) = UnixStream::connect(&socket).await.unwrap().into_split();
            tokio::spawn(passes(from, back_to, is_open.clone()));
            tokio::spawn(passes(back_from, to, is_open.clone()));
        }
    });
    (outside, open)
}

async fn passes(
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
    let (address, door) = behind_a_door().await;
    let log: Log = Arc::new(PostgresStore::connect(&address).await.unwrap());
    log.append(nothing().and(to("a", 0, some_events(1)))).await.unwrap();
    door.send_replace(false);
    let second = nothing().and(to("a", 1, some_events(1)));
    let unanswered = soon("an answer", log.append(second.clone())).await;
    assert!(matches!(unanswered, Err(AppendError::Store(StoreError::Database(_)))), "{unanswered:?}");
    door.send_replace(true);
    assert_eq!(soon("an answer", log.append(second)).await.unwrap().position.0, 2);
    assert_eq!(head(&log).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_on_a_host_that_says_nothing_is_not_opened() {
    let (address, door) = behind_a_door().await;
    door.send_replace(false);
    let opened = soon("an answer", PostgresStore::connect(&address)).await.map(|_| ());
    assert!(matches!(opened, Err(StoreError::Database(_))), "{opened:?}");
}
