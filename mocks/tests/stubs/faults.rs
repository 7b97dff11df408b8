//! Fault switches, over HTTP and in process, and what they do.

use reqwest::{Method, StatusCode};
use serde_json::json;
use storefront_mocks::{Faults, Stub};

use crate::support::{SmtpClient, TIMEOUT, get, http, merchant, payment, send, stubs};

#[tokio::test]
async fn everything_is_off_at_first() {
    let mocks = stubs().await;
    for stub in Stub::ALL {
        let (status, faults) = get(&format!("{}/{stub}", mocks.faults_url())).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            faults,
            json!({
                "error_rate": 0.0, "latency_ms": 0, "outage": false, "decline": false, "lose_answers": false,
                "hold_answers": false, "duplicate": false, "reorder": false,
            })
        );
    }
}

#[tokio::test]
async fn a_put_replaces_all_faults() {
    let mocks = stubs().await;
    let url = format!("{}/cards", mocks.faults_url());
    send(Method::PUT, &url, r#"{"decline": true, "latency_ms": 5}"#).await;
    assert_eq!(mocks.faults(Stub::Cards).get(), Faults { decline: true, latency_ms: 5, ..Faults::default() });
    let (status, faults) = send(Method::PUT, &url, r#"{"error_rate": 0.5}"#).await;
    assert_eq!((status, &faults["error_rate"], &faults["decline"]), (StatusCode::OK, &json!(0.5), &json!(false)));
    mocks.faults(Stub::Cards).clear();
    assert!(mocks.faults(Stub::Cards).get().is_none());
}

#[tokio::test]
async fn wrong_faults_are_refused_with_a_sentence_and_change_nothing() {
    let mocks = stubs().await;
    for (stub, body, status) in [
        ("products", r#"{"gremlins": true}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("products", r#"{"decline": true}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("mail", r#"{"error_rate": 1.1}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("cards", r#"{"latency_ms": 60001}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("cards", r#"{"latency_ms": -1}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("cards", "outage", StatusCode::BAD_REQUEST),
        ("weather", "{}", StatusCode::NOT_FOUND),
    ] {
        let (answered, problem) = send(Method::PUT, &format!("{}/{stub}", mocks.faults_url()), body).await;
        assert_eq!(answered, status, "{body}");
        assert!(problem["detail"].as_str().unwrap().ends_with('.'), "{problem}");
    }
    assert!(Stub::ALL.iter().all(|stub| mocks.faults(*stub).get().is_none()));
    let (status, _) = send(Method::DELETE, &format!("{}/cards", mocks.faults_url()), "").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn an_error_rate_of_a_half_fails_every_second_request() {
    let mocks = stubs().await;
    mocks.faults(Stub::Products).set(Faults { error_rate: 0.5, ..Faults::default() });
    let url = format!("{}/v1/product/kite", mocks.products_url());
    for expected in [StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::OK] {
        assert_eq!(get(&url).await.0, expected);
    }
}

#[tokio::test]
async fn a_failing_gateway_charges_nothing_and_keeps_no_answer() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    mocks.faults(Stub::Cards).set(Faults { error_rate: 1.0, ..Faults::default() });
    let failed = merchant.post_with_key("/v1/payment_intents", &payment("pm_card_visa"), "key-1").await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(failed.json::<serde_json::Value>().await.unwrap()["error"]["type"], "api_error");
    assert_eq!(mocks.card_gateway().charges(), []);
    mocks.faults(Stub::Cards).clear();
    let paid = merchant.post_with_key("/v1/payment_intents", &payment("pm_card_visa"), "key-1").await;
    assert_eq!(paid.status(), StatusCode::OK);
}

#[tokio::test]
async fn latency_delays_answers_and_loses_none() {
    let mocks = stubs().await;
    mocks.faults(Stub::Products).set(Faults { latency_ms: 1, ..Faults::default() });
    assert_eq!(get(&format!("{}/v1/product", mocks.products_url())).await.0, StatusCode::OK);
}

#[tokio::test]
async fn during_an_outage_connections_close_without_an_answer_and_nothing_is_charged() {
    let mocks = stubs().await;
    for stub in [Stub::Products, Stub::Cards] {
        mocks.faults(stub).set(Faults { outage: true, ..Faults::default() });
    }
    let listed = http().get(format!("{}/v1/product", mocks.products_url())).send().await;
    let charged = merchant(&mocks).try_post("/v1/payment_intents", &payment("pm_card_visa"), None).await;
    for error in [listed.unwrap_err(), charged.unwrap_err()] {
        assert!(!error.is_timeout() && !error.is_status(), "{error:?}");
    }
    assert_eq!(mocks.card_gateway().intents(), []);
    mocks.faults(Stub::Products).clear();
    assert_eq!(get(&format!("{}/v1/product", mocks.products_url())).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_outage_reaches_a_long_poll_that_is_parked() {
    let mocks = stubs().await;
    let url = format!("{}/v1/changes?after={}&wait=30", mocks.products_url(), mocks.products().head());
    let parked = tokio::spawn(async move { http().get(url).send().await });
    mocks.faults(Stub::Products).set(Faults { outage: true, ..Faults::default() });
    assert!(!parked.await.unwrap().unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_lost_answer_is_not_a_lost_charge_and_the_key_finds_it_again() {
    let mocks = stubs().await;
    let merchant = merchant(&mocks);
    mocks.faults(Stub::Cards).set(Faults { lose_answers: true, ..Faults::default() });
    let lost = merchant.try_post("/v1/payment_intents", &payment("pm_card_visa"), Some("key-1")).await;
    assert!(!lost.unwrap_err().is_timeout());
    let charges = mocks.card_gateway().wait_for_charges(|charges| !charges.is_empty(), TIMEOUT).await;
    assert_eq!(charges.len(), 1);
    assert_eq!(merchant.get("/v1/charges").await.1["total_count"], 1, "reading works all the time");
    mocks.faults(Stub::Cards).clear();
    let found = merchant.post_with_key("/v1/payment_intents", &payment("pm_card_visa"), "key-1").await;
    assert_eq!(found.headers()["idempotent-replayed"], "true");
    assert_eq!(mocks.card_gateway().paid_charges_with("order_id", "order-1").len(), 1);
}

#[tokio::test]
async fn with_the_fault_decline_no_card_works() {
    let mocks = stubs().await;
    mocks.faults(Stub::Cards).set(Faults { decline: true, ..Faults::default() });
    let (status, body) = merchant(&mocks).charge("pm_card_visa").await;
    assert_eq!((status, &body["error"]["decline_code"]), (StatusCode::PAYMENT_REQUIRED, &json!("generic_decline")));
}

#[tokio::test]
async fn during_a_mail_outage_clients_are_sent_away_and_the_mailbox_can_still_be_read() {
    let mocks = stubs().await;
    let mut talking = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    mocks.faults(Stub::Mail).set(Faults { outage: true, ..Faults::default() });
    assert!(talking.read_reply().await.starts_with("421"));
    assert_eq!(talking.read_reply().await, "");
    let (mut client, greeting) = SmtpClient::connect(mocks.smtp_addr()).await;
    assert!(greeting.starts_with("421 4.3.2"));
    assert_eq!(client.read_reply().await, "");
    assert_eq!(get(&format!("{}/v1/messages", mocks.mailbox_url())).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_failing_mail_server_says_451_and_takes_the_next() {
    let mocks = stubs().await;
    mocks.faults(Stub::Mail).set(Faults { error_rate: 0.5, latency_ms: 1, ..Faults::default() });
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    assert!(client.deliver("ada@example.org", "Subject: One\r\n\r\n").await.starts_with("250"));
    assert!(client.send_line("MAIL FROM:<shop@example.org>").await.starts_with("451 4.3.0"));
    assert!(client.deliver("ada@example.org", "Subject: Two\r\n\r\n").await.starts_with("250"));
}

#[tokio::test]
async fn an_answer_that_is_held_back_comes_when_the_fault_is_off_and_the_charge_is_there_before() {
    let mocks = stubs().await;
    mocks.faults(Stub::Cards).set(Faults { hold_answers: true, ..Faults::default() });
    let merchant = merchant(&mocks);
    let asked = tokio::spawn(async move {
        merchant.post_with_key("/v1/payment_intents", &payment("pm_card_visa"), "key-1").await.status()
    });
    let charges = mocks.card_gateway().wait_for_charges(|charges| !charges.is_empty(), TIMEOUT).await;
    assert_eq!(charges.len(), 1);
    assert!(!asked.is_finished(), "it was to be held back");
    mocks.faults(Stub::Cards).clear();
    assert_eq!(asked.await.unwrap(), StatusCode::OK);
}
