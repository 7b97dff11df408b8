//! Bad input gets the exact problem and changes nothing.

use reqwest::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::world::{VISA, World, an_order, card, checkout};

/// A request that is wrong in one way, and what must come of it.
struct Wrong {
    what: &'static str,
    method: Method,
    path: String,
    body: Option<(&'static str, Vec<u8>)>,
    status: u16,
    code: &'static str,
}

fn get(what: &'static str, path: &str, status: u16, code: &'static str) -> Wrong {
    Wrong { what, method: Method::GET, path: path.to_owned(), body: None, status, code }
}

fn post(what: &'static str, path: &str, body: &Value, status: u16, code: &'static str) -> Wrong {
    let body = Some(("application/json", body.to_string().into_bytes()));
    Wrong { what, method: Method::POST, path: path.to_owned(), body, status, code }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_the_exact_problem_and_writes_nothing() {
    let world = World::open().await;
    let product = world.product_with(5).await.id;
    let order = an_order();
    let items = format!("/v1/orders/{order}/items");
    let item = |quantity: Value| json!({"product_id": product, "quantity": quantity});
    let with_body = |what, content_type, body: &[u8], status, code| Wrong {
        what,
        method: Method::POST,
        path: items.clone(),
        body: Some((content_type, body.to_vec())),
        status,
        code,
    };
    let wrongs = [
        with_body("broken JSON", "application/json", b"{\"product_id\":", 400, "malformed_json"),
        with_body("two JSON values", "application/json", b"{} {}", 422, "invalid_values"),
        with_body("no JSON", "text/plain", b"two mugs", 415, "unsupported_media_type"),
        with_body("a body of 1 MB", "application/json", &vec![b' '; 1_000_000], 413, "body_too_large"),
        with_body("a list of values", "application/json", b"[\"mug\", 1]", 422, "invalid_values"),
        with_body("an empty body", "application/json", b"", 422, "invalid_values"),
        with_body(
            "a field too many",
            "application/json",
            item(json!(1)).to_string().replace('}', ",\"price\":1}").as_bytes(),
            422,
            "invalid_values",
        ),
        post("quantity 0", &items, &item(json!(0)), 422, "invalid_values"),
        post("quantity 100", &items, &item(json!(100)), 422, "invalid_values"),
        post("quantity -1", &items, &item(json!(-1)), 422, "invalid_values"),
        post("quantity 1.5", &items, &item(json!(1.5)), 422, "invalid_values"),
        post("a quantity in words", &items, &item(json!("two")), 422, "invalid_values"),
        post(
            "an unknown product",
            &items,
            &json!({"product_id": "no-such-thing", "quantity": 1}),
            404,
            "product_not_found",
        ),
        post(
            "a malformed product id",
            &items,
            &json!({"product_id": "no such thing", "quantity": 1}),
            422,
            "invalid_values",
        ),
        post("a wrong UUID", "/v1/orders/42/items", &item(json!(1)), 400, "invalid_path"),
        post(
            "a refund of a charge without a key",
            "/v1/payments/unmatched/pi_none/refunds",
            &json!({}),
            400,
            "idempotency_key_required",
        ),
        post(
            "a checkout without a key",
            &format!("/v1/orders/{order}/checkout"),
            &serde_json::to_value(sample_checkout()).unwrap(),
            400,
            "idempotency_key_required",
        ),
        post(
            "cancelling what is not there",
            &format!("/v1/orders/{order}/cancel"),
            &json!({"reason": "why not"}),
            404,
            "order_not_found",
        ),
        post("a blank reason", &format!("/v1/orders/{order}/cancel"), &json!({"reason": "  "}), 422, "invalid_values"),
        post(
            "receiving nothing",
            &format!("/v1/stock/{product}/receive"),
            &json!({"quantity": 0}),
            422,
            "invalid_values",
        ),
        post(
            "stock below zero",
            &format!("/v1/stock/{product}/adjust"),
            &json!({"change": -1_000_000, "reason": "gone"}),
            409,
            "stock_state",
        ),
        post(
            "stock of nothing known",
            "/v1/stock/no-such-thing/receive",
            &json!({"quantity": 1}),
            404,
            "product_not_found",
        ),
        Wrong {
            what: "a threshold of 1,000,001",
            method: Method::PUT,
            path: format!("/v1/stock/{product}/threshold"),
            body: Some(("application/json", br#"{"threshold":1000001}"#.to_vec())),
            status: 422,
            code: "invalid_values",
        },
        post("pausing what is not there", "/v1/processes/laundry/pause", &json!({}), 404, "process_not_found"),
        get("what is parked in what is not there", "/v1/processes/laundry/parked", 404, "process_not_found"),
        post("a step of a process that runs", "/v1/processes/mail/step", &json!({}), 409, "process_not_paused"),
        post(
            "retrying what is not parked",
            "/v1/processes/mail/parked/x/retry",
            &json!({}),
            404,
            "sequence_not_parked",
        ),
        post("skipping what is not parked", "/v1/processes/mail/parked/x/skip", &json!({}), 404, "sequence_not_parked"),
        get("an unknown route", "/v1/nothing", 404, "route_not_found"),
        get("an unknown order", &format!("/v1/orders/{order}"), 404, "order_not_found"),
        get("an unknown order's timeline", &format!("/v1/orders/{order}/timeline"), 404, "order_not_found"),
        get(
            "what changed in an unknown order",
            &format!("/v1/orders/{order}/diff?from=1&to=2"),
            404,
            "order_not_found",
        ),
        get("a diagram of an unknown order", &format!("/v1/orders/{order}/diagram"), 404, "order_not_found"),
        get("what changed between nothing", &format!("/v1/orders/{order}/diff"), 422, "invalid_values"),
        get("what changed until nothing", &format!("/v1/orders/{order}/diff?from=1"), 422, "invalid_values"),
        get(
            "versions and a position",
            &format!("/v1/orders/{order}/diff?from=1&to=2&position=3"),
            422,
            "invalid_values",
        ),
        get("position 0", &format!("/v1/orders/{order}/diff?position=0"), 422, "invalid_values"),
        get("a version in words", &format!("/v1/orders/{order}/diff?from=one&to=2"), 400, "invalid_query"),
        get("a version below zero", &format!("/v1/orders/{order}/diff?from=-1&to=2"), 400, "invalid_query"),
        get("an order's id that is none", "/v1/orders/abc", 400, "invalid_path"),
        get("an unknown product", "/v1/products/no-such-thing", 404, "product_not_found"),
        get("an unknown parameter", "/v1/products?colour=red", 400, "invalid_query"),
        get("a cursor that is none", "/v1/products?cursor=no-such-thing", 422, "invalid_values"),
        get("a parameter twice", "/v1/events?limit=1&limit=2", 400, "invalid_query"),
        get("a position below zero", "/v1/events?after=-1", 400, "invalid_query"),
        get("a path that is no text", "/v1/products/%ff", 400, "invalid_path"),
        get("a limit of 0", "/v1/products?limit=0", 422, "invalid_values"),
        get("a limit of 101", "/v1/products?limit=101", 422, "invalid_values"),
        get("a limit in words", "/v1/products?limit=ten", 400, "invalid_query"),
        get("a wait of 31 s", "/v1/events?wait=31", 422, "invalid_values"),
        get("a type that cannot be", "/v1/events?type=%00", 422, "invalid_values"),
        get("a stream that cannot be", "/v1/events?stream=order-%00,stock-1", 422, "invalid_values"),
        get("a correlation that cannot be", "/v1/events?correlation=a%00", 422, "invalid_values"),
        get("a stream's name with a NUL", "/v1/streams/%00/events", 422, "invalid_values"),
        get("a cursor with a NUL", "/v1/orders?cursor=%00", 422, "invalid_values"),
        get("what is parked after a NUL in nothing", "/v1/processes/%00/parked?cursor=%00", 404, "process_not_found"),
        get("a stream's name that is none", "/v1/streams/a%20b/events", 422, "invalid_values"),
        Wrong {
            what: "a wrong method",
            method: Method::PATCH,
            path: "/v1/products".to_owned(),
            body: None,
            status: 405,
            code: "method_not_allowed",
        },
        Wrong {
            what: "removing a line of nothing",
            method: Method::DELETE,
            path: format!("{items}/{product}"),
            body: None,
            status: 404,
            code: "order_not_found",
        },
    ];
    // A connection for each: the server ends that of a body that is too large, and a client may find out late.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let head = world.head().await;
    for wrong in wrongs {
        let mut request = http.request(wrong.method, format!("{}{}", world.server.url(), wrong.path));
        if let Some((content_type, body)) = wrong.body {
            request = request.header(CONTENT_TYPE, content_type).body(body);
        }
        let answer = request.send().await.unwrap();
        let what = wrong.what;
        assert_eq!(answer.status().as_u16(), wrong.status, "{what}");
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json", "{what}");
        assert!(answer.headers().contains_key("x-request-id"), "{what}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], wrong.code, "{what}: {problem}");
        assert_eq!(problem["status"], wrong.status, "{what}");
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{what}: {field} is missing");
        }
        let text = problem.to_string();
        for leak in ["rusqlite", "src/", "SELECT", "panicked", "thread"] {
            assert!(!text.contains(leak), "{what} tells too much: {text}");
        }
    }
    assert_eq!(world.head().await, head, "something was written");
}

/// Sends bytes as they are, and nothing more if they end early; answers the status and the problem's code.
async fn raw(world: &World, head: &str, body: &[u8], ends_early: bool) -> (u16, String) {
    let mut line = tokio::net::TcpStream::connect(world.server.address()).await.unwrap();
    let order = an_order();
    let head = format!(
        "POST /v1/orders/{order}/items HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n{head}\r\n\r\n"
    );
    line.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    if ends_early {
        line.shutdown().await.unwrap();
    }
    let mut answer = Vec::new();
    // A line that is closed while bytes are on their way may end with a reset.
    while line.read_buf(&mut answer).await.is_ok_and(|length| length > 0) {}
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/problem+json"), "{head}");
    (status, serde_json::from_str::<Value>(body).unwrap()["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_or_not_as_long_as_announced_gets_its_problem() {
    let world = World::open().await;
    let head = world.head().await;
    let blanks = vec![b' '; 65_537];
    let answer = |status, code: &str| (status, code.to_owned());
    // 65,536 bytes are read, and turn out to be no JSON.
    assert_eq!(raw(&world, "Content-Length: 65536", &blanks[1..], false).await, answer(400, "malformed_json"));
    assert_eq!(raw(&world, "Content-Length: 65537", &blanks, false).await, answer(413, "body_too_large"));
    let chunked = [b"10001\r\n".as_slice(), &blanks, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(raw(&world, "Transfer-Encoding: chunked", &chunked, false).await, answer(413, "body_too_large"));
    assert_eq!(raw(&world, "Content-Length: 100", b"{\"product_id\":", true).await, answer(400, "incomplete_body"));
    assert_eq!(raw(&world, "Transfer-Encoding: chunked", b"zz\r\n{}", false).await, answer(400, "incomplete_body"));
    assert_eq!(world.head().await, head, "something was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_cannot_be_read_are_refused_and_never_taken_for_absent() {
    let world = World::open().await;
    let product = world.product_with(5).await.id;
    let basket = world.a_basket(&product, 1).await;
    let url = format!("{}/v1/orders/{}/items", world.server.url(), basket.id);
    let latin1 = reqwest::header::HeaderValue::from_bytes(b"\"1\xe9\"").unwrap();
    let text = reqwest::header::HeaderValue::from_static;
    for (name, values, status, code) in [
        ("if-match", vec![latin1.clone()], 400, "invalid_if_match"),
        ("if-match", vec![text("3")], 400, "invalid_if_match"),
        ("if-match", vec![text("\"1\", \"9\"")], 412, "version_mismatch"),
        ("idempotency-key", vec![latin1], 400, "invalid_idempotency_key"),
        ("idempotency-key", vec![text("")], 400, "invalid_idempotency_key"),
        ("idempotency-key", vec![text("a"), text("b")], 400, "invalid_idempotency_key"),
        ("content-encoding", vec![text("gzip")], 415, "unsupported_media_type"),
    ] {
        let mut request = reqwest::Client::new().post(&url).json(&json!({"product_id": product, "quantity": 1}));
        for value in values {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{name}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code);
    }
    assert_eq!(world.client.order(basket.id).await.unwrap().unwrap().version, basket.version);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_names_every_wrong_field_at_once() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    let mut wrong = checkout(&basket, card(VISA));
    wrong.email = "nowhere".to_owned();
    wrong.shipping_address.city = " ".to_owned();
    wrong.shipping_address.country = "Germany".to_owned();
    let key = storefront_client::IdempotencyKey::new();
    let refusal = world.client.checkout(basket.id, &wrong, &key).await.unwrap_err();
    let problem = refusal.problem().unwrap();
    assert_eq!(problem.status, 422);
    let mut pointers: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/email", "/shipping_address/city", "/shipping_address/country"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_order_takes_no_changes() {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let basket = world.a_basket(&product.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    let order = world.wait_for_status(basket.id, storefront_api::OrderStatus::Confirmed).await;
    let refusal = world.add(order.id, &product.id, 1).await.unwrap_err();
    assert_eq!((refusal.problem().unwrap().status, refusal.problem().unwrap().code.as_str()), (409, "order_state"));
    let refusal = world.client.clear(order.id).await.unwrap_err();
    assert_eq!(refusal.problem().unwrap().code, "order_state");
    assert_eq!(world.client.order(order.id).await.unwrap().unwrap().version, order.version);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_with_an_old_version_loses_and_a_read_of_the_known_one_is_short() {
    let world = World::open().await;
    let product = world.product_with(5).await.id;
    let basket = world.a_basket(&product, 1).await;
    let http = reqwest::Client::new();
    let url = format!("{}/v1/orders/{}", world.server.url(), basket.id);
    let add = json!({"product_id": product, "quantity": 1});
    let lost = http.post(format!("{url}/items")).header(IF_MATCH, "\"1\"").json(&add).send().await.unwrap();
    assert_eq!(lost.status(), StatusCode::PRECONDITION_FAILED);
    let problem: Value = lost.json().await.unwrap();
    assert_eq!(problem["current_version"], basket.version);
    let etag = format!("\"{}\"", basket.version);
    let won = http.post(format!("{url}/items")).header(IF_MATCH, &etag).json(&add).send().await.unwrap();
    assert_eq!(won.status(), StatusCode::OK);
    let known = won.headers()[ETAG].clone();
    assert_ne!(known.to_str().unwrap(), etag);
    for known in [known, "*".parse().unwrap()] {
        let same = http.get(&url).header(IF_NONE_MATCH, known).send().await.unwrap();
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_id_of_the_client_is_echoed_and_ends_up_in_the_log() {
    let world = World::open().await;
    let product = world.product_with(1).await.id;
    let id = format!("my-request-{}", Uuid::now_v7());
    let url = format!("{}/v1/stock/{product}/receive", world.server.url());
    let request = reqwest::Client::new().post(url).header("x-request-id", &id).json(&json!({"quantity": 1}));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], id.as_str());
    let query = storefront_api::EventQuery { correlation: Some(id.clone()), ..Default::default() };
    let events = world.client.events(&query).await.unwrap().events;
    assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["stock.received"]);
}

fn sample_checkout() -> storefront_api::Checkout {
    let total = storefront_api::Money::new(100, storefront_api::Currency::EUR);
    let mut checkout = serde_json::json!({
        "expected_total": total,
        "email": "ada@example.com",
        "shipping_address": {"name": "Ada", "street": "1 Street", "postal_code": "1", "city": "Town", "country": "GB"},
    });
    checkout["payment"] = json!({"method": "none"});
    serde_json::from_value(checkout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_number_in_the_place_of_a_token_is_refused_and_stands_nowhere_in_the_log() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    let head = world.head().await;
    for number in [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242.4242.4242.4242",
        "tok_4242_4242_4242_4242",
        "x4242424242424242y",
        "\u{ff14}\u{ff12}\u{ff14}\u{ff12}424242424242",
    ] {
        let refused = world.buy(&basket, number).await.unwrap_err();
        let problem = refused.problem().unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_values"));
        assert_eq!(problem.errors[0].pointer, "/payment/token");
        assert!(!format!("{problem:?}").contains("4242"), "{problem:?}");
    }
    assert_eq!(world.head().await, head, "something was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_no_database_can_keep_is_refused_or_finds_nothing_on_postgres_too() {
    let store: storefront_server::StoreChoice =
        crate::postgres::postgres_url(&crate::postgres_server::create_database().await).parse().unwrap();
    let world = World::open_with(|config| config.store = store).await;
    let before = world.client.readiness().await.unwrap();
    for (path, status) in [
        ("/v1/events?type=%00", 422),
        ("/v1/events?stream=%00*", 422),
        ("/v1/events?correlation=%00", 422),
        ("/v1/streams/%00/events", 422),
        ("/v1/orders?q=%00", 200),
        ("/v1/orders?q=a%00b", 200),
        ("/v1/orders?cursor=%00", 422),
        ("/v1/invoices?q=%00", 200),
        ("/v1/products?q=%00&category=%00", 200),
        ("/v1/products/%00", 400),
        ("/v1/stock?cursor=%00", 422),
        ("/v1/vouchers", 400),
        ("/v1/processes/mail/parked?cursor=%00", 200),
    ] {
        let answer = reqwest::get(format!("{}{path}", world.server.url())).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}: {}", answer.text().await.unwrap());
    }
    let after = world.client.readiness().await.unwrap();
    assert!(after.ready && after.reasons == before.reasons, "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_number_is_refused_wherever_text_is_taken() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    let order = format!("/v1/orders/{}", basket.id);
    let card = "4242 4242 4242 4242";
    let address = |field: &str| {
        let mut checkout = serde_json::to_value(sample_checkout()).unwrap();
        checkout["shipping_address"][field] = json!(card);
        checkout
    };
    let mut mail = serde_json::to_value(sample_checkout()).unwrap();
    mail["email"] = json!("4242424242424242@example.com");
    let id = basket.items[0].product_id.to_string();
    let head = world.head().await;
    for (path, body, pointer) in [
        (format!("{order}/checkout"), address("name"), "/shipping_address/name"),
        (format!("{order}/checkout"), address("street"), "/shipping_address/street"),
        (format!("{order}/checkout"), address("city"), "/shipping_address/city"),
        (format!("{order}/checkout"), address("postal_code"), "/shipping_address/postal_code"),
        (format!("{order}/checkout"), mail, "/email"),
        (format!("{order}/cancel"), json!({"reason": card}), "/reason"),
        (format!("{order}/ship"), json!({"carrier": card, "tracking_number": "1"}), "/carrier"),
        (format!("{order}/ship"), json!({"carrier": "Van", "tracking_number": card}), "/tracking_number"),
        (format!("{order}/deliver"), json!({"recipient": card}), "/recipient"),
        (format!("{order}/refunds"), json!({"reason": card}), "/reason"),
        (format!("/v1/stock/{id}/adjust"), json!({"change": 1, "reason": card}), "/reason"),
        ("/v1/categories".to_owned(), json!({"name": card}), "/name"),
        (format!("/v1/products/{id}/withdraw"), json!({"reason": card}), "/reason"),
    ] {
        let url = format!("{}{path}", world.server.url());
        let request = reqwest::Client::new().post(&url).header("idempotency-key", uuid::Uuid::now_v7().to_string());
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 422, "{path} {pointer}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}: {problem}");
        assert!(!problem.to_string().contains("4242"), "{problem}");
    }
    let url = format!("{}{order}/cancel", world.server.url());
    let cancel = reqwest::Client::new().post(url).json(&json!({"reason": "none"}));
    let answer = cancel.header("idempotency-key", "4242-4242-4242-4242").send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let url = format!("{}/v1/categories", world.server.url());
    let named = reqwest::Client::new().post(url).json(&json!({"name": "Shelf"}));
    let answer = named.header("x-request-id", "4242424242424242").send().await.unwrap();
    assert_ne!(answer.headers()["x-request-id"], "4242424242424242", "it would be the correlation id");
    let events = world.client.readiness().await.unwrap().head;
    assert!(events <= head + 1, "only the category may stand there");
}
