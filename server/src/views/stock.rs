//! The stock of every product: rows in the database, and all of them in memory, since baskets ask at every turn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storefront_api::{OrderId, ProductId, StockItem};
use storefront_domain::stock::{DEFAULT_THRESHOLD, Stock, StockEvent};
use storefront_eventlog::{Recorded, Version};

use super::memory::Memory;
#[cfg(test)]
use super::stock_levels::StockView;
use crate::store::aggregates;
use crate::store::streams;
use crate::views::engine::view::{Change, Rows, View, ViewError};

/// The view of stock: a row for each product, under its id.
pub(super) struct Stocks;

/// What is known of the stock of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StockRow {
    on_hand: u32,
    threshold: u32,
    /// What is promised, by order.
    reserved: BTreeMap<OrderId, u32>,
    version: u64,
}

impl View for Stocks {
    fn name(&self) -> &'static str {
        "stock"
    }

    fn version(&self) -> i64 {
        1
    }

    fn keys(&self, recorded: &Recorded) -> Vec<String> {
        streams::id_in::<ProductId>("stock", recorded.stream()).iter().map(ToString::to_string).collect()
    }

    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError> {
        let keys = self.keys(recorded);
        let Some(key) = keys.first() else { return Ok(Vec::new()) };
        let event = aggregates::decode_shared::<StockEvent>(recorded)?;
        let row = rows.get::<StockRow>(key)?.unwrap_or_else(StockRow::new);
        let row = row.after(&event).map_err(ViewError::Other)?;
        Ok(vec![Change::put(key, &StockRow { version: recorded.version.0, ..row })?])
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn remember(&self, memory: &mut Memory, key: &str, body: Option<&str>) -> Result<(), ViewError> {
        let id: ProductId = key.parse().map_err(|_| ViewError::Other(format!("{key:?} is no product's id")))?;
        match body {
            Some(body) => {
                memory.stock.by_product.insert(id.clone(), serde_json::from_str::<StockRow>(body)?.item(id.clone()))
            }
            None => memory.stock.by_product.remove(&id),
        };
        let available = memory.stock.available(&id);
        memory.catalogue.set_available(&id, available);
        Ok(())
    }

    fn switch(&self, memory: &mut Memory, read_anew: &mut Memory) {
        std::mem::swap(&mut memory.stock, &mut read_anew.stock);
        for item in read_anew.stock.iter().chain(memory.stock.iter()) {
            memory.catalogue.set_available(&item.product_id, memory.stock.available(&item.product_id));
        }
    }
}

impl StockRow {
    fn new() -> Self {
        Self { on_hand: 0, threshold: DEFAULT_THRESHOLD, reserved: BTreeMap::new(), version: 0 }
    }

    /// The stock after an event, which `decide` has judged before it was written.
    fn after(mut self, event: &StockEvent) -> Result<Self, String> {
        let does_not_fit = || format!("{event:?} does not fit {} on hand", self.on_hand);
        match event {
            StockEvent::Received { quantity } | StockEvent::Returned { order_id: _, quantity } => {
                self.on_hand = self.on_hand.checked_add(*quantity).ok_or_else(does_not_fit)?;
            }
            StockEvent::Adjusted { change, reason: _ } => {
                let on_hand = i64::from(self.on_hand).checked_add(*change).and_then(|sum| u32::try_from(sum).ok());
                self.on_hand = on_hand.ok_or_else(does_not_fit)?;
            }
            StockEvent::Reserved { order_id, quantity, until: _ } => {
                self.reserved.insert(*order_id, *quantity);
            }
            StockEvent::Released { order_id, .. } => {
                self.reserved.remove(order_id);
            }
            StockEvent::Allocated { order_id, quantity } => {
                self.on_hand = self.on_hand.checked_sub(*quantity).ok_or_else(does_not_fit)?;
                self.reserved.remove(order_id);
            }
            StockEvent::ThresholdSet { threshold } => self.threshold = *threshold,
            // What comes of an order's pieces later changes no number, and alerts follow from the numbers.
            StockEvent::Settled { .. } | StockEvent::RanLow { .. } | StockEvent::RanOut => {}
        }
        Ok(self)
    }

    fn item(&self, product_id: ProductId) -> StockItem {
        let reserved = self.reserved.values().fold(0_u32, |sum, quantity| sum.saturating_add(*quantity));
        StockItem {
            product_id,
            name: None,
            on_hand: self.on_hand,
            reserved,
            available: self.on_hand.saturating_sub(reserved),
            threshold: self.threshold,
            version: self.version,
        }
    }
}

/// The stock of a product as the wire shows it.
pub(crate) fn item(id: &ProductId, stock: &Stock, version: Version) -> StockItem {
    StockItem {
        product_id: id.clone(),
        name: None,
        on_hand: stock.on_hand(),
        reserved: stock.reserved(),
        available: stock.available(),
        threshold: stock.threshold(),
        version: version.0,
    }
}

#[cfg(test)]
impl StockView {
    /// Takes an event in, without a database.
    pub(super) fn apply(&mut self, recorded: &Recorded) -> Result<(), ViewError> {
        let mut memory = Memory { stock: std::mem::take(self), ..Memory::default() };
        for key in Stocks.keys(recorded) {
            let id = key.parse().map_err(|_| ViewError::Other("no id".to_owned()))?;
            let before = memory.stock.by_product.get(&id).map(|item| StockRow {
                on_hand: item.on_hand,
                reserved: BTreeMap::new(),
                threshold: item.threshold,
                version: item.version,
            });
            let before = before.map(|row| serde_json::to_string(&row)).transpose()?;
            for change in Stocks.project(&Rows::new([(key, before)]), recorded)? {
                Stocks.remember(&mut memory, &change.key, change.body.as_deref())?;
            }
        }
        *self = memory.stock;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use storefront_domain::stock::{self, ReleaseReason, StockCommand};

    use super::*;
    use crate::testing::{Log, at_second, order, product};
    use crate::views::engine::view::folded;

    /// What commands make of the stock of mugs, as events, and as what they add up to.
    fn after(commands: Vec<StockCommand>) -> (Vec<Recorded>, Stock) {
        let mut log = Log::default();
        let mut state = Stock::default();
        for command in commands {
            for event in stock::decide(&state, command).unwrap() {
                state = stock::evolve(state, &event);
                log.write(&streams::stock(&product("mug")), &event);
            }
        }
        (log.events, state)
    }

    #[test]
    fn the_row_says_what_the_stream_adds_up_to() {
        let reserve =
            |number, quantity| StockCommand::Reserve { order_id: order(number), quantity, until: at_second(9) };
        let (events, state) = after(vec![
            StockCommand::Receive { quantity: 20 },
            StockCommand::SetThreshold { threshold: 4 },
            reserve(1, 2),
            reserve(1, 3),
            reserve(2, 5),
            reserve(3, 1),
            StockCommand::Release { order_id: order(3), reason: ReleaseReason::CheckoutFailed },
            StockCommand::Allocate { order_id: order(1) },
            StockCommand::Allocate { order_id: order(2) },
            StockCommand::Return { order_id: order(1) },
            StockCommand::Settle { order_id: order(1) },
            StockCommand::Settle { order_id: order(2) },
            StockCommand::Adjust { change: -11, reason: "broken".to_owned() },
            reserve(4, 2),
        ]);
        let row = folded(&Stocks, &events).get::<StockRow>("mug").unwrap().expect("it has stock");
        let version = Version(events.len() as u64);
        assert_eq!(row.item(product("mug")), item(&product("mug"), &state, version));
        assert_eq!((state.on_hand(), state.reserved()), (4, 2));
    }

    #[test]
    fn what_has_run_low_is_listed_alone_when_asked() {
        let mut view = StockView::default();
        let mut log = Log::default();
        for (id, quantity) in [("mug", 10), ("pot", 11)] {
            let received = StockEvent::Received { quantity };
            view.apply(&log.write(&streams::stock(&product(id)), &received)).unwrap();
        }
        let ids = |low| {
            let page = view.page(low, None, 9);
            (page.items.into_iter().map(|item| item.product_id.to_string()).collect::<Vec<_>>(), page.total)
        };
        assert_eq!(ids(false), (vec!["mug".to_owned(), "pot".to_owned()], 2));
        assert_eq!(ids(true), (vec!["mug".to_owned()], 1));
    }

    #[test]
    fn pages_join_to_the_whole_list_even_when_the_last_product_of_one_has_gone() {
        let mut view = StockView::default();
        let mut log = Log::default();
        for number in 1..=7 {
            let received = StockEvent::Received { quantity: number };
            view.apply(&log.write(&streams::stock(&product(&format!("mug-{number}"))), &received)).unwrap();
        }
        let whole = view.page(false, None, 7);
        assert_eq!((whole.items.len(), whole.next_cursor.is_none()), (7, true), "a page that is just full is the last");
        let (mut joined, mut after) = (Vec::new(), None);
        loop {
            let page = view.page(false, after.as_ref(), 3);
            assert_eq!(page.total, 7);
            joined.extend(page.items);
            let Some(next) = page.next_cursor else { break };
            after = Some(product(&next));
        }
        assert_eq!(joined, whole.items);
        view.by_product.remove(&product("mug-3"));
        assert_eq!(view.page(false, Some(&product("mug-3")), 3).items, joined[3..6]);
    }

    #[test]
    fn an_event_that_cannot_be_leaves_the_stock_alone_and_says_so() {
        let mut log = Log::default();
        let event = StockEvent::Allocated { order_id: order(1), quantity: 1 };
        let recorded = log.write(&streams::stock(&product("mug")), &event);
        assert!(Stocks.project(&Rows::default(), &recorded).is_err());
    }
}
