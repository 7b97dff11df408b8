//! Playing a timeline from a file: when events come, and what the keys do.

use proptest::prelude::*;
use storefront_api::Event;

use super::world::{Client, a_checkout};
use super::{any_key, cursors_are_in_range};
use crate::state::{REAL_TIME, Replay, Screen, TimelineView};
use crate::update::{Effect, Msg, next_deadline};

fn playing() -> Client {
    let mut client = Client::new();
    let events: Vec<Event> = a_checkout("7f");
    client.take(Msg::Replay(Replay::new("order.jsonl".into(), events, REAL_TIME)));
    client
}

fn shown(client: &Client) -> usize {
    client.model.order.as_ref().unwrap().events.len()
}

/// Lets the moment come that the client waits for.
fn tick(client: &mut Client) {
    let wait = next_deadline(&client.model).expect("it goes on").unix_ms() - client.model.now.unix_ms();
    client.wait_ms(wait);
}

#[test]
fn events_come_one_after_another_with_their_pauses() {
    let mut client = playing();
    assert_eq!((client.model.screen, shown(&client)), (Screen::Replay, 1), "the first one at once");
    let mut pauses = Vec::new();
    while let Some(at) = next_deadline(&client.model) {
        pauses.push(at.unix_ms() - client.model.now.unix_ms());
        tick(&mut client);
    }
    assert_eq!(pauses, [150, 3_000, 150, 150, 150, 700, 1_400, 150, 150, 150, 150]);
    assert_eq!(shown(&client), 12);
    assert!(!client.model.replay.as_ref().unwrap().playing);
    client.press(" ");
    assert_eq!(shown(&client), 0, "once more from the beginning");
    tick(&mut client);
    assert_eq!(shown(&client), 1);
}

#[test]
fn it_is_held_and_stepped_through_by_hand() {
    let mut client = playing();
    client.press(" ");
    assert_eq!(next_deadline(&client.model), None);
    client.press("<Right><Right><Right>");
    assert_eq!(shown(&client), 4);
    client.press("<Left>");
    assert_eq!(shown(&client), 3);
    client.press(&"<Left>".repeat(9));
    assert_eq!(shown(&client), 1);
    client.press(" ");
    tick(&mut client);
    assert_eq!(shown(&client), 2);
    client.press(&"<Right>".repeat(20));
    assert_eq!((shown(&client), next_deadline(&client.model)), (12, None));
}

#[test]
fn it_plays_faster_and_slower() {
    let mut client = playing();
    tick(&mut client);
    let wait = |client: &Client| next_deadline(&client.model).unwrap().unix_ms() - client.model.now.unix_ms();
    assert_eq!(wait(&client), 3_000);
    client.press("+");
    assert_eq!(wait(&client), 1_500);
    client.press("---");
    assert_eq!(wait(&client), 12_000);
    client.press(&"-".repeat(40));
    assert_eq!(client.model.replay.as_ref().unwrap().speed, 10);
    client.press(&"+".repeat(40));
    assert_eq!(client.model.replay.as_ref().unwrap().speed, 1_000_000);
}

#[test]
fn there_is_no_shop_to_go_to_and_no_past_to_ask_for() {
    let mut client = playing();
    let mut seen = Vec::new();
    for _ in 0..3 {
        client.press("v");
        seen.push(client.model.view());
    }
    assert_eq!(seen, [TimelineView::Lanes, TimelineView::Tree, TimelineView::List]);
    client.press("1234cxe<Tab>");
    assert_eq!(client.model.screen, Screen::Replay);
    assert!(client.asked.is_empty(), "{:?}", client.asked);
    assert_eq!(client.press("q"), [Effect::Quit]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_keys_break_a_replay(keys in prop::collection::vec((any_key(), 0_i64..400), 1..60)) {
        let mut client = playing();
        for (key, ms) in keys {
            client.key(key);
            client.wait_ms(ms);
            cursors_are_in_range(&client.model);
            let replay = client.model.replay.as_ref().unwrap();
            prop_assert_eq!(client.model.screen, Screen::Replay);
            prop_assert_eq!(replay.played, shown(&client));
            prop_assert!(client.asked.is_empty());
            crate::view::tests::draw(&client.model);
        }
    }
}
