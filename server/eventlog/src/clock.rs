//! The clocks of the log: the seen time, by which stored answers expire, and the wall clock, which leases and timers follow
//! on SQLite.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A wall clock that returns milliseconds since 1970-01-01 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Minimum time that an answer is stored.
pub(crate) const ANSWER_TTL_MS: i64 = 24 * 60 * 60 * 1000;

/// Maximum time that one observation of the wall clock adds to the seen time.
pub(crate) const MAX_TICK_MS: i64 = 60 * 1000;

/// The time that servers saw passing while they stored answers. A clock that is ahead for a moment, and the time in which no
/// server ran, add a minute at most. An answer is stored for a day of seen time, and so for at least a day by any clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeenTime {
    /// Seen time in total.
    pub(crate) seen_ms: i64,
    /// Wall clock at the last observation.
    pub(crate) looked_ms: i64,
}

impl SeenTime {
    /// Adds the time since the last observation of the wall clock.
    pub(crate) fn observe(&mut self, now_ms: i64) {
        self.seen_ms += now_ms.saturating_sub(self.looked_ms).clamp(0, MAX_TICK_MS);
        self.looked_ms = now_ms;
    }

    /// Answers that were stored before this seen time have expired.
    pub(crate) fn oldest_answer_ms(self) -> i64 {
        self.seen_ms.saturating_sub(ANSWER_TTL_MS)
    }
}

/// The wall clock, in milliseconds since 1970-01-01 UTC.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A duration in milliseconds, saturating.
pub(crate) fn as_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// The duration between two moments; zero when the second is earlier.
pub(crate) fn between(from_ms: i64, to_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_clock_that_is_ahead_for_a_moment_nor_one_that_goes_back_makes_time_pass() {
        const HOUR_MS: i64 = 60 * 60 * 1000;
        let mut time = SeenTime { seen_ms: 0, looked_ms: 1_700_000_000_000 };
        let mut wall = time.looked_ms;
        for second in 1..=3600 {
            wall += 1000;
            // Every ten minutes it shows, once, 25 hours more or less.
            let shown = match second % 1200 {
                0 => wall - 25 * HOUR_MS,
                600 => wall + 25 * HOUR_MS,
                _ => wall,
            };
            time.observe(shown);
        }
        assert!((HOUR_MS - 10_000..HOUR_MS + 7 * MAX_TICK_MS).contains(&time.seen_ms), "{}", time.seen_ms);
        assert!(time.oldest_answer_ms() < 0, "what was kept at the start is kept");
    }
}
