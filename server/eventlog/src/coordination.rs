//! Leases, timers and snapshots, which are stored beside the log.
//!
//! They are not part of the log: exports and imports leave them out, and a log without them is complete. Leases and
//! timers follow the clock of the store, so that all servers on one log agree: the clock of the database on PostgreSQL,
//! and that of this process on SQLite, where there is only one process.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use crate::{JsonText, Version};

/// Number of times that a lease was acquired by a new holder. The first holder has epoch 1; 0 means that the lease was
/// never acquired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A precondition of an append: no other holder has acquired the lease since this epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Name of the lease.
    pub lease: String,
    /// The epoch in which the caller acquired it.
    pub epoch: Epoch,
}

/// The result of acquiring a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// The caller has the lease for the requested time.
    Acquired(Fence),
    /// Another holder has the lease.
    HeldElsewhere {
        /// Name of the other holder.
        holder: String,
        /// Time until the lease expires if it is not renewed.
        left: Duration,
    },
}

/// A reminder that a consumer has set for a point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// The consumer that set it.
    pub owner: String,
    /// Its name, unique among those of its owner.
    pub name: String,
    /// Due time in milliseconds since 1970-01-01 UTC, by the clock of the store.
    pub due_ms: i64,
    /// Data for its owner.
    pub note: JsonText,
    /// Changes each time that the timer is set.
    pub revision: Uuid,
}

impl Timer {
    /// The change for the append that handles the timer: clears it, provided that it was not cleared or set again since
    /// it was read. A timer therefore takes effect once, however many servers handle it.
    pub fn fired(&self) -> TimerChange {
        TimerChange::Clear { owner: self.owner.clone(), timer: self.name.clone(), as_read: Some(self.revision) }
    }

    /// As [`fired`](Self::fired), but sets the timer again, due at `due_ms`.
    pub fn fired_and_set_again(&self, due_ms: i64, note: JsonText) -> TimerChange {
        let (owner, timer) = (self.owner.clone(), self.name.clone());
        TimerChange::Set { owner, timer, due_ms, note, as_read: Some(self.revision) }
    }
}

/// A timer that is set or cleared in the same transaction as events.
///
/// `as_read` is the [`revision`](Timer::revision) that the timer must still have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// Sets a timer; replaces one of the same name.
    Set {
        /// The consumer that owns it.
        owner: String,
        /// Name of the timer, unique among those of its owner.
        timer: String,
        /// Due time in milliseconds since 1970-01-01 UTC.
        due_ms: i64,
        /// Data for its owner.
        note: JsonText,
        /// Required revision of the timer that is replaced, if any.
        as_read: Option<Uuid>,
    },
    /// Clears a timer, so that it never becomes due.
    Clear {
        /// The consumer that owns it.
        owner: String,
        /// Name of the timer, unique among those of its owner.
        timer: String,
        /// Required revision, if any; with `None`, clearing a timer that is not set does nothing.
        as_read: Option<Uuid>,
    },
}

impl TimerChange {
    /// Owner and name, which identify the timer.
    pub(crate) fn key(&self) -> (&str, &str) {
        match self {
            Self::Set { owner, timer, .. } | Self::Clear { owner, timer, .. } => (owner, timer),
        }
    }

    /// The revision that the timer must have.
    pub(crate) fn expected_revision(&self) -> Option<Uuid> {
        match self {
            Self::Set { as_read, .. } | Self::Clear { as_read, .. } => *as_read,
        }
    }
}

/// The state of a stream at one of its versions, so that loading does not read the whole stream. Only a cache: it may
/// be missing at any time, and is computed again from the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last version that it includes.
    pub version: Version,
    /// The state, in the requested schema version.
    pub data: JsonText,
}
