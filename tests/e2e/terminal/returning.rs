//! Restarting the client: the next start finds the basket and the orders, however the last one ended.

use rustix::process::Signal;
use storefront_api::{OrderListQuery, OrderStatus};
use storefront_mocks::Stub;

use super::pty::{Home, Terminal, WIDE};
use super::{FIRST_PRODUCT, basket_holds, check_out, is_in_stock, shop_opens};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_basket_survives_closing_the_client() {
    let world = World::open().await;
    let product = world.product_with(20).await;
    let home = Home::new();
    let url = world.server.url();
    let mut terminal = home.open(WIDE, &["--server", &url]);
    shop_opens(&terminal);
    is_in_stock(&terminal);
    // What was pressed just before quitting counts too.
    terminal.press("+aaq");
    assert!(terminal.wait_for_the_end().success());

    let mut terminal = home.open(WIDE, &["--server", &url]);
    terminal.wait_for_line(&["1 Shop", "3 pieces", "● live"]);
    terminal.press("2");
    terminal.wait_for_line(&[&product.name, "− ", "3", "+"]);
    // Where one was is kept too.
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());
    let terminal = home.open(WIDE, &["--server", &url]);
    terminal.wait_for_line(&[&product.name, "− ", "3", "+"]);
}

#[test]
fn the_embedded_shop_keeps_its_basket_and_its_log() {
    let home = Home::new();
    let mut terminal = home.open(WIDE, &[]);
    shop_opens(&terminal);
    is_in_stock(&terminal);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());
    let mut terminal = home.open(WIDE, &[]);
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("4");
    terminal.wait_for_line(&["order", "item added", FIRST_PRODUCT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_killed_in_mid_checkout_finds_its_order_again() {
    is_found_again(|terminal| {
        terminal.signal(Signal::KILL);
        drop(terminal);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_closed_in_mid_checkout_loses_no_order() {
    is_found_again(|terminal| {
        let status = terminal.hang_up();
        assert!(status.success(), "it ends in order: {status:?}");
    })
    .await;
}

async fn is_found_again(close: impl FnOnce(Terminal)) {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let home = Home::new();
    let url = world.server.url();
    let mut terminal = home.open(WIDE, &["--server", &url]);
    shop_opens(&terminal);
    is_scarce(&terminal);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    world.set_outage(Stub::Cards, true);
    check_out(&mut terminal);
    terminal.wait_for("is on its way through the checkout");
    close(terminal);

    let mut terminal = home.open(WIDE, &["--server", &url]);
    terminal.wait_for("is on its way through the checkout");
    // Killed, the client may have had no time to keep where one was.
    terminal.press("2");
    terminal.wait_for_line(&["…", "payment", "no answer yet"]);
    world.set_outage(Stub::Cards, false);
    terminal.wait_for("is confirmed. Thank you!");
    terminal.press("3");
    terminal.wait_for_line(&["confirmed", &product.name]);
    let orders = world.client.orders(&OrderListQuery::default()).await.unwrap();
    assert_eq!(orders.total, 1, "{orders:?}");
    assert_eq!(orders.items[0].status, OrderStatus::Confirmed);
    assert_eq!(world.mocks.card_gateway().charges().len(), 1);
}

fn is_scarce(terminal: &Terminal) {
    terminal.wait_for_line(&["€  only 5 left"]);
}
