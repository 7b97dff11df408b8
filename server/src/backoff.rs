//! Exponential backoff with full jitter: how long to wait before a retry.
//!
//! Full jitter (any pause from zero to the ceiling, with equal probability) keeps callers that failed together from
//! retrying together; see "Exponential Backoff And Jitter" in the AWS Architecture Blog. This module only computes
//! pauses; it does not wait.

use std::time::Duration;

use crate::random;

/// A pause whose ceiling doubles with each attempt, up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
}

impl Backoff {
    /// A ceiling of `first` after the first attempt, doubling to `longest`.
    pub(crate) const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max }
    }

    /// Returns the pause after attempt number `attempt` (from 1) has failed.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        self.pause_with(attempt, random::bits())
    }

    /// As [`Backoff::pause`], with the randomness as a parameter: 0 gives no pause, `u32::MAX` almost the ceiling.
    fn pause_with(&self, attempt: u32, random: u32) -> Duration {
        let ceiling = self.ceiling(attempt);
        // The share `random / 2^32` of the ceiling, in whole nanoseconds, so that no float is needed.
        let nanos = (ceiling.as_nanos() * u128::from(random)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn ceiling(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSES: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));

    #[test]
    fn the_ceiling_doubles_up_to_its_limit() {
        let ceilings_ms = |attempts: &[u32]| -> Vec<u128> {
            attempts.iter().map(|attempt| PAUSES.ceiling(*attempt).as_millis()).collect()
        };
        assert_eq!(
            ceilings_ms(&[0, 1, 2, 3, 7, 8, 32, 33, u32::MAX]),
            [250, 250, 500, 1000, 16_000, 30_000, 30_000, 30_000, 30_000]
        );
    }

    #[test]
    fn the_pause_is_any_share_of_the_ceiling() {
        assert_eq!(PAUSES.pause_with(3, 0), Duration::ZERO);
        assert_eq!(PAUSES.pause_with(3, 1 << 31), Duration::from_millis(500));
        let max = PAUSES.pause_with(3, u32::MAX);
        assert!(max < Duration::from_secs(1) && max > Duration::from_millis(999));
    }

    #[test]
    fn two_callers_that_failed_together_come_back_apart() {
        let pauses: std::collections::HashSet<_> = (0..20).map(|_| PAUSES.pause(8)).collect();
        assert!(pauses.len() > 1);
        assert!(pauses.iter().all(|pause| *pause < Duration::from_secs(30)));
    }
}
