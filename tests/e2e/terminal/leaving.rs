//! Leaving the client restores the terminal, however the client ends.

use rustix::process::Signal;

use super::pty::{CTRL_C, CTRL_Z, ENTER, Home, Terminal, WIDE};
use super::{FIRST_PRODUCT, shop_opens};

#[test]
fn quitting_gives_the_terminal_back() {
    leaves_it_as_it_was(|terminal| terminal.press("q"));
}

#[test]
fn ctrl_c_gives_the_terminal_back() {
    leaves_it_as_it_was(|terminal| terminal.press(CTRL_C));
}

#[test]
fn being_ended_by_the_system_gives_the_terminal_back() {
    leaves_it_as_it_was(|terminal| terminal.signal(Signal::TERM));
}

#[test]
fn being_hung_up_on_gives_the_terminal_back() {
    leaves_it_as_it_was(|terminal| terminal.signal(Signal::HUP));
}

#[test]
fn being_interrupted_from_outside_gives_the_terminal_back() {
    leaves_it_as_it_was(|terminal| terminal.signal(Signal::INT));
}

#[test]
fn leaving_while_a_text_is_typed_gives_the_terminal_back() {
    leaves_it_as_it_was(|terminal| {
        terminal.press("/tea");
        terminal.wait_for("/ tea");
        terminal.press(CTRL_C);
    });
}

#[test]
fn a_shop_that_does_not_open_leaves_a_line_and_the_terminal_as_it_was() {
    let home = Home::new();
    let mut terminal = home.open_in_a_shell(WIDE, &["--data", "/dev/null/shop"]);
    terminal.wait_for("the shell has 1");
    terminal.wait_for("storefront: ");
    let screen = terminal.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
    terminal.press(ENTER);
}

#[test]
fn ctrl_z_goes_to_the_shell_and_fg_comes_back() {
    let home = Home::new();
    let mut terminal = home.open_in_a_shell(WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    let stopping = terminal.now();
    terminal.press(CTRL_Z);
    // 128 and the number of SIGTSTP, as shells tell of a job that was stopped.
    terminal.wait_for("the shell has 1");
    terminal.assert_restored(stopping);
    terminal.press(ENTER);
    terminal.wait_for("● live");
    terminal.wait_for(FIRST_PRODUCT);
    terminal.assert_raw();
    assert!(terminal.screen().alternate_screen());
    let leaving = terminal.now();
    terminal.press("q");
    terminal.wait_for("the shell has 0");
    terminal.assert_restored(leaving);
}

#[test]
fn a_client_that_was_stopped_from_outside_draws_everything_anew_when_it_goes_on() {
    let mut terminal = Home::new().open(WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    terminal.signal(Signal::STOP);
    let stopped = terminal.now();
    terminal.signal(Signal::CONT);
    terminal.wait_for_bytes(stopped, "\x1b[?1049h");
    terminal.wait_for_bytes(stopped, FIRST_PRODUCT);
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());
}

fn leaves_it_as_it_was(leave: impl FnOnce(&mut Terminal)) {
    let home = Home::new();
    let mut terminal = home.open_in_a_shell(WIDE, &["--ephemeral"]);
    shop_opens(&terminal);
    terminal.assert_raw();
    let leaving = terminal.now();
    leave(&mut terminal);
    terminal.wait_for("the shell has 0");
    terminal.assert_restored(leaving);
}
