//! Concurrent commands on the same data: nothing is lost or done twice, and each refused command gets its reason.

use reqwest::StatusCode;
use serde_json::json;
use storefront_api::{Cancel, OrderStatus, PaymentStatus};
use storefront_client::IdempotencyKey;

use crate::world::{VISA, World, an_order, card, checkout, current_stock, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn many_who_add_to_one_basket_at_once_lose_nothing() {
    let world = World::open().await;
    let product = world.product_with(99).await.id;
    let order = an_order();
    let url = format!("{}/v1/orders/{order}/items", world.server.url());
    let http = reqwest::Client::new();
    let adds: Vec<_> = (0..60)
        .map(|_| {
            let request = http.post(&url).json(&json!({"product_id": product, "quantity": 1}));
            tokio::spawn(async move { request.send().await.unwrap().status() })
        })
        .collect();
    let (mut started, mut added) = (0, 0);
    for add in adds {
        match add.await.unwrap() {
            StatusCode::CREATED => started += 1,
            StatusCode::OK => added += 1,
            // Told to try again: then nothing was added.
            other => assert_eq!(other, StatusCode::SERVICE_UNAVAILABLE),
        }
    }
    assert_eq!(started, 1, "one of them started the order");
    let basket = world.client.order(order).await.unwrap().unwrap();
    assert_eq!(basket.items[0].quantity, started + added);
    assert_eq!(basket.version, u64::from(started + added) + 1);
    assert!(added > 30, "hardly anybody got through: {added}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_checkouts_at_once_under_different_keys_one_happens() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(5).await.id, 1).await;
    let body = checkout(&basket, card(VISA));
    let keys: Vec<IdempotencyKey> = (0..6).map(|_| IdempotencyKey::new()).collect();
    let attempts: Vec<_> = keys
        .iter()
        .map(|key| {
            let (client, body, key) = (world.client.clone(), body.clone(), key.clone());
            tokio::spawn(async move { client.checkout(basket.id, &body, &key).await })
        })
        .collect();
    let mut accepted = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(refusal) => assert_eq!(refusal.problem().unwrap().code, "order_state"),
        }
    }
    assert_eq!(accepted, 1);
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!(world.mocks.card_gateway().charges().len(), 1);
    let history = world.event_types(basket.id).await;
    assert_eq!(history.iter().filter(|kind| *kind == "order.checked_out").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_races_confirming_and_either_way_the_books_are_right() {
    let world = World::open().await;
    let product = world.product_with(20).await;
    for _ in 0..8 {
        let basket = world.a_basket(&product.id, 1).await;
        world.buy(&basket, VISA).await.unwrap();
        let cancels: Vec<_> = (0..3)
            .map(|_| {
                let client = world.client.clone();
                let cancel = Cancel { reason: "changed my mind".to_owned() };
                tokio::spawn(async move { client.cancel(basket.id, &cancel, &IdempotencyKey::new()).await })
            })
            .collect();
        let mut cancelled = 0;
        for cancel in cancels {
            match cancel.await.unwrap() {
                Ok(_) => cancelled += 1,
                Err(refusal) => assert_eq!(refusal.problem().unwrap().code, "order_state"),
            }
        }
        assert_eq!(cancelled, 1, "one of them cancels, the others are told that it is done");
        eventually("the money is not with us", || async {
            let order = world.client.order(basket.id).await.unwrap().unwrap();
            let settled = [PaymentStatus::None, PaymentStatus::Refunded].contains(&order.payment_status);
            (order.status == OrderStatus::Cancelled && settled).then_some(())
        })
        .await;
    }
    eventually("all goods are back on the shelf", || async {
        let stock = current_stock(&world.client, &product.id).await;
        ((stock.on_hand, stock.reserved) == (product.available, 0)).then_some(())
    })
    .await;
    // Money that was asked for just before an order was cancelled comes late, and goes back then.
    world.wait_until_idle().await;
    let gateway = world.mocks.card_gateway();
    let paid: i64 = gateway.charges().iter().filter(|charge| charge.paid).map(|charge| charge.amount).sum();
    let refunded: i64 = gateway.refunds().iter().map(|refund| refund.amount).sum();
    assert_eq!(paid, refunded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_basket_that_is_being_bought_takes_nothing_more() {
    let world = World::open().await;
    let product = world.product_with(9).await.id;
    let basket = world.a_basket(&product, 1).await;
    world.buy(&basket, "pm_card_slow").await.unwrap();
    let refusal = world.add(basket.id, &product, 1).await.unwrap_err();
    assert_eq!(refusal.problem().unwrap().code, "order_state");
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    assert_eq!(order.items, basket.items);
}
