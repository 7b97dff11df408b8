//! Whether what the shop knows of the product service is of now, and whether its prices are young enough to sell at.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use storefront_api::Timestamp;

/// When the product service was heard last.
#[derive(Debug)]
pub(crate) struct Freshness {
    connected: AtomicBool,
    last_heard_ms: AtomicI64,
    quote_life_ms: i64,
}

impl Freshness {
    pub(crate) fn new(quote_life: Duration) -> Self {
        Self {
            connected: AtomicBool::new(false),
            last_heard_ms: AtomicI64::new(i64::MIN / 2),
            quote_life_ms: i64::try_from(quote_life.as_millis()).unwrap_or(i64::MAX / 2),
        }
    }

    /// The product service has just told all that it knows.
    pub(crate) fn heard(&self, now: Timestamp) {
        self.last_heard_ms.store(now.unix_ms(), Ordering::Relaxed);
        self.connected.store(true, Ordering::Relaxed);
    }

    /// The product service cannot be asked.
    pub(crate) fn lost(&self) {
        self.connected.store(false, Ordering::Relaxed);
    }

    /// Whether what the shop knows may be out of date.
    pub(crate) fn stale(&self) -> bool {
        !self.connected.load(Ordering::Relaxed)
    }

    /// Whether the shop may still sell at the prices that it knows.
    pub(crate) fn prices_are_good(&self, now: Timestamp) -> bool {
        !self.stale() || now.unix_ms() - self.last_heard_ms.load(Ordering::Relaxed) <= self.quote_life_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_second(second: i64) -> Timestamp {
        Timestamp::from_unix_ms(second * 1000)
    }

    #[test]
    fn prices_are_unknown_until_the_product_service_has_spoken() {
        let freshness = Freshness::new(Duration::from_secs(300));
        assert!(freshness.stale());
        assert!(!freshness.prices_are_good(at_second(0)));
    }

    #[test]
    fn prices_are_good_for_as_long_as_a_quote_lives_after_the_last_word() {
        let freshness = Freshness::new(Duration::from_secs(300));
        freshness.heard(at_second(1000));
        assert!(!freshness.stale());
        assert!(freshness.prices_are_good(at_second(999_999)), "while the service is followed, nothing is too old");
        freshness.lost();
        assert!(freshness.stale());
        assert!(freshness.prices_are_good(at_second(1300)));
        assert!(!freshness.prices_are_good(at_second(1301)));
        freshness.heard(at_second(2000));
        assert!(!freshness.stale());
    }
}
