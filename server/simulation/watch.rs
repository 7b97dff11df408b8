//! The failpoints that a run passes, counted, and the one of them at which its server dies.
//!
//! A server's memory dies with it. So it makes no difference at which of several reads in a row it dies while nothing happens
//! that outlives it: no event is written, the gateway does nothing, no mail is taken in. Only the first of them is *fresh*.

use std::time::Duration;

use super::points;

/// A failpoint that is passed longer than this after the last change is not counted: the shop waits for a clock.
const BUSY: Duration = Duration::from_secs(2);

/// Watches the failpoints of one run.
#[derive(Debug, Default)]
pub(super) struct Watch {
    watches: bool,
    passed: Vec<Failpoint>,
    kill_at: Option<usize>,
    /// Whether something has changed since the last failpoint.
    changed: bool,
    changed_at_ns: u64,
}

/// One failpoint as it was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failpoint {
    pub(super) place: &'static str,
    /// Whether a death here leaves something else behind than one at the failpoint before.
    pub(super) is_fresh: bool,
}

impl Watch {
    /// Counts, and kills the server at the failpoint of this number, from 0.
    pub(super) fn new(kill_at: Option<usize>) -> Self {
        Self { watches: true, kill_at, changed: true, changed_at_ns: u64::MAX, ..Self::default() }
    }

    pub(super) fn stops(&mut self) {
        self.watches = false;
    }

    /// The failpoints that were passed, in order.
    pub(super) fn into_passed(self) -> Vec<Failpoint> {
        self.passed
    }

    /// Takes note of a failpoint; whether the server dies there.
    pub(super) fn passes(&mut self, place: &'static str, now_ns: u64) -> bool {
        if !self.watches || now_ns.saturating_sub(self.changed_at_ns) > BUSY.as_nanos().try_into().unwrap_or(u64::MAX) {
            return false;
        }
        let is_fresh = std::mem::take(&mut self.changed) || !points::is_read(place);
        self.passed.push(Failpoint { place, is_fresh });
        self.kill_at == Some(self.passed.len() - 1)
    }

    /// Something has happened that outlives the servers.
    pub(super) fn changes(&mut self, now_ns: u64) {
        (self.changed, self.changed_at_ns) = (true, now_ns);
    }
}
