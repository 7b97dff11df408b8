//! Products and categories as clients see them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Money, OrderId, ProductId, Timestamp, VatRate};

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The `cursor` of the next page; absent on the last page.
    pub next_cursor: Option<String>,
    /// Number of items on all pages.
    pub total: u64,
}

/// A product as the shop sells it: its facts, its price and how much of it can be bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    /// The id of the product, as in paths.
    pub id: ProductId,
    /// The article number of the seller (stock keeping unit).
    pub sku: String,
    /// The name that shoppers see.
    pub name: String,
    /// Description for shoppers; plain text, which may be empty.
    pub description: String,
    /// The name of the category that the product belongs to.
    pub category: String,
    /// Price of one piece, VAT included.
    pub price: Money,
    /// Price of one piece before the sale; present while the product is on sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<Money>,
    /// VAT that the price includes, in percent.
    pub vat_rate_percent: VatRate,
    /// Properties by name, such as `"material": "oak"`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Whether the product can be bought; `false` for a withdrawn product.
    pub active: bool,
    /// Number of pieces that can be reserved now.
    pub available: u32,
    /// Number of open baskets that contain the product, without the order that the query names.
    #[serde(default)]
    pub in_baskets: u32,
    /// Whether the product has a picture: `GET /v1/products/{id}/picture`.
    pub has_picture: bool,
    /// Whether the data may be out of date, because the product service cannot be reached.
    pub stale: bool,
    /// Time at which the shop first received the product.
    pub listed_at: Timestamp,
}

/// One page of a list of products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductPage {
    /// The products of this page.
    pub items: Vec<Product>,
    /// The `cursor` of the next page; absent on the last page.
    pub next_cursor: Option<String>,
    /// Number of products on all pages.
    pub total: u64,
    /// A search text with results; present when this search found nothing and a similar word exists.
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
    /// Best match first; by name without a search text.
    #[default]
    Relevance,
    /// By name, A to Z.
    Name,
    /// By price, cheapest first; equal prices by id.
    Price,
    /// By price, dearest first; equal prices by id.
    PriceDesc,
    /// By the time of listing, newest first.
    Newest,
}

/// Filters, order and page of a list of products.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProductQuery {
    /// Words to find in name, description, SKU and category, as they are, as beginnings of words, or with a typo; case
    /// and accents do not matter. A text with no letter or digit in it finds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Only products of the category with this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Minimum price of one piece, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_min: Option<i64>,
    /// Maximum price of one piece, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_max: Option<i64>,
    /// `true`: only products with available stock; `false`: only those without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_stock: Option<bool>,
    /// `true`: only products on sale; `false`: only those that are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_sale: Option<bool>,
    /// `true`: withdrawn products instead of those that can be bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<bool>,
    /// The order of the list; default `relevance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub sort: Option<ProductSort>,
    /// Maximum number of items in the page, 1 to 100; default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page; without it the list starts at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// An order that `in_baskets` does not count: the shopper's own basket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// The answer waits until the list includes the events up to this position of the log (`Storefront-Position` of a
    /// write), at most 5 s; then it is 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}

/// Options of reading one product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OneProductQuery {
    /// An order that `in_baskets` does not count: the shopper's own basket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// The answer waits until it includes the events up to this position of the log (`Storefront-Position` of a write),
    /// at most 5 s; then it is 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}

/// A category of products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// The name of the category, unique in the shop.
    pub name: String,
    /// Number of products in it that can be bought.
    pub products: u32,
}

/// All categories, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CategoryList {
    /// The categories, in the order of their names.
    pub items: Vec<Category>,
}

/// The body of `POST /v1/categories`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    /// The name of the category, 1 to 50 characters, unique in the shop.
    #[schema(min_length = 1, max_length = 50)]
    pub name: String,
}

/// The body of `POST /v1/products`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    /// The id: 1 to 64 lower-case letters, digits and hyphens; without it, an id is made from the name, which then has a letter of
    /// `a` to `z` or a digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9-]{1,64}$")]
    pub id: Option<ProductId>,
    /// The article number of the seller (stock keeping unit), 1 to 40 characters, unique in the shop.
    #[schema(min_length = 1, max_length = 40)]
    pub sku: String,
    /// The name that shoppers see, 1 to 100 characters, unique in the shop.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Description for shoppers, at most 2,000 characters; may be empty.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: String,
    /// The name of an existing category.
    #[schema(min_length = 1, max_length = 50)]
    pub category: String,
    /// Price of one piece, VAT included; above 0 and at most 9,999,999,999 minor units
    /// (99,999,999.99 in EUR), in the shop's currency.
    #[schema(value_type = crate::money_limits::Price)]
    pub price: Money,
    /// Price of one piece before a sale: above `price` and at most 9,999,999,999 minor units. Puts the product on sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::money_limits::Price>)]
    pub compare_at_price: Option<Money>,
    /// VAT that the price includes, in percent, 0 to 100, such as 19 or 5.5.
    pub vat_rate_percent: VatRate,
    /// Properties by name, such as `"material": "oak"`; at most 20.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// Change the description of a product. A field that is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeProduct {
    /// The new article number, 1 to 40 characters, unique in the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 40)]
    pub sku: Option<String>,
    /// The new name, 1 to 100 characters, unique in the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// The new description, at most 2,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// The name of an existing category.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 50)]
    pub category: Option<String>,
    /// Price of one piece before a sale: above the price and at most 9,999,999,999 minor units. `null` ends the sale.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "null_is_a_value")]
    #[schema(value_type = Option<crate::money_limits::Price>)]
    pub compare_at_price: Option<Option<Money>>,
    /// VAT that the price includes, in percent, 0 to 100, such as 19 or 5.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat_rate_percent: Option<VatRate>,
    /// Properties by name, at most 20; they replace all present ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, String>>,
}

fn null_is_a_value<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<Option<Money>>, D::Error> {
    Option::deserialize(json).map(Some)
}

/// Change the price of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepriceProduct {
    /// The new price of one piece, VAT included; above 0 and at most 9,999,999,999 minor units, in the shop's currency.
    #[schema(value_type = crate::money_limits::Price)]
    pub price: Money,
    /// The reason, 1 to 200 characters; it is in the log, which is readable by everybody.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}
