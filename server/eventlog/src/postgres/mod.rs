//! The event log on PostgreSQL, for several servers on one log.
//!
//! One row holds the head of the log. Every batch updates it in its own transaction, so the lock of that row serialises the
//! writers of all servers: the order of commits is the order of positions. Sequences and transaction ids must not be used
//! for that: with them a reader could pass position 11 while 10 is not committed.

mod anchor;
mod coordination;
mod data_keys;
mod encryption;
mod feeder;
mod insert;
mod listener;
mod locked_batch;
mod preconditions;
mod read;
mod readers;
mod schema;
mod session;
mod suitability;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use self::anchor::Anchor;
pub use self::encryption::PostgresAddress;
use self::feeder::Commits;
use self::readers::Readers;
use self::session::Session;
use self::writer::Writer;
use crate::queue::Queue;
use crate::tail::Tail;
use crate::{
    Append, AppendError, Appended, DataKey, EventPage, EventStore, Fence, Filter, HashTree, JsonText, LeaseOutcome,
    Position, Recorded, Snapshot, StoreCondition, StoreError, StoredResponse, StreamName, Timer, Version, limits,
};

/// Maximum number of appends that wait for the writer.
const QUEUE_LEN: usize = 1024;
/// How long a caller waits for a place in the queue before it gets [`AppendError::Busy`].
const ENQUEUE_TIMEOUT: Duration = Duration::from_secs(2);
const READER_SESSIONS: usize = 4;

/// An event log on PostgreSQL. Clones are the same log, and any number of servers may open the same database.
///
/// Dropping the last clone writes what is queued, in the background.
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Queue,
    readers: Arc<Readers>,
    /// The session for statements that may wait for a lock, so that no reader waits behind them.
    coordination: Readers,
    /// The position up to which those who wait are woken; the newest events are in the tail then.
    head: watch::Receiver<Position>,
    tail: Arc<Tail>,
    anchor: Arc<Anchor>,
}

impl PostgresStore {
    /// Opens the log in a database, such as `postgres://shop@localhost/shop`, and creates or migrates its tables in the schema
    /// `eventlog`. See [`PostgresAddress::parse`] about encryption.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the address is invalid, leads to a pooler that shares sessions or to a database with
    /// which no encryption is agreed, or the tables are those of a newer version;
    /// [`StoreError::Database`] when the database cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let config = session::config(url)?;
        let mut session = Session::open(&config).await?;
        suitability::check_sessions(&config, &session.client).await?;
        schema::migrate(&mut session.client).await?;
        schema::refuse_incomplete(&session.client).await?;
        let at = read::head(&session).await?;
        let (queue, queued) = Queue::new(QUEUE_LEN, ENQUEUE_TIMEOUT);
        let (committed, committed_receiver) = watch::channel(at);
        let anchor = Arc::new(Anchor::new());
        let last = read::all(&session, Position(at.0.saturating_sub(1)), 1, &Filter::default()).await?;
        anchor.record_read(last.events.last().map(|event| &**event));
        let readers = Arc::new(Readers::new(config.clone(), READER_SESSIONS, anchor.clone()));
        let coordination = Readers::new(config.clone(), 1, anchor.clone());
        let tail = Arc::new(Tail::new(at));
        let (commits, head) = Commits::new(at, tail.clone(), readers.clone(), anchor.clone());
        tokio::spawn(listener::run(config.clone(), commits.clone(), committed_receiver, anchor.clone()));
        tokio::spawn(writer::run(Writer {
            queue: queued,
            config,
            session: Some(session),
            commits,
            committed,
            anchor: anchor.clone(),
        }));
        Ok(Self { inner: Arc::new(Inner { queue, readers, coordination, head, tail, anchor }) })
    }

    /// Opens an existing log to read it; creates and changes nothing. Appends, leases, saving snapshots and waiting fail with
    /// [`StoreError::Closed`].
    ///
    /// # Errors
    /// As [`PostgresStore::connect`]; also [`StoreError::Unusable`] when the database has no log.
    pub async fn open_to_read(url: &str) -> Result<Self, StoreError> {
        let config = session::config(url)?;
        let session = Session::open(&config).await?;
        schema::identify(&session.client).await?;
        schema::refuse_incomplete(&session.client).await?;
        let at = read::head(&session).await?;
        let (_no_writer, head) = watch::channel(at);
        let tail = Arc::new(Tail::new(at));
        tail.forget();
        let (queue, _nobody_writes) = Queue::new(1, ENQUEUE_TIMEOUT);
        queue.close();
        let anchor = Arc::new(Anchor::new());
        let readers = Arc::new(Readers::new(config.clone(), READER_SESSIONS, anchor.clone()));
        let coordination = Readers::new(config, 1, anchor.clone());
        coordination.close().await;
        Ok(Self { inner: Arc::new(Inner { queue, readers, coordination, head, tail, anchor }) })
    }
}

#[async_trait]
impl EventStore for PostgresStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        limits::check(&append)?;
        self.inner.anchor.check()?;
        self.inner.queue.submit(append).await
    }

    async fn read_stream(&self, stream: &StreamName, from: Version, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let events = self
            .inner
            .readers
            .read(stream, move |session, stream| Box::pin(read::stream(session, stream, from, limit)))
            .await?;
        self.inner.anchor.record_read(events.last());
        Ok(events)
    }

    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        let page = self
            .inner
            .readers
            .read(filter, move |session, filter| Box::pin(read::all(session, after, limit, filter)))
            .await?;
        self.inner.anchor.record_read(page.events.last().map(|event| &**event));
        Ok(page)
    }

    async fn follow(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        loop {
            if self.inner.queue.is_closed() {
                return Err(StoreError::Closed);
            }
            self.inner.anchor.check()?;
            let page = match self.inner.tail.read(after, limit, filter) {
                Some(page) => page,
                None => self.read_all(after, limit, filter).await?,
            };
            if page.next_after != after {
                return Ok(page);
            }
            self.wait_for(after).await?;
        }
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.inner.readers.read((), |session, ()| Box::pin(read::head(session))).await
    }

    async fn wait_for(&self, after: Position) -> Result<Position, StoreError> {
        if self.inner.queue.is_closed() {
            return Err(StoreError::Closed);
        }
        let mut head = self.inner.head.clone();
        tokio::select! {
            reached = head.wait_for(|head| *head > after) => Ok(*reached.map_err(|_| StoreError::Closed)?),
            set_back = self.inner.anchor.wait_until_set_back() => Err(set_back),
        }
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Position, StoreError> {
        self.inner.readers.read(consumer, |session, consumer| Box::pin(read::checkpoint(session, consumer))).await
    }

    async fn answer(&self, key: &str) -> Result<Option<(StoredResponse, Position)>, StoreError> {
        let mut answers =
            self.inner.readers.read([key], |session, keys| Box::pin(read::answers(session, keys))).await?;
        Ok(answers.remove(key))
    }

    async fn acquire_lease(&self, lease: &str, holder: &str, ttl: Duration) -> Result<LeaseOutcome, StoreError> {
        limits::check_lease(lease, holder, ttl)?;
        self.inner
            .coordination
            .read((lease, holder), move |session, (lease, holder)| {
                Box::pin(coordination::acquire_lease(session, lease, holder, ttl))
            })
            .await
    }

    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<bool, StoreError> {
        limits::check_lease(&fence.lease, "", ttl)?;
        self.inner
            .coordination
            .read(fence, move |session, fence| Box::pin(coordination::renew_lease(session, fence, ttl)))
            .await
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        self.inner
            .coordination
            .read(fence, |session, fence| Box::pin(coordination::release_lease(session, fence)))
            .await
    }

    async fn now_ms(&self) -> Result<i64, StoreError> {
        self.inner.readers.read((), |session, ()| Box::pin(coordination::now_ms(session))).await
    }

    async fn due_timers(&self, owner: &str, limit: usize) -> Result<Vec<Timer>, StoreError> {
        self.inner
            .readers
            .read(owner, move |session, owner| Box::pin(coordination::due_timers(session, owner, limit)))
            .await
    }

    async fn next_due(&self, owner: &str) -> Result<Option<Duration>, StoreError> {
        self.inner.readers.read(owner, |session, owner| Box::pin(coordination::next_due(session, owner))).await
    }

    async fn snapshot(&self, stream: &StreamName, schema_version: u16) -> Result<Option<Snapshot>, StoreError> {
        self.inner
            .readers
            .read(stream, move |session, stream| Box::pin(coordination::snapshot(session, stream, schema_version)))
            .await
    }

    async fn save_snapshot(
        &self,
        stream: &StreamName,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) -> Result<bool, StoreError> {
        self.inner
            .coordination
            .read((stream, data), move |session, (stream, data)| {
                Box::pin(coordination::save_snapshot(session, stream, version, schema_version, data.as_str()))
            })
            .await
    }

    async fn add_data_keys(&self, keys: &[DataKey]) -> Result<(), StoreError> {
        self.inner.coordination.read(keys, |session, keys| Box::pin(data_keys::add(session, keys))).await
    }

    async fn data_keys(&self, ids: &[Uuid]) -> Result<Vec<DataKey>, StoreError> {
        self.inner.readers.read(ids, |session, ids| Box::pin(data_keys::find(session, ids))).await
    }

    async fn data_keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<DataKey>, StoreError> {
        let limit = limit.min(limits::EVENTS_PER_READ);
        self.inner.readers.read((), move |session, ()| Box::pin(data_keys::after(session, after, limit))).await
    }

    async fn erase(&self, keys: &[Uuid], streams: &[StreamName]) -> Result<(), StoreError> {
        self.inner
            .coordination
            .read((keys, streams), |session, (keys, streams)| Box::pin(data_keys::erase(session, keys, streams)))
            .await
    }

    async fn epoch(&self) -> Result<Option<Uuid>, StoreError> {
        self.inner.readers.read((), |session, ()| Box::pin(read::epoch(session))).await
    }

    async fn begin_epoch(&self, seen: Option<Uuid>) -> Result<(), StoreError> {
        self.inner.coordination.read((), move |session, ()| Box::pin(coordination::begin_epoch(session, seen))).await
    }

    async fn mark_incomplete(&self, incomplete: bool) -> Result<(), StoreError> {
        self.inner
            .coordination
            .read((), move |session, ()| Box::pin(coordination::mark_incomplete(session, incomplete)))
            .await
    }

    async fn hash_tree(&self) -> Result<Option<HashTree>, StoreError> {
        let stored = self.inner.readers.read((), |session, ()| Box::pin(read::hash_tree(session))).await?;
        stored.map(|stored| stored.read()).transpose()
    }

    async fn checksums(&self, after: Position, limit: usize) -> Result<Vec<(Position, Option<i64>)>, StoreError> {
        self.inner.readers.read((), move |session, ()| Box::pin(read::checksums(session, after, limit))).await
    }

    async fn inconsistencies(&self) -> Result<Vec<String>, StoreError> {
        self.inner.readers.read((), |session, ()| Box::pin(coordination::inconsistencies(session))).await
    }

    async fn close(&self) {
        self.inner.queue.close();
        self.inner.readers.close().await;
        self.inner.coordination.close().await;
        let mut head = self.inner.head.clone();
        // The sender is dropped when the writer and the listener have ended.
        while head.changed().await.is_ok() {}
    }
}

/// The condition of the log by an error of PostgreSQL; `None` for an error of another kind.
pub(crate) fn condition(error: &(dyn std::error::Error + 'static)) -> Option<StoreCondition> {
    let shared = error.downcast_ref::<Arc<tokio_postgres::Error>>().map(AsRef::as_ref);
    let code = shared.or_else(|| error.downcast_ref::<tokio_postgres::Error>())?.code();
    let is_any_of = |codes: &[SqlState]| code.is_some_and(|code| codes.contains(code));
    Some(if is_any_of(&[SqlState::DISK_FULL]) {
        StoreCondition::Full
    } else if is_any_of(&[SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::INSUFFICIENT_PRIVILEGE]) {
        StoreCondition::ReadOnly
    } else if is_any_of(&[SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED]) {
        StoreCondition::Damaged
    } else {
        StoreCondition::Failing
    })
}
