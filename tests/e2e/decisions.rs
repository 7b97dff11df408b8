//! Decisions use acknowledged events, never a view that may lag or be paused, on every server.

use storefront_api::{AdjustStock, NewProduct, Order, OrderStatus, ReceiveStock, SetStock};
use storefront_client::{Client, IdempotencyKey};
use storefront_mocks::{Mocks, MocksConfig};
use storefront_server::{Server, StoreChoice};

use crate::postgres::postgres_url;
use crate::postgres_server;
use crate::world::{DECLINED, VISA, World, an_order, card, checkout, config, eventually};

/// How often something is received and sold at once; with each, one piece more.
const ATTEMPTS: u32 = 99;

fn key() -> IdempotencyKey {
    IdempotencyKey::new()
}

/// Receives a piece at one server, and puts all that there are into a basket at another as soon as the first has
/// answered. Answers what was refused.
async fn receive_then_add(at: &Client, sold_at: &Client, product: &storefront_api::ProductId) -> Vec<String> {
    let mut refused = Vec::new();
    for quantity in 1..=ATTEMPTS {
        at.receive_stock(product, &ReceiveStock { quantity: 1 }, &key()).await.unwrap();
        let add = storefront_api::AddItem { product_id: product.clone(), quantity };
        if let Err(refusal) = sold_at.add_item(an_order(), &add, &key()).await {
            refused.push(format!("{quantity}: {refusal}"));
        }
    }
    refused
}

/// A shop on PostgreSQL, and the address of its log.
async fn on_postgres() -> (World, StoreChoice) {
    let store: StoreChoice = postgres_url(&postgres_server::create_database().await).parse().unwrap();
    (World::open_with(|config| config.store = store.clone()).await, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_can_be_sold_at_once() {
    let sqlite = World::open().await;
    let (postgres, _) = on_postgres().await;
    for world in [sqlite, postgres] {
        let product = world.product_with(0).await;
        let refused = receive_then_add(&world.client, &world.client, &product.id).await;
        assert_eq!(refused, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_at_one_server_can_be_sold_at_another_at_once() {
    let (first, store) = on_postgres().await;
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut other = config(&mocks, &folder);
    (other.store, other.products_url) = (store, first.mocks.products_url());
    let server = Server::start(other).await.unwrap();
    let second = Client::new(&server.url()).unwrap();
    eventually("the second server knows the prices", || async {
        (second.readiness().await.unwrap().product_service == "live").then_some(())
    })
    .await;
    let product = first.product_with(0).await;
    assert_eq!(receive_then_add(&first.client, &second, &product.id).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_piece_whose_payment_was_declined_can_be_bought_again_at_once() {
    let world = World::open().await;
    for round in 0..12 {
        let product = world.product_with(1).await;
        let basket = world.a_basket(&product.id, 1).await;
        world.buy(&basket, DECLINED).await.unwrap();
        let open = eventually("the order is open again", || async {
            let order = world.client.order(basket.id).await.unwrap();
            order.filter(|order| order.status == OrderStatus::InProgress)
        })
        .await;
        let again = world.buy(&open, VISA).await;
        assert!(again.is_ok(), "round {round}: {again:?}");
        world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    }
}

async fn pause_views(client: &Client) {
    for view in client.views().await.unwrap().items {
        client.pause_view(&view.name).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_every_view_stands_still_the_shop_decides_as_ever() {
    let world = World::open().await;
    let (plenty, sold_out) = (world.product_with(30).await.id, world.product_with(0).await.id);
    let client = &world.client;
    pause_views(client).await;

    // What came in meanwhile is sold, and what went out is not.
    client.receive_stock(&sold_out, &ReceiveStock { quantity: 3 }, &key()).await.unwrap();
    let gone = AdjustStock { change: -28, reason: "rained on".to_owned() };
    client.adjust_stock(&plenty, &gone, &key()).await.unwrap();
    let basket = world.a_basket(&sold_out, 2).await;
    let basket = client.change_quantity(basket.id, &sold_out, 3).await.unwrap().value;
    let too_many = client.change_quantity(basket.id, &sold_out, 4).await.unwrap_err();
    assert_eq!(too_many.problem().unwrap().code, "out_of_stock");
    assert_eq!(world.add(an_order(), &plenty, 3).await.unwrap_err().problem().unwrap().code, "out_of_stock");
    let last = world.a_basket(&plenty, 2).await;

    let checked_out = world.buy(&basket, VISA).await.unwrap();
    assert_eq!(checked_out.status, OrderStatus::CheckedOut);
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let counted = SetStock { on_hand: 1, reason: "counted".to_owned() };
    client.set_stock(&plenty, &counted).await.unwrap();
    let refused = client.checkout(last.id, &checkout(&last, card(VISA)), &key()).await.unwrap_err();
    assert_eq!(refused.problem().unwrap().code, "lines_not_buyable");

    // A product that no view has met is answered, and sold.
    let product = a_new_product(client).await;
    client.receive_stock(&product, &ReceiveStock { quantity: 1 }, &key()).await.unwrap();
    let basket: Order = world.a_basket(&product, 1).await;
    client.withdraw_product(&product, &key()).await.unwrap();
    let refused = client.checkout(basket.id, &checkout(&basket, card(VISA)), &key()).await.unwrap_err();
    assert_eq!(refused.problem().unwrap().code, "lines_not_buyable");
    assert_eq!(world.add(an_order(), &product, 1).await.unwrap_err().problem().unwrap().code, "product_withdrawn");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_every_view_stands_still_one_product_and_its_stock_are_read_as_they_are() {
    let world = World::open().await;
    let known = world.product_with(1).await.id;
    let client = &world.client;
    pause_views(client).await;
    client.receive_stock(&known, &ReceiveStock { quantity: 4 }, &key()).await.unwrap();
    let product = a_new_product(client).await;
    for (id, on_hand) in [(&known, 5), (&product, 0)] {
        let stock = client.stock_of(id, None).await.unwrap().unwrap();
        assert_eq!((stock.on_hand, stock.name.is_some()), (on_hand, true), "{id}");
        assert_eq!(client.product(id).await.unwrap().unwrap().available, on_hand, "{id}");
    }
    let unknown = "nothing".parse().unwrap();
    assert_eq!(client.stock_of(&unknown, None).await.unwrap(), None);
    assert_eq!(client.product(&unknown).await.unwrap(), None);
}

async fn a_new_product(client: &Client) -> storefront_api::ProductId {
    let price = storefront_api::Money::new(1_500, storefront_api::Currency::EUR);
    let new = serde_json::json!({
        "name": "A lantern", "sku": "LAN-1", "description": "Lights the way.", "category": "Kitchen", "price": price,
        "vat_rate_percent": 19,
    });
    let new: NewProduct = serde_json::from_value(new).unwrap();
    let created = client.create_product(&new, &key()).await.unwrap().value;
    assert_eq!((created.price, created.available, created.active), (price, 0, true));
    created.id
}
