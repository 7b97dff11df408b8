//! Tests of appends: versions, positions and atomicity.

use serde_json::json;
use storefront_eventlog::{
    AppendError, Appended, EventId, JsonText, NewEvent, Position, Recorded, StreamName, Version, limits,
};

use crate::world::*;

pub(crate) async fn the_first_event_has_position_and_version_one(log: Log) {
    assert_eq!(head(&log).await, 0);
    let appended = log.append(empty_append().and(at_version("a", 0, new_events(1)))).await.unwrap();
    assert_eq!(appended, Appended { position: Position(1), versions: vec![Version(1)] });
}

pub(crate) async fn positions_run_on_over_all_streams(log: Log) {
    assert_eq!(append_events(&log, "a", 2).await, Appended { position: Position(2), versions: vec![Version(2)] });
    assert_eq!(append_events(&log, "b", 3).await, Appended { position: Position(5), versions: vec![Version(3)] });
    assert_eq!(append_events(&log, "a", 1).await, Appended { position: Position(6), versions: vec![Version(3)] });
    assert_sound(&log).await;
}

pub(crate) async fn what_is_read_back_is_what_was_written(log: Log) {
    let plain = an_event("a.plain_one");
    let odd = NewEvent {
        id: EventId::from_u128(u128::MAX),
        kind: "ä.🧦%_*".to_owned(),
        schema_version: u16::MAX,
        time_ms: -1,
        correlation_id: String::new(),
        causation_id: Some("the order of 'quotes' and \\ backslashes".to_owned()),
        actor: "Zoë \u{1} \u{10ffff}".to_owned(),
        data: JsonText::of(&json!({ "b": 1.50, "a": [null, "\u{0}\u{7f}\n\u{2028}", i64::MIN, u64::MAX], "": {} }))
            .unwrap(),
    };
    log.append(empty_append().and(at_version("a", 0, vec![plain.clone(), odd.clone()]))).await.unwrap();

    let stored = read_whole_stream(&log, "a").await;
    assert_eq!(stored.iter().map(Recorded::to_new).collect::<Vec<_>>(), [plain, odd]);
    assert_eq!(stored, read_whole_log(&log).await);
}

pub(crate) async fn a_wrong_expected_version_is_a_conflict_and_writes_nothing(log: Log) {
    append_events(&log, "a", 2).await;
    assert_conflict(log.append(empty_append().and(at_version("a", 1, new_events(1)))).await, "a", 1, 2);
    assert_conflict(log.append(empty_append().and(at_version("a", 3, new_events(1)))).await, "a", 3, 2);
    assert_conflict(log.append(empty_append().and(at_version("new", 1, new_events(1)))).await, "new", 1, 0);
    assert_eq!(head(&log).await, 2);

    let appended = log.append(empty_append().and(at_version("a", 2, new_events(1)))).await.unwrap();
    assert_eq!(appended.position, Position(3), "a conflict takes no position");
}

pub(crate) async fn any_version_will_do_when_the_caller_says_so(log: Log) {
    for version in 1..=3 {
        assert_eq!(append_events(&log, "a", 1).await.versions, [Version(version)]);
    }
}

pub(crate) async fn several_streams_land_together(log: Log) {
    append_events(&log, "b", 4).await;
    let append = empty_append()
        .and(at_version("a", 0, new_events(2)))
        .and(at_version("b", 4, new_events(1)))
        .and(at_any_version("c", new_events(1)));
    let appended = log.append(append).await.unwrap();
    assert_eq!(appended, Appended { position: Position(8), versions: vec![Version(2), Version(5), Version(1)] });

    let written = read_whole_log(&log).await.split_off(4);
    let places: Vec<_> = written.iter().map(|event| (event.stream(), event.version.0)).collect();
    assert_eq!(places, [("a", 1), ("a", 2), ("b", 5), ("c", 1)]);
}

pub(crate) async fn several_streams_land_not_at_all_when_one_conflicts(log: Log) {
    append_events(&log, "b", 1).await;
    let append = empty_append().and(at_version("a", 0, new_events(2))).and(at_version("b", 0, new_events(1)));
    assert_conflict(log.append(append).await, "b", 0, 1);
    assert_eq!((version(&log, "a").await, version(&log, "b").await, head(&log).await), (0, 1, 1));
    append_events(&log, "a", 1).await;
    assert_sound(&log).await;
}

pub(crate) async fn a_stream_can_be_checked_without_being_written(log: Log) {
    append_events(&log, "rule", 3).await;
    let guarded =
        |version| empty_append().and(at_version("rule", version, vec![])).and(at_any_version("a", new_events(1)));
    assert_conflict(log.append(guarded(2)).await, "rule", 2, 3);
    let appended = log.append(guarded(3)).await.unwrap();
    assert_eq!(appended, Appended { position: Position(4), versions: vec![Version(3), Version(1)] });
    assert_eq!(version(&log, "rule").await, 3);
}

pub(crate) async fn an_empty_append_answers_the_head(log: Log) {
    assert_eq!(log.append(empty_append()).await.unwrap(), Appended { position: Position(0), versions: vec![] });
    append_events(&log, "a", 2).await;
    let checked = log.append(empty_append().and(at_version("a", 2, vec![]))).await.unwrap();
    assert_eq!(checked, Appended { position: Position(2), versions: vec![Version(2)] });
}

pub(crate) async fn an_append_that_makes_no_sense_is_refused(log: Log) {
    let twice = an_event("thing.happened");
    let senseless = [
        empty_append().and(at_version("a", 0, new_events(1))).and(at_version("a", 1, new_events(1))),
        empty_append().and(at_version("a", 0, vec![twice.clone(), twice.clone()])),
        empty_append().and(at_version("a", 0, vec![twice.clone()])).and(at_version("b", 0, vec![twice])),
        empty_append().and(at_version("a", 0, vec![an_event("")])),
        empty_append().and(at_version("a", 0, vec![NewEvent { schema_version: 0, ..an_event("x") }])),
        empty_append().and(at_version("a", 0, vec![NewEvent { actor: "a\0b".to_owned(), ..an_event("x") }])),
        empty_append().with_checkpoint("a\0b", 1),
        empty_append().with_response(stored_response("a\0b", "done", 0)),
    ];
    for append in senseless {
        let outcome = log.append(append.clone()).await;
        assert!(matches!(outcome, Err(AppendError::Invalid(_))), "{append:?} got {outcome:?}");
    }
    assert_eq!(head(&log).await, 0);
    for name in ["", "with space", "línea", &"x".repeat(201)] {
        assert!(StreamName::new(name).is_err(), "{name:?}");
    }
    assert!(StreamName::new("x".repeat(200)).is_ok());
}

pub(crate) async fn an_append_that_is_too_big_is_refused(log: Log) {
    let text_of = |len: usize| JsonText::of(&"x".repeat(len - 2)).unwrap();
    let long = "x".repeat(limits::NAME_BYTES + 1);
    let too_big = [
        empty_append().and(at_any_version("a", new_events(limits::EVENTS_PER_APPEND + 1))),
        empty_append()
            .and(at_any_version("a", vec![NewEvent { data: text_of(limits::DATA_BYTES + 1), ..an_event("x") }])),
        empty_append().and(at_any_version("a", vec![an_event(&long)])),
        empty_append().with_checkpoint(&long, 1),
        (0..1001).fold(empty_append(), |append, number| append.with_checkpoint(&number.to_string(), 1)),
        empty_append().with_response(stored_response(&long, "done", 0)),
    ];
    for append in too_big {
        assert!(matches!(log.append(append).await, Err(AppendError::Invalid(_))));
    }
    let just_right = NewEvent { data: text_of(limits::DATA_BYTES), ..an_event("x") };
    log.append(empty_append().and(at_any_version("a", vec![just_right]))).await.unwrap();
}

pub(crate) async fn a_large_append_lands_whole(log: Log) {
    let appended = append_events(&log, "a", limits::EVENTS_PER_APPEND).await;
    assert_eq!(appended.position.0, limits::EVENTS_PER_APPEND as u64);
    assert_sound(&log).await;
}
