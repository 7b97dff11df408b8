//! The contract that every backend keeps.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Append, AppendError, Appended, Fence, Filter, HashTree, JsonText, LeaseOutcome, Position, Recorded, Snapshot,
    StoredResponse, StreamName, Timer, Version, postgres, sqlite,
};

/// Some of the log, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
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
    /// Another program has the file open.
    #[error("{0}")]
    InUse(String),
    /// The database was set back to an earlier state, or changed places with a copy that lacks the last commits. Whatever was
    /// read from it may not be true any more: close the log, forget everything, and open it anew.
    #[error("the database was set back: event {known} that was in it is gone, and it ends at {head} now")]
    SetBack {
        /// The newest event that was known.
        known: Position,
        /// Where the log ended when that was noticed.
        head: Position,
    },
    /// The question makes no sense, such as a lease for no time.
    #[error("{0}")]
    Invalid(String),
    /// The database answered with an error.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What ails a log, told without the words of its database, which may name files and statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum StoreCondition {
    /// There is no room for more. Goes away when there is.
    #[error("there is no room left on its disk")]
    Full,
    /// It may be read and not written.
    #[error("it may not be written to")]
    ReadOnly,
    /// What is on disk is not what was written. Does not go away.
    #[error("it is damaged on disk")]
    Damaged,
    /// The disk or the database does not do what it should.
    #[error("its disk or database does not do its work")]
    Failing,
    /// It was set back to an earlier state.
    #[error("its database was set back to an earlier state")]
    SetBack,
    /// It is not open.
    #[error("it is closed")]
    Closed,
}

impl StoreError {
    /// What ails the log, for people whom the details do not concern.
    pub fn condition(&self) -> StoreCondition {
        match self {
            Self::Closed => StoreCondition::Closed,
            Self::SetBack { .. } => StoreCondition::SetBack,
            Self::Unusable(_) | Self::InUse(_) | Self::Invalid(_) => StoreCondition::Failing,
            Self::Database(error) => {
                sqlite::condition(&**error).or_else(|| postgres::condition(&**error)).unwrap_or(StoreCondition::Failing)
            }
        }
    }
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
    /// then a stale lease, then a timer that is gone, then a conflict.
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
    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError>;

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
    async fn answer(&self, key: &str) -> Result<Option<(StoredResponse, Position)>, StoreError>;

    /// Takes a lease for a while (see [`limits::LEASE_TTL`](crate::limits::LEASE_TTL)), so that a piece of work runs in
    /// one place at a time. Whoever has it already renews it and keeps its epoch; otherwise the epoch grows by one. A
    /// holder's name is for one life of one process: who starts anew takes a new name.
    ///
    /// The time only says when others may take it. What keeps a holder that was paused too long from writing is the
    /// epoch, as a [`Fence`] of its appends: with it, two that both believe to hold the lease can never both commit.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a time or a name that is out of bounds; others when the database fails.
    async fn acquire_lease(&self, lease: &str, holder: &str, ttl: Duration) -> Result<LeaseOutcome, StoreError>;

    /// Holds a lease for another while from now; `false` when it has been given back or somebody else has taken it. One
    /// that has run out and that nobody took meanwhile is still the holder's.
    ///
    /// # Errors
    /// As [`acquire_lease`](Self::acquire_lease).
    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<bool, StoreError>;

    /// Lets others take a lease at once; does nothing when somebody else has taken it.
    ///
    /// # Errors
    /// When the database fails.
    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError>;

    /// The clock that judges leases and timers, in milliseconds since 1970-01-01 UTC: for timers that are due in a while.
    ///
    /// # Errors
    /// When the database fails.
    async fn now_ms(&self) -> Result<i64, StoreError>;

    /// The timers of an owner that are due, those first that have been due the longest; at most `limit` and at most
    /// [`limits::TIMERS_PER_READ`](crate::limits::TIMERS_PER_READ). They stay until an append clears them: see
    /// [`Timer::fired`].
    ///
    /// # Errors
    /// When the database fails.
    async fn due_timers(&self, owner: &str, limit: usize) -> Result<Vec<Timer>, StoreError>;

    /// How long it is until the next timer of an owner is due: zero when one is due, `None` when none is set. One that
    /// is set later may be due earlier.
    ///
    /// # Errors
    /// When the database fails.
    async fn next_due(&self, owner: &str) -> Result<Option<Duration>, StoreError>;

    /// The last snapshot of a stream, if it has this schema version and is of this very log: one whose last event is not
    /// in the log, as may be after a backup was restored, is as good as none.
    ///
    /// # Errors
    /// When the database fails.
    async fn snapshot(&self, stream: &StreamName, schema_version: u16) -> Result<Option<Snapshot>, StoreError>;

    /// Keeps what a stream adds up to at a version, in place of what was kept before; `false` when nothing was kept,
    /// because the stream has no such version or the data is larger than
    /// [`limits::SNAPSHOT_BYTES`](crate::limits::SNAPSHOT_BYTES).
    ///
    /// # Errors
    /// When the database fails. Nothing depends on a snapshot: go on without.
    async fn save_snapshot(
        &self,
        stream: &StreamName,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) -> Result<bool, StoreError>;

    /// Another id each time that it was noticed that the log was set back; `None` for a log that never was.
    ///
    /// # Errors
    /// When the database fails.
    async fn epoch(&self) -> Result<Option<uuid::Uuid>, StoreError> {
        Ok(None)
    }

    /// Gives a log that was set back its next epoch; does nothing when another server has done it since this one was in
    /// epoch `seen`.
    ///
    /// # Errors
    /// When the database fails.
    async fn begin_epoch(&self, seen: Option<uuid::Uuid>) -> Result<(), StoreError> {
        let _never_set_back = seen;
        Ok(())
    }

    /// Says that the log is not whole, because an import is at it, or that it is again. Until then nobody can open it anew. On
    /// a store in a file this does nothing: import into a file of another name.
    ///
    /// # Errors
    /// When the database fails.
    async fn mark_incomplete(&self, incomplete: bool) -> Result<(), StoreError> {
        let _not_kept = incomplete;
        Ok(())
    }

    /// The hash tree over the log as it is now; `None` when an older program keeps the log, or a kind of store that has no
    /// tree.
    ///
    /// # Errors
    /// When the database fails.
    async fn hash_tree(&self) -> Result<Option<HashTree>, StoreError> {
        Ok(None)
    }

    /// The checksums kept beside the events after a position, as the hash tree has them; `None` for what an older program
    /// wrote. At most [`limits::EVENTS_PER_READ`](crate::limits::EVENTS_PER_READ).
    ///
    /// # Errors
    /// When the database fails.
    async fn checksums(&self, after: Position, limit: usize) -> Result<Vec<(Position, Option<i64>)>, StoreError> {
        let _none_is_kept = (after, limit);
        Ok(Vec::new())
    }

    /// What stands beside the log and cannot be true of it, one line each, at most 100: checkpoints and answers past the
    /// end of the log, snapshots of events that are not in it.
    ///
    /// # Errors
    /// When the database fails.
    async fn inconsistencies(&self) -> Result<Vec<String>, StoreError>;

    /// Finishes what is queued, then closes the log; later calls fail with [`StoreError::Closed`].
    async fn close(&self);
}
