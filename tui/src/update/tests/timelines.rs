//! Looking at what happened: the views, causes and effects, the past, and what can be taken along.

use super::world::Client;
use crate::keys::{Action, Key, Keymap, Place};
use crate::preferences::ThemeName;
use crate::state::{Failure, Hit, Screen, TimelineView};
use crate::update::{Effect, Feed, Msg, Request, Response};

fn position(client: &Client) -> u64 {
    client.model.order.as_ref().unwrap().selected().unwrap().position
}

fn asked_for(client: &Client) -> Vec<u64> {
    let past = |request: &Request| match request {
        Request::Diff { position, .. } => Some(*position),
        _ => None,
    };
    client.asked.iter().filter_map(past).collect()
}

#[test]
fn one_key_goes_through_the_views_and_the_event_stays_the_same() {
    let mut client = Client::at_a_bought_order();
    client.press("kkk");
    let mut seen = Vec::new();
    for _ in 0..4 {
        client.press("v");
        seen.push(client.model.view());
        assert_eq!(position(&client), 9);
    }
    use TimelineView::{Lanes, List, Scrubber, Tree};
    assert_eq!(seen, [Lanes, Tree, Scrubber, List]);
    client.press("V");
    assert_eq!(client.model.view(), Scrubber);
}

#[test]
fn from_an_event_to_its_cause_and_to_its_effect() {
    let mut client = Client::at_a_bought_order();
    let mut path = Vec::new();
    for _ in 0..7 {
        client.press("u");
        path.push(position(&client));
    }
    assert_eq!(path, [11, 10, 8, 6, 5, 3, 3], "and no further than the command");
    assert!(client.model.toasts[0].text.contains("A command led to this"));
    client.press("d");
    assert_eq!(position(&client), 4);
    client.press("d");
    assert!(client.model.toasts.iter().any(|toast| toast.text.starts_with("Nothing has followed")));
}

#[test]
fn in_the_tree_one_goes_from_branch_to_branch() {
    let mut client = Client::at_a_bought_order();
    client.press("gvv");
    let mut path = vec![position(&client)];
    for _ in 0..11 {
        client.press("j");
        path.push(position(&client));
    }
    assert_eq!(path, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    client.press("gjjjj");
    client.news(1);
    client.answer_all();
    assert_eq!((position(&client), client.model.order.as_ref().unwrap().missed), (5, 1));
    client.press("G");
    assert_eq!(position(&client), 13, "the end is the newest event, wherever it stands");
    assert!(client.model.order.as_ref().unwrap().following);
}

#[test]
fn the_scrubber_asks_the_shop_once_for_each_event_and_only_where_one_stops() {
    let mut client = Client::at_a_bought_order();
    client.press("V");
    assert_eq!(asked_for(&client), [12]);
    client.press("<Left><Left><Left>");
    assert_eq!(asked_for(&client), [12], "one at a time");
    client.answer_all();
    let past = &client.model.order.as_ref().unwrap().past;
    assert!(past.get(12).is_some() && past.get(9).is_some() && past.get(10).is_none());
    client.press("<Right><Left>");
    assert_eq!(asked_for(&client), [10]);
    client.answer_all();
    client.press("<Right>");
    assert!(asked_for(&client).is_empty(), "it is known");
}

#[test]
fn a_moment_that_the_shop_does_not_tell_is_said_and_asked_for_again_elsewhere() {
    let mut client = Client::at_a_bought_order();
    client.press("V");
    client.fail_all();
    assert!(client.asked.is_empty(), "it does not insist");
    let failed = client.model.order.as_ref().unwrap().past.failed.clone();
    assert_eq!(failed, Some((12, Failure::Unreachable("The shop is gone.".into()))));
    client.take(Msg::Feed(Feed::Offline("gone".into())));
    client.take(Msg::Feed(Feed::Online));
    assert_eq!(asked_for(&client), [12]);
}

#[test]
fn an_order_that_was_left_hears_nothing_of_its_past() {
    let mut client = Client::at_a_bought_order();
    client.press("V");
    let Some(Request::Diff { position, .. }) = client.asked.pop() else { panic!("it asks") };
    let other = storefront_api::OrderId(uuid::Uuid::from_u128(99));
    client.take(Msg::Response(Response::Diff {
        id: other,
        position,
        result: Err(Failure::Unreachable(String::new())),
    }));
    assert_eq!(client.model.order.as_ref().unwrap().past.asking, Some(12));
}

#[test]
fn ids_and_events_are_copied_and_what_is_too_long_is_not() {
    let mut client = Client::at_a_bought_order();
    let effects = client.press("y");
    assert_eq!(effects, [Effect::Copy("00000000-0000-0000-0000-00000000000c".into())]);
    let effects = client.press("Y");
    let [Effect::Copy(text)] = &effects[..] else { panic!("{effects:?}") };
    let event: storefront_api::Event = serde_json::from_str(text).unwrap();
    assert_eq!(event.kind, "email.sent");
    client.model.order.as_mut().unwrap().events[11].data = "x".repeat(80_000).into();
    assert_eq!(client.press("Y"), []);
    client.press("1");
    assert_eq!(client.press("y"), [Effect::Copy("apron".into())]);
}

#[test]
fn the_diagram_is_saved_under_the_name_of_the_order_or_copied() {
    let mut client = Client::at_a_bought_order();
    client.press("e");
    let id = client.model.order.as_ref().unwrap().id;
    assert_eq!(client.asked, [Request::Diagram { id, copy: false }]);
    client.asked.clear();
    let effects = client.take(Msg::Response(Response::Diagram { id, copy: false, result: Ok("# Order".into()) }));
    assert_eq!(effects, [Effect::Save { name: "storefront-order-MM2X-33BA.md".into(), contents: b"# Order".to_vec() }]);
    let effects = client.take(Msg::Response(Response::Diagram { id, copy: true, result: Ok("# Order".into()) }));
    assert_eq!(effects, [Effect::Copy("# Order".into())]);
    client.take(Msg::Saved(Err("It could not be written.".into())));
    assert!(client.model.toasts.iter().any(|toast| toast.text == "It could not be written."));
}

#[test]
fn space_holds_a_list_and_lets_it_go_on() {
    let mut client = Client::at_a_bought_order();
    client.press(" ");
    client.news(2);
    client.answer_all();
    let open = client.model.order.as_ref().unwrap();
    assert_eq!((open.following, open.missed, open.list.cursor), (false, 2, 11));
    client.press(" ");
    let open = client.model.order.as_ref().unwrap();
    assert_eq!((open.following, open.missed, open.list.cursor), (true, 0, 13));
    client.press("4 ");
    client.news(2);
    assert_eq!((client.model.log.paused, client.model.log.missed), (true, 2));
    client.press(" ");
    assert_eq!((client.model.log.paused, client.model.log.missed), (false, 0));
}

#[test]
fn the_palette_finds_by_name_and_does_it() {
    let mut client = Client::at_a_bought_order();
    client.press(":");
    client.press("as tree<Enter>");
    assert_eq!(client.model.view(), TimelineView::Tree);
    client.key(Key::ctrl('p'));
    client.press("theme high<Enter>");
    assert_eq!(client.model.theme, ThemeName::HighContrast);
    client.press(":everything that<Enter>");
    assert_eq!(client.model.screen, Screen::Log);
    client.press(":<Esc>");
    assert!(client.model.palette.is_none());
}

#[test]
fn another_key_does_what_the_old_one_did_and_is_the_one_that_is_shown() {
    let mut client = Client::in_a_full_shop();
    let keys = [(Place::Shop, [(Action::NextSort, vec!["Z".to_owned()])].into())].into();
    client.model.keys = Keymap::with(&keys).unwrap();
    client.press("s");
    assert!(client.asked.is_empty(), "the old key does nothing");
    client.press("Z");
    assert!(matches!(client.asked[..], [Request::Products { .. }]));
    client.answer_all();
    client.press("?sort");
    let lines = client.model.help.as_ref().unwrap().lines(&client.model.keys);
    assert_eq!(lines[0].keys_text(), "Z");
}

#[test]
fn a_click_chooses_and_a_second_one_opens_and_the_wheel_turns_the_list() {
    let mut client = Client::in_a_full_shop();
    client.press("m");
    assert!(client.model.mouse);
    client.take(Msg::Click(Hit::Line(3)));
    assert_eq!(client.model.shop.products.list.cursor, 3);
    client.take(Msg::Click(Hit::Line(0)));
    assert!(client.model.shop.page, "its page is open");
    client.press("<Esc>");
    client.take(Msg::Wheel { lines: -3 });
    assert_eq!(client.model.shop.products.list.cursor, 0);
    let mut client = Client::at_a_bought_order();
    client.press("x");
    client.take(Msg::Wheel { lines: 3 });
    client.take(Msg::Click(Hit::Line(2)));
    assert!(client.model.question.is_some(), "a question is answered by its keys alone");
}

#[test]
fn a_long_event_is_scrolled_within_its_bounds() {
    let mut client = Client::at_a_bought_order();
    client.press("<Enter>");
    client.press(&"J".repeat(50));
    assert_eq!(client.model.order.as_ref().unwrap().detail_scroll, 4);
    client.press("KK");
    assert_eq!(client.model.order.as_ref().unwrap().detail_scroll, 2);
    client.press("k");
    assert_eq!(client.model.order.as_ref().unwrap().detail_scroll, 0, "another event starts at its top");
}
