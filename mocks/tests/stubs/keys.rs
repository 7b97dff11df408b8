//! Idempotency keys at the card gateway: one effect and one answer per key.

use reqwest::StatusCode;
use serde_json::{Value, json};
use storefront_mocks::MocksConfig;

use crate::support::{merchant, payment, status_and_body, stubs, stubs_with};

const INTENTS: &str = "/v1/payment_intents";

#[tokio::test]
async fn the_same_request_under_the_same_key_is_answered_the_same_and_charged_once() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let first = merchant.post_with_key(INTENTS, &payment("pm_card_visa"), "key-1").await;
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let second = merchant.post_with_key(INTENTS, &payment("pm_card_visa"), "key-1").await;
    assert_eq!(second.headers()["idempotent-replayed"], "true");
    assert_eq!(second.headers()["idempotency-key"], "key-1");
    assert_eq!(first.text().await.unwrap(), second.text().await.unwrap());
    assert_eq!(mocks.card_gateway().charges().len(), 1);
}

#[tokio::test]
async fn a_decline_is_replayed_with_its_status() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let card = payment("pm_card_visa_chargeDeclined");
    let first = status_and_body(merchant.post_with_key(INTENTS, &card, "key-1").await).await;
    assert_eq!(first.0, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(status_and_body(merchant.post_with_key(INTENTS, &card, "key-1").await).await, first);
    assert_eq!(mocks.card_gateway().charges().len(), 1);
}

#[tokio::test]
async fn other_parameters_or_another_endpoint_under_the_same_key_are_refused() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let id = merchant.pay().await;
    merchant.post_with_key(INTENTS, &payment("pm_card_visa"), "key-1").await;
    let other_card = merchant.post_with_key(INTENTS, &payment("pm_card_mastercard"), "key-1").await;
    let elsewhere = merchant.post_with_key("/v1/refunds", &[("payment_intent", id.as_str())], "key-1").await;
    for response in [other_card, elsewhere] {
        let (status, body) = status_and_body(response).await;
        assert_eq!((status, &body["error"]["type"]), (StatusCode::BAD_REQUEST, &json!("idempotency_error")));
    }
    assert_eq!(mocks.card_gateway().charges().len(), 2);
    assert_eq!(mocks.card_gateway().refunds(), []);
}

#[tokio::test]
async fn a_key_is_free_again_after_a_request_that_could_not_begin() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    let wrong = merchant.post_with_key(INTENTS, &[("amount", "nothing")], "key-1").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let right = merchant.post_with_key(INTENTS, &payment("pm_card_visa"), "key-1").await;
    assert_eq!(right.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused() {
    let mocks = stubs().await;
    let response = merchant(&mocks).post_with_key(INTENTS, &payment("pm_card_visa"), &"k".repeat(256)).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn of_many_at_once_under_one_key_one_charges_and_the_others_get_409_or_the_same_answer() {
    let mocks = stubs_with(MocksConfig { slow_card_ms: 200, ..MocksConfig::default() }).await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let merchant = merchant(&mocks);
        requests.spawn(async move {
            status_and_body(merchant.post_with_key(INTENTS, &payment("pm_card_slow"), "key-1").await).await
        });
    }
    let answers = requests.join_all().await;
    let in_use = json!("idempotency_key_in_use");
    let paid: Vec<&Value> =
        answers.iter().filter(|(status, _)| *status == StatusCode::OK).map(|(_, body)| body).collect();
    assert!(!paid.is_empty() && paid.iter().all(|body| *body == paid[0]));
    for (status, body) in answers.iter().filter(|(status, _)| *status != StatusCode::OK) {
        assert_eq!((*status, &body["error"]["code"]), (StatusCode::CONFLICT, &in_use));
    }
    assert_eq!(mocks.card_gateway().charges().len(), 1);
}
