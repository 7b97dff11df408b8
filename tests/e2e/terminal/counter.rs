//! The operator screen: prices, orders and received goods.

use storefront_api::{AdjustStock, OrderStatus};
use storefront_client::IdempotencyKey;

use super::pty::{ENTER, Home, TAB, WIDE};
use super::{FIRST_PRODUCT, basket_holds, shop_opens};
use crate::world::{VISA, World, current_stock, eventually};

/// Takes a field's text out.
const CTRL_U: &str = "\x15";

#[tokio::test(flavor = "multi_thread")]
async fn another_price_is_typed_at_the_counter_and_the_basket_shows_it() {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");

    terminal.press("7");
    terminal.wait_for_line(&["Stock", "Products", "Orders", "Sales"]);
    terminal.press("l");
    terminal.wait_for_line(&["▌", FIRST_PRODUCT, "14.50 €"]);
    terminal.press("r");
    terminal.wait_for("Give it another price");
    terminal.press(CTRL_U);
    terminal.press("9,5-");
    terminal.press(TAB);
    terminal.press("more of them came in");
    terminal.press(ENTER);
    terminal.wait_for("! an amount of EUR, such as 12.50");
    terminal.press("\x7f");
    terminal.press(TAB);
    terminal.press(ENTER);
    terminal.wait_for(&format!("{FIRST_PRODUCT} costs 9.50 € now"));
    terminal.wait_for_line(&["▌", FIRST_PRODUCT, "9.50 €"]);
    let sold = world.client.product(&product.id).await.unwrap().unwrap();
    assert_eq!(sold.price.amount, 950);

    terminal.press("2");
    terminal.wait_for_line(&[FIRST_PRODUCT, "9.50 €"]);
    terminal.wait_for("The price has changed from 14.50 EUR to 9.50 EUR.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_sent_from_the_counter_and_found_on_its_way_with_a_voucher_for_its_size() {
    let world = World::open().await;
    let product = world.product_with(20).await;
    let basket = world.a_basket(&product.id, 8).await;
    assert!(basket.total.amount > 10_000, "{:?}", basket.total);
    world.buy(&basket, VISA).await.unwrap();
    let number = world.wait_for_status(basket.id, OrderStatus::Confirmed).await.number.unwrap();

    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("7ll");
    terminal.wait_for("To be sent");
    terminal.wait_for_line(&["▌", &number, "116.00 €"]);
    terminal.press("s");
    terminal.wait_for("Ship the order");
    terminal.press("Snail Mail\t\t2027-03-01\r");
    terminal.wait_for("! ");
    terminal.press("00340\t\r");
    terminal.wait_for(&format!("{number} is on its way"));
    terminal.wait_for("No orders here");
    terminal.press("f");
    terminal.wait_for_line(&["On their way", "1 order"]);
    terminal.wait_for_line(&["▌", &number, "116.00 €"]);
    terminal.press(ENTER);
    terminal.wait_for_line(&[&number, "shipped", "116.00 €"]);
    let order = world.client.order(basket.id).await.unwrap().unwrap();
    assert_eq!(order.shipment.map(|shipment| shipment.tracking_number).as_deref(), Some("00340"));
    eventually("it brings a voucher", || async { world.client.voucher_issued(basket.id).await.unwrap() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_low_marks_the_counter_and_goods_that_come_in_end_it() {
    let world = World::open().await;
    let product = world.product_with(20).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    let broken = AdjustStock { change: -17, reason: "rained on".to_owned() };
    world.client.adjust_stock(&product.id, &broken, &IdempotencyKey::new()).await.unwrap();
    // Whoever shops is not bothered with it.
    terminal.press("z");
    terminal.wait_for_line(&["7! Counter", "● live"]);

    terminal.press("7");
    terminal.wait_for_line(&["▌", "!", FIRST_PRODUCT, "3 of 3", "low"]);
    terminal.wait_until_gone("7!");
    terminal.press(ENTER);
    terminal.wait_for("Receive goods");
    terminal.press("30");
    terminal.press(ENTER);
    terminal.wait_for(&format!("{FIRST_PRODUCT}: 33 on hand now"));
    terminal.wait_for_line(&["▌", FIRST_PRODUCT, "33 of 33"]);
    assert_eq!(current_stock(&world.client, &product.id).await.on_hand, 33);

    // A counted number is set, whatever the books say.
    terminal.press("c");
    terminal.wait_for("Set a counted number");
    terminal.press(CTRL_U);
    terminal.press("31");
    terminal.press(TAB);
    terminal.press(ENTER);
    terminal.wait_for(&format!("{FIRST_PRODUCT}: 31 on hand now"));
    terminal.wait_for_line(&["▌", FIRST_PRODUCT, "31 of 31"]);
    assert_eq!(current_stock(&world.client, &product.id).await.on_hand, 31);
}
