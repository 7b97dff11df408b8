//! A circuit breaker: after some failures in a row a system is left alone for a while, then tried with a single call.
//!
//! So a shop whose product service is down answers at once from what it knows instead of waiting for every call. Policy
//! only: the caller passes the time in, makes the call and reports how it went.

use std::time::{Duration, Instant};

/// Decides whether a system may be asked.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    failures_to_open: u32,
    rest: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    /// All is well, or nearly: so many failures in a row.
    Closed { failures: u32 },
    /// Left alone until then; afterwards one call may try.
    Open { until: Instant },
}

/// Whether to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Call.
    Granted,
    /// Call, and quickly: everybody else waits for how this one goes.
    Probe,
    /// Do not call before so much time has passed.
    Denied {
        /// How long.
        retry_in: Duration,
    },
}

impl CircuitBreaker {
    /// Opens after so many failures in a row (at least one) and then rests for so long.
    pub(crate) fn new(failures_to_open: u32, rest: Duration) -> Self {
        Self { failures_to_open: failures_to_open.max(1), rest, state: State::Closed { failures: 0 } }
    }

    /// Whether a call may be made now. A probe that is never reported on (its caller went away) does no harm: the next
    /// one is granted after another rest.
    pub(crate) fn ask(&mut self, now: Instant) -> Permission {
        match self.state {
            State::Closed { .. } => Permission::Granted,
            State::Open { until } if now < until => Permission::Denied { retry_in: until - now },
            State::Open { .. } => {
                self.state = State::Open { until: now + self.rest };
                Permission::Probe
            }
        }
    }

    /// A call was answered.
    pub(crate) fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// A call failed in a way that says the system is not well.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < self.failures_to_open => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } | State::Open { .. } => State::Open { until: now + self.rest },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(5);

    fn after_failures(count: u32, now: Instant) -> CircuitBreaker {
        let mut breaker = CircuitBreaker::new(3, REST);
        for _ in 0..count {
            breaker.failed(now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not_count_on() {
        let now = Instant::now();
        let mut breaker = after_failures(2, now);
        assert_eq!(breaker.ask(now), Permission::Granted);
        breaker.succeeded();
        breaker.failed(now);
        breaker.failed(now);
        assert_eq!(breaker.ask(now), Permission::Granted);
        breaker.failed(now);
        assert_eq!(breaker.ask(now), Permission::Denied { retry_in: REST });
    }

    #[test]
    fn after_the_rest_one_call_tries_and_the_others_wait_for_it() {
        let now = Instant::now();
        let mut breaker = after_failures(3, now);
        let almost = now + REST - Duration::from_millis(1);
        assert_eq!(breaker.ask(almost), Permission::Denied { retry_in: Duration::from_millis(1) });
        let rested = now + REST;
        assert_eq!(breaker.ask(rested), Permission::Probe);
        assert_eq!(breaker.ask(rested), Permission::Denied { retry_in: REST });
    }

    #[test]
    fn a_probe_closes_it_or_starts_another_rest() {
        let now = Instant::now();
        let rested = now + REST;
        let mut breaker = after_failures(3, now);
        breaker.ask(rested);
        breaker.failed(rested);
        assert_eq!(breaker.ask(rested), Permission::Denied { retry_in: REST });

        let rested_again = rested + REST;
        assert_eq!(breaker.ask(rested_again), Permission::Probe);
        breaker.succeeded();
        assert_eq!(breaker.ask(rested_again), Permission::Granted);
    }

    #[test]
    fn a_probe_that_nobody_reports_on_is_followed_by_another() {
        let now = Instant::now();
        let mut breaker = after_failures(3, now);
        assert_eq!(breaker.ask(now + REST), Permission::Probe);
        assert_eq!(breaker.ask(now + REST + REST), Permission::Probe);
    }
}
