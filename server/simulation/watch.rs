//! Counts the failpoints that a run passes, and selects the one at which its server crashes.
//!
//! The memory of a server is lost with it. It therefore makes no difference at which of several consecutive reads it
//! crashes while nothing outside of it changes: no event is written, the gateway does nothing, no mail is accepted.
//! Only the first of these failpoints is *fresh*.

use std::time::Duration;

use super::points;

/// Time after the last change in which failpoints are counted; later, the shop only waits for timers.
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
    /// Whether a crash here leaves another state behind than one at the failpoint before.
    pub(super) is_fresh: bool,
}

impl Watch {
    /// Counts failpoints, and crashes the server at the one of this number, from 0.
    pub(super) fn new(kill_at: Option<usize>) -> Self {
        Self { watches: true, kill_at, changed: true, changed_at_ns: u64::MAX, ..Self::default() }
    }

    pub(super) fn stop(&mut self) {
        self.watches = false;
    }

    /// The failpoints that were passed, in order.
    pub(super) fn into_passed(self) -> Vec<Failpoint> {
        self.passed
    }

    /// Counts a failpoint; returns whether the server crashes there.
    pub(super) fn record_pass(&mut self, place: &'static str, now_ns: u64) -> bool {
        if !self.watches || now_ns.saturating_sub(self.changed_at_ns) > BUSY.as_nanos().try_into().unwrap_or(u64::MAX) {
            return false;
        }
        let is_fresh = std::mem::take(&mut self.changed) || !points::is_read(place);
        self.passed.push(Failpoint { place, is_fresh });
        self.kill_at == Some(self.passed.len() - 1)
    }

    /// Notes a change that outlives the servers.
    pub(super) fn mark_change(&mut self, now_ns: u64) {
        (self.changed, self.changed_at_ns) = (true, now_ns);
    }
}
