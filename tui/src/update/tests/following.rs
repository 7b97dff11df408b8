//! Following the log: live lists, pausing, being cut off.

use super::world::{Client, an_event};
use crate::state::Connection;
use crate::update::{Feed, Msg, Request, backoff_ms, next_deadline};

fn news(client: &mut Client, positions: std::ops::Range<u64>) {
    let events = positions.map(|position| an_event(position, "stock.received", "apron")).collect();
    client.take(Msg::Feed(Feed::NewEvents { events }));
}

#[test]
fn the_log_follows_until_one_scrolls_up_and_counts_what_comes_in_then() {
    let mut client = Client::in_a_full_shop();
    news(&mut client, 1..11);
    client.press("4");
    assert_eq!(client.model.log.selected().unwrap().position, 10);
    client.press("kk");
    news(&mut client, 11..14);
    assert_eq!(client.model.log.selected().unwrap().position, 8);
    assert_eq!((client.model.log.paused, client.model.log.missed), (true, 3));
    client.press("G");
    assert_eq!((client.model.log.paused, client.model.log.missed), (false, 0));
    news(&mut client, 14..15);
    assert_eq!(client.model.log.selected().unwrap().position, 14);
}

#[test]
fn a_repeated_event_is_ignored() {
    let mut client = Client::in_a_full_shop();
    news(&mut client, 1..6);
    news(&mut client, 3..8);
    let positions: Vec<u64> = client.model.log.events.iter().map(|event| event.position).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn the_log_keeps_the_newest_events_and_the_cursor_stays_on_its_event() {
    let mut client = Client::in_a_full_shop();
    news(&mut client, 1..10_001);
    client.press("4");
    client.press("/");
    client.type_text("stock");
    client.press("<Enter>kkk");
    let chosen = client.model.log.selected().unwrap().position;
    news(&mut client, 10_001..10_101);
    assert_eq!(client.model.log.events.len(), 10_000);
    assert_eq!(client.model.log.selected().unwrap().position, chosen);
    assert_eq!(client.model.log.len(), 10_000);
}

#[test]
fn the_filter_takes_every_word_from_type_stream_or_data() {
    let mut client = Client::in_a_full_shop();
    let events = vec![
        an_event(1, "stock.received", "apron"),
        an_event(2, "order.item_added", "x"),
        an_event(3, "order.started", "y"),
    ];
    client.take(Msg::Feed(Feed::NewEvents { events }));
    client.press("4/");
    client.type_text("order mug added");
    assert_eq!((client.model.log.len(), client.model.log.selected().unwrap().position), (1, 2));
    let later = vec![an_event(4, "order.item_added", "z"), an_event(5, "stock.received", "q")];
    client.take(Msg::Feed(Feed::NewEvents { events: later }));
    assert_eq!(client.model.log.len(), 2);
    client.press("<Esc>");
    assert_eq!(client.model.log.len(), 5);
}

#[test]
fn a_word_may_be_for_the_type_the_stream_or_the_order_alone() {
    let mut client = Client::in_a_full_shop();
    let events = vec![
        an_event(1, "stock.reserved", "order-1"),
        an_event(2, "order.started", "7f"),
        an_event(3, "payment.requested", "7f"),
    ];
    client.take(Msg::Feed(Feed::NewEvents { events }));
    client.press("4");
    for (filter, wanted) in [
        ("order", vec![1, 2]),
        ("type:order", vec![2]),
        ("stream:order-", vec![1, 2]),
        ("order:7f", vec![2, 3]),
        ("order:7f type:payment", vec![3]),
        ("type:mug", vec![]),
    ] {
        client.press("<Esc>/");
        client.type_text(filter);
        let log = &client.model.log;
        let lines: Vec<u64> = (0..log.len()).map(|line| log.line(line).unwrap().position).collect();
        assert_eq!(lines, wanted, "{filter}");
        client.press("<Enter>");
    }
    client.press("<Esc>k");
    client.press("f");
    assert_eq!((client.model.log.len(), client.model.log.selected().unwrap().position), (2, 2));
    client.press("f");
    assert_eq!((client.model.log.len(), client.model.log.selected().unwrap().position), (3, 2));
}

#[test]
fn cut_off_the_client_says_since_when_and_its_age_ticks_only_then() {
    let mut client = Client::in_a_full_shop();
    client.take(Msg::Feed(Feed::Offline("The shop is gone.".into())));
    let since = client.model.now;
    client.wait_ms(3_000);
    client.take(Msg::Feed(Feed::Offline("It is still gone.".into())));
    assert_eq!(client.model.connection, Connection::Offline { since, reason: "It is still gone.".into() });
    assert_eq!(next_deadline(&client.model), Some(client.model.in_ms(1_000)));
    client.take(Msg::Feed(Feed::Online));
    assert!(client.model.is_live());
    client.answer_all();
    assert_eq!(next_deadline(&client.model), None);
}

#[test]
fn coming_back_fetches_what_is_on_screen() {
    let mut client = Client::in_a_full_shop();
    client.press("3");
    client.answer_all();
    client.take(Msg::Feed(Feed::Offline("gone".into())));
    client.take(Msg::Feed(Feed::Online));
    for wanted in ["Products", "Basket", "Orders"] {
        let asked = client.asked.iter().any(|request| format!("{request:?}").starts_with(wanted));
        assert!(asked, "{wanted} in {:?}", client.asked);
    }
}

#[test]
fn another_log_behind_the_address_starts_everything_over() {
    let mut client = Client::in_a_full_shop();
    news(&mut client, 1..101);
    client.take(Msg::Feed(Feed::Loaded { events: vec![an_event(1, "stock.received", "apron")] }));
    assert_eq!(client.model.log.events.len(), 1);
    assert_eq!(client.model.log.last_position, 1);
}

#[test]
fn a_timeline_is_fetched_once_at_a_time_and_again_for_what_came_meanwhile() {
    let mut client = Client::in_a_full_shop();
    client.press("a");
    client.answer_all();
    client.press("3");
    client.answer_all();
    client.press("<Enter>");
    client.answer_all();
    let asked =
        |client: &Client| client.asked.iter().filter(|request| matches!(request, Request::Timeline { .. })).count();
    client.news(1);
    client.news(1);
    client.news(1);
    assert_eq!(asked(&client), 1);
    client.answer_all();
    let open = client.model.order.as_ref().unwrap();
    assert_eq!(open.events.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(open.list.cursor, 2, "it follows");
}

#[test]
fn waiting_grows_and_is_capped_and_spread() {
    let waits: Vec<i64> = (0..8).map(|retries| backoff_ms(retries, 0)).collect();
    assert_eq!(waits, [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
    for seed in 0..1_000 {
        let wait = backoff_ms(9, seed);
        assert!((3_750..=5_000).contains(&wait), "{wait}");
    }
}
