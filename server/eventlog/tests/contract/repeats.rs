//! Tests of repeated appends, as after a lost response.

use storefront_eventlog::{Append, AppendError, Appended, Position, Version};

use crate::world::*;

pub(crate) async fn an_append_sent_again_is_answered_as_it_was_then(log: Log) {
    let append = empty_append().and(at_version("a", 0, new_events(2))).and(at_version("b", 0, new_events(1)));
    let first = log.append(append.clone()).await.unwrap();
    append_events(&log, "a", 5).await;

    assert_eq!(log.append(append.clone()).await.unwrap(), first, "though the stream has moved on");
    assert_eq!(head(&log).await, 8);
    assert_sound(&log).await;
}

pub(crate) async fn an_append_sent_again_on_any_version_is_not_written_twice(log: Log) {
    let append = empty_append().and(at_any_version("a", new_events(2)));
    let first = log.append(append.clone()).await.unwrap();
    append_events(&log, "b", 1).await;
    assert_eq!(log.append(append).await.unwrap(), first);
    append_events(&log, "a", 1).await;
    assert_eq!((version(&log, "a").await, head(&log).await), (3, 4));
    assert_sound(&log).await;
}

pub(crate) async fn an_append_sent_again_returns_the_versions_of_the_first_time_also_of_checked_streams(log: Log) {
    append_events(&log, "rule", 3).await;
    let append = empty_append()
        .and(at_version("rule", 3, vec![]))
        .and(at_any_version("a", new_events(1)))
        .with_checkpoint("mail", 3);
    let first = log.append(append.clone()).await.unwrap();
    append_events(&log, "rule", 2).await;
    append_events(&log, "a", 2).await;
    assert_eq!(log.append(append).await.unwrap(), first);
    assert_eq!(first, Appended { position: Position(4), versions: vec![Version(3), Version(1)] });
}

pub(crate) async fn an_append_sent_twice_at_once_is_written_once(log: Log) {
    for round in 0..20 {
        let append = empty_append().and(at_any_version("a", new_events(2)));
        let again = (0..4).map(|_| tokio::spawn(send(log.clone(), append.clone())));
        let mut outcomes = Vec::new();
        for sent in again.collect::<Vec<_>>() {
            outcomes.push(sent.await.unwrap().unwrap());
        }
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
        assert_eq!(head(&log).await, 2 * (round + 1));
    }
    assert_sound(&log).await;
}

pub(crate) async fn an_append_with_some_known_events_is_refused(log: Log) {
    let known = new_events(1);
    log.append(empty_append().and(at_version("a", 0, known.clone()))).await.unwrap();
    for version in [0, 1] {
        let mixed = [known.clone(), new_events(1)].concat();
        assert_duplicate(log.append(empty_append().and(at_version("a", version, mixed))).await, &known[0].id);
    }
    let apart = empty_append().and(at_any_version("b", new_events(1))).and(at_any_version("a", known.clone()));
    assert_duplicate(log.append(apart).await, &known[0].id);
    assert_eq!(head(&log).await, 1);
    append_events(&log, "b", 1).await;
    assert_sound(&log).await;
}

pub(crate) async fn known_events_in_another_order_are_refused(log: Log) {
    let mut events = new_events(2);
    log.append(empty_append().and(at_version("a", 0, events.clone()))).await.unwrap();
    events.reverse();
    assert_duplicate(log.append(empty_append().and(at_any_version("a", events.clone()))).await, &events[0].id);
}

pub(crate) async fn known_events_in_another_stream_are_refused(log: Log) {
    let events = new_events(1);
    log.append(empty_append().and(at_version("a", 0, events.clone()))).await.unwrap();
    assert_duplicate(log.append(empty_append().and(at_version("b", 0, events.clone()))).await, &events[0].id);
    assert_eq!((version(&log, "b").await, head(&log).await), (0, 1));
}

pub(crate) async fn known_events_from_two_appends_are_refused(log: Log) {
    let (first, second) = (new_events(1), new_events(1));
    log.append(empty_append().and(at_any_version("a", first.clone()))).await.unwrap();
    append_events(&log, "b", 1).await;
    log.append(empty_append().and(at_any_version("a", second.clone()))).await.unwrap();
    let both = [first.clone(), second].concat();
    assert_duplicate(log.append(empty_append().and(at_any_version("a", both))).await, &first[0].id);
}

async fn send(log: Log, append: Append) -> Result<Appended, AppendError> {
    log.append(append).await
}

#[track_caller]
fn assert_duplicate(outcome: Result<Appended, AppendError>, id: &uuid::Uuid) {
    let Err(AppendError::DuplicateEvent(duplicate)) = outcome else {
        panic!("a duplicate was due, not {outcome:?}");
    };
    assert_eq!(duplicate, *id);
}
