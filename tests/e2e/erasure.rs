//! Erasing somebody: what is left in the log, the lists, the answers, the files and the exports.

use serde_json::Value;
use storefront_api::{
    Address, Cancel, Checkout, CustomerId, CustomerListQuery, DeleteAccount, Deliver, OrderId, OrderListQuery,
    OrderStatus, Password, Ship,
};
use storefront_client::{Client, IdempotencyKey};
use storefront_server::maintenance::{self, FileOrStdio};

use crate::addresses::an_address;
use crate::people::{PASSWORD, register, sign_in};
use crate::world::{World, an_order, card, checkout, eventually};

/// What tells of Zelda, in the forms in which it is looked for.
const TRACES: [&str; 5] =
    ["zelda@example.org", "Zelda Zephyr", "Zigzag Lane", "Zelda changed her mind", "Zelda's summer house"];

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

/// Zelda with an account, and what she does as herself.
async fn zelda(world: &World) -> (CustomerId, Client) {
    let registered = register(&world.client, "zelda@example.org").await;
    let (client, _) = sign_in(&world.client, "zelda@example.org").await;
    client.add_address(&an_address("Zelda's summer house"), &key()).await.unwrap();
    (registered.id, client)
}

/// Checks out an order of Zelda, with all that tells of her.
async fn check_out(world: &World, client: &Client) -> OrderId {
    let product = world.product_with(10).await;
    let id = an_order();
    let basket = client.add_item(id, &storefront_api::AddItem { product_id: product.id, quantity: 1 }, &key()).await;
    let address = Address {
        name: "Zelda Zephyr".to_owned(),
        street: "Zigzag Lane 26".to_owned(),
        postal_code: "12345".to_owned(),
        city: "Zurich".to_owned(),
        country: "CH".to_owned(),
        ..Address::default()
    };
    let checkout = Checkout {
        email: "zelda@example.org".to_owned(),
        shipping_address: address,
        ..checkout(&basket.unwrap().value, card("pm_card_visa"))
    };
    client.checkout(id, &checkout, &key()).await.unwrap();
    id
}

async fn events(world: &World) -> Vec<Value> {
    let url = format!("{}/v1/events?limit=1000", world.server.url());
    let page: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    page["events"].as_array().unwrap().clone()
}

async fn wait_for_event(world: &World, kind: &str, stream: &str) {
    eventually(kind, || async {
        events(world).await.iter().any(|event| event["type"] == kind && event["stream"] == stream).then_some(())
    })
    .await;
}

fn traces_in(bytes: &[u8]) -> Vec<&'static str> {
    let is_there =
        |trace: &&str| bytes.windows(trace.len()).any(|window| window.eq_ignore_ascii_case(trace.as_bytes()));
    TRACES.into_iter().filter(is_there).collect()
}

async fn text(world: &World, path: &str) -> String {
    reqwest::get(format!("{}{path}", world.server.url())).await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_erased_is_found_nowhere_any_more() {
    let world = World::open().await;
    let (id, client) = zelda(&world).await;
    // Held before it is paid, so there is no invoice.
    world.client.pause_process("checkout", &key()).await.unwrap();
    let order = check_out(&world, &client).await;
    let cancellation = Cancel { reason: "Zelda changed her mind".to_owned() };
    client.cancel(order, &cancellation, &key()).await.unwrap();
    world.client.resume_process("checkout", &key()).await.unwrap();
    world.wait_until_idle().await;
    let feed = text(&world, "/v1/events?limit=1000").await;
    assert_eq!(traces_in(feed.as_bytes()), TRACES, "operators read all of it before");
    let exported = text(&world, "/v1/export").await;
    assert_eq!(traces_in(exported.as_bytes()), [] as [&str; 0], "it is encrypted in the log");

    let delete = DeleteAccount { current_password: Password(PASSWORD.to_owned()) };
    client.delete_account(&delete).await.unwrap();
    wait_for_event(&world, "customer.erased", &format!("customer-{id}")).await;
    wait_for_event(&world, "order.erased", &format!("order-{order}")).await;
    world.wait_until_idle().await;
    for path in [
        "/v1/events?limit=1000".to_owned(),
        format!("/v1/orders/{order}"),
        format!("/v1/orders/{order}?version=3"),
        format!("/v1/orders/{order}/timeline"),
        format!("/v1/orders/{order}/diff?from=1&to=4"),
        format!("/v1/orders/{order}/diagram"),
        format!("/v1/streams/order-{order}/events"),
        format!("/v1/streams/customer-{id}/events"),
        format!("/v1/customers/{id}"),
        "/v1/orders".to_owned(),
        "/v1/customers".to_owned(),
        "/v1/export".to_owned(),
    ] {
        let text = text(&world, &path).await;
        assert_eq!(traces_in(text.as_bytes()), [] as [&str; 0], "{path}: {text}");
    }
    let query = OrderListQuery { q: Some("zelda@example.org".to_owned()), ..OrderListQuery::default() };
    assert_eq!(world.client.orders(&query).await.unwrap().total, 0);
    for (q, total) in [("zelda", 0), ("Lovelace", 0), (&*id.to_string(), 1)] {
        let query = CustomerListQuery { q: Some(q.to_owned()), ..CustomerListQuery::default() };
        assert_eq!(world.client.customers(&query).await.unwrap().total, total, "{q}");
    }

    let World { server, folder, .. } = world;
    server.shutdown().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(traces_in(&std::fs::read(&path).unwrap()), [] as [&str; 0], "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_on_its_way_keeps_its_address_until_it_is_delivered_and_an_invoice_for_ever() {
    let world = World::open().await;
    let (id, client) = zelda(&world).await;
    let order = check_out(&world, &client).await;
    world.wait_for_status(order, OrderStatus::Confirmed).await;
    world.client.erase(id, &key()).await.unwrap();
    wait_for_event(&world, "customer.erased", &format!("customer-{id}")).await;
    let waiting = world.client.order(order).await.unwrap().unwrap();
    assert_eq!(waiting.shipping_address.unwrap().street, "Zigzag Lane 26", "it is still to be sent there");

    let shipment = Ship { carrier: "Post".to_owned(), tracking_number: "1Z".to_owned(), estimated_delivery: None };
    world.client.ship(order, &shipment, &key()).await.unwrap();
    let delivery = Deliver { recipient: "Zelda Zephyr".to_owned() };
    world.client.deliver(order, &delivery, &key()).await.unwrap();
    wait_for_event(&world, "order.erased", &format!("order-{order}")).await;
    let erased = world.client.order(order).await.unwrap().unwrap();
    assert_eq!(erased.shipping_address.unwrap().street, "(erased)");
    assert_eq!((erased.status, erased.total), (OrderStatus::Delivered, waiting.total), "what was bought stays");
    for event in events(&world).await {
        let is_invoice = event["stream"].as_str().unwrap().starts_with("invoice");
        let traces = traces_in(event.to_string().as_bytes());
        assert!(is_invoice || traces.is_empty(), "{event}");
    }
    let invoice = erased.invoice.expect("it has an invoice");
    assert!(text(&world, &format!("/v1/invoices/{invoice}")).await.contains("Zigzag Lane 26"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_has_everybody_who_was_not_erased() {
    let world = World::open().await;
    let (_, client) = zelda(&world).await;
    let order = check_out(&world, &client).await;
    world.wait_for_status(order, OrderStatus::Confirmed).await;
    world.wait_until_idle().await;
    let World { server, folder, mocks, .. } = world;
    server.shutdown().await;
    let config = crate::world::config(&mocks, &folder);
    let (file, copy) = (folder.path().join("log.jsonl"), folder.path().join("copy.db"));
    maintenance::export(&config.store, &FileOrStdio::File(file.clone())).await.unwrap();
    let copy = storefront_server::StoreChoice::File(copy);
    maintenance::import(&copy, &FileOrStdio::File(file)).await.unwrap();
    let server = storefront_server::Server::start(storefront_server::Config { store: copy, ..config }).await.unwrap();
    let order = Client::new(&server.url()).unwrap().order(order).await.unwrap().unwrap();
    assert_eq!(order.shipping_address.unwrap().street, "Zigzag Lane 26");
    server.shutdown().await;
}
