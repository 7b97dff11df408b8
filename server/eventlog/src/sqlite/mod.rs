//! The event log on SQLite: one thread writes, a few connections read, and one process owns the file.

mod backup;
mod batch;
mod coordination;
mod data_keys;
mod file_state;
mod numbers;
mod open;
mod owned_file;
mod preconditions;
mod read;
mod readers;
mod schema;
#[cfg(test)]
mod tests;
mod unusable;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use self::owned_file::{OwnedFile, Ownership};
use self::readers::{Readers, lock};
use self::writer::Writer;
use crate::queue::{Job, Queue};
use crate::tail::Tail;
use crate::{
    Append, AppendError, Appended, Clock, DataKey, EventPage, EventStore, Fence, Filter, HashTree, JsonText,
    LeaseOutcome, Position, Recorded, Snapshot, StoreCondition, StoreError, StoredResponse, StreamName, Timer, Version,
    clock, limits,
};

/// Maximum number of appends that wait for the writer.
const QUEUE_LEN: usize = 1024;
/// How long a caller waits for a place in the queue before it gets [`AppendError::Busy`].
const ENQUEUE_TIMEOUT: Duration = Duration::from_secs(2);
const READER_COUNT: usize = 4;
/// Maximum number of events of a short read, which takes about a tenth of a millisecond.
const SHORT_READ_EVENTS: usize = 64;
/// Minimum number of events of a read that two connections share.
const SPLIT_READ_EVENTS: usize = 256;
/// Size of JSON, in bytes, at which a short read ends early.
const SHORT_READ_BYTES: usize = 64 * 1024;

/// An event log on SQLite, in a file or in memory. Clones are the same log.
///
/// Dropping the last clone writes what is queued and blocks until that is done; call [`EventStore::close`] first to wait
/// without blocking the thread.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
    /// The newest events; `None` where another program writes.
    tail: Option<Arc<Tail>>,
    /// The clock that leases and timers follow.
    clock: Clock,
}

struct Inner {
    queue: Queue,
    readers: Readers,
    /// The connection for writes that do not go through the queue.
    coordination: Readers,
    head: watch::Receiver<Position>,
    /// The hash tree as of the last commit; `None` for a log that another program writes.
    tree: Option<Arc<Mutex<HashTree>>>,
    thread: Option<JoinHandle<()>>,
    /// Dropped last: see [`OwnedFile`].
    _file: Option<Arc<OwnedFile>>,
}

/// A path at which no store can be opened for as long as this value lives. The file need not exist.
pub struct ReservedFile {
    _file: OwnedFile,
}

impl SqliteStore {
    /// Opens the log in a file; creates the file and its folder if necessary. No other store can open the file until this one
    /// is closed or dropped.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another program has the file open; [`StoreError::Unusable`] when it is not an event log, was
    /// written by a newer version, or cannot be written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = owned_file::lock(path)?;
        let path = file.path.clone();
        let open = move || {
            let writer = open::open_writer(&file)?;
            let readers = (0..READER_COUNT).map(|_| open::open_reader(&file)).collect::<Result<_, _>>()?;
            let readers = Readers::dedicated(readers, open::open_reader(&file)?);
            file_state::mark_in_use(&writer)?;
            Self::start(
                Arc::new(Mutex::new(writer)),
                readers,
                Some(Arc::new(file)),
                Queue::new(QUEUE_LEN, ENQUEUE_TIMEOUT),
            )
        };
        open().map_err(|failure| unusable::unusable_for(&path, failure))
    }

    /// Keeps stores from being opened at a path, whether or not the file exists.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another program has it open.
    pub fn reserve(path: &Path) -> Result<ReservedFile, StoreError> {
        Ok(ReservedFile { _file: owned_file::lock(path)? })
    }

    /// Accepts a log that lost its write-ahead log, which [`SqliteStore::open`] refuses; returns its last position.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when nothing is lost, or the file is not a writable event log.
    pub fn accept_loss(path: &Path) -> Result<Position, StoreError> {
        file_state::accept_loss(path)
    }

    /// Opens an existing log to read it, also while another program writes to it. Appends, leases, saving snapshots and
    /// waiting fail with [`StoreError::Closed`].
    ///
    /// A file that a server has open must be on a local disk: SQLite's locks do not work across a network.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when there is no such file, or it is not a log that this program can read.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let open = || open::open_to_read(path);
        let inline = open()?;
        let at = read::head(&inline).map_err(|error| unusable::unusable_for(path, error.into()))?;
        let (_no_writer, head) = watch::channel(at);
        let (queue, _nobody_writes) = Queue::new(1, ENQUEUE_TIMEOUT);
        queue.close();
        let (readers, coordination) = (Readers::dedicated(vec![open()?], inline), Readers::dedicated(vec![], open()?));
        coordination.close_now();
        let inner = Arc::new(Inner { queue, readers, coordination, head, tree: None, thread: None, _file: None });
        Ok(Self { inner, tail: None, clock: Arc::new(clock::now_ms) })
    }

    /// Creates a log in memory, which is lost when it is closed.
    ///
    /// # Errors
    /// [`StoreError::Database`] when SQLite cannot start.
    pub fn in_memory() -> Result<Self, StoreError> {
        let connection = Arc::new(Mutex::new(open::open_in_memory()?));
        Self::start(connection.clone(), Readers::shared(connection), None, Queue::new(QUEUE_LEN, ENQUEUE_TIMEOUT))
    }

    /// The same log with another clock for leases and timers.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same log, all of whose reads ask the database, also for the newest events.
    #[must_use]
    pub fn without_tail(self) -> Self {
        Self { tail: None, ..self }
    }

    /// Copies the present log into a new file, while it is in use.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the file exists already or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let to = to.to_owned();
        self.inner.readers.read(move |connection| backup::copy(connection, &to)).await
    }

    /// Runs SQLite's integrity check on the whole file; returns at most 100 lines of damages.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    pub async fn damages(&self) -> Result<Vec<String>, StoreError> {
        self.inner.readers.read(read::damages).await
    }

    fn start(
        connection: Arc<Mutex<Connection>>,
        readers: Readers,
        file: Option<Arc<OwnedFile>>,
        (queue, queued): (Queue, mpsc::Receiver<Job>),
    ) -> Result<Self, StoreError> {
        let at = read::head(&lock(&connection))?;
        let (sender, head) = watch::channel(at);
        let tail = Arc::new(Tail::new(at));
        let tree = Arc::new(Mutex::new(read::hash_tree(&lock(&connection))?.unwrap_or_default()));
        let coordination = Readers::shared_with_writer(connection.clone());
        let runtime = tokio::runtime::Handle::try_current().ok();
        let file_guard = file.clone().map(Ownership);
        let writer = Writer {
            queue: queued,
            connection,
            file: file_guard,
            tail: tail.clone(),
            head: sender,
            tree: tree.clone(),
            runtime,
        };
        let thread = std::thread::Builder::new()
            .name("eventlog-writer".to_owned())
            .spawn(move || writer::run(writer))
            .map_err(|error| StoreError::Database(Box::new(error)))?;
        let (thread, tree) = (Some(thread), Some(tree));
        let inner = Arc::new(Inner { queue, readers, coordination, head, tree, thread, _file: file });
        Ok(Self { inner, tail: Some(tail), clock: Arc::new(clock::now_ms) })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        self.readers.close_now();
        self.coordination.close_now();
        if let Some(thread) = self.thread.take() {
            // An error means that the writer panicked; there is nothing to wait for.
            let _panicked = thread.join();
        }
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        limits::check(&append)?;
        self.inner.queue.submit(append).await
    }

    async fn read_stream(&self, stream: &StreamName, from: Version, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let (limit, readers) = (limit.min(limits::EVENTS_PER_READ), &self.inner.readers);
        let name = stream.clone();
        let short = move |connection: &Connection| {
            read::stream(connection, &name, from, limit.min(SHORT_READ_EVENTS), SHORT_READ_BYTES)
        };
        let mut events = readers.read_short(short).await?;
        // Most streams are short. Events never change, so the rest of a long one can be read separately.
        if let Some(last) = events.last()
            && events.len() < limit
            && read::is_cut(&events, SHORT_READ_EVENTS, SHORT_READ_BYTES)
        {
            let (name, next, left) = (stream.clone(), Version(last.version.0 + 1), limit - events.len());
            let rest = move |connection: &Connection| read::stream(connection, &name, next, left, usize::MAX);
            events.extend(readers.read(rest).await?);
        }
        Ok(events)
    }

    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        let readers = &self.inner.readers;
        let limit = limit.min(limits::EVENTS_PER_READ);
        if readers.is_closed() {
            return Err(StoreError::Closed);
        }
        if let Some(page) = self.tail.as_ref().and_then(|tail| tail.read(after, limit, filter)) {
            return Ok(page);
        }
        let query = |after: Position, limit: usize| {
            let filter = filter.clone();
            move |connection: &Connection| read::all(connection, after, limit, &filter)
        };
        let unread = usize::try_from(self.inner.head.borrow().0.saturating_sub(after.0)).unwrap_or(usize::MAX);
        if unread <= SHORT_READ_EVENTS {
            readers.read_short(query(after, limit)).await
        } else if *filter == Filter::default() && unread.min(limit) >= SPLIT_READ_EVENTS && readers.has_two_free() {
            // Positions are dense, so the start of the second half is known without reading the first.
            let half = unread.min(limit) / 2;
            let middle = Position(after.0 + half as u64);
            let halves = (readers.read(query(after, half)), readers.read(query(middle, limit - half)));
            let (first, second) = tokio::try_join!(halves.0, halves.1)?;
            Ok(read::join_pages(first, middle, second))
        } else {
            readers.read(query(after, limit)).await
        }
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.inner.readers.read_short(read::head).await
    }

    async fn wait_for(&self, after: Position) -> Result<Position, StoreError> {
        if self.inner.queue.is_closed() {
            return Err(StoreError::Closed);
        }
        let mut head = self.inner.head.clone();
        let reached = head.wait_for(|head| *head > after).await.map_err(|_| StoreError::Closed)?;
        Ok(*reached)
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Position, StoreError> {
        let consumer = consumer.to_owned();
        self.inner.readers.read_short(move |connection| read::checkpoint(connection, &consumer)).await
    }

    async fn answer(&self, key: &str) -> Result<Option<(StoredResponse, Position)>, StoreError> {
        let key = key.to_owned();
        self.inner.readers.read_short(move |connection| read::answer(connection, &key)).await
    }

    async fn acquire_lease(&self, lease: &str, holder: &str, ttl: Duration) -> Result<LeaseOutcome, StoreError> {
        limits::check_lease(lease, holder, ttl)?;
        let (lease, holder, clock) = (lease.to_owned(), holder.to_owned(), self.clock.clone());
        let take =
            move |connection: &Connection| coordination::acquire_lease(connection, &lease, &holder, ttl, clock());
        self.inner.coordination.read(take).await
    }

    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<bool, StoreError> {
        limits::check_lease(&fence.lease, "", ttl)?;
        let (fence, clock) = (fence.clone(), self.clock.clone());
        self.inner
            .coordination
            .read(move |connection| coordination::renew_lease(connection, &fence, ttl, clock()))
            .await
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        let fence = fence.clone();
        self.inner.coordination.read(move |connection| coordination::release_lease(connection, &fence)).await
    }

    async fn now_ms(&self) -> Result<i64, StoreError> {
        if self.inner.queue.is_closed() { Err(StoreError::Closed) } else { Ok((self.clock)()) }
    }

    async fn due_timers(&self, owner: &str, limit: usize) -> Result<Vec<Timer>, StoreError> {
        let (owner, now_ms) = (owner.to_owned(), (self.clock)());
        self.inner
            .readers
            .read_short(move |connection| coordination::due_timers(connection, &owner, now_ms, limit))
            .await
    }

    async fn next_due(&self, owner: &str) -> Result<Option<Duration>, StoreError> {
        let (owner, now_ms) = (owner.to_owned(), (self.clock)());
        self.inner.readers.read_short(move |connection| coordination::next_due(connection, &owner, now_ms)).await
    }

    async fn snapshot(&self, stream: &StreamName, schema_version: u16) -> Result<Option<Snapshot>, StoreError> {
        let stream = stream.clone();
        self.inner.readers.read(move |connection| coordination::snapshot(connection, &stream, schema_version)).await
    }

    async fn save_snapshot(
        &self,
        stream: &StreamName,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) -> Result<bool, StoreError> {
        let (stream, data) = (stream.clone(), data.clone());
        self.inner
            .coordination
            .read(move |connection| {
                coordination::save_snapshot(connection, &stream, version, schema_version, data.as_str())
            })
            .await
    }

    async fn add_data_keys(&self, keys: &[DataKey]) -> Result<(), StoreError> {
        let keys = keys.to_vec();
        self.inner.coordination.read(move |connection| data_keys::add(connection, &keys)).await
    }

    async fn data_keys(&self, ids: &[Uuid]) -> Result<Vec<DataKey>, StoreError> {
        let ids = ids.to_vec();
        self.inner.readers.read_short(move |connection| data_keys::find(connection, &ids)).await
    }

    async fn data_keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<DataKey>, StoreError> {
        let limit = limit.min(limits::EVENTS_PER_READ);
        self.inner.readers.read(move |connection| data_keys::after(connection, after, limit)).await
    }

    async fn erase(&self, keys: &[Uuid], streams: &[StreamName]) -> Result<(), StoreError> {
        let (keys, streams) = (keys.to_vec(), streams.to_vec());
        self.inner.coordination.read(move |connection| data_keys::erase(connection, &keys, &streams)).await
    }

    async fn hash_tree(&self) -> Result<Option<HashTree>, StoreError> {
        match &self.inner.tree {
            Some(_) if self.inner.queue.is_closed() => Err(StoreError::Closed),
            Some(tree) => Ok(Some(tree.lock().unwrap_or_else(PoisonError::into_inner).clone())),
            None => self.inner.readers.read(read::hash_tree).await,
        }
    }

    async fn checksums(&self, after: Position, limit: usize) -> Result<Vec<(Position, Option<i64>)>, StoreError> {
        self.inner.readers.read(move |connection| read::checksums(connection, after, limit)).await
    }

    async fn inconsistencies(&self) -> Result<Vec<String>, StoreError> {
        self.inner.readers.read(coordination::inconsistencies).await
    }

    async fn close(&self) {
        self.inner.queue.close();
        self.inner.readers.close().await;
        self.inner.coordination.close().await;
        let mut head = self.inner.head.clone();
        // The writer drops the sender when it has finished.
        while head.changed().await.is_ok() {}
    }
}

/// The condition of the log by an error of SQLite; `None` for an error of another kind.
pub(crate) fn condition(error: &(dyn std::error::Error + 'static)) -> Option<StoreCondition> {
    let shared = error.downcast_ref::<Arc<rusqlite::Error>>().map(AsRef::as_ref);
    let error = shared.or_else(|| error.downcast_ref::<rusqlite::Error>())?;
    Some(match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreCondition::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreCondition::ReadOnly,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreCondition::Damaged,
        Some(_) => StoreCondition::Failing,
        // A value that is not of its column's type.
        None => StoreCondition::Damaged,
    })
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}
