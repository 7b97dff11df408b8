//! The engine against a stand-in server over real HTTP: what is asked, what comes of the answers, and what happens when
//! there are none.

use std::time::Duration;

use mockito::{Matcher, Mock, Server, ServerGuard, ServerOpts};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use storefront_client::Client;

use crate::driver::Engine;
use crate::preferences::Preferences;
use crate::session_file::SessionFile;
use crate::settings::{Contact, Settings, SettingsFile};
use crate::state::{Connection, Load, Model, Phase};
use crate::update::tests::world::account::{ADA, a_session};
use crate::update::tests::world::{a_shelf, an_order, eur};
use crate::update::{Feed, Msg};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

struct Shop {
    server: ServerGuard,
    engine: Engine,
}

async fn json_at(server: &mut Server, method: &str, path: &str, body: Value) -> Mock {
    server
        .mock(method, Matcher::Regex(format!("^{path}(\\?.*)?$")))
        .with_header("content-type", "application/json")
        .with_body(body.to_string())
        .create_async()
        .await
}

/// Answers what every client asks for.
async fn mock_shop(server: &mut Server) {
    let ready = json!({"ready": true, "reasons": [], "head": 0, "product_service": "live"});
    json_at(server, "GET", "/health/ready", ready).await;
    json_at(server, "GET", "/v1/events", json!({"events": [], "next_after": 0, "head": 0})).await;
    let products = json!({"items": a_shelf(), "next_cursor": null, "total": 5});
    json_at(server, "GET", "/v1/products", products).await;
    json_at(server, "GET", "/v1/categories", json!({"items": []})).await;
    server
        .mock("GET", Matcher::Regex("^/v1/orders/[^/]+$".into()))
        .with_status(404)
        .with_body(nothing())
        .create_async()
        .await;
}

fn nothing() -> String {
    json!({"type": "t", "title": "No such order", "status": 404, "detail": "", "code": "order_not_found"}).to_string()
}

fn an_engine(url: &str) -> Engine {
    let settings = Settings { contact: Contact::demo(), ..Settings::default() };
    let mut engine = Engine::new(&settings, None);
    engine.connect(Client::new(url).unwrap());
    engine.take(Msg::ShopFound { url: url.to_owned(), mailbox_url: None, embedded: false, first_run: false });
    engine
}

async fn until(engine: &mut Engine, what: &str, is_so: impl Fn(&Model) -> bool) {
    let waiting = async {
        while !is_so(&engine.model) {
            let msg = engine.next().await.unwrap();
            engine.take(msg);
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(in_time.is_ok(), "{what} does not come: {:?}", engine.model);
}

fn press(engine: &mut Engine, keys: &str) {
    for key in crate::screenshot::parse(keys).unwrap() {
        engine.take(Msg::Key(key));
    }
}

async fn an_open_shop() -> Shop {
    let mut server = Server::new_async().await;
    mock_shop(&mut server).await;
    let mut engine = an_engine(&server.url());
    until(&mut engine, "the shelf", |model| model.shop.products.load == Load::Ready && model.is_live()).await;
    Shop { server, engine }
}

#[tokio::test]
async fn a_shop_that_comes_back_is_found_again_and_everything_is_fetched() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut engine = an_engine(&format!("http://127.0.0.1:{port}"));
    until(&mut engine, "the banner", |model| matches!(model.connection, Connection::Offline { .. })).await;
    assert!(engine.model.shop.products.items.is_empty());

    let mut server = Server::new_with_opts_async(ServerOpts { port, ..ServerOpts::default() }).await;
    mock_shop(&mut server).await;
    until(&mut engine, "the recovery", |model| model.is_live() && model.shop.products.items.iter().count() == 5).await;
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_product_is_added_under_one_key_and_the_answer_replaces_what_was_shown() {
    let Shop { mut server, mut engine } = an_open_shop().await;
    let id = engine.model.basket.order_id;
    let order = storefront_api::Order { id, ..an_order(2, &[(&a_shelf()[0], 1)]) };
    let add = server
        .mock("POST", format!("/v1/orders/{id}/items").as_str())
        .match_header("idempotency-key", Matcher::Regex("^[0-9a-f-]{36}$".into()))
        .match_body(Matcher::Json(json!({"product_id": "apron", "quantity": 1})))
        .with_body(serde_json::to_string(&order).unwrap())
        .expect(1)
        .create_async()
        .await;
    press(&mut engine, "a");
    assert_eq!(engine.model.basket.pieces(), 1, "it shows before there is an answer");
    until(&mut engine, "the answer", |model| model.basket.order.is_some()).await;
    assert!(engine.model.basket.pending.is_empty());
    add.assert_async().await;
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_key_pressed_twice_buys_once() {
    let Shop { mut server, mut engine } = an_open_shop().await;
    let id = engine.model.basket.order_id;
    let order = storefront_api::Order { id, ..an_order(2, &[(&a_shelf()[0], 1)]) };
    let body = serde_json::to_string(&order).unwrap();
    server.mock("POST", format!("/v1/orders/{id}/items").as_str()).with_body(body).create_async().await;
    press(&mut engine, "a");
    until(&mut engine, "the basket", |model| model.basket.order.is_some()).await;

    let bought = storefront_api::Order { status: storefront_api::OrderStatus::CheckedOut, ..order };
    let checkout = server
        .mock("POST", format!("/v1/orders/{id}/checkout").as_str())
        .with_status(202)
        .with_body(serde_json::to_string(&bought).unwrap())
        .expect(1)
        .create_async()
        .await;
    press(&mut engine, "cbbb");
    until(&mut engine, "the progress", |model| matches!(model.checkout.phase, Phase::Watching(_))).await;
    checkout.assert_async().await;
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_refusal_takes_the_change_back_and_says_why() {
    let Shop { mut server, mut engine } = an_open_shop().await;
    let id = engine.model.basket.order_id;
    let problem =
        json!({"type": "t", "title": "Too few", "status": 409, "detail": "Only 3 are left.", "code": "out_of_stock"});
    server
        .mock("POST", format!("/v1/orders/{id}/items").as_str())
        .with_status(409)
        .with_body(problem.to_string())
        .create_async()
        .await;
    press(&mut engine, "a");
    until(&mut engine, "the reason", |model| model.toasts.iter().any(|toast| toast.text == "Only 3 are left.")).await;
    assert!(engine.model.basket.is_empty());
    engine.close().await.unwrap();
}

#[tokio::test]
async fn the_basket_survives_closing_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let file = SettingsFile::new(folder.path(), Some("http://127.0.0.1:1"));
    let engine = Engine::new(&Settings::default(), Some(file.clone()));
    let basket = engine.model.basket.order_id;
    engine.close().await.unwrap();
    let again = Engine::new(&file.read().unwrap(), Some(file));
    assert_eq!(again.model.basket.order_id, basket);
    again.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_ends_with_the_reason_while_a_write_of_its_configuration_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("config.toml");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let file = SettingsFile::new(folder.path(), None);
    let mut engine = Engine::new(&Settings::default(), Some(file.clone()));
    let basket = engine.model.basket.order_id;
    engine.configure(Preferences::default(), Some(pipe.clone()));
    press(&mut engine, "t");
    // In a task of its own, so that it may block a thread.
    let closing = tokio::time::timeout(PATIENCE, tokio::spawn(engine.close())).await;
    // Whatever still waits for the other end of the pipe goes on.
    drop(std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap());
    let why = closing.expect("it ends").unwrap().unwrap_err();
    assert!(why.contains("config.toml"), "{why}");
    assert_eq!(file.read().unwrap().basket, Some(basket), "the basket is kept all the same");
}

#[tokio::test]
async fn what_cannot_be_kept_is_reported_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("clients"), "a file where a folder should be").unwrap();
    let file = SettingsFile::new(folder.path(), None);
    let mut engine = Engine::new(&Settings::default(), Some(file));
    let failures = |model: &Model| model.toasts.iter().filter(|toast| toast.text.contains("cannot be kept in")).count();
    for theme in ["t", "t"] {
        press(&mut engine, theme);
        until(&mut engine, "the reason", |model| failures(model) == 1).await;
    }
    let toast = engine.model.toasts.iter().find(|toast| toast.text.contains("cannot be kept in")).unwrap();
    assert!(toast.text.contains(folder.path().to_str().unwrap()), "{}", toast.text);
    let why = engine.close().await.unwrap_err();
    assert!(why.contains("cannot be kept in"), "{why}");
}

#[tokio::test]
async fn an_order_in_a_state_of_a_later_server_is_listed_with_the_others() {
    let Shop { mut server, mut engine } = an_open_shop().await;
    let order = |status: &str, name: &str| {
        json!({
            "id": uuid::Uuid::now_v7(), "status": status, "payment_status": "paid", "pieces": 1, "first_item": name,
            "total": {"amount": 950, "currency": "EUR"}, "started_at": "2026-03-01T12:00:00Z",
            "changed_at": "2026-03-01T12:00:00Z",
        })
    };
    let items = [order("returned", "Teapot"), order("shipped", "Earl Grey")];
    json_at(&mut server, "GET", "/v1/orders", json!({"items": items, "next_cursor": null, "total": 2})).await;
    press(&mut engine, "3");
    until(&mut engine, "the orders", |model| model.orders.list.load != Load::Loading).await;
    let shown = crate::view::tests::text(&engine.model);
    for (name, state) in [("Teapot", "unknown state"), ("Earl Grey", "shipped")] {
        let line = shown.iter().find(|line| line.contains(name));
        assert!(line.is_some_and(|line| line.contains(state)), "{name}: {shown:#?}");
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn after_a_restart_requests_carry_the_kept_token_and_the_renewed_one_is_kept() {
    let mut server = Server::new_with_opts_async(ServerOpts { assert_on_drop: false, ..ServerOpts::default() }).await;
    mock_shop(&mut server).await;
    let renewed = server
        .mock("POST", "/v1/sessions/renew")
        .match_header("authorization", "Bearer st1.token-1")
        .with_body(serde_json::to_string(&a_session(2)).unwrap())
        .create_async()
        .await;
    server
        .mock("GET", "/v1/customers/me")
        .match_header("authorization", Matcher::Regex("^Bearer st1.token-[12]$".into()))
        .with_body(json!({"id": ADA, "spending_limit": eur(1), "name": "Ada", "version": 1}).to_string())
        .create_async()
        .await;
    let folder = tempfile::tempdir().unwrap();
    let url = server.url();
    let file = SessionFile::new(folder.path(), Some(&url));
    file.write(Some(&a_session(1))).unwrap();
    let mut engine = Engine::new(&Settings::default(), None);
    engine.resume_session(file.clone());
    engine.connect(Client::new(&url).unwrap());
    engine.take(Msg::ShopFound { url, mailbox_url: None, embedded: false, first_run: false });
    let is_renewed = |model: &Model| model.account.session.as_ref() == Some(&a_session(2));
    until(&mut engine, "the new token", |model| is_renewed(model) && model.account.me.is_some()).await;
    renewed.assert_async().await;
    engine.close().await.unwrap();
    assert_eq!(file.read(), Some(a_session(2)));
}

#[tokio::test]
async fn a_reset_is_confirmed_although_the_new_log_is_seen_before_its_answer() {
    let Shop { mut server, mut engine } = an_open_shop().await;
    let reset = json!({"kept_as": "shop-1.db"});
    json_at(&mut server, "POST", "/v1/lab/reset", reset).await;
    json_at(&mut server, "GET", "/v1/lab/scenarios", json!({"items": []})).await;
    json_at(&mut server, "GET", "/v1/lab/faults", json!({"items": []})).await;
    press(&mut engine, "6 R y");
    assert!(engine.model.lab.resetting);
    engine.take(Msg::Feed(Feed::StartedOver));
    let is_confirmed = |model: &Model| model.toasts.iter().any(|toast| toast.text.contains("kept as shop-1.db"));
    until(&mut engine, "the confirmation", is_confirmed).await;
}
