//! Secured mode: who may do what, and that what belongs to others is not there.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use storefront_api::{
    AddItem, ChangePassword, DeleteAccount, Order, OrderId, OrderListQuery, OrderStatus, Password, PaymentMethod,
    ProductQuery, ReceiveStock, SignIn, TimelineQuery, Token,
};
use storefront_client::{Client, IdempotencyKey};
use storefront_server::{Server, StartError};

use crate::addresses::an_address;
use crate::people::{PASSWORD, register_account, sign_in};
use crate::world::{VISA, World, an_order, card, checkout, config, eventually};

pub(crate) const OPERATOR_PASSWORD: &str = "the shop is mine now";

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

/// A secured shop, with its operator signed in and a product in stock.
pub(crate) struct Secured {
    pub(crate) world: World,
    pub(crate) operator: Client,
}

impl Secured {
    pub(crate) async fn open() -> Self {
        let world = World::open_with(|config| config.secured = true).await;
        let operator = signed_in_operator(&world).await;
        Self { world, operator }
    }

    /// A customer, signed in.
    pub(crate) async fn customer(&self, email: &str) -> Shopper {
        register_account(&self.world.client, email).await;
        let (client, signed_in) = sign_in(&self.world.client, email).await;
        Shopper { client, token: signed_in.token.0, id: signed_in.customer_id.to_string() }
    }

    /// A guest with a session.
    pub(crate) async fn guest(&self) -> Shopper {
        let began = self.world.client.begin_as_guest().await.unwrap();
        let client = self.world.client.with_token(began.token.clone());
        Shopper { client, token: began.token.0, id: began.customer_id.to_string() }
    }

    /// Adds a product to a new basket of a customer.
    pub(crate) async fn a_basket(&self, shopper: &Shopper, quantity: u32) -> Order {
        let query = ProductQuery { in_stock: Some(true), limit: Some(1), ..ProductQuery::default() };
        let product = match self.world.client.products(&query).await.unwrap().items.pop() {
            Some(product) => product.id,
            None => {
                let product = self.world.client.products(&ProductQuery::default()).await.unwrap().items.remove(0).id;
                let receive = ReceiveStock { quantity: 1000 };
                self.operator.receive_stock(&product, &receive, &key()).await.unwrap();
                product
            }
        };
        let add = AddItem { product_id: product, quantity };
        shopper.client.add_item(an_order(), &add, &key()).await.unwrap().value
    }

    /// An order of a customer that was paid and has its invoice.
    pub(crate) async fn a_confirmed_order(&self, shopper: &Shopper) -> Order {
        let basket = self.a_basket(shopper, 2).await;
        shopper.client.checkout(basket.id, &checkout(&basket, card(VISA)), &key()).await.unwrap();
        eventually("the order is confirmed", || async {
            let order = shopper.client.order(basket.id).await.unwrap().unwrap();
            (order.status == OrderStatus::Confirmed && order.invoice.is_some()).then_some(order)
        })
        .await
    }
}

pub(crate) struct Shopper {
    pub(crate) client: Client,
    pub(crate) token: String,
    pub(crate) id: String,
}

/// Signs the first operator in and changes the one-time password.
pub(crate) async fn signed_in_operator(world: &World) -> Client {
    let first = world.server.first_operator().expect("a one-time password").clone();
    let sign_in = SignIn { email: first.email, password: first.password.clone() };
    let signed_in = world.client.sign_in(&sign_in, &key()).await.unwrap().value;
    let change =
        ChangePassword { current_password: first.password, new_password: Password(OPERATOR_PASSWORD.to_owned()) };
    let changed = world.client.with_token(signed_in.token).change_password(&change).await.unwrap().value;
    world.client.with_token(changed.token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_the_id_of_somebody_elses_order_is_not_in_its_timeline() {
    let shop = Secured::open().await;
    let (ada, eve) = (shop.customer("ada@example.com").await, shop.customer("eve@example.com").await);
    let order = shop.a_basket(&ada, 1).await;
    let url = format!("{}/v1/customers/me", shop.world.server.url());
    let request = reqwest::Client::new().patch(url).bearer_auth(&eve.token).json(&json!({"name": "Eve was here"}));
    let changed = request.header("x-request-id", order.id.to_string()).send().await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(changed.headers()["x-request-id"], order.id.to_string().as_str());
    let timeline = ada.client.timeline(order.id, &TimelineQuery::default()).await.unwrap();
    assert!(timeline.events.iter().all(|event| event.kind.starts_with("order.")), "{:?}", timeline.events);
}

/// Status and code of an answer.
pub(crate) async fn ask(
    world: &World,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> (u16, String) {
    let method: Method = method.to_uppercase().parse().unwrap();
    let request = reqwest::Client::new().request(method, format!("{}{path}", world.server.url()));
    let request = request.header("idempotency-key", uuid::Uuid::now_v7().to_string());
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.text().await.unwrap();
    let code = serde_json::from_str::<Value>(&body).ok().and_then(|body| Some(body["code"].as_str()?.to_owned()));
    (status, code.unwrap_or_default())
}

/// Every operation of the description: method, path and rule.
pub(crate) async fn operations(world: &World) -> Vec<(String, String, String)> {
    let document = reqwest::get(format!("{}/openapi.json", world.server.url())).await.unwrap();
    let document: Value = document.json().await.unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.clone(), path.clone(), operation["x-access"].as_str().unwrap_or("none").to_owned()));
        }
    }
    all
}

/// A path whose parameters name things that are there.
pub(crate) fn filled(path: &str, ids: &BTreeMap<&str, String>) -> String {
    let id = if path.starts_with("/v1/payments") {
        "payment"
    } else if path.contains("/addresses/") {
        "address"
    } else if path.starts_with("/v1/customers") {
        "customer"
    } else if path.starts_with("/v1/sessions") {
        "session"
    } else if path.starts_with("/v1/products") {
        "product_id"
    } else if path.starts_with("/v1/webhook-endpoints") {
        "webhook"
    } else {
        "order"
    };
    let name = if path.starts_with("/v1/lab/scenarios") {
        "happy-path"
    } else if path.starts_with("/v1/views") {
        "orders"
    } else {
        "mail"
    };
    let mut real = path.replace("{id}", &ids[id]).replace("{name}", name).replace("{stub}", "mail");
    real = real.replace("{type}", "order.started").replace("{version}", "1");
    for (parameter, value) in ids {
        real = real.replace(&format!("{{{parameter}}}"), value);
    }
    assert!(!real.contains('{'), "{path} has a parameter that this test does not know");
    real
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_only_what_is_public_is_answered() {
    let shop = Secured::open().await;
    let ada = shop.customer("ada@example.com").await;
    let order = shop.a_basket(&ada, 1).await;
    let ids = ids_of(&shop.world, &ada, &order, None).await;
    let mut by_rule: BTreeMap<String, u32> = BTreeMap::new();
    for (method, path, rule) in operations(&shop.world).await {
        let (status, code) = ask(&shop.world, None, &method, &filled(&path, &ids), None).await;
        match rule.as_str() {
            // It wants the token that is to be renewed.
            "public" if path == "/v1/sessions/renew" => assert_eq!(code, "session_required"),
            "public" => assert!(![401, 403].contains(&status), "{method} {path}: {status} {code}"),
            _ => assert_eq!((status, code.as_str()), (401, "session_required"), "{method} {path}"),
        }
        *by_rule.entry(rule).or_default() += 1;
    }
    assert!(by_rule.keys().eq(["account", "operator", "own", "public", "signed_in"]), "{by_rule:?}");
    for path in ["/docs", "/openapi.json", "/v1/products", "/v1/categories", "/health/live", "/health/ready"] {
        assert_eq!(ask(&shop.world, None, "get", path, None).await.0, 200, "{path}");
    }
}

/// The ids of everything that belongs to a customer.
pub(crate) async fn ids_of(
    world: &World,
    shopper: &Shopper,
    order: &Order,
    session: Option<&str>,
) -> BTreeMap<&'static str, String> {
    let nothing = uuid::Uuid::now_v7().to_string();
    let product = world.client.products(&ProductQuery::default()).await.unwrap().items.remove(0).id;
    let addresses = shopper.client.addresses().await.map(|addresses| addresses.items).unwrap_or_default();
    let address = addresses.first().map(|address| address.id.to_string());
    BTreeMap::from([
        ("order", order.id.to_string()),
        ("payment", order.payment_id.map_or_else(|| nothing.clone(), |id| id.to_string())),
        ("number", order.invoice.clone().unwrap_or_else(|| "2026-000042".to_owned())),
        ("customer", shopper.id.clone()),
        ("address", address.unwrap_or_else(|| nothing.clone())),
        ("session", session.unwrap_or(&nothing).to_owned()),
        ("product_id", product.to_string()),
        ("code", "ab12c".to_owned()),
        ("reference", "pi_none".to_owned()),
        ("webhook", nothing.clone()),
        ("sequence", order.id.to_string()),
        ("type", "order.started".to_owned()),
        ("version", "1".to_owned()),
        ("stream", format!("order-{}", order.id)),
    ])
}

/// A body with which a request would succeed for the owner.
fn body_for(path: &str, order: &Order) -> Option<Value> {
    let last = path.rsplit('/').next().unwrap();
    Some(match last {
        "items" => json!({"product_id": order.items[0].product_id, "quantity": 1}),
        "{id}" if path.contains("/addresses/") => serde_json::to_value(an_address("Eve's")).unwrap(),
        "{product_id}" => json!({"quantity": 1}),
        "cancel" => json!({"reason": "mine"}),
        "email" => json!({"email": "eve@example.com"}),
        "voucher" => json!({"code": "ab12c"}),
        "checkout" => serde_json::to_value(checkout(order, card(VISA))).unwrap(),
        _ => return None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_customer_is_not_there_on_any_route() {
    let shop = Secured::open().await;
    let (ada, eve) = (shop.customer("ada@example.com").await, shop.customer("eve@example.com").await);
    let confirmed = shop.a_confirmed_order(&ada).await;
    let basket = shop.a_basket(&ada, 1).await;
    let address = ada.client.add_address(&an_address("Home"), &key()).await.unwrap().value;
    let session = ada.client.sessions().await.unwrap().items.remove(0).id.to_string();
    let operations = operations(&shop.world).await;
    for order in [&confirmed, &basket] {
        let ids = ids_of(&shop.world, &ada, order, Some(&session)).await;
        let before = shop.operator.order(order.id).await.unwrap();
        for (method, path, rule) in &operations {
            let names_something = path.contains('{');
            if rule == "public" || !names_something {
                continue;
            }
            let body = if method == "get" { None } else { body_for(path, order) };
            let (status, code) = ask(&shop.world, Some(&eve.token), method, &filled(path, &ids), body.as_ref()).await;
            match rule.as_str() {
                "operator" => assert_eq!((status, code.as_str()), (403, "operators_only"), "{method} {path}"),
                _ if path.starts_with("/v1/payments") && order.payment_id.is_none() => assert_eq!(status, 404),
                _ => assert_eq!(status, 404, "{method} {path}: {code}"),
            }
        }
        let after = shop.operator.order(order.id).await.unwrap();
        assert_eq!(after, before, "nothing of it was changed");
    }
    ada.client.me().await.unwrap();
    assert_eq!(ada.client.addresses().await.unwrap().items, [address]);
    // What is not there at all is answered alike.
    for path in ["", "/timeline", "/diagram", "/voucher-issued"] {
        let path_of = |id: OrderId| format!("/v1/orders/{id}{path}");
        let foreign = ask(&shop.world, Some(&eve.token), "get", &path_of(confirmed.id), None).await;
        let missing = ask(&shop.world, Some(&eve.token), "get", &path_of(an_order()), None).await;
        assert_eq!(foreign, missing, "{path}");
    }
    for (path, ours) in [("/v1/orders", 2), ("/v1/invoices", 1)] {
        let total = async |token: &str| list_total(&shop.world, token, path).await;
        eventually("the list is up to date", || async { (total(&ada.token).await == ours).then_some(()) }).await;
        assert_eq!(total(&eve.token).await, 0, "{path}");
    }
}

async fn list_total(world: &World, token: &str, path: &str) -> u64 {
    let answer = reqwest::Client::new().get(format!("{}{path}", world.server.url())).bearer_auth(token);
    answer.send().await.unwrap().json::<Value>().await.unwrap()["total"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_and_the_operator_see_what_others_do_not() {
    let shop = Secured::open().await;
    let (ada, eve) = (shop.customer("ada@example.com").await, shop.customer("eve@example.com").await);
    let order = shop.a_confirmed_order(&ada).await;
    let own = shop.a_basket(&eve, 1).await;
    let ids = ids_of(&shop.world, &ada, &order, None).await;
    for (method, path, rule) in operations(&shop.world).await {
        // The order brought no voucher.
        if method != "get" || rule != "own" || path.ends_with("voucher-issued") || path.ends_with("/diff") {
            continue;
        }
        let (status, code) = ask(&shop.world, Some(&ada.token), &method, &filled(&path, &ids), None).await;
        assert_eq!(status, 200, "{path}: {code}");
    }
    let product = order.items[0].name.split(' ').next().unwrap().to_owned();
    let list = async |client: &Client, query: &OrderListQuery| {
        client.orders(query).await.unwrap().items.into_iter().map(|order| order.id).collect::<Vec<_>>()
    };
    let all = OrderListQuery::default();
    eventually("the lists are up to date", || async {
        (list(&shop.operator, &all).await == [own.id, order.id]).then_some(())
    })
    .await;
    assert_eq!(list(&ada.client, &all).await, [order.id]);
    let search = OrderListQuery { q: Some(product.clone()), ..OrderListQuery::default() };
    assert_eq!(list(&ada.client, &search).await, [order.id], "the same product is in both orders");
    assert_eq!(list(&eve.client, &search).await, [own.id]);
    let confirmed = OrderListQuery { status: Some(OrderStatus::Confirmed), ..OrderListQuery::default() };
    assert_eq!(list(&ada.client, &confirmed).await, [order.id]);
    assert_eq!(list(&eve.client, &confirmed).await, []);
    let of_ada = OrderListQuery { customer: Some(ada.id.parse().unwrap()), ..OrderListQuery::default() };
    assert_eq!(list(&shop.operator, &of_ada).await, [order.id], "operators say whose");
    assert!(eve.client.orders(&of_ada).await.is_err());

    // The headers of open mode name nobody.
    let url = format!("{}/v1/wallet", shop.world.server.url());
    let wallet = reqwest::Client::new().get(url).bearer_auth(&eve.token).header("storefront-customer", &ada.id);
    assert_eq!(wallet.send().await.unwrap().json::<Value>().await.unwrap()["customer_id"], *eve.id);
    let events = shop.operator.order(order.id).await.unwrap().unwrap();
    assert_eq!(events.customer_id.map(|id| id.to_string()), Some(ada.id.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_neither_delete_nor_deactivate_themselves() {
    let shop = Secured::open().await;
    let me = shop.operator.me().await.unwrap();
    let delete = DeleteAccount { current_password: Password(OPERATOR_PASSWORD.to_owned()) };
    let refusals = [
        shop.operator.delete_account(&delete).await.map(drop),
        shop.operator.deactivate(me.id, &key()).await.map(drop),
        shop.operator.erase(me.id, &key()).await.map(drop),
        shop.operator.reset_password(me.id, &key()).await.map(drop),
    ];
    for refusal in refusals {
        assert_eq!(refusal.unwrap_err().problem().unwrap().code, "own_operator_account");
    }
    assert_eq!(shop.operator.me().await.unwrap(), me, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_operator_has_a_password_for_one_sign_in_and_must_change_it() {
    let world = World::open_with(|config| config.secured = true).await;
    let first = world.server.first_operator().unwrap().clone();
    let sign_in = SignIn { email: first.email.clone(), password: first.password.clone() };
    let signed_in = world.client.sign_in(&sign_in, &key()).await.unwrap().value;
    assert!(signed_in.must_change_password);
    for path in ["/v1/statistics", "/v1/orders", "/v1/sessions", "/metrics"] {
        let answer = ask(&world, Some(&signed_in.token.0), "get", path, None).await;
        assert_eq!(answer, (403, "password_change_required".to_owned()), "{path}");
    }
    let operator = signed_in_operator(&world).await;
    operator.statistics(None).await.unwrap();
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let mut secured = config(&mocks, &folder);
    secured.secured = true;
    let server = Server::start(secured).await.unwrap();
    assert!(server.first_operator().is_none(), "there is an operator");
    let client = Client::new(&server.url()).unwrap();
    let sign_in = SignIn { email: first.email, password: Password(OPERATOR_PASSWORD.to_owned()) };
    let again = client.sign_in(&sign_in, &key()).await.unwrap().value;
    client.with_token(again.token).statistics(None).await.unwrap();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_secured_mode_the_shop_chooses_ids_and_demo_payments_are_refused() {
    let shop = Secured::open().await;
    let id = uuid::Uuid::now_v7();
    let account = json!({"id": id, "email": "eve@example.com", "password": PASSWORD, "name": "Eve"});
    for body in [account, json!({})] {
        assert_eq!(ask(&shop.world, None, "post", "/v1/customers", Some(&body)).await.0, 422, "{body}");
    }
    let ada = shop.customer("ada@example.com").await;
    let basket = shop.a_basket(&ada, 1).await;
    let body = serde_json::to_value(checkout(&basket, PaymentMethod::None)).unwrap();
    let path = format!("/v1/orders/{}/checkout", basket.id);
    assert_eq!(ask(&shop.world, Some(&ada.token), "post", &path, Some(&body)).await.0, 422);
    let deactivated = shop.operator.deactivate(ada.id.parse().unwrap(), &key()).await.unwrap();
    assert!(deactivated.value.deactivated);
    assert_eq!(ask(&shop.world, Some(&ada.token), "get", "/v1/orders", None).await.1, "session_invalid");
    let changed = shop.world.client.with_token(Token(format!("{}A", ada.token)));
    assert!(changed.me().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_events_sends_nothing_more_once_its_session_has_ended() {
    let shop = Secured::open().await;
    let sign_in =
        SignIn { email: "operator@storefront.example".to_owned(), password: Password(OPERATOR_PASSWORD.to_owned()) };
    let second = shop.world.client.sign_in(&sign_in, &key()).await.unwrap().value;
    let url = format!("{}/v1/events?after=0&type=customer.registered", shop.world.server.url());
    let request = reqwest::Client::new().get(url).bearer_auth(&second.token.0).header("accept", "text/event-stream");
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    shop.operator.end_session(second.session_id).await.unwrap();
    shop.customer("ada@example.com").await;
    let mut text = String::new();
    while let Some(chunk) = stream.chunk().await.unwrap() {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(!text.contains("ada@example.com"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_this_machine_one_says_whether_people_sign_in() {
    let world = World::open().await;
    let mut open = config(&world.mocks, &tempfile::tempdir().unwrap());
    open.listen = "0.0.0.0:0".parse().unwrap();
    open.store = storefront_server::StoreChoice::Memory;
    let refused = Server::start(open.clone()).await.unwrap_err();
    assert!(matches!(refused, StartError::OpenToNetwork(_)));
    let text = refused.to_string();
    assert!(text.contains("--secured") && text.contains("--open-to-network"), "{text}");
    open.secured = true;
    let server = Server::start(open).await.unwrap();
    assert!(server.first_operator().is_some());
    server.shutdown().await;
}
