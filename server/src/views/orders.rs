//! The list of orders, newest first.

use std::collections::{BTreeMap, HashMap};

use storefront_api::{OrderId, OrderListQuery, OrderStatus, OrderSummary, Page, PaymentId, ProductId};
use storefront_domain::payment::{self, Payment, PaymentEvent};
use storefront_eventlog::{Position, Recorded};

use crate::order_record::OrderRecord;
use crate::stored::{self, LoadError};
use crate::streams;

/// Every order, with where its money is.
#[derive(Debug, Default)]
pub(crate) struct OrdersView {
    records: HashMap<OrderId, OrderRecord>,
    payments: HashMap<PaymentId, Payment>,
    /// By the position of the first event.
    by_start: BTreeMap<Position, OrderId>,
}

impl OrdersView {
    /// Takes in an event; those of other contexts change nothing.
    pub(crate) fn apply(&mut self, recorded: &Recorded) -> Result<(), LoadError> {
        if let Some(id) = streams::id_in::<OrderId>("order", &recorded.stream) {
            let record = self.records.entry(id).or_default();
            if recorded.version.0 == 1 {
                self.by_start.insert(recorded.position, id);
            }
            record.apply_recorded(recorded)?;
        } else if let Some(id) = streams::id_in::<PaymentId>("payment", &recorded.stream) {
            let event = stored::decode::<PaymentEvent>(recorded)?;
            let state = self.payments.remove(&id).unwrap_or_default();
            self.payments.insert(id, payment::evolve(state, &event));
        }
        Ok(())
    }

    /// One page of the orders that a query wants, newest first. The cursor is the start of the last order of the page.
    pub(crate) fn page(&self, query: &OrderListQuery, before: Option<Position>, limit: usize) -> Page<OrderSummary> {
        let needle = query.q.as_deref().map(str::to_lowercase).filter(|needle| !needle.is_empty());
        let wanted = |record: &OrderRecord, id: OrderId| {
            query.status.is_none_or(|status| record.order.status() == Some(status))
                && needle.as_deref().is_none_or(|needle| mentions(record, id, needle))
        };
        let mut matching = self.by_start.iter().rev().filter_map(|(start, id)| {
            let record = self.records.get(id).filter(|record| wanted(record, *id))?;
            Some((*start, *id, record))
        });
        let mut total = 0;
        let mut items = Vec::new();
        let mut next_cursor = None;
        let mut last = Position(0);
        for (start, id, record) in matching.by_ref() {
            total += 1;
            if before.is_some_and(|before| start >= before) {
                continue;
            }
            if items.len() == limit {
                next_cursor.get_or_insert_with(|| last.to_string());
                continue;
            }
            items.extend(record.summary(id, self.payment_of(record)));
            last = start;
        }
        Page { items, next_cursor, total }
    }

    /// The open baskets that have a line with a product.
    pub(crate) fn baskets_with(&self, product_id: &ProductId) -> Vec<OrderId> {
        let open = self.records.iter().filter(|(_, record)| record.order.status() == Some(OrderStatus::InProgress));
        open.filter(|(_, record)| record.order.lines().iter().any(|line| line.item.product_id == *product_id))
            .map(|(id, _)| *id)
            .collect()
    }

    fn payment_of(&self, record: &OrderRecord) -> Option<&Payment> {
        self.payments.get(&record.order.payment_id()?)
    }
}

fn mentions(record: &OrderRecord, id: OrderId, needle: &str) -> bool {
    let order = &record.order;
    let has = |text: &str| text.to_lowercase().contains(needle);
    has(&id.to_string())
        || order.number().is_some_and(|number| has(&number.to_string()))
        || order.email().is_some_and(has)
        || order.lines().iter().any(|line| has(&line.item.name))
}

#[cfg(test)]
mod tests {
    use storefront_api::PaymentStatus;

    use super::*;
    use crate::testing::{Log, added, card, checked_out, euro, order, payment, product, started};

    /// Baskets 1 to 5, each with one mug; the third is checked out and paid.
    fn a_shop() -> OrdersView {
        let mut log = Log::default();
        for number in 1..=5 {
            log.write(&streams::order(order(number)), &started());
            log.write(&streams::order(order(number)), &added("mug", 2));
        }
        log.write(&streams::order(order(3)), &checked_out(payment(7), 2000));
        let requested = PaymentEvent::Requested { order_id: order(3), amount: euro(2000), method: card() };
        log.write(&streams::payment(payment(7)), &requested);
        log.write(&streams::payment(payment(7)), &PaymentEvent::Succeeded { reference: "pi_1".to_owned() });
        let mut view = OrdersView::default();
        for recorded in &log.events {
            view.apply(recorded).unwrap();
        }
        view
    }

    fn page(query: &OrderListQuery, before: Option<u64>, limit: usize) -> (Vec<u128>, Option<String>, u64) {
        let page = a_shop().page(query, before.map(Position), limit);
        (page.items.iter().map(|item| item.id.0.as_u128()).collect(), page.next_cursor, page.total)
    }

    #[test]
    fn orders_come_newest_first_and_pages_join() {
        let all = OrderListQuery::default();
        let mut listed = Vec::new();
        let mut before = None;
        loop {
            let (items, next, total) = page(&all, before, 2);
            assert_eq!(total, 5);
            listed.extend(items);
            let Some(next) = next else { break };
            before = Some(next.parse().unwrap());
        }
        assert_eq!(listed, [5, 4, 3, 2, 1]);
        assert_eq!(page(&all, None, 5).1, None, "a page that is just full is the last");
    }

    #[test]
    fn orders_are_found_by_status_and_by_what_is_written_in_them() {
        let by = |status, q: Option<&str>| {
            page(&OrderListQuery { status, q: q.map(str::to_owned), ..OrderListQuery::default() }, None, 9).0
        };
        assert_eq!(by(Some(OrderStatus::CheckedOut), None), [3]);
        assert_eq!(by(None, Some("ADA@")), [3]);
        assert_eq!(by(None, Some("mug")), [5, 4, 3, 2, 1]);
        assert_eq!(by(None, Some(&order(4).to_string())), [4]);
        assert_eq!(by(Some(OrderStatus::CheckedOut), Some("teapot")), [0; 0]);
    }

    #[test]
    fn a_summary_tells_pieces_total_and_where_the_money_is() {
        let view = a_shop();
        let bought = OrderListQuery { status: Some(OrderStatus::CheckedOut), ..OrderListQuery::default() };
        let item = view.page(&bought, None, 1).items.remove(0);
        assert_eq!((item.pieces, item.total, item.payment_status), (2, euro(2000), PaymentStatus::Paid));
        assert_eq!(item.first_item.as_deref(), Some("mug"));
        assert!(item.changed_at > item.started_at);
    }

    #[test]
    fn only_open_baskets_hear_of_a_product() {
        let view = a_shop();
        let mut baskets = view.baskets_with(&product("mug"));
        baskets.sort_by_key(|id| id.0);
        assert_eq!(baskets, [order(1), order(2), order(4), order(5)]);
        assert_eq!(view.baskets_with(&product("pot")), []);
    }
}
