//! What is made of the product service's JSON.

use super::*;

const DEFAULTS: Defaults = Defaults { currency: Currency::EUR, vat_rate: Some(VatRate::percent(19)) };

fn read(json: &str) -> Result<SeenProduct, String> {
    parse_product(json.as_bytes(), DEFAULTS).map_err(|unreadable| unreadable.to_string())
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
        ProductFacts {
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
        ProductFacts {
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
    let yen = Defaults { currency: "JPY".parse().unwrap(), ..DEFAULTS };
    let yen = parse_product(br#"{"id": "a", "name": "A", "price": 300}"#, yen).unwrap();
    assert_eq!(yen.facts.price.to_string(), "300 JPY");
}

#[test]
fn with_a_currency_a_price_is_whole_minor_units() {
    let priced = |price: &str| {
        read(&format!(r#"{{"id": "mug", "name": "Mug", "price": {price}, "currency": "EUR"}}"#))
            .map(|mug| mug.facts.price.amount)
    };
    assert_eq!(priced("1250"), Ok(1250));
    assert_eq!(priced("12.5").unwrap_err(), "product mug: its price 12.5 has more decimal places than its currency");
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
        (r#"{"id": "", "name": "Mug", "price": 1}"#, "a product: \"\" is not a product id: 1 to 64 characters"),
        (r#"{"id": "mug", "price": 1}"#, "product mug: it has no name"),
        (r#"{"id": "mug", "name": " \t", "price": 1}"#, "product mug: it has no name"),
        (r#"{"id": "mug", "name": {"en": "Mug"}, "price": 1}"#, "product mug: its name is no text"),
        (r#"{"id": "mug", "name": "Mug"}"#, "product mug: it has no price"),
        (r#"{"id": "mug", "name": "Mug", "price": null}"#, "product mug: it has no price"),
        (r#"{"id": "mug", "name": "Mug", "price": {}}"#, "product mug: its price is no number"),
        (r#"{"id": "mug", "name": "Mug", "price": 0}"#, "product mug: its price is not above zero"),
        (r#"{"id": "mug", "name": "Mug", "price": -1}"#, "product mug: its price is not above zero"),
        (r#"{"id": "mug", "name": "Mug", "price": "free"}"#, "product mug: its price \"free\" is not a decimal number"),
        (
            r#"{"id": "mug", "name": "Mug", "price": 100000000}"#,
            "product mug: its price is 100000000.00 EUR, and the highest is 99999999.99 EUR",
        ),
        (
            r#"{"id": "mug", "name": "Mug", "price": 1, "currency": "USD"}"#,
            "product mug: its currency is \"USD\", the shop's is EUR",
        ),
        (r#"{"id": "mug", "name": "Mug", "price": 1, "vat_rate_percent": 101}"#, "product mug: its VAT rate is 101"),
        (r#"{"id": "mug", "name": "Mug", "price": 1, "active": "perhaps"}"#, "product mug: its active is \"perhaps\""),
        (
            r#"{"id": "mug", "name": "Mug", "price": 1, "attributes": ["red"]}"#,
            "product mug: its attributes are no names with values",
        ),
        (r#"{"id": "a/b", "price": 1}"#, "product a/b: it has no name"),
    ] {
        assert_eq!(read(json).unwrap_err(), reason, "{json}");
    }
    assert!(read("[]").is_err());
}

#[test]
fn what_means_the_same_in_other_types_is_taken() {
    let mug = read(
        r#"{"id": 17, "sku": 4711, "name": 5, "description": null, "category": 3, "price": "1250", "currency": "eur",
            "vat_rate_percent": "5.5", "attributes": [], "active": 1, "picture": null}"#,
    )
    .unwrap();
    let facts = &mug.facts;
    assert_eq!((mug.id.as_str(), mug.active), ("17", true));
    assert_eq!((facts.sku.as_str(), facts.name.as_str(), facts.category.as_str()), ("4711", "5", "3"));
    assert_eq!((facts.price.amount, facts.vat_rate_percent.to_string()), (1250, "5.5".to_owned()));
    assert!(facts.attributes.is_empty() && facts.picture.is_none());
    for (json, active) in
        [("1", true), ("\"true\"", true), ("\"1\"", true), ("0", false), ("\"False\"", false), ("null", true)]
    {
        let mug = read(&format!(r#"{{"id": "mug", "name": "Mug", "price": 1, "active": {json}}}"#)).unwrap();
        assert_eq!(mug.active, active, "{json}");
    }
}

#[test]
fn any_id_is_taken_and_leads_back_to_itself() {
    for (id, ours) in [
        ("tea/green", "tea~2Fgreen"),
        ("a=b", "a~3Db"),
        ("küche", "k~C3~BCche"),
        ("~", "~7E"),
        ("a b", "a~20b"),
        ("..", "~2E~2E"),
        ("mug-1_x.y", "mug-1_x.y"),
    ] {
        let json = serde_json::json!({ "id": id, "name": "Mug", "price": 1 }).to_string();
        let mug = read(&json).unwrap();
        assert_eq!((mug.id.as_str(), mug.id.foreign().as_str()), (ours, id));
        assert_eq!(ours.parse(), Ok(mug.id), "it is an id of ours");
    }
    assert_eq!(read(r#"{"id": "tea/green", "name": "Tea", "price": 1}"#).unwrap().facts.sku, "TEA/GREEN");
}

#[test]
fn a_product_without_a_rate_of_vat_has_the_default_or_is_not_read() {
    let json = br#"{"id": "mug", "name": "Mug", "price": 1}"#;
    let mug = parse_product(json, DEFAULTS).unwrap();
    assert_eq!((mug.facts.vat_rate_percent, mug.has_own_vat_rate), (VatRate::percent(19), false));
    let none = parse_product(json, Defaults { vat_rate: None, ..DEFAULTS }).unwrap_err();
    assert_eq!(none.to_string(), "product mug: it has no VAT rate");
    let own = parse_product(br#"{"id": "mug", "name": "Mug", "price": 1, "vat_rate_percent": 19}"#, DEFAULTS).unwrap();
    assert!(own.has_own_vat_rate);
}

#[test]
fn texts_come_without_control_characters_and_are_cut_to_size() {
    let json =
        format!(r#"{{"id": "mug", "name": "Red\u001b[31m\nmug", "price": 1, "description": "{}"}}"#, "x".repeat(6000));
    let mug = read(&json).unwrap();
    assert_eq!(mug.facts.name, "Red [31m mug");
    assert_eq!(mug.facts.description.len(), 5000);
}

#[test]
fn a_list_names_what_makes_no_sense_and_has_the_rest() {
    let json =
        r#"{"products": [{"id": "a", "name": "A", "price": 1}, {"id": "b"}, 7, {"id": "a", "name": "A", "price": 2}]}"#;
    let Listing { products, unreadable } = parse_listing(json.as_bytes(), DEFAULTS).unwrap();
    assert_eq!(products.iter().map(|product| product.id.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(products[0].facts.price.amount, 100, "the first of two counts");
    let told: Vec<_> = unreadable.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["product b: it has no name", "it is no object with fields", "product a: its id is there twice"]);
}

#[test]
fn a_list_may_be_bare() {
    let list = parse_listing(br#" [{"id": 1, "name": "A", "price": "1.50"}]"#, DEFAULTS).unwrap();
    assert_eq!((list.products.len(), list.unreadable.len()), (1, 0));
    assert_eq!(parse_listing(b"[]", DEFAULTS), Ok(Listing::default()));
    assert!(parse_listing(br#"{"items": []}"#, DEFAULTS).is_err());
    assert!(parse_listing(b"<html>", DEFAULTS).is_err());
}

#[test]
fn changes_carry_their_reason_and_a_withdrawn_product_is_not_active() {
    let json = r#"{"changes": [
        {"sequence": 4, "product_id": "a", "kind": "repriced", "product": {"id": "a", "name": "A", "price": 2}, "reason": "spring sale"},
        {"sequence": 5, "product_id": "a", "kind": "withdrawn", "product": {"id": "a", "name": "A", "price": 2}, "reason": null},
        {"sequence": 6, "product_id": "b", "kind": "created", "product": {"id": "b"}},
        {"sequence": 7, "product_id": "c", "kind": "deleted"},
        {"sequence": 8, "product_id": "b", "kind": "withdrawn", "product": {"id": "b"}}
    ], "next_after": 8, "head": 9}"#;
    let changes = parse_changes(json.as_bytes(), DEFAULTS).unwrap();
    assert_eq!((changes.next_after, changes.head, changes.changes.len()), (8, 9, 4));
    let event_at = |at: usize| {
        let Change { sequence, kind, product, .. } = &changes.changes[at];
        let product = product.as_ref().unwrap();
        (*sequence, kind.as_str(), product.active, product.reason.as_deref())
    };
    assert_eq!(event_at(0), (4, "repriced", true, Some("spring sale")));
    assert_eq!(event_at(1), (5, "withdrawn", false, None));
    for (at, id) in [(2, "c"), (3, "b")] {
        let is_removal = &changes.changes[at];
        assert_eq!(
            (is_removal.product_id.as_str(), &is_removal.product),
            (id, &None),
            "gone, whatever else is said of it"
        );
    }
    assert_eq!(changes.unreadable[0].to_string(), "product b: it has no name");
}
