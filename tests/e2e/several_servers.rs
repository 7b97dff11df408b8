//! Two servers on one log: each process runs on one of them at a time, and every effect happens once, whichever server
//! fails (promise P4).

use rustix::process::{Signal, kill_process};
use storefront_api::{EventQuery, InvoiceListQuery, OrderId, OrderListQuery, ProcessState, Product, Scope};
use storefront_client::Client;
use storefront_mocks::{Faults, Mocks, MocksConfig, Stub};

use crate::api_keys;
use crate::crash::{a_checkout, assert_confirmed_once, assert_dense_positions, product_in_stock, wait_for_event};
use crate::people;
use crate::postgres::postgres_url;
use crate::postgres_server;
use crate::programs::ServerProcess;
use crate::world::{current_stock, eventually};

/// What the first of the two servers is at when it is struck.
const KILL_EVENTS: [&str; 4] = ["order.checked_out", "payment.requested", "payment.succeeded", "email.requested"];

/// A server, and a client of it.
struct Side {
    server: ServerProcess,
    client: Client,
}

struct World {
    mocks: Mocks,
    store: String,
}

impl World {
    async fn new() -> Self {
        let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
        let store = postgres_url(&postgres_server::create_database().await);
        Self { mocks, store }
    }

    /// A server whose leases last so short a time that others take over soon.
    fn a_server(&self) -> Side {
        let server = ServerProcess::start_with(&self.mocks, &self.store, &["--lease-ms", "900"]);
        let client = Client::new(&server.url).unwrap();
        Side { server, client }
    }

    fn set_slow(&self, slow: bool) {
        let faults = Faults { latency_ms: if slow { 150 } else { 0 }, ..Faults::default() };
        for stub in [Stub::Cards, Stub::Mail] {
            self.mocks.faults(stub).set(faults);
        }
    }

    /// Shoppers buy on both sides; answers when the first order has come to a moment.
    async fn shop_until(&self, sides: [&Side; 2], product: &Product, moment: &str) -> Vec<OrderId> {
        self.set_slow(true);
        let mut orders = Vec::new();
        for side in sides.into_iter().cycle().take(4) {
            orders.push(a_checkout(&side.client, product).await);
        }
        wait_for_event(&sides[1].client, orders[0], moment).await;
        self.set_slow(false);
        orders
    }
}

impl Side {
    /// The states of all its processes.
    async fn states(&self) -> Vec<ProcessState> {
        self.client.processes().await.unwrap().items.into_iter().map(|process| process.state).collect()
    }

    async fn wait_until_running_all(&self) {
        eventually("it runs every process", || async {
            let states = self.states().await;
            (!states.is_empty() && !states.contains(&ProcessState::WaitingForLease)).then_some(())
        })
        .await;
    }
}

/// Waits until each process runs on exactly one of the two. On a busy machine a lease may change hands at any time, so
/// which one is not said.
async fn wait_for_shared_processes(sides: [&Side; 2]) {
    eventually("each process runs on one of the two", || async {
        let [one, other] = [sides[0].states().await, sides[1].states().await];
        let runs = |state: &ProcessState| *state != ProcessState::WaitingForLease;
        let shared = one.iter().zip(&other).all(|(one, other)| runs(one) != runs(other));
        (!one.is_empty() && one.len() == other.len() && shared).then_some(())
    })
    .await;
}

async fn assert_nothing_lost_or_doubled(side: &Side, product: &Product, before: u32, bought: usize) {
    let stock = current_stock(&side.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (before - u32::try_from(bought).unwrap(), 0));
    assert_dense_positions(&side.client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_server_is_killed_in_mid_checkout_the_other_takes_over_and_everything_happens_once() {
    let world = World::new().await;
    let mut first = world.a_server();
    first.wait_until_running_all().await;
    let product = product_in_stock(&first.client).await;
    let before = product.available;
    let mut bought = 0;
    for moment in KILL_EVENTS {
        let second = world.a_server();
        wait_for_shared_processes([&first, &second]).await;
        product_in_stock(&second.client).await;
        let orders = world.shop_until([&first, &second], &product, moment).await;
        first.server.kill();
        for order in &orders {
            assert_confirmed_once(&second.client, &world.mocks, *order, moment).await;
        }
        bought += orders.len();
        first = second;
    }
    first.wait_until_running_all().await;
    assert_nothing_lost_or_doubled(&first, &product, before, bought).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_stopped_and_goes_on_late_changes_nothing_any_more() {
    let world = World::new().await;
    let mut first = world.a_server();
    first.wait_until_running_all().await;
    let mut second = world.a_server();
    wait_for_shared_processes([&first, &second]).await;
    let product = product_in_stock(&second.client).await;
    product_in_stock(&first.client).await;
    let before = product.available;
    let mut bought = 0;
    for moment in KILL_EVENTS {
        let orders = world.shop_until([&first, &second], &product, moment).await;
        kill_process(first.server.pid(), Signal::STOP).unwrap();
        for order in &orders {
            assert_confirmed_once(&second.client, &world.mocks, *order, moment).await;
        }
        kill_process(first.server.pid(), Signal::CONT).unwrap();
        wait_for_shared_processes([&first, &second]).await;
        for order in &orders {
            assert_confirmed_once(&second.client, &world.mocks, *order, moment).await;
        }
        bought += orders.len();
        std::mem::swap(&mut first, &mut second);
        product_in_stock(&second.client).await;
    }
    assert_nothing_lost_or_doubled(&first, &product, before, bought).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_servers_follows_the_product_service_and_the_other_takes_over_when_it_is_killed() {
    let world = World::new().await;
    let first = world.a_server();
    let product = product_in_stock(&first.client).await;
    let second = world.a_server();
    // The second knows that prices are good, although it follows nobody.
    product_in_stock(&second.client).await;
    let repriced = async |price: i64| {
        world.mocks.products().reprice(product.id.as_str(), price, "a test").unwrap();
        eventually(&format!("the price is {price} everywhere"), || async {
            let seen = second.client.product(&product.id).await.unwrap().unwrap();
            (seen.price.amount == price).then_some(())
        })
        .await;
    };
    repriced(4_711).await;
    first.server.kill();
    repriced(4_712).await;
    let query = EventQuery { kind: Some("product.repriced".to_owned()), ..EventQuery::default() };
    let told = second.client.events(&query).await.unwrap().events;
    let of_this = told.iter().filter(|event| event.stream == format!("product-{}", product.id));
    assert_eq!(of_this.count(), 2, "each change is learnt once: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invoices_of_two_servers_that_sell_at_once_have_numbers_without_gap_or_repeat() {
    let world = World::new().await;
    let first = world.a_server();
    first.wait_until_running_all().await;
    let second = world.a_server();
    wait_for_shared_processes([&first, &second]).await;
    let product = product_in_stock(&first.client).await;
    product_in_stock(&second.client).await;
    let orders = world.shop_until([&first, &second], &product, "order.confirmed").await;
    // Whoever writes the invoices is gone in the middle of it.
    first.server.kill();
    let mut more = Vec::new();
    for _ in 0..8 {
        more.push(a_checkout(&second.client, &product).await);
    }
    for order in orders.iter().chain(&more) {
        assert_confirmed_once(&second.client, &world.mocks, *order, "invoices").await;
    }
    let min_position = Some(second.client.readiness().await.unwrap().head);
    let query = InvoiceListQuery { limit: Some(100), min_position, ..InvoiceListQuery::default() };
    let listed = second.client.invoices(&query).await;
    let mut numbers: Vec<String> = listed.unwrap().items.into_iter().map(|item| item.number).collect();
    numbers.sort();
    let count = orders.len() + more.len();
    let year = numbers.first().map(|number| number[..4].to_owned()).unwrap();
    assert_eq!(numbers, (1..=count).map(|number| format!("{year}-{number:06}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_one_server_started_is_good_on_another_and_ended_on_a_third_it_is_refused_everywhere() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let server = || {
        let server = ServerProcess::start_with(&world.mocks, &world.store, &["--key-file", keys.to_str().unwrap()]);
        let client = Client::new(&server.url).unwrap();
        Side { server, client }
    };
    let sides = [server(), server(), server()];
    people::register(&sides[0].client, "ada@example.com").await;
    let (_, signed_in) = people::sign_in(&sides[0].client, "ada@example.com").await;
    let on = |side: &Side| side.client.with_token(signed_in.token.clone());
    on(&sides[1]).me().await.unwrap();
    on(&sides[2]).sign_out().await.unwrap();
    for side in &sides {
        eventually("the session is refused", || async { on(side).me().await.is_err().then_some(()) }).await;
    }
    // So does the session of a guest who registers.
    let guest = sides[0].client.begin_as_guest().await.unwrap();
    let of_guest = |side: &Side| side.client.with_token(guest.token.clone());
    of_guest(&sides[1]).orders(&OrderListQuery::default()).await.unwrap();
    people::register(&of_guest(&sides[2]), "bob@example.com").await;
    for side in &sides {
        let refused = async || of_guest(side).orders(&OrderListQuery::default()).await.is_err().then_some(());
        eventually("the guest's session is refused", refused).await;
    }
    // So is the API key of a program.
    let api_key = api_keys::make(&sides[0].client, &[Scope::OrdersRead]).await;
    let of_program = |side: &Side| side.client.with_token(api_keys::token(&api_key));
    let orders = async |side: &Side| of_program(side).orders(&OrderListQuery::default()).await;
    for side in &sides {
        eventually("the API key is known", || async { orders(side).await.ok() }).await;
    }
    sides[2].client.revoke_api_key(api_key.id).await.unwrap();
    for side in &sides {
        eventually("the API key is refused", || async { orders(side).await.is_err().then_some(()) }).await;
    }
    // A server that starts later knows it before its first request.
    let late = server();
    assert!(on(&late).me().await.is_err());
    assert!(of_guest(&late).orders(&OrderListQuery::default()).await.is_err());
    assert!(orders(&late).await.is_err());
}
