//! Writing: versions, positions, and all or nothing.

use serde_json::json;
use storefront_eventlog::{
    AppendError, Appended, EventId, JsonText, NewEvent, Position, Recorded, StreamName, Version, limits,
};

use crate::world::*;

pub(crate) async fn the_first_event_has_position_and_version_one(log: Log) {
    assert_eq!(head(&log).await, 0);
    let appended = log.append(nothing().and(to("a", 0, some_events(1)))).await.unwrap();
    assert_eq!(appended, Appended { position: Position(1), versions: vec![Version(1)] });
}

pub(crate) async fn positions_run_on_over_all_streams(log: Log) {
    assert_eq!(write(&log, "a", 2).await, Appended { position: Position(2), versions: vec![Version(2)] });
    assert_eq!(write(&log, "b", 3).await, Appended { position: Position(5), versions: vec![Version(3)] });
    assert_eq!(write(&log, "a", 1).await, Appended { position: Position(6), versions: vec![Version(3)] });
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
    log.append(nothing().and(to("a", 0, vec![plain.clone(), odd.clone()]))).await.unwrap();

    let stored = read_whole_stream(&log, "a").await;
    assert_eq!(stored.iter().map(Recorded::to_new).collect::<Vec<_>>(), [plain, odd]);
    assert_eq!(stored, read_whole_log(&log).await);
}

pub(crate) async fn a_wrong_expected_version_is_a_conflict_and_writes_nothing(log: Log) {
    write(&log, "a", 2).await;
    assert_conflict(log.append(nothing().and(to("a", 1, some_events(1)))).await, "a", 1, 2);
    assert_conflict(log.append(nothing().and(to("a", 3, some_events(1)))).await, "a", 3, 2);
    assert_conflict(log.append(nothing().and(to("new", 1, some_events(1)))).await, "new", 1, 0);
    assert_eq!(head(&log).await, 2);

    let appended = log.append(nothing().and(to("a", 2, some_events(1)))).await.unwrap();
    assert_eq!(appended.position, Position(3), "a conflict takes no position");
}

pub(crate) async fn any_version_will_do_when_the_caller_says_so(log: Log) {
    for version in 1..=3 {
        assert_eq!(write(&log, "a", 1).await.versions, [Version(version)]);
    }
}

pub(crate) async fn several_streams_land_together(log: Log) {
    write(&log, "b", 4).await;
    let append =
        nothing().and(to("a", 0, some_events(2))).and(to("b", 4, some_events(1))).and(onto("c", some_events(1)));
    let appended = log.append(append).await.unwrap();
    assert_eq!(appended, Appended { position: Position(8), versions: vec![Version(2), Version(5), Version(1)] });

    let written = read_whole_log(&log).await.split_off(4);
    let places: Vec<_> = written.iter().map(|event| (event.stream(), event.version.0)).collect();
    assert_eq!(places, [("a", 1), ("a", 2), ("b", 5), ("c", 1)]);
}

pub(crate) async fn several_streams_land_not_at_all_when_one_conflicts(log: Log) {
    write(&log, "b", 1).await;
    let append = nothing().and(to("a", 0, some_events(2))).and(to("b", 0, some_events(1)));
    assert_conflict(log.append(append).await, "b", 0, 1);
    assert_eq!((version(&log, "a").await, version(&log, "b").await, head(&log).await), (0, 1, 1));
    write(&log, "a", 1).await;
    assert_sound(&log).await;
}

pub(crate) async fn a_stream_can_be_checked_without_being_written(log: Log) {
    write(&log, "rule", 3).await;
    let guarded = |version| nothing().and(to("rule", version, vec![])).and(onto("a", some_events(1)));
    assert_conflict(log.append(guarded(2)).await, "rule", 2, 3);
    let appended = log.append(guarded(3)).await.unwrap();
    assert_eq!(appended, Appended { position: Position(4), versions: vec![Version(3), Version(1)] });
    assert_eq!(version(&log, "rule").await, 3);
}

pub(crate) async fn an_empty_append_answers_the_head(log: Log) {
    assert_eq!(log.append(nothing()).await.unwrap(), Appended { position: Position(0), versions: vec![] });
    write(&log, "a", 2).await;
    let checked = log.append(nothing().and(to("a", 2, vec![]))).await.unwrap();
    assert_eq!(checked, Appended { position: Position(2), versions: vec![Version(2)] });
}

pub(crate) async fn an_append_that_makes_no_sense_is_refused(log: Log) {
    let twice = an_event("thing.happened");
    let senseless = [
        nothing().and(to("a", 0, some_events(1))).and(to("a", 1, some_events(1))),
        nothing().and(to("a", 0, vec![twice.clone(), twice.clone()])),
        nothing().and(to("a", 0, vec![twice.clone()])).and(to("b", 0, vec![twice])),
        nothing().and(to("a", 0, vec![an_event("")])),
        nothing().and(to("a", 0, vec![NewEvent { schema_version: 0, ..an_event("x") }])),
        nothing().and(to("a", 0, vec![NewEvent { actor: "a\0b".to_owned(), ..an_event("x") }])),
        nothing().with_checkpoint("a\0b", 1),
        nothing().with_answer(answer("a\0b", "done", 0)),
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
        nothing().and(onto("a", some_events(limits::EVENTS_PER_APPEND + 1))),
        nothing().and(onto("a", vec![NewEvent { data: text_of(limits::DATA_BYTES + 1), ..an_event("x") }])),
        nothing().and(onto("a", vec![an_event(&long)])),
        nothing().with_checkpoint(&long, 1),
        (0..1001).fold(nothing(), |append, number| append.with_checkpoint(&number.to_string(), 1)),
        nothing().with_answer(answer(&long, "done", 0)),
    ];
    for append in too_big {
        assert!(matches!(log.append(append).await, Err(AppendError::Invalid(_))));
    }
    let just_right = NewEvent { data: text_of(limits::DATA_BYTES), ..an_event("x") };
    log.append(nothing().and(onto("a", vec![just_right]))).await.unwrap();
}

pub(crate) async fn a_large_append_lands_whole(log: Log) {
    let appended = write(&log, "a", limits::EVENTS_PER_APPEND).await;
    assert_eq!(appended.position.0, limits::EVENTS_PER_APPEND as u64);
    assert_sound(&log).await;
}
