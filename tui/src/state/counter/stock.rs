//! What is in the house: what needs attention first, and what ran low while nobody looked.

use std::collections::BTreeSet;

use storefront_api::{ProductId, StockItem};

use crate::state::{List, Load};

/// How a product's stock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Out,
    Low,
    Enough,
}

impl Level {
    pub(crate) const fn of(item: &StockItem) -> Self {
        match item.available {
            0 => Self::Out,
            few if few <= item.threshold => Self::Low,
            _ => Self::Enough,
        }
    }
}

/// What a product is called; its id when the shop does not say.
pub(crate) fn name_of(item: &StockItem) -> String {
    item.name.clone().unwrap_or_else(|| item.product_id.to_string())
}

/// The part Stock.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    /// By level, then by id.
    items: Vec<StockItem>,
    /// How many products the shop has stock of; it may be more than are listed here.
    pub(crate) total: u64,
    pub(crate) load: Load,
    pub(crate) sequence: u64,
    pub(crate) list: List,
    /// Only what is low or out.
    pub(crate) only_low: bool,
    /// What ran low or out and has not been looked at since.
    pub(crate) alarms: BTreeSet<ProductId>,
}

impl Stock {
    /// What shows now.
    pub(crate) fn shown(&self) -> &[StockItem] {
        let low = self.items.partition_point(|item| Level::of(item) != Level::Enough);
        if self.only_low { &self.items[..low] } else { &self.items }
    }

    /// How many products are low, and how many out.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let out = self.items.partition_point(|item| Level::of(item) == Level::Out);
        let low = self.items.partition_point(|item| Level::of(item) != Level::Enough);
        (low - out, out)
    }

    pub(crate) fn selected(&self) -> Option<&StockItem> {
        self.shown().get(self.list.cursor)
    }

    /// Takes in what the shop has; the cursor stays on its product.
    pub(crate) fn put(&mut self, items: Vec<StockItem>, total: u64) {
        self.total = total;
        self.change(|known| *known = items);
    }

    /// Takes in the newest about one product, unless something newer is known.
    pub(crate) fn put_one(&mut self, item: StockItem) {
        self.change(|items| match items.iter_mut().find(|known| known.product_id == item.product_id) {
            Some(known) if known.version > item.version => {}
            Some(known) => *known = item,
            None => items.push(item),
        });
    }

    /// Shows only what is low or out, or everything.
    pub(crate) fn toggle_only_low(&mut self) {
        let chosen = self.chosen();
        self.only_low = !self.only_low;
        self.stand_on(chosen);
    }

    fn change(&mut self, by: impl FnOnce(&mut Vec<StockItem>)) {
        let chosen = self.chosen();
        by(&mut self.items);
        self.items.sort_by(|a, b| (Level::of(a), &a.product_id).cmp(&(Level::of(b), &b.product_id)));
        self.stand_on(chosen);
    }

    /// The chosen product; on the first line, the cursor stays there and sees what comes up.
    fn chosen(&self) -> Option<ProductId> {
        self.selected().map(|item| item.product_id.clone()).filter(|_| self.list.cursor > 0)
    }

    fn stand_on(&mut self, chosen: Option<ProductId>) {
        if let Some(place) = chosen.and_then(|id| self.shown().iter().position(|item| item.product_id == id)) {
            self.list.cursor = place;
        }
        let len = self.shown().len();
        self.list.clamp(len);
    }
}
