//! Where the stories happen: a log of each kind, and words to speak about events.

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

/// A log of its own, and what must outlive it.
pub(crate) struct World {
    log: Log,
    place: Place,
    /// What SQLite takes for the time, in milliseconds.
    clock: Arc<AtomicI64>,
}

/// Where the events are while the log is closed.
enum Place {
    Nowhere,
    File(TempDir),
    Database(String),
}

impl World {
    pub(crate) async fn memory() -> Self {
        Self::of_sqlite(SqliteStore::in_memory().unwrap(), Place::Nowhere)
    }

    pub(crate) async fn file() -> Self {
        let folder = TempDir::new().unwrap();
        Self::of_sqlite(SqliteStore::open(&file_in(&folder)).unwrap(), Place::File(folder))
    }

    fn of_sqlite(store: SqliteStore, place: Place) -> Self {
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000));
        Self { log: Arc::new(store.with_clock(reading(&clock))), place, clock }
    }

    pub(crate) async fn postgres() -> Self {
        let address = postgres_server::a_database().await;
        let (log, clock) = (Arc::new(PostgresStore::connect(&address).await.unwrap()), Arc::default());
        Self { log, place: Place::Database(address), clock }
    }

    /// Another log on the same database, as a second server has it.
    pub(crate) async fn second_server(&self) -> Log {
        Arc::new(self.try_second_server().await.unwrap())
    }

    pub(crate) async fn try_second_server(&self) -> Result<PostgresStore, StoreError> {
        let Place::Database(address) = &self.place else { panic!("only a database takes a second server") };
        PostgresStore::connect(address).await
    }

    /// The log in the database, opened to be read.
    pub(crate) async fn reader(&self) -> Result<Log, StoreError> {
        let Place::Database(address) = &self.place else { panic!("only a database is read by many") };
        Ok(Arc::new(PostgresStore::open_to_read(address).await?))
    }

    /// A copy of the database of this moment; connections to it are cut.
    pub(crate) async fn copy_database(&self) -> DatabaseCopy {
        let Place::Database(address) = &self.place else { panic!("only a database is copied") };
        DatabaseCopy::of(address).await
    }

    /// A plain connection to the database, for mischief.
    pub(crate) async fn plain_connection(&self) -> tokio_postgres::Client {
        let Place::Database(address) = &self.place else { panic!("only a database takes a connection") };
        let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// A connection that looks like another server's, which listens; and the last position that it was told.
    pub(crate) async fn a_listener(&self) -> (tokio_postgres::Client, watch::Receiver<u64>) {
        let Place::Database(address) = &self.place else { panic!("only a database takes a connection") };
        let (client, mut connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
        let (tell, told) = watch::channel(0);
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(said) = message
                    && let Ok(position) = said.payload().parse()
                {
                    tell.send_replace(position);
                }
            }
        });
        let listen = "SET application_name = 'storefront-eventlog listener'; LISTEN eventlog";
        client.batch_execute(listen).await.unwrap();
        (client, told)
    }

    /// Closes the log and opens it again; a log that lives nowhere stays as it is.
    pub(crate) async fn reopen(&mut self) {
        match &self.place {
            Place::Nowhere => {}
            Place::File(folder) => {
                self.log.close().await;
                self.log = Arc::new(SqliteStore::open(&file_in(folder)).unwrap().with_clock(reading(&self.clock)));
            }
            Place::Database(address) => {
                self.log.close().await;
                self.log = Arc::new(PostgresStore::connect(address).await.unwrap());
            }
        }
    }

    /// Makes leases and timers older, as if so much time had gone by. SQLite's clock is ours; PostgreSQL's is not, so
    /// there everything that it is compared with moves instead.
    pub(crate) async fn passes(&self, time: Duration) {
        let ms = time.as_millis() as i64;
        self.clock.fetch_add(ms, Ordering::Relaxed);
        if let Place::Database(_) = self.place {
            let older = format!(
                "UPDATE eventlog.leases SET until_ms = until_ms - {ms} WHERE until_ms > 0;
                UPDATE eventlog.timers SET due_ms = due_ms - {ms}"
            );
            self.plain_connection().await.batch_execute(&older).await.unwrap();
        }
    }

    /// Runs SQL on the database behind the log's back; a log in memory has no back.
    pub(crate) async fn tamper(&mut self, sqlite: &str, postgres: &str) {
        match &self.place {
            Place::Nowhere => {}
            Place::File(folder) => {
                self.log.close().await;
                rusqlite::Connection::open(file_in(folder)).unwrap().execute_batch(sqlite).unwrap();
                self.reopen().await;
            }
            Place::Database(_) => self.plain_connection().await.batch_execute(postgres).await.unwrap(),
        }
    }

    pub(crate) fn lives_nowhere(&self) -> bool {
        matches!(self.place, Place::Nowhere)
    }

    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }
}

fn reading(clock: &Arc<AtomicI64>) -> storefront_eventlog::Clock {
    let clock = clock.clone();
    Arc::new(move || clock.load(Ordering::Relaxed))
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("log.sqlite3")
}

/// Sends appends at once, in this order, and waits for all the answers.
pub(crate) async fn sent_in_order(log: &Log, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
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

/// Fails instead of hanging when something that must come does not come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
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

pub(crate) fn about(correlation: &str, kind: &str) -> NewEvent {
    NewEvent { correlation_id: correlation.to_owned(), ..an_event(kind) }
}

pub(crate) fn some_events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| an_event("thing.happened")).collect()
}

/// Words for one atomic write: `nothing().and(to("a", 0, events)).with_checkpoint("mail", 3)`.
pub(crate) trait Words {
    fn and(self, part: StreamAppend) -> Append;
    fn with_checkpoint(self, consumer: &str, position: u64) -> Append;
    fn with_answer(self, answer: StoredResponse) -> Append;
    fn under(self, fence: &Fence) -> Append;
    fn with_timer(self, change: TimerChange) -> Append;
}

impl Words for Append {
    fn and(mut self, part: StreamAppend) -> Append {
        self.streams.push(part);
        self
    }

    fn with_checkpoint(mut self, consumer: &str, position: u64) -> Append {
        self.checkpoints.push(Checkpoint { consumer: consumer.to_owned(), position: Position(position) });
        self
    }

    fn with_answer(mut self, answer: StoredResponse) -> Append {
        self.answer = Some(answer);
        self
    }

    fn under(mut self, fence: &Fence) -> Append {
        self.fences.push(fence.clone());
        self
    }

    fn with_timer(mut self, change: TimerChange) -> Append {
        self.timers.push(change);
        self
    }
}

pub(crate) fn nothing() -> Append {
    Append::default()
}

/// Events for a stream that must be at a version.
pub(crate) fn to(name: &str, version: u64, events: Vec<NewEvent>) -> StreamAppend {
    StreamAppend { stream: stream(name), expected: Expected::Exactly(Version(version)), events }
}

/// Events for a stream, whatever its version.
pub(crate) fn onto(name: &str, events: Vec<NewEvent>) -> StreamAppend {
    StreamAppend { stream: stream(name), expected: Expected::Any, events }
}

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) fn answer(key: &str, body: &str, time_ms: i64) -> StoredResponse {
    StoredResponse {
        key: key.to_owned(),
        fingerprint: format!("fingerprint of {key}"),
        body: JsonText::of(&body).unwrap(),
        time_ms,
    }
}

/// Appends so many events to a stream at any version.
pub(crate) async fn write(log: &Log, name: &str, count: usize) -> Appended {
    log.append(nothing().and(onto(name, some_events(count)))).await.unwrap()
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

/// Everything that passes a filter, read to the head in pages.
pub(crate) async fn read_filtered(log: &Log, filter: &Filter) -> Vec<Recorded> {
    let (mut events, mut after) = (Vec::new(), Position(0));
    loop {
        let slice = log.read_all(after, 100, filter).await.unwrap();
        events.extend(slice.events);
        if slice.next_after == slice.head {
            return events;
        }
        assert!(slice.next_after > after, "reading does not get on from {after}");
        after = slice.next_after;
    }
}

/// The whole log stands in one order without gaps, and so does each stream.
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
        panic!("a conflict was due, not {outcome:?}");
    };
    assert_eq!((stream.as_str(), expected, actual), (name, Version(version), Version(is)));
}
