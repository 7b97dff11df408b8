//! Folds a very long stream from its first event, and from a snapshot.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;
use storefront_eventlog::{Append, Expected, JsonText, PostgresStore, SqliteStore, StreamAppend, StreamName, Version};

use crate::{Log, an_event, case, compare};

const EVENTS: u64 = 1_000_000;
/// Number of events after the snapshot.
const EVENTS_SINCE: u64 = 400;
const EVENTS_PER_APPEND: u64 = 10_000;
const PAGE: usize = 500;
const SCHEMA_VERSION: u16 = 1;

#[derive(Deserialize)]
struct Data {
    quantity: u64,
}

pub(crate) async fn sqlite(folder: &Path) {
    let log: Log = Arc::new(SqliteStore::open(&folder.join("snapshots")).unwrap());
    measure("SQLite", log).await;
}

pub(crate) async fn postgres(address: &str) {
    measure("PostgreSQL", Arc::new(PostgresStore::connect(address).await.unwrap())).await;
}

async fn measure(database: &str, log: Log) {
    let stream = StreamName::new(format!("long-{}", uuid::Uuid::now_v7())).unwrap();
    for _ in 0..EVENTS / EVENTS_PER_APPEND {
        let events = (0..EVENTS_PER_APPEND).map(|_| an_event()).collect();
        let part = StreamAppend { stream: stream.clone(), expected: Expected::Any, events };
        log.append(Append { streams: vec![part], ..Append::default() }).await.unwrap();
    }
    let (whole, _) = sum(&log, &stream, 0, Version(0)).await;
    let kept = JsonText::of(&(whole / EVENTS * (EVENTS - EVENTS_SINCE))).unwrap();
    assert!(log.save_snapshot(&stream, Version(EVENTS - EVENTS_SINCE), SCHEMA_VERSION, &kept).await.unwrap());
    let (of_all, of_snapshot) = ((log.clone(), stream.clone()), (log.clone(), stream));
    compare(
        &format!("{database}, a stream of {EVENTS} events, loads a second"),
        vec![
            (
                "all of its events",
                case(async move |_| {
                    let ((log, stream), start) = (&of_all, Instant::now());
                    assert_eq!(sum(log, stream, 0, Version(0)).await, (whole, Version(EVENTS)));
                    1.0 / start.elapsed().as_secs_f64()
                }),
            ),
            (
                "its snapshot and the last 400 events",
                case(async move |_| {
                    let ((log, stream), start) = (&of_snapshot, Instant::now());
                    let snapshot = log.snapshot(stream, SCHEMA_VERSION).await.unwrap().unwrap();
                    let begun = snapshot.data.parse().unwrap();
                    assert_eq!(sum(log, stream, begun, snapshot.version).await, (whole, Version(EVENTS)));
                    1.0 / start.elapsed().as_secs_f64()
                }),
            ),
        ],
    )
    .await;
    log.close().await;
}

/// Adds the events after a version to a sum.
async fn sum(log: &Log, stream: &StreamName, mut sum: u64, mut version: Version) -> (u64, Version) {
    loop {
        let page = log.read_stream(stream, Version(version.0 + 1), PAGE).await.unwrap();
        for recorded in &page {
            sum += serde_json::from_str::<Data>(recorded.data()).unwrap().quantity;
        }
        match page.last() {
            Some(last) => version = last.version,
            None => return (sum, version),
        }
    }
}
