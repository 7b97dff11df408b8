//! The wall clock: it makes old answers go, and on SQLite it judges leases and timers.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock: milliseconds since 1970-01-01 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Answers are kept at least so long.
const ANSWER_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// Answers from before this moment may go, when the newest one is of `newest_ms`. A caller whose clock is ahead must not
/// cost others their answers.
pub(crate) fn oldest_answer_ms(newest_ms: i64) -> i64 {
    newest_ms.min(now_ms()).saturating_sub(ANSWER_LIFE_MS)
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
