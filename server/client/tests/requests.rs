//! What the client sends and what it makes of the answers, against a stand-in server.

#![expect(clippy::unwrap_used, reason = "tests may unwrap, in helpers too")]

use mockito::{Matcher, Mock, Server, ServerGuard};
use serde_json::json;
use storefront_api::{
    AddItem, EventQuery, OrderId, OrderStatus, ProductId, ProductQuery, ProductSort, ReceiveStock, StockQuery,
    TimelineQuery, Token,
};
use storefront_client::{Client, ClientError, IdempotencyKey, Mailbox};

const ORDER: &str = "018f6f0e-0000-7000-8000-000000000001";

struct Shop {
    server: ServerGuard,
    client: Client,
}

async fn a_shop() -> Shop {
    let server = Server::new_async().await;
    let client = Client::new(&server.url()).unwrap();
    Shop { server, client }
}

impl Shop {
    fn answering(&mut self, method: &str, path: &str, status: usize, body: serde_json::Value) -> Mock {
        self.server
            .mock(method, path)
            .with_status(status)
            .with_header("content-type", "application/json")
            .with_body(body.to_string())
    }
}

fn order_id() -> OrderId {
    ORDER.parse().unwrap()
}

fn socks() -> ProductId {
    "socks".parse().unwrap()
}

fn a_basket() -> serde_json::Value {
    let eur = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    json!({
        "id": ORDER, "status": "in_progress", "payment_status": "none", "version": 3, "currency": "EUR",
        "items": [{"product_id": "socks", "sku": "S-1", "name": "Socks", "unit_price": eur(500), "quantity": 2,
                   "line_total": eur(1000)}],
        "subtotal": eur(1000), "discount": eur(0), "total": eur(1000),
        "tax": [{"rate_percent": 19, "amount": eur(160)}], "started_at": "2026-03-01T12:00:00.000Z",
        "something_new": "that this client does not know"
    })
}

fn a_problem(status: u16, code: &str) -> serde_json::Value {
    json!({"type": format!("https://shop.example/problems/{code}"), "title": "Not now", "status": status,
           "detail": "Only 2 of Socks are left.", "code": code, "product_ids": ["socks"]})
}

#[tokio::test]
async fn adding_an_item_sends_its_key_and_returns_the_position_of_the_write() {
    let mut shop = a_shop().await;
    let key = IdempotencyKey::new();
    let mock = shop
        .answering("POST", format!("/v1/orders/{ORDER}/items").as_str(), 201, a_basket())
        .match_header("idempotency-key", key.as_str())
        .match_header("content-type", "application/json")
        .match_header("accept", "application/json")
        .match_body(Matcher::Json(json!({"product_id": "socks", "quantity": 2})))
        .with_header("storefront-position", "42")
        .create_async()
        .await;

    let item = AddItem { product_id: socks(), quantity: 2 };
    let written = shop.client.add_item(order_id(), &item, &key).await.unwrap();

    mock.assert_async().await;
    assert_eq!((written.position, written.replayed), (Some(42), false));
    assert_eq!((written.value.status, written.value.version), (OrderStatus::InProgress, 3));
}

#[tokio::test]
async fn a_stored_answer_says_so() {
    let mut shop = a_shop().await;
    let stock =
        json!({"product_id": "socks", "on_hand": 9, "reserved": 0, "available": 9, "threshold": 10, "version": 1});
    shop.answering("POST", "/v1/stock/socks/receive", 200, stock)
        .with_header("idempotency-replayed", "true")
        .create_async()
        .await;

    let written =
        shop.client.receive_stock(&socks(), &ReceiveStock { quantity: 9 }, &IdempotencyKey::new()).await.unwrap();

    assert_eq!((written.value.available, written.position, written.replayed), (9, None, true));
}

#[tokio::test]
async fn writes_that_repeat_safely_use_put_and_delete() {
    let mut shop = a_shop().await;
    let line = format!("/v1/orders/{ORDER}/items/socks");
    let put = shop
        .answering("PUT", &line, 200, a_basket())
        .match_body(Matcher::Json(json!({"quantity": 2})))
        .create_async()
        .await;
    let remove = shop.answering("DELETE", &line, 200, a_basket()).create_async().await;
    let clear = shop.answering("DELETE", &format!("/v1/orders/{ORDER}/items"), 200, a_basket()).create_async().await;

    shop.client.change_quantity(order_id(), &socks(), 2).await.unwrap();
    shop.client.remove_item(order_id(), &socks()).await.unwrap();
    shop.client.clear(order_id()).await.unwrap();

    put.assert_async().await;
    remove.assert_async().await;
    clear.assert_async().await;
}

#[tokio::test]
async fn queries_are_encoded_and_unset_parts_are_left_out() {
    let mut shop = a_shop().await;
    let mock = shop
        .answering(
            "GET",
            "/v1/products?q=r%C3%BCck+%26+sack&in_stock=true&sort=price_desc&limit=5",
            200,
            json!({"items": [], "next_cursor": null, "total": 0}),
        )
        .create_async()
        .await;
    let query = ProductQuery {
        q: Some("rück & sack".into()),
        in_stock: Some(true),
        sort: Some(ProductSort::PriceDesc),
        limit: Some(5),
        ..ProductQuery::default()
    };

    let page = shop.client.products(&query).await.unwrap();

    mock.assert_async().await;
    assert_eq!((page.items.len(), page.total), (0, 0));
}

#[tokio::test]
async fn an_empty_query_leaves_no_question_mark() {
    let mut shop = a_shop().await;
    let mock = shop
        .server
        .mock("GET", Matcher::Exact("/v1/stock".into()))
        .with_body(json!({"items": [], "next_cursor": null, "total": 0}).to_string())
        .create_async()
        .await;
    assert!(shop.client.stock(&StockQuery::default()).await.unwrap().items.is_empty());
    mock.assert_async().await;
}

#[tokio::test]
async fn events_are_asked_for_by_type_and_position() {
    let mut shop = a_shop().await;
    let event = json!({
        "position": 8, "id": ORDER, "stream": "stock-socks", "version": 1, "type": "stock.received",
        "schema_version": 1, "time": "2026-03-01T12:00:00.000Z", "correlation_id": "c", "causation_id": null,
        "actor": "operator", "data": {"quantity": 9}
    });
    shop.answering(
        "GET",
        "/v1/events?after=7&wait=0&type=stock.*",
        200,
        json!({"events": [event], "next_after": 9, "head": 9}),
    )
    .create_async()
    .await;

    let query = EventQuery { after: Some(7), wait: Some(0), kind: Some("stock.*".into()), ..EventQuery::default() };
    let page = shop.client.events(&query).await.unwrap();

    assert_eq!((page.events[0].kind.as_str(), page.next_after), ("stock.received", 9));
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_all_that_the_shop_said() {
    let mut shop = a_shop().await;
    shop.answering("GET", format!("/v1/orders/{ORDER}/timeline").as_str(), 409, a_problem(409, "out_of_stock"))
        .create_async()
        .await;

    let error = shop.client.timeline(order_id(), &TimelineQuery::default()).await.unwrap_err();

    assert_eq!(error.to_string(), "Only 2 of Socks are left.");
    assert!(!error.is_unreachable());
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, problem.code.as_str()), (409, "out_of_stock"));
    assert_eq!(problem.product_ids, [socks()]);
}

#[tokio::test]
async fn what_the_shop_does_not_have_is_none() {
    let mut shop = a_shop().await;
    let missing = a_problem(404, "not_found");
    for path in ["/v1/products/socks", "/v1/products/socks/picture", "/v1/stock/socks"] {
        shop.answering("GET", path, 404, missing.clone()).create_async().await;
    }
    shop.answering("GET", format!("/v1/orders/{ORDER}?version=99").as_str(), 404, missing).create_async().await;

    assert_eq!(shop.client.product(&socks()).await, Ok(None));
    assert_eq!(shop.client.picture(&socks()).await, Ok(None));
    assert_eq!(shop.client.stock_of(&socks(), None).await, Ok(None));
    assert_eq!(shop.client.order_at_version(order_id(), 99).await, Ok(None));
}

#[tokio::test]
async fn a_route_that_is_missing_is_not_taken_for_a_product_that_is() {
    let mut shop = a_shop().await;
    shop.answering("GET", "/v1/products/socks", 404, a_problem(404, "route_not_found")).create_async().await;
    assert!(shop.client.product(&socks()).await.is_err());
}

#[tokio::test]
async fn a_picture_comes_as_its_bytes() {
    let mut shop = a_shop().await;
    shop.server.mock("GET", "/v1/products/socks/picture").with_body([137, b'P', b'N', b'G']).create_async().await;
    assert_eq!(shop.client.picture(&socks()).await, Ok(Some(vec![137, b'P', b'N', b'G'])));
}

#[tokio::test]
async fn waiting_for_a_change_sends_the_known_version_and_takes_no_change_for_an_answer() {
    let mut shop = a_shop().await;
    let path = format!("/v1/orders/{ORDER}?wait=0");
    shop.server.mock("GET", path.as_str()).match_header("if-none-match", "\"3\"").with_status(304).create_async().await;
    shop.answering("GET", &path, 200, a_basket()).match_header("if-none-match", "\"2\"").create_async().await;

    assert_eq!(shop.client.order_after_version(order_id(), 3, 0).await, Ok(None));
    assert_eq!(shop.client.order_after_version(order_id(), 2, 0).await.unwrap().map(|order| order.version), Some(3));
}

#[tokio::test]
async fn not_ready_is_an_answer() {
    let mut shop = a_shop().await;
    let body =
        json!({"ready": false, "reasons": ["The server is shutting down."], "head": 7, "product_service": "live"});
    shop.answering("GET", "/health/ready", 503, body).create_async().await;
    let readiness = shop.client.readiness().await.unwrap();
    assert_eq!((readiness.ready, readiness.head), (false, 7));
}

#[tokio::test]
async fn broken_json_is_unexpected_and_says_where_it_breaks() {
    let mut shop = a_shop().await;
    shop.answering("GET", "/v1/categories", 200, json!({"items": "none"})).create_async().await;
    let error = shop.client.categories().await.unwrap_err();
    assert!(matches!(&error, ClientError::Unexpected(text) if text.contains("cannot be read")), "{error}");
}

#[tokio::test]
async fn an_error_without_a_reason_is_unexpected_even_where_nothing_would_be_fine() {
    let mut shop = a_shop().await;
    shop.server.mock("GET", "/v1/products/socks").with_status(404).with_body("<html>").create_async().await;
    shop.server.mock("GET", "/health/ready").with_status(302).with_header("location", "/login").create_async().await;

    let url = shop.client.base_url().to_owned();
    assert_eq!(
        shop.client.product(&socks()).await.unwrap_err().to_string(),
        format!("The shop at {url} did not answer as a shop does: status 404 without a reason.")
    );
    assert!(matches!(shop.client.readiness().await, Err(ClientError::Unexpected(_))));
}

#[tokio::test]
async fn an_export_is_handed_on_as_it_comes_and_must_be_whole() {
    let mut shop = a_shop().await;
    let answering =
        |lines: &'static str| move |mock: Mock| mock.with_header("storefront-position", "2").with_body(lines);
    let whole = shop.server.mock("GET", "/v1/export").expect(1);
    let whole = answering("{\"position\":1}\n{\"position\":2}\n")(whole).create_async().await;
    let mut kept = Vec::new();
    let count = shop.client.export(|piece| std::io::Write::write_all(&mut kept, piece)).await;
    assert_eq!((count, kept.as_slice()), (Ok(2), b"{\"position\":1}\n{\"position\":2}\n".as_slice()));
    whole.assert_async().await;

    answering("{\"position\":1}\n")(shop.server.mock("GET", "/v1/export")).create_async().await;
    let cut = shop.client.export(|_| Ok(())).await.unwrap_err();
    assert!(cut.to_string().ends_with("did not answer as a shop does: an export that ends early."), "{cut}");
    let full = shop.client.export(|_| Err(std::io::Error::other("no room"))).await.unwrap_err();
    assert_eq!(full.to_string(), "The export could not be kept: no room.");

    shop.answering("GET", "/v1/export", 503, a_problem(503, "log_unavailable")).create_async().await;
    let refused = shop.client.export(|_| Ok(())).await.unwrap_err();
    assert_eq!(refused.problem().unwrap().code, "log_unavailable");
}

#[tokio::test]
async fn a_document_is_requested_in_the_format_that_the_caller_accepts() {
    let mut shop = a_shop().await;
    let path = "/v1/invoices/2026-000001";
    shop.server.mock("GET", path).match_header("accept", "text/plain").with_body("Invoice").create_async().await;
    let pdf = shop.server.mock("GET", path).match_header("accept", "application/pdf");
    pdf.with_body([0x25, 0x50, 0xff]).create_async().await;
    shop.answering("GET", "/v1/invoices/none", 404, a_problem(404, "invoice_not_found")).create_async().await;

    assert_eq!(shop.client.document_text("2026-000001").await, Ok(Some("Invoice".to_owned())));
    assert_eq!(shop.client.document_pdf("2026-000001").await, Ok(Some(vec![0x25, 0x50, 0xff])));
    assert_eq!(shop.client.document_text("none").await, Ok(None));
    assert_eq!(shop.client.document_pdf("none").await, Ok(None));
}

#[tokio::test]
async fn a_mailbox_under_a_path_is_read_from_where_one_was() {
    let mut shop = a_shop().await;
    let mail = json!({"id": "7", "sequence": 7, "message_id": "x", "from": "shop@example.com", "to": ["ada@example.com"],
                      "subject": "Hello", "text": "Hello\n", "received_at": "2026-03-01T12:00:00.000Z", "deliveries": 1});
    let page = json!({"messages": [mail], "next_after": 7, "head": 9});
    shop.answering("GET", "/mail/v1/messages?after=6", 200, page).create_async().await;
    let mailbox = Mailbox::new(&format!("{}/mail", shop.client.base_url())).unwrap();
    let page = mailbox.messages(6).await.unwrap();
    assert_eq!((page.head, page.messages.len(), page.messages[0].subject.as_str()), (9, 1, "Hello"));
}

#[tokio::test]
async fn a_client_with_a_token_sends_it_and_shows_it_nowhere() {
    let mut shop = a_shop().await;
    let mock = shop
        .answering("DELETE", "/v1/sessions/current", 200, json!({"ended": 1}))
        .match_header("authorization", "Bearer st1.a.b.c")
        .create_async()
        .await;
    let client = shop.client.with_token(Token("st1.a.b.c".to_owned()));
    assert_eq!(client.sign_out().await.unwrap().value.ended, 1);
    mock.assert_async().await;
    assert!(!format!("{client:?}").contains("st1."), "{client:?}");
}
