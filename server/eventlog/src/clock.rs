//! The wall clock, which the log needs only to forget old answers.

use std::time::{SystemTime, UNIX_EPOCH};

/// Answers are kept at least so long.
const ANSWER_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// Answers from before this moment may go, when the newest one is of `newest_ms`. A caller whose clock is ahead must not
/// cost others their answers.
pub(crate) fn oldest_answer_ms(newest_ms: i64) -> i64 {
    newest_ms.min(now_ms()).saturating_sub(ANSWER_LIFE_MS)
}

/// Milliseconds since 1970-01-01 UTC.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
