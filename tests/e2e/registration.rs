//! Registering in secured mode: the answer does not tell whether an address has an account.

use std::collections::BTreeSet;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use storefront_api::{EventQuery, OrderListQuery, Password, SignIn};
use storefront_client::{Client, IdempotencyKey};

use crate::people::{PASSWORD, sign_in};
use crate::secured::{OPERATOR_PASSWORD, Secured, Shopper, ask};
use crate::world::eventually;

const KNOWN: &str = "ada@example.com";
const OTHER_PASSWORD: &str = "coffee at nine o'clock";

/// What the sender of a registration sees, without the values that differ from request to request.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: StatusCode,
    headers: BTreeSet<String>,
    /// The body, with the address that was sent taken out.
    body: Value,
}

impl Seen {
    async fn of(answer: Response, email: &str) -> Self {
        let status = answer.status();
        let headers = answer.headers().keys().map(ToString::to_string).collect();
        let mut body: Value = answer.json().await.unwrap();
        if body["email"] == email {
            body["email"] = json!("the address that was sent");
        }
        if let Some(fields) = body.as_object_mut() {
            // The id of the request.
            fields.remove("instance");
        }
        Self { status, headers, body }
    }
}

async fn register(shop: &Secured, token: Option<&str>, email: &str, headers: &[(&str, &str)]) -> Response {
    let account = json!({"email": email, "password": OTHER_PASSWORD, "name": "Eve"});
    let mut request = reqwest::Client::new().post(format!("{}/v1/customers", shop.world.server.url())).json(&account);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

async fn seen(shop: &Secured, token: Option<&str>, email: &str, headers: &[(&str, &str)]) -> Seen {
    Seen::of(register(shop, token, email, headers).await, email).await
}

/// Number of events of a type in the log.
async fn count(shop: &Secured, kind: &str) -> usize {
    let query = EventQuery { kind: Some(kind.to_owned()), limit: Some(100), ..EventQuery::default() };
    shop.operator.events(&query).await.unwrap().events.len()
}

/// Number of passwords that the server has hashed.
async fn hashings(shop: &Secured, token: &str) -> u64 {
    let request = reqwest::Client::new().get(format!("{}/metrics", shop.world.server.url())).bearer_auth(token);
    let text = request.send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("storefront_password_hashings_total "));
    line.unwrap().parse().unwrap()
}

async fn operator_token(client: &Client) -> String {
    let password = Password(OPERATOR_PASSWORD.to_owned());
    let sign_in = SignIn { email: "operator@storefront.example".to_owned(), password };
    client.sign_in(&sign_in, &IdempotencyKey::new()).await.unwrap().value.token.0
}

#[tokio::test(flavor = "multi_thread")]
async fn in_secured_mode_a_known_address_is_answered_like_a_new_one_and_nothing_is_registered() {
    let shop = Secured::open().await;
    shop.customer(KNOWN).await;
    let operator = operator_token(&shop.world.client).await;
    let (accounts, wallets) = (count(&shop, "login.claimed").await, count(&shop, "wallet.opened").await);
    let cases: [&[(&str, &str)]; 3] = [&[], &[("idempotency-key", "once")], &[("if-match", "\"7\"")]];
    for (number, headers) in cases.into_iter().enumerate() {
        let before = hashings(&shop, &operator).await;
        let known = seen(&shop, None, "ADA@example.com", headers).await;
        let between = hashings(&shop, &operator).await;
        // Another key, as it is another request.
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (*name, if *value == "once" { "2" } else { value })).collect();
        let new = seen(&shop, None, &format!("new{number}@example.com"), &headers).await;
        assert_eq!(known, new);
        assert_eq!(between - before, hashings(&shop, &operator).await - between, "as much work");
        let expected = if number == 2 { StatusCode::PRECONDITION_FAILED } else { StatusCode::ACCEPTED };
        assert_eq!(known.status, expected);
    }
    let repeated = register(&shop, None, "ADA@example.com", &[("idempotency-key", "once")]).await;
    assert_eq!(repeated.headers()["idempotent-replayed"], "true");
    assert_eq!(count(&shop, "login.claimed").await, accounts + 2, "the two new ones");
    assert_eq!(count(&shop, "wallet.opened").await, wallets + 2);

    sign_in(&shop.world.client, KNOWN).await;
    let wrong = json!({"email": KNOWN, "password": OTHER_PASSWORD});
    assert_eq!(ask(&shop.world, None, "post", "/v1/sessions", Some(&wrong)).await, (401, "sign_in_refused".to_owned()));
    assert_eq!(count(&shop, "customer.registration_attempted").await, 1, "one in an hour");
    let mail = eventually("the owner is told", || async { shop.world.mocks.mailbox().messages_to(KNOWN).pop() }).await;
    assert_eq!(mail.subject, "You have an account already");
    assert!(!mail.text.contains("Eve") && !mail.text.contains(PASSWORD) && !mail.text.contains(OTHER_PASSWORD));
    assert_eq!(shop.world.mocks.mailbox().messages_to(KNOWN).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_registers_sees_no_difference_between_a_known_and_a_new_address_either() {
    let shop = Secured::open().await;
    shop.customer(KNOWN).await;
    let ended = count(&shop, "customer.session_ended").await;
    let (one, other) = (shop.guest().await, shop.guest().await);
    let known = seen(&shop, Some(&one.token), KNOWN, &[("idempotency-key", "once")]).await;
    let new = seen(&shop, Some(&other.token), "new@example.com", &[("idempotency-key", "once")]).await;
    assert_eq!(known, new);
    assert_eq!(known.status, StatusCode::ACCEPTED);
    let after = async |guest: &Shopper, email: &str| {
        let account = json!({"email": "third@example.com", "password": OTHER_PASSWORD, "name": "Eve"});
        let renewed = ask(&shop.world, Some(&guest.token), "post", "/v1/sessions/renew", None).await;
        let orders = guest.client.orders(&OrderListQuery::default()).await.is_err();
        let again = ask(&shop.world, Some(&guest.token), "post", "/v1/customers", Some(&account)).await;
        let headers = [("idempotency-key", "once")];
        (renewed, orders, again, seen(&shop, Some(&guest.token), email, &headers).await)
    };
    assert_eq!(count(&shop, "customer.session_ended").await, ended + 2, "other servers learn of both ends");
    let known = after(&one, KNOWN).await;
    assert_eq!(known, after(&other, "new@example.com").await);
    assert_eq!((known.1, known.2), (true, (401, "session_invalid".to_owned())), "both sessions are over");
}
