//! The lab and processes for a workshop leader: scenarios, fault switches of others, parked sequences, and a reset of
//! the shop.

use std::time::Duration;

use storefront_api::{Faults, OrderId, OrderListQuery, OrderStatus, ScenarioState, Stub};
use storefront_mocks::Stub as MockStub;

use super::pty::{ENTER, Home, Terminal, WIDE};
use super::{basket_holds, is_in_stock, shop_opens};
use crate::lab::a_lab;
use crate::world::{VISA, World, eventually};

/// A client of the shop, on its screen Lab.
async fn in_the_lab(world: &World) -> Terminal {
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("6");
    terminal.wait_for_line(&["▌ a", "Happy path"]);
    terminal
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_is_played_with_its_key_and_followed_until_its_order_is_confirmed() {
    let world = a_lab().await;
    let mut terminal = in_the_lab(&world).await;
    terminal.press("a");
    terminal.wait_for_line(&["▌ a", "Happy path", "✓ played"]);
    terminal.wait_for("Ada pays with a card that works.");
    terminal.wait_for_line(&["✓ Order", "is confirmed, paid and mailed."]);
    let run = world.client.scenario("happy-path").await.unwrap().unwrap().last_run.unwrap();
    assert_eq!((run.state, run.orders.len()), (ScenarioState::Finished, 1));
    let order = world.client.order(run.orders[0]).await.unwrap().unwrap();
    assert_eq!(order.status, OrderStatus::Confirmed);
    terminal.press("f");
    terminal.wait_for_line(&[order.number.as_deref().unwrap(), "confirmed", "paid"]);
    terminal.wait_for_line(&["stock ✓", "payment ✓", "confirm ✓", "mail ✓"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_somebody_else_throws_shows_in_a_shop_in_which_nothing_happens_and_goes_when_it_is_mended() {
    let world = a_lab().await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    world.wait_until_idle().await;
    terminal.wait_for_silence(Duration::from_secs(1));
    let head = world.head().await;
    let decline = Faults { decline: true, ..Faults::default() };
    world.client.set_faults(Stub::Cards, &decline).await.unwrap();
    terminal.wait_for_line(&["⚡", "cards: decline"]);
    let slow = Faults { latency_ms: 500, ..Faults::default() };
    world.client.set_faults(Stub::Mail, &slow).await.unwrap();
    terminal.wait_for_line(&["⚡", "cards: decline · mail: 500 ms"]);
    for stub in [Stub::Cards, Stub::Mail] {
        world.client.set_faults(stub, &Faults::default()).await.unwrap();
    }
    terminal.wait_until_gone("⚡");
    assert_eq!(world.head().await, head, "no event told of it");
    terminal.press("6");
    terminal.wait_for_line(&["□ decline", "off"]);
    terminal.wait_for_silence(Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_is_started_over_after_a_yes_and_every_screen_is_that_of_an_empty_shop() {
    let world = a_lab().await;
    let mut terminal = in_the_lab(&world).await;
    terminal.press("a");
    terminal.wait_for_line(&["▌ a", "Happy path", "✓ played"]);
    terminal.press("1");
    is_in_stock(&terminal);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("3");
    terminal.wait_for("2 orders");

    terminal.press("6R");
    terminal.wait_for_line(&["Start over", "─"]);
    terminal.press("n");
    terminal.wait_until_gone("every screen that is open starts anew");
    assert_eq!(orders(&world).await, 2);

    terminal.press("R");
    terminal.wait_for_line(&["y yes", "n no"]);
    terminal.press("y");
    terminal.wait_for("The shop is as on its first day; the old log is kept as");
    eventually("nobody has bought anything", || async { (orders(&world).await == 0).then_some(()) }).await;
    terminal.press("3");
    terminal.wait_for("What you buy shows up here.");
    terminal.press("2");
    terminal.wait_for("The basket is empty");
    terminal.press("6");
    terminal.wait_for_line(&["▌ a", "Happy path"]);
    terminal.wait_until_gone("✓ played");
    terminal.press("4");
    terminal.wait_for_line(&["stock", "received"]);
    terminal.wait_until_gone("checked out");
}

/// How many orders there are; none while the shop is closed.
async fn orders(world: &World) -> u64 {
    world.client.orders(&OrderListQuery::default()).await.map_or(u64::MAX, |page| page.total)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_parked_mails_one_is_tried_again_and_goes_out_and_the_other_is_dropped_after_a_yes() {
    let world = World::open_with(|config| config.mail_attempts = 2).await;
    let product = world.product_with(5).await;
    world.set_outage(MockStub::Mail, true);
    let mut bought = Vec::new();
    for _ in 0..2 {
        let basket = world.a_basket(&product.id, 1).await;
        world.buy(&basket, VISA).await.unwrap();
        bought.push(world.wait_for_status(basket.id, OrderStatus::Confirmed).await.id);
    }
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("5");
    terminal.wait_for_line(&["▌ Check out orders", "running"]);
    terminal.wait_for_line(&["Send mail", "2 parked"]);
    terminal.press("jjjjjjjj");
    terminal.wait_for_line(&["▌ Send mail", "2 parked"]);
    terminal.wait_for_line(&["✗ parked", "email.requested"]);
    terminal.press(ENTER);
    terminal.wait_for_line(&["▌ ✗ parked", "email.requested"]);
    terminal.wait_for("Tried 2 times, parked since");

    world.set_outage(MockStub::Mail, false);
    terminal.press("r");
    terminal.wait_for("It is tried again");
    terminal.wait_for_line(&["Send mail", "1 parked"]);
    eventually("its mail is there", || async { (world.mocks.mailbox().messages().len() == 1).then_some(()) }).await;
    // A question about the one that is tried again would go with it.
    terminal.wait_until("the other one is left", |screen| {
        let text = screen.contents();
        text.matches("✗ parked").count() == 1 && !text.contains('⟳')
    });
    terminal.wait_for_line(&["▌ ✗ parked", "email.requested"]);

    terminal.press("s");
    terminal.wait_for_line(&["Drop the event", "─"]);
    terminal.press("n");
    terminal.wait_until_gone("Drop the event");
    terminal.press("s");
    terminal.wait_for_line(&["Drop the event", "─"]);
    terminal.press("y");
    terminal.wait_for("The event is dropped; what waited behind it goes on");
    terminal.wait_for_line(&["▌ Send mail", "running"]);
    terminal.wait_for("Everything runs by itself");
    assert_eq!(world.mocks.mailbox().messages().len(), 1, "the dropped one never goes out");
    let skipped = skips_of(&world, &bought).await;
    assert_eq!(skipped, 1);
}

/// How often an event about these orders was dropped.
async fn skips_of(world: &World, orders: &[OrderId]) -> usize {
    let mut skips = 0;
    for id in orders {
        skips += world.event_types(*id).await.iter().filter(|kind| *kind == "process.sequence_skipped").count();
    }
    skips
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_client_starts_the_shop_over_the_others_say_so_and_show_nothing_of_before() {
    let world = a_lab().await;
    let mut leader = in_the_lab(&world).await;
    leader.press("a");
    leader.wait_for_line(&["▌ a", "Happy path", "✓ played"]);
    let mut other = in_the_lab(&world).await;
    other.wait_for_line(&["▌ a", "Happy path", "✓ played"]);
    other.press("f");
    other.wait_for_line(&["confirmed", "paid"]);
    let number = eventually("it has a number", || async {
        let all = world.client.orders(&OrderListQuery::default()).await.unwrap().items;
        all.into_iter().find_map(|order| order.number)
    })
    .await;
    leader.press("R");
    leader.wait_for_line(&["y yes", "n no"]);
    leader.press("y");
    leader.wait_for("The shop is as on its first day");
    other.wait_for("The shop was started over");
    other.wait_until_gone(&number);
    other.wait_until_gone("confirmed");
    other.press("4");
    other.wait_for("The shop was started over");
    other.wait_for_line(&["stock", "received"]);
    other.wait_until_gone("checked out");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_pauses_shows_on_every_screen_of_other_clients_at_once() {
    let world = a_lab().await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    world.client.pause_process("mail", &storefront_client::IdempotencyKey::new()).await.unwrap();
    terminal.wait_for_line(&["‖ mail"]);
    let at = world.client.pause_view("orders").await.unwrap().position;
    terminal.wait_for_line(&["‖ mail, list orders"]);
    terminal.press("3");
    terminal.wait_for(&format!("This list is paused at position {at}; the log is at"));
    world.client.resume_view("orders").await.unwrap();
    world.client.resume_process("mail", &storefront_client::IdempotencyKey::new()).await.unwrap();
    terminal.wait_until_gone("‖");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_lab_server_shops_at_once_and_says_how_others_join() {
    let world = a_lab().await;
    let url = world.server.url();
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url(), "--as", "Pair 3"]);
    shop_opens(&terminal);
    terminal.press("?");
    terminal.wait_for_line(&["Others join with: storefront --server", &url]);
    terminal.wait_for("You act as Pair 3.");
    terminal.press("\x1b");
    terminal.wait_until_gone("You act as Pair 3.");
    is_in_stock(&terminal);
    terminal.press("a");
    terminal.wait_for("1 piece · 14.50 €  ");
    terminal.press("c");
    terminal.wait_for_line(&["Ada Example"]);
    terminal.press("b");
    let order = eventually("it is bought", || async {
        let all = world.client.orders(&OrderListQuery::default()).await.unwrap().items;
        all.into_iter().find(|order| order.status == OrderStatus::Confirmed)
    })
    .await;
    let events = world.timeline(order.id).await.events;
    let bought = events.iter().find(|event| event.kind == "order.checked_out").unwrap();
    assert_eq!(bought.actor, "Pair 3");
    // By its number, as people read it out.
    terminal.press(":");
    terminal.press(&order.number.unwrap().replace('-', "").to_lowercase());
    terminal.wait_for("Open order");
    terminal.press(ENTER);
    terminal.wait_for_line(&["confirmed", "paid"]);
}
