//! The process and lab screens: pausing and stepping processes, and fault switches.

use std::time::Duration;

use storefront_api::{OrderStatus, ProcessState};

use super::pty::{DOWN, ENTER, ESC, Home, Terminal, WIDE};
use super::shop_opens;
use crate::world::{VISA, World, eventually};

async fn state_of(world: &World, name: &str) -> ProcessState {
    let all = world.client.processes().await.unwrap().items;
    all.into_iter().find(|process| process.name == name).expect("there is such a process").state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_is_held_seen_to_queue_and_walked_an_event_at_a_time() {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("5");
    terminal.wait_for_line(&["▌ Check out orders", "running"]);
    terminal.press(" ");
    terminal.wait_for_line(&["▌ Check out orders", "paused"]);
    assert_eq!(state_of(&world, "checkout").await, ProcessState::Paused);

    let basket = world.a_basket(&product.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    let walk =
        ["order.checked_out", "checkout.stock_reserved", "payment.succeeded", "checkout.completed", "order.confirmed"];
    for next in &walk[..4] {
        terminal.wait_for_line(&["‖ next", next]);
        terminal.press("n");
        terminal.wait_until_gone(next);
    }
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    terminal.press(" ");
    terminal.wait_for_line(&["▌ Check out orders", "running"]);
    terminal.wait_for("Everything runs by itself");
    terminal.wait_for_silence(Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_behind_a_held_event_is_one_key_away_and_so_is_the_way_back() {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("5");
    terminal.wait_for_line(&["▌ Check out orders", "running"]);
    terminal.press(" ");
    terminal.wait_for_line(&["▌ Check out orders", "paused"]);
    let basket = world.a_basket(&product.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    terminal.wait_for_line(&["‖ next", "order.checked_out"]);
    terminal.press(ENTER);
    terminal.wait_for_line(&["▌ ‖ next", "order.checked_out"]);
    terminal.press(ENTER);
    terminal.wait_for("Timeline");
    terminal.wait_for_line(&["order", "checked out"]);
    terminal.press(ESC);
    terminal.wait_for_line(&["▌ ‖ next", "order.checked_out"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_is_rebuilt_with_one_key() {
    let world = World::open().await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("5");
    terminal.wait_for_line(&["▌ Check out orders", "running"]);
    terminal.press("G");
    terminal.wait_for_line(&["▌ Vouchers", "current"]);
    terminal.press("B");
    terminal.wait_for("is being rebuilt beside the present one");
    eventually("it is built", || async {
        let views = world.client.views().await.unwrap().items;
        views.iter().all(|view| view.rebuilding.is_none() && view.lag == 0).then_some(())
    })
    .await;
    terminal.wait_for_line(&["▌ Vouchers", "current"]);
}

/// In the lab of a shop that is embedded in the client, among the switches.
fn at_the_switches() -> Terminal {
    let mut terminal = Home::new().open(WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    terminal.press("6");
    terminal.wait_for_line(&["▌", "Happy path"]);
    terminal.wait_for("Card gateway");
    terminal.press("l");
    terminal.wait_for_line(&["▌ □ outage"]);
    terminal
}

#[test]
fn what_is_broken_shows_on_every_screen_until_it_is_mended() {
    let mut terminal = at_the_switches();
    for _ in 0..6 {
        terminal.press(DOWN);
    }
    terminal.wait_for_line(&["▌ □ decline"]);
    terminal.press(" ");
    terminal.wait_for_line(&["▌ ■ decline", "on"]);
    for screen in ["1", "2", "3", "4", "5", "7", "8", "6"] {
        terminal.press(screen);
        terminal.wait_for("cards: decline");
    }
    terminal.wait_for_silence(Duration::from_secs(3));
    terminal.press("0");
    terminal.wait_until_gone("cards: decline");
    terminal.wait_for_line(&["▌ □ decline", "off"]);
}
