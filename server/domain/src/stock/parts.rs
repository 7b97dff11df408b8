//! The parts of a stock, for snapshots.

use storefront_api::OrderId;

use super::{Allocation, Reservation, Stock};

/// All data of a [`super::Stock`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockParts {
    pub on_hand: u32,
    /// Available pieces at or below which stock is low.
    pub threshold: u32,
    pub reservations: Vec<(OrderId, Reservation)>,
    pub allocations: Vec<(OrderId, Allocation)>,
}

impl Stock {
    /// Splits a stock into its parts.
    pub fn to_parts(&self) -> StockParts {
        StockParts {
            on_hand: self.on_hand,
            threshold: self.threshold,
            reservations: self.reservations.iter().map(|(order_id, reservation)| (*order_id, *reservation)).collect(),
            allocations: self.allocations.iter().map(|(order_id, allocation)| (*order_id, *allocation)).collect(),
        }
    }

    /// Creates a stock from its parts. Returns `None` when more is reserved than is on hand, which no history leads to.
    pub fn from_parts(parts: StockParts) -> Option<Self> {
        let StockParts { on_hand, threshold, reservations, allocations } = parts;
        let reserved: u64 = reservations.iter().map(|(_, reservation)| u64::from(reservation.quantity)).sum();
        (reserved <= u64::from(on_hand)).then(|| Self {
            on_hand,
            threshold,
            reservations: reservations.into_iter().collect(),
            allocations: allocations.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::stock::{ReleaseReason, StockEvent, evolve};
    use crate::testing::{at_minute, order};

    use super::*;

    #[test]
    fn a_stock_is_the_same_after_it_was_taken_apart_and_put_together() {
        let (until, reason) = (at_minute(15), ReleaseReason::Expired);
        let history = [
            StockEvent::Received { quantity: 9 },
            StockEvent::ThresholdSet { threshold: 3 },
            StockEvent::Reserved { order_id: order(1), quantity: 2, until },
            StockEvent::Allocated { order_id: order(1), quantity: 2 },
            StockEvent::Reserved { order_id: order(2), quantity: 4, until },
            StockEvent::Reserved { order_id: order(3), quantity: 1, until },
            StockEvent::Released { order_id: order(3), quantity: 1, reason },
            StockEvent::Returned { order_id: order(1), quantity: 2 },
        ];
        let mut stock = Stock::default();
        for event in &history {
            assert_eq!(Stock::from_parts(stock.to_parts()), Some(stock.clone()));
            stock = evolve(stock, event);
        }
        assert_eq!(Stock::from_parts(stock.to_parts()), Some(stock.clone()));
        let parts = stock.to_parts();
        assert_eq!((parts.on_hand, parts.threshold, parts.reservations.len(), parts.allocations.len()), (9, 3, 1, 1));
    }

    #[test]
    fn a_stock_that_promises_more_than_it_has_cannot_be_put_together() {
        let promise = Reservation { quantity: u32::MAX, until: at_minute(15) };
        let parts = StockParts {
            on_hand: u32::MAX,
            threshold: 0,
            reservations: vec![(order(1), promise), (order(2), promise)],
            allocations: vec![],
        };
        assert_eq!(Stock::from_parts(parts), None);
    }
}
