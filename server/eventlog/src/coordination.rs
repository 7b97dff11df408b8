//! What is kept beside the log and can commit with it: leases, timers and snapshots.
//!
//! None of it is part of the log: an export leaves it out, an import brings none of it, and a log without any of it is
//! whole. Leases and timers are judged by the clock of the store, so that all servers on one log agree: that of the
//! database on PostgreSQL, and this process's own on SQLite, where there is one process.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use crate::{JsonText, Version};

/// How often a lease has come into other hands. The first holder has it in epoch 1; 0 means "nobody ever had it".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A demand that an append makes of a lease: that nobody else has taken it since this epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The lease's name.
    pub lease: String,
    /// The epoch in which the caller took it.
    pub epoch: Epoch,
}

/// What became of the wish to have a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// The caller has it, for the time that it asked for.
    Acquired(Fence),
    /// Somebody else has it.
    HeldElsewhere {
        /// Who.
        holder: String,
        /// For how much longer, if it is not renewed.
        left: Duration,
    },
}

/// Something that is to happen at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Whose it is: a consumer.
    pub owner: String,
    /// Its name, unique among those of its owner.
    pub name: String,
    /// When, in milliseconds since 1970-01-01 UTC, by the clock of the store.
    pub due_ms: i64,
    /// What its owner needs to know then.
    pub note: JsonText,
    /// Which setting of the timer this is: another one each time that it is set.
    pub revision: Uuid,
}

impl Timer {
    /// To be part of the append that acts on the timer: clears it, and demands that nobody has cleared it or set it
    /// anew since it was read. So a timer takes effect once, however many servers act on it.
    pub fn fired(&self) -> TimerChange {
        TimerChange::Clear { owner: self.owner.clone(), timer: self.name.clone(), as_read: Some(self.revision) }
    }

    /// As [`fired`](Self::fired), but the timer goes on: it is due again at `due_ms`.
    pub fn fired_and_set_again(&self, due_ms: i64, note: JsonText) -> TimerChange {
        let (owner, timer) = (self.owner.clone(), self.name.clone());
        TimerChange::Set { owner, timer, due_ms, note, as_read: Some(self.revision) }
    }
}

/// A timer that is set or cleared in the same transaction as events.
///
/// `as_read` demands that the timer is still set as it was read; it is the [`revision`](Timer::revision) of then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// Sets a timer; replaces one of the same name.
    Set {
        /// Whose it is.
        owner: String,
        /// Its name.
        timer: String,
        /// When, in milliseconds since 1970-01-01 UTC.
        due_ms: i64,
        /// What its owner needs to know then.
        note: JsonText,
        /// What is demanded of the one that is replaced.
        as_read: Option<Uuid>,
    },
    /// Clears a timer.
    Clear {
        /// Whose it is.
        owner: String,
        /// Its name.
        timer: String,
        /// What is demanded of it; without this, clearing one that is not set is fine.
        as_read: Option<Uuid>,
    },
}

impl TimerChange {
    /// Whose timer, and its name.
    pub(crate) fn key(&self) -> (&str, &str) {
        match self {
            Self::Set { owner, timer, .. } | Self::Clear { owner, timer, .. } => (owner, timer),
        }
    }

    /// The revision that must be there.
    pub(crate) fn demand(&self) -> Option<Uuid> {
        match self {
            Self::Set { as_read, .. } | Self::Clear { as_read, .. } => *as_read,
        }
    }
}

/// What a long stream adds up to at one of its versions, so that not all of it need be read. Never the truth itself: it
/// may be missing at any time, and is made again from the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last version that is in it.
    pub version: Version,
    /// The sum, in the shape of the schema version that was asked for.
    pub data: JsonText,
}
