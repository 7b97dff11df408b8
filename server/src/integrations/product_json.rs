//! The product service's JSON, read with care: what makes sense is taken, the rest is left out with a reason.
//!
//! Two forms are understood. The full one names its `currency`, and its prices are whole minor units. A bare
//! `{id, name, price}`, as simpler services answer, has no `currency`; its price is a decimal (number or text) in the
//! shop's currency, and what else it does not say has a default. Nothing here does I/O.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use storefront_api::{Currency, Money, ProductId, VatRate};
use storefront_domain::product::Facts;

use super::decimal;
use super::product_service::{Change, Changes, LeftOut, SeenProduct};

const DEFAULT_CATEGORY: &str = "General";
const DEFAULT_VAT_RATE: VatRate = VatRate::percent(19);
const SHORT_TEXT_CHARS: usize = 200;
const LONG_TEXT_CHARS: usize = 5_000;
const ATTRIBUTES: usize = 50;

/// Reads `{"products": […]}`, or a bare list.
pub(super) fn listing(json: &[u8], currency: Currency) -> Result<(Vec<SeenProduct>, Option<LeftOut>), String> {
    #[derive(Deserialize)]
    struct Listing<'a> {
        #[serde(borrow)]
        products: Vec<&'a RawValue>,
    }
    let is_bare = json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let entries: Vec<&RawValue> = if is_bare { parse(json)? } else { parse::<Listing<'_>>(json)?.products };
    let mut ids = HashSet::new();
    let mut sieve = Sieve::default();
    let products = entries.into_iter().filter_map(|entry| {
        let read = read_product(entry, currency).and_then(|product| {
            let fresh = ids.insert(product.id.clone());
            if fresh { Ok(product) } else { Err(format!("product {}: its id is there twice", product.id)) }
        });
        sieve.keep(read)
    });
    let products: Vec<_> = products.collect();
    match sieve.left_out {
        // Rather a misunderstanding than a shop that sells nothing any more.
        Some(LeftOut { count, first_reason }) if products.is_empty() => {
            Err(format!("none of its {count} products makes sense; {first_reason}"))
        }
        left_out => Ok((products, left_out)),
    }
}

/// Reads one product.
pub(super) fn product(json: &[u8], currency: Currency) -> Result<SeenProduct, String> {
    read_product(parse(json)?, currency)
}

/// Reads `{"categories": [{"name": "…"}]}`.
pub(super) fn categories(json: &[u8]) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Categories {
        categories: Vec<Category>,
    }
    #[derive(Deserialize)]
    struct Category {
        name: String,
    }
    let Categories { categories } = parse(json)?;
    Ok(categories.into_iter().filter_map(|category| text(Some(&category.name))).collect())
}

/// Reads `{"changes": […], "next_after": n, "head": n}`.
pub(super) fn changes(json: &[u8], currency: Currency) -> Result<(Changes, Option<LeftOut>), String> {
    #[derive(Deserialize)]
    struct Feed<'a> {
        #[serde(borrow)]
        changes: Vec<&'a RawValue>,
        next_after: u64,
        head: u64,
    }
    let feed: Feed<'_> = parse(json)?;
    let mut sieve = Sieve::default();
    let changes = feed.changes.into_iter().filter_map(|entry| sieve.keep(read_change(entry, currency))).collect();
    Ok((Changes { changes, next_after: feed.next_after, head: feed.head }, sieve.left_out))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

/// Counts what is left out, and keeps the first reason.
#[derive(Default)]
struct Sieve {
    left_out: Option<LeftOut>,
}

impl Sieve {
    fn keep<T>(&mut self, read: Result<T, String>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(reason) => {
                self.left_out.get_or_insert(LeftOut { count: 0, first_reason: reason }).count += 1;
                None
            }
        }
    }
}

#[derive(Deserialize)]
struct ChangeJson<'a> {
    sequence: u64,
    kind: String,
    #[serde(borrow)]
    product: &'a RawValue,
    reason: Option<String>,
}

fn read_change(entry: &RawValue, currency: Currency) -> Result<Change, String> {
    let json: ChangeJson<'_> = parse(entry.get().as_bytes()).map_err(|error| format!("a change: {error}"))?;
    let mut product = read_product(json.product, currency)?;
    product.active &= json.kind != "withdrawn";
    product.reason = json.reason.map(|reason| short(&reason)).filter(|reason| !reason.is_empty());
    Ok(Change { sequence: json.sequence, kind: json.kind, product })
}

#[derive(Deserialize)]
struct ProductJson<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    sku: Option<String>,
    name: Option<String>,
    description: Option<String>,
    category: Option<String>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    currency: Option<String>,
    #[serde(borrow)]
    compare_at_price: Option<&'a RawValue>,
    #[serde(borrow)]
    vat_rate_percent: Option<&'a RawValue>,
    attributes: Option<BTreeMap<String, Value>>,
    active: Option<bool>,
    picture: Option<String>,
}

fn read_product(entry: &RawValue, currency: Currency) -> Result<SeenProduct, String> {
    let json: ProductJson<'_> = parse(entry.get().as_bytes()).map_err(|error| format!("a product: {error}"))?;
    let id = read_id(json.id)?;
    let wrong = |what: String| format!("product {id}: {what}");
    let facts = read_facts(&id, &json, currency).map_err(wrong)?;
    Ok(SeenProduct { id, facts, active: json.active.unwrap_or(true), reason: None })
}

/// An id is text, or a whole number that is taken as text.
fn read_id(raw: Option<&RawValue>) -> Result<ProductId, String> {
    let text = scalar_text(raw.ok_or("a product without an id")?).ok_or("a product whose id is no text or number")?;
    text.parse().map_err(|error: storefront_api::BadId| format!("a product: {error}"))
}

fn read_facts(id: &ProductId, json: &ProductJson<'_>, shop_currency: Currency) -> Result<Facts, String> {
    let name = text(json.name.as_deref()).ok_or("it has no name")?;
    if let Some(currency) = &json.currency
        && currency != shop_currency.as_str()
    {
        return Err(format!("its currency is {:?}, the shop's is {shop_currency}", short(currency)));
    }
    // A service that names a currency counts in minor units; one that does not writes decimals.
    let exponent = if json.currency.is_some() { 0 } else { shop_currency.exponent() };
    let price = read_price(json.price.ok_or("it has no price")?, exponent, shop_currency)?;
    let compare_at_price = json
        .compare_at_price
        .map(|raw| read_price(raw, exponent, shop_currency))
        .transpose()?
        .filter(|before| before.amount > price.amount);
    let vat_rate_percent = json.vat_rate_percent.map(read_vat_rate).transpose()?.unwrap_or(DEFAULT_VAT_RATE);
    Ok(Facts {
        sku: text(json.sku.as_deref()).unwrap_or_else(|| id.as_str().to_uppercase()),
        name,
        description: cleaned(json.description.as_deref().unwrap_or_default(), LONG_TEXT_CHARS, true),
        category: text(json.category.as_deref()).unwrap_or_else(|| DEFAULT_CATEGORY.to_owned()),
        price,
        compare_at_price,
        vat_rate_percent,
        attributes: json.attributes.iter().flatten().filter_map(attribute).take(ATTRIBUTES).collect(),
        picture: text(json.picture.as_deref()),
    })
}

fn read_price(raw: &RawValue, exponent: u32, currency: Currency) -> Result<Money, String> {
    let text = scalar_text(raw).ok_or("its price is no number")?;
    match decimal::to_minor_units(text.trim(), exponent) {
        Ok(amount) if amount > 0 => Ok(Money::new(amount, currency)),
        Ok(_) => Err("its price is not above zero".to_owned()),
        Err(wrong) => Err(format!("its price {wrong}")),
    }
}

fn read_vat_rate(raw: &RawValue) -> Result<VatRate, String> {
    serde_json::from_str(raw.get()).map_err(|_| format!("its VAT rate is {}", short(raw.get())))
}

/// The text of a JSON string, or a JSON number as it is written; `None` for anything else.
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

/// A short text that is there and not empty.
fn text(text: Option<&str>) -> Option<String> {
    text.map(short).filter(|text| !text.is_empty())
}

fn short(text: &str) -> String {
    cleaned(text, SHORT_TEXT_CHARS, false)
}

/// Without control characters (a text ends up on terminals and in mails), not longer than it should be.
fn cleaned(text: &str, limit_chars: usize, keep_lines: bool) -> String {
    let plain = |char: char| if char.is_control() && !(keep_lines && char == '\n') { ' ' } else { char };
    text.trim().chars().map(plain).take(limit_chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<SeenProduct, String> {
        product(json.as_bytes(), Currency::EUR)
    }

    fn price_of(price: &str) -> Result<i64, String> {
        read(&format!(r#"{{"id": "mug", "name": "Mug", "price": {price}}}"#)).map(|mug| mug.facts.price.amount)
    }

    #[test]
    fn a_full_product_is_taken_as_it_is() {
        let mug = read(
            r#"{"id": "enamel-mug", "sku": "KIT-0007", "name": "Enamel mug", "description": "For tea.\nAnd coffee.",
                "category": "Kitchen", "price": 1250, "currency": "EUR", "compare_at_price": 1500, "vat_rate_percent": 7,
                "attributes": {"colour": "white", "litres": 0.3, "lid": false, "notes": null}, "active": false,
                "picture": "/v1/product/enamel-mug/picture", "new_field": 1}"#,
        )
        .unwrap();
        assert_eq!((mug.id.as_str(), mug.active, mug.reason), ("enamel-mug", false, None));
        let eur = |amount| Money::new(amount, Currency::EUR);
        let attributes = [("colour", "white"), ("lid", "no"), ("litres", "0.3")];
        assert_eq!(
            mug.facts,
            Facts {
                sku: "KIT-0007".into(),
                name: "Enamel mug".into(),
                description: "For tea.\nAnd coffee.".into(),
                category: "Kitchen".into(),
                price: eur(1250),
                compare_at_price: Some(eur(1500)),
                vat_rate_percent: VatRate::percent(7),
                attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                picture: Some("/v1/product/enamel-mug/picture".into()),
            }
        );
    }

    #[test]
    fn a_bare_product_has_a_decimal_price_and_defaults() {
        let mug = read(r#"{"id": 17, "name": " Mug ", "price": 12.5}"#).unwrap();
        assert_eq!((mug.id.as_str(), mug.active), ("17", true));
        assert_eq!(
            mug.facts,
            Facts {
                sku: "17".into(),
                name: "Mug".into(),
                description: String::new(),
                category: "General".into(),
                price: Money::new(1250, Currency::EUR),
                compare_at_price: None,
                vat_rate_percent: VatRate::percent(19),
                attributes: BTreeMap::new(),
                picture: None,
            }
        );
        assert_eq!(read(r#"{"id": "tea-x", "name": "Tea", "price": 1}"#).unwrap().facts.sku, "TEA-X");
    }

    #[test]
    fn a_rate_of_vat_may_have_decimals_and_be_text() {
        for (json, percent) in [("5.5", "5.5"), ("25.5", "25.5"), ("19.0", "19"), ("\"8.1\"", "8.1"), ("0", "0")] {
            let mug = read(&format!(r#"{{"id": "mug", "name": "Mug", "price": 1, "vat_rate_percent": {json}}}"#));
            assert_eq!(mug.unwrap().facts.vat_rate_percent.to_string(), percent, "{json}");
        }
    }

    #[test]
    fn decimal_prices_are_read_exactly_from_numbers_and_from_text() {
        for (json, cents) in [("4.35", 435), ("\"4.35\"", 435), ("\" 4 \"", 400), ("1e1", 1000), ("0.07", 7)] {
            assert_eq!(price_of(json), Ok(cents), "{json}");
        }
        let yen = product(br#"{"id": "a", "name": "A", "price": 300}"#, "JPY".parse().unwrap()).unwrap();
        assert_eq!(yen.facts.price.to_string(), "300 JPY");
    }

    #[test]
    fn with_a_currency_a_price_is_whole_minor_units() {
        let priced = |price: &str| {
            read(&format!(r#"{{"id": "mug", "name": "Mug", "price": {price}, "currency": "EUR"}}"#))
                .map(|mug| mug.facts.price.amount)
        };
        assert_eq!(priced("1250"), Ok(1250));
        assert_eq!(
            priced("12.5").unwrap_err(),
            "product mug: its price 12.5 has more decimal places than its currency"
        );
    }

    #[test]
    fn a_compare_at_price_that_is_no_higher_says_nothing() {
        let mug = read(r#"{"id": "mug", "name": "Mug", "price": 5.00, "compare_at_price": "5.0"}"#).unwrap();
        assert_eq!(mug.facts.compare_at_price, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_reason() {
        for (json, reason) in [
            (r#"{"name": "Mug", "price": 1}"#, "a product without an id"),
            (r#"{"id": true, "name": "Mug", "price": 1}"#, "a product whose id is no text or number"),
            (
                r#"{"id": "a b", "name": "Mug", "price": 1}"#,
                "a product: \"a b\" is not a product id: 1 to 64 of A-Z a-z 0-9 . _ -",
            ),
            (r#"{"id": "mug", "price": 1}"#, "product mug: it has no name"),
            (r#"{"id": "mug", "name": " \t", "price": 1}"#, "product mug: it has no name"),
            (r#"{"id": "mug", "name": "Mug"}"#, "product mug: it has no price"),
            (r#"{"id": "mug", "name": "Mug", "price": null}"#, "product mug: it has no price"),
            (r#"{"id": "mug", "name": "Mug", "price": {}}"#, "product mug: its price is no number"),
            (r#"{"id": "mug", "name": "Mug", "price": 0}"#, "product mug: its price is not above zero"),
            (r#"{"id": "mug", "name": "Mug", "price": -1}"#, "product mug: its price is not above zero"),
            (
                r#"{"id": "mug", "name": "Mug", "price": "free"}"#,
                "product mug: its price \"free\" is not a decimal number",
            ),
            (
                r#"{"id": "mug", "name": "Mug", "price": 1, "currency": "USD"}"#,
                "product mug: its currency is \"USD\", the shop's is EUR",
            ),
            (
                r#"{"id": "mug", "name": "Mug", "price": 1, "vat_rate_percent": 101}"#,
                "product mug: its VAT rate is 101",
            ),
        ] {
            assert_eq!(read(json).unwrap_err(), reason, "{json}");
        }
        assert!(read(r#"{"id": "mug", "name": 5, "price": 1}"#).unwrap_err().starts_with("a product: invalid type"));
        assert!(read("[]").is_err());
    }

    #[test]
    fn texts_come_without_control_characters_and_are_cut_to_size() {
        let json = format!(
            r#"{{"id": "mug", "name": "Red\u001b[31m\nmug", "price": 1, "description": "{}"}}"#,
            "x".repeat(6000)
        );
        let mug = read(&json).unwrap();
        assert_eq!(mug.facts.name, "Red [31m mug");
        assert_eq!(mug.facts.description.len(), 5000);
    }

    #[test]
    fn a_list_leaves_out_what_makes_no_sense_and_says_so() {
        let json = r#"{"products": [{"id": "a", "name": "A", "price": 1}, {"id": "b"}, 7, {"id": "a", "name": "A", "price": 2}]}"#;
        let (products, left_out) = listing(json.as_bytes(), Currency::EUR).unwrap();
        assert_eq!(products.iter().map(|product| product.id.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(left_out, Some(LeftOut { count: 3, first_reason: "product b: it has no name".to_owned() }));
    }

    #[test]
    fn a_list_in_which_nothing_makes_sense_is_not_an_empty_one() {
        let json = br#"{"products": [{"id": "a", "name": "A", "price": 1, "currency": "USD"}, {}]}"#;
        assert_eq!(
            listing(json, Currency::EUR).unwrap_err(),
            "none of its 2 products makes sense; product a: its currency is \"USD\", the shop's is EUR"
        );
    }

    #[test]
    fn a_list_may_be_bare() {
        let (products, left_out) = listing(br#" [{"id": 1, "name": "A", "price": "1.50"}]"#, Currency::EUR).unwrap();
        assert_eq!((products.len(), left_out), (1, None));
        assert_eq!(listing(b"[]", Currency::EUR), Ok((Vec::new(), None)));
        assert!(listing(br#"{"items": []}"#, Currency::EUR).is_err());
        assert!(listing(b"<html>", Currency::EUR).is_err());
    }

    #[test]
    fn changes_carry_their_reason_and_a_withdrawn_product_is_not_active() {
        let json = r#"{"changes": [
            {"sequence": 4, "product_id": "a", "kind": "repriced", "product": {"id": "a", "name": "A", "price": 2}, "reason": "spring sale"},
            {"sequence": 5, "product_id": "a", "kind": "withdrawn", "product": {"id": "a", "name": "A", "price": 2}, "reason": null},
            {"sequence": 6, "product_id": "b", "kind": "created", "product": {"id": "b"}}
        ], "next_after": 6, "head": 9}"#;
        let (changes, left_out) = changes(json.as_bytes(), Currency::EUR).unwrap();
        assert_eq!((changes.next_after, changes.head, changes.changes.len()), (6, 9, 2));
        let told = |at: usize| {
            let change = &changes.changes[at];
            (change.sequence, change.kind.as_str(), change.product.active, change.product.reason.as_deref())
        };
        assert_eq!(told(0), (4, "repriced", true, Some("spring sale")));
        assert_eq!(told(1), (5, "withdrawn", false, None));
        assert_eq!(left_out.map(|left_out| left_out.count), Some(1));
    }
}
