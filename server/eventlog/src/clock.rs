//! The clocks of the log: one that counts the time that was seen to pass, by which old answers go, and the wall clock, which
//! on SQLite judges leases and timers.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock: milliseconds since 1970-01-01 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Answers are kept at least so long.
pub(crate) const ANSWER_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// More than this is not believed to have passed between two looks at a clock.
pub(crate) const LONGEST_TICK_MS: i64 = 60 * 1000;

/// The time that was seen to pass while answers were kept. A clock that is ahead for a moment, and the time while no server
/// ran, count for a minute at most: an answer lives for a day of this time, and so for a day at least by any clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeenTime {
    /// What has passed.
    pub(crate) seen_ms: i64,
    /// What the wall clock showed at the last look.
    pub(crate) looked_ms: i64,
}

impl SeenTime {
    /// Looks at the wall clock.
    pub(crate) fn look(&mut self, now_ms: i64) {
        self.seen_ms += now_ms.saturating_sub(self.looked_ms).clamp(0, LONGEST_TICK_MS);
        self.looked_ms = now_ms;
    }

    /// Answers that were kept before may go.
    pub(crate) fn oldest_answer_ms(self) -> i64 {
        self.seen_ms.saturating_sub(ANSWER_LIFE_MS)
    }
}

/// Milliseconds since 1970-01-01 UTC.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time span as databases count it.
pub(crate) fn as_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// From one moment to a later one; nothing when it is past.
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
            time.look(shown);
        }
        assert!((HOUR_MS - 10_000..HOUR_MS + 7 * LONGEST_TICK_MS).contains(&time.seen_ms), "{}", time.seen_ms);
        assert!(time.oldest_answer_ms() < 0, "what was kept at the start is kept");
    }
}
