//! What survives a restart, and how the stubs stop.

use std::{fs, io::Write, path::Path};

use reqwest::{Method, StatusCode};
use storefront_mocks::{Faults, IntentStatus, Mocks, MocksConfig, Stub};
use tempfile::TempDir;

use crate::support::{SmtpClient, http, merchant, payment, send, stubs, stubs_with};

async fn stubs_keeping_state_in(file: &Path) -> Mocks {
    stubs_with(MocksConfig { state_file: Some(file.to_owned()), slow_card_ms: 1, ..MocksConfig::default() }).await
}

#[tokio::test]
async fn payments_keys_and_refunds_survive() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("state").join("stubs.jsonl");
    let first = stubs_keeping_state_in(&file).await;
    let paid = merchant(&first).post_with_key("/v1/payment_intents", &payment("pm_card_visa"), "key-1").await;
    let paid: serde_json::Value = paid.json().await.unwrap();
    let id = paid["id"].as_str().unwrap();
    merchant(&first).post("/v1/refunds", &[("payment_intent", id), ("amount", "500")]).await;
    let card = [("type", "card"), ("card[number]", "4242424242424242")];
    let (_, method) = merchant(&first).post("/v1/payment_methods", &card).await;
    // Dropped, not shut down: as if the process had been killed.
    drop(first);

    for _ in 0..2 {
        let again = stubs_keeping_state_in(&file).await;
        let replayed = merchant(&again).post_with_key("/v1/payment_intents", &payment("pm_card_visa"), "key-1").await;
        assert_eq!(replayed.headers()["idempotent-replayed"], "true");
        assert_eq!(replayed.json::<serde_json::Value>().await.unwrap(), paid);
        assert_eq!(again.card_gateway().charges().len(), 1);
        assert_eq!(again.card_gateway().charges()[0].amount_refunded, 500);
        assert_eq!(again.card_gateway().refunds().len(), 1);
        assert_eq!(again.card_gateway().intents()[0].status, IntentStatus::Succeeded);
        let token = method["id"].as_str().unwrap();
        assert_eq!(merchant(&again).get(&format!("/v1/payment_methods/{token}")).await.0, StatusCode::OK);
    }
    assert!(!fs::read_to_string(&file).unwrap().contains("4242424242424242"));
}

#[tokio::test]
async fn mails_survive_and_numbers_go_on() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("stubs.jsonl");
    let first = stubs_keeping_state_in(&file).await;
    let mut client = SmtpClient::connect_and_greet(first.smtp_addr()).await;
    for mail in ["Message-ID: <1@x>\r\n\r\n", "Message-ID: <1@x>\r\n\r\n", "Message-ID: <2@x>\r\n\r\n"] {
        client.deliver("ada@example.org", mail).await;
    }
    let before = first.mailbox().messages();
    drop(first);
    let second = stubs_keeping_state_in(&file).await;
    assert_eq!(second.mailbox().messages(), before);
    assert_eq!(before[0].deliveries, 2);
    second.mailbox().clear();
    drop(second);
    let third = stubs_keeping_state_in(&file).await;
    assert_eq!((third.mailbox().messages().len(), third.mailbox().head()), (0, 2));
}

#[tokio::test]
async fn product_changes_pictures_and_the_feeds_numbers_survive() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("stubs.jsonl");
    let first = stubs_keeping_state_in(&file).await;
    let duck = first.products().picture("desk-duck").unwrap();
    first.products().reprice("kite", 1500, "Light winds").unwrap();
    first.products().set_picture("kite", duck.clone()).unwrap();
    first.products().remove_picture("torch").unwrap();
    first.products().create_category("Lighting").unwrap();
    let lamp = r#"{"sku":"L-1","name":"Test lamp","category":"Lighting","price":999}"#;
    let create = async |mocks: &Mocks| {
        let url = format!("{}/v1/product", mocks.products_url());
        let response = http().post(url).header("idempotency-key", "lamp").body(lamp).send().await.unwrap();
        (response.status(), response.json::<serde_json::Value>().await.unwrap())
    };
    let created = create(&first).await;
    let (list, feed) = (first.products().list(), first.products().changes_after(0, 1_000));
    drop(first);
    let second = stubs_keeping_state_in(&file).await;
    assert!(second.products().categories().contains(&"Lighting".to_owned()));
    assert_eq!(create(&second).await, created, "under its key it is created once, also over a restart");
    assert_eq!(second.products().list(), list);
    assert_eq!(second.products().changes_after(0, 1_000), feed);
    assert_eq!(second.products().picture("kite"), Some(duck));
    assert_eq!(second.products().picture("torch"), None);
}

#[tokio::test]
async fn a_torn_last_line_is_left_out() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("stubs.jsonl");
    let first = stubs_keeping_state_in(&file).await;
    merchant(&first).pay().await;
    drop(first);
    fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"card\":{\"intents\":[{\"id\"").unwrap();
    let second = stubs_keeping_state_in(&file).await;
    assert_eq!(second.card_gateway().charges().len(), 1);
    merchant(&second).pay().await;
    drop(second);
    assert_eq!(stubs_keeping_state_in(&file).await.card_gateway().charges().len(), 2);
}

#[tokio::test]
async fn a_file_damaged_in_the_middle_is_refused_with_its_line() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("stubs.jsonl");
    fs::write(&file, "rubbish\n").unwrap();
    let error = Mocks::start(MocksConfig { state_file: Some(file), ..MocksConfig::default() }).await.unwrap_err();
    assert!(error.to_string().contains("line 1 is damaged"), "{error}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let mocks = stubs().await;
    let again = MocksConfig { http: mocks.http_addr(), ..MocksConfig::default() };
    assert!(Mocks::start(again).await.is_err());
}

#[tokio::test]
async fn shutting_down_answers_parked_polls_says_goodbye_to_mail_clients_and_frees_the_ports() {
    let mocks = stubs().await;
    let (http_addr, smtp_addr) = (mocks.http_addr(), mocks.smtp_addr());
    let mut client = SmtpClient::connect_and_greet(smtp_addr).await;
    let url = format!("{}/v1/messages?wait=30", mocks.mailbox_url());
    let parked = tokio::spawn(async move { http().get(url).send().await });
    mocks.shutdown().await;
    assert!(client.read_reply().await.starts_with("421"));
    // It was answered, or it came too late to be accepted; in no case does it hang.
    if let Ok(response) = parked.await.unwrap() {
        assert_eq!(response.status(), StatusCode::OK);
    }
    stubs_with(MocksConfig { http: http_addr, smtp: smtp_addr, ..MocksConfig::default() }).await;
}

#[tokio::test]
async fn after_a_reset_everything_is_as_on_the_first_day_and_stays_so() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("stubs.jsonl");
    let stubs = stubs_keeping_state_in(&file).await;
    let first_day = stubs.products().list();
    merchant(&stubs).pay().await;
    SmtpClient::connect_and_greet(stubs.smtp_addr()).await.deliver("ada@example.org", "Subject: One\r\n\r\n").await;
    let kite = format!("{}/v1/product/kite", stubs.products_url());
    send(Method::PATCH, &kite, r#"{"price": 1}"#).await;
    stubs.faults(Stub::Cards).set(Faults { decline: true, ..Faults::default() });
    assert_ne!(stubs.products().list(), first_day, "something has changed");
    let (status, _) = send(Method::POST, &format!("http://{}/reset", stubs.http_addr()), "").await;
    assert_eq!(status, StatusCode::OK);
    let is_as_new = |stubs: &Mocks| {
        assert_eq!(stubs.products().list(), first_day);
        assert!(stubs.card_gateway().intents().is_empty() && stubs.card_gateway().charges().is_empty());
        assert!(stubs.mailbox().messages().is_empty() && stubs.faults(Stub::Cards).get().is_none());
    };
    is_as_new(&stubs);
    merchant(&stubs).pay().await;
    drop(stubs);
    let again = stubs_keeping_state_in(&file).await;
    assert_eq!(again.card_gateway().charges().len(), 1, "what came after it is kept");
    assert_eq!((again.products().list(), again.mailbox().messages().len()), (first_day, 0));
}
