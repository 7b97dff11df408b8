//! Products and categories as clients see them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Money, ProductId, Timestamp};

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
    /// VAT that the price includes, in whole percent.
    pub vat_rate_percent: u8,
    /// Facts such as `"material": "oak"`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Whether it can be bought; a withdrawn product is not active.
    pub active: bool,
    /// How many can be reserved now.
    pub available: u32,
    /// Whether `GET /v1/products/{id}/picture` has something to show.
    pub has_picture: bool,
    /// The product service could not be asked lately: this is what it said last.
    pub stale: bool,
    /// When the shop learnt of it first.
    pub listed_at: Timestamp,
}

/// How to sort a list of products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductSort {
    /// By name, A to Z; search results by rank.
    #[default]
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
    /// Words to find in name, description, SKU and category.
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
