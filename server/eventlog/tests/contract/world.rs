//! The world of a test: a log on each backend, and helpers for events and appends.

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::Duration;

use serde_json::json;
use storefront_eventlog::{
    Append, AppendError, Appended, Checkpoint, EventStore, Expected, Fence, Filter, JsonText, NewEvent, Position,
    PostgresStore, Recorded, SqliteStore, StoreError, StoredResponse, StreamAppend, StreamName, TimerChange, Version,
};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_postgres::AsyncMessage;

use crate::database_copy::DatabaseCopy;
use crate::postgres_server;

pub(crate) type Log = Arc<dyn EventStore>;

/// A log and its storage.
pub(crate) struct World {
    log: Log,
    storage: Storage,
    /// The clock of SQLite, in milliseconds.
    clock: Arc<AtomicI64>,
}

/// The storage of a log.
enum Storage {
    Memory,
    File(TempDir),
    Database(String),
}

impl World {
    pub(crate) async fn memory() -> Self {
        // Its reads ask the database; those of a log in a file find the newest events in memory.
        Self::from_sqlite(SqliteStore::in_memory().unwrap().without_tail(), Storage::Memory)
    }

    pub(crate) async fn file() -> Self {
        let folder = TempDir::new().unwrap();
        Self::from_sqlite(SqliteStore::open(&file_in(&folder)).unwrap(), Storage::File(folder))
    }

    fn from_sqlite(store: SqliteStore, storage: Storage) -> Self {
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000));
        Self { log: Arc::new(store.with_clock(clock_reader(&clock))), storage, clock }
    }

    pub(crate) async fn postgres() -> Self {
        let address = postgres_server::create_database().await;
        let (log, clock) = (Arc::new(PostgresStore::connect(&address).await.unwrap()), Arc::default());
        Self { log, storage: Storage::Database(address), clock }
    }

    /// Opens the same database as a second server.
    pub(crate) async fn second_server(&self) -> Log {
        Arc::new(self.try_second_server().await.unwrap())
    }

    pub(crate) async fn try_second_server(&self) -> Result<PostgresStore, StoreError> {
        let Storage::Database(address) = &self.storage else { panic!("only a database takes a second server") };
        PostgresStore::connect(address).await
    }

    /// Opens the database read-only.
    pub(crate) async fn reader(&self) -> Result<Log, StoreError> {
        let Storage::Database(address) = &self.storage else { panic!("only a database is read by many") };
        Ok(Arc::new(PostgresStore::open_to_read(address).await?))
    }

    /// Copies the database; its connections are cut.
    pub(crate) async fn copy_database(&self) -> DatabaseCopy {
        let Storage::Database(address) = &self.storage else { panic!("only a database is copied") };
        DatabaseCopy::create(address).await
    }

    /// Connects to the database without the log.
    pub(crate) async fn connect(&self) -> tokio_postgres::Client {
        let Storage::Database(address) = &self.storage else { panic!("only a database takes a connection") };
        let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Connects like a server that listens for notifications; returns the connection and its last notified position.
    pub(crate) async fn listen_as_server(&self) -> (tokio_postgres::Client, watch::Receiver<u64>) {
        let Storage::Database(address) = &self.storage else { panic!("only a database takes a connection") };
        let (client, mut connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
        let (sender, position) = watch::channel(0);
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message
                    && let Ok(position) = notification.payload().parse()
                {
                    sender.send_replace(position);
                }
            }
        });
        let listen = "SET application_name = 'storefront-eventlog listener'; LISTEN eventlog";
        client.batch_execute(listen).await.unwrap();
        (client, position)
    }

    /// Closes the log and opens it again; no effect on a log in memory.
    pub(crate) async fn reopen(&mut self) {
        match &self.storage {
            Storage::Memory => {}
            Storage::File(folder) => {
                self.log.close().await;
                self.log = Arc::new(SqliteStore::open(&file_in(folder)).unwrap().with_clock(clock_reader(&self.clock)));
            }
            Storage::Database(address) => {
                self.log.close().await;
                self.log = Arc::new(PostgresStore::connect(address).await.unwrap());
            }
        }
    }

    /// Lets time pass for leases and timers. SQLite gets another clock; on PostgreSQL, the stored times are moved back
    /// instead.
    pub(crate) async fn advance_time(&self, time: Duration) {
        let ms = time.as_millis() as i64;
        self.clock.fetch_add(ms, Ordering::Relaxed);
        if let Storage::Database(_) = self.storage {
            let older = format!(
                "UPDATE eventlog.leases SET until_ms = until_ms - {ms} WHERE until_ms > 0;
                UPDATE eventlog.timers SET due_ms = due_ms - {ms}"
            );
            self.connect().await.batch_execute(&older).await.unwrap();
        }
    }

    /// Sets the clock back for leases and timers. SQLite gets another clock; on PostgreSQL, the stored times are moved on
    /// instead.
    pub(crate) async fn set_clock_back(&self, time: Duration) {
        let ms = time.as_millis() as i64;
        self.clock.fetch_sub(ms, Ordering::Relaxed);
        if let Storage::Database(_) = self.storage {
            let later = format!(
                "UPDATE eventlog.leases SET until_ms = until_ms + {ms} WHERE until_ms > 0;
                UPDATE eventlog.timers SET due_ms = due_ms + {ms}"
            );
            self.connect().await.batch_execute(&later).await.unwrap();
        }
    }

    /// Runs SQL on the database without the log; no effect on a log in memory.
    pub(crate) async fn tamper(&mut self, sqlite: &str, postgres: &str) {
        match &self.storage {
            Storage::Memory => {}
            Storage::File(folder) => {
                self.log.close().await;
                rusqlite::Connection::open(file_in(folder)).unwrap().execute_batch(sqlite).unwrap();
                self.reopen().await;
            }
            Storage::Database(_) => self.connect().await.batch_execute(postgres).await.unwrap(),
        }
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.storage, Storage::Memory)
    }

    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }
}

fn clock_reader(clock: &Arc<AtomicI64>) -> storefront_eventlog::Clock {
    let clock = clock.clone();
    Arc::new(move || clock.load(Ordering::Relaxed))
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("log.sqlite3")
}

/// Starts appends in this order without waiting in between, and returns all outcomes.
pub(crate) async fn append_in_order(log: &Log, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
    let mut sent: Vec<_> = appends.into_iter().map(|append| (log.append(append), None)).collect();
    poll_fn(|context| {
        for (future, outcome) in &mut sent {
            if outcome.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *outcome = Some(ready);
            }
        }
        if sent.iter().all(|(_, outcome)| outcome.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    sent.into_iter().filter_map(|(_, outcome)| outcome).collect()
}

/// Awaits a future; panics after 60 seconds.
pub(crate) async fn with_timeout<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

pub(crate) fn stream(name: &str) -> StreamName {
    StreamName::new(name).unwrap()
}

pub(crate) fn an_event(kind: &str) -> NewEvent {
    NewEvent {
        id: uuid::Uuid::now_v7(),
        kind: kind.to_owned(),
        schema_version: 1,
        time_ms: 1_700_000_000_000,
        correlation_id: "a correlation".to_owned(),
        causation_id: None,
        actor: "tester".to_owned(),
        data: JsonText::of(&json!({ "kind": kind })).unwrap(),
    }
}

pub(crate) fn event_about(correlation: &str, kind: &str) -> NewEvent {
    NewEvent { correlation_id: correlation.to_owned(), ..an_event(kind) }
}

pub(crate) fn new_events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| an_event("thing.happened")).collect()
}

/// Builds an append: `empty_append().and(at_version("a", 0, events)).with_checkpoint("mail", 3)`.
pub(crate) trait AppendBuilder {
    fn and(self, part: StreamAppend) -> Append;
    fn with_checkpoint(self, consumer: &str, position: u64) -> Append;
    fn with_response(self, answer: StoredResponse) -> Append;
    fn with_fence(self, fence: &Fence) -> Append;
    fn with_timer(self, change: TimerChange) -> Append;
}

impl AppendBuilder for Append {
    fn and(mut self, part: StreamAppend) -> Append {
        self.streams.push(part);
        self
    }

    fn with_checkpoint(mut self, consumer: &str, position: u64) -> Append {
        self.checkpoints.push(Checkpoint { consumer: consumer.to_owned(), position: Position(position) });
        self
    }

    fn with_response(mut self, answer: StoredResponse) -> Append {
        self.answer = Some(answer);
        self
    }

    fn with_fence(mut self, fence: &Fence) -> Append {
        self.fences.push(fence.clone());
        self
    }

    fn with_timer(mut self, change: TimerChange) -> Append {
        self.timers.push(change);
        self
    }
}

pub(crate) fn empty_append() -> Append {
    Append::default()
}

/// Events for a stream at an expected version.
pub(crate) fn at_version(name: &str, version: u64, events: Vec<NewEvent>) -> StreamAppend {
    StreamAppend { stream: stream(name), expected: Expected::Exactly(Version(version)), events }
}

/// Events for a stream at any version.
pub(crate) fn at_any_version(name: &str, events: Vec<NewEvent>) -> StreamAppend {
    StreamAppend { stream: stream(name), expected: Expected::Any, events }
}

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) fn stored_response(key: &str, body: &str, time_ms: i64) -> StoredResponse {
    StoredResponse {
        key: key.to_owned(),
        fingerprint: format!("fingerprint of {key}"),
        body: JsonText::of(&body).unwrap(),
        time_ms,
    }
}

/// Appends new events to a stream at any version.
pub(crate) async fn append_events(log: &Log, name: &str, count: usize) -> Appended {
    log.append(empty_append().and(at_any_version(name, new_events(count)))).await.unwrap()
}

pub(crate) async fn head(log: &Log) -> u64 {
    log.head().await.unwrap().0
}

pub(crate) async fn version(log: &Log, name: &str) -> u64 {
    read_whole_stream(log, name).await.last().map_or(0, |last| last.version.0)
}

pub(crate) async fn read_whole_stream(log: &Log, name: &str) -> Vec<Recorded> {
    let (mut events, name) = (Vec::new(), stream(name));
    loop {
        let page = log.read_stream(&name, Version(events.len() as u64 + 1), 1000).await.unwrap();
        let last = page.len() < 1000;
        events.extend(page);
        if last {
            return events;
        }
    }
}

pub(crate) async fn read_whole_log(log: &Log) -> Vec<Recorded> {
    read_filtered(log, &Filter::default()).await
}

/// All events that match a filter, read in pages.
pub(crate) async fn read_filtered(log: &Log, filter: &Filter) -> Vec<Recorded> {
    let (mut events, mut after) = (Vec::new(), Position(0));
    loop {
        let page = log.read_all(after, 100, filter).await.unwrap();
        events.extend(page.events.into_iter().map(Arc::unwrap_or_clone));
        if page.next_after == page.head {
            return events;
        }
        assert!(page.next_after > after, "reading makes no progress from {after}");
        after = page.next_after;
    }
}

/// Asserts that positions and versions have no gaps.
pub(crate) async fn assert_sound(log: &Log) {
    let events = read_whole_log(log).await;
    let mut versions = std::collections::HashMap::new();
    for (index, recorded) in events.iter().enumerate() {
        assert_eq!(recorded.position.0, index as u64 + 1, "positions are dense");
        let version = versions.entry(recorded.stream_name()).or_insert(0);
        *version += 1;
        assert_eq!(recorded.version.0, *version, "versions of {} are dense", recorded.stream());
    }
    assert_eq!(head(log).await, events.len() as u64);
}

#[track_caller]
pub(crate) fn assert_conflict<T: std::fmt::Debug>(outcome: Result<T, AppendError>, name: &str, version: u64, is: u64) {
    let Err(AppendError::Conflict { stream, expected, actual }) = outcome else {
        panic!("expected a conflict, not {outcome:?}");
    };
    assert_eq!((stream.as_str(), expected, actual), (name, Version(version), Version(is)));
}
