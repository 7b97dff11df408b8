//! Whether the product service is connected, and whether its prices are recent enough to sell at.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use storefront_api::Timestamp;

use crate::clock;

/// When the product service was last in step with the log.
#[derive(Debug)]
pub(crate) struct Freshness {
    connected: AtomicBool,
    connected_at_ms: AtomicI64,
    quote_life_ms: i64,
}

impl Freshness {
    pub(crate) fn new(quote_life: Duration) -> Self {
        Self {
            connected: AtomicBool::new(false),
            connected_at_ms: AtomicI64::new(i64::MIN / 2),
            quote_life_ms: clock::as_ms(quote_life),
        }
    }

    /// Records that everything the product service knows has just been taken over.
    pub(crate) fn mark_connected(&self, now: Timestamp) {
        self.connected_at_ms.store(now.unix_ms(), Ordering::Relaxed);
        self.connected.store(true, Ordering::Relaxed);
    }

    /// Records that the product service cannot be reached.
    pub(crate) fn mark_disconnected(&self) {
        self.connected.store(false, Ordering::Relaxed);
    }

    /// Returns whether the catalogue may be out of date.
    pub(crate) fn is_stale(&self) -> bool {
        !self.connected.load(Ordering::Relaxed)
    }

    /// Returns whether the shop may still sell at the known prices.
    pub(crate) fn prices_are_valid(&self, now: Timestamp) -> bool {
        !self.is_stale() || now.unix_ms() - self.connected_at_ms.load(Ordering::Relaxed) <= self.quote_life_ms
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
        assert!(freshness.is_stale());
        assert!(!freshness.prices_are_valid(at_second(0)));
    }

    #[test]
    fn prices_are_good_for_as_long_as_a_quote_lives_after_the_last_word() {
        let freshness = Freshness::new(Duration::from_secs(300));
        freshness.mark_connected(at_second(1000));
        assert!(!freshness.is_stale());
        assert!(freshness.prices_are_valid(at_second(999_999)), "while the service is followed, nothing is too old");
        freshness.mark_disconnected();
        assert!(freshness.is_stale());
        assert!(freshness.prices_are_valid(at_second(1300)));
        assert!(!freshness.prices_are_valid(at_second(1301)));
        freshness.mark_connected(at_second(2000));
        assert!(!freshness.is_stale());
    }
}
