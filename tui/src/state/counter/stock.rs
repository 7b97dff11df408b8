//! Stock levels, the lowest first, and alarms about what ran low.

use std::collections::BTreeSet;

use storefront_api::{ProductId, StockItem};

use crate::state::{List, Load};

/// Level of a product's stock.
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

/// A product's name, or its id when the name is unknown.
pub(crate) fn name_of(item: &StockItem) -> String {
    item.name.clone().unwrap_or_else(|| item.product_id.to_string())
}

/// The part Stock.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    /// Sorted by level, then by id.
    items: Vec<StockItem>,
    /// Total number of products; more than are listed here where there are very many.
    pub(crate) total: u64,
    pub(crate) load: Load,
    pub(crate) sequence: u64,
    pub(crate) list: List,
    /// Shows only products that are low or out.
    pub(crate) only_low: bool,
    /// Products that ran low or out and have not been seen since.
    pub(crate) alarms: BTreeSet<ProductId>,
}

impl Stock {
    /// The items that are shown.
    pub(crate) fn shown(&self) -> &[StockItem] {
        let low = self.items.partition_point(|item| Level::of(item) != Level::Enough);
        if self.only_low { &self.items[..low] } else { &self.items }
    }

    /// Numbers of products that are low, and out.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let out = self.items.partition_point(|item| Level::of(item) == Level::Out);
        let low = self.items.partition_point(|item| Level::of(item) != Level::Enough);
        (low - out, out)
    }

    pub(crate) fn selected(&self) -> Option<&StockItem> {
        self.shown().get(self.list.cursor)
    }

    /// Replaces the list; the cursor stays on its product.
    pub(crate) fn put(&mut self, items: Vec<StockItem>, total: u64) {
        self.total = total;
        self.change(|known| *known = items);
    }

    /// Updates one product, unless a newer version is known.
    pub(crate) fn update_item(&mut self, item: StockItem) {
        self.change(|items| match items.iter_mut().find(|known| known.product_id == item.product_id) {
            Some(known) if known.version > item.version => {}
            Some(known) => *known = item,
            None => items.push(item),
        });
    }

    /// Toggles between low stock and everything.
    pub(crate) fn toggle_only_low(&mut self) {
        let chosen = self.chosen();
        self.only_low = !self.only_low;
        self.select(chosen);
    }

    fn change(&mut self, by: impl FnOnce(&mut Vec<StockItem>)) {
        let chosen = self.chosen();
        by(&mut self.items);
        self.items.sort_by(|a, b| (Level::of(a), &a.product_id).cmp(&(Level::of(b), &b.product_id)));
        self.select(chosen);
    }

    /// The selected product; `None` on the first line, where the cursor stays to show what comes up.
    fn chosen(&self) -> Option<ProductId> {
        self.selected().map(|item| item.product_id.clone()).filter(|_| self.list.cursor > 0)
    }

    fn select(&mut self, chosen: Option<ProductId>) {
        if let Some(place) = chosen.and_then(|id| self.shown().iter().position(|item| item.product_id == id)) {
            self.list.cursor = place;
        }
        let len = self.shown().len();
        self.list.clamp(len);
    }
}
