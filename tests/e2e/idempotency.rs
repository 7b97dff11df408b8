//! The same command sent twice under the same key has one effect and gets the same answer (promise P3).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use storefront_api::OrderStatus;

use crate::world::{World, an_order, card, checkout, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_post_repeated_with_its_key_has_one_effect_and_the_same_answer() {
    let world = World::open().await;
    let product = world.product_with(5).await.id;
    let order = an_order();
    let url = format!("{}/v1/orders/{order}/items", world.server.url());
    let http = reqwest::Client::new();
    let send = |quantity: u32| {
        let body = json!({"product_id": product, "quantity": quantity});
        http.post(&url).header("idempotency-key", "add-once").json(&body).send()
    };
    let first = send(2).await.unwrap();
    assert_eq!(first.status(), StatusCode::CREATED);
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let position = first.headers()["storefront-position"].clone();
    let location = first.headers()["location"].clone();
    let first: Value = first.json().await.unwrap();

    let second = send(2).await.unwrap();
    assert_eq!(second.status(), StatusCode::CREATED);
    for name in ["idempotent-replayed", "idempotency-replayed"] {
        assert_eq!(second.headers()[name], "true");
    }
    assert_eq!(second.headers()["storefront-position"], position);
    assert_eq!(second.headers()["location"], location);
    assert_eq!(second.json::<Value>().await.unwrap(), first);
    assert_eq!(world.client.order(order).await.unwrap().unwrap().items[0].quantity, 2);

    // The same key in quotes, and the same body in other words.
    let body = format!("{{\n  \"quantity\": 2,\n  \"product_id\": \"{product}\"\n}}");
    let request = http.post(&url).header("idempotency-key", "\"add-once\"").header("content-type", "application/json");
    let third = request.body(body).send().await.unwrap();
    assert_eq!(
        (third.status(), third.headers()["idempotent-replayed"].to_str().unwrap()),
        (StatusCode::CREATED, "true")
    );

    let other = send(3).await.unwrap();
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.json::<Value>().await.unwrap()["code"], "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_and_a_description_under_a_key_are_written_once_and_get_the_same_answer() {
    let world = World::open().await;
    let product = world.product_with(5).await.id;
    let http = reqwest::Client::new();
    for (method, path, key, body, other) in [
        (Method::PUT, format!("stock/{product}/threshold"), "low-at", json!({"threshold": 3}), json!({"threshold": 4})),
        (Method::PATCH, format!("products/{product}"), "anew", json!({"name": "A mug"}), json!({"name": "A cup"})),
    ] {
        let url = format!("{}/v1/{path}", world.server.url());
        let send = |body: Value| http.request(method.clone(), &url).header("idempotency-key", key).json(&body).send();
        let first = send(body.clone()).await.unwrap();
        assert_eq!((first.status(), first.headers().get("idempotency-replayed")), (StatusCode::OK, None), "{path}");
        let first: Value = first.json().await.unwrap();
        let head = world.head().await;

        let second = send(body).await.unwrap();
        assert_eq!(second.headers()["idempotency-replayed"], "true", "{path}");
        assert_eq!(second.json::<Value>().await.unwrap(), first, "{path}");
        let refused = send(other).await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_eq!(refused.json::<Value>().await.unwrap()["code"], "idempotency_key_reused", "{path}");
        assert_eq!(world.head().await, head, "{path}: nothing more is written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_under_one_key_have_one_effect() {
    let world = World::open().await;
    let product = world.product_with(5).await.id;
    let order = an_order();
    let url = format!("{}/v1/orders/{order}/items", world.server.url());
    let http = reqwest::Client::new();
    let sends = (0..16).map(|_| {
        let body = json!({"product_id": product, "quantity": 1});
        let request = http.post(&url).header("idempotency-key", "all-at-once").json(&body);
        tokio::spawn(async move { request.send().await.unwrap().status() })
    });
    let mut statuses = Vec::new();
    for send in sends.collect::<Vec<_>>() {
        statuses.push(send.await.unwrap());
    }
    assert!(statuses.contains(&StatusCode::CREATED), "{statuses:?}");
    let expected = [StatusCode::CREATED, StatusCode::CONFLICT];
    assert!(statuses.iter().all(|status| expected.contains(status)), "{statuses:?}");
    assert_eq!(world.client.order(order).await.unwrap().unwrap().items[0].quantity, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_repeated_with_its_key_charges_once_even_after_a_restart() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    let body = checkout(&basket, card(crate::world::VISA));
    let key = storefront_client::IdempotencyKey::new();
    let first = world.client.checkout(basket.id, &body, &key).await.unwrap();
    world.reaches(basket.id, OrderStatus::Confirmed).await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let server = storefront_server::Server::start(crate::world::config(&mocks, &folder)).await.unwrap();
    let client = storefront_client::Client::new(&server.url()).unwrap();
    let second = client.checkout(basket.id, &body, &key).await.unwrap();
    assert!(second.replayed);
    assert_eq!(second.value, first.value);
    assert_eq!(mocks.card_gateway().charges().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_changes_nothing_is_answered_and_repeated_like_any_other() {
    let world = World::open().await;
    let product = world.product_with(5).await.id;
    let basket = world.a_basket(&product, 2).await;
    let head = world.head().await;
    let url = format!("{}/v1/orders/{}/items/{product}", world.server.url(), basket.id);
    let http = reqwest::Client::new();
    let send = || http.put(&url).header("idempotency-key", "as-it-is").json(&json!({"quantity": 2})).send();
    for replayed in [None, Some("true")] {
        let answer = send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let headers = answer.headers();
        assert_eq!(headers["storefront-position"], head.to_string().as_str(), "the state that it saw");
        assert_eq!(headers.get("idempotency-replayed").map(|value| value.to_str().unwrap()), replayed);
        assert_eq!(answer.json::<Value>().await.unwrap()["version"], basket.version);
    }
    assert_eq!(world.head().await, head, "something was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_may_be_sent_again_under_its_key() {
    let world = World::open().await;
    let product = world.product_with(1).await.id;
    let order = an_order();
    let http = reqwest::Client::new();
    let url = format!("{}/v1/orders/{order}/items", world.server.url());
    let send = || {
        http.post(&url)
            .header("idempotency-key", "patience")
            .json(&json!({"product_id": product, "quantity": 2}))
            .send()
    };
    assert_eq!(send().await.unwrap().status(), StatusCode::CONFLICT);
    world.receive(&product, 5).await;
    eventually("the goods are on the shelf", || async {
        (send().await.unwrap().status() == StatusCode::CREATED).then_some(())
    })
    .await;
}
