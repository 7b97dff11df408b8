//! Tests of the checker: it accepts a small valid history, and finds the violation after each single change.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use storefront_api::{Event, Timestamp};
use uuid::Uuid;

use super::checker::{Rule, violations};
use super::record::{Attempt, Feed, History, Outcome, Read, State};

/// The next event of a log.
fn event(log: &[Event], stream: &str, kind: &str, actor: &str, data: Value) -> Event {
    let position = log.len() as u64 + 1;
    let version = log.iter().filter(|event| event.stream == stream).count() as u64 + 1;
    Event {
        position,
        id: Uuid::from_u128(position.into()),
        stream: stream.to_owned(),
        version,
        kind: kind.to_owned(),
        schema_version: 1,
        time: Timestamp::from_unix_ms(1_772_366_400_000),
        correlation_id: "A".to_owned(),
        causation_id: Some(format!("request of {actor}")),
        actor: actor.to_owned(),
        data,
    }
}

/// An attempt that ran within a second.
fn attempt(key: &str, stream: &str, second: u64, outcome: Outcome) -> Attempt {
    let began = Duration::from_secs(second);
    let ended = began + Duration::from_millis(500);
    Attempt {
        key: key.to_owned(),
        stream: stream.to_owned(),
        may_change_nothing: false,
        server: 0,
        began,
        ended,
        outcome,
    }
}

fn acknowledged(position: u64, version: u64, pieces: i64) -> Outcome {
    let state = State { version, pieces };
    Outcome::Acknowledged { position, state, replayed: false, body: json!({"version": version}) }
}

fn replayed(position: u64, version: u64, pieces: i64) -> Outcome {
    let state = State { version, pieces };
    Outcome::Acknowledged { position, state, replayed: true, body: json!({"version": version}) }
}

fn read(stream: &str, second: u64, min_position: Option<u64>, version: u64, pieces: i64) -> Read {
    let began = Duration::from_secs(second);
    let (ended, seen) = (began + Duration::from_millis(500), Some(State { version, pieces }));
    Read { stream: stream.to_owned(), server: 1, min_position, began, ended, seen }
}

/// A valid history: ten mugs are received, and one of two baskets is bought, with three mugs, one charge and one mail.
fn valid_history() -> History {
    let process = "process:checkout";
    let of_a = json!({"order_id": "A", "quantity": 3});
    let mut log = Vec::new();
    for (stream, kind, actor, data) in [
        ("stock-mug", "stock.received", "op-1", json!({"quantity": 10})),
        ("order-A", "order.started", "op-2", json!({})),
        ("order-A", "order.item_added", "op-2", json!({"product_id": "mug", "quantity": 2})),
        ("order-B", "order.started", "op-3", json!({})),
        ("order-B", "order.item_added", "op-3", json!({"product_id": "mug", "quantity": 1})),
        ("order-A", "order.item_quantity_changed", "op-4", json!({"product_id": "mug", "quantity": 3})),
        ("order-A", "order.checked_out", "op-5", json!({"total": {"amount": 3000}})),
        ("stock-mug", "stock.reserved", process, of_a.clone()),
        ("payment-P", "payment.requested", process, json!({"order_id": "A"})),
        ("payment-P", "payment.succeeded", process, json!({})),
        ("order-A", "order.confirmed", process, json!({})),
        ("stock-mug", "stock.allocated", process, of_a),
        ("email-E", "email.requested", process, json!({"order_id": "A", "kind": "confirmation"})),
        ("email-E", "email.sent", process, json!({})),
    ] {
        log.push(event(&log, stream, kind, actor, data));
    }
    let unknown = Outcome::Unknown { why: "no answer".to_owned() };
    let refused = Outcome::Refused { code: "order_state".to_owned() };
    let attempts = vec![
        attempt("op-1", "stock-mug", 0, acknowledged(1, 1, 10)),
        attempt("op-2", "order-A", 2, acknowledged(3, 2, 2)),
        attempt("op-3", "order-B", 4, acknowledged(5, 2, 1)),
        attempt("op-4", "order-A", 6, unknown.clone()),
        attempt("op-4", "order-A", 7, acknowledged(6, 3, 3)),
        attempt("op-4", "order-A", 9, replayed(6, 3, 3)),
        attempt("op-5", "order-A", 10, unknown.clone()),
        attempt("op-6", "order-B", 10, unknown),
        attempt("op-7", "order-A", 12, refused),
    ];
    let reads = vec![
        read("order-B", 3, None, 0, 0),
        read("order-A", 8, None, 3, 3),
        read("stock-mug", 8, Some(7), 1, 10),
        read("stock-mug", 14, Some(12), 3, 7),
        read("order-A", 14, None, 5, 3),
    ];
    let feed = |follower: &str| Feed { follower: follower.to_owned(), events: log.clone(), ..Feed::default() };
    History {
        attempts,
        reads,
        feeds: vec![feed("a poll"), feed("a stream")],
        charges: [("A".to_owned(), vec![(3000, 0)])].into(),
        mails: vec![format!("{}@storefront.example", Uuid::from_u128(13))],
        final_stock: [("stock-mug".to_owned(), 7)].into(),
        log,
    }
}

/// The rules that a history violates after a change.
fn violated_rules(change: impl FnOnce(&mut History)) -> Vec<Rule> {
    let mut history = valid_history();
    change(&mut history);
    let rules: BTreeSet<Rule> = violations(&history).into_iter().map(|violation| violation.rule).collect();
    rules.into_iter().collect()
}

/// Adds an event to the log and to every feed.
fn append(history: &mut History, stream: &str, kind: &str, actor: &str, data: Value) {
    let event = event(&history.log, stream, kind, actor, data);
    history.feeds.iter_mut().for_each(|feed| feed.events.push(event.clone()));
    history.log.push(event);
}

#[test]
fn a_history_that_one_shop_can_have_breaks_no_rule() {
    assert_eq!(violations(&valid_history()), []);
}

#[test]
fn a_feed_with_two_events_swapped_is_found() {
    assert_eq!(violated_rules(|history| history.feeds[0].events.swap(3, 4)), [Rule::FeedInOrder]);
}

#[test]
fn a_feed_that_leaves_a_position_out_is_found() {
    assert_eq!(violated_rules(|history| drop(history.feeds[1].events.remove(6))), [Rule::FeedWithoutGap]);
}

#[test]
fn a_feed_that_delivers_an_event_twice_is_found() {
    let again = |history: &mut History| {
        let twice = history.feeds[0].events[6].clone();
        history.feeds[0].events.insert(7, twice);
    };
    assert_eq!(violated_rules(again), [Rule::FeedWithoutRepeat]);
}

#[test]
fn a_feed_that_ends_early_is_found() {
    assert_eq!(violated_rules(|history| drop(history.feeds[0].events.pop())), [Rule::FeedToTheEnd]);
}

#[test]
fn an_event_that_one_follower_received_and_that_later_vanished_is_found() {
    let vanished = |history: &mut History| {
        let event = event(&history.log, "order-B", "order.item_removed", "op-6", json!({"product_id": "mug"}));
        history.feeds[1].events.push(event);
    };
    assert_eq!(violated_rules(vanished), [Rule::FeedOfThisLog]);
    let replaced = |history: &mut History| history.feeds[1].events[4].id = Uuid::from_u128(99);
    assert_eq!(violated_rules(replaced), [Rule::FeedOfThisLog]);
}

#[test]
fn a_write_that_was_acknowledged_and_is_missing_is_found() {
    let lost = |history: &mut History| history.attempts.push(attempt("op-8", "order-B", 13, acknowledged(15, 3, 2)));
    assert_eq!(violated_rules(lost), [Rule::NothingLost]);
}

#[test]
fn a_key_that_took_effect_twice_is_found() {
    let twice = |history: &mut History| {
        append(history, "order-B", "order.item_added", "op-3", json!({"product_id": "mug", "quantity": 1}));
        history.log.last_mut().unwrap().causation_id = Some("another request".to_owned());
        history.feeds.iter_mut().for_each(|feed| *feed.events.last_mut().unwrap() = history.log[14].clone());
    };
    assert_eq!(violated_rules(twice), [Rule::OneEffect]);
    let fresh_twice = |history: &mut History| history.attempts[5].outcome = acknowledged(6, 3, 3);
    assert_eq!(violated_rules(fresh_twice), [Rule::OneEffect]);
}

#[test]
fn a_key_with_two_answers_is_found() {
    let other = |history: &mut History| {
        let Outcome::Acknowledged { body, .. } = &mut history.attempts[5].outcome else { panic!("it was") };
        *body = json!({"version": 4});
    };
    assert_eq!(violated_rules(other), [Rule::OneAnswer]);
    let refused = |history: &mut History| {
        let refused = Outcome::Refused { code: "order_state".to_owned() };
        history.attempts.push(attempt("op-4", "order-A", 13, refused));
    };
    assert_eq!(violated_rules(refused), [Rule::OneAnswer]);
}

#[test]
fn a_refused_write_that_is_in_the_log_is_found() {
    let refused = |history: &mut History| {
        history.attempts[7].outcome = Outcome::Refused { code: "out_of_stock".to_owned() };
        append(history, "order-B", "order.item_removed", "op-6", json!({"product_id": "mug"}));
    };
    assert_eq!(violated_rules(refused), [Rule::NothingRefusedHappens]);
}

#[test]
fn a_read_that_does_not_show_the_readers_own_write_is_found() {
    let stale = |history: &mut History| history.reads.push(read("order-A", 9, None, 2, 2));
    assert_eq!(violated_rules(stale), [Rule::NoStaleRead]);
    let behind = |history: &mut History| history.reads.push(read("stock-mug", 15, Some(12), 2, 10));
    assert_eq!(violated_rules(behind), [Rule::NoStaleRead], "of a view that is asked for a position");
    let back = |history: &mut History| history.reads.push(read("order-A", 16, None, 4, 3));
    assert_eq!(violated_rules(back), [Rule::NoStaleRead], "after a read that saw more");
}

#[test]
fn an_answer_that_shows_what_never_was_is_found() {
    assert_eq!(violated_rules(|history| history.reads.push(read("order-A", 15, None, 5, 4))), [Rule::TrueAnswer]);
}

#[test]
fn two_writes_in_another_order_than_they_happened_are_found() {
    let early = |history: &mut History| {
        for (index, ended_ms) in [(3, 100), (4, 200)] {
            history.attempts[index].began = Duration::ZERO;
            history.attempts[index].ended = Duration::from_millis(ended_ms);
        }
    };
    assert_eq!(violated_rules(early), [Rule::RealTimeOrder]);
}

#[test]
fn a_second_charge_is_found_and_so_is_money_that_did_not_go_back() {
    let charged = |history: &mut History| history.charges.get_mut("A").unwrap().push((3000, 3000));
    assert_eq!(violated_rules(charged), [Rule::Money]);
    let of_nobody = |history: &mut History| drop(history.charges.insert("B".to_owned(), vec![(1000, 0)]));
    assert_eq!(violated_rules(of_nobody), [Rule::Money]);
}

#[test]
fn a_second_confirmation_is_found() {
    let again = |history: &mut History| {
        let confirmation = json!({"order_id": "A", "kind": "confirmation"});
        append(history, "email-F", "email.requested", "process:mails", confirmation);
        append(history, "email-F", "email.sent", "process:mails", json!({}));
        history.mails.push(format!("{}@storefront.example", Uuid::from_u128(15)));
    };
    assert_eq!(violated_rules(again), [Rule::Mail]);
}

#[test]
fn stock_below_zero_is_found_and_so_is_stock_that_does_not_add_up() {
    let below = |history: &mut History| {
        append(history, "stock-mug", "stock.adjusted", "operator", json!({"change": -8}));
        history.final_stock.insert("stock-mug".to_owned(), -1);
    };
    assert_eq!(violated_rules(below), [Rule::Stock]);
    let short = |history: &mut History| *history.final_stock.get_mut("stock-mug").unwrap() = 8;
    assert_eq!(violated_rules(short), [Rule::Stock]);
}
