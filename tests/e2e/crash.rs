//! The server is killed during checkouts and restarted: no acknowledged write is lost, and every effect happens once
//! (promises P1 and P4).

use std::time::Duration;

use storefront_api::{
    AddItem, Cancel, EventQuery, OrderId, OrderStatus, PaymentMethod, Product, ProductQuery, TimelineQuery,
};
use storefront_client::{Client, IdempotencyKey};
use storefront_mocks::{Faults, Mocks, MocksConfig, Stub};

use crate::money::{a_customer, balance};
use crate::programs::ServerProcess;
use crate::world::{VISA, an_order, card, checkout, current_stock, eventually};

/// The events of an order after which the server is killed.
const KILL_EVENTS: [&str; 8] = [
    "order.checked_out",
    "checkout.stock_reserved",
    "payment.requested",
    "payment.succeeded",
    "order.confirmed",
    "invoice.issued",
    "email.requested",
    "email.sent",
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_of_a_checkout_it_ends_with_one_charge_one_mail_one_confirmation() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("shop.db");
    let mut server = ServerProcess::start(&mocks, &store);
    let mut client = Client::new(&server.url).unwrap();
    let product = product_in_stock(&client).await;
    let mut bought = 0;
    // Once with slow responses, and once with responses of the gateway that are lost.
    for lose_answers in [false, true] {
        for moment in KILL_EVENTS {
            let slow = Faults { latency_ms: 120, ..Faults::default() };
            mocks.faults(Stub::Cards).set(Faults { lose_answers, ..slow });
            mocks.faults(Stub::Mail).set(slow);
            product_in_stock(&client).await;
            let order = a_checkout(&client, &product).await;
            bought += 1;
            // While responses are lost, the payment stays requested.
            let until = if lose_answers { "payment.requested" } else { moment };
            wait_for_event(&client, order, until).await;
            server.kill();
            mocks.faults(Stub::Cards).clear();
            mocks.faults(Stub::Mail).clear();
            server = ServerProcess::start(&mocks, &store);
            client = Client::new(&server.url).unwrap();
            assert_confirmed_once(&client, &mocks, order, moment).await;
        }
    }
    let stock = current_stock(&client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (product.available - bought, 0));
    assert_dense_positions(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_of_a_wallet_payment_it_charges_once_and_credits_once() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("shop.db");
    let mut server = ServerProcess::start(&mocks, &store);
    let mut client = Client::new(&server.url).unwrap();
    let product = product_in_stock(&client).await;
    let price = product.price.amount;
    let (_, customer) = a_customer(&client, 20 * price).await;
    let mut left = 20 * price;
    for moment in ["order.checked_out", "checkout.stock_reserved", "payment.requested", "wallet.charged"] {
        product_in_stock(&client).await;
        let ada = client.of_customer(customer);
        let add = AddItem { product_id: product.id.clone(), quantity: 1 };
        let basket = ada.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap().value;
        let by_wallet = checkout(&basket, PaymentMethod::Wallet);
        ada.checkout(basket.id, &by_wallet, &IdempotencyKey::new()).await.unwrap();
        wait_for_event(&client, basket.id, moment).await;
        server.kill();
        server = ServerProcess::start(&mocks, &store);
        client = Client::new(&server.url).unwrap();
        assert_paid_once_from_wallet(&client, basket.id, moment).await;
        left -= price;
        assert_eq!(balance(&client.of_customer(customer)).await, left, "killed at {moment}");
    }
    product_in_stock(&client).await;
    let ada = client.of_customer(customer);
    let add = AddItem { product_id: product.id.clone(), quantity: 1 };
    let basket = ada.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap().value;
    ada.checkout(basket.id, &checkout(&basket, PaymentMethod::Wallet), &IdempotencyKey::new()).await.unwrap();
    wait_for_event(&client, basket.id, "order.confirmed").await;
    let cancel = Cancel { reason: "changed my mind".to_owned() };
    client.cancel(basket.id, &cancel, &IdempotencyKey::new()).await.unwrap();
    server.kill();
    let server = ServerProcess::start(&mocks, &store);
    client = Client::new(&server.url).unwrap();
    wait_for_event(&client, basket.id, "wallet.credited").await;
    assert_eq!(balance(&client.of_customer(customer)).await, left);
    assert_dense_positions(&client).await;
}

async fn assert_paid_once_from_wallet(client: &Client, order: OrderId, moment: &str) {
    let history = eventually(&format!("the order killed at {moment} is confirmed"), || async {
        let timeline = client.timeline(order, &TimelineQuery::default()).await.unwrap();
        let kinds: Vec<String> = timeline.events.iter().map(|event| event.kind.clone()).collect();
        (timeline.order.status == OrderStatus::Confirmed).then_some(kinds)
    })
    .await;
    for once in ["payment.requested", "wallet.charged", "payment.succeeded", "order.confirmed"] {
        let times = history.iter().filter(|kind| *kind == once).count();
        assert_eq!(times, 1, "killed at {moment}: {once} happened {times} times: {history:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_the_kill() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("shop.db");
    let mut acknowledged: Vec<(OrderId, u64)> = Vec::new();
    for _ in 0..5 {
        let server = ServerProcess::start(&mocks, &store);
        let client = Client::new(&server.url).unwrap();
        let product = product_in_stock(&client).await;
        for (order, version) in &acknowledged {
            let found = client.order(*order).await.unwrap().expect("an acknowledged order is there");
            assert!(found.version >= *version, "order {order} went back from {version} to {}", found.version);
        }
        for _ in 0..10 {
            let add = AddItem { product_id: product.id.clone(), quantity: 1 };
            let written = client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap().value;
            acknowledged.push((written.id, written.version));
        }
        server.kill();
    }
}

pub(crate) async fn product_in_stock(client: &Client) -> Product {
    eventually("there is a product with stock, and its price is known", || async {
        if client.readiness().await.unwrap().product_service != "live" {
            return None;
        }
        let query = ProductQuery { limit: Some(100), ..ProductQuery::default() };
        // Views may be behind after a start or a takeover.
        let page = client.products(&query).await.ok()?;
        page.items.into_iter().find(|product| product.available >= 20)
    })
    .await
}

pub(crate) async fn a_checkout(client: &Client, product: &Product) -> OrderId {
    let add = AddItem { product_id: product.id.clone(), quantity: 1 };
    let basket = client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap().value;
    client.checkout(basket.id, &checkout(&basket, card(VISA)), &IdempotencyKey::new()).await.unwrap();
    basket.id
}

/// Waits until the timeline of an order has an event of a type.
pub(crate) async fn wait_for_event(client: &Client, order: OrderId, kind: &str) {
    let mut after = 0;
    let seen = async {
        loop {
            let query = TimelineQuery { after: Some(after), wait: Some(5) };
            let timeline = client.timeline(order, &query).await.unwrap();
            if timeline.events.iter().any(|event| event.kind == kind) {
                return;
            }
            after = timeline.next_after;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen)
        .await
        .unwrap_or_else(|_| panic!("{order} never came to {kind}"));
}

pub(crate) async fn assert_confirmed_once(client: &Client, mocks: &Mocks, order: OrderId, moment: &str) {
    let history = eventually(&format!("the order killed at {moment} has its mail and its invoice"), || async {
        let timeline = client.timeline(order, &TimelineQuery::default()).await.unwrap();
        let kinds: Vec<String> = timeline.events.iter().map(|event| event.kind.clone()).collect();
        let has = |wanted: &str| kinds.iter().any(|kind| kind == wanted);
        let done = timeline.order.status == OrderStatus::Confirmed && has("email.sent") && has("invoice.issued");
        done.then_some(kinds)
    })
    .await;
    for once in KILL_EVENTS {
        let times = history.iter().filter(|kind| *kind == once).count();
        assert_eq!(times, 1, "killed at {moment}: {once} happened {times} times: {history:?}");
    }
    let charges = mocks.card_gateway().paid_charges_with("order_id", &order.to_string());
    assert_eq!(charges.len(), 1, "killed at {moment}: {charges:?}");
    let number = client.order(order).await.unwrap().unwrap().number.unwrap();
    let mails = mocks.mailbox().messages();
    let mails = mails.iter().filter(|mail| mail.subject.contains(&number) || mail.text.contains(&number)).count();
    assert_eq!(mails, 1, "killed at {moment}: {mails} mails");
}

pub(crate) async fn assert_dense_positions(client: &Client) {
    let mut after = 0;
    loop {
        let query = EventQuery { after: Some(after), limit: Some(1000), ..EventQuery::default() };
        let page = client.events(&query).await.unwrap();
        for event in &page.events {
            assert_eq!(event.position, after + 1, "a gap");
            after = event.position;
        }
        if page.events.is_empty() {
            assert_eq!(after, page.head);
            return;
        }
    }
}
