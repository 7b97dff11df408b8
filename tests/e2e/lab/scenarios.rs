//! L1: scenarios end with the expected result, and revert their changes also when they are stopped.

use std::collections::BTreeMap;

use storefront_api::{Faults, OrderListQuery, OrderStatus, ProductId, ProductQuery, ScenarioRun, ScenarioState, Stub};
use storefront_client::{Client, IdempotencyKey};
use storefront_mocks::Stub as MockStub;
use storefront_server::Server;

use super::{a_lab, assert_balanced, code, on_hand, play_scenario, wait_for_end, with_lab};
use crate::world::{World, eventually};

const SCENARIO_NAMES: [&str; 9] = [
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

#[tokio::test(flavor = "multi_thread")]
async fn l1_the_happy_path_ends_with_a_mail() {
    let (world, run) = play_and_check("happy-path", &[OrderStatus::Confirmed]).await;
    assert_eq!(count(&world.event_types(run.orders[0]).await, "email.sent"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_declined_card_leaves_the_basket_open() {
    let (world, run) = play_and_check("card-declined", &[OrderStatus::InProgress]).await;
    assert_eq!(count(&world.event_types(run.orders[0]).await, "payment.declined"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_the_last_unit_goes_to_one_and_the_other_is_refused() {
    let ends = [OrderStatus::Confirmed, OrderStatus::InProgress];
    play_and_check("out-of-stock-on-the-last-unit", &ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_an_order_does_not_notice_that_the_product_service_is_down() {
    let (world, _) = play_and_check("product-service-down", &[OrderStatus::Confirmed]).await;
    assert_eq!(world.client.readiness().await.unwrap().product_service, "live");
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_mail_waits_until_the_mail_server_is_back() {
    let (world, run) = play_and_check("mail-down", &[OrderStatus::Confirmed]).await;
    assert_eq!(count(&world.event_types(run.orders[0]).await, "email.sent"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_webhooks_twice_and_out_of_order_are_applied_once() {
    let (world, run) = play_and_check("duplicate-and-out-of-order-webhooks", &[OrderStatus::Confirmed]).await;
    assert_eq!(count(&world.event_types(run.orders[0]).await, "payment.succeeded"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_crash_between_the_charge_and_its_outcome_charges_once() {
    let (world, run) = play_and_check("server-killed-in-mid-checkout", &[OrderStatus::Confirmed]).await;
    let order = run.orders[0].to_string();
    assert_eq!(world.mocks.card_gateway().paid_charges_with("order_id", &order).len(), 1);
    // Whoever was killed works again.
    let next = play_scenario(&world, "happy-path").await;
    assert_eq!(statuses(&world, &next).await, [OrderStatus::Confirmed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_of_two_who_race_for_one_unit_one_gets_it() {
    let world = a_lab().await;
    let before = on_hand(&world.client).await;
    let run = play_scenario(&world, "two-shoppers-race-for-one-unit").await;
    let ends = statuses(&world, &run).await;
    assert_eq!(ends.iter().filter(|status| **status == OrderStatus::Confirmed).count(), 1, "{ends:?}");
    assert_eq!(ends.iter().filter(|status| **status == OrderStatus::InProgress).count(), 1, "{ends:?}");
    assert_stock_balanced(&world.client, &before, &run).await;
    assert_balanced(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_poison_event_stays_parked_until_somebody_skips_it() {
    let world = a_lab().await;
    let before = on_hand(&world.client).await;
    let run = play_scenario(&world, "poison-event").await;
    assert_eq!(statuses(&world, &run).await, [OrderStatus::Confirmed; 2]);
    assert_stock_balanced(&world.client, &before, &run).await;
    let (ada, ben) = (run.orders[0], run.orders[1]);
    let parked = world.client.parked("mail", &Default::default()).await.unwrap().items;
    assert_eq!(parked.iter().map(|parked| parked.sequence.clone()).collect::<Vec<_>>(), [ada.to_string()]);
    let sent = async |order| count(&world.event_types(order).await, "email.sent");
    assert_eq!((sent(ada).await, sent(ben).await), (0, 1));
    world.client.skip_parked("mail", &ada.to_string(), &IdempotencyKey::new()).await.unwrap();
    eventually("Ada has her mail", || async { (sent(ada).await == 1).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_the_list_has_the_nine_scenarios_and_one_is_played_at_a_time() {
    let world = a_lab().await;
    let list = world.client.scenarios().await.unwrap().items;
    assert_eq!(list.iter().map(|scenario| scenario.name.as_str()).collect::<Vec<_>>(), SCENARIO_NAMES);
    assert!(list.iter().all(|scenario| scenario.last_run.is_none()));
    assert_eq!(world.client.scenario("none").await.unwrap(), None);
    // It cannot end before the gateway answers.
    let held = Faults { hold_answers: true, ..Faults::default() };
    world.client.set_faults(Stub::Cards, &held).await.unwrap();
    world.client.play_scenario("happy-path").await.unwrap();
    assert_eq!(code(world.client.play_scenario("mail-down").await.unwrap_err()), "scenario_running");
    assert_eq!(code(world.client.reset_shop().await.unwrap_err()), "scenario_running");
    world.client.set_faults(Stub::Cards, &Faults::default()).await.unwrap();
    assert_eq!(wait_for_end(&world.client, "happy-path").await.state, ScenarioState::Finished);
    play_scenario(&world, "card-declined").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_scenario_that_fails_puts_back_what_it_broke_and_took_and_leaves_the_rest() {
    let world = a_lab().await;
    let before = on_hand(&world.client).await;
    let declines = Faults { decline: true, latency_ms: 1, ..Faults::default() };
    world.client.set_faults(Stub::Cards, &declines).await.unwrap();
    for name in ["mail-down", "out-of-stock-on-the-last-unit", "two-shoppers-race-for-one-unit"] {
        world.client.play_scenario(name).await.unwrap();
        let run = wait_for_end(&world.client, name).await;
        assert_eq!(run.state, ScenarioState::Failed, "{run:?}");
        assert!(run.outcome.as_ref().is_some_and(|why| why.ends_with('.')), "{run:?}");
        assert!(world.mocks.faults(MockStub::Mail).get().is_none(), "{name} left the mail broken");
        assert_eq!(world.client.faults().await.unwrap().items[1].faults, declines, "that was the operator's");
        assert_stock_balanced(&world.client, &before, &run).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_server_that_is_asked_to_stop_restores_what_a_scenario_broke_and_took() {
    let mut world = a_lab().await;
    let before = on_hand(&world.client).await;
    for name in ["mail-down", "out-of-stock-on-the-last-unit", "server-killed-in-mid-checkout"] {
        // The scenario stands in the middle, because the gateway does not answer, or the mail server.
        let held = storefront_mocks::Faults { hold_answers: true, ..Default::default() };
        world.mocks.faults(MockStub::Cards).set(held);
        world.wait_until_idle().await;
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
        world.wait_for_status(run.orders[0], OrderStatus::Confirmed).await;
        let written = OrderListQuery { min_position: Some(world.head().await), ..OrderListQuery::default() };
        let all = world.client.orders(&written).await.unwrap().items;
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

/// Nothing is reserved any more, and what has gone from the shelves has been sold.
async fn assert_stock_balanced(client: &Client, before: &BTreeMap<ProductId, (u32, u32)>, run: &ScenarioRun) {
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

/// Plays a scenario in a shop of its own, and looks that nothing is left behind.
async fn play_and_check(name: &str, ends: &[OrderStatus]) -> (World, ScenarioRun) {
    let world = a_lab().await;
    let before = on_hand(&world.client).await;
    let run = play_scenario(&world, name).await;
    assert_eq!(statuses(&world, &run).await, ends, "{run:?}");
    assert_stock_balanced(&world.client, &before, &run).await;
    assert_balanced(&world).await;
    (world, run)
}

fn count(history: &[String], kind: &str) -> usize {
    history.iter().filter(|found| *found == kind).count()
}
