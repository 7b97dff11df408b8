//! The contract that every backend keeps.

use async_trait::async_trait;

use crate::{Answer, Append, AppendError, Appended, Filter, Position, Recorded, StreamName, Version};

/// Some of the log, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The events that passed the filter.
    pub events: Vec<Recorded>,
    /// Where to read on: past everything that was looked at, also past what the filter left out.
    pub next_after: Position,
    /// The last position of the log when this was read.
    pub head: Position,
}

/// The database failed. Nothing that was not acknowledged may be relied on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store has been closed.
    #[error("the event log is closed")]
    Closed,
    /// The file or database is not a log that this program can use.
    #[error("{0}")]
    Unusable(String),
    /// The database answered with an error.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An append-only log of events in streams, with one order over all of them.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Writes all of an append or nothing of it; answers when it is on disk.
    ///
    /// An append whose event ids are all in the log already, in the same streams and one unbroken run, is answered as it
    /// was then, also when the streams have moved on. So an append may be sent again when its answer was lost.
    ///
    /// When several things speak against an append, a repeat is told first, then an answered key, then a known event,
    /// then a conflict.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was written. The one exception is [`StoreError::Database`] when the connection to a
    /// database was lost for good: whether the append was written shows when it is sent again.
    async fn append(&self, append: Append) -> Result<Appended, AppendError>;

    /// Events of one stream from a version on (inclusive), oldest first; an unknown stream is empty. At most
    /// [`limits::EVENTS_PER_READ`](crate::limits::EVENTS_PER_READ) events, whatever limit is asked for.
    ///
    /// # Errors
    /// When the database fails.
    async fn read_stream(&self, stream: &StreamName, from: Version, limit: usize) -> Result<Vec<Recorded>, StoreError>;

    /// Events of the whole log after a position (exclusive), oldest first, at most `limit` of those that pass and at most
    /// [`limits::EVENTS_PER_READ`](crate::limits::EVENTS_PER_READ). Where a filter leaves most events out, one call looks
    /// at a bounded stretch of the log and may answer few events or none: read on from `next_after` until it is `head`.
    ///
    /// # Errors
    /// When the database fails.
    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<Slice, StoreError>;

    /// The last position of the log.
    ///
    /// # Errors
    /// When the database fails.
    async fn head(&self) -> Result<Position, StoreError>;

    /// Waits until the log has something after a position, and tells its head. Waits for ever: put a limit around it.
    ///
    /// # Errors
    /// When the database fails or the store is closed.
    async fn wait_for(&self, after: Position) -> Result<Position, StoreError>;

    /// How far a consumer has come; 0 for one that never committed.
    ///
    /// # Errors
    /// When the database fails.
    async fn checkpoint(&self, consumer: &str) -> Result<Position, StoreError>;

    /// The answer kept under an idempotency key, and the last position that its append wrote.
    ///
    /// # Errors
    /// When the database fails.
    async fn answer(&self, key: &str) -> Result<Option<(Answer, Position)>, StoreError>;

    /// Finishes what is queued, then closes the log; later calls fail with [`StoreError::Closed`].
    async fn close(&self);
}
