//! Compares the speed of the log with a bare loop that writes or reads the same rows. Prints tables; asserts nothing.
//!
//! `cargo bench -p storefront-eventlog` measures SQLite in a temporary folder (`BENCH_FOLDER` names another disk), and
//! PostgreSQL too when `BENCH_POSTGRES` holds the address of an empty database. A word after `--` (`sqlite-writing`,
//! `sqlite-reading`, `postgres`, `snapshots`, `servers`, `news`) selects one benchmark; `quick` shortens `servers`, the others
//! are short. Cases that are compared alternate in many short rounds, so that load on the machine affects all of them. The
//! figures are medians; the ratios are medians of the ratios of each round.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark is a program for a person at a terminal")]

mod bare_sqlite;
mod postgres;
mod snapshots;
mod together;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::Connection;
use storefront_eventlog::{
    Append, EventStore, Expected, Filter, JsonText, NewEvent, Position, SqliteStore, StreamAppend, StreamName, Version,
};
use tokio::task::JoinSet;

type Log = Arc<dyn EventStore>;

const ROUNDS: usize = 15;
const EVENTS_TO_READ: usize = 300_000;

#[tokio::main]
async fn main() {
    let folder = std::env::var_os("BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::TempDir::new_in(folder).unwrap();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [part, name, address] = &*words
        && part == together::ROLE_ARGUMENT
    {
        return together::run_role(name, address).await;
    }
    let quick = words.iter().any(|word| word == "quick");
    let is_selected = |what: &str| words.iter().all(|word| word == "quick") || words.iter().any(|word| what == word);
    let total = if quick { 4_000 } else { 15_000 };
    println!("Events of about 300 bytes, full durability, medians of {ROUNDS} rounds");
    if is_selected("sqlite-writing") {
        sqlite_writing(folder.path()).await;
    }
    if is_selected("sqlite-reading") {
        sqlite_reading(folder.path()).await;
    }
    if is_selected("snapshots") {
        snapshots::sqlite(folder.path()).await;
    }
    let database = std::env::var("BENCH_POSTGRES").ok();
    match &database {
        Some(address) => {
            if is_selected("postgres") {
                postgres::run(address).await;
            }
            if is_selected("snapshots") {
                snapshots::postgres(address).await;
            }
            if is_selected("servers") {
                together::servers(address, total).await;
            }
        }
        None => println!("\nPostgreSQL: not measured; BENCH_POSTGRES names a database."),
    }
    if is_selected("news") {
        together::news(folder.path(), database.as_deref()).await;
    }
}

async fn sqlite_writing(folder: &Path) {
    let log = |callers: usize, total: usize, streams: usize| {
        let folder = folder.to_owned();
        case(async move |round| {
            let name = format!("log-{callers}-{streams}-{round}");
            let log: Log = Arc::new(SqliteStore::open(&folder.join(name)).unwrap());
            let rate = appends(&log, callers, total, |caller| format!("s-{}", caller % streams)).await;
            log.close().await;
            rate
        })
    };
    let bare = |in_transaction: usize, total: usize, hashes: bool| {
        let folder = folder.to_owned();
        case(async move |_| {
            let own_folder = tempfile::tempdir_in(&folder).unwrap();
            bare_sqlite::appends(&own_folder.path().join("log"), total, in_transaction, hashes)
        })
    };
    compare(
        "SQLite, writing",
        vec![
            ("bare loop, a transaction for each event", bare(1, 1_000, false)),
            ("log, 1 caller", log(1, 1_000, 1)),
            ("log, 16 callers on their own streams", log(16, 8_000, 16)),
            ("bare loop, 64 events in a transaction", bare(64, 16_000, false)),
            ("log, 64 callers on their own streams", log(64, 16_000, 64)),
            ("log, 64 callers on one long stream", log(64, 16_000, 1)),
        ],
    )
    .await;
    compare(
        "SQLite, what the hash tree costs, all of it in the loop that writes",
        vec![
            ("bare loop, a transaction for each event", bare(1, 1_000, false)),
            ("the same, with the hash tree", bare(1, 1_000, true)),
            ("bare loop, 64 events in a transaction", bare(64, 16_000, false)),
            ("the same, with the hash tree", bare(64, 16_000, true)),
        ],
    )
    .await;
}

async fn sqlite_reading(folder: &Path) {
    let path = folder.join("reading");
    let log: Log = Arc::new(SqliteStore::open(&path).unwrap());
    fill(&log, EVENTS_TO_READ).await;
    let reading = |pattern: ReadPattern| {
        let path = path.clone();
        case(async move |_| bare_reading(&path, pattern))
    };
    let kept = log.clone();
    compare(
        "SQLite, catching up in pages of 1000, events a second",
        vec![
            ("bare loop that looks at no column", reading(ReadPattern::NoColumn)),
            ("bare loop that looks at every column", reading(ReadPattern::EveryColumn)),
            ("bare loop that keeps the rows", reading(ReadPattern::Copy)),
            ("log", case(async move |_| catch_up(&kept).await)),
        ],
    )
    .await;
    let kept = log.clone();
    compare(
        "SQLite, streams of 10 events, streams a second",
        vec![
            ("bare query that looks at no column", case(async move |_| bare_streams(&path))),
            ("log", case(async move |_| short_streams(&kept).await)),
        ],
    )
    .await;
    log.close().await;
}

/// A case, called once per round with the number of the round; returns a rate per second.
type Case = Box<dyn FnMut(usize) -> Pin<Box<dyn Future<Output = f64>>>>;

fn case(measure: impl AsyncFn(usize) -> f64 + 'static) -> Case {
    let measure = Arc::new(measure);
    Box::new(move |round| {
        let measure = measure.clone();
        Box::pin(async move { measure(round).await })
    })
}

/// Runs the cases in turn, round by round, and prints each with its ratios to the cases before it.
async fn compare(title: &str, mut cases: Vec<(&str, Case)>) {
    println!("\n{title}\n");
    let mut rates = vec![Vec::new(); cases.len()];
    for round in 0..ROUNDS {
        for ((_, measure), rates) in cases.iter_mut().zip(&mut rates) {
            rates.push(measure(round).await);
        }
    }
    for (index, (name, _)) in cases.iter().enumerate() {
        let ratios = |other: &Vec<f64>| {
            let ratios = rates[index].iter().zip(other).map(|(rate, other)| rate / other);
            format!("{:6.2}×", median(ratios.collect()))
        };
        let (rate, ratios) = (median(rates[index].clone()), rates[..index].iter().map(ratios).collect::<Vec<_>>());
        println!("{:2}. {name:42} {rate:>10.*}/s  {}", index + 1, decimals(rate), ratios.join(" "));
    }
}

/// Number of decimals of a rate: more below ten per second.
fn decimals(rate: f64) -> usize {
    if rate < 10.0 { 2 } else { 0 }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn an_event() -> NewEvent {
    NewEvent {
        id: uuid::Uuid::now_v7(),
        kind: "order.item_added".to_owned(),
        schema_version: 1,
        time_ms: 1_700_000_000_000,
        correlation_id: "018f4e5a-7a30-7cc4-b4a5-3f6f1e9d2c11".to_owned(),
        causation_id: Some("018f4e5a-7a30-7cc4-b4a5-3f6f1e9d2c12".to_owned()),
        actor: "guest".to_owned(),
        data: JsonText::of(&serde_json::json!({ "text": "x".repeat(130), "quantity": 3 })).unwrap(),
    }
}

fn an_append(stream: &str, expected: Expected, count: usize) -> Append {
    let events = (0..count).map(|_| an_event()).collect();
    let part = StreamAppend { stream: StreamName::new(stream).unwrap(), expected, events };
    Append { streams: vec![part], ..Append::default() }
}

/// Events per second of callers that each append one event after another.
async fn appends(log: &Log, callers: usize, total: usize, stream: impl Fn(usize) -> String) -> f64 {
    appends_with(log, callers, total, stream, |append| append).await
}

/// Like [`appends`], with a change of each append.
async fn appends_with(
    log: &Log,
    callers: usize,
    total: usize,
    stream: impl Fn(usize) -> String,
    more: impl Fn(Append) -> Append + Clone + Send + 'static,
) -> f64 {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for caller in 0..callers {
        let (log, stream, more) = (log.clone(), stream(caller), more.clone());
        running.spawn(async move {
            for _ in 0..total / callers {
                log.append(more(an_append(&stream, Expected::Any, 1))).await.unwrap();
            }
        });
    }
    running.join_all().await;
    total as f64 / start.elapsed().as_secs_f64()
}

async fn fill(log: &Log, total: usize) {
    for stream in 0..total / 1000 {
        let mut append = Append::default();
        for part in 0..100 {
            append.streams.extend(an_append(&format!("s-{stream}-{part}"), Expected::Any, 10).streams);
        }
        log.append(append).await.unwrap();
    }
}

async fn catch_up(log: &Log) -> f64 {
    let (start, mut after) = (Instant::now(), Position(0));
    loop {
        let slice = log.read_all(after, 1000, &Filter::default()).await.unwrap();
        after = slice.next_after;
        if after == slice.head {
            return after.0 as f64 / start.elapsed().as_secs_f64();
        }
    }
}

async fn short_streams(log: &Log) -> f64 {
    let start = Instant::now();
    for part in 0..5000 {
        let stream = StreamName::new(format!("s-{}-{}", part % 300, part % 100)).unwrap();
        assert_eq!(log.read_stream(&stream, Version(1), 100).await.unwrap().len(), 10);
    }
    5000.0 / start.elapsed().as_secs_f64()
}

/// What a bare loop reads of each row.
#[derive(Clone, Copy)]
enum ReadPattern {
    NoColumn,
    /// Borrows every column.
    EveryColumn,
    /// Copies every column.
    Copy,
}

fn bare_reading(path: &Path, pattern: ReadPattern) -> f64 {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT * FROM events WHERE position > ?1 ORDER BY position LIMIT 1000";
    let mut select = connection.prepare(sql).unwrap();
    let (start, mut after) = (Instant::now(), 0_i64);
    loop {
        let mut rows = select.query([after]).unwrap();
        let mut page = Vec::with_capacity(1000);
        let mut any = false;
        while let Some(row) = rows.next().unwrap() {
            any = true;
            after = row.get(0).unwrap();
            let numbers = || [2, 5, 6].map(|column| row.get::<_, i64>(column).unwrap());
            match pattern {
                ReadPattern::NoColumn => {}
                ReadPattern::EveryColumn => {
                    let text = |column: usize| row.get_ref(column).unwrap().as_str_or_null().unwrap();
                    black_box((row.get_ref(3).unwrap().as_blob().unwrap(), numbers()));
                    black_box([1, 4, 7, 8, 9, 10].map(text));
                }
                ReadPattern::Copy => {
                    let text = |column: usize| row.get::<_, Option<String>>(column).unwrap();
                    let id: [u8; 16] = row.get(3).unwrap();
                    page.push((id, numbers(), [1, 4, 7, 8, 9, 10].map(text)));
                }
            }
        }
        if !any {
            return after as f64 / start.elapsed().as_secs_f64();
        }
    }
}

fn bare_streams(path: &Path) -> f64 {
    let connection = Connection::open(path).unwrap();
    let mut select =
        connection.prepare("SELECT * FROM events WHERE stream = ?1 AND version >= 1 ORDER BY version").unwrap();
    let start = Instant::now();
    for part in 0..5000 {
        let mut rows = select.query([format!("s-{}-{}", part % 300, part % 100)]).unwrap();
        let mut bytes = 0;
        while let Some(row) = rows.next().unwrap() {
            bytes += row.get_ref(10).unwrap().as_str().unwrap().len();
        }
        assert!(bytes > 0);
    }
    5000.0 / start.elapsed().as_secs_f64()
}
