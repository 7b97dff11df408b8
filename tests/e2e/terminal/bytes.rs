//! The bytes between terminal and client: unexpected reports, late answers, endless pastes, input that exceeds a
//! buffer, and a terminal that does not read or is gone.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::pty::{CTRL_C, ENTER, ESC, Home, Terminal, WIDE};
use super::{FIRST_PRODUCT, basket_holds, shop_opens};
use crate::world::WAIT_TIMEOUT;

/// Reports and answers: colour scheme, synchronised updates, background colour in both spellings, name of the terminal,
/// device attributes, a status string, a picture protocol, focus, cursor, size.
const REPORTS: [&str; 12] = [
    "\x1b[?997;1n",
    "\x1b[?2026;2$y",
    "\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
    "\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
    "\x1bP>|XTerm(390)\x1b\\",
    "\x1b[>41;390;0c",
    "\x1b[?62;22c",
    "\x1bP1$r0m\x1b\\",
    "\x1b_Gi=31;OK\x1b\\",
    "\x1b[I\x1b[O",
    "\x1b[24;80R",
    "\x1b[48;40;120;0;0t",
];

fn a_client() -> Terminal {
    let terminal = Home::new().open(WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    terminal
}

/// The client reads keys, and none of what came before was taken for one.
fn takes_keys(terminal: &mut Terminal) {
    terminal.press("?");
    terminal.wait_for("type to find");
    terminal.press(ESC);
    terminal.wait_until_gone("type to find");
}

#[test]
fn reports_that_nobody_asked_for_leave_every_key_working() {
    let mut terminal = a_client();
    for report in REPORTS {
        terminal.press(report);
        takes_keys(&mut terminal);
    }
    terminal.press(CTRL_C);
    assert!(terminal.wait_for_the_end().success());
}

#[test]
fn answers_that_come_late_are_not_typed_and_play_nothing() {
    let mut terminal = a_client();
    terminal.press("/");
    for report in REPORTS {
        terminal.press(report);
    }
    terminal.press("puddles");
    terminal.wait_for_line(&["/ puddles", "2 products"]);
    terminal.press(ESC);
    terminal.wait_until_gone("/ puddles");
    terminal.press("6");
    terminal.wait_for_line(&["Happy path"]);
    for report in REPORTS {
        terminal.press(report);
    }
    takes_keys(&mut terminal);
    assert!(!terminal.screen().contents().contains("playing"), "{}", terminal.screen().contents());
    terminal.press("4");
    terminal.wait_for_line(&["stock", "received"]);
    assert!(!terminal.screen().contents().contains("checked_out"), "nothing was played");
}

#[test]
fn what_stays_unfinished_is_given_up_and_the_next_keys_work() {
    for begun in ["\x1b[200~a paste", "\x1b]11;rgb:1e", "\x1b[?99", "\u{e9}"] {
        let mut terminal = a_client();
        // Half a letter, where it is one.
        terminal.press_bytes(&begun.as_bytes()[..begun.len() - usize::from(!begun.is_ascii())]);
        // One that comes along with the beginning of a paste is a part of it.
        let deadline = Instant::now() + WAIT_TIMEOUT;
        while terminal.is_running() {
            assert!(Instant::now() < deadline, "it does not end after {begun:?}");
            terminal.press_if_it_runs(CTRL_C);
            thread::sleep(Duration::from_millis(700));
        }
        assert!(terminal.wait_for_the_end().success(), "{begun:?}");
        terminal.assert_restored(0);
    }
}

#[test]
fn thousands_of_keys_at_once_are_all_read() {
    let mut terminal = a_client();
    terminal.press(&format!("{}?", "j".repeat(3_000)));
    terminal.wait_for("type to find");
    terminal.press(&format!("{ESC}[200~{}{ESC}[201~", "x".repeat(3_000)));
    terminal.wait_for("xxxxxxxx");
    terminal.press(CTRL_C);
    assert!(terminal.wait_for_the_end().success());
}

/// Has the client draw until its terminal takes no more bytes.
fn stall(terminal: &mut Terminal) {
    terminal.stall();
    // More frames than a terminal holds back: 4 to 64 kB, by the system.
    for _ in 0..60 {
        terminal.press("\x0c");
        terminal.wait_until_keys_are_read();
    }
}

#[test]
fn a_client_whose_output_is_stalled_still_ends_on_a_signal() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut terminal = a_client();
        stall(&mut terminal);
        terminal.signal(signal);
        assert!(terminal.wait_until_it_ends().success(), "{signal:?}");
        terminal.go_on();
        terminal.wait_for_the_end();
        terminal.assert_restored(0);
    }
}

#[test]
fn a_client_whose_output_was_stalled_goes_on_where_it_is_then() {
    let mut terminal = a_client();
    stall(&mut terminal);
    terminal.press("2");
    terminal.wait_until_keys_are_read();
    terminal.go_on();
    terminal.wait_for("The basket is empty");
    terminal.press("1");
    terminal.wait_for(FIRST_PRODUCT);
}

#[test]
fn a_terminal_that_never_blocks_is_a_terminal_as_any_other() {
    // dd leaves the mode on what it was given, which is what the client gets.
    let script = r#"dd count=0 iflag=nonblock oflag=nonblock status=none; exec "$@""#;
    let mut terminal = Home::new().open_by(script, WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    stall(&mut terminal);
    terminal.go_on();
    takes_keys(&mut terminal);
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());
    terminal.assert_restored(0);
}

#[test]
fn a_terminal_that_is_gone_without_a_signal_ends_the_client() {
    // The signal goes to the shell alone, which does not mind.
    let script = r#"trap "" HUP; "$@"; exit $?"#;
    let home = Home::new();
    let terminal = home.open_by(script, WIDE, &["--data", "shop"]);
    shop_opens(&terminal);
    // Whoever draws notices that by itself.
    terminal.wait_for_silence(Duration::from_secs(5));
    assert!(terminal.hang_up().success());
    // Nobody holds the shop's folder any more.
    let terminal = home.open(WIDE, &["--data", "shop"]);
    shop_opens(&terminal);
}

#[test]
fn a_terminal_without_a_size_is_taken_for_a_usual_one() {
    let mut terminal = Home::new().open((0, 0), &["--ephemeral"]);
    terminal.wait_for_bytes(0, FIRST_PRODUCT);
    terminal.wait_for_silence(Duration::from_secs(1));
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());
}

#[test]
fn a_terminal_without_a_screen_is_refused_with_what_works_there() {
    let mut terminal = Home::new().open_with(WIDE, &["--ephemeral"], &[("TERM", "dumb")]);
    terminal.wait_for("TERM is dumb");
    terminal.wait_for("--screen-reader");
    assert_eq!(terminal.wait_for_the_end().exit_code(), 2);
    assert!(!terminal.bytes_since(0).contains("\x1b[?1049h"));
    terminal.press(ENTER);
}

#[test]
fn who_looks_elsewhere_is_notified_of_the_end_of_an_order_and_who_does_not_is_not() {
    let mut terminal = a_client();
    terminal.wait_for_line(&["€  in stock"]);
    for (report, notified) in [("\x1b[I", false), ("\x1b[O", true)] {
        let since = terminal.now();
        terminal.press("1");
        terminal.wait_for(FIRST_PRODUCT);
        terminal.press("a");
        basket_holds(&terminal, "1 piece · 14.50 €");
        terminal.press("c");
        terminal.wait_for("b buys for 14.50 €");
        terminal.press(report);
        terminal.press("b");
        terminal.wait_for("is confirmed. Thank you!");
        terminal.wait_for_silence(Duration::from_secs(1));
        let told = terminal.bytes_since(since).contains("\x1b]9;Storefront: ");
        assert_eq!(told, notified, "{}", terminal.screen().contents());
    }
}
