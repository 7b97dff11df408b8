//! Compares the log on PostgreSQL with bare inserts.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use storefront_eventlog::{
    Append, Checkpoint, HashTree, JsonText, LeaseOutcome, Position, PostgresStore, Recorded, StoredResponse,
    StreamName, TimerChange, Version,
};
use tokio::task::JoinSet;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Log, ReadPattern, an_event, appends, appends_with, case, catch_up, compare};

/// Measures writing, then reading.
pub(super) async fn run(address: &str) {
    let log: Log = Arc::new(PostgresStore::connect(address).await.unwrap());
    let bare = |connections: usize, total: usize, insert: &'static str| {
        let address = address.to_owned();
        case(async move |_| bare_postgres(&address, connections, total, insert).await)
    };
    let LeaseOutcome::Acquired(fence) = log.acquire_lease("bench", "here", Duration::from_hours(1)).await.unwrap()
    else {
        panic!("somebody else measures in this database");
    };
    let dressed = |callers: usize, total: usize, more: fn(Append) -> Append| {
        let (log, fence) = (log.clone(), fence.clone());
        case(async move |round| {
            let fence = fence.clone();
            let more = move |append| more(Append { fences: vec![fence.clone()], ..append });
            appends_with(&log, callers, total, |caller| format!("f-{callers}-{round}-{caller}"), more).await
        })
    };
    let appending = |callers: usize, total: usize| {
        let log = log.clone();
        case(async move |round| appends(&log, callers, total, |caller| format!("s-{callers}-{round}-{caller}")).await)
    };
    let hashed = address.to_owned();
    compare(
        "PostgreSQL, writing",
        vec![
            ("bare autocommit insert, one connection", bare(1, 1_000, INSERT)),
            ("the same, with a head row that is bumped", bare(1, 1_000, BUMP_AND_INSERT)),
            ("the same, with the hash tree", case(async move |_| hashed_postgres(&hashed, 1_000).await)),
            ("log, 1 caller", appending(1, 1_000)),
            ("bare autocommit insert, 16 connections", bare(16, 4_000, INSERT)),
            ("log, 16 callers on their own streams", appending(16, 6_400)),
            ("log, 64 callers on their own streams", appending(64, 12_800)),
            ("log, 1 caller, fenced", dressed(1, 700, |append| append)),
            ("log, 1 caller, fenced, checkpoint, timer", dressed(1, 700, |append| with_timer(with_checkpoint(append)))),
            ("log, 1 caller, fenced, with an answer", dressed(1, 700, with_answer)),
            ("log, 16 callers, fenced, timer, answer", dressed(16, 3_200, |append| with_timer(with_answer(append)))),
        ],
    )
    .await;
    let reading = |pattern: ReadPattern| {
        let address = address.to_owned();
        case(async move |_| bare_postgres_reading(&address, pattern).await)
    };
    let kept = log.clone();
    compare(
        "PostgreSQL, catching up in pages of 1000, events a second",
        vec![
            ("bare loop that looks at no column", reading(ReadPattern::NoColumn)),
            ("bare loop that looks at every column", reading(ReadPattern::EveryColumn)),
            ("bare loop that keeps the rows", reading(ReadPattern::Copy)),
            ("log", case(async move |_| catch_up(&kept).await)),
        ],
    )
    .await;
    log.close().await;
}

fn with_checkpoint(mut append: Append) -> Append {
    append.checkpoints.push(Checkpoint { consumer: "bench".to_owned(), position: Position(1) });
    append
}

fn with_timer(mut append: Append) -> Append {
    let (owner, timer) = ("bench".to_owned(), append.streams[0].stream.to_string());
    append.timers.push(TimerChange::Set {
        owner,
        timer,
        due_ms: i64::MAX,
        note: JsonText::of(&()).unwrap(),
        as_read: None,
    });
    append
}

fn with_answer(append: Append) -> Append {
    let answer = StoredResponse {
        key: append.streams[0].events[0].id.to_string(),
        fingerprint: "f".repeat(64),
        body: JsonText::of(&"x".repeat(100)).unwrap(),
        time_ms: append.streams[0].events[0].time_ms,
    };
    Append { answer: Some(answer), ..append }
}

/// Inserts the row of the log into a table with the same indexes, without an order of commits.
const INSERT: &str =
    "INSERT INTO bare (stream, version, id, type, schema_version, time_ms, correlation_id, causation_id,
    actor, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
/// Inserts in the order of commits, like the log.
const BUMP_AND_INSERT: &str = "WITH bumped AS (UPDATE bare_head SET position = position + 1 RETURNING position)
    INSERT INTO bare (position, stream, version, id, type, schema_version, time_ms, correlation_id, causation_id, actor,
    data) SELECT position, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM bumped";

/// Rows per second of plain inserts into a table that grows from round to round like that of the log.
async fn bare_postgres(address: &str, connections: usize, total: usize, insert: &'static str) -> f64 {
    let table = "CREATE SEQUENCE IF NOT EXISTS bare_position;
        CREATE TABLE IF NOT EXISTS bare (LIKE eventlog.events INCLUDING ALL);
        ALTER TABLE bare ALTER position SET DEFAULT nextval('bare_position');
        CREATE TABLE IF NOT EXISTS bare_head (position BIGINT NOT NULL) WITH (fillfactor = 10);
        DELETE FROM bare_head;
        INSERT INTO bare_head SELECT coalesce(max(position), 1) FROM bare;
        SELECT setval('bare_position', position) FROM bare_head";
    let mut running = JoinSet::new();
    let mut clients = Vec::new();
    for number in 0..connections {
        let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        if number == 0 {
            client.batch_execute(table).await.unwrap();
        }
        clients.push(client);
    }
    let start = Instant::now();
    for (number, client) in clients.into_iter().enumerate() {
        running.spawn(async move {
            let insert = client.prepare(insert).await.unwrap();
            let stream = format!("{}-{number}", Uuid::now_v7());
            for version in 1..=(total / connections) as i64 {
                let event = an_event();
                client
                    .execute(
                        &insert,
                        &[
                            &stream,
                            &version,
                            &event.id,
                            &event.kind.as_str(),
                            &i32::from(event.schema_version),
                            &event.time_ms,
                            &event.correlation_id.as_str(),
                            &event.causation_id.as_deref(),
                            &event.actor.as_str(),
                            &event.data.as_str(),
                        ],
                    )
                    .await
                    .unwrap();
            }
        });
    }
    running.join_all().await;
    total as f64 / start.elapsed().as_secs_f64()
}

/// Like [`BUMP_AND_INSERT`], with the hash tree: the row has a checksum, and the head row the peaks of the tree.
const GROW_AND_INSERT: &str = "WITH bumped AS (UPDATE bare_tree SET position = position + 1, leaves = leaves + 1,
        peaks = CASE WHEN leaves = $12 AND substr(peaks, greatest(length(peaks) - 31, 1)) = $13 THEN $14 ELSE peaks END
        RETURNING position)
    INSERT INTO bare (position, stream, version, id, type, schema_version, time_ms, correlation_id, causation_id, actor,
    data, checksum) SELECT position, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM bumped";

/// Like [`bare_postgres`] on one connection, with the hash tree. Needs its table.
async fn hashed_postgres(address: &str, total: usize) -> f64 {
    let table = "CREATE TABLE IF NOT EXISTS bare_tree (position BIGINT NOT NULL, leaves BIGINT NOT NULL,
            peaks BYTEA NOT NULL) WITH (fillfactor = 10);
        DELETE FROM bare_tree;
        INSERT INTO bare_tree SELECT coalesce(max(position), 1), 0, '' FROM bare";
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(table).await.unwrap();
    let start = Instant::now();
    let insert = client.prepare(GROW_AND_INSERT).await.unwrap();
    let stream = StreamName::new(Uuid::now_v7().to_string()).unwrap();
    let (mut tree, mut peaks) = (HashTree::default(), Vec::new());
    for leaves in 0..total as i64 {
        let (version, event) = (leaves + 1, an_event());
        tree.add(&Recorded::new(Position(version as u64), &stream, Version(version as u64), &event));
        let last_peak = peaks[peaks.len().saturating_sub(32)..].to_vec();
        peaks = vec![7_u8; 32 * version.count_ones() as usize];
        client
            .execute(
                &insert,
                &[
                    &stream.as_str(),
                    &version,
                    &event.id,
                    &event.kind.as_str(),
                    &i32::from(event.schema_version),
                    &event.time_ms,
                    &event.correlation_id.as_str(),
                    &event.causation_id.as_deref(),
                    &event.actor.as_str(),
                    &event.data.as_str(),
                    &(i64::MAX - version),
                    &leaves,
                    &last_peak,
                    &peaks,
                ],
            )
            .await
            .unwrap();
    }
    let rate = total as f64 / start.elapsed().as_secs_f64();
    let kept: i64 = client.query_one("SELECT leaves FROM bare_tree", &[]).await.unwrap().get(0);
    assert_eq!((kept, tree.position()), (total as i64, Position(total as u64)));
    rate
}

async fn bare_postgres_reading(address: &str, pattern: ReadPattern) -> f64 {
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "SELECT * FROM eventlog.events WHERE position > $1 ORDER BY position LIMIT 1000";
    let select = client.prepare(sql).await.unwrap();
    let (start, mut after) = (Instant::now(), 0_i64);
    loop {
        let rows = client.query(&select, &[&after]).await.unwrap();
        let Some(last) = rows.last() else {
            return after as f64 / start.elapsed().as_secs_f64();
        };
        after = last.get(0);
        let numbers =
            |row: &Row| (row.get::<_, Uuid>(3), row.get::<_, i64>(2), row.get::<_, i32>(5), row.get::<_, i64>(6));
        match pattern {
            ReadPattern::NoColumn => {}
            ReadPattern::EveryColumn => {
                for row in &rows {
                    let text = |column: usize| row.get::<_, Option<&str>>(column);
                    black_box((numbers(row), [1, 4, 7, 8, 9, 10].map(text)));
                }
            }
            ReadPattern::Copy => {
                let keep = |row: &Row| {
                    let text = |column: usize| row.get::<_, Option<String>>(column);
                    (numbers(row), [1, 4, 7, 8, 9, 10].map(text))
                };
                drop(black_box(rows.iter().map(keep).collect::<Vec<_>>()));
            }
        }
    }
}
