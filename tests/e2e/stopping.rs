//! Stopping a server, and starting one whose file is in use: it reports the reason, ends soon, and loses nothing.

use std::time::{Duration, Instant};

use storefront_api::{EventQuery, OrderStatus};
use storefront_client::Client;
use storefront_mocks::{Mocks, MocksConfig};

use crate::programs::{ServerProcess, run};
use crate::world::{World, an_order, card, checkout, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_stop_during_a_slow_payment_and_a_long_poll_it_ends_at_once_and_goes_on_at_the_next_start() {
    let mocks = Mocks::start(MocksConfig { slow_card_ms: 1_500, ..MocksConfig::default() }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("shop.db");
    let mut server = ServerProcess::start(&mocks, &store);
    let client = Client::new(&server.url).unwrap();
    let product = crate::crash::product_in_stock(&client).await;
    let add = storefront_api::AddItem { product_id: product.id, quantity: 1 };
    let basket = client.add_item(an_order(), &add, &storefront_client::IdempotencyKey::new()).await.unwrap().value;
    let body = checkout(&basket, card("pm_card_slow"));
    client.checkout(basket.id, &body, &storefront_client::IdempotencyKey::new()).await.unwrap();
    eventually("the payment is asked for", || async {
        let timeline = client.timeline(basket.id, &storefront_api::TimelineQuery::default()).await.unwrap();
        timeline.events.iter().any(|event| event.kind == "payment.requested").then_some(())
    })
    .await;
    let parked = client.clone();
    let poll = tokio::spawn(async move {
        let far = EventQuery { after: Some(1_000_000), wait: Some(30), ..EventQuery::default() };
        parked.events(&far).await
    });
    let signalled_at = Instant::now();
    let status = server.terminate().await;
    assert!(status.success(), "{status}");
    assert!(
        signalled_at.elapsed() < Duration::from_secs(9),
        "it waited for its patience to end: {:?}",
        signalled_at.elapsed()
    );
    // Either it was answered, or it had not come in yet.
    let _ = poll.await.unwrap();

    server = ServerProcess::start(&mocks, &store);
    let client = Client::new(&server.url).unwrap();
    eventually("the order is confirmed after all", || async {
        let order = client.order(basket.id).await.unwrap().unwrap();
        (order.status == OrderStatus::Confirmed).then_some(())
    })
    .await;
    assert_eq!(mocks.card_gateway().paid_charges_with("order_id", &basket.id.to_string()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_file_is_refused_in_a_line() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("shop.db");
    let first = ServerProcess::start(&mocks, &store);
    let option = format!("sqlite:{}", store.display());
    let output = tokio::task::spawn_blocking(move || {
        run("storefront-server", ["serve", "--listen", "127.0.0.1:0", "--store", &option])
    })
    .await
    .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is in use by another program"), "{said}");
    assert!(Client::new(&first.url).unwrap().readiness().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drains_says_that_it_is_not_ready_and_goes_on_answering_until_it_stops() {
    let world = World::open_with(|config| config.drain = Duration::from_secs(3)).await;
    let url = world.server.url();
    let (http, server) = (reqwest::Client::new(), world.server);
    assert_eq!(http.get(format!("{url}/health/ready")).send().await.unwrap().status(), 200);
    let stopping = tokio::spawn(server.shutdown());
    let said = eventually("readiness says no", || async {
        let answer = http.get(format!("{url}/health/ready")).send().await.unwrap();
        if answer.status() == 503 { Some(answer.text().await.unwrap()) } else { None }
    })
    .await;
    assert!(said.contains("stops soon"), "{said}");
    // A new connection, too.
    let products = reqwest::Client::new().get(format!("{url}/v1/products")).send().await.unwrap();
    assert_eq!(products.status(), 200);
    stopping.await.unwrap();
    assert!(http.get(format!("{url}/health/live")).send().await.is_err());
}
