//! Tests of timers, which are set and cleared with events, and fire once.

use std::time::Duration;

use storefront_eventlog::{AppendError, JsonText, Timer, TimerChange};

use crate::world::*;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn set(owner: &str, timer: &str, due_ms: i64) -> TimerChange {
    let note = JsonText::of(&format!("note of {timer}")).unwrap();
    TimerChange::Set { owner: owner.to_owned(), timer: timer.to_owned(), due_ms, note, as_read: None }
}

pub(crate) fn clear(owner: &str, timer: &str) -> TimerChange {
    TimerChange::Clear { owner: owner.to_owned(), timer: timer.to_owned(), as_read: None }
}

async fn due(log: &Log, owner: &str) -> Vec<Timer> {
    log.due_timers(owner, 100).await.unwrap()
}

async fn names_due(log: &Log, owner: &str) -> Vec<String> {
    due(log, owner).await.into_iter().map(|timer| timer.name).collect()
}

#[track_caller]
fn assert_gone<T: std::fmt::Debug>(outcome: Result<T, AppendError>) {
    let Err(AppendError::TimerGone { owner, timer }) = outcome else {
        panic!("a timer that is gone was due, not {outcome:?}");
    };
    assert_eq!((owner.as_str(), timer.as_str()), ("orders", "unpaid"));
}

pub(crate) async fn a_timer_commits_with_its_events(world: World) {
    let log = world.log();
    let refused = empty_append().and(at_version("a", 1, new_events(1))).with_timer(set("orders", "unpaid", 5));
    assert_conflict(log.append(refused).await, "a", 1, 0);
    assert_eq!(due(&log, "orders").await, []);

    log.append(empty_append().and(at_version("a", 0, new_events(1))).with_timer(set("orders", "unpaid", 5)))
        .await
        .unwrap();
    let timers = due(&log, "orders").await;
    let [Timer { owner, name, due_ms, note, revision: _ }] = &*timers else { panic!("{timers:?}") };
    assert_eq!((owner.as_str(), name.as_str(), *due_ms, note.as_str()), ("orders", "unpaid", 5, r#""note of unpaid""#));
    assert_eq!(head(&log).await, 1, "a timer is no event");
}

pub(crate) async fn a_timer_comes_due_by_the_clock_of_the_store(world: World) {
    let log = world.log();
    assert_eq!(log.next_due("orders").await.unwrap(), None);
    let in_two_hours = log.now_ms().await.unwrap() + 2 * HOUR.as_millis() as i64;
    log.append(empty_append().with_timer(set("orders", "unpaid", in_two_hours))).await.unwrap();
    assert_eq!(names_due(&log, "orders").await, [""; 0]);
    let left = log.next_due("orders").await.unwrap().unwrap();
    assert!(left > HOUR && left <= 2 * HOUR, "{left:?}");

    world.advance_time(HOUR).await;
    let left = log.next_due("orders").await.unwrap().unwrap();
    assert!(left <= HOUR && left > Duration::ZERO, "{left:?}");
    assert_eq!(names_due(&log, "orders").await, [""; 0]);
    world.advance_time(HOUR).await;
    assert_eq!(names_due(&log, "orders").await, ["unpaid"]);
    assert_eq!(log.next_due("orders").await.unwrap(), Some(Duration::ZERO));
    assert_eq!(names_due(&log, "orders").await, ["unpaid"], "it stays until it is cleared");
}

pub(crate) async fn the_timers_of_an_owner_come_in_the_order_in_which_they_are_due(world: World) {
    let log = world.log();
    let mut append = empty_append();
    for (owner, timer, due_ms) in
        [("orders", "c", 7), ("orders", "b", 9), ("mail", "x", 1), ("orders", "a", 9), ("orders", "d", i64::MAX)]
    {
        append = append.with_timer(set(owner, timer, due_ms));
    }
    log.append(append).await.unwrap();
    assert_eq!(names_due(&log, "orders").await, ["c", "a", "b"]);
    assert_eq!(names_due(&log, "mail").await, ["x"]);
    let two = log.due_timers("orders", 2).await.unwrap();
    assert_eq!(two, due(&log, "orders").await[..2]);
}

pub(crate) async fn a_timer_that_is_set_again_replaces_the_one_before(world: World) {
    let log = world.log();
    log.append(empty_append().with_timer(set("orders", "unpaid", 5))).await.unwrap();
    let first = due(&log, "orders").await;
    log.append(empty_append().with_timer(set("orders", "unpaid", 6))).await.unwrap();
    let second = due(&log, "orders").await;
    assert_eq!((second.len(), second[0].due_ms), (1, 6));
    assert_ne!(first[0].revision, second[0].revision);
    log.append(empty_append().with_timer(set("orders", "unpaid", i64::MAX))).await.unwrap();
    assert_eq!(names_due(&log, "orders").await, [""; 0]);
    log.append(empty_append().with_timer(set("mail", "unpaid", 5))).await.unwrap();
    assert_eq!(names_due(&log, "mail").await, ["unpaid"], "each owner has its own names");
}

async fn a_due_timer(log: &Log) -> Timer {
    log.append(empty_append().with_timer(set("orders", "unpaid", 5))).await.unwrap();
    due(log, "orders").await.remove(0)
}

pub(crate) async fn a_timer_fires_once_however_many_act_on_it(world: World) {
    let log = world.log();
    for round in 1..=20 {
        let timer = a_due_timer(&log).await;
        let mut actors = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (log, timer) = (log.clone(), timer.clone());
            actors.spawn(async move {
                let outcome =
                    empty_append().and(at_any_version("cancelled", new_events(1))).with_checkpoint("orders", round);
                log.append(outcome.with_timer(timer.fired())).await
            });
        }
        let (done, gone): (Vec<_>, Vec<_>) = actors.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), gone.len()), (1, 3));
        gone.into_iter().for_each(assert_gone);
        assert_eq!(version(&log, "cancelled").await, round);
        assert_eq!(due(&log, "orders").await, []);
    }
}

pub(crate) async fn a_timer_fires_once_when_two_act_on_it_in_one_batch(world: World) {
    let log = world.log();
    for round in 1..=20 {
        let timer = a_due_timer(&log).await;
        let act = || empty_append().and(at_any_version("cancelled", new_events(1))).with_timer(timer.fired());
        let neighbour = empty_append().and(at_any_version("own", new_events(1)));
        let mut outcomes = append_in_order(&log, vec![act(), act(), neighbour]).await.into_iter();
        outcomes.next().unwrap().unwrap();
        assert_gone(outcomes.next().unwrap());
        outcomes.next().unwrap().unwrap();
        assert_eq!((version(&log, "cancelled").await, version(&log, "own").await), (round, round));
    }
    assert_sound(&log).await;
}

pub(crate) async fn a_timer_that_was_set_anew_is_not_the_one_that_was_read(world: World) {
    let log = world.log();
    let read = a_due_timer(&log).await;
    // The same values as before.
    let anew = a_due_timer(&log).await;
    assert_eq!((&read.name, read.due_ms, &read.note), (&anew.name, anew.due_ms, &anew.note));
    assert_gone(log.append(empty_append().and(at_any_version("a", new_events(1))).with_timer(read.fired())).await);
    let conflicting = empty_append().and(at_version("a", 3, new_events(1))).with_timer(read.fired());
    assert_gone(log.append(conflicting).await);
    assert_eq!((head(&log).await, due(&log, "orders").await), (0, vec![anew.clone()]));

    let cleared_and_set =
        vec![empty_append().with_timer(anew.fired()), empty_append().with_timer(set("orders", "unpaid", 5))];
    for outcome in append_in_order(&log, cleared_and_set).await {
        outcome.unwrap();
    }
    assert_gone(log.append(empty_append().with_timer(anew.fired())).await);
    assert_eq!(names_due(&log, "orders").await, ["unpaid"]);
}

pub(crate) async fn a_timer_that_fires_can_be_set_again_in_the_same_append(world: World) {
    let log = world.log();
    let first = a_due_timer(&log).await;
    let again = first.fired_and_set_again(8, JsonText::of(&"second attempt").unwrap());
    log.append(empty_append().with_timer(again.clone())).await.unwrap();
    let second = due(&log, "orders").await.remove(0);
    assert_eq!((second.due_ms, second.note.as_str()), (8, r#""second attempt""#));
    assert_gone(log.append(empty_append().with_timer(again)).await);
    assert_eq!(due(&log, "orders").await, [second]);
}

pub(crate) async fn a_timer_can_be_cleared_without_being_read(world: World) {
    let log = world.log();
    a_due_timer(&log).await;
    log.append(empty_append().with_timer(clear("orders", "unpaid"))).await.unwrap();
    assert_eq!(due(&log, "orders").await, []);
    log.append(empty_append().and(at_any_version("a", new_events(1))).with_timer(clear("orders", "unpaid")))
        .await
        .unwrap();
    assert_eq!(head(&log).await, 1, "to clear what is not set does no harm");
}

pub(crate) async fn timers_that_make_no_sense_are_refused(world: World) {
    let log = world.log();
    let long = "x".repeat(1001);
    let mut heavy = set("orders", "unpaid", 5);
    if let TimerChange::Set { note, .. } = &mut heavy {
        *note = JsonText::of(&"x".repeat(1024 * 1024)).unwrap();
    }
    let many =
        (0..1001).fold(empty_append(), |append, number| append.with_timer(set("orders", &number.to_string(), 5)));
    for append in [
        empty_append().with_timer(set("orders", "unpaid", 5)).with_timer(clear("orders", "unpaid")),
        empty_append().with_timer(set("orders", &long, 5)),
        empty_append().with_timer(set("a\0b", "unpaid", 5)),
        empty_append().with_timer(heavy),
        many,
    ] {
        let outcome = log.append(append).await;
        assert!(matches!(outcome, Err(AppendError::Invalid(_))), "{outcome:?}");
    }
    assert_eq!(due(&log, "orders").await, []);
}
