//! Webhooks of the card gateway: their effect does not depend on repeats, delays or order.

use serde_json::{Value, json};
use storefront_api::{Order, OrderStatus, PaymentStatus};
use storefront_mocks::{Faults, Stub, WebhookTarget};

use crate::world::{DECLINED, VISA, WEBHOOK_SECRET, World, current_stock, eventually};

impl World {
    /// The card gateway tells this shop its news.
    pub(crate) fn enable_webhooks(&self) {
        let url = format!("{}/v1/webhooks/card-gateway", self.server.url());
        let target = WebhookTarget { url, secret: WEBHOOK_SECRET.to_owned() };
        self.mocks.card_gateway().send_webhooks_to(Some(target));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_answers_are_all_lost_is_confirmed_by_the_gateways_own_word() {
    let world = World::open().await;
    world.enable_webhooks();
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.mocks.faults(Stub::Cards).set(Faults { lose_answers: true, ..Faults::default() });
    world.buy(&basket, VISA).await.unwrap();
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!(order.payment_status, PaymentStatus::Paid);
    let events = world.timeline(basket.id).await.events;
    let paid = events.iter().find(|event| event.kind == "payment.succeeded").unwrap();
    assert_eq!(paid.actor, "card-gateway");
    let requested = events.iter().find(|event| event.kind == "payment.requested").unwrap();
    assert_eq!(paid.causation_id, Some(requested.id.to_string()));
    assert_eq!(world.mocks.card_gateway().charges().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_come_twice_and_in_the_wrong_order_change_nothing() {
    let world = World::open().await;
    world.enable_webhooks();
    let product = world.product_with(3).await;
    world.mocks.faults(Stub::Cards).set(Faults { duplicate: true, reorder: true, ..Faults::default() });
    let declined = world.a_basket(&product.id, 1).await;
    world.buy(&declined, DECLINED).await.unwrap();
    let reopened = world.wait_for_status(declined.id, OrderStatus::InProgress).await;
    world.buy(&reopened, VISA).await.unwrap();
    let other = world.a_basket(&product.id, 1).await;
    world.buy(&other, VISA).await.unwrap();
    for id in [declined.id, other.id] {
        world.wait_for_status(id, OrderStatus::Confirmed).await;
        eventually("the mail is noted", || async {
            world.event_types(id).await.contains(&"email.sent".to_owned()).then_some(())
        })
        .await;
    }
    // A third order, whose word comes only through the gateway's news: they are sent one after another, so all earlier
    // ones have come when this one has.
    world.mocks.faults(Stub::Cards).set(Faults {
        duplicate: true,
        reorder: true,
        lose_answers: true,
        ..Faults::default()
    });
    let last = world.a_basket(&product.id, 1).await;
    world.buy(&last, VISA).await.unwrap();
    world.wait_for_status(last.id, OrderStatus::Confirmed).await;

    for (id, outcomes) in
        [(declined.id, ["payment.declined", "payment.succeeded"].as_slice()), (other.id, &["payment.succeeded"])]
    {
        let history = world.event_types(id).await;
        let kinds = ["payment.succeeded", "payment.declined", "payment.cancelled"];
        let found: Vec<&str> = history.iter().map(String::as_str).filter(|kind| kinds.contains(kind)).collect();
        assert_eq!(found, outcomes, "{history:?}");
        for once in ["order.confirmed", "email.sent"] {
            assert_eq!(history.iter().filter(|kind| *kind == once).count(), 1, "{history:?}");
        }
    }
    let stock = current_stock(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_the_gateway_did_not_sign_are_refused_and_change_nothing() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.set_outage(Stub::Cards, true);
    world.buy(&basket, VISA).await.unwrap();
    eventually("the payment is asked for", || async {
        world.event_types(basket.id).await.contains(&"payment.requested".to_owned()).then_some(())
    })
    .await;
    let payment_id = world.client.order(basket.id).await.unwrap().unwrap().payment_id.unwrap();
    let forged = serde_json::json!({
        "id": "evt_1", "type": "payment_intent.succeeded", "created": 1,
        "data": {"object": {
            "id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": basket.total.amount,
            "currency": "eur", "metadata": {"payment_id": payment_id},
        }},
    });
    let url = format!("{}/v1/webhooks/card-gateway", world.server.url());
    let http = reqwest::Client::new();
    for signature in [None, Some(""), Some("nonsense"), Some("t=1,v1=00"), Some("t=1772366400,v1=")] {
        let mut request = http.post(&url).json(&forged);
        if let Some(signature) = signature {
            request = request.header("stripe-signature", signature);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{signature:?}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "bad_signature");
    }
    let huge = http.post(&url).body(vec![b' '; 1024 * 1024 + 1]).send().await.unwrap();
    assert_eq!(huge.status(), 413);
    assert_eq!(huge.headers()["content-type"], "application/problem+json");
    assert_eq!(world.client.order(basket.id).await.unwrap().unwrap().payment_status, PaymentStatus::Pending);
}

impl World {
    /// An order whose payment is asked for, at a gateway that does not answer.
    async fn an_unpaid_order(&self) -> Order {
        let basket = self.a_basket(&self.product_with(1).await.id, 1).await;
        self.set_outage(Stub::Cards, true);
        self.buy(&basket, VISA).await.unwrap();
        eventually("the payment is asked for", || async {
            self.event_types(basket.id).await.contains(&"payment.requested".to_owned()).then_some(())
        })
        .await;
        self.client.order(basket.id).await.unwrap().unwrap()
    }

    /// Genuine news, whatever they say; answers the status.
    async fn send_webhook(&self, payload: &str) -> u16 {
        let url = format!("{}/v1/webhooks/card-gateway", self.server.url());
        let target = WebhookTarget { url, secret: WEBHOOK_SECRET.to_owned() };
        let http = reqwest::Client::new().post(&target.url).header("stripe-signature", target.signature(payload));
        http.body(payload.to_owned()).send().await.unwrap().status().as_u16()
    }

    /// A line of the metrics.
    async fn metric_value(&self, line: &str) -> u64 {
        let text = reqwest::get(format!("{}/metrics", self.server.url())).await.unwrap().text().await.unwrap();
        let value = text.lines().find_map(|found| found.strip_prefix(line)).expect("it is counted");
        value.trim().parse().unwrap()
    }
}

/// News that a payment of an order came in.
fn paid_event(order: &Order, amount: i64, currency: &str) -> Value {
    json!({
        "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": 1,
        "data": {"object": {
            "id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": amount, "amount_received": amount,
            "currency": currency, "metadata": {"payment_id": order.payment_id},
        }},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_another_amount_or_currency_is_not_booked_and_an_alarm_is_given() {
    let world = World::open().await;
    let order = world.an_unpaid_order().await;
    let due = order.total.amount;
    let mut partly = paid_event(&order, due, "eur");
    partly["data"]["object"]["amount_received"] = json!(due - 1);
    for wrong in
        [paid_event(&order, 50, "usd"), paid_event(&order, due, "usd"), paid_event(&order, due - 1, "eur"), partly]
    {
        assert_eq!(world.send_webhook(&wrong.to_string()).await, 204, "{wrong}");
    }
    let unchanged = world.client.order(order.id).await.unwrap().unwrap();
    assert_eq!((unchanged.status, unchanged.payment_status), (OrderStatus::CheckedOut, PaymentStatus::Pending));
    assert_eq!(world.metric_value("storefront_card_webhook_contradictions_total").await, 4);
    let reasons = world.client.readiness().await.unwrap().reasons;
    assert!(reasons.iter().any(|reason| reason.contains("contradict what was asked for")), "{reasons:?}");

    assert_eq!(world.send_webhook(&paid_event(&order, due, "EUR").to_string()).await, 204);
    world.wait_for_status(order.id, OrderStatus::Confirmed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_others_are_ignored_whatever_their_shape_and_size() {
    let world = World::open().await;
    let order = world.an_unpaid_order().await;
    let head = world.head().await;
    let event =
        |kind: &str, object: Value| json!({"id": "evt_1", "type": kind, "created": 1, "data": {"object": object}});
    let with = |field: &str, value: Value| {
        let mut event = paid_event(&order, order.total.amount, "eur");
        event["data"]["object"][field] = value;
        event
    };
    let charge =
        json!({"id": "ch_1", "payment_intent": null, "amount_refunded": 1, "currency": "eur", "metadata": null});
    let big = event("invoice.paid", json!({"id": "in_1", "lines": "x".repeat(1024 * 1024 - 200)}));
    for news in [
        event("charge.refunded", charge.clone()).to_string(),
        event("charge.refunded", json!({"metadata": null})).to_string(),
        event("customer.created", Value::Null).to_string(),
        event("payment_intent.succeeded", json!({"id": "pi_1", "metadata": null})).to_string(),
        event("payment_intent.requires_action", json!([])).to_string(),
        with("metadata", Value::Null).to_string(),
        with("metadata", json!({"payment_id": "somebody else's"})).to_string(),
        with("metadata", json!({"payment_id": "018f6f0e-0000-7000-8000-000000000001"})).to_string(),
        with("amount", json!("many")).to_string(),
        json!({"id": "evt_1", "object": "v2.core.event", "type": "v2.core.account.updated",
               "created": "2026-03-01T12:00:00.000Z", "related_object": {"id": "acct_1"}})
        .to_string(),
        big.to_string(),
        "{}".to_owned(),
        "nonsense".to_owned(),
        String::new(),
    ] {
        let told: String = news.chars().take(200).collect();
        assert_eq!(world.send_webhook(&news).await, 204, "{told}");
    }
    let written = world.timeline(order.id).await.events.into_iter().filter(|event| event.position > head);
    let by_news: Vec<_> = written.filter(|event| event.actor == "card-gateway").collect();
    assert!(by_news.is_empty(), "{by_news:?}");
    // Elsewhere a body has 64 KiB at most, as ever.
    let url = format!("{}/v1/categories", world.server.url());
    let other = reqwest::Client::new().post(url).header("content-type", "application/json").body(vec![b' '; 65_537]);
    assert_eq!(other.send().await.unwrap().status(), 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_comes_in_after_a_decline_is_recorded_and_goes_back() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    let order = world.buy(&basket, DECLINED).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::InProgress).await;
    let mut late = paid_event(&order, order.total.amount, "eur");
    late["data"]["object"]["id"] = json!(world.mocks.card_gateway().intents()[0].id);
    assert_eq!(world.send_webhook(&late.to_string()).await, 204);
    eventually("the money is to go back", || async {
        let history = world.event_types(basket.id).await;
        let has = |kind: &str| history.iter().any(|found| found == kind);
        (has("payment.succeeded") && has("payment.refund_requested")).then_some(())
    })
    .await;
    assert_eq!(world.client.order(basket.id).await.unwrap().unwrap().status, OrderStatus::InProgress);
}
