//! Tests of reading streams and the whole log, with and without a filter.

use std::borrow::Borrow;

use storefront_eventlog::{Filter, JsonText, NewEvent, Position, Recorded, Version, limits};

use crate::world::*;

pub(crate) async fn a_stream_is_read_from_a_version_on(log: Log) {
    append_events(&log, "a", 3).await;
    append_events(&log, "ab", 2).await;
    append_events(&log, "a", 2).await;
    let versions = |events: Vec<Recorded>| events.iter().map(|event| event.version.0).collect::<Vec<_>>();
    let a = stream("a");
    assert_eq!(versions(log.read_stream(&a, Version(0), 10).await.unwrap()), [1, 2, 3, 4, 5]);
    assert_eq!(versions(log.read_stream(&a, Version(4), 10).await.unwrap()), [4, 5]);
    assert_eq!(versions(log.read_stream(&a, Version(2), 2).await.unwrap()), [2, 3]);
    assert_eq!(versions(log.read_stream(&a, Version(6), 10).await.unwrap()), [0; 0]);
    assert_eq!(versions(log.read_stream(&a, Version(1), 0).await.unwrap()), [0; 0]);
    assert_eq!(versions(log.read_stream(&a, Version(u64::MAX), usize::MAX).await.unwrap()), [0; 0]);
}

pub(crate) async fn an_unknown_stream_is_empty(log: Log) {
    append_events(&log, "a", 1).await;
    assert_eq!(log.read_stream(&stream("b"), Version(1), 10).await.unwrap(), []);
}

pub(crate) async fn the_log_is_read_in_pages(log: Log) {
    append_events(&log, "a", 5).await;
    let everything = Filter::default();
    let first = log.read_all(Position(0), 2, &everything).await.unwrap();
    assert_eq!((positions(&first.events), first.next_after, first.head), (vec![1, 2], Position(2), Position(5)));
    let rest = log.read_all(first.next_after, 10, &everything).await.unwrap();
    assert_eq!((positions(&rest.events), rest.next_after, rest.head), (vec![3, 4, 5], Position(5), Position(5)));
}

pub(crate) async fn long_pages_are_as_short_ones_would_be_together(log: Log) {
    append_events(&log, "a", 1500).await;
    for (after, limit) in
        [(0, 255), (0, 256), (1, 257), (0, 999), (700, 1000), (1100, 1000), (1300, 10_000), (0, 10_000)]
    {
        let slice = log.read_all(Position(after), limit, &Filter::default()).await.unwrap();
        let last = 1500.min(after + limit as u64);
        assert_eq!(positions(&slice.events), (after + 1..=last).collect::<Vec<_>>(), "{limit} after {after}");
        assert_eq!((slice.next_after, slice.head), (Position(last), Position(1500)));
    }
}

pub(crate) async fn reading_beyond_the_end_finds_nothing_and_stays_there(log: Log) {
    for head in [0, 3] {
        for after in [head, head + 4, u64::MAX] {
            let slice = log.read_all(Position(after), 10, &Filter::default()).await.unwrap();
            assert_eq!((slice.events, slice.next_after, slice.head), (vec![], Position(after), Position(head)));
        }
        let slice = log.read_all(Position(0), 0, &Filter::default()).await.unwrap();
        assert_eq!((slice.events, slice.next_after, slice.head), (vec![], Position(0), Position(head)));
        if head == 0 {
            append_events(&log, "a", 3).await;
        }
    }
}

pub(crate) async fn types_are_filtered_by_name_and_by_prefix(log: Log) {
    let kinds = ["order.started", "order.item_added", "payment.requested", "order"];
    log.append(empty_append().and(at_any_version("a", kinds.map(an_event).to_vec()))).await.unwrap();
    let found = async |types: &[&str]| positions(&read_filtered(&log, &of_types(types)).await);
    assert_eq!(found(&["order.started"]).await, [1]);
    assert_eq!(found(&["order.*"]).await, [1, 2]);
    assert_eq!(found(&["order*"]).await, [1, 2, 4]);
    assert_eq!(found(&["payment.*", "order"]).await, [3, 4]);
    assert_eq!(found(&["*"]).await, [1, 2, 3, 4]);
    assert_eq!(found(&["Order.started"]).await, [0; 0], "case matters");
}

pub(crate) async fn streams_are_filtered_by_name_and_by_prefix(log: Log) {
    for name in ["order-1", "order-12", "stock-1"] {
        append_events(&log, name, 1).await;
    }
    let found = async |streams: &[&str]| positions(&read_filtered(&log, &of_streams(streams)).await);
    assert_eq!(found(&["order-1"]).await, [1]);
    assert_eq!(found(&["order-1*"]).await, [1, 2]);
    assert_eq!(found(&["stock-*", "order-12"]).await, [2, 3]);
    assert_eq!(found(&["wallet-*"]).await, [0; 0]);
}

pub(crate) async fn a_correlation_is_read_alone(log: Log) {
    for number in 0..30 {
        let correlation = ["odd", "even", "od"][number % 3];
        log.append(empty_append().and(at_any_version("a", vec![event_about(correlation, "x")]))).await.unwrap();
    }
    let filter = Filter { correlation_id: Some("odd".to_owned()), ..Filter::default() };
    assert_eq!(positions(&read_filtered(&log, &filter).await), [1, 4, 7, 10, 13, 16, 19, 22, 25, 28]);
    let slice = log.read_all(Position(7), 2, &filter).await.unwrap();
    assert_eq!((positions(&slice.events), slice.next_after), (vec![10, 13], Position(13)));
    let last = log.read_all(Position(27), 2, &filter).await.unwrap();
    assert_eq!((positions(&last.events), last.next_after), (vec![28], Position(30)));
}

pub(crate) async fn all_parts_of_a_filter_must_hold(log: Log) {
    for (name, correlation, kind) in
        [("a-1", "x", "k.1"), ("a-1", "x", "l.1"), ("b-1", "x", "k.1"), ("a-1", "y", "k.1"), ("a-2", "x", "k.2")]
    {
        log.append(empty_append().and(at_any_version(name, vec![event_about(correlation, kind)]))).await.unwrap();
    }
    let filter =
        Filter { types: vec!["k.*".to_owned()], streams: vec!["a-*".to_owned()], correlation_id: Some("x".to_owned()) };
    assert_eq!(positions(&read_filtered(&log, &filter).await), [1, 5]);
}

pub(crate) async fn only_the_last_star_is_special_in_a_pattern(log: Log) {
    let kinds = ["a_b", "aXb", "a%b", "a*b", "a\\b", "a*bc"];
    log.append(empty_append().and(at_any_version("a", kinds.map(an_event).to_vec()))).await.unwrap();
    let found = async |pattern: &str| positions(&read_filtered(&log, &of_types(&[pattern])).await);
    assert_eq!(found("a_b").await, [1]);
    assert_eq!(found("a%b*").await, [3]);
    assert_eq!(found("a_*").await, [1]);
    assert_eq!(found("a*b*").await, [4, 6]);
    assert_eq!(found("a\\*").await, [5]);
}

pub(crate) async fn a_page_full_of_matches_ends_at_its_last_event(log: Log) {
    for kind in ["x", "y", "y", "x", "y"] {
        log.append(empty_append().and(at_any_version("a", vec![an_event(kind)]))).await.unwrap();
    }
    let slice = log.read_all(Position(0), 1, &of_types(&["x"])).await.unwrap();
    assert_eq!((positions(&slice.events), slice.next_after, slice.head), (vec![1], Position(1), Position(5)));
}

pub(crate) async fn reading_on_moves_past_what_the_filter_left_out(log: Log) {
    for kind in ["x", "y", "y"] {
        log.append(empty_append().and(at_any_version("a", vec![an_event(kind)]))).await.unwrap();
    }
    let slice = log.read_all(Position(0), 10, &of_types(&["x"])).await.unwrap();
    assert_eq!((positions(&slice.events), slice.next_after), (vec![1], Position(3)));
    let none = log.read_all(Position(1), 10, &of_types(&["z"])).await.unwrap();
    assert_eq!((positions(&none.events), none.next_after), (vec![], Position(3)));
}

pub(crate) async fn a_long_stretch_without_matches_is_crossed_in_bounded_steps(log: Log) {
    for _ in 0..3 {
        append_events(&log, "dull", 8_000).await;
    }
    log.append(empty_append().and(at_any_version("a", vec![an_event("rare")]))).await.unwrap();
    assert_eq!(positions(&read_filtered(&log, &of_types(&["rare"])).await), [24_001]);
    let busy = Filter { correlation_id: Some("a correlation".to_owned()), ..of_types(&["rare"]) };
    assert_eq!(positions(&read_filtered(&log, &busy).await), [24_001]);
    assert_eq!(positions(&read_filtered(&log, &of_streams(&["a"])).await), [24_001]);
}

pub(crate) async fn a_read_answers_no_more_than_its_bound(log: Log) {
    for _ in 0..2 {
        append_events(&log, "a", 6_000).await;
    }
    let all = log.read_all(Position(0), usize::MAX, &Filter::default()).await.unwrap();
    assert_eq!((all.events.len(), all.next_after.0), (limits::EVENTS_PER_READ, limits::EVENTS_PER_READ as u64));
    let of_stream = log.read_stream(&stream("a"), Version(1), usize::MAX).await.unwrap();
    assert_eq!(of_stream.len(), limits::EVENTS_PER_READ);
}

fn positions(events: &[impl Borrow<Recorded>]) -> Vec<u64> {
    events.iter().map(|event| event.borrow().position.0).collect()
}

fn of_types(types: &[&str]) -> Filter {
    Filter { types: types.iter().map(ToString::to_string).collect(), ..Filter::default() }
}

fn of_streams(streams: &[&str]) -> Filter {
    Filter { streams: streams.iter().map(ToString::to_string).collect(), ..Filter::default() }
}

pub(crate) async fn a_stream_is_read_as_far_as_asked_whatever_its_length_and_weight(log: Log) {
    let heavy = |number: usize| NewEvent {
        data: JsonText::of(&"x".repeat(if number.is_multiple_of(10) { 30_000 } else { 10 })).unwrap(),
        ..an_event("thing.happened")
    };
    let events: Vec<NewEvent> = (0..200).map(heavy).collect();
    log.append(empty_append().and(at_version("a", 0, events.clone()))).await.unwrap();
    append_events(&log, "b", 3).await;
    for (from, limit) in [(1, 0), (1, 1), (1, 63), (1, 64), (1, 65), (1, 199), (1, 200), (1, 1000), (138, 64), (201, 9)]
    {
        let read = log.read_stream(&stream("a"), Version(from), limit).await.unwrap();
        let due = events.iter().skip(from as usize - 1).take(limit).cloned();
        assert!(read.iter().map(Recorded::to_new).eq(due), "{limit} events from version {from}");
    }
}
