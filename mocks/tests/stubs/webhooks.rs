//! Webhooks: what is told, how it is signed, and what happens when the listener stumbles.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Bytes, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use storefront_mocks::{Faults, Mocks, Stub, WebhookTarget};
use tokio::{net::TcpListener, sync::mpsc};

use crate::support::{TIMEOUT, http, merchant, payment, stubs};

const SECRET: &str = "whsec_storefront";

struct ReceivedWebhook {
    signature: String,
    body: String,
}

impl ReceivedWebhook {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Somebody who listens to events, and refuses the first few.
struct WebhookReceiver {
    url: String,
    delivered: mpsc::Receiver<ReceivedWebhook>,
}

impl WebhookReceiver {
    async fn start(refuse_first: usize) -> WebhookReceiver {
        let (sender, delivered) = mpsc::channel(100);
        let refused = Arc::new(AtomicUsize::new(0));
        let take = move |headers: HeaderMap, body: Bytes| async move {
            if refused.fetch_add(1, Ordering::SeqCst) < refuse_first {
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
            let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
            let body = String::from_utf8(body.to_vec()).unwrap();
            sender.send(ReceivedWebhook { signature, body }).await.unwrap();
            StatusCode::OK
        };
        let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", receiver.local_addr().unwrap());
        tokio::spawn(axum::serve(receiver, Router::new().route("/hooks", post(take))).into_future());
        WebhookReceiver { url, delivered }
    }

    async fn next(&mut self) -> ReceivedWebhook {
        tokio::time::timeout(TIMEOUT, self.delivered.recv()).await.expect("no webhook came").unwrap()
    }

    async fn next_type(&mut self) -> Value {
        self.next().await.event()["type"].clone()
    }
}

async fn stubs_sending_to(receiver: &WebhookReceiver) -> Mocks {
    let mocks = stubs().await;
    let target = WebhookTarget { url: receiver.url.clone(), secret: SECRET.to_owned() };
    mocks.card_gateway().send_webhooks_to(Some(target));
    mocks
}

/// HMAC (RFC 2104) written out, so that a mistake in the stub cannot hide in a shared library call.
fn hmac_sha256_hex(key: &[u8], message: &[u8]) -> String {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn our_own_hmac_agrees_with_rfc_4231() {
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(hmac_sha256_hex(b"Jefe", b"what do ya want for nothing?"), expected);
}

#[tokio::test]
async fn events_are_signed_over_time_and_payload() {
    let mut receiver = WebhookReceiver::start(0).await;
    let mocks = stubs_sending_to(&receiver).await;
    merchant(&mocks).pay().await;
    assert_eq!(receiver.next_type().await, "payment_intent.created");
    let delivered = receiver.next().await;
    let (time, signature) = delivered.signature.split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    let age_s = jiff::Timestamp::now().as_second() - time.parse::<i64>().unwrap();
    assert!((0..300).contains(&age_s));
    let signed = format!("{time}.{}", delivered.body);
    assert_eq!(signature, hmac_sha256_hex(SECRET.as_bytes(), signed.as_bytes()));
}

#[tokio::test]
async fn a_webhook_about_a_payment_has_its_object_and_the_key_of_its_request() {
    let mut receiver = WebhookReceiver::start(0).await;
    let mocks = stubs_sending_to(&receiver).await;
    let response = merchant(&mocks).post_with_key("/v1/payment_intents", &payment("pm_card_visa"), "key-1").await;
    let intent: Value = response.json().await.unwrap();
    let created = receiver.next().await.event();
    assert_eq!((&created["type"], &created["data"]["object"]["id"]), (&json!("payment_intent.created"), &intent["id"]));
    let event = receiver.next().await.event();
    assert_eq!((&event["object"], &event["type"]), (&json!("event"), &json!("payment_intent.succeeded")));
    assert_eq!(event["data"]["object"], intent);
    assert_eq!(event["request"]["idempotency_key"], "key-1");
    assert!(event["id"].as_str().unwrap().starts_with("evt_"));
}

#[tokio::test]
async fn webhooks_about_declines_cancellations_and_refunds_come_in_order() {
    let mut receiver = WebhookReceiver::start(0).await;
    let mocks = stubs_sending_to(&receiver).await;
    let merchant = merchant(&mocks);
    let (_, body) = merchant.charge("pm_card_visa_chargeDeclined").await;
    let declined = body["error"]["payment_intent"]["id"].as_str().unwrap();
    merchant.post(&format!("/v1/payment_intents/{declined}/cancel"), &[]).await;
    let paid = merchant.pay().await;
    merchant.post("/v1/refunds", &[("payment_intent", &paid), ("amount", "500")]).await;
    for told in ["created", "payment_failed", "canceled", "created", "succeeded"] {
        assert_eq!(receiver.next_type().await, format!("payment_intent.{told}"));
    }
    let refunded = receiver.next().await.event();
    assert_eq!(refunded["type"], "charge.refunded");
    assert_eq!(refunded["data"]["object"]["amount_refunded"], 500);
}

#[tokio::test]
async fn a_replayed_answer_sends_no_second_webhook() {
    let mut receiver = WebhookReceiver::start(0).await;
    let mocks = stubs_sending_to(&receiver).await;
    let merchant = merchant(&mocks);
    for _ in 0..2 {
        merchant.post_with_key("/v1/payment_intents", &payment("pm_card_visa"), "key-1").await;
    }
    merchant.charge("pm_card_visa_chargeDeclined").await;
    for told in ["created", "succeeded", "created", "payment_failed"] {
        assert_eq!(receiver.next_type().await, format!("payment_intent.{told}"));
    }
}

#[tokio::test]
async fn webhooks_report_what_a_card_waits_for_and_what_its_owner_answers() {
    let mut receiver = WebhookReceiver::start(0).await;
    let mocks = stubs_sending_to(&receiver).await;
    for (outcome, told) in [("passed", "succeeded"), ("failed", "payment_failed")] {
        let asks = [&payment("pm_card_authenticationRequired")[..], &[("return_url", "https://shop.example")]].concat();
        let (_, intent) = merchant(&mocks).post("/v1/payment_intents", &asks).await;
        assert_eq!(receiver.next_type().await, "payment_intent.created");
        assert_eq!(receiver.next_type().await, "payment_intent.requires_action");
        let page = intent["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
        http().post(page).form(&[("outcome", outcome)]).send().await.unwrap().error_for_status().unwrap();
        assert_eq!(receiver.next_type().await, format!("payment_intent.{told}"));
    }
}

#[tokio::test]
async fn a_webhook_is_sent_again_to_a_listener_that_failed() {
    let mut receiver = WebhookReceiver::start(2).await;
    let mocks = stubs_sending_to(&receiver).await;
    merchant(&mocks).pay().await;
    assert_eq!(receiver.next_type().await, "payment_intent.created");
    assert_eq!(receiver.next_type().await, "payment_intent.succeeded");
}

#[tokio::test]
async fn with_the_fault_duplicate_each_event_comes_twice_with_the_same_id() {
    let mut receiver = WebhookReceiver::start(0).await;
    let mocks = stubs_sending_to(&receiver).await;
    mocks.faults(Stub::Cards).set(Faults { duplicate: true, ..Faults::default() });
    merchant(&mocks).pay().await;
    assert_eq!(receiver.next().await.event()["id"], receiver.next().await.event()["id"]);
}

#[tokio::test]
async fn with_the_fault_reorder_a_later_event_overtakes() {
    let mut receiver = WebhookReceiver::start(0).await;
    let mocks = stubs_sending_to(&receiver).await;
    mocks.faults(Stub::Cards).set(Faults { reorder: true, ..Faults::default() });
    merchant(&mocks).pay().await;
    let told = [receiver.next_type().await, receiver.next_type().await];
    assert_eq!(told, ["payment_intent.succeeded", "payment_intent.created"]);
}

#[tokio::test]
async fn with_the_fault_reorder_a_lonely_event_still_comes() {
    let mut receiver = WebhookReceiver::start(0).await;
    let mocks = stubs_sending_to(&receiver).await;
    mocks.faults(Stub::Cards).set(Faults { reorder: true, ..Faults::default() });
    let (_, intent) = merchant(&mocks).post("/v1/payment_intents", &[("amount", "2499"), ("currency", "eur")]).await;
    assert_eq!(receiver.next_type().await, "payment_intent.created");
    assert_eq!(intent["status"], "requires_payment_method");
}
