//! A circuit breaker: after several consecutive failures it denies calls for a cooldown, then permits a single probe.
//!
//! So a shop whose product service is down answers at once from its own data instead of waiting for every call. Policy only:
//! the caller passes the time in, makes the call and records its result.

use std::time::{Duration, Instant};

/// Decides whether a system may be called.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    failures_to_open: u32,
    cooldown: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Calls are permitted; the number of consecutive failures so far.
    Closed { failures: u32 },
    /// Calls are denied until then; afterwards one probe is permitted.
    Open { until: Instant },
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// The call may be made.
    Granted,
    /// A single trial call may be made; other calls are denied until it ends, so it should be short.
    Probe,
    /// No call may be made now.
    Denied {
        /// Time until the next probe.
        retry_in: Duration,
    },
}

impl CircuitBreaker {
    /// Creates a breaker that opens after `failures_to_open` (at least one) consecutive failures, for a cooldown.
    pub(crate) fn new(failures_to_open: u32, cooldown: Duration) -> Self {
        Self { failures_to_open: failures_to_open.max(1), cooldown, state: State::Closed { failures: 0 } }
    }

    /// Whether a call may be made now. If the result of a probe is never recorded, the next probe is granted after another
    /// cooldown.
    pub(crate) fn permission(&mut self, now: Instant) -> Permission {
        match self.state {
            State::Closed { .. } => Permission::Granted,
            State::Open { until } if now < until => Permission::Denied { retry_in: until - now },
            State::Open { .. } => {
                self.state = State::Open { until: now + self.cooldown };
                Permission::Probe
            }
        }
    }

    /// Records a call that was answered.
    pub(crate) fn record_success(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// Records a call that failed because of the system.
    pub(crate) fn record_failure(&mut self, now: Instant) {
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < self.failures_to_open => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } | State::Open { .. } => State::Open { until: now + self.cooldown },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(5);

    fn after_failures(count: u32, now: Instant) -> CircuitBreaker {
        let mut breaker = CircuitBreaker::new(3, COOLDOWN);
        for _ in 0..count {
            breaker.record_failure(now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not_count_on() {
        let now = Instant::now();
        let mut breaker = after_failures(2, now);
        assert_eq!(breaker.permission(now), Permission::Granted);
        breaker.record_success();
        breaker.record_failure(now);
        breaker.record_failure(now);
        assert_eq!(breaker.permission(now), Permission::Granted);
        breaker.record_failure(now);
        assert_eq!(breaker.permission(now), Permission::Denied { retry_in: COOLDOWN });
    }

    #[test]
    fn after_the_rest_one_call_tries_and_the_others_wait_for_it() {
        let now = Instant::now();
        let mut breaker = after_failures(3, now);
        let almost = now + COOLDOWN - Duration::from_millis(1);
        assert_eq!(breaker.permission(almost), Permission::Denied { retry_in: Duration::from_millis(1) });
        let cooled_down = now + COOLDOWN;
        assert_eq!(breaker.permission(cooled_down), Permission::Probe);
        assert_eq!(breaker.permission(cooled_down), Permission::Denied { retry_in: COOLDOWN });
    }

    #[test]
    fn a_probe_closes_it_or_starts_another_rest() {
        let now = Instant::now();
        let cooled_down = now + COOLDOWN;
        let mut breaker = after_failures(3, now);
        breaker.permission(cooled_down);
        breaker.record_failure(cooled_down);
        assert_eq!(breaker.permission(cooled_down), Permission::Denied { retry_in: COOLDOWN });

        let cooled_down_again = cooled_down + COOLDOWN;
        assert_eq!(breaker.permission(cooled_down_again), Permission::Probe);
        breaker.record_success();
        assert_eq!(breaker.permission(cooled_down_again), Permission::Granted);
    }

    #[test]
    fn a_probe_that_nobody_reports_on_is_followed_by_another() {
        let now = Instant::now();
        let mut breaker = after_failures(3, now);
        assert_eq!(breaker.permission(now + COOLDOWN), Permission::Probe);
        assert_eq!(breaker.permission(now + COOLDOWN + COOLDOWN), Permission::Probe);
    }
}
