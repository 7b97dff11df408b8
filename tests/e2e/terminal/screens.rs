//! Rendering: colours as far as the terminal supports them, every size, and no output without a change.

use std::time::Duration;

use vt100::Screen;

use super::pty::{DOWN, Home, Terminal, WIDE};
use super::{FIRST_PRODUCT, shop_opens};
use crate::world::World;

#[test]
fn without_colours_not_one_is_sent_and_the_choice_still_shows() {
    let mut terminal = Home::new().open_with(WIDE, &["--ephemeral"], &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]);
    shop_opens(&terminal);
    // As a list.
    terminal.press("g");
    is_marked(&terminal, FIRST_PRODUCT);
    terminal.press(DOWN);
    is_marked(&terminal, "Atlas of Invented");
    terminal.press("24?");
    terminal.wait_for("type to find");
    let colours = colours(&terminal.bytes_since(0));
    assert!(colours.is_empty(), "{colours:?}");
}

#[test]
fn a_terminal_of_256_colours_is_sent_no_others() {
    let terminal = Home::new().open_with(WIDE, &["--ephemeral"], &[]);
    shop_opens(&terminal);
    let colours = colours(&terminal.bytes_since(0));
    assert!(colours.iter().any(|colour| colour.contains(";5;")), "there are colours at all");
    assert!(!colours.iter().any(|colour| colour.contains(";2;")), "{colours:?}");
}

#[test]
fn a_terminal_of_16_million_colours_gets_them() {
    let terminal = Home::new().open(WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    terminal.wait_for_bytes(0, "38;2;");
    terminal.wait_for("▀▀▀▀▀▀▀▀");
}

#[test]
fn a_small_terminal_is_usable_and_a_tiny_one_says_what_it_needs() {
    let mut terminal = Home::new().open((40, 12), &["--ephemeral"]);
    terminal.wait_for("●");
    terminal.wait_for_line(&[FIRST_PRODUCT, "14.50 €"]);
    terminal.wait_for_line(&["Enter", "add", "? help"]);
    terminal.resize((30, 8));
    terminal.wait_for("Please make the window larger");
    terminal.wait_for("40 × 12");
    terminal.wait_until_gone(FIRST_PRODUCT);
    terminal.resize((40, 12));
    terminal.wait_for_line(&[FIRST_PRODUCT, "14.50 €"]);
    terminal.press("2");
    terminal.wait_for("The basket is empty");
    terminal.resize((200, 60));
    terminal.wait_for("● live");
    terminal.press("1");
    terminal.wait_for_line(&[FIRST_PRODUCT, "14.50 €"]);
}

#[test]
fn a_client_that_starts_too_small_recovers_with_the_window() {
    let terminal = Home::new().open((30, 8), &["--ephemeral"]);
    terminal.wait_for("Please make the window larger");
    terminal.resize(WIDE);
    shop_opens(&terminal);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_news_not_a_byte_is_sent_and_with_news_it_shows() {
    let world = World::open().await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    for screen in ["1", "2", "3", "4", "5", "6", "8"] {
        terminal.press(screen);
        terminal.wait_for_silence(Duration::from_secs(1));
    }
    terminal.press("1");
    terminal.wait_for(FIRST_PRODUCT);
    terminal.wait_for_silence(Duration::from_secs(3));
    let quiet = terminal.now();
    let product = world.product_with(4).await;
    terminal.wait_for_line(&[&product.name, "only 4 left"]);
    assert!(terminal.now() > quiet);
    terminal.wait_for_silence(Duration::from_secs(3));
}

#[test]
fn the_whole_shop_in_one_process_is_silent_too() {
    let terminal = Home::new().open(WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    terminal.wait_for("▀▀▀▀▀▀▀▀");
    terminal.wait_for_silence(Duration::from_secs(3));
}

fn is_marked(terminal: &Terminal, name: &str) {
    let is_so = |screen: &Screen| marked(screen).is_some_and(|line| line.contains(name));
    terminal.wait_until(&format!("{name:?} is marked"), is_so);
}

/// The first line that is reversed for the most part.
fn marked(screen: &Screen) -> Option<String> {
    let (rows, columns) = screen.size();
    let reversed = |row, column| screen.cell(row, column).is_some_and(vt100::Cell::inverse);
    let count = |row| (0..columns.get()).filter(|column| reversed(row, *column)).count();
    let row = (0..rows.get()).find(|row| count(*row) > 20)?;
    screen.rows(0, columns.get()).nth(row.into())
}

/// Every setting of a colour in "select graphic rendition" (ECMA-48, 8.3.117), as it was sent; not the default ones.
fn colours(bytes: &str) -> Vec<String> {
    let sequences = bytes.split("\x1b[").skip(1).filter_map(|rest| {
        let (numbers, _) = rest.split_once('m')?;
        numbers.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, ';' | ':')).then_some(numbers)
    });
    sequences.filter(|numbers| sets_a_colour(numbers)).map(str::to_owned).collect()
}

fn sets_a_colour(numbers: &str) -> bool {
    let numbers = numbers.split([';', ':']).map(|number| number.parse().unwrap_or(0));
    numbers.into_iter().any(|number: u16| matches!(number, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107))
}

#[test]
fn colours_are_recognised() {
    assert_eq!(colours("\x1b[1;38;5;7mx\x1b[0m\x1b[39m\x1b[49m\x1b[2;5Hm\x1b[?25l"), ["1;38;5;7"]);
    assert_eq!(colours("\x1b[38:2::1:2:3m\x1b[7m"), ["38:2::1:2:3"]);
}
