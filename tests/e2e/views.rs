//! Read models are persistent, are rebuilt beside the live ones, and belong to one log (promise P6).

use std::time::Duration;

use storefront_api::{
    AddItem, DocumentSummary, EventQuery, InvoiceListQuery, OrderListQuery, OrderStatus, OrderSummary, Page,
    ProductQuery, Statistics, View,
};
use storefront_client::{Client, IdempotencyKey};
use storefront_eventlog::{
    Append, EventStore, Expected, JsonText, NewEvent, SqliteStore, StreamAppend, StreamName, Version,
};
use storefront_mocks::{Mocks, MocksConfig};
use storefront_server::{Config, Server, StoreChoice};

use crate::crash::product_in_stock;
use crate::postgres::postgres_url;
use crate::postgres_server;
use crate::programs::{ServerProcess, run};
use crate::world::{VISA, World, all_stock, an_order, card, checkout, config, eventually};

const VIEWS: [&str; 8] =
    ["categories", "customers", "invoices", "orders", "products", "statistics", "stock", "vouchers"];

/// Everything that lists, searches and statistics say.
#[derive(Debug, PartialEq)]
struct Answers {
    orders: Page<OrderSummary>,
    confirmed: Page<OrderSummary>,
    invoices: Page<DocumentSummary>,
    found: Page<OrderSummary>,
    statistics: Statistics,
    stock: Vec<storefront_api::StockItem>,
    products: Page<storefront_api::Product>,
}

async fn read_everything(client: &Client) -> Answers {
    let min_position = Some(client.readiness().await.unwrap().head);
    let all = OrderListQuery { min_position, limit: Some(100), ..OrderListQuery::default() };
    let list = async |query: OrderListQuery| client.orders(&query).await.unwrap();
    let products = ProductQuery { limit: Some(100), min_position, ..ProductQuery::default() };
    Answers {
        orders: list(all.clone()).await,
        confirmed: list(OrderListQuery { status: Some(OrderStatus::Confirmed), ..all.clone() }).await,
        found: list(OrderListQuery { q: Some("ada".to_owned()), ..all }).await,
        invoices: client.invoices(&InvoiceListQuery { min_position, ..InvoiceListQuery::default() }).await.unwrap(),
        statistics: client.statistics(min_position).await.unwrap(),
        stock: all_stock(client, min_position).await,
        products: client.products(&products).await.unwrap().into(),
    }
}

async fn view(client: &Client, name: &str) -> View {
    let all = client.views().await.unwrap();
    all.items.into_iter().find(|view| view.name == name).unwrap_or_else(|| panic!("there is no view {name}"))
}

async fn wait_for_rebuild(client: &Client, name: &str) {
    eventually(&format!("{name} is rebuilt"), || async { view(client, name).await.rebuilding.is_none().then_some(()) })
        .await;
}

/// A shop in which something was sold, something given back, and a basket is open.
async fn a_shop_with_a_past(change: impl FnOnce(&mut Config)) -> World {
    let world = World::open_with(change).await;
    let product = world.product_with(9).await;
    for cancelled in [false, true] {
        let basket = world.a_basket(&product.id, 2).await;
        world.buy(&basket, VISA).await.unwrap();
        world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
        if cancelled {
            let cancel = storefront_api::Cancel { reason: "too late".to_owned() };
            world.client.cancel(basket.id, &cancel, &IdempotencyKey::new()).await.unwrap();
            eventually("the money and the goods are back", || async {
                let kinds = world.event_types(basket.id).await;
                let back = ["payment.refunded", "stock.returned"];
                back.iter().all(|kind| kinds.iter().any(|found| found == kind)).then_some(())
            })
            .await;
        }
    }
    world.a_basket(&product.id, 1).await;
    world.wait_until_settled().await;
    world
}

impl World {
    /// Waits until the processes have nothing to do.
    pub(crate) async fn wait_until_settled(&self) {
        eventually("the processes have nothing to do", || async {
            let text = reqwest::get(format!("{}/metrics", self.server.url())).await.unwrap().text().await.unwrap();
            let of_processes = text.lines().filter(|line| line.starts_with("storefront_process_"));
            let mut open = of_processes.filter(|line| line.contains("_lag_") || line.contains("_unfinished_"));
            open.all(|line| line.ends_with(" 0")).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_tell_what_was_earned_and_take_off_what_was_given_back() {
    let world = a_shop_with_a_past(|_| {}).await;
    let found = read_everything(&world.client).await;
    let sold = &found.confirmed.items[0];
    assert_eq!((found.statistics.orders, found.statistics.cancelled), (1, 1));
    assert_eq!((found.statistics.revenue, found.statistics.refunded), (sold.total, sold.total));
    assert_eq!(found.statistics.average_order, sold.total);
    assert_eq!(found.statistics.days.iter().map(|day| day.revenue.amount).sum::<i64>(), sold.total.amount);
    assert_eq!(found.statistics.top_products.iter().map(|sales| sales.pieces).collect::<Vec<_>>(), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_view_is_rebuilt_it_answers_as_before_and_goes_on_and_nothing_happens_twice() {
    let world = a_shop_with_a_past(|config| {
        config.rebuild_batch = 25;
        config.rebuild_pause = Duration::from_millis(60);
    })
    .await;
    let client = &world.client;
    let before = read_everything(client).await;
    let head = world.head().await;
    for name in VIEWS {
        let begun = client.rebuild_view(name).await.unwrap();
        let rebuilding = begun.rebuilding.expect("it takes a while");
        assert!(rebuilding.position < rebuilding.head, "{name}");
        client.rebuild_view(name).await.unwrap();
        assert_eq!(read_everything(client).await, before, "{name} is being rebuilt");
        assert!(view(client, name).await.rebuilding.is_some(), "{name} was still being rebuilt when it was asked");
        wait_for_rebuild(client, name).await;
        assert_eq!(read_everything(client).await, before, "{name} is rebuilt");
    }
    assert_eq!(world.head().await, head, "a rebuild writes nothing");
    assert_eq!(world.mocks.mailbox().messages().len(), mails(client).await, "and mails nobody");

    client.rebuild_view("orders").await.unwrap();
    let basket = world.a_basket(&before.products.items[0].id, 1).await;
    let listed = read_everything(client).await.orders;
    assert_eq!((listed.total, listed.items[0].id), (before.orders.total + 1, basket.id), "it goes on meanwhile");
    wait_for_rebuild(client, "orders").await;
    assert_eq!(read_everything(client).await.orders, listed, "what came meanwhile is in the new rows");
    let unknown = client.rebuild_view("weather").await.unwrap_err();
    assert!(unknown.to_string().contains("weather"), "{unknown}");
}

/// How many mails the log says were sent.
async fn mails(client: &Client) -> usize {
    let query = EventQuery { kind: Some("email.sent".to_owned()), limit: Some(1000), ..EventQuery::default() };
    client.events(&query).await.unwrap().events.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_killed_goes_on_and_ends_with_the_same_rows() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("shop.db");
    // Each rebuild stands still for a minute after its first batch.
    let slow = ["--rebuild-pause-ms", "60000"];
    let server = ServerProcess::start_with(&mocks, &format!("sqlite:{}", store.display()), &slow);
    let client = Client::new(&server.url).unwrap();
    let product = product_in_stock(&client).await;
    for _ in 0..5 {
        let add = AddItem { product_id: product.id.clone(), quantity: 1 };
        client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap();
    }
    let before = read_everything(&client).await.orders;
    client.rebuild_view("orders").await.unwrap();
    eventually("the first batch is in", || async {
        view(&client, "orders").await.rebuilding.filter(|rebuilding| rebuilding.position > 0)
    })
    .await;
    server.kill();

    let server = ServerProcess::start(&mocks, &store);
    let client = Client::new(&server.url).unwrap();
    wait_for_rebuild(&client, "orders").await;
    assert_eq!(read_everything(&client).await.orders, before);
    drop(server);

    let rebuild = |name| run("storefront-server", ["rebuild", name, "--store", &format!("sqlite:{}", store.display())]);
    let rebuilt = rebuild("orders");
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    assert!(String::from_utf8_lossy(&rebuilt.stdout).starts_with("orders is rebuilt up to position "));
    let refused = rebuild("weather");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&refused.stderr)
            .contains("there are categories, customers, invoices, orders, products, statistics, stock, vouchers")
    );
    let server = ServerProcess::start(&mocks, &store);
    assert_eq!(read_everything(&Client::new(&server.url).unwrap()).await.orders, before, "rebuilt offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_restored_from_a_backup_gets_views_of_its_own() {
    let world = a_shop_with_a_past(|_| {}).await;
    let World { mocks, server, folder, client } = world;
    let then = read_everything(&client).await.orders;
    server.shutdown().await;
    let log = folder.path().join("shop.db");
    let backup = folder.path().join("backup.db");
    std::fs::copy(&log, &backup).unwrap();

    let open = async || {
        let server = Server::start(config(&mocks, &folder)).await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let product = a_product_with(&client).await;
        (server, client, product)
    };
    let (server, client, product) = open().await;
    for _ in 0..3 {
        let add = AddItem { product_id: product.clone(), quantity: 1 };
        client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap();
    }
    assert_eq!(read_everything(&client).await.orders.total, then.total + 3);
    server.shutdown().await;
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path().join(format!("shop.db{suffix}")));
    }
    std::fs::copy(&backup, &log).unwrap();

    let (server, client, product) = open().await;
    assert_eq!(read_everything(&client).await.orders, then);
    let add = AddItem { product_id: product, quantity: 1 };
    let added = client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap().value;
    let now = read_everything(&client).await.orders;
    assert_eq!((now.total, now.items[0].id), (then.total + 1, added.id));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_a_view_cannot_handle_is_left_out_visibly_and_everything_else_goes_on() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteStore::open(&folder.path().join("shop.db")).unwrap();
    let poison = NewEvent {
        id: uuid::Uuid::now_v7(),
        kind: "order.teleported".to_owned(),
        schema_version: 1,
        time_ms: 1,
        correlation_id: "test".to_owned(),
        causation_id: None,
        actor: "test".to_owned(),
        data: JsonText::of(&serde_json::json!({})).unwrap(),
    };
    let stream = StreamName::new(format!("order-{}", an_order())).unwrap();
    let stream = StreamAppend { stream, expected: Expected::Exactly(Version(0)), events: vec![poison] };
    log.append(Append { streams: vec![stream], ..Append::default() }).await.unwrap();
    log.close().await;
    drop(log);

    let server = Server::start(Config { demo_stock: true, ..config(&mocks, &folder) }).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    let product = a_product_with(&client).await;
    let add = AddItem { product_id: product, quantity: 1 };
    client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap();
    assert_eq!(read_everything(&client).await.orders.total, 1);
    let orders = view(&client, "orders").await;
    let left_out = orders.last_left_out.expect("it is told");
    assert_eq!((orders.left_out, left_out.position), (1, 1));
    assert!(left_out.why.contains("order.teleported"), "{}", left_out.why);
    assert_eq!(view(&client, "stock").await.left_out, 0);
    let ready = client.readiness().await.unwrap();
    assert!(ready.ready && ready.reasons.iter().any(|reason| reason.contains("The view orders has left out 1")));
    let metrics = reqwest::get(format!("{}/metrics", server.url())).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("storefront_view_left_out_events{view=\"orders\"} 1"), "{metrics}");
    server.shutdown().await;
}

/// A product on the shelf, once prices are known.
async fn a_product_with(client: &Client) -> storefront_api::ProductId {
    eventually("something is for sale", || async {
        if client.readiness().await.unwrap().product_service != "live" {
            return None;
        }
        let query = ProductQuery { in_stock: Some(true), ..ProductQuery::default() };
        client.products(&query).await.ok()?.items.first().map(|product| product.id.clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_postgres_give_the_same_lists_and_count_everything_once() {
    let store: StoreChoice = postgres_url(&postgres_server::create_database().await).parse().unwrap();
    let world = World::open_with(|config| config.store = store.clone()).await;
    let product = world.product_with(5).await;
    let other = Server::start(Config { store, ..config(&world.mocks, &world.folder) }).await.unwrap();
    let other_client = Client::new(&other.url()).unwrap();
    a_product_with(&other_client).await;

    let mut adding = tokio::task::JoinSet::new();
    for number in 0..20 {
        let client = if number % 2 == 0 { world.client.clone() } else { other_client.clone() };
        let add = AddItem { product_id: product.id.clone(), quantity: 1 };
        adding.spawn(async move { client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap() });
    }
    while let Some(added) = adding.join_next().await {
        added.unwrap();
    }
    let both = async || (read_everything(&world.client).await, read_everything(&other_client).await);
    let (one, two) = both().await;
    assert_eq!(one, two);
    assert_eq!((one.orders.total, one.orders.items.len()), (20, 20));

    other_client.rebuild_view("orders").await.unwrap();
    wait_for_rebuild(&world.client, "orders").await;
    assert_eq!(both().await, (one, two), "rebuilt by one, seen by both");
    let basket = world.a_basket(&product.id, 1).await;
    world.client.checkout(basket.id, &checkout(&basket, card(VISA)), &IdempotencyKey::new()).await.unwrap();
    other.shutdown().await;
    let bought = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    world.wait_until_settled().await;
    assert_eq!(read_everything(&world.client).await.statistics.revenue, bought.total);
}
