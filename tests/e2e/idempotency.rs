//! The same command sent twice under the same key has one effect and gets the same answer (promise P3).

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use storefront_api::{OrderStatus, ScenarioState};
use storefront_eventlog::SqliteStore;
use storefront_mocks::{Mocks, MocksConfig};
use storefront_server::Server;
use uuid::Uuid;

use crate::people::PASSWORD;
use crate::processes::append_unreadable_event;
use crate::world::{VISA, World, an_order, card, checkout, config, eventually};

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
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
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
    world.receive_stock(&product, 5).await;
    eventually("the goods are on the shelf", || async {
        (send().await.unwrap().status() == StatusCode::CREATED).then_some(())
    })
    .await;
}

/// Sends each request twice under its key.
struct Twice {
    http: reqwest::Client,
    url: String,
    /// The routes of the description that were asked.
    asked: BTreeSet<String>,
    token: Option<String>,
}

impl Twice {
    /// Sends a POST that succeeds, and then the same again: the second answer is the stored one. Another body under the key
    /// is refused. `route` is as the description has it, `path` its real one.
    async fn post(&mut self, route: &str, path: &str, body: Value) -> Value {
        let key = Uuid::now_v7().to_string();
        let send = |body: String| {
            let request = self.http.post(format!("{}{path}", self.url)).header("idempotency-key", &key);
            let request = match &self.token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            request.header("content-type", "application/json").body(body).send()
        };
        let first = send(body.to_string()).await.unwrap();
        let (status, position) = (first.status(), first.headers().get("storefront-position").cloned());
        assert!(!first.headers().contains_key("idempotent-replayed"), "{route}");
        let text = first.text().await.unwrap();
        assert!(status.is_success(), "{route}: {status} {text}");
        // The same as JSON, with other spaces.
        let second = send(format!("{body:#} ")).await.unwrap();
        assert_eq!(second.status(), status, "{route}");
        for header in ["idempotent-replayed", "idempotency-replayed"] {
            assert_eq!(second.headers().get(header).map(|value| value.to_str().unwrap()), Some("true"), "{route}");
        }
        assert_eq!(second.headers().get("storefront-position").cloned(), position, "{route}");
        assert_eq!(second.text().await.unwrap(), text, "{route}");
        if body == json!({}) {
            let other = send("[7]".to_owned()).await.unwrap();
            assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY, "{route}: another body");
        }
        self.asked.insert(route.to_owned());
        serde_json::from_str(&text).unwrap()
    }
}

/// A lab in which the mail of two orders that nobody knows cannot be read.
async fn a_lab_with_two_parked() -> (World, [String; 2]) {
    let World { mocks, server, folder, .. } = World::open_lab().await;
    server.shutdown().await;
    let log = SqliteStore::open(&folder.path().join("shop.db")).unwrap();
    let orders = [an_order(), an_order()];
    for order in orders {
        append_unreadable_event(&log, order).await;
    }
    storefront_eventlog::EventStore::close(&log).await;
    let mut config = config(&mocks, &folder);
    (config.lab, config.lab_pause) = (Some(Mocks::base_url(&mocks)), std::time::Duration::ZERO);
    config.demo_stock = true;
    let server = Server::start(config).await.unwrap();
    let client = storefront_client::Client::new(&server.url()).unwrap();
    let world = World { mocks, server, client, folder };
    world.wait_for_catalogue().await;
    (world, orders.map(|order| order.to_string()))
}

/// Charges a card at the gateway, past the shop.
async fn a_charge_without_an_order(world: &World, http: &reqwest::Client) -> String {
    let form = [("amount", "2499"), ("currency", "eur"), ("confirm", "true"), ("payment_method", VISA)];
    let url = format!("{}/v1/payment_intents", world.mocks.card_gateway_url());
    let request = http.post(url).bearer_auth(MocksConfig::default().card_key).form(&form);
    let intent: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(intent["status"], "succeeded", "{intent}");
    intent["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_post_of_the_description_has_one_effect_under_one_key() {
    let (world, [retried, skipped]) = a_lab_with_two_parked().await;
    let http = reqwest::Client::new();
    let mut twice = Twice { http: http.clone(), url: world.server.url(), asked: BTreeSet::new(), token: None };
    let none = || json!({});

    // Products and stock.
    twice.post("/v1/categories", "/v1/categories", json!({"name": "Lanterns"})).await;
    let lantern = json!({
        "id": "lantern", "name": "A lantern", "sku": "LAN-1", "description": "Lights the way.", "category": "Lanterns",
        "price": {"amount": 1500, "currency": "EUR"}, "vat_rate_percent": 19,
    });
    twice.post("/v1/products", "/v1/products", lantern).await;
    let dearer = json!({"price": {"amount": 20_000, "currency": "EUR"}, "reason": "brighter"});
    twice.post("/v1/products/{id}/reprice", "/v1/products/lantern/reprice", dearer).await;
    twice.post("/v1/products/{id}/withdraw", "/v1/products/lantern/withdraw", none()).await;
    twice.post("/v1/products/{id}/relist", "/v1/products/lantern/relist", none()).await;
    twice.post("/v1/stock/{product_id}/receive", "/v1/stock/lantern/receive", json!({"quantity": 9})).await;
    let broken = json!({"change": -1, "reason": "broken"});
    twice.post("/v1/stock/{product_id}/adjust", "/v1/stock/lantern/adjust", broken).await;
    let stream = format!("{}/v1/streams/stock-lantern/events", world.server.url());
    let stream: serde_json::Value = reqwest::get(stream).await.unwrap().json().await.unwrap();
    let times = |kind: &str, of: serde_json::Value| {
        let events = stream["events"].as_array().unwrap().iter();
        events
            .filter(|event| event["type"] == kind && (event["data"]["quantity"] == of || event["data"]["change"] == of))
            .count()
    };
    assert_eq!((times("stock.received", json!(9)), times("stock.adjusted", json!(-1))), (1, 1));

    // Views.
    twice.post("/v1/views/{name}/pause", "/v1/views/orders/pause", none()).await;
    let (order, cancelled) = (an_order(), an_order());
    let items = |order| format!("/v1/orders/{order}/items");
    let add = json!({"product_id": "lantern", "quantity": 1});
    twice.post("/v1/orders/{id}/items", &items(order), add.clone()).await;
    twice.post("/v1/orders/{id}/items", &items(cancelled), add).await;
    let stepped = twice.post("/v1/views/{name}/step", "/v1/views/orders/step", none()).await;
    let orders = world.client.views().await.unwrap().items.into_iter().find(|view| view.name == "orders").unwrap();
    assert_eq!(Some(orders.position), stepped["position"].as_u64(), "one step was made");
    twice.post("/v1/views/{name}/resume", "/v1/views/orders/resume", none()).await;
    twice.post("/v1/views/{name}/rebuild", "/v1/views/orders/rebuild", none()).await;

    // Orders; meanwhile, mail waits to be stepped.
    twice.post("/v1/processes/{name}/pause", "/v1/processes/mail/pause", none()).await;
    for order in [order, cancelled] {
        let basket = world.client.order(order).await.unwrap().unwrap();
        let bought = serde_json::to_value(checkout(&basket, card(VISA))).unwrap();
        twice.post("/v1/orders/{id}/checkout", &format!("/v1/orders/{order}/checkout"), bought).await;
        world.wait_for_status(order, OrderStatus::Confirmed).await;
    }
    assert_eq!(world.mocks.card_gateway().charges().len(), 2);
    eventually("a mail waits", || async {
        let mail = world.client.processes().await.unwrap().items.into_iter().find(|process| process.name == "mail");
        (!mail.unwrap().next.is_empty()).then_some(())
    })
    .await;
    twice.post("/v1/processes/{name}/step", "/v1/processes/mail/step", none()).await;
    twice.post("/v1/processes/{name}/resume", "/v1/processes/mail/resume", none()).await;
    let reason = json!({"reason": "changed my mind"});
    twice.post("/v1/orders/{id}/cancel", &format!("/v1/orders/{cancelled}/cancel"), reason).await;
    let ship = json!({"carrier": "Snail Post", "tracking_number": "SP-1"});
    twice.post("/v1/orders/{id}/ship", &format!("/v1/orders/{order}/ship"), ship).await;
    let recipient = json!({"recipient": "Ada"});
    twice.post("/v1/orders/{id}/deliver", &format!("/v1/orders/{order}/deliver"), recipient).await;
    let refund = json!({"amount": {"amount": 100, "currency": "EUR"}, "reason": "a scratch"});
    twice.post("/v1/orders/{id}/refunds", &format!("/v1/orders/{order}/refunds"), refund).await;
    let charge = a_charge_without_an_order(&world, &http).await;
    let route = "/v1/payments/unmatched/{reference}/refunds";
    let refunded = twice.post(route, &format!("/v1/payments/unmatched/{charge}/refunds"), none()).await;
    assert_eq!(refunded["refunds"][0]["amount"]["amount"], 2499);
    let issued = async || world.client.voucher_issued(order).await.unwrap();
    let voucher = eventually("the voucher is issued", issued).await.code;
    let revoke = json!({"reason": "a mistake"});
    twice.post("/v1/vouchers/{code}/revoke", &format!("/v1/vouchers/{voucher}/revoke"), revoke).await;

    // People.
    let customer = twice.post("/v1/customers", "/v1/customers", none()).await["id"].as_str().unwrap().to_owned();
    let top_up = json!({"amount": {"amount": 100, "currency": "EUR"}, "reason": "savings"});
    let topped = twice.post("/v1/wallets/{customer}/top-ups", &format!("/v1/wallets/{customer}/top-ups"), top_up).await;
    assert_eq!(topped["balance"]["amount"], 100);

    let account = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let ada = twice.post("/v1/customers", "/v1/customers", account).await["id"].as_str().unwrap().to_owned();
    let credentials = json!({"email": "ada@example.com", "password": PASSWORD});
    let signed_in = twice.post("/v1/sessions", "/v1/sessions", credentials).await;
    twice.token = Some(signed_in["token"].as_str().unwrap().to_owned());
    twice.post("/v1/sessions/renew", "/v1/sessions/renew", none()).await;
    let address = serde_json::to_value(crate::addresses::an_address("Home")).unwrap();
    twice.post("/v1/customers/me/addresses", "/v1/customers/me/addresses", address).await;
    twice.token = None;
    // The answers that are kept go with the erasure, that of the request for it too.
    world.client.pause_process("erasures", &storefront_client::IdempotencyKey::new()).await.unwrap();
    for what in ["deactivate", "reactivate", "one-time-password", "erase"] {
        twice.post(&format!("/v1/customers/{{id}}/{what}"), &format!("/v1/customers/{ada}/{what}"), none()).await;
    }

    // The key itself is in the first answer only: `api_keys` sends it twice; and `outgoing_webhooks` the secrets.
    for shown_once in ["/v1/api-keys", "/v1/webhook-endpoints", "/v1/webhook-endpoints/{id}/secret/rotate"] {
        twice.asked.insert(shown_once.to_owned());
    }

    // What is parked.
    for (order, what) in [(&retried, "retry"), (&skipped, "skip")] {
        eventually("it is parked", || async {
            let parked = world.client.parked("mail", &Default::default()).await.unwrap().items;
            parked
                .iter()
                .any(|item| item.sequence == *order && item.state == storefront_api::ParkedState::Parked)
                .then_some(())
        })
        .await;
        let route = format!("/v1/processes/{{name}}/parked/{{sequence}}/{what}");
        twice.post(&route, &format!("/v1/processes/mail/parked/{order}/{what}"), none()).await;
    }

    // The lab, and at last everything from the start: its answer stands in the new log.
    twice.post("/v1/lab/scenarios/{name}", "/v1/lab/scenarios/happy-path", none()).await;
    eventually("the scenario has ended", || async {
        let run = world.client.scenario("happy-path").await.unwrap().unwrap().last_run.unwrap();
        (run.state == ScenarioState::Finished).then_some(())
    })
    .await;
    twice.post("/v1/lab/reset", "/v1/lab/reset", none()).await;

    let document = http.get(format!("{}/openapi.json", world.server.url())).send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    let described = document["paths"].as_object().unwrap().iter().filter(|(_, item)| item["post"].is_object());
    let described: BTreeSet<String> = described.map(|(path, _)| path.clone()).collect();
    // The gateway's own requests carry no key. Withdrawals wait only when most of a range is gone: `range` confirms them twice
    // under one key. The start of a guest's session writes nothing, and looks at no key.
    let elsewhere = |path: &str| {
        path.starts_with("/v1/webhooks/") || path.ends_with("/withdrawals/confirm") || path == "/v1/sessions/guest"
    };
    let unasked: Vec<_> = described.difference(&twice.asked).filter(|path| !elsewhere(path)).collect();
    assert!(unasked.is_empty(), "send these twice too: {unasked:?}");
}
