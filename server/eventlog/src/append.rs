//! What a caller asks the log to write, and what the log answers.

use crate::{Epoch, EventId, Fence, JsonText, NewEvent, Position, StoreError, StreamName, TimerChange, Version};

/// What the caller believes about a stream before the append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything goes.
    Any,
    /// The stream's last version; `Version(0)` for a stream without events.
    Exactly(Version),
}

/// Events for one stream. An empty list of events only checks the expected version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAppend {
    /// Where they go.
    pub stream: StreamName,
    /// What must be true of the stream.
    pub expected: Expected,
    /// In this order.
    pub events: Vec<NewEvent>,
}

/// How far a consumer has come; commits with the append that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The consumer's name.
    pub consumer: String,
    /// The last position that it has dealt with. A checkpoint never moves backwards.
    pub position: Position,
}

/// The answer to a command, kept under the caller's idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// Who asked and under which key, made unique by the caller.
    pub key: String,
    /// A hash of what was asked; the same key with another fingerprint is another command.
    pub fingerprint: String,
    /// What was answered.
    pub body: JsonText,
    /// When, in milliseconds since 1970-01-01 UTC; answers are kept for at least 24 hours.
    pub time_ms: i64,
}

/// One atomic write: all of it lands, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Append {
    /// The streams, each at most once. Events get positions in this order.
    pub streams: Vec<StreamAppend>,
    /// Checkpoints to move in the same transaction.
    pub checkpoints: Vec<Checkpoint>,
    /// The answer to keep in the same transaction.
    pub answer: Option<StoredResponse>,
    /// Leases that nobody else may have taken, judged in the same transaction.
    pub fences: Vec<Fence>,
    /// Timers to set and clear in the same transaction, each at most once.
    pub timers: Vec<TimerChange>,
}

/// Where an append landed.
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
    /// A stream is not where the caller believed it to be: load again and decide again.
    #[error("stream {stream} is at version {actual}, not {expected}")]
    Conflict {
        /// The stream.
        stream: StreamName,
        /// What the caller expected.
        expected: Version,
        /// What is true.
        actual: Version,
    },
    /// The idempotency key has been used: here is what was answered, and the position that it wrote.
    #[error("the key has been answered before")]
    AlreadyAnswered {
        /// The answer of then.
        answer: Box<StoredResponse>,
        /// The last position of the append of then.
        position: Position,
    },
    /// Somebody else has taken the lease since: stop, and take it again before doing more. A lease that nobody ever
    /// took has epoch 0.
    #[error("the lease {lease} has come to epoch {current}, past {epoch}")]
    Fenced {
        /// The lease.
        lease: String,
        /// The epoch that the caller had.
        epoch: Epoch,
        /// The epoch that is true.
        current: Epoch,
    },
    /// A timer is not set as it was read: it has been acted on, cleared or set anew, so there is nothing to do.
    ///
    /// An append without events that was sent again, because its connection was lost, may be told this of itself.
    #[error("the timer {timer} of {owner} is not set as it was")]
    TimerGone {
        /// Whose timer.
        owner: String,
        /// Its name.
        timer: String,
    },
    /// An event id is in the log already, but not as part of the same append.
    #[error("event {0} is in the log already")]
    DuplicateEvent(EventId),
    /// The append itself makes no sense, such as a stream named twice.
    #[error("{0}")]
    Invalid(String),
    /// The queue was full for as long as a caller may wait: try again later.
    #[error("the log is busy")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
