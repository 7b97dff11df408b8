//! The demo range: the products in `mocks/data/*.json`, one file per category.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Product, model::picture_path, pictures::ids_of_demo_pictures};

const CATEGORY_FILES: [&str; 8] = [
    include_str!("../../data/kitchen.json"),
    include_str!("../../data/tea_and_coffee.json"),
    include_str!("../../data/stationery.json"),
    include_str!("../../data/books.json"),
    include_str!("../../data/garden.json"),
    include_str!("../../data/games.json"),
    include_str!("../../data/tools.json"),
    include_str!("../../data/clothing.json"),
];

/// Creation date of the first product; the others follow one day apart.
const FIRST_CREATION_DATE: jiff::civil::Date = jiff::civil::date(2026, 3, 2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoCategory {
    category: String,
    vat_rate_percent: serde_json::Number,
    products: Vec<DemoProduct>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoProduct {
    id: String,
    sku: String,
    name: String,
    description: String,
    price: i64,
    compare_at_price: Option<i64>,
    /// Where it differs from its category's.
    vat_rate_percent: Option<serde_json::Number>,
    attributes: BTreeMap<String, String>,
}

/// All demo products, category by category.
pub(super) fn products() -> Vec<Product> {
    let drawn = ids_of_demo_pictures();
    let mut day = FIRST_CREATION_DATE;
    let mut products = Vec::new();
    for category in CATEGORY_FILES {
        let category: DemoCategory = match serde_json::from_str(category) {
            Ok(category) => category,
            Err(error) => {
                // A test reads them all, so this cannot happen in a release.
                tracing::warn!(%error, "a file of demo products cannot be read");
                continue;
            }
        };
        for demo in category.products {
            products.push(Product {
                picture: drawn.contains(demo.id.as_str()).then(|| picture_path(&demo.id)),
                id: demo.id,
                sku: demo.sku,
                name: demo.name,
                description: demo.description,
                category: category.category.clone(),
                price: demo.price,
                currency: "EUR".to_owned(),
                compare_at_price: demo.compare_at_price,
                vat_rate_percent: demo.vat_rate_percent.unwrap_or_else(|| category.vat_rate_percent.clone()),
                attributes: demo.attributes,
                active: true,
                created_at: format!("{day}T09:00:00.000Z"),
            });
            day = day.saturating_add(jiff::Span::new().days(1));
        }
    }
    products
}
