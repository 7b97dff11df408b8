//! The workshop lab (DOMAIN, section L): scenarios end as they say and leave nothing behind, faults, step mode, starting over.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use storefront_api::{
    EventQuery, Faults, OrderListQuery, OrderStatus, Problem, ProductId, ProductQuery, ScenarioRun, ScenarioState,
    StockQuery, Stub, View,
};
use storefront_client::{Client, ClientError, IdempotencyKey};
use storefront_eventlog::{EventStore, SqliteStore};
use storefront_mocks::{Mocks, Stub as MockStub};
use storefront_server::{Server, StoreChoice};

use crate::kills::books::Books;
use crate::postgres::postgres_url;
use crate::postgres_server;
use crate::world::{World, config, eventually};

const NAMES: [&str; 9] = [
    "happy-path",
    "card-declined",
    "out-of-stock-on-the-last-unit",
    "product-service-down",
    "mail-down",
    "duplicate-and-out-of-order-webhooks",
    "server-killed-in-mid-checkout",
    "two-shoppers-race-for-one-unit",
    "poison-event",
];

/// A shop with a lab, goods on its shelves, and a gateway that tells its news.
async fn a_lab() -> World {
    let world = World::open_lab().await;
    world.listens_to_the_gateway();
    eventually("the shelves are full", || async { full_shelves(&world.client).await.then_some(()) }).await;
    world
}

/// Whether every product is known and nobody has anything left to do.
async fn full_shelves(client: &Client) -> bool {
    let ready = client.readiness().await.unwrap();
    let products = client.products(&ProductQuery::default()).await.unwrap().total;
    let processes = client.processes().await.unwrap().items;
    products > 50
        && ready.product_service == "live"
        && processes.iter().all(|process| process.lag == 0 && process.position >= ready.head)
}

/// What is on hand of each product, and reserved.
async fn on_hand(client: &Client) -> BTreeMap<ProductId, (u32, u32)> {
    let head = client.readiness().await.unwrap().head;
    let query = StockQuery { min_position: Some(head), ..StockQuery::default() };
    let items = client.stock(&query).await.unwrap().items;
    items.into_iter().map(|item| (item.product_id, (item.on_hand, item.reserved))).collect()
}

async fn run_of(client: &Client, name: &str) -> ScenarioRun {
    client.scenario(name).await.unwrap().unwrap().last_run.expect("it was played")
}

async fn ends(client: &Client, name: &str) -> ScenarioRun {
    eventually(&format!("{name} has ended"), || async {
        Some(run_of(client, name).await).filter(|run| run.state != ScenarioState::Running)
    })
    .await
}

async fn plays(world: &World, name: &str) -> ScenarioRun {
    let begun = world.client.play_scenario(name).await.unwrap();
    assert_eq!((begun.state, begun.name.as_str()), (ScenarioState::Running, name));
    let run = ends(&world.client, name).await;
    assert_eq!((run.state, &run.orders), (ScenarioState::Finished, &begun.orders), "{run:?}");
    assert!(run.finished_at.is_some() && !run.steps.is_empty(), "{run:?}");
    nothing_is_broken(&world.mocks);
    run
}

fn nothing_is_broken(mocks: &Mocks) {
    for stub in MockStub::ALL {
        assert!(mocks.faults(stub).get().is_none(), "{stub} was left broken");
    }
}

/// Nothing is reserved any more, and what has gone from the shelves has been sold.
async fn stock_is_sane(client: &Client, before: &BTreeMap<ProductId, (u32, u32)>, run: &ScenarioRun) {
    let mut expected: BTreeMap<ProductId, (u32, u32)> =
        before.iter().map(|(id, (on_hand, _))| (id.clone(), (*on_hand, 0))).collect();
    for id in &run.orders {
        let order = client.order(*id).await.unwrap().expect("the scenario made it");
        for item in order.items.iter().filter(|_| order.status == OrderStatus::Confirmed) {
            expected.get_mut(&item.product_id).unwrap().0 -= item.quantity;
        }
    }
    eventually("the stock is as it must be", || async { (on_hand(client).await == expected).then_some(()) }).await;
}

async fn statuses(world: &World, run: &ScenarioRun) -> Vec<OrderStatus> {
    let mut statuses = Vec::new();
    for id in &run.orders {
        statuses.push(world.client.order(*id).await.unwrap().unwrap().status);
    }
    statuses
}

async fn books_balance(world: &World) {
    eventually("the books balance", || async {
        Books::of(&world.client, &world.mocks).await.complaints().is_empty().then_some(())
    })
    .await;
}

/// Plays a scenario in a shop of its own, and looks that nothing is left behind.
async fn tells_its_story(name: &str, ends: &[OrderStatus]) -> (World, ScenarioRun) {
    let world = a_lab().await;
    let before = on_hand(&world.client).await;
    let run = plays(&world, name).await;
    assert_eq!(statuses(&world, &run).await, ends, "{run:?}");
    stock_is_sane(&world.client, &before, &run).await;
    books_balance(&world).await;
    (world, run)
}

fn count(history: &[String], kind: &str) -> usize {
    history.iter().filter(|found| *found == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_the_happy_path_ends_with_a_mail() {
    let (world, run) = tells_its_story("happy-path", &[OrderStatus::Confirmed]).await;
    assert_eq!(count(&world.history(run.orders[0]).await, "email.sent"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_declined_card_leaves_the_basket_open() {
    let (world, run) = tells_its_story("card-declined", &[OrderStatus::InProgress]).await;
    assert_eq!(count(&world.history(run.orders[0]).await, "payment.declined"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_the_last_unit_goes_to_one_and_the_other_is_told() {
    let ends = [OrderStatus::Confirmed, OrderStatus::InProgress];
    tells_its_story("out-of-stock-on-the-last-unit", &ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_an_order_does_not_notice_that_the_product_service_is_down() {
    let (world, _) = tells_its_story("product-service-down", &[OrderStatus::Confirmed]).await;
    assert_eq!(world.client.readiness().await.unwrap().product_service, "live");
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_mail_waits_until_the_mail_server_is_back() {
    let (world, run) = tells_its_story("mail-down", &[OrderStatus::Confirmed]).await;
    assert_eq!(count(&world.history(run.orders[0]).await, "email.sent"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_webhooks_twice_and_out_of_order_are_applied_once() {
    let (world, run) = tells_its_story("duplicate-and-out-of-order-webhooks", &[OrderStatus::Confirmed]).await;
    assert_eq!(count(&world.history(run.orders[0]).await, "payment.succeeded"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_crash_between_the_charge_and_its_outcome_charges_once() {
    let (world, run) = tells_its_story("server-killed-in-mid-checkout", &[OrderStatus::Confirmed]).await;
    let order = run.orders[0].to_string();
    assert_eq!(world.mocks.card_gateway().paid_charges_with("order_id", &order).len(), 1);
    // Whoever was killed works again.
    let next = plays(&world, "happy-path").await;
    assert_eq!(statuses(&world, &next).await, [OrderStatus::Confirmed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_of_two_who_race_for_one_unit_one_gets_it() {
    let world = a_lab().await;
    let before = on_hand(&world.client).await;
    let run = plays(&world, "two-shoppers-race-for-one-unit").await;
    let ends = statuses(&world, &run).await;
    assert_eq!(ends.iter().filter(|status| **status == OrderStatus::Confirmed).count(), 1, "{ends:?}");
    assert_eq!(ends.iter().filter(|status| **status == OrderStatus::InProgress).count(), 1, "{ends:?}");
    stock_is_sane(&world.client, &before, &run).await;
    books_balance(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_poison_event_stays_parked_until_somebody_skips_it() {
    let world = a_lab().await;
    let before = on_hand(&world.client).await;
    let run = plays(&world, "poison-event").await;
    assert_eq!(statuses(&world, &run).await, [OrderStatus::Confirmed; 2]);
    stock_is_sane(&world.client, &before, &run).await;
    let (ada, ben) = (run.orders[0], run.orders[1]);
    let parked = world.client.parked("mail", &Default::default()).await.unwrap().items;
    assert_eq!(parked.iter().map(|parked| parked.sequence.clone()).collect::<Vec<_>>(), [ada.to_string()]);
    let sent = async |order| count(&world.history(order).await, "email.sent");
    assert_eq!((sent(ada).await, sent(ben).await), (0, 1));
    world.client.skip_parked("mail", &ada.to_string(), &IdempotencyKey::new()).await.unwrap();
    eventually("Ada has her mail", || async { (sent(ada).await == 1).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_the_list_tells_the_nine_scenarios_and_one_is_played_at_a_time() {
    let world = a_lab().await;
    let list = world.client.scenarios().await.unwrap().items;
    assert_eq!(list.iter().map(|scenario| scenario.name.as_str()).collect::<Vec<_>>(), NAMES);
    assert!(list.iter().all(|scenario| scenario.last_run.is_none()));
    assert_eq!(world.client.scenario("none").await.unwrap(), None);
    // It cannot end before the gateway answers.
    let held = Faults { hold_answers: true, ..Faults::default() };
    world.client.set_faults(Stub::Cards, &held).await.unwrap();
    world.client.play_scenario("happy-path").await.unwrap();
    assert_eq!(code(world.client.play_scenario("mail-down").await.unwrap_err()), "scenario_running");
    assert_eq!(code(world.client.reset_shop().await.unwrap_err()), "scenario_running");
    world.client.set_faults(Stub::Cards, &Faults::default()).await.unwrap();
    assert_eq!(ends(&world.client, "happy-path").await.state, ScenarioState::Finished);
    plays(&world, "card-declined").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_scenario_that_fails_puts_back_what_it_broke_and_took_and_leaves_the_rest() {
    let world = a_lab().await;
    let before = on_hand(&world.client).await;
    let declines = Faults { decline: true, latency_ms: 1, ..Faults::default() };
    world.client.set_faults(Stub::Cards, &declines).await.unwrap();
    for name in ["mail-down", "out-of-stock-on-the-last-unit", "two-shoppers-race-for-one-unit"] {
        world.client.play_scenario(name).await.unwrap();
        let run = ends(&world.client, name).await;
        assert_eq!(run.state, ScenarioState::Failed, "{run:?}");
        assert!(run.outcome.as_ref().is_some_and(|why| why.ends_with('.')), "{run:?}");
        assert!(world.mocks.faults(MockStub::Mail).get().is_none(), "{name} left the mail broken");
        assert_eq!(world.client.faults().await.unwrap().items[1].faults, declines, "that was the operator's");
        stock_is_sane(&world.client, &before, &run).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_server_that_is_told_to_stop_puts_back_what_a_scenario_broke_and_took() {
    let mut world = a_lab().await;
    let before = on_hand(&world.client).await;
    for name in ["mail-down", "server-killed-in-mid-checkout"] {
        // The scenario stands in the middle, because the gateway does not answer, or the mail server.
        let held = storefront_mocks::Faults { hold_answers: true, ..Default::default() };
        world.mocks.faults(MockStub::Cards).set(held);
        world.rests().await;
        let head = world.head().await;
        let in_stock = ProductQuery { in_stock: Some(true), min_position: Some(head), ..ProductQuery::default() };
        eventually("lists know what is on the shelf", || async {
            world.client.products(&in_stock).await.ok().filter(|page| page.total > 1)
        })
        .await;
        let run = world.client.play_scenario(name).await.unwrap();
        eventually("a card is being charged", || async {
            let order = run.orders[0].to_string();
            (!world.mocks.card_gateway().paid_charges_with("order_id", &order).is_empty()).then_some(())
        })
        .await;
        let World { mocks, server, folder, .. } = world;
        server.shutdown().await;
        assert!(mocks.faults(MockStub::Mail).get().is_none(), "{name} left the mail broken");
        mocks.faults(MockStub::Cards).clear();
        let server = Server::start(with_lab(&mocks, &folder)).await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        world = World { mocks, server, client, folder };
        world.reaches(run.orders[0], OrderStatus::Confirmed).await;
        let all = world.client.orders(&OrderListQuery::default()).await.unwrap().items;
        let sold: u32 =
            all.iter().filter(|order| order.status == OrderStatus::Confirmed).map(|order| order.pieces).sum();
        let pieces = |stock: &BTreeMap<ProductId, (u32, u32)>| stock.values().map(|(on_hand, _)| on_hand).sum::<u32>();
        eventually("the shelf has everything that was not sold", || async {
            let now = on_hand(&world.client).await;
            (pieces(&now) + sold == pieces(&before) && now.values().all(|(_, reserved)| *reserved == 0)).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_faults_are_switched_through_the_shop_and_wrong_ones_change_nothing() {
    let world = a_lab().await;
    let slow = Faults { latency_ms: 7, error_rate: 0.25, ..Faults::default() };
    assert_eq!(world.client.set_faults(Stub::Mail, &slow).await.unwrap(), slow);
    assert_eq!(world.mocks.faults(MockStub::Mail).get().latency_ms, 7);
    let list = world.client.faults().await.unwrap().items;
    assert_eq!(list.iter().map(|item| item.stub).collect::<Vec<_>>(), Stub::ALL);
    assert_eq!(list[2].faults, slow);
    for (path, body, status, code) in [
        ("faults/weather", json!({}), 404, "stub_not_found"),
        ("faults/cards", json!({"gremlins": true}), 422, "invalid_values"),
        ("faults/cards", json!({"latency_ms": -1}), 422, "invalid_values"),
        ("faults/cards", json!({"latency_ms": 60_001}), 422, "invalid_values"),
        ("faults/cards", json!({"error_rate": 1.5}), 422, "invalid_values"),
        ("faults/mail", json!({"decline": true}), 422, "invalid_values"),
        ("faults/cards", json!([]), 422, "invalid_values"),
    ] {
        let problem = asks(&world, Method::PUT, path, Some(body.clone())).await;
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{path} {body}");
        assert!(problem.detail.ends_with('.'), "{}", problem.detail);
    }
    let problem = asks(&world, Method::GET, "faults/weather", None).await;
    assert_eq!((problem.status, problem.code.as_str()), (404, "stub_not_found"));
    for method in [Method::GET, Method::POST] {
        let problem = asks(&world, method, "scenarios/nothing", None).await;
        assert_eq!((problem.status, problem.code.as_str()), (404, "scenario_not_found"));
    }
    assert!(world.mocks.faults(MockStub::Cards).get().is_none());
    assert_eq!(world.mocks.faults(MockStub::Mail).get().latency_ms, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_stubs_that_are_gone_are_a_503_and_a_reset_changes_nothing_then() {
    let world = a_lab().await;
    let head = world.head().await;
    let World { mocks, client, folder, server: _server } = world;
    mocks.shutdown().await;
    assert_eq!(code(client.faults().await.unwrap_err()), "stubs_unreachable");
    assert_eq!(code(client.reset_shop().await.unwrap_err()), "stubs_unreachable");
    assert!(client.readiness().await.unwrap().head >= head);
    let kept = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("until"));
    assert_eq!(kept.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_shop_without_a_lab_says_how_to_get_one() {
    let world = World::open().await;
    for (method, path) in [
        (Method::GET, "faults"),
        (Method::GET, "faults/cards"),
        (Method::PUT, "faults/cards"),
        (Method::GET, "scenarios"),
        (Method::GET, "scenarios/happy-path"),
        (Method::POST, "scenarios/happy-path"),
        (Method::POST, "reset"),
    ] {
        let problem = asks(&world, method.clone(), path, None).await;
        assert_eq!((problem.status, problem.code.as_str()), (404, "lab_disabled"), "{method} {path}");
        assert!(problem.detail.contains("--lab"), "{}", problem.detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_view_is_paused_stepped_and_resumed_and_says_what_comes_next() {
    let world = a_lab().await;
    assert_eq!(code(world.client.step_view("orders").await.unwrap_err()), "view_not_paused");
    assert_eq!(code(world.client.pause_view("nothing").await.unwrap_err()), "view_not_found");
    let paused = world.client.pause_view("orders").await.unwrap();
    assert!(paused.paused && paused.next.is_empty(), "{paused:?}");
    let product = world.product_with_stock().await;
    let basket = world.a_basket(&product, 1).await;
    let head = world.head().await;

    let orders = view(&world.client, "orders").await;
    let next: Vec<&str> = orders.next.iter().map(|next| next.kind.as_str()).collect();
    assert_eq!(next, ["order.started", "order.item_added"]);
    assert_eq!((orders.position, orders.lag), (paused.position, head - paused.position));
    assert!(orders.next.iter().all(|next| next.sequence == basket.id.to_string()));
    assert!(!view(&world.client, "stock").await.paused);
    let ready = world.client.readiness().await.unwrap();
    assert!(
        ready.ready && ready.reasons.iter().any(|reason| reason.contains("The view orders is paused")),
        "{ready:?}"
    );

    // What it has is answered; what it has not is refused at once, and other views go on.
    let all = OrderListQuery::default();
    let at_head = OrderListQuery { min_position: Some(head), ..OrderListQuery::default() };
    assert_eq!(world.client.orders(&all).await.unwrap().total, 0);
    assert_eq!(code(world.client.orders(&at_head).await.unwrap_err()), "view_paused");
    world.client.statistics(Some(head)).await.unwrap();

    for left in [1, 0] {
        let expected = view(&world.client, "orders").await.next[0].position;
        let stepped = world.client.step_view("orders").await.unwrap();
        assert_eq!((stepped.position, stepped.next.len(), stepped.paused), (expected, left, true));
    }
    assert_eq!(world.client.orders(&all).await.unwrap().total, 1);
    let other = world.a_basket(&product, 2).await;
    let resumed = world.client.resume_view("orders").await.unwrap();
    assert!(!resumed.paused, "{resumed:?}");
    let head = world.head().await;
    let at_head = OrderListQuery { min_position: Some(head), ..OrderListQuery::default() };
    let listed = world.client.orders(&at_head).await.unwrap();
    assert_eq!(listed.items.iter().map(|order| order.id).collect::<Vec<_>>(), [other.id, basket.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_view_in_memory_stands_still_while_it_is_paused_and_knows_everything_afterwards() {
    let world = a_lab().await;
    let product = world.product_with_stock().await;
    let available = async || world.client.product(&product).await.unwrap().unwrap().available;
    let before = available().await;
    world.client.pause_view("stock").await.unwrap();
    let receive = storefront_api::ReceiveStock { quantity: 5 };
    for _ in 0..2 {
        let written = world.client.receive_stock(&product, &receive, &IdempotencyKey::new()).await.unwrap();
        // The others have come that far, so this one would have too.
        world.client.statistics(written.position).await.unwrap();
    }
    assert_eq!(available().await, before);
    world.client.step_view("stock").await.unwrap();
    assert_eq!(available().await, before + 5);
    world.client.resume_view("stock").await.unwrap();
    assert_eq!(available().await, before + 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_reset_shop_is_as_on_its_first_day_and_its_old_log_is_kept() {
    let world = a_lab().await;
    let bought = plays(&world, "happy-path").await.orders[0];
    let head = world.head().await;
    let old = world.client.events(&EventQuery::default()).await.unwrap().log.expect("it has a first event");
    let parked = tokio::spawn({
        let client = world.client.clone();
        async move { client.events(&EventQuery { after: Some(head), wait: Some(30), ..EventQuery::default() }).await }
    });
    let decline = Faults { decline: true, ..Faults::default() };
    world.client.set_faults(Stub::Cards, &decline).await.unwrap();

    let kept = world.client.reset_shop().await.unwrap().kept_as.expect("it was in a file");
    assert!(kept.starts_with("shop-until-") && kept.ends_with(".db"), "{kept}");
    // Whoever waited is answered, by the old shop or by the closed door.
    let answered = parked.await.unwrap();
    assert!(answered.is_ok() || !answered.unwrap_err().is_unreachable());

    eventually("the shelves are full", || async { full_shelves(&world.client).await.then_some(()) }).await;
    assert_eq!(world.client.order(bought).await.unwrap(), None);
    assert_eq!(world.client.orders(&OrderListQuery::default()).await.unwrap().total, 0);
    let new = world.client.events(&EventQuery::default()).await.unwrap().log.expect("it has a first event");
    assert_ne!(new, old, "it is another log");
    assert!(world.mocks.mailbox().messages().is_empty() && world.mocks.card_gateway().charges().is_empty());
    nothing_is_broken(&world.mocks);
    plays(&world, "happy-path").await;
    books_balance(&world).await;

    // Nothing that was acknowledged is lost.
    let log = SqliteStore::open_to_read(&world.folder.path().join(&kept)).unwrap();
    assert!(log.head().await.unwrap().0 >= head);
    log.close().await;
    let again = world.client.reset_shop().await.unwrap().kept_as.expect("it was in a file");
    assert_ne!(again, kept);
    assert!(world.folder.path().join(&kept).exists() && world.folder.path().join(&again).exists());

    // What came after it is still there when the server is started again.
    eventually("the shelves are full", || async { full_shelves(&world.client).await.then_some(()) }).await;
    let bought = plays(&world, "happy-path").await.orders[0];
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let server = Server::start(with_lab(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    assert_eq!(client.order(bought).await.unwrap().unwrap().status, OrderStatus::Confirmed);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_log_that_others_may_use_is_not_put_away() {
    let store: StoreChoice = postgres_url(&postgres_server::a_database().await).parse().unwrap();
    let mut world = World::open_lab().await;
    let World { mocks, server, folder, .. } = world;
    server.shutdown().await;
    let mut shared = with_lab(&mocks, &folder);
    shared.store = store;
    let server = Server::start(shared).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    world = World { mocks, server, client, folder };
    let refused = world.client.reset_shop().await.unwrap_err();
    assert_eq!(refused.problem().unwrap().status, 409);
    assert_eq!(code(refused), "reset_refused");
    assert_eq!(code(world.client.pause_view("orders").await.unwrap_err()), "view_shared");
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_log_that_another_program_reads_is_not_put_away_under_it() {
    let world = a_lab().await;
    let head = world.head().await;
    let reader = SqliteStore::open_to_read(&world.folder.path().join("shop.db")).unwrap();
    reader.head().await.unwrap();
    assert_eq!(code(world.client.reset_shop().await.unwrap_err()), "reset_refused");
    assert!(world.head().await >= head, "the shop is as it was");
    reader.close().await;
    world.client.reset_shop().await.unwrap();
    eventually("the shelves are full", || async { full_shelves(&world.client).await.then_some(()) }).await;
}

impl World {
    /// A product that the shop has plenty of.
    async fn product_with_stock(&self) -> ProductId {
        let query = storefront_api::ProductQuery { in_stock: Some(true), limit: Some(1), ..Default::default() };
        self.client.products(&query).await.unwrap().items.remove(0).id
    }
}

fn with_lab(mocks: &Mocks, folder: &tempfile::TempDir) -> storefront_server::Config {
    let lab = Some(mocks.base_url());
    storefront_server::Config { lab, lab_pause: std::time::Duration::ZERO, demo_stock: true, ..config(mocks, folder) }
}

async fn view(client: &Client, name: &str) -> View {
    client.views().await.unwrap().items.into_iter().find(|view| view.name == name).expect("there is such a view")
}

fn code(error: ClientError) -> String {
    error.problem().map_or_else(|| panic!("no problem: {error}"), |problem| problem.code.clone())
}

/// Asks something of the lab that it refuses.
async fn asks(world: &World, method: Method, path: &str, body: Option<Value>) -> Problem {
    let http = reqwest::Client::new();
    let request = http.request(method, format!("{}/v1/lab/{path}", world.server.url()));
    let request = if let Some(body) = body { request.json(&body) } else { request };
    let answer = request.send().await.unwrap();
    assert!(answer.status() >= StatusCode::BAD_REQUEST, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    answer.json().await.unwrap()
}
