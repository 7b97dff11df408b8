//! Lenient parsing of the product service's JSON: valid products are returned, and invalid ones are reported with a
//! reason.
//!
//! Two formats are supported. The full one names its `currency`, and its prices are in minor units. A minimal `{id,
//! name, price}`, as simpler services answer, has no `currency`; its price is a decimal (number or text) in the shop's
//! currency, and missing fields have defaults. In both, equivalent values of other types are accepted: a number for a
//! text, `1` or `"true"` for `true`, `[]` for no attributes, `eur` for `EUR`. Nothing here does I/O.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use storefront_api::{Currency, Money, ProductId, VatRate};
use storefront_domain::product::ProductFacts;

use super::decimal;
use super::product_service::{Change, Changes, Listing, SeenProduct, Unreadable};

const DEFAULT_CATEGORY: &str = "General";
const MAX_SHORT_TEXT_CHARS: usize = 200;
const MAX_LONG_TEXT_CHARS: usize = 5_000;
const MAX_ATTRIBUTES: usize = 50;
/// Kinds of change after which a product is not for sale, whatever its fields say.
const REMOVAL_KINDS: [&str; 3] = ["withdrawn", "deleted", "removed"];

/// Defaults for values that the service does not give.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// The one currency of the shop.
    pub(super) currency: Currency,
    /// VAT rate of a product without one; with `None` such a product is unreadable.
    pub(super) vat_rate: Option<VatRate>,
}

/// The fields of a product, as raw JSON.
type Fields<'a> = HashMap<String, &'a RawValue>;

/// Parses `{"products": […]}`, or a bare array.
pub(super) fn parse_listing(json: &[u8], defaults: Defaults) -> Result<Listing, String> {
    #[derive(Deserialize)]
    struct Products<'a> {
        #[serde(borrow)]
        products: Vec<&'a RawValue>,
    }
    let is_bare = json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let entries: Vec<&RawValue> = if is_bare { from_json(json)? } else { from_json::<Products<'_>>(json)?.products };
    let mut ids = HashSet::new();
    let mut listing = Listing::default();
    for entry in entries {
        match read_product(entry, defaults) {
            Ok(product) if ids.insert(product.id.clone()) => listing.products.push(product),
            Ok(SeenProduct { id, .. }) => {
                listing.unreadable.push(Unreadable { id: Some(id), reason: "its id is there twice".to_owned() });
            }
            Err(unreadable) => listing.unreadable.push(unreadable),
        }
    }
    Ok(listing)
}

pub(super) fn parse_product(json: &[u8], defaults: Defaults) -> Result<SeenProduct, Unreadable> {
    let entry = from_json(json).map_err(|reason| Unreadable { id: None, reason })?;
    read_product(entry, defaults)
}

/// Parses `{"categories": [{"name": "…"}]}`.
pub(super) fn parse_categories(json: &[u8]) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Categories {
        categories: Vec<Category>,
    }
    #[derive(Deserialize)]
    struct Category {
        name: String,
    }
    let Categories { categories } = from_json(json)?;
    Ok(categories
        .into_iter()
        .filter_map(|category| Some(short(&category.name)).filter(|name| !name.is_empty()))
        .collect())
}

/// Parses `{"changes": […], "next_after": n, "head": n}`.
pub(super) fn parse_changes(json: &[u8], defaults: Defaults) -> Result<Changes, String> {
    #[derive(Deserialize)]
    struct Feed<'a> {
        #[serde(borrow)]
        changes: Vec<&'a RawValue>,
        next_after: u64,
        head: u64,
    }
    let feed: Feed<'_> = from_json(json)?;
    let mut changes =
        Changes { changes: Vec::new(), unreadable: Vec::new(), next_after: feed.next_after, head: feed.head };
    for entry in feed.changes {
        match read_change(entry, defaults) {
            Ok(change) => changes.changes.push(change),
            Err(unreadable) => changes.unreadable.push(unreadable),
        }
    }
    Ok(changes)
}

fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

#[derive(Deserialize)]
struct ChangeJson<'a> {
    sequence: u64,
    kind: String,
    #[serde(borrow)]
    product_id: Option<&'a RawValue>,
    #[serde(borrow)]
    product: Option<&'a RawValue>,
    reason: Option<String>,
}

fn read_change(entry: &RawValue, defaults: Defaults) -> Result<Change, Unreadable> {
    let unreadable = |reason| Unreadable { id: None, reason };
    let json: ChangeJson<'_> =
        from_json(entry.get().as_bytes()).map_err(|error| unreadable(format!("a change: {error}")))?;
    let (sequence, kind) = (json.sequence, json.kind);
    let is_removal = REMOVAL_KINDS.contains(&kind.as_str());
    let product = match json.product {
        Some(product) => read_product(product, defaults),
        None => Err(unreadable("a change without a product".to_owned())),
    };
    match product {
        Ok(mut product) => {
            product.active &= !is_removal;
            product.reason = json.reason.map(|reason| short(&reason)).filter(|reason| !reason.is_empty());
            Ok(Change { sequence, kind, product_id: product.id.clone(), product: Some(product) })
        }
        Err(Unreadable { id, reason }) => {
            let id = id.or_else(|| json.product_id.and_then(|raw| read_id(raw).ok()));
            match id {
                // A removal needs no valid product.
                Some(product_id) if is_removal => Ok(Change { sequence, kind, product_id, product: None }),
                id => Err(Unreadable { id, reason }),
            }
        }
    }
}

fn read_product(entry: &RawValue, defaults: Defaults) -> Result<SeenProduct, Unreadable> {
    let fields: Fields<'_> = from_json(entry.get().as_bytes())
        .map_err(|_| Unreadable { id: None, reason: "it is no object with fields".to_owned() })?;
    let raw = fields.get("id").ok_or(Unreadable { id: None, reason: "a product without an id".to_owned() })?;
    let id = read_id(raw).map_err(|reason| Unreadable { id: None, reason })?;
    let read = || {
        let (facts, has_own_vat_rate) = read_facts(&id, &fields, defaults)?;
        let active = flag(&fields, "active")?.unwrap_or(true);
        Ok(SeenProduct { id: id.clone(), facts, active, reason: None, has_own_vat_rate })
    };
    read().map_err(|reason| Unreadable { id: Some(id.clone()), reason })
}

/// Reads an id: text, or a number as it is written. Ids that are not valid here are encoded; see
/// [`ProductId::from_foreign`].
fn read_id(raw: &RawValue) -> Result<ProductId, String> {
    let text = scalar_text(raw).ok_or("a product whose id is no text or number")?;
    ProductId::from_foreign(text.trim()).map_err(|error| format!("a product: {error}"))
}

fn read_facts(id: &ProductId, fields: &Fields<'_>, defaults: Defaults) -> Result<(ProductFacts, bool), String> {
    let name = text(fields, "name")?.ok_or("it has no name")?;
    let shop_currency = defaults.currency;
    let currency = text(fields, "currency")?;
    if let Some(currency) = &currency
        && currency.to_ascii_uppercase() != shop_currency.as_str()
    {
        return Err(format!("its currency is {currency:?}, the shop's is {shop_currency}"));
    }
    // With a currency, prices are in minor units; without, they are decimals.
    let exponent = if currency.is_some() { 0 } else { shop_currency.exponent() };
    let price = present(fields, "price").ok_or("it has no price")?;
    let price = read_price("price", price, exponent, shop_currency)?;
    let compare_at_price = present(fields, "compare_at_price")
        .map(|raw| read_price("price before", raw, exponent, shop_currency))
        .transpose()?
        .filter(|before| before.amount > price.amount);
    let own_vat_rate = present(fields, "vat_rate_percent").map(read_vat_rate).transpose()?;
    let vat_rate_percent = own_vat_rate.or(defaults.vat_rate).ok_or("it has no VAT rate")?;
    let facts = ProductFacts {
        sku: text(fields, "sku")?.unwrap_or_else(|| short(&id.foreign().to_uppercase())),
        name,
        description: long_text(fields, "description")?,
        category: text(fields, "category")?.unwrap_or_else(|| DEFAULT_CATEGORY.to_owned()),
        price,
        compare_at_price,
        vat_rate_percent,
        attributes: read_attributes(fields)?,
        picture: present(fields, "picture")
            .and_then(scalar_text)
            .map(|text| short(&text))
            .filter(|text| !text.is_empty()),
    };
    Ok((facts, own_vat_rate.is_some()))
}

/// Returns a field that is present and not null.
fn present<'a>(fields: &Fields<'a>, name: &str) -> Option<&'a RawValue> {
    fields.get(name).copied().filter(|raw| raw.get() != "null")
}

/// Reads a short text; `None` when it is absent or empty. A number counts as its text.
fn text(fields: &Fields<'_>, name: &str) -> Result<Option<String>, String> {
    let Some(raw) = present(fields, name) else { return Ok(None) };
    let text = scalar_text(raw).ok_or_else(|| format!("its {name} is no text"))?;
    Ok(Some(short(&text)).filter(|text| !text.is_empty()))
}

fn long_text(fields: &Fields<'_>, name: &str) -> Result<String, String> {
    let Some(raw) = present(fields, name) else { return Ok(String::new()) };
    let text = scalar_text(raw).ok_or_else(|| format!("its {name} is no text"))?;
    Ok(cleaned(&text, MAX_LONG_TEXT_CHARS, true))
}

fn flag(fields: &Fields<'_>, name: &str) -> Result<Option<bool>, String> {
    let Some(raw) = present(fields, name) else { return Ok(None) };
    let text = match raw.get() {
        "true" | "false" => raw.get().to_owned(),
        _ => scalar_text(raw).unwrap_or_default(),
    };
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(Some(true)),
        "false" | "0" | "no" => Ok(Some(false)),
        _ => Err(format!("its {name} is {}", short(raw.get()))),
    }
}

fn read_price(what: &str, raw: &RawValue, exponent: u32, currency: Currency) -> Result<Money, String> {
    let text = scalar_text(raw).ok_or_else(|| format!("its {what} is no number"))?;
    match decimal::to_minor_units(text.trim(), exponent) {
        Ok(amount) if amount > Money::MAX_PRICE_MINOR_UNITS => {
            let most = Money::new(Money::MAX_PRICE_MINOR_UNITS, currency);
            Err(format!("its {what} is {}, and the highest is {most}", Money::new(amount, currency)))
        }
        Ok(amount) if amount > 0 => Ok(Money::new(amount, currency)),
        Ok(_) => Err(format!("its {what} is not above zero")),
        Err(wrong) => Err(format!("its {what} {wrong}")),
    }
}

fn read_vat_rate(raw: &RawValue) -> Result<VatRate, String> {
    serde_json::from_str(raw.get()).map_err(|_| format!("its VAT rate is {}", short(raw.get())))
}

/// Reads the attributes; `[]` counts as none, as services in languages whose empty map is an empty list send it.
fn read_attributes(fields: &Fields<'_>) -> Result<BTreeMap<String, String>, String> {
    let Some(raw) = present(fields, "attributes") else { return Ok(BTreeMap::new()) };
    match serde_json::from_str(raw.get()) {
        Ok(Value::Object(attributes)) => Ok(attributes.iter().filter_map(attribute).take(MAX_ATTRIBUTES).collect()),
        Ok(Value::Array(none)) if none.is_empty() => Ok(BTreeMap::new()),
        Ok(_) | Err(_) => Err("its attributes are no names with values".to_owned()),
    }
}

/// Returns the text of a JSON string, or a JSON number as it is written; `None` for anything else.
fn scalar_text(raw: &RawValue) -> Option<String> {
    let json = raw.get();
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'-' | b'0'..=b'9' => Some(json.to_owned()),
        _ => None,
    }
}

fn attribute((name, value): (&String, &Value)) -> Option<(String, String)> {
    let value = match value {
        Value::String(text) => short(text),
        Value::Number(number) => number.to_string(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some((short(name), value))
}

fn short(text: &str) -> String {
    cleaned(text, MAX_SHORT_TEXT_CHARS, false)
}

/// Removes control and invisible characters, as texts appear on terminals and in mails, and truncates to `limit_chars`.
fn cleaned(text: &str, limit_chars: usize, keep_lines: bool) -> String {
    storefront_api::text::cleaned(text, keep_lines).trim().chars().take(limit_chars).collect()
}

#[cfg(test)]
#[path = "product_json_tests.rs"]
mod tests;
