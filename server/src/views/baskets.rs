//! Which open baskets hold a product.

use std::collections::{BTreeSet, HashMap};

use storefront_api::{OrderId, OrderStatus, ProductId};
use storefront_domain::order::{self, Order, OrderEvent};
use storefront_eventlog::Recorded;

use crate::stored::{self, LoadError};
use crate::streams;

/// The open baskets by product. An order that can no longer become a basket again is forgotten.
#[derive(Debug, Default)]
pub(crate) struct BasketsView {
    orders: HashMap<OrderId, Order>,
    by_product: HashMap<ProductId, BTreeSet<OrderId>>,
}

impl BasketsView {
    /// Takes in an event; those of other contexts change nothing.
    pub(crate) fn apply(&mut self, recorded: &Recorded) -> Result<(), LoadError> {
        let Some(id) = streams::id_in::<OrderId>("order", &recorded.stream) else { return Ok(()) };
        let event = stored::decode::<OrderEvent>(recorded)?;
        let before = self.orders.remove(&id).unwrap_or_default();
        let held = products(&before);
        let after = order::evolve(before, &event);
        let holds = products(&after);
        for gone in held.difference(&holds) {
            if let Some(baskets) = self.by_product.get_mut(gone) {
                baskets.remove(&id);
                if baskets.is_empty() {
                    self.by_product.remove(gone);
                }
            }
        }
        for new in holds.difference(&held) {
            self.by_product.entry(new.clone()).or_default().insert(id);
        }
        if matches!(after.status(), Some(OrderStatus::InProgress | OrderStatus::CheckedOut)) {
            self.orders.insert(id, after);
        }
        Ok(())
    }

    /// How many open baskets hold a product, one of them not counted.
    pub(crate) fn count(&self, product_id: &ProductId, but_not: Option<OrderId>) -> u32 {
        let Some(baskets) = self.by_product.get(product_id) else { return 0 };
        let own = but_not.is_some_and(|own| baskets.contains(&own));
        u32::try_from(baskets.len() - usize::from(own)).unwrap_or(u32::MAX)
    }
}

/// What is in an order while it is a basket.
fn products(order: &Order) -> BTreeSet<ProductId> {
    let lines = order.lines().iter().filter(|_| order.status() == Some(OrderStatus::InProgress));
    lines.map(|line| line.item.product_id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use storefront_api::ReopenReason;

    use super::*;
    use crate::testing::{Log, added, checked_out, order, payment, product, started};

    fn count_after(events: &[(u128, OrderEvent)], id: &str, but_not: Option<u128>) -> u32 {
        let (mut log, mut view) = (Log::default(), BasketsView::default());
        for (number, event) in events {
            view.apply(&log.write(&streams::order(order(*number)), event)).unwrap();
        }
        view.count(&product(id), but_not.map(order))
    }

    fn two_mugs_and_a_pot() -> Vec<(u128, OrderEvent)> {
        vec![
            (1, started()),
            (1, added("mug", 2)),
            (2, started()),
            (2, added("mug", 1)),
            (2, added("mug", 1)),
            (2, added("pot", 1)),
        ]
    }

    #[test]
    fn each_basket_counts_once_and_the_own_one_can_be_left_out() {
        let events = two_mugs_and_a_pot();
        assert_eq!(count_after(&events, "mug", None), 2);
        assert_eq!(count_after(&events, "mug", Some(1)), 1);
        assert_eq!(count_after(&events, "mug", Some(9)), 2, "an order without it is nobody's own");
        assert_eq!(count_after(&events, "pot", Some(1)), 1);
        assert_eq!(count_after(&events, "cup", None), 0);
    }

    #[test]
    fn what_is_taken_out_or_bought_is_in_no_basket_any_more() {
        let mut events = two_mugs_and_a_pot();
        events.push((1, OrderEvent::ItemRemoved { product_id: product("mug") }));
        assert_eq!(count_after(&events, "mug", None), 1);
        events.push((2, checked_out(payment(7), 3000)));
        assert_eq!(count_after(&events, "mug", None), 0);
    }

    #[test]
    fn a_checkout_that_failed_is_a_basket_again() {
        let mut events = two_mugs_and_a_pot();
        events.push((2, checked_out(payment(7), 3000)));
        let reason = ReopenReason::OutOfStock { product_ids: vec![product("pot")] };
        events.push((2, OrderEvent::Reopened { reason }));
        assert_eq!((count_after(&events, "mug", None), count_after(&events, "pot", None)), (2, 1));
    }
}
