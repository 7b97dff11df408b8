//! An append, its result, and its errors.

use crate::{Epoch, EventId, Fence, JsonText, NewEvent, Position, StoreError, StreamName, TimerChange, Version};

/// The version that a stream must have before the append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any version, also a stream without events.
    Any,
    /// The stream's last version; `Version(0)` for a stream without events.
    Exactly(Version),
}

/// Events for one stream. An empty list of events only checks the expected version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAppend {
    /// The stream that they are appended to.
    pub stream: StreamName,
    /// The required version of the stream before the append.
    pub expected: Expected,
    /// The new events, oldest first.
    pub events: Vec<NewEvent>,
}

/// The position up to which a consumer has handled events; commits with the append that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the consumer; it has one checkpoint.
    pub consumer: String,
    /// The last handled position. A checkpoint never moves backwards.
    pub position: Position,
}

/// The answer to a command, kept under the caller's idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// The idempotency key, which the caller makes unique together with its owner.
    pub key: String,
    /// Hash of the request; the same key with another fingerprint is another request.
    pub fingerprint: String,
    /// The body of the response.
    pub body: JsonText,
    /// Time of the answer in milliseconds since 1970-01-01 UTC; it is kept for at least 24 hours.
    pub time_ms: i64,
}

/// One atomic write: all of it is committed, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Append {
    /// The streams, each at most once. Events get positions in this order.
    pub streams: Vec<StreamAppend>,
    /// Checkpoints to move in the same transaction.
    pub checkpoints: Vec<Checkpoint>,
    /// The answer to keep in the same transaction.
    pub answer: Option<StoredResponse>,
    /// Leases that no other holder may have acquired, checked in the same transaction.
    pub fences: Vec<Fence>,
    /// Timers to set and clear in the same transaction, each at most once.
    pub timers: Vec<TimerChange>,
}

/// The position and versions after an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The last position that was written, or the head of the log if there was no event.
    pub position: Position,
    /// The last version of each stream, in the order of the append.
    pub versions: Vec<Version>,
}

/// Why an append wrote nothing.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A stream is not at its expected version: load it and decide again.
    #[error("stream {stream} is at version {actual}, not {expected}")]
    Conflict {
        /// The stream with another version; the first one of the append.
        stream: StreamName,
        /// The version that the append required.
        expected: Version,
        /// The version that the stream has.
        actual: Version,
    },
    /// The idempotency key was used before.
    #[error("the key has been answered before")]
    AlreadyAnswered {
        /// The response of that append.
        answer: Box<StoredResponse>,
        /// The last position of that append.
        position: Position,
    },
    /// Another holder has acquired the lease since: stop, and acquire it again before doing more. A lease that was
    /// never acquired has epoch 0.
    #[error("the lease {lease} has come to epoch {current}, past {epoch}")]
    Fenced {
        /// Name of the lease.
        lease: String,
        /// The epoch that the append required.
        epoch: Epoch,
        /// The epoch that the lease has.
        current: Epoch,
    },
    /// A timer is not set as it was read: it has fired, or was cleared or set again, so there is nothing to do.
    ///
    /// An append without events that was sent again, because its connection was lost, may get this as the result of its
    /// own first attempt.
    #[error("the timer {timer} of {owner} is not set as it was")]
    TimerGone {
        /// The consumer that owns the timer.
        owner: String,
        /// Name of the timer within its owner.
        timer: String,
    },
    /// An event id is in the log already, but not as part of the same append.
    #[error("event {0} is in the log already")]
    DuplicateEvent(EventId),
    /// The append is invalid in itself, such as a stream named twice.
    #[error("{0}")]
    Invalid(String),
    /// The queue was full for the longest time that a caller waits: try again later.
    #[error("the log is busy")]
    Busy,
    /// The database failed. Nothing was written, unless the connection was lost for good: sending the append again
    /// shows it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
