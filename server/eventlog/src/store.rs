//! The contract of every backend, and its errors.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Append, AppendError, Appended, DataKey, Fence, Filter, HashTree, JsonText, LeaseOutcome, Position, Recorded,
    Snapshot, StoredResponse, StreamName, Timer, Version,
};

/// A page of the log, in the order of positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// The events that match the filter. Readers of the newest events share them.
    pub events: Vec<Arc<Recorded>>,
    /// The position to continue after: past all scanned events, also those that did not match the filter.
    pub next_after: Position,
    /// Head of the log when the page was read.
    pub head: Position,
}

/// Why the store could not be read or written. Only acknowledged appends may be relied on.
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
    /// The database was restored to an earlier state, or replaced by a replica that lacks the last commits. What was read
    /// before may be wrong: close the log, drop everything that was derived from it, and open it again.
    #[error("the database was set back: event {known} that was in it is gone, and it ends at {head} now")]
    SetBack {
        /// The newest known event, which is gone.
        known: Position,
        /// Head of the log when that was detected.
        head: Position,
    },
    /// The arguments are invalid, such as a lease of zero duration.
    #[error("{0}")]
    Invalid(String),
    /// The database answered with an error.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The kind of failure of a log, without the text of the database, which may name files and statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum StoreCondition {
    /// The disk is full. Ends when there is room again.
    #[error("there is no room left on its disk")]
    Full,
    /// Reading works, writing is not permitted.
    #[error("it may not be written to")]
    ReadOnly,
    /// The data on disk is damaged. Permanent.
    #[error("it is damaged on disk")]
    Damaged,
    /// The disk or the database fails in another way.
    #[error("its disk or database does not do its work")]
    Failing,
    /// The database was restored to an earlier state.
    #[error("its database was set back to an earlier state")]
    SetBack,
    /// The store is closed.
    #[error("it is closed")]
    Closed,
}

/// An append-only log of events in streams, with one order over all of them.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Writes an append atomically; returns when it is on disk.
    ///
    /// An append whose event ids are all in the log already, in the same streams and at consecutive positions, returns its
    /// original result, also when the streams have moved on. An append may therefore be sent again when its result was lost.
    ///
    /// When several conditions fail, the first of these is reported: repeated append (a success), used idempotency key,
    /// known event id, stale lease, timer that is not set as it was read, conflict of versions.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was written. The one exception is [`StoreError::Database`] when the connection to a
    /// database was lost for good: the append may have been written, which shows when it is sent again.
    async fn append(&self, append: Append) -> Result<Appended, AppendError>;

    /// Events of one stream from a version on (inclusive), oldest first; an unknown stream is empty. At most
    /// [`limits::EVENTS_PER_READ`](crate::limits::EVENTS_PER_READ) events, whatever limit is asked for.
    ///
    /// # Errors
    /// When the database fails.
    async fn read_stream(&self, stream: &StreamName, from: Version, limit: usize) -> Result<Vec<Recorded>, StoreError>;

    /// Events of the whole log after a position (exclusive), oldest first: at most `limit` that match, and at most
    /// [`limits::EVENTS_PER_READ`](crate::limits::EVENTS_PER_READ). With a filter, one call scans a bounded number of events
    /// and may return few or none: continue from `next_after` until it equals `head`.
    ///
    /// # Errors
    /// When the database fails.
    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError>;

    /// As [`read_all`](Self::read_all), but waits while there is nothing after the position; callers set a timeout. For a
    /// reader that follows the log: the newest events come from memory, and those of other servers may come later than with
    /// `read_all`.
    ///
    /// # Errors
    /// When the database fails or the store is closed.
    async fn follow(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        loop {
            let page = self.read_all(after, limit, filter).await?;
            if page.next_after != after {
                return Ok(page);
            }
            self.wait_for(after).await?;
        }
    }

    /// The last position of the log; 0 when it is empty.
    ///
    /// # Errors
    /// When the database fails.
    async fn head(&self) -> Result<Position, StoreError>;

    /// Waits until the log has an event after a position, and returns its head. Waits without a limit: callers set a timeout.
    ///
    /// # Errors
    /// When the database fails or the store is closed.
    async fn wait_for(&self, after: Position) -> Result<Position, StoreError>;

    /// The checkpoint of a consumer; 0 for one that never committed.
    ///
    /// # Errors
    /// When the database fails.
    async fn checkpoint(&self, consumer: &str) -> Result<Position, StoreError>;

    /// The response stored under an idempotency key, and the last position of its append.
    ///
    /// # Errors
    /// When the database fails.
    async fn answer(&self, key: &str) -> Result<Option<(StoredResponse, Position)>, StoreError>;

    /// Acquires a lease for `ttl`, within [`limits::LEASE_TTL`](crate::limits::LEASE_TTL), so that work runs on one server
    /// at a time. The present holder renews it and keeps its epoch; for a new holder the epoch grows by one. A holder's name
    /// is for one run of one process: a restarted process uses a new name.
    ///
    /// The time to live only says when others may acquire the lease. The epoch, as a [`Fence`] of an append, keeps a holder
    /// that was paused too long from writing: two that both believe to hold the lease can never both commit.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a time or a name that is out of bounds; others when the database fails.
    async fn acquire_lease(&self, lease: &str, holder: &str, ttl: Duration) -> Result<LeaseOutcome, StoreError>;

    /// Renews a lease for `ttl` from now. Returns `false` when it was released or another holder has acquired it. An expired
    /// lease that no other holder has acquired still belongs to its holder.
    ///
    /// # Errors
    /// As [`acquire_lease`](Self::acquire_lease).
    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<bool, StoreError>;

    /// Releases a lease, so that others can acquire it at once; does nothing when another holder has it.
    ///
    /// # Errors
    /// When the database fails.
    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError>;

    /// The clock that leases and timers follow, in milliseconds since 1970-01-01 UTC; due times are computed from it.
    ///
    /// # Errors
    /// When the database fails.
    async fn now_ms(&self) -> Result<i64, StoreError>;

    /// The due timers of an owner, earliest first; at most `limit` and at most
    /// [`limits::TIMERS_PER_READ`](crate::limits::TIMERS_PER_READ). They stay set until an append clears them: see
    /// [`Timer::fired`].
    ///
    /// # Errors
    /// When the database fails.
    async fn due_timers(&self, owner: &str, limit: usize) -> Result<Vec<Timer>, StoreError>;

    /// Time until the next timer of an owner is due: zero when one is due, `None` when none is set. A timer that is set
    /// later may be due earlier.
    ///
    /// # Errors
    /// When the database fails.
    async fn next_due(&self, owner: &str) -> Result<Option<Duration>, StoreError>;

    /// The last snapshot of a stream, if it has this schema version and its last event is in the log. The event may be
    /// missing after a backup was restored; then the snapshot is ignored.
    ///
    /// # Errors
    /// When the database fails.
    async fn snapshot(&self, stream: &StreamName, schema_version: u16) -> Result<Option<Snapshot>, StoreError>;

    /// Saves the state of a stream at a version, in place of the previous snapshot. Returns `false` when nothing was saved,
    /// because the stream has no such version or the data is larger than
    /// [`limits::SNAPSHOT_BYTES`](crate::limits::SNAPSHOT_BYTES).
    ///
    /// # Errors
    /// When the database fails. A snapshot is only a cache: continue without it.
    async fn save_snapshot(
        &self,
        stream: &StreamName,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) -> Result<bool, StoreError>;

    /// Stores new keys; they are on disk when this returns. A key whose id is stored already stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    async fn add_data_keys(&self, keys: &[DataKey]) -> Result<(), StoreError>;

    /// Those of the keys with these ids that are stored, in any order.
    ///
    /// # Errors
    /// When the database fails.
    async fn data_keys(&self, ids: &[uuid::Uuid]) -> Result<Vec<DataKey>, StoreError>;

    /// The keys whose ids come after one, in the order of ids; at most `limit` and at most
    /// [`limits::EVENTS_PER_READ`](crate::limits::EVENTS_PER_READ).
    ///
    /// # Errors
    /// When the database fails.
    async fn data_keys_after(&self, after: uuid::Uuid, limit: usize) -> Result<Vec<DataKey>, StoreError>;

    /// Deletes keys for good, and what is kept of these streams beside their events: their snapshots, and the stored
    /// answers of appends that had an event of one of them and end with one of the same correlation id.
    ///
    /// # Errors
    /// When the database fails.
    async fn erase(&self, keys: &[uuid::Uuid], streams: &[StreamName]) -> Result<(), StoreError>;

    /// The epoch of the log, which changes when it is found to have been set back; `None` for a log that never was.
    ///
    /// # Errors
    /// When the database fails.
    async fn epoch(&self) -> Result<Option<uuid::Uuid>, StoreError> {
        Ok(None)
    }

    /// Begins a new epoch of a log that was set back; does nothing when another server has begun one since epoch `seen`.
    ///
    /// # Errors
    /// When the database fails.
    async fn begin_epoch(&self, seen: Option<uuid::Uuid>) -> Result<(), StoreError> {
        let _never_set_back = seen;
        Ok(())
    }

    /// Marks the log as incomplete while an import runs, or as complete again. An incomplete log cannot be opened. Does
    /// nothing on a store in a file: imports write a file of another name there.
    ///
    /// # Errors
    /// When the database fails.
    async fn mark_incomplete(&self, incomplete: bool) -> Result<(), StoreError> {
        let _not_kept = incomplete;
        Ok(())
    }

    /// The hash tree over the present log; `None` when an older program writes the log, or the store has no tree.
    ///
    /// # Errors
    /// When the database fails.
    async fn hash_tree(&self) -> Result<Option<HashTree>, StoreError> {
        Ok(None)
    }

    /// The stored checksums of the events after a position; `None` for events that an older program wrote. At most [`limits::EVENTS_PER_READ`](crate::limits::EVENTS_PER_READ).
    ///
    /// # Errors
    /// When the database fails.
    async fn checksums(&self, after: Position, limit: usize) -> Result<Vec<(Position, Option<i64>)>, StoreError> {
        let _none_is_kept = (after, limit);
        Ok(Vec::new())
    }

    /// Stored data that contradicts the log, one line each, at most 100: checkpoints and answers past the end of the log,
    /// snapshots of events that are not in it.
    ///
    /// # Errors
    /// When the database fails.
    async fn inconsistencies(&self) -> Result<Vec<String>, StoreError>;

    /// Writes what is queued, then closes the log; later calls fail with [`StoreError::Closed`].
    async fn close(&self);
}
