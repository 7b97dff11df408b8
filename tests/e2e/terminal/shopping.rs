//! Buying with the keyboard, and failures: a declined card, an unreachable gateway, no stock.

use storefront_api::{OrderListQuery, OrderStatus};
use storefront_mocks::Stub;

use super::pty::{ENTER, ESC, Home, TAB, WIDE, line_with};
use super::{FIRST_PRODUCT, basket_holds, check_out, is_in_stock, shop_opens};
use crate::world::{VISA, World, an_order, current_stock};

#[test]
fn from_the_first_key_to_a_confirmed_order() {
    let home = Home::new();
    let mut terminal = home.open_in_a_shell(WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    terminal.assert_raw();

    terminal.press("/");
    terminal.press("puddles");
    terminal.wait_for_line(&["/ puddles", "2 products"]);
    is_in_stock(&terminal);
    terminal.press(ENTER);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");

    terminal.press("2");
    terminal.wait_for_line(&[FIRST_PRODUCT, "− ", "1", "+", "14.50 €"]);
    terminal.wait_for_line(&["Total", "14.50 €"]);
    terminal.press(ENTER);
    terminal.wait_for_line(&["Pay with", "Visa"]);
    terminal.wait_for("Ada Example");
    terminal.wait_for("b buys for 14.50 €");
    // Not even somebody who presses it often buys by mistake.
    terminal.press(ENTER);
    terminal.wait_for("Enter does not");
    terminal.press("b");
    let thanks = terminal.wait_for_line(&["is confirmed. Thank you!"]);
    let number = thanks.split_whitespace().nth(1).unwrap().to_owned();
    for step in ["stock", "payment", "confirm"] {
        terminal.wait_for_line(&["✓", step, "done"]);
    }

    terminal.press("3");
    terminal.wait_for_line(&[&number, "confirmed", FIRST_PRODUCT, "14.50 €"]);
    terminal.press(ENTER);
    terminal.wait_for_line(&[&number, "confirmed", "paid", "14.50 €"]);
    terminal.wait_for_line(&["✓ bought", "✓ paid", "packed", "at your door"]);
    terminal.press(TAB);
    terminal.wait_for_line(&["payment", "succeeded"]);
    terminal.wait_for_line(&["order", "confirmed", &number]);

    // What is open is closed first.
    terminal.press("q");
    terminal.wait_for("All orders");
    let leaving = terminal.now();
    terminal.press("q");
    terminal.wait_for("the shell has 0");
    terminal.assert_restored(leaving);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_leads_back_to_the_payment_and_another_card_pays() {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("++");
    basket_holds(&terminal, "2 pieces · 29.00 €");
    terminal.press("c");
    super::fill_in(&mut terminal);
    terminal.press("jjjjj");
    terminal.wait_for("● Visa, is declined");
    super::review(&mut terminal);
    terminal.press("b");
    terminal.wait_for("The payment was declined: Your card was declined.");
    terminal.wait_for_line(&["payment", "✗"]);
    terminal.wait_for_line(&["2 ×", &product.name]);
    terminal.wait_for("● Visa, is declined");

    terminal.press("kkkkk");
    terminal.wait_until_gone("● Visa, is declined");
    super::review(&mut terminal);
    terminal.press("b");
    terminal.wait_for("is confirmed. Thank you!");
    let charges = world.mocks.card_gateway().charges();
    assert_eq!(charges.iter().filter(|charge| charge.paid).count(), 1, "{charges:?}");
    let stock = current_stock(&world.client, &product.id).await;
    assert_eq!((stock.on_hand, stock.reserved), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_that_waits_says_what_for_and_goes_on_by_itself() {
    let world = World::open().await;
    world.product_with(5).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    world.set_outage(Stub::Cards, true);
    check_out(&mut terminal);
    terminal.wait_for("is on its way through the checkout");
    terminal.wait_for_line(&["✓", "stock", "done"]);
    terminal.wait_for_line(&["…", "payment", "no answer yet", "again"]);
    terminal.wait_for_line(&["payment", "outcome unknown", "no answer to attempt 1"]);
    world.set_outage(Stub::Cards, false);
    terminal.wait_for("is confirmed. Thank you!");
    assert_eq!(world.mocks.card_gateway().charges().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_buys_the_last_one_and_the_client_says_so() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.wait_for("only 1 left");
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("c");
    super::fill_in(&mut terminal);

    let theirs = world.add(an_order(), &product.id, 1).await.unwrap();
    world.buy(&theirs, VISA).await.unwrap();
    world.wait_for_status(theirs.id, OrderStatus::Confirmed).await;

    super::review(&mut terminal);
    terminal.press("b");
    terminal.wait_for_line(&["! 1 ×"]);
    for before in ["goes on to the review", "goes on to the next field", "− "] {
        terminal.press(ESC);
        terminal.wait_for(before);
    }
    terminal.wait_for_line(&["Total", "€"]);
    terminal.wait_for_line(&[&product.name, "!"]);
    let reason = terminal.wait_for_line(&["   ! "]);
    assert!(reason.trim().len() > 10, "{reason:?}");
    terminal.press("1");
    terminal.wait_for_line(&["14.50 €  sold out"]);
    terminal.press("a");
    terminal.wait_for(&format!("{} is sold out.", product.name));
    let charges = world.mocks.card_gateway().charges();
    assert_eq!(charges.len(), 1, "{charges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_addition_is_taken_back_with_its_reason() {
    let world = World::open().await;
    let product = world.product_with(2).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("+++");
    terminal.wait_for_line(&["!", "2"]);
    // The first one was there; of the others, as many as were asked for together were refused together.
    terminal.wait_until("the header tells what the shop agreed to", |screen| {
        line_with(screen, &["1 Shop", "piece", "€  "]).is_some_and(|line| !line.contains("3 pieces"))
    });
    let orders = world.client.orders(&OrderListQuery::default()).await.unwrap();
    let held = orders.items[0].pieces;
    assert!((1..=2).contains(&held), "{held} of {:?}", product.name);
    terminal.wait_for_line(&["1 Shop", &format!("{held} piece")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_product_service_is_unplugged_and_the_shop_goes_on_selling() {
    let world = World::open().await;
    world.product_with(5).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    world.set_outage(Stub::Products, true);
    crate::world::eventually("the shop has noticed", || async {
        (world.client.readiness().await.unwrap().product_service != "live").then_some(())
    })
    .await;
    terminal.press("s");
    terminal.press("sss");
    terminal.wait_for("price as last known");
    // What is on the shelf may be known here a moment later than the rest; what seems sold out is not asked for.
    terminal.wait_for_line(&["€  only 5 left"]);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    check_out(&mut terminal);
    terminal.wait_for("is confirmed. Thank you!");

    world.set_outage(Stub::Products, false);
    terminal.press("1");
    terminal.wait_until_gone("price as last known");
    terminal.wait_for(FIRST_PRODUCT);
}
