//! Changes of products by operators: they go to the product service first, then into the log, and are visible at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use storefront_api::{
    Category, ChangeProduct, Currency, EventQuery, Money, NewCategory, NewProduct, OneProductQuery, OrderStatus,
    Product, ProductId, ProductQuery, RepriceProduct, VatRate,
};
use storefront_client::{ClientError, IdempotencyKey};
use storefront_mocks::{Faults, Stub};

use crate::world::{VISA, World, eventually};

fn euro(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn a_lamp() -> NewProduct {
    NewProduct {
        id: None,
        sku: "LIG-0001".to_owned(),
        name: "Reading Lamp".to_owned(),
        description: "Bends where you want it.".to_owned(),
        category: "Tools".to_owned(),
        price: euro(4_900),
        compare_at_price: None,
        vat_rate_percent: VatRate::percent(19),
        attributes: BTreeMap::from([("colour".to_owned(), "brass".to_owned())]),
    }
}

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

fn refusal_of<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (u16, String) {
    let error = result.unwrap_err();
    let problem = error.problem().unwrap_or_else(|| panic!("a problem, not {error}"));
    (problem.status, problem.code.clone())
}

/// What the log tells of a product, as types.
async fn product_events(world: &World, id: &ProductId) -> Vec<String> {
    let query = EventQuery { stream: Some(format!("product-{id}")), limit: Some(1000), ..EventQuery::default() };
    world.client.events(&query).await.unwrap().events.into_iter().map(|event| event.kind).collect()
}

/// The first page of a search that sees at least a position.
async fn search(world: &World, words: &str, position: Option<u64>) -> Vec<Product> {
    let query = ProductQuery { q: Some(words.to_owned()), min_position: position, ..ProductQuery::default() };
    world.client.products(&query).await.unwrap().items
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_product_can_be_found_and_bought_at_once() {
    let world = World::open().await;
    let written = world.client.create_product(&a_lamp(), &key()).await.unwrap();
    let lamp = &written.value;
    assert_eq!((lamp.id.as_str(), lamp.price, lamp.active), ("reading-lamp", euro(4_900), true));
    assert_eq!(search(&world, "raeding", written.position).await[0].id, lamp.id, "with a typo too");
    assert_eq!(world.mocks.products().get("reading-lamp").unwrap().sku, "LIG-0001", "the product service has it");
    assert_eq!(product_events(&world, &lamp.id).await, ["product.listed"]);
    world.receive_stock(&lamp.id, 1).await;
    let basket = world.a_basket(&lamp.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_changes_becomes_its_own_event_and_is_seen_at_its_position() {
    let world = World::open().await;
    let lamp = world.client.create_product(&a_lamp(), &key()).await.unwrap().value.id;
    let change = ChangeProduct { name: Some("Desk Lantern".to_owned()), ..ChangeProduct::default() };
    let written = world.client.change_product(&lamp, &change).await.unwrap();
    assert_eq!(search(&world, "lantern", written.position).await[0].id, lamp);

    let reprice = RepriceProduct { price: euro(3_900), reason: "brass got cheaper".to_owned() };
    let written = world.client.reprice_product(&lamp, &reprice, &key()).await.unwrap();
    assert_eq!(written.value.price, euro(3_900));
    let sale = ChangeProduct { compare_at_price: Some(Some(euro(4_900))), ..ChangeProduct::default() };
    assert_eq!(world.client.change_product(&lamp, &sale).await.unwrap().value.compare_at_price, Some(euro(4_900)));
    let over = ChangeProduct { compare_at_price: Some(None), ..ChangeProduct::default() };
    assert_eq!(world.client.change_product(&lamp, &over).await.unwrap().value.compare_at_price, None);

    let written = world.client.withdraw_product(&lamp, &key()).await.unwrap();
    assert!(!written.value.active);
    assert!(search(&world, "lantern", written.position).await.iter().all(|product| product.id != lamp));
    let withdrawn = ProductQuery { withdrawn: Some(true), ..ProductQuery::default() };
    let listed = world.client.products(&withdrawn).await.unwrap();
    assert_eq!((listed.total, &listed.items[0].id, listed.items[0].active), (1, &lamp, false));
    let written = world.client.relist_product(&lamp, &key()).await.unwrap();
    assert_eq!(search(&world, "lantern", written.position).await[0].id, lamp);
    assert_eq!(world.client.products(&withdrawn).await.unwrap().total, 0, "for sale again");
    assert_eq!(
        product_events(&world, &lamp).await,
        ["listed", "changed", "repriced", "changed", "changed", "withdrawn", "relisted"]
            .map(|what| format!("product.{what}"))
    );
    let events = EventQuery { kind: Some("product.repriced".to_owned()), limit: Some(1), ..EventQuery::default() };
    let repriced = world.client.events(&events).await.unwrap().events.remove(0);
    assert_eq!(repriced.data["reason"], "brass got cheaper");
    assert_ne!(repriced.correlation_id, "product-service", "the request is the cause");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_operators_at_once_and_the_service_itself_leave_one_history_in_which_every_price_follows_the_last() {
    let world = World::open().await;
    let id: ProductId = "kite".parse().unwrap();
    let at_once = (0..12).map(|number| {
        let (client, id) = (world.client.clone(), id.clone());
        let products = world.mocks.products().clone();
        tokio::spawn(async move {
            if number % 3 == 0 {
                products.reprice("kite", 5_000 + number, "from elsewhere").unwrap();
            } else {
                let reprice = RepriceProduct { price: euro(5_000 + number), reason: "from here".to_owned() };
                client.reprice_product(&id, &reprice, &key()).await.unwrap();
            }
        })
    });
    for one in at_once.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let feed = world.mocks.products().changes_after(0, usize::MAX);
    let service: Vec<i64> = feed
        .iter()
        .filter(|change| change.product_id == "kite" && change.old_price.is_some())
        .map(|change| change.product.price)
        .collect();
    let prices = eventually("everything is taken in", || async {
        let query =
            EventQuery { kind: Some("product.repriced".to_owned()), limit: Some(1000), ..EventQuery::default() };
        let events = world.client.events(&query).await.unwrap().events;
        let prices: Vec<i64> = events.iter().map(|event| event.data["new_price"]["amount"].as_i64().unwrap()).collect();
        (prices.len() >= service.len()).then_some(prices)
    })
    .await;
    assert_eq!(prices, service, "each change once, in the service's order");
}

#[tokio::test(flavor = "multi_thread")]
async fn categories_are_set_up_and_a_product_needs_one() {
    let world = World::open().await;
    let lamp = NewProduct { category: "Lighting".to_owned(), ..a_lamp() };
    assert_eq!(refusal_of(world.client.create_product(&lamp, &key()).await), (422, "unknown_category".to_owned()));
    let lighting = NewCategory { name: "Lighting".to_owned() };
    let written = world.client.create_category(&lighting, &key()).await.unwrap();
    assert_eq!(written.value, Category { name: "Lighting".to_owned(), products: 0 });
    let of = async |name: &str| {
        let all = world.client.categories().await.unwrap().items;
        all.into_iter().find(|category| category.name == name).map(|category| category.products)
    };
    assert_eq!(of("Lighting").await, Some(0), "an empty shelf is shown too");
    assert_eq!(refusal_of(world.client.create_category(&lighting, &key()).await), (409, "category_taken".to_owned()));
    world.client.create_product(&lamp, &key()).await.unwrap();
    assert_eq!(of("Lighting").await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_put_up_looked_at_replaced_and_taken_away() {
    let world = World::open().await;
    let lamp = world.client.create_product(&a_lamp(), &key()).await.unwrap().value.id;
    assert_eq!(world.client.picture(&lamp).await.unwrap(), None);
    for other in ["desk-duck", "kite"] {
        let png = world.mocks.products().picture(other).unwrap();
        assert!(world.client.set_picture(&lamp, png.clone()).await.unwrap().value.has_picture);
        assert_eq!(world.client.picture(&lamp).await.unwrap(), Some(png));
    }
    assert_eq!(
        product_events(&world, &lamp).await,
        ["product.listed", "product.changed", "product.changed"],
        "watchers are told"
    );
    assert!(!world.client.remove_picture(&lamp).await.unwrap().value.has_picture);
    assert_eq!(world.client.picture(&lamp).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_product_service_is_away_pictures_that_were_seen_are_still_shown() {
    let world = World::open().await;
    let (seen, unseen): (ProductId, ProductId) = ("kite".parse().unwrap(), "desk-duck".parse().unwrap());
    let png = world.client.picture(&seen).await.unwrap();
    world.set_outage(Stub::Products, true);
    assert_eq!(world.client.picture(&seen).await.unwrap(), png);
    assert_eq!(refusal_of(world.client.picture(&unseen).await), (503, "product_service_unavailable".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_make_no_sense_are_all_reported_and_nothing_is_written() {
    let world = World::open().await;
    let http = reqwest::Client::new();
    let head = world.head().await;
    let base = format!("{}/v1/products", world.server.url());
    let lamp = || json!(a_lamp());
    let with = |pointer: &str, value: Value| {
        let mut lamp = lamp();
        lamp[pointer] = value;
        lamp
    };
    let cases = [
        (
            reqwest::Method::POST,
            "",
            with("price", json!({"amount": 0, "currency": "EUR"})),
            422,
            "invalid_values",
            "/price/amount",
        ),
        (
            reqwest::Method::POST,
            "",
            with("price", json!({"amount": 5, "currency": "USD"})),
            422,
            "invalid_values",
            "/price/currency",
        ),
        (reqwest::Method::POST, "", with("vat_rate_percent", json!(101)), 422, "invalid_values", "/vat_rate_percent"),
        (reqwest::Method::POST, "", with("vat_rate_percent", json!(-1)), 422, "invalid_values", "/vat_rate_percent"),
        (reqwest::Method::POST, "", with("name", json!(" ")), 422, "invalid_values", "/name"),
        (reqwest::Method::POST, "", with("sku", json!("x".repeat(41))), 422, "invalid_values", "/sku"),
        (
            reqwest::Method::POST,
            "",
            with("compare_at_price", json!({"amount": 4900, "currency": "EUR"})),
            422,
            "invalid_values",
            "/compare_at_price",
        ),
        (reqwest::Method::POST, "", with("colour", json!("red")), 422, "invalid_values", "/colour"),
        (reqwest::Method::POST, "", with("sku", json!("KIT-0001")), 409, "product_taken", ""),
        (reqwest::Method::POST, "", with("name", json!("enamel MUG")), 409, "product_taken", ""),
        (reqwest::Method::POST, "", with("id", json!("kite")), 409, "product_taken", ""),
        (reqwest::Method::PATCH, "/kite", json!({"sku": "KIT-0001"}), 409, "product_taken", ""),
        (reqwest::Method::PATCH, "/kite", json!({"category": "Nowhere"}), 422, "unknown_category", ""),
        (
            reqwest::Method::PATCH,
            "/kite",
            json!({"price": {"amount": 1, "currency": "EUR"}}),
            422,
            "invalid_values",
            "/price",
        ),
        (reqwest::Method::PATCH, "/nobody", json!({}), 404, "product_not_found", ""),
        (
            reqwest::Method::POST,
            "/kite/reprice",
            json!({"price": {"amount": 1, "currency": "EUR"}}),
            422,
            "invalid_values",
            "",
        ),
        (
            reqwest::Method::POST,
            "/kite/reprice",
            json!({"price": {"amount": -1, "currency": "EUR"}, "reason": ""}),
            422,
            "invalid_values",
            "/reason",
        ),
        (reqwest::Method::POST, "/nobody/withdraw", json!(null), 404, "product_not_found", ""),
        (reqwest::Method::PUT, "/kite/picture", json!({}), 415, "not_a_picture", ""),
        (reqwest::Method::DELETE, "/nobody/picture", json!(null), 404, "product_not_found", ""),
    ];
    for (method, path, body, status, code, pointer) in cases {
        let answer = http.request(method.clone(), format!("{base}{path}")).json(&body).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{method} {path} {body}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&json!(status), &json!(code)),
            "{method} {path} {body}: {problem}"
        );
        let pointers = problem["errors"].as_array().into_iter().flatten().any(|error| error["pointer"] == pointer);
        assert!(pointer.is_empty() || pointers, "{method} {path} {body}: {problem}");
    }
    let too_wide = [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &[0, 0, 1, 1, 0, 0, 0, 1], &[0; 20]].concat();
    for (png, status, code) in [
        (too_wide, 422, "invalid_values"),
        (b"GIF89a".to_vec(), 415, "not_a_picture"),
        (vec![0; 65_537], 413, "body_too_large"),
    ] {
        let put = http.put(format!("{base}/kite/picture")).header("content-type", "image/png");
        let problem: Value = put.body(png).send().await.unwrap().json().await.unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{problem}");
    }
    assert_eq!(world.head().await, head, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_product_service_a_change_is_refused_and_written_nowhere() {
    let world = World::open().await;
    let before = world.mocks.products().head();
    let head = world.head().await;
    world.set_outage(Stub::Products, true);
    let url = format!("{}/v1/products", world.server.url());
    let answer = reqwest::Client::new().post(url).json(&a_lamp()).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "2"));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "product_service_unavailable");
    assert_eq!((world.mocks.products().head(), world.head().await), (before, head));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_whose_creation_was_not_answered_is_created_once_when_asked_again_under_its_key() {
    let world = World::open().await;
    let key = key();
    world.mocks.faults(Stub::Products).set(Faults { lose_answers: true, ..Faults::default() });
    let first = world.client.create_product(&a_lamp(), &key).await;
    assert_eq!(refusal_of(first), (503, "product_service_unavailable".to_owned()));
    world.mocks.faults(Stub::Products).set(Faults::default());
    // It was created all the same, and the feed brings it before the repeat.
    let id = ProductId::from_foreign("reading-lamp").unwrap();
    eventually("the product is listed", || async { (!product_events(&world, &id).await.is_empty()).then_some(()) })
        .await;
    let second = world.client.create_product(&a_lamp(), &key).await.unwrap();
    let third = world.client.create_product(&a_lamp(), &key).await.unwrap();
    assert_eq!((second.value.id.as_str(), second.replayed, third.replayed), ("reading-lamp", false, true));
    assert_eq!(second.value, third.value);
    assert_eq!(product_events(&world, &second.value.id).await, ["product.listed"]);
    let other = NewProduct { sku: "LIG-0002".to_owned(), ..a_lamp() };
    assert_eq!(refusal_of(world.client.create_product(&other, &key).await), (422, "idempotency_key_reused".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shopper_sees_how_many_others_have_a_product_in_their_baskets() {
    let world = World::open().await;
    let product = world.product_with(9).await;
    let own = world.a_basket(&product.id, 2).await;
    world.a_basket(&product.id, 1).await;
    let bought = world.a_basket(&product.id, 1).await;
    let position = world.head().await;
    let count = async |order, position| {
        let query = OneProductQuery { order, min_position: Some(position) };
        world.client.product_with_query(&product.id, &query).await.unwrap().unwrap().in_baskets
    };
    assert_eq!((count(None, position).await, count(Some(own.id), position).await), (3, 2));
    world.buy(&bought, VISA).await.unwrap();
    let position = world.head().await;
    assert_eq!(count(Some(own.id), position).await, 1);
    let query = ProductQuery { q: Some(product.sku.clone()), order: Some(own.id), ..ProductQuery::default() };
    assert_eq!(world.client.products(&query).await.unwrap().items[0].in_baskets, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sku_and_name_are_unique_whatever_their_case_and_unicode_form() {
    let world = World::open().await;
    let cafe = NewProduct { sku: "caf\u{e9}-1".to_owned(), name: "Caf\u{e9} Stra\u{df}e".to_owned(), ..a_lamp() };
    let cafe = world.client.create_product(&cafe, &key()).await.unwrap().value;
    let lamp = world.client.create_product(&a_lamp(), &key()).await.unwrap().value;
    for (sku, name) in [
        ("CAFE\u{301}-1", "Another"),
        ("ｃａｆé-1", "Another"),
        ("X-1", "CAFE\u{301} STRASSE"),
        ("X-1", "cafe\u{301} stra\u{df}e"),
    ] {
        let taken = NewProduct { sku: sku.to_owned(), name: name.to_owned(), ..a_lamp() };
        assert_eq!(refusal_of(world.client.create_product(&taken, &key()).await), (409, "product_taken".to_owned()));
        let change = match name {
            "Another" => ChangeProduct { sku: Some(sku.to_owned()), ..ChangeProduct::default() },
            name => ChangeProduct { name: Some(name.to_owned()), ..ChangeProduct::default() },
        };
        let taken = world.client.change_product(&lamp.id, &change).await;
        assert_eq!(refusal_of(taken), (409, "product_taken".to_owned()), "{sku} {name}");
    }
    let own = ChangeProduct { name: Some("CAF\u{c9} stra\u{df}e".to_owned()), ..ChangeProduct::default() };
    world.client.change_product(&cafe.id, &own).await.expect("its own name in other letters");
    let accent = NewProduct { sku: "cafe-1".to_owned(), name: "Cafe Strasse".to_owned(), ..a_lamp() };
    world.client.create_product(&accent, &key()).await.expect("an accent tells names apart");
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_have_an_upper_bound_and_the_largest_order_at_it_is_counted() {
    let world = World::open().await;
    let most = Money::MAX_PRICE_MINOR_UNITS;
    let too_dear = NewProduct { price: euro(most + 1), ..a_lamp() };
    assert_eq!(refusal_of(world.client.create_product(&too_dear, &key()).await), (422, "invalid_values".to_owned()));
    let treasure = NewProduct { price: euro(most), ..a_lamp() };
    let id = world.client.create_product(&treasure, &key()).await.unwrap().value.id;
    let reprice = RepriceProduct { price: euro(most + 1), reason: "greed".to_owned() };
    let refusal = world.client.reprice_product(&id, &reprice, &key()).await;
    assert_eq!(refusal_of(refusal), (422, "invalid_values".to_owned()));
    let before = ChangeProduct { compare_at_price: Some(Some(euro(i64::MAX))), ..ChangeProduct::default() };
    assert_eq!(refusal_of(world.client.change_product(&id, &before).await), (422, "invalid_values".to_owned()));

    world.receive_stock(&id, 99).await;
    let basket = world.a_basket(&id, 99).await;
    assert_eq!(basket.total.amount, most * 99);
    let checkout = crate::world::checkout(&basket, storefront_api::PaymentMethod::None);
    world.client.checkout(basket.id, &checkout, &key()).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    world.wait_until_idle().await;
    let head = world.head().await;
    let statistics =
        eventually("the statistics are there", || async { world.client.statistics(Some(head)).await.ok() });
    assert_eq!(statistics.await.revenue, basket.total);
    assert_eq!(world.client.readiness().await.unwrap().reasons, [""; 0]);
}
