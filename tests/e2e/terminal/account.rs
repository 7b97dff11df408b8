//! The account screen: wallet, vouchers, invoices and mails.

use super::pty::{DOWN, ENTER, ESC, Home, RIGHT, WIDE};
use super::{FIRST_PRODUCT, basket_holds, is_in_stock, shop_opens};
use crate::world::{VISA, World};

#[test]
fn a_wallet_pays_for_an_order_and_the_balance_falls_and_the_mail_about_it_is_there() {
    let mut terminal = Home::new().open(WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    terminal.press("8");
    terminal.wait_for("You have no wallet yet");
    terminal.press(ENTER);
    terminal.wait_for_line(&["10000.00 €", "in your wallet"]);
    terminal.wait_for_line(&["wallet opened", "+10000.00 €"]);

    terminal.press("1");
    is_in_stock(&terminal);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("c");
    terminal.wait_for("b buys for 14.50 €");
    terminal.press(ESC);
    terminal.wait_for("goes on to the review");
    terminal.press(DOWN);
    terminal.wait_for_line(&["●", "Wallet, 10000.00 € in it"]);
    super::review(&mut terminal);
    terminal.press("b");
    terminal.wait_for("is confirmed. Thank you!");
    terminal.wait_for_line(&["✓", "invoice", "done"]);

    terminal.press("8");
    terminal.wait_for_line(&["9985.50 €", "in your wallet"]);
    terminal.wait_for_line(&["paid for order", "-14.50 €", "9985.50 €"]);

    for part in ["No vouchers yet", "order ", "is confirmed"] {
        terminal.press(RIGHT);
        terminal.wait_for(part);
    }
    terminal.press(ENTER);
    terminal.wait_for("Hello Ada Example,");
    terminal.wait_for_line(&[FIRST_PRODUCT, "14.50 EUR"]);
    terminal.press(ESC);
    terminal.wait_for_line(&["Enter read", "? help"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_takes_its_amount_off_and_the_invoice_says_so_and_is_kept_as_text_and_pdf() {
    let world = World::open().await;
    let voucher = world.a_voucher(&world.client).await;
    world.product_with(5).await;
    let home = Home::new();
    let mut terminal = home.open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.wait_for("only 5 left");
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("2");
    terminal.wait_for_line(&["Total", "14.50 €"]);
    terminal.press("v");
    terminal.wait_for("Use a voucher");
    let unknown = if voucher.code.as_str() == "00000" { "11111" } else { "00000" };
    terminal.press(unknown);
    terminal.press(ENTER);
    terminal.wait_for_line(&["no", "voucher"]);
    terminal.press("\x15");
    terminal.press(voucher.code.as_str());
    terminal.wait_for(voucher.code.as_str());
    terminal.press(ENTER);
    terminal.wait_for_line(&["Voucher", voucher.code.as_str(), "−5.00 €"]);
    terminal.wait_for_line(&["Total", "9.50 €"]);
    terminal.wait_until_gone("Use a voucher");

    terminal.press(ENTER);
    super::fill_in(&mut terminal);
    super::review(&mut terminal);
    terminal.wait_for("b buys for 9.50 €");
    terminal.press("b");
    terminal.wait_for_line(&["✓", "invoice", "done"]);
    terminal.press(ENTER);
    let facts = terminal.wait_for_line(&["invoice ", &format!("voucher {} −5.00 €", voucher.code)]);
    let number = facts.split_whitespace().nth(1).unwrap().to_owned();

    terminal.press("i");
    terminal.wait_for_line(&["Storefront", &format!("Invoice {number}")]);
    terminal.wait_for("Ada Lovelace");
    terminal.press("S");
    terminal.wait_for_line(&["Saved as", &format!("storefront-invoice-{number}.txt")]);
    terminal.press("s");
    terminal.wait_for_line(&["Saved as", &format!("storefront-invoice-{number}.pdf")]);
    let text = home.read(&format!("storefront-invoice-{number}.txt"));
    assert!(text.contains("5.00") && text.contains("9.50 EUR"), "{text}");
    let pdf = home.read_bytes(&format!("storefront-invoice-{number}.pdf"));
    assert!(pdf.starts_with(b"%PDF-"), "{:?}", &pdf[..8.min(pdf.len())]);
    assert_eq!(world.client.document_text(&number).await.unwrap(), Some(text));
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_comes_while_the_mailbox_is_open_shows_at_once() {
    let world = World::open().await;
    let product = world.product_with(5).await;
    let url = world.server.url();
    let mut terminal = Home::new().open(WIDE, &["--server", &url, "--mailbox", &world.mocks.mailbox_url()]);
    shop_opens(&terminal);
    terminal.press("8");
    terminal.wait_for("You have no wallet yet");
    for part in ["You have no wallet yet", "No invoices yet", "No mail yet"] {
        terminal.press(RIGHT);
        terminal.wait_for(part);
    }
    let basket = world.a_basket(&product.id, 2).await;
    world.buy(&basket, VISA).await.unwrap();
    terminal.wait_for_line(&["▌", "Your order", "is confirmed"]);
    terminal.wait_for("Hello Ada Lovelace,");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_known_again_after_the_client_was_closed() {
    let world = World::open_with(|config| config.terms.opening_balance = 12_345).await;
    world.product_with(5).await;
    let home = Home::new();
    let url = world.server.url();
    let mut terminal = home.open(WIDE, &["--server", &url]);
    shop_opens(&terminal);
    terminal.wait_for("only 5 left");
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("8");
    terminal.wait_for("You have no wallet yet");
    terminal.press(ENTER);
    let who = terminal.wait_for_line(&["Wallet", "Vouchers", "customer "]);
    terminal.wait_for_line(&["123.45 €", "in your wallet"]);
    terminal.press("2");
    terminal.wait_for_line(&["Total", "14.50 €"]);
    terminal.press("q");
    terminal.wait_for_the_end();

    let mut terminal = home.open(WIDE, &["--server", &url]);
    terminal.wait_for_line(&["Total", "14.50 €"]);
    terminal.press("8");
    terminal.wait_for(who.trim().rsplit("customer ").next().unwrap());
    terminal.wait_for_line(&["123.45 €", "in your wallet"]);
}
