//! News from the card gateway: they say what the shop may have missed, however often and in whichever order they come.

use storefront_api::{OrderStatus, PaymentStatus};
use storefront_mocks::{Faults, Stub, WebhookTarget};

use crate::world::{DECLINED, VISA, WEBHOOK_SECRET, World, eventually, stock_now};

impl World {
    /// The card gateway tells this shop its news.
    pub(crate) fn listens_to_the_gateway(&self) {
        let url = format!("{}/v1/webhooks/card-gateway", self.server.url());
        let target = WebhookTarget { url, secret: WEBHOOK_SECRET.to_owned() };
        self.mocks.card_gateway().send_webhooks_to(Some(target));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_answers_are_all_lost_is_confirmed_by_the_gateways_own_word() {
    let world = World::open().await;
    world.listens_to_the_gateway();
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.mocks.faults(Stub::Cards).set(Faults { lose_answers: true, ..Faults::default() });
    world.buy(&basket, VISA).await.unwrap();
    let order = world.reaches(basket.id, OrderStatus::Confirmed).await;
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
    world.listens_to_the_gateway();
    let product = world.product_with(3).await;
    world.mocks.faults(Stub::Cards).set(Faults { duplicate: true, reorder: true, ..Faults::default() });
    let declined = world.a_basket(&product.id, 1).await;
    world.buy(&declined, DECLINED).await.unwrap();
    let reopened = world.reaches(declined.id, OrderStatus::InProgress).await;
    world.buy(&reopened, VISA).await.unwrap();
    let other = world.a_basket(&product.id, 1).await;
    world.buy(&other, VISA).await.unwrap();
    for id in [declined.id, other.id] {
        world.reaches(id, OrderStatus::Confirmed).await;
        eventually("the mail is noted", || async {
            world.history(id).await.contains(&"email.sent".to_owned()).then_some(())
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
    world.reaches(last.id, OrderStatus::Confirmed).await;

    for (id, outcomes) in
        [(declined.id, ["payment.declined", "payment.succeeded"].as_slice()), (other.id, &["payment.succeeded"])]
    {
        let history = world.history(id).await;
        let kinds = ["payment.succeeded", "payment.declined", "payment.cancelled"];
        let found: Vec<&str> = history.iter().map(String::as_str).filter(|kind| kinds.contains(kind)).collect();
        assert_eq!(found, outcomes, "{history:?}");
        for once in ["order.confirmed", "email.sent"] {
            assert_eq!(history.iter().filter(|kind| *kind == once).count(), 1, "{history:?}");
        }
    }
    let stock = stock_now(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_the_gateway_did_not_sign_are_refused_and_change_nothing() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.outage(Stub::Cards, true);
    world.buy(&basket, VISA).await.unwrap();
    eventually("the payment is asked for", || async {
        world.history(basket.id).await.contains(&"payment.requested".to_owned()).then_some(())
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
    let huge = http.post(&url).body(vec![b' '; 70_000]).send().await.unwrap();
    assert_eq!(huge.status(), 413);
    assert_eq!(huge.headers()["content-type"], "application/problem+json");
    assert_eq!(world.client.order(basket.id).await.unwrap().unwrap().payment_status, PaymentStatus::Pending);
}
