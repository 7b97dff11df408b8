//! The shop on PostgreSQL behaves as on SQLite.

use storefront_api::OrderStatus;
use storefront_client::Client;
use storefront_server::{Server, StoreChoice};

use crate::postgres_server;
use crate::world::{VISA, World, config, current_stock};

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_on_postgres_sells_and_knows_it_after_a_restart() {
    let store: StoreChoice = postgres_url(&postgres_server::create_database().await).parse().unwrap();
    let world = World::open_with(|config| config.store = store.clone()).await;
    let product = world.product_with(3).await;
    let basket = world.a_basket(&product.id, 2).await;
    world.buy(&basket, VISA).await.unwrap();
    let confirmed = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;

    let mut again = config(&mocks, &folder);
    again.store = store;
    let server = Server::start(again).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    let order = client.order(basket.id).await.unwrap().unwrap();
    assert_eq!((order.status, order.number, order.total), (confirmed.status, confirmed.number, confirmed.total));
    let stock = current_stock(&client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (1, 0));
    server.shutdown().await;
}

/// The address `host=FOLDER user=NAME dbname=NAME` as a URL.
pub(crate) fn postgres_url(address: &str) -> String {
    let part = |name: &str| {
        let parts = address.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        parts.expect("the address has it").to_owned()
    };
    format!("postgres:///{}?host={}&user={}", part("dbname"), part("host"), part("user"))
}
