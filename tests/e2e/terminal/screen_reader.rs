//! `--screen-reader`: the whole shop as lines of text. Nothing is drawn, and every change is printed once.

use super::pty::{CTRL_C, ENTER, ESC, Home, Terminal, WIDE};
use crate::lab::a_lab;

/// Presses keys and waits until this has been said since.
fn press_until_printed(terminal: &mut Terminal, keys: &str, text: &str) {
    let before = terminal.now();
    terminal.press(keys);
    terminal.wait_for_bytes(before, text);
}

/// Everything that was said, line by line. Fails on whatever is no line of text: boxes, blocks, braille, and sequences that
/// do more than switch the marks of a paste on and off.
fn lines(terminal: &Terminal) -> Vec<String> {
    let said = terminal.bytes_since(0).replace("\x1b[?2004h", "").replace("\x1b[?2004l", "");
    let drawn = |letter: char| matches!(letter, '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}');
    let foul: Vec<&str> =
        said.split("\r\n").filter(|line| line.contains(|c: char| c.is_control() || drawn(c))).collect();
    assert!(foul.iter().all(|line| line.starts_with("\x1b]2;")), "{foul:#?}");
    said.split("\r\n").map(str::to_owned).collect()
}

#[test]
fn who_does_not_see_the_screen_buys_follows_the_order_and_returns_to_it() {
    let home = Home::new();
    let arguments = ["--screen-reader", "--data", "shop"];
    let mut terminal = home.open(WIDE, &arguments);
    terminal.wait_for_bytes(0, ". A Field Guide to Puddles, 14.50 €");
    terminal.wait_for_bytes(0, "in stock");
    press_until_printed(&mut terminal, "a", "Basket: 1 piece, 14.50 €.");
    press_until_printed(&mut terminal, "2", "1 of A Field Guide to Puddles, 14.50 € each, 14.50 €");
    press_until_printed(&mut terminal, "c", "b buys for 14.50 €");
    let buying = terminal.now();
    terminal.press("b");
    terminal.wait_for_bytes(buying, "Step mail: done.");
    terminal.wait_for_bytes(buying, "is confirmed. Thank you! 14.50 € paid");
    let said = lines(&terminal);
    for change in ["Step stock: done.", "Step payment: done.", "Step mail: done.", "is confirmed. Thank you!"] {
        assert_eq!(said.iter().filter(|line| line.contains(change)).count(), 1, "{change} in {said:#?}");
    }
    let thanks = said.iter().find(|line| line.contains("is confirmed. Thank you!")).unwrap();
    let number = thanks.split_whitespace().next().unwrap().to_owned();
    press_until_printed(
        &mut terminal,
        "3",
        &format!("1 of 1. A Field Guide to Puddles, {number}, confirmed, paid, 1 piece, 14.50 €"),
    );
    press_until_printed(&mut terminal, ENTER, &format!("Order {number}."));
    // The order is closed first.
    press_until_printed(&mut terminal, "q", "1 of 1. ");
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());

    let mut terminal = home.open(WIDE, &arguments);
    terminal.wait_for_bytes(0, &format!("{number}, confirmed, paid"));
    press_until_printed(&mut terminal, ENTER, &format!("Order {number}."));
    terminal.wait_for_bytes(0, "confirmed, paid, 14.50 €.");
    press_until_printed(&mut terminal, "\t", "Timeline as list");
    press_until_printed(&mut terminal, "k", "Event ");
    terminal.press(CTRL_C);
    assert!(terminal.wait_for_the_end().success());
    lines(&terminal);
}

#[test]
fn every_screen_and_what_opens_over_it_is_read() {
    let mut terminal =
        Home::new().open_with(WIDE, &["--ephemeral"], &[("STOREFRONT_SCREEN_READER", "1"), ("TERM", "dumb")]);
    terminal.wait_for_bytes(0, ". A Field Guide to Puddles");
    for (keys, text) in [
        ("/", "Search: empty"),
        ("puddles", "Search: puddles"),
        (ESC, "products, all shelves"),
        ("2", "The basket is empty."),
        ("3", "What you buy shows up here."),
        ("4", "Log: every event of the shop."),
        (ENTER, "Data:"),
        ("5", "Processes and read models."),
        ("j", "2 of "),
        ("6", "1 of 9. Happy path, key a, not played yet"),
        ("l", "Lab: switches."),
        ("7", "Counter: Stock."),
        ("r", "Form: Receive goods."),
        (ESC, "Back: Counter: Stock."),
        ("l", "Counter: Products."),
        ("l", "Counter: Orders."),
        ("l", "Counter: Sales."),
        ("l", "Counter: Charges."),
        ("8", "Account: Wallet."),
        ("l", "Account: Vouchers."),
        ("l", "Account: Invoices."),
        ("l", "Account: Mailbox."),
        ("l", "Account: Profile."),
        ("?", "Help: all keys here."),
        ("quit", "Typed: quit"),
        (ESC, "Back: Account: Profile."),
        (":", "Palette: type what to do"),
        (ESC, "Back: Account: Profile."),
        ("\x0c", "Account: Profile."),
    ] {
        press_until_printed(&mut terminal, keys, text);
    }
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());
    lines(&terminal);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nine_scenarios_are_read_out_step_by_step_each_once() {
    let world = a_lab().await;
    let mut terminal = Home::new().open(WIDE, &["--screen-reader", "--server", &world.server.url()]);
    press_until_printed(&mut terminal, "6", "1 of 9. Happy path, key a");
    for key in ["a", "c", "u", "p", "e", "w", "s", "r", "x"] {
        let before = terminal.now();
        terminal.press(key);
        terminal.wait_for_bytes(before, &format!("key {key}, played"));
    }
    let said = lines(&terminal);
    let scenarios = world.client.scenarios().await.unwrap().items;
    assert_eq!(scenarios.len(), 9);
    let runs = scenarios.into_iter().map(|scenario| scenario.last_run.unwrap());
    let told: Vec<String> = runs.flat_map(|run| run.steps).map(|step| step.text).collect();
    for text in &told {
        // Two scenarios may begin with the same sentence.
        let count = |all: &[String]| all.iter().filter(|other| *other == text).count();
        assert_eq!(count(&said), count(&told), "{text:?} in {said:#?}");
    }
}
