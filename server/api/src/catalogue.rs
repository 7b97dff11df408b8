//! Products and categories as clients see them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Money, OrderId, ProductId, Timestamp, VatRate};

/// A part of a longer list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Send it back as `cursor` for the next page; absent on the last.
    pub next_cursor: Option<String>,
    /// How many items there are on all pages.
    pub total: u64,
}

/// Something to buy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// The shopkeeper's own number for it.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// A few sentences.
    pub description: String,
    /// The name of its category.
    pub category: String,
    /// What one costs, VAT included.
    pub price: Money,
    /// What one cost before; present when it is on sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<Money>,
    /// VAT that the price includes, in percent.
    pub vat_rate_percent: VatRate,
    /// Facts such as `"material": "oak"`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Whether it can be bought; a withdrawn product is not active.
    pub active: bool,
    /// How many can be reserved now.
    pub available: u32,
    /// How many open baskets have it; without the one that the question names.
    #[serde(default)]
    pub in_baskets: u32,
    /// Whether `GET /v1/products/{id}/picture` has something to show.
    pub has_picture: bool,
    /// The product service could not be asked lately: this is what it said last.
    pub stale: bool,
    /// When the shop learnt of it first.
    pub listed_at: Timestamp,
}

/// A part of a longer list of products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductPage {
    /// The products of this page.
    pub items: Vec<Product>,
    /// Send it back as `cursor` for the next page; absent on the last.
    pub next_cursor: Option<String>,
    /// How many products there are on all pages.
    pub total: u64,
    /// What may have been meant, when nothing was found and there is something near: search for this instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl From<ProductPage> for Page<Product> {
    fn from(page: ProductPage) -> Self {
        Self { items: page.items, next_cursor: page.next_cursor, total: page.total }
    }
}

/// How to sort a list of products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductSort {
    /// Best match first; by name when there is nothing to search for.
    #[default]
    Relevance,
    /// By name, A to Z.
    Name,
    /// Cheapest first.
    Price,
    /// Most expensive first.
    PriceDesc,
    /// Newest first.
    Newest,
}

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProductQuery {
    /// Words to find in name, description, SKU and category, as they are, as beginnings of words, or with a typo; case and
    /// accents do not matter. A text with no letter or digit in it finds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Only this category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Only this price (minor units) or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_min: Option<i64>,
    /// Only this price (minor units) or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_max: Option<i64>,
    /// Only what is (or is not) available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_stock: Option<bool>,
    /// Only what is (or is not) on sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_sale: Option<bool>,
    /// Only what was taken off the shelf, instead of what can be bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<bool>,
    /// The order of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub sort: Option<ProductSort>,
    /// How many items a page has, 1 to 100; 20 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The asking shopper's own order: it does not count in `in_baskets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// See at least this log position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}

/// How to look at one product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OneProductQuery {
    /// The asking shopper's own order: it does not count in `in_baskets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// See at least this log position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}

/// A shelf of the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// Its name.
    pub name: String,
    /// How many active products it has.
    pub products: u32,
}

/// All categories, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CategoryList {
    /// The categories.
    pub items: Vec<Category>,
}

/// Set up a shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    /// Its name, 1 to 50 characters, unlike any other.
    pub name: String,
}

/// Put a product into the range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    /// Its id: 1 to 64 lower-case letters, digits and hyphens; made from its name if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ProductId>,
    /// The shopkeeper's own number for it, 1 to 40 characters, unlike any other.
    pub sku: String,
    /// Its name, 1 to 100 characters, unlike any other.
    pub name: String,
    /// A few sentences, at most 2,000 characters.
    #[serde(default)]
    pub description: String,
    /// The name of a category that is there.
    pub category: String,
    /// What one costs, VAT included; above 0 and at most 9,999,999,999 minor units
    /// (99,999,999.99 in EUR), in the shop's currency.
    pub price: Money,
    /// What one cost before, above the price and at most 9,999,999,999 minor units: puts it on sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<Money>,
    /// VAT that the price includes, in percent, 0 to 100, such as 19 or 5.5.
    pub vat_rate_percent: VatRate,
    /// Facts such as `"material": "oak"`, at most 20.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// Describe a product anew; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeProduct {
    /// See [`NewProduct::sku`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// See [`NewProduct::name`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// See [`NewProduct::description`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// See [`NewProduct::category`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// See [`NewProduct::compare_at_price`]; `null` ends the sale.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "null_is_a_value")]
    #[schema(value_type = Option<Money>)]
    pub compare_at_price: Option<Option<Money>>,
    /// See [`NewProduct::vat_rate_percent`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat_rate_percent: Option<VatRate>,
    /// See [`NewProduct::attributes`]; replaces them all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, String>>,
}

fn null_is_a_value<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<Option<Money>>, D::Error> {
    Option::deserialize(json).map(Some)
}

/// Give a product another price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepriceProduct {
    /// What one costs from now on, VAT included; above 0 and at most 9,999,999,999 minor units, in the shop's currency.
    pub price: Money,
    /// Why, 1 to 200 characters; everyone can read it in the log.
    pub reason: String,
}
