//! The client in a real terminal: tests press keys and check the screen. Each test owns its terminal, its home folder
//! and its shop.

mod account;
mod backstage;
mod bytes;
mod counter;
mod home;
mod lab;
mod leaving;
mod outages;
mod pty;
mod random_keys;
mod returning;
mod screen_reader;
mod screens;
mod secured;
mod shopping;
mod signing_in;
mod timelines;

use pty::{ENTER, TAB, Terminal};

/// A product of the demo range that is first by name and of which there is plenty in the demo stock.
const FIRST_PRODUCT: &str = "A Field Guide to Puddles";

/// Waits until the shop answers and its shelves are there.
fn shop_opens(terminal: &Terminal) {
    terminal.wait_for("● live");
    terminal.wait_for_line(&[FIRST_PRODUCT, "€"]);
}

/// Waits until the chosen product can be bought.
fn is_in_stock(terminal: &Terminal) {
    terminal.wait_for_line(&["€  in stock"]);
}

/// Waits until the header tells of this basket, and no three dots behind it that the shop has yet to agree.
fn basket_holds(terminal: &Terminal, pieces_and_total: &str) {
    terminal.wait_for_line(&[&format!("{pieces_and_total}  "), "● live"]);
}

/// Fills the empty form of the checkout in, up to the choice of payment.
fn fill_in(terminal: &mut Terminal) {
    terminal.wait_for("Postal code");
    // The second line of the street and the phone number stay empty.
    for text in ["Ada Lovelace", "12 St James's Square", "", "SW1Y 4JH", "London", "GB", "", "ada@example.com"] {
        if !text.is_empty() {
            terminal.press(text);
            terminal.wait_for(text);
        }
        terminal.press(TAB);
    }
}

/// Buys what is in the basket, from the screen Shop.
fn check_out(terminal: &mut Terminal) {
    terminal.press("c");
    fill_in(terminal);
    review(terminal);
    terminal.press("b");
}

/// Goes from the choice of payment to the review, from which alone the order is sent.
fn review(terminal: &mut Terminal) {
    terminal.press(ENTER);
    terminal.wait_for("b buys for");
}
