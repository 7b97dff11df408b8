//! The stock of every product.

use std::collections::BTreeMap;

use storefront_api::{ProductId, StockItem};
use storefront_domain::stock::{self, Stock, StockEvent};
use storefront_eventlog::{Recorded, Version};

use crate::stored::{self, LoadError};
use crate::streams;

/// Stock by product.
#[derive(Debug, Default)]
pub(crate) struct StockView {
    by_product: BTreeMap<ProductId, (Stock, Version)>,
}

impl StockView {
    /// Takes in an event; those of other contexts change nothing.
    pub(crate) fn apply(&mut self, recorded: &Recorded) -> Result<(), LoadError> {
        if let Some(id) = streams::id_in::<ProductId>("stock", &recorded.stream) {
            let event = stored::decode::<StockEvent>(recorded)?;
            let (state, version) = self.by_product.entry(id).or_default();
            *state = stock::evolve(std::mem::take(state), &event);
            *version = recorded.version;
        }
        Ok(())
    }

    /// How many of a product can be reserved now.
    pub(crate) fn available(&self, id: &ProductId) -> u32 {
        self.by_product.get(id).map_or(0, |(stock, _)| stock.available())
    }

    /// The stock of one product.
    pub(crate) fn get(&self, id: &ProductId) -> Option<StockItem> {
        self.by_product.get(id).map(|(stock, version)| item(id, stock, *version))
    }

    /// The stock of every product by id, or only of those that have run low.
    pub(crate) fn list(&self, only_low: bool) -> Vec<StockItem> {
        let all = self.by_product.iter().map(|(id, (stock, version))| item(id, stock, *version));
        all.filter(|item| !only_low || item.available <= item.threshold).collect()
    }
}

/// The stock of a product as the wire shows it.
pub(crate) fn item(id: &ProductId, stock: &Stock, version: Version) -> StockItem {
    StockItem {
        product_id: id.clone(),
        on_hand: stock.on_hand(),
        reserved: stock.reserved(),
        available: stock.available(),
        threshold: stock.threshold(),
        version: version.0,
    }
}
