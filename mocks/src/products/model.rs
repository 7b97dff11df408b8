//! Products, their changes, and validation. Pure: no storage, no HTTP.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

/// A product in the API. Prices are in minor units of `currency`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// Id for URLs, such as `enamel-mug`.
    pub id: String,
    /// The stock keeping unit, unique.
    pub sku: String,
    /// The display name, unique.
    pub name: String,
    pub description: String,
    pub category: String,
    /// The price including VAT, in minor units, above 0.
    pub price: i64,
    /// ISO 4217, upper case.
    pub currency: String,
    /// The former price of a product on sale, above the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<i64>,
    /// VAT contained in the price, in percent; 5.5 as well as 19.
    pub vat_rate_percent: Number,
    /// Further attributes, such as material or size.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    pub active: bool,
    /// Path of its picture below the service's base URL, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// When it was created, RFC 3339.
    pub created_at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Created,
    /// A field other than those below changed.
    Changed,
    /// The price or the compare-at price changed.
    Repriced,
    Withdrawn,
    Relisted,
    /// The picture was replaced or removed.
    PictureChanged,
}

/// One entry of the change feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its number: 1, 2, 3, …
    pub sequence: u64,
    pub product_id: String,
    pub kind: ChangeKind,
    /// The whole product as it was after the change.
    pub product: Product,
    /// The reason, if one was given.
    #[serde(default)]
    pub reason: Option<String>,
    /// The previous price in minor units, when it was repriced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_price: Option<i64>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductError {
    /// The product does not exist. The text is a sentence, as in all of these.
    Unknown(String),
    /// An id, SKU or name belongs to another product.
    Taken(String),
    Invalid(String),
    /// The picture is not a PNG.
    NotAPicture(String),
    UnknownCategory(String),
    /// The idempotency key belongs to another request.
    KeyReused(String),
}

impl ProductError {
    pub(crate) fn unknown(id: &str) -> ProductError {
        ProductError::Unknown(format!("There is no product `{id}`."))
    }
}

impl std::fmt::Display for ProductError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ProductError::Unknown(detail)
            | ProductError::Taken(detail)
            | ProductError::Invalid(detail)
            | ProductError::NotAPicture(detail)
            | ProductError::UnknownCategory(detail)
            | ProductError::KeyReused(detail) => f.write_str(detail),
        }
    }
}

impl std::error::Error for ProductError {}

/// A request to create a product. Without an id, one is made from the name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    /// See [`Product::id`]: lower-case letters, digits and hyphens, at most 64.
    pub id: Option<String>,
    pub sku: String,
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub category: String,
    pub price: i64,
    /// See [`Product::currency`]; EUR if not given.
    pub currency: Option<String>,
    pub compare_at_price: Option<i64>,
    /// See [`Product::vat_rate_percent`]; 19 if not given.
    pub vat_rate_percent: Option<Number>,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// See [`Product::active`]; true if not given.
    pub active: Option<bool>,
}

impl NewProduct {
    pub(crate) fn into_product(self) -> Result<Product, ProductError> {
        let product = Product {
            id: self.id.unwrap_or_else(|| slug(&self.name)),
            sku: self.sku,
            name: self.name,
            description: self.description,
            category: self.category,
            price: self.price,
            currency: self.currency.unwrap_or_else(|| "EUR".to_owned()),
            compare_at_price: self.compare_at_price,
            vat_rate_percent: self.vat_rate_percent.unwrap_or_else(|| Number::from(19)),
            attributes: self.attributes,
            active: self.active.unwrap_or(true),
            picture: None,
            created_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        };
        check(&product)?;
        Ok(product)
    }
}

/// A change of a product; fields left out stay. `compare_at_price: null` removes the compare-at price.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProductPatch {
    pub sku: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub category: Option<String>,
    /// See [`Product::price`]. At or above the compare-at price, that one is dropped: it is no sale any more.
    pub price: Option<i64>,
    pub currency: Option<String>,
    #[serde(deserialize_with = "null_is_a_value")]
    pub compare_at_price: Option<Option<i64>>,
    pub vat_rate_percent: Option<Number>,
    /// See [`Product::attributes`]; replaces them all.
    pub attributes: Option<BTreeMap<String, String>>,
    pub active: Option<bool>,
    /// The reason, shown in the change feed.
    pub reason: Option<String>,
}

fn null_is_a_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl ProductPatch {
    pub(crate) fn apply_to(self, before: &Product) -> Result<Product, ProductError> {
        let mut after = before.clone();
        after.sku = self.sku.unwrap_or(after.sku);
        after.name = self.name.unwrap_or(after.name);
        after.description = self.description.unwrap_or(after.description);
        after.category = self.category.unwrap_or(after.category);
        after.price = self.price.unwrap_or(after.price);
        after.currency = self.currency.unwrap_or(after.currency);
        after.vat_rate_percent = self.vat_rate_percent.unwrap_or(after.vat_rate_percent);
        after.attributes = self.attributes.unwrap_or(after.attributes);
        after.active = self.active.unwrap_or(after.active);
        match self.compare_at_price {
            Some(compare_at_price) => after.compare_at_price = compare_at_price,
            None => after.compare_at_price = after.compare_at_price.filter(|old| *old > after.price),
        }
        check(&after)?;
        Ok(after)
    }
}

/// The kinds of change between two versions, in the order of the feed.
pub(crate) fn kinds_of_change(before: &Product, after: &Product) -> Vec<ChangeKind> {
    let same_price_and_shelf = Product {
        price: before.price,
        compare_at_price: before.compare_at_price,
        active: before.active,
        ..after.clone()
    };
    let repriced = (before.price, before.compare_at_price) != (after.price, after.compare_at_price);
    [
        (same_price_and_shelf != *before, ChangeKind::Changed),
        (repriced, ChangeKind::Repriced),
        (before.active && !after.active, ChangeKind::Withdrawn),
        (!before.active && after.active, ChangeKind::Relisted),
    ]
    .into_iter()
    .filter_map(|(happened, kind)| happened.then_some(kind))
    .collect()
}

/// Path of a product's picture below the service's base URL.
pub(crate) fn picture_path(id: &str) -> String {
    format!("/v1/product/{id}/picture")
}

fn check(product: &Product) -> Result<(), ProductError> {
    let is_slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let invalid = |detail: &str| Err(ProductError::Invalid(detail.to_owned()));
    if !(1..=64).contains(&product.id.len()) || !product.id.chars().all(is_slug) {
        return invalid("`id` is 1 to 64 lower-case letters, digits and hyphens.");
    }
    for (field, text, longest) in [
        ("sku", &product.sku, 40),
        ("name", &product.name, 100),
        ("category", &product.category, 50),
        ("description", &product.description, 2_000),
    ] {
        let required = field != "description";
        if required && text.trim().is_empty() {
            return Err(ProductError::Invalid(format!("`{field}` must not be empty.")));
        }
        if text.chars().count() > longest {
            return Err(ProductError::Invalid(format!("`{field}` has at most {longest} characters.")));
        }
    }
    if product.price <= 0 {
        return invalid("`price` must be above 0; it is in minor units.");
    }
    if product.compare_at_price.is_some_and(|compare_at| compare_at <= product.price) {
        return invalid("`compare_at_price` must be above `price`.");
    }
    if product.currency.len() != 3 || !product.currency.chars().all(|c| c.is_ascii_uppercase()) {
        return invalid("`currency` is three upper-case letters (ISO 4217).");
    }
    // VAT rates have at most three decimal places.
    let thousandths = product.vat_rate_percent.as_f64().map(|percent| percent * 1_000.0);
    if !thousandths.is_some_and(|rate| (0.0..=100_000.0).contains(&rate) && (rate - rate.round()).abs() < 1e-6) {
        return invalid("`vat_rate_percent` is 0 to 100, with at most three decimal places.");
    }
    if product.attributes.len() > 20 {
        return invalid("A product has at most 20 attributes.");
    }
    Ok(())
}

/// `Enamel mug, blue` → `enamel-mug-blue`.
fn slug(name: &str) -> String {
    let lower: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<&str> = lower.split_whitespace().collect();
    words.join("-").chars().take(64).collect()
}
