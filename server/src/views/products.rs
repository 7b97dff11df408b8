//! What is known of every product: rows in the database, from which the catalogue in memory is filled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storefront_api::{Money, ProductId, Timestamp, VatRate};
use storefront_domain::product::{self, Product, ProductEvent, ProductFacts};
use storefront_eventlog::{Position, Recorded};

use super::memory::Memory;
use crate::store::aggregates;
use crate::store::streams;
use crate::views::engine::view::{Change, Rows, View, ViewError};

/// The view of products: a row for each, under its id.
pub(super) struct Products;

/// A product as it was described last.
#[derive(Debug, Serialize, Deserialize)]
struct ProductRow {
    /// `None` for one that was never described.
    facts: Option<Facts>,
    active: bool,
    listed_ms: i64,
    listed: u64,
    /// The version of its stream.
    version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Facts(#[serde(with = "FactsRow")] ProductFacts);

/// The fields of [`ProductFacts`] as they stand in a row.
#[derive(Serialize, Deserialize)]
#[serde(remote = "ProductFacts")]
struct FactsRow {
    sku: String,
    name: String,
    description: String,
    category: String,
    price: Money,
    compare_at_price: Option<Money>,
    vat_rate_percent: VatRate,
    attributes: BTreeMap<String, String>,
    picture: Option<String>,
}

impl View for Products {
    fn name(&self) -> &'static str {
        "products"
    }

    fn version(&self) -> i64 {
        2
    }

    fn keys(&self, recorded: &Recorded) -> Vec<String> {
        streams::id_in::<ProductId>("product", recorded.stream()).iter().map(ToString::to_string).collect()
    }

    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError> {
        let keys = self.keys(recorded);
        let Some(key) = keys.first() else { return Ok(Vec::new()) };
        let event = aggregates::decode_shared::<ProductEvent>(recorded)?;
        let (listed_ms, listed, state) = match rows.get::<ProductRow>(key)? {
            Some(row) => (row.listed_ms, row.listed, row.product()),
            None => (recorded.time_ms, recorded.position.0, Product::Unknown),
        };
        let row = ProductRow::new(product::evolve(state, &event), listed_ms, listed, recorded.version.0);
        Ok(vec![Change::put(key, &row)?])
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn remember(&self, memory: &mut Memory, key: &str, body: Option<&str>) -> Result<(), ViewError> {
        let id: ProductId = key.parse().map_err(|_| ViewError::Other(format!("{key:?} is no product's id")))?;
        match body {
            Some(body) => {
                let row: ProductRow = serde_json::from_str(body)?;
                let (listed_at, listed) = (Timestamp::from_unix_ms(row.listed_ms), Position(row.listed));
                memory.catalogue.put(id, row.product(), listed_at, listed);
            }
            None => memory.catalogue.remove(&id),
        }
        Ok(())
    }

    fn switch(&self, memory: &mut Memory, read_anew: &mut Memory) {
        for item in memory.stock.iter() {
            read_anew.catalogue.set_available(&item.product_id, item.available);
        }
        memory.catalogue.swap_products(&mut read_anew.catalogue);
    }
}

impl ProductRow {
    fn new(product: Product, listed_ms: i64, listed: u64, version: u64) -> Self {
        match product {
            Product::Unknown => Self { facts: None, active: false, listed_ms, listed, version },
            Product::Known { facts, active } => Self { facts: Some(Facts(facts)), active, listed_ms, listed, version },
        }
    }

    fn product(self) -> Product {
        match self.facts {
            None => Product::Unknown,
            Some(Facts(facts)) => Product::Known { facts, active: self.active },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, euro, facts, listed, product};
    use crate::views::engine::view::folded;

    #[test]
    fn the_row_says_what_the_stream_adds_up_to_and_when_the_product_was_listed() {
        let mut log = Log::default();
        let stream = streams::product(&product("mug"));
        let repriced = ProductEvent::Repriced { old_price: euro(1200), new_price: euro(900), reason: None };
        let events = [
            listed("Mug", "Kitchen", 1200),
            ProductEvent::Changed(facts("Cup", "Table")),
            repriced,
            ProductEvent::Withdrawn,
        ];
        let mut state = Product::Unknown;
        for event in &events {
            state = product::evolve(state, event);
            log.write(&stream, event);
        }
        let row = folded(&Products, &log.events).get::<ProductRow>("mug").unwrap().expect("it is known");
        assert_eq!((row.listed, row.listed_ms, row.version), (1, 1000, 4));
        assert_eq!(row.product(), state);
    }
}
