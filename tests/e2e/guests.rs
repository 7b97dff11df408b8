//! Guests with a session: what they may do, that it is theirs alone, and that registering takes it along.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::{Value, json};
use storefront_api::{
    AddItem, EventQuery, Money, MovementsQuery, Order, OrderId, OrderListQuery, OrderLookupQuery, PaymentMethod,
    ProductQuery, SessionKind,
};
use storefront_client::{Client, ClientError, IdempotencyKey};

use crate::people::{self, PASSWORD, sign_in};
use crate::secured::{Secured, Shopper, ask, filled, ids_of, operations};
use crate::world::{World, an_order, checkout, eventually};

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

fn code(outcome: Result<impl std::fmt::Debug, ClientError>) -> String {
    match outcome {
        Err(ClientError::Problem(problem)) => problem.code,
        other => panic!("{other:?}"),
    }
}

/// The orders in somebody's list, which may be behind.
async fn orders_of(client: &Client, expected: &[OrderId]) {
    eventually("the list of orders is up to date", || async {
        let listed = client.orders(&OrderListQuery::default()).await.unwrap().items;
        listed.iter().map(|order| order.id).eq(expected.iter().copied()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_looked_up_by_number_and_address_and_by_neither_alone() {
    let shop = Secured::open().await;
    let guest = shop.guest().await;
    let order = shop.a_confirmed_order(&guest).await;
    let look_up = async |number: &str, email: &str| {
        let query = OrderLookupQuery { number: number.to_owned(), email: email.to_owned() };
        shop.world.client.look_up_order(&query).await
    };
    let number = order.number.clone().unwrap();
    let found = look_up(&number.to_lowercase().replace('-', ""), "ADA@Example.com").await.unwrap().unwrap();
    assert_eq!((found.id, found.number), (order.id, order.number));
    assert_eq!(look_up(&number, "eve@example.com").await.unwrap(), None);
    let other = storefront_api::OrderNumber::from_position(1).to_string();
    assert_eq!(look_up(&other, "ada@example.com").await.unwrap(), None);
    for (number, email) in [("42", "ada@example.com"), (number.as_str(), "nobody")] {
        assert_eq!(code(look_up(number, email).await), "invalid_values");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_buys_and_registering_takes_order_basket_and_invoice_along() {
    let shop = Secured::open().await;
    let head = shop.world.head().await;
    let began = shop.world.client.begin_as_guest().await.unwrap();
    assert_eq!((began.kind, shop.world.head().await), (SessionKind::Guest, head), "it is in no log");
    let guest = shop.guest().await;
    let order = shop.a_confirmed_order(&guest).await;
    assert_eq!(order.customer_id.map(|id| id.to_string()), Some(guest.id.clone()));
    let basket = shop.a_basket(&guest, 3).await;
    let by_wallet = checkout(&basket, PaymentMethod::Wallet);
    assert_eq!(code(guest.client.checkout(basket.id, &by_wallet, &key()).await), "invalid_values");
    orders_of(&guest.client, &[basket.id, order.id]).await;

    let url = format!("{}/v1/customers", shop.world.server.url());
    let account = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let register = || {
        let request = reqwest::Client::new().post(&url).bearer_auth(&guest.token).header("idempotency-key", "once");
        request.json(&account).send()
    };
    let first = register().await.unwrap();
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    let first: Value = first.json().await.unwrap();
    let repeated = register().await.unwrap();
    assert_eq!(repeated.headers()["idempotent-replayed"], "true");
    assert_eq!(repeated.json::<Value>().await.unwrap(), first, "the same answer, though the session is over");

    for refused in [
        code(guest.client.orders(&OrderListQuery::default()).await),
        code(guest.client.order(order.id).await),
        code(guest.client.renew_session(&key()).await),
        ask(&shop.world, Some(&guest.token), "post", "/v1/customers", Some(&account)).await.1,
    ] {
        assert_eq!(refused, "session_invalid");
    }
    let (ada, signed_in) = sign_in(&shop.world.client, "ada@example.com").await;
    assert_eq!((signed_in.kind, signed_in.customer_id.to_string()), (SessionKind::Account, guest.id.clone()));
    orders_of(&ada, &[basket.id, order.id]).await;
    let invoice = ask(&shop.world, Some(&signed_in.token.0), "get", &invoice_path(&order), None).await;
    assert_eq!(invoice.0, 200);
    let movements = ada.movements(&MovementsQuery::default()).await.unwrap();
    assert_eq!(movements.total, 1, "the wallet is opened once");
    let add = AddItem { product_id: basket.items[0].product_id.clone(), quantity: 1 };
    assert_eq!(ada.add_item(basket.id, &add, &key()).await.unwrap().value.items[0].quantity, 4);
}

fn invoice_path(order: &Order) -> String {
    format!("/v1/invoices/{}", order.invoice.as_ref().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_may_do_is_decided_on_every_route_and_others_see_nothing_of_it() {
    let shop = Secured::open().await;
    let (guest, other) = (shop.guest().await, shop.guest().await);
    let ada = shop.customer("ada@example.com").await;
    let order = shop.a_confirmed_order(&guest).await;
    let own = shop.a_basket(&ada, 1).await;
    orders_of(&guest.client, &[order.id]).await;
    orders_of(&other.client, &[]).await;
    let (ids, foreign) = (ids_of(&shop.world, &guest, &order, None).await, ids_of(&shop.world, &ada, &own, None).await);
    let mut refused = BTreeMap::<String, u32>::new();
    for (method, path, rule) in operations(&shop.world).await {
        let answer = async |shopper: &Shopper, ids: &BTreeMap<&str, String>| {
            ask(&shop.world, Some(&shopper.token), &method, &filled(&path, ids), None).await
        };
        match rule.as_str() {
            "account" => {
                assert_eq!(answer(&guest, &ids).await, (403, "account_required".to_owned()), "{method} {path}")
            }
            "operator" => assert_eq!(answer(&guest, &ids).await, (403, "operators_only".to_owned()), "{method} {path}"),
            "own" if method == "get" => {
                let (status, _) = answer(&guest, &ids).await;
                assert!(
                    status == 200 || path.ends_with("voucher-issued") || path.ends_with("diff"),
                    "{path}: {status}"
                );
                for (stranger, ids) in [(&ada, &ids), (&other, &ids), (&guest, &foreign)] {
                    assert_eq!(answer(stranger, ids).await.0, 404, "{path}");
                }
            }
            "signed_in" if method == "get" => {
                assert!(![401, 403].contains(&answer(&guest, &ids).await.0), "{method} {path}");
            }
            _ => continue,
        }
        *refused.entry(rule).or_default() += 1;
    }
    assert!(refused["account"] >= 8 && refused["own"] >= 5 && refused["signed_in"] >= 3, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_session_is_renewed_until_it_is_ended_and_then_nobody_registers_with_it() {
    let world = World::open().await;
    let began = world.client.begin_as_guest().await.unwrap();
    let guest = world.client.with_token(began.token);
    let renewed = guest.renew_session(&key()).await.unwrap().value;
    assert_eq!((renewed.kind, renewed.session_id), (SessionKind::Guest, began.session_id));
    assert_eq!(renewed.customer_id, began.customer_id);
    let again = world.client.with_token(renewed.token);
    for refused in [
        code(guest.me().await),
        code(guest.sessions().await),
        code(guest.end_other_sessions().await),
        code(guest.end_session(began.session_id).await),
    ] {
        assert_eq!(refused, "account_required", "in open mode too");
    }
    assert_eq!(guest.sign_out().await.unwrap().value.ended, 1);
    for client in [&guest, &again] {
        assert_eq!(code(client.orders(&OrderListQuery::default()).await), "session_invalid");
        assert_eq!(code(client.renew_session(&key()).await), "session_invalid");
        assert_eq!(code(client.sign_out().await), "session_invalid");
    }
    let account = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let url = format!("{}/v1/customers", world.server.url());
    let register = reqwest::Client::new().post(url).bearer_auth(token_of(&world).await).json(&account);
    assert_eq!(register.send().await.unwrap().json::<Value>().await.unwrap()["code"], "session_invalid");
}

/// The token of a guest whose session was ended.
async fn token_of(world: &World) -> String {
    let began = world.client.begin_as_guest().await.unwrap();
    world.client.with_token(began.token.clone()).sign_out().await.unwrap();
    began.token.0
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_who_register_one_guest_at_once_one_does() {
    let shop = Secured::open().await;
    let guest = shop.guest().await;
    let registering = (0..4).map(|number| {
        let account = json!({"email": format!("ada{number}@example.com"), "password": PASSWORD, "name": "Ada"});
        let url = format!("{}/v1/customers", shop.world.server.url());
        let request = reqwest::Client::new().post(url).bearer_auth(&guest.token).json(&account);
        tokio::spawn(async move { request.send().await.unwrap().json::<Value>().await.unwrap() })
    });
    let mut registered = 0;
    for answer in registering.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        if answer["email"].is_string() {
            registered += 1;
        } else {
            let code = answer["code"].as_str().unwrap();
            assert!(["customer_exists", "session_invalid"].contains(&code), "{answer}");
        }
    }
    assert_eq!(registered, 1);
    let of_wallet = EventQuery { stream: Some(format!("wallet-{}", guest.id)), ..EventQuery::default() };
    let events = shop.operator.events(&of_wallet).await.unwrap().events;
    assert_eq!(events.len(), 1, "one wallet, opened once");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_open_mode_a_guest_shops_without_a_limit_and_registers_too() {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let began = world.client.begin_as_guest().await.unwrap();
    let guest = world.client.with_token(began.token);
    let add = AddItem { product_id: product.id.clone(), quantity: 1 };
    let order = guest.add_item(an_order(), &add, &key()).await.unwrap().value;
    assert_eq!(order.customer_id, Some(began.customer_id));
    let total = async |client: &Client| client.products(&ProductQuery::default()).await.unwrap().total;
    let all = total(&guest).await;
    let unknown = world.client.of_customer(uuid::Uuid::now_v7().to_string().parse().unwrap());
    assert_eq!(code(unknown.add_item(an_order(), &add, &key()).await), "customer_not_found");

    let ada = people::register(&guest, "ada@example.com").await;
    assert_eq!(ada.id, began.customer_id);
    let limit = Money::new(0, product.price.currency);
    world.client.set_limit(ada.id, limit).await.unwrap();
    let (ada, _) = sign_in(&world.client, "ada@example.com").await;
    assert!(total(&ada).await < all, "a limit holds from now on");
    assert_eq!(ada.order(order.id).await.unwrap().unwrap().customer_id, Some(began.customer_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_begin_one_order_at_once_the_second_is_refused_and_sees_nothing_of_it() {
    let shop = Secured::open().await;
    let (ada, eve) = (shop.customer("ada@example.com").await, shop.guest().await);
    let product = shop.a_basket(&ada, 1).await.items[0].product_id.clone();
    for _ in 0..20 {
        let id = an_order();
        let begin = async |shopper: &Shopper, quantity| {
            let add = AddItem { product_id: product.clone(), quantity };
            shopper.client.add_item(id, &add, &key()).await
        };
        let (of_ada, of_eve) = tokio::join!(begin(&ada, 1), begin(&eve, 2));
        let order = shop.operator.order(id).await.unwrap().unwrap();
        let owner = order.customer_id.map(|id| id.to_string());
        let (first, second) = if owner == Some(ada.id.clone()) { (of_ada, of_eve) } else { (of_eve, of_ada) };
        assert_eq!(first.unwrap().value.customer_id, order.customer_id);
        assert_eq!(code(second), "order_not_found");
        assert_eq!(order.version, 2, "nothing of the second is in it");
    }
}
