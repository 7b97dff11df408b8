//! Limits on requests: per address and per account, told in fields, and no way to lock others out.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use storefront_server::Quota;

use crate::people::{PASSWORD, register};
use crate::world::World;

const HOUR: Duration = Duration::from_hours(1);
const ADA: &str = "ada@example.com";

/// A shop behind a proxy on this machine, where 40 requests an hour are let through and two attempts with a password.
async fn a_shop() -> World {
    let world = World::open_with(|config| {
        config.trusted_proxies = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        config.rate_limit = Some(Quota { requests: 40, window: HOUR });
        config.sign_in_limit = Some(Quota { requests: 2, window: HOUR });
    });
    let world = world.await;
    register(&world.client, ADA).await;
    world
}

/// Somebody behind the proxy.
struct Visitor<'a> {
    world: &'a World,
    address: &'static str,
}

impl Visitor<'_> {
    async fn list_products(&self, token: Option<&str>) -> Response {
        let request = reqwest::Client::new().get(format!("{}/v1/products", self.world.server.url()));
        let request = request.header("x-forwarded-for", self.address);
        token.map_or(request.try_clone(), |token| Some(request.bearer_auth(token))).unwrap().send().await.unwrap()
    }

    async fn sign_in(&self, password: &str) -> Response {
        let request = reqwest::Client::new().post(format!("{}/v1/sessions", self.world.server.url()));
        let request = request.header("x-forwarded-for", self.address);
        request.json(&json!({"email": ADA, "password": password})).send().await.unwrap()
    }
}

fn field(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_too_much_is_asked_to_wait_and_others_are_not() {
    let world = a_shop().await;
    let (greedy, other) =
        (Visitor { world: &world, address: "192.0.2.1" }, Visitor { world: &world, address: "192.0.2.2" });
    for left in (0..40).rev() {
        let answer = greedy.list_products(None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(field(&answer, "ratelimit-policy"), "\"default\";q=40;w=3600");
        assert!(field(&answer, "ratelimit").starts_with(&format!("\"default\";r={left};t=")), "{answer:?}");
    }
    let refused = greedy.list_products(None).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait_s: u64 = field(&refused, "retry-after").parse().unwrap();
    assert!((1..=90).contains(&wait_s), "{wait_s}");
    assert!(field(&refused, "ratelimit").starts_with("\"default\";r=0;t="), "{refused:?}");
    assert_eq!(field(&refused, "content-type"), "application/problem+json");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "too_many_requests");
    assert_eq!(other.list_products(None).await.status(), StatusCode::OK);
    let health = reqwest::Client::new().get(format!("{}/health/live", world.server.url()));
    let health = health.header("x-forwarded-for", greedy.address).send().await.unwrap();
    assert_eq!((health.status(), field(&health, "ratelimit")), (StatusCode::OK, String::new()));
    let on_this_machine = reqwest::get(format!("{}/v1/products", world.server.url())).await.unwrap();
    assert_eq!((on_this_machine.status(), field(&on_this_machine, "ratelimit")), (StatusCode::OK, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_passwords_is_stopped_and_the_owner_of_the_account_is_not() {
    let world = a_shop().await;
    let (guesser, owner) =
        (Visitor { world: &world, address: "192.0.2.1" }, Visitor { world: &world, address: "192.0.2.2" });
    for left in [1, 0] {
        let refused = guesser.sign_in("a guess that is wrong").await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(field(&refused, "ratelimit-policy"), "\"default\";q=40;w=3600, \"sign-in\";q=2;w=3600");
        assert!(field(&refused, "ratelimit").contains(&format!("\"sign-in\";r={left};t=")), "{refused:?}");
    }
    let right = guesser.sign_in(PASSWORD).await;
    assert_eq!(right.status(), StatusCode::TOO_MANY_REQUESTS, "even the right one tells nothing now");
    assert_eq!(guesser.list_products(None).await.status(), StatusCode::OK, "what needs no password is answered");
    let signed_in = owner.sign_in(PASSWORD).await;
    assert_eq!(signed_in.status(), StatusCode::CREATED);
    let token = signed_in.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
    while guesser.list_products(None).await.status() == StatusCode::OK {}
    let same_address = Visitor { world: &world, address: guesser.address };
    assert_eq!(same_address.list_products(Some(&token)).await.status(), StatusCode::OK, "an account has its own quota");
    let spent = owner.list_products(Some(&token)).await;
    assert!(field(&spent, "ratelimit").starts_with("\"default\";r=38;"), "wherever it is used: {spent:?}");
}
