//! The client's behaviour without I/O: keys and answers in, state and effects out.

mod account;
pub(crate) mod backstage;
mod basket;
mod browsing;
mod buying;
mod counter;
mod find;
mod following;
mod forms;
mod lab;
pub(crate) mod laboratory;
mod palette;
mod panes;
mod papers;
mod preferences;
mod processes;
mod replaying;
pub(crate) mod session;
mod timelines;
mod workshop;
pub(crate) mod world;

use proptest::prelude::*;
use storefront_api::Timestamp;

use self::world::{Client, a_product, an_event, an_order};
use crate::keys::{Code, Context, Key};
use crate::state::{Model, Screen, Section};
use crate::update::{Effect, Feed, Msg, next_deadline};

#[test]
fn quitting_works_from_everywhere() {
    for keys in ["", "/", "?", "2", "3", "4", "4/", "5", "6", "7", "7r", "7l/", "7lw", "8", "8ll", "ac"] {
        let mut client = Client::in_a_full_shop();
        client.press(keys);
        assert_eq!(client.key(Key::ctrl('c')), [Effect::Quit], "after {keys:?}");
    }
}

#[test]
fn the_screens_follow_one_another_by_tab_and_by_number() {
    let mut client = Client::in_a_full_shop();
    let [shop, backstage] = [Section::Shop, Section::Backstage].map(Section::tabs);
    for (tabs, keys) in [(shop, "1238"), (backstage, "4567")] {
        client.press(&keys[..1]);
        let mut seen = Vec::new();
        for _ in tabs {
            seen.push(client.model.screen);
            client.press("<Tab>");
        }
        assert_eq!(seen, tabs, "the tabs of a section follow one another");
        for (key, tab) in keys.chars().zip(tabs) {
            client.press(&key.to_string());
            assert_eq!(client.model.screen, tab);
        }
    }
    client.press("2z");
    assert_eq!(client.model.screen, Screen::Counter, "where one was last behind the shop");
    client.press("z");
    assert_eq!(client.model.screen, Screen::Basket);
    client.press("3");
    assert_eq!(client.model.screen, Screen::Orders);
    client.press("<Esc>");
    assert_eq!(client.model.screen, Screen::Shop);
}

#[test]
fn one_key_closes_layer_by_layer_and_then_quits() {
    let mut client = Client::at_a_bought_order();
    client.press("<Enter>q");
    assert_eq!((client.model.screen, client.model.order.as_ref().unwrap().detail), (Screen::Order, false));
    assert_eq!(client.press("q").iter().filter(|effect| **effect == Effect::Quit).count(), 0);
    assert_eq!(client.model.screen, Screen::Orders);
    assert_eq!(client.press("q"), [Effect::Quit]);
    client.press("1<Enter>");
    assert!(client.model.shop.page);
    assert_eq!(client.press("q"), []);
    assert!(!client.model.shop.page);
}

#[test]
fn a_page_of_keys_is_turned_in_the_help() {
    let mut client = Client::in_a_full_shop();
    client.press("?<PgDn>");
    assert_eq!(client.model.help.as_ref().unwrap().list.cursor, 16);
}

#[test]
fn an_order_is_turned_over_and_bought_again() {
    let mut client = Client::at_a_bought_order();
    assert_eq!(client.model.context(), Context::Order);
    client.press("<Tab>");
    assert_eq!(client.model.context(), Context::Parcel);
    assert!(client.press("y").contains(&Effect::Copy("MM2X-33BA".into())));
    client.model.basket = crate::state::Basket::new(storefront_api::OrderId(uuid::Uuid::from_u128(77)));
    client.press("A");
    assert_eq!(client.model.basket.pieces(), 1);
}

#[test]
fn the_help_finds_a_key_by_what_it_does_and_runs_it() {
    let mut client = Client::in_a_full_shop();
    client.press("?cheap");
    assert_eq!(client.model.help.as_ref().unwrap().lines(&client.model.keys).len(), 0);
    for _ in 0..5 {
        client.press("<Backspace>");
    }
    client.press("everything that happens<Enter>");
    assert!(client.model.help.is_none());
    assert_eq!(client.model.screen, Screen::Log);
}

#[test]
fn pasted_text_is_typed_without_control_characters_and_only_where_text_goes() {
    let mut client = Client::in_a_full_shop();
    client.take(Msg::Paste("q".into()));
    assert_eq!(client.model.shop.search.value(), "");
    client.press("/");
    client.take(Msg::Paste("tea\u{1b}[31mpot\tx\nq".into()));
    assert_eq!(client.model.shop.search.value(), "tea[31mpot x q");
}

#[test]
fn an_idle_client_that_is_live_waits_for_nothing() {
    let client = Client::in_a_full_shop();
    assert_eq!(next_deadline(&client.model), None);
}

#[test]
fn what_is_worth_keeping_is_kept_when_it_changes() {
    let mut client = Client::in_a_full_shop();
    let effects = client.press("2");
    assert!(matches!(&effects[..], [Effect::Keep(settings)] if settings.screen == Screen::Basket), "{effects:?}");
    assert_eq!(client.press("?<Esc>"), []);
}

#[test]
fn a_toast_goes_away_by_itself() {
    let mut client = Client::in_a_full_shop();
    client.press("a");
    assert_eq!(client.model.toasts.len(), 1);
    client.answer_all();
    client.wait_ms(4_001);
    assert!(client.model.toasts.is_empty());
}

fn any_key() -> impl Strategy<Value = Key> {
    let codes = [
        Code::Enter,
        Code::Esc,
        Code::Tab,
        Code::BackTab,
        Code::Backspace,
        Code::Delete,
        Code::Up,
        Code::Down,
        Code::Left,
        Code::Right,
        Code::PageUp,
        Code::PageDown,
        Code::Home,
        Code::End,
    ];
    prop_oneof![
        4 => prop::sample::select("ajkhl+-=x012345678?/:cufiosXytnG gqvVdeEyYJKmrswBRpS z\\A[]".chars().collect::<Vec<_>>()).prop_map(Key::char),
        3 => prop::sample::select(codes.to_vec()).prop_map(Key::plain),
        1 => prop::sample::select(vec!['d', 'u', 'a', 'w', 'l']).prop_map(Key::ctrl),
    ]
}

/// Something that happens while a person plays with the keys.
#[derive(Clone, Debug)]
enum Happening {
    Key(Key),
    Answers,
    NoAnswers,
    Response(u64),
    Offline,
    Online,
    Time(i64),
    Size(u16, u16),
    Paste(String),
}

fn anything() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => any_key().prop_map(Happening::Key),
        3 => Just(Happening::Answers),
        1 => Just(Happening::NoAnswers),
        1 => (1_u64..4).prop_map(Happening::Response),
        1 => Just(Happening::Offline),
        1 => Just(Happening::Online),
        2 => (0_i64..6_000).prop_map(Happening::Time),
        1 => (0_u16..140, 0_u16..50).prop_map(|(width, height)| Happening::Size(width, height)),
        1 => "\\PC{0,12}".prop_map(Happening::Paste),
    ]
}

fn cursors_are_in_range(model: &Model) {
    let within = |cursor: usize, len: usize| assert!(cursor == 0 || cursor < len, "{cursor} of {len}");
    within(model.shop.products.list.cursor, model.shop.products.total);
    within(model.basket.list.cursor, model.basket.lines().len());
    within(model.orders.list.list.cursor, model.orders.list.total);
    within(model.log.list.cursor, model.log.len());
    let (cursor, len) = model.counter.place();
    within(cursor, len);
    let account = &model.account;
    within(account.movements.list.cursor, account.movements.total);
    within(account.vouchers.list.cursor, account.vouchers.total);
    within(account.invoices.list.cursor, account.invoices.total);
    within(account.mails.list.cursor, account.mails.total);
    if let Some(form) = &model.form {
        within(form.focus, form.fields.len());
    }
    within(model.processes.list.cursor, model.processes.len());
    within(model.lab.list.cursor, model.lab.scenarios.len());
    within(model.lab.switches.cursor, model.lab.rows().len());
    within(model.processes.waiting.cursor, model.processes.waiting().len());
    if let Some(open) = &model.order {
        within(open.list.cursor, open.events.len());
    }
    if let Some(help) = &model.help {
        within(help.list.cursor, help.lines(&model.keys).len());
    }
    if let Some(palette) = &model.palette {
        within(palette.list.cursor, palette.lines(&model.account).len());
    }
    for line in model.basket.lines() {
        assert!(line.quantity >= 1, "{line:?}");
    }
    assert!(model.toasts.len() <= 3);
    assert!(Context::ALL.contains(&model.context()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_can_happen_breaks_the_client(
        start in prop::sample::select(vec![
            "", "2", "3", "4", "5", "6", "ac", "7", "7a", "7l", "7lc", "7ll", "7lll", "8", "8l", "8ll", "8lll", "8llll", "order",
            "lanes", "tree", "scrubber",
        ]),
        happenings in prop::collection::vec(anything(), 1..80),
    ) {
        // A screen by its keys, or a view of an order's timeline.
        let mut client = match ["order", "lanes", "tree", "scrubber"].iter().position(|view| *view == start) {
            Some(_) => Client::at_a_bought_order(),
            None if start.starts_with('8') => Client::with_a_wallet(),
            None => Client::in_a_shop_with_a_lab(),
        };
        client.press(match start { "order" => "", "lanes" => "v", "tree" => "vv", "scrubber" => "vvv", keys => keys });
        for happening in happenings {
            match happening {
                Happening::Key(key) => { client.key(key); }
                Happening::Answers => client.answer_all(),
                Happening::NoAnswers => client.fail_all(),
                Happening::Response(count) => client.news(count),
                Happening::Offline => { client.take(Msg::Feed(Feed::Offline("gone".into()))); }
                Happening::Online => { client.take(Msg::Feed(Feed::Online)); }
                Happening::Time(ms) => client.wait_ms(ms),
                Happening::Size(width, height) => { client.take(Msg::Resize { width, height }); }
                Happening::Paste(text) => { client.take(Msg::Paste(text)); }
            }
            cursors_are_in_range(&client.model);
            crate::view::tests::draw(&client.model);
        }
    }
}

#[test]
fn time_never_goes_backwards() {
    let mut client = Client::in_a_full_shop();
    let before = client.model.now;
    super::update(&mut client.model, Timestamp::from_unix_ms(5), Msg::Tick);
    assert_eq!(client.model.now, before);
}

#[test]
fn the_fixtures_fit_one_another() {
    let order = an_order(1, &[(&a_product("socks", 500, 9), 2)]);
    assert_eq!(order.total.amount, 1_000);
    assert_eq!(an_event(7, "order.started", "x").position, 7);
}
