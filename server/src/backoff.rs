//! How long to wait before asking again: exponential backoff with full jitter.
//!
//! Full jitter (any pause from none to the ceiling, all equally likely) keeps many callers that failed together from coming
//! back together; see "Exponential Backoff And Jitter" in the AWS Architecture Blog. Policy only: nothing here waits.

use std::time::Duration;

use crate::random;

/// A ceiling that doubles with each attempt, up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// A ceiling of `first` after the first attempt, doubling to `longest`.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// How long to wait after this attempt (from 1) has failed.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        self.pause_with(attempt, random::bits())
    }

    /// As [`Backoff::pause`], with the randomness passed in: 0 gives no pause, `u32::MAX` nearly the whole ceiling.
    fn pause_with(&self, attempt: u32, random: u32) -> Duration {
        let ceiling = self.ceiling(attempt);
        // A share of at most 2^32 / 2^32 of it, in whole nanoseconds, so no float is needed.
        let nanos = (ceiling.as_nanos() * u128::from(random)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn ceiling(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
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
        let longest = PAUSES.pause_with(3, u32::MAX);
        assert!(longest < Duration::from_secs(1) && longest > Duration::from_millis(999));
    }

    #[test]
    fn two_callers_that_failed_together_come_back_apart() {
        let pauses: std::collections::HashSet<_> = (0..20).map(|_| PAUSES.pause(8)).collect();
        assert!(pauses.len() > 1);
        assert!(pauses.iter().all(|pause| *pause < Duration::from_secs(30)));
    }
}
