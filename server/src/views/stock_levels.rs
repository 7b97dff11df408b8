//! The stock of every product, in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use storefront_api::{Page, ProductId, StockItem};

/// Stock by product, in memory.
#[derive(Debug, Default)]
pub(crate) struct StockView {
    pub(super) by_product: BTreeMap<ProductId, StockItem>,
}

impl StockView {
    /// How many of a product can be reserved now.
    pub(crate) fn available(&self, id: &ProductId) -> u32 {
        self.by_product.get(id).map_or(0, |item| item.available)
    }

    /// The stock of every product, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &StockItem> {
        self.by_product.values()
    }

    /// A page of the stock of every product by id, or only of those that have run low: what comes after a product. The
    /// cursor is the last product of the page.
    pub(crate) fn page(&self, only_low: bool, after: Option<&ProductId>, limit: usize) -> Page<StockItem> {
        let is_listed = |item: &&StockItem| !only_low || item.available <= item.threshold;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.by_product.range::<ProductId, _>((from, Bound::Unbounded)).map(|(_, item)| item);
        let mut items: Vec<StockItem> = rest.filter(is_listed).take(limit + 1).cloned().collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|last| last.product_id.to_string());
        Page { items, next_cursor, total: self.by_product.values().filter(is_listed).count() as u64 }
    }
}
