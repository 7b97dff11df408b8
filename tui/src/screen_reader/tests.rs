//! What is said: everything once, nothing that is drawn, and the page again when it is asked for.

use super::Speaker;
use super::words::speakable;
use crate::keys::Action;
use crate::state::{Screen, Tone};
use crate::update::tests::world::{Client, an_event};
use crate::update::{Feed, Msg};

/// A client with somebody who listens.
struct Listener {
    client: Client,
    speaker: Speaker,
    heard: Vec<String>,
}

impl Listener {
    fn new(client: Client) -> Self {
        let mut listener = Self { client, speaker: Speaker::default(), heard: Vec::new() };
        listener.listen();
        listener
    }

    fn listen(&mut self) -> Vec<String> {
        let lines = self.speaker.speak(&self.client.model);
        self.heard.extend(lines.clone());
        lines
    }

    /// What is said after keys, and what the shop answers to them.
    fn press(&mut self, keys: &str) -> Vec<String> {
        self.client.press(keys);
        let mut lines = self.listen();
        self.client.answer_all();
        lines.extend(self.listen());
        lines
    }

    fn times_heard(&self, text: &str) -> usize {
        self.heard.iter().filter(|line| line.contains(text)).count()
    }
}

/// Whether a line has a box, a block or braille in it.
fn is_drawn(line: &str) -> bool {
    line.chars().any(|letter| matches!(letter, '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}'))
}

#[test]
fn a_page_is_read_from_its_title_and_the_selected_line_alone_when_the_cursor_moves() {
    let mut listener = Listener::new(Client::in_a_full_shop());
    for line in ["Connected to the shop.", "Shop.", "1 of 5. Apron, 44.50 €, in stock"] {
        assert!(listener.heard.contains(&line.to_owned()), "{line:?} in {:#?}", listener.heard);
    }
    let said = listener.press("j");
    assert_eq!(said[0], "2 of 5. Bread knife, 34.50 €, only 3 left", "{said:#?}");
    assert!(!said.contains(&"Shop.".to_owned()));
    assert_eq!(listener.listen(), Vec::<String>::new(), "nothing is said twice");
}

#[test]
fn a_change_of_the_basket_is_said_once_and_not_again_when_the_shop_agrees() {
    let mut listener = Listener::new(Client::in_a_full_shop());
    listener.press("a");
    assert_eq!(listener.times_heard("Basket: 1 piece, 44.50 €."), 1, "{:#?}", listener.heard);
}

#[test]
fn every_screen_and_what_opens_over_it_is_read_without_anything_drawn() {
    let mut listener = Listener::new(Client::in_a_shop_with_a_lab());
    listener.press("a");
    for (keys, title) in [
        ("2", "Basket."),
        ("c", "Checkout: everything once more, before it is bought."),
        ("<Esc><Esc><Esc>3", "Orders."),
        ("4", "Log: every event of the shop."),
        ("5", "Processes and read models."),
        ("6", "Lab: scenarios."),
        ("l", "Lab: switches."),
        ("7", "Counter: Stock."),
        ("l", "Counter: Products."),
        ("l", "Counter: Orders."),
        ("l", "Counter: Sales."),
        ("l", "Counter: Charges."),
        ("8", "Account: Wallet."),
        ("l", "Account: Vouchers."),
        ("l", "Account: Invoices."),
        ("l", "Account: Mailbox."),
        ("l", "Account: Profile."),
        ("?", "Help: all keys here. Type to find one, Enter runs it, Esc closes."),
        ("<Esc>", "Back: Account: Profile."),
        (":", "Palette: type what to do or to find, Enter does it, Esc closes."),
        ("<Esc>,", "Settings: right and left change a value, Esc closes."),
        ("<Esc>7", "Counter: Charges."),
        ("ll", "Counter: Products."),
        ("h", "Counter: Stock."),
        ("r", "Form: Receive goods."),
        ("<Esc>6", "Lab: switches."),
        ("lR", "Question: Start over?"),
    ] {
        let said = listener.press(keys);
        assert!(said.iter().any(|line| line == title), "{keys}: {title:?} is missing in {said:#?}");
    }
    let drawn: Vec<&String> = listener.heard.iter().filter(|line| is_drawn(line)).collect();
    assert!(drawn.is_empty(), "{drawn:#?}");
}

#[test]
fn signs_become_words_and_what_is_drawn_becomes_nothing() {
    assert_eq!(speakable("│ ▀▀ ⠿ ↻ 2 × tea ─ 3 … ↑"), "2 tea 3 ... Up");
    assert_eq!(speakable("a\u{1b}[31mb"), "a [31mb");
    for letter in ('\u{2500}'..='\u{259f}').chain('\u{2800}'..='\u{28ff}') {
        assert!(!is_drawn(&speakable(&letter.to_string())), "{letter}");
    }
}

#[test]
fn a_notice_is_said_once_and_again_when_it_comes_again() {
    let mut listener = Listener::new(Client::in_a_full_shop());
    listener.client.model.toast(Tone::Bad, "Only 3 are left.");
    assert_eq!(listener.listen(), ["Only 3 are left."]);
    assert_eq!(listener.listen(), Vec::<String>::new());
    listener.client.wait_ms(1_000);
    listener.client.model.toast(Tone::Bad, "Only 3 are left.");
    assert_eq!(listener.listen(), ["Only 3 are left."]);
}

#[test]
fn new_events_are_said_once_and_of_many_their_number_and_the_last() {
    let mut listener = Listener::new(Client::in_a_full_shop());
    listener.press("4");
    let news = |from: u64, to: u64| {
        let events = (from..=to).map(|position| an_event(position, "order.item_added", "7")).collect();
        Msg::Feed(Feed::NewEvents { events })
    };
    listener.client.take(news(1, 2));
    let said = listener.listen();
    assert_eq!(said.iter().filter(|line| line.starts_with("Event ")).count(), 2, "{said:#?}");
    listener.client.take(news(3, 40));
    let said = listener.listen();
    assert!(said.iter().any(|line| line.starts_with("38 changes")), "{said:#?}");
    assert_eq!(said.iter().filter(|line| line.starts_with("Event ")).count(), 3, "{said:#?}");
}

#[test]
fn a_shop_that_is_gone_and_back_is_said_once_each() {
    let mut listener = Listener::new(Client::in_a_full_shop());
    for attempt in 0..3 {
        listener.client.take(Msg::Feed(Feed::Offline(format!("attempt {attempt}"))));
        listener.listen();
    }
    assert_eq!(listener.times_heard("cannot be reached"), 1);
    listener.client.take(Msg::Feed(Feed::Online));
    listener.listen();
    assert_eq!(listener.times_heard("Connected to the shop."), 2);
}

#[test]
fn the_page_is_read_again_when_that_is_asked_for() {
    let mut listener = Listener::new(Client::in_a_full_shop());
    let first = listener.heard.len();
    listener.speaker.start_again();
    let again = listener.listen();
    assert_eq!(again.len(), first - 1, "all but the greeting: {again:#?}");
    assert_eq!(listener.client.model.screen, Screen::Shop);
    assert!(listener.heard[0].contains(&listener.client.model.key(Action::Redraw)), "the greeting names the key");
}

#[test]
fn a_password_is_said_as_the_number_of_its_characters() {
    let mut listener = Listener::new(Client::at_the_account());
    listener.press("i<Tab>");
    listener.client.type_text("tea at five");
    listener.listen();
    listener.press("<Tab>");
    assert!(listener.times_heard("Password: 11 characters") > 0, "{:#?}", listener.heard);
    assert_eq!(listener.times_heard("tea"), 0, "{:#?}", listener.heard);
}
