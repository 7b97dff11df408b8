//! What commits with events: how far a consumer has come, and what a command was answered.

use storefront_eventlog::{AppendError, JsonText, Position, StoredResponse};

use crate::world::*;

pub(crate) async fn a_checkpoint_commits_with_its_events(log: Log) {
    assert_eq!(checkpoint(&log, "mail").await, 0);
    write(&log, "a", 3).await;
    log.append(nothing().and(onto("mail", some_events(1))).with_checkpoint("mail", 3)).await.unwrap();
    assert_eq!((checkpoint(&log, "mail").await, head(&log).await), (3, 4));

    log.append(nothing().with_checkpoint("mail", 4).with_checkpoint("orders", 2)).await.unwrap();
    assert_eq!((checkpoint(&log, "mail").await, checkpoint(&log, "orders").await), (4, 2));
    assert_eq!(head(&log).await, 4, "a checkpoint alone is no event");
}

pub(crate) async fn a_checkpoint_does_not_move_when_the_append_is_refused(log: Log) {
    write(&log, "a", 3).await;
    let refused = log.append(nothing().and(to("a", 1, some_events(1))).with_checkpoint("mail", 3)).await;
    assert_conflict(refused, "a", 1, 3);
    assert_eq!(checkpoint(&log, "mail").await, 0);
}

pub(crate) async fn a_checkpoint_never_moves_backwards(log: Log) {
    write(&log, "a", 9).await;
    for (position, then) in [(5, 5), (3, 5), (5, 5), (9, 9)] {
        log.append(nothing().with_checkpoint("mail", position)).await.unwrap();
        assert_eq!(checkpoint(&log, "mail").await, then);
    }
    log.append(nothing().with_checkpoint("orders", 7).with_checkpoint("orders", 6)).await.unwrap();
    assert_eq!(checkpoint(&log, "orders").await, 7);
}

pub(crate) async fn an_answer_is_kept_with_the_position_that_it_wrote(log: Log) {
    assert_eq!(log.answer("key").await.unwrap(), None);
    let kept = answer("key", "two events", 5);
    log.append(nothing().and(onto("a", some_events(2))).with_answer(kept.clone())).await.unwrap();
    write(&log, "b", 3).await;
    assert_eq!(log.answer("key").await.unwrap(), Some((kept, Position(2))));

    let without_events = answer("other key", "nothing", 5);
    log.append(nothing().with_answer(without_events.clone())).await.unwrap();
    assert_eq!(log.answer("other key").await.unwrap(), Some((without_events, Position(5))));
}

pub(crate) async fn a_refused_append_leaves_no_answer(log: Log) {
    let refused = nothing().and(to("a", 1, some_events(1))).with_answer(answer("key", "done", 5));
    assert_conflict(log.append(refused).await, "a", 1, 0);
    assert_eq!(log.answer("key").await.unwrap(), None);
}

pub(crate) async fn a_key_is_answered_once(log: Log) {
    let first = answer("key", "first", 5);
    log.append(nothing().and(onto("a", some_events(1))).with_answer(first.clone())).await.unwrap();
    write(&log, "a", 1).await;

    let second = StoredResponse { fingerprint: "another".to_owned(), ..answer("key", "second", 6) };
    let outcome =
        log.append(nothing().and(onto("a", some_events(1))).with_answer(second).with_checkpoint("c", 1)).await;
    assert_eq!(answered_before(outcome), (first.clone(), Position(1)));
    assert_eq!((head(&log).await, checkpoint(&log, "c").await), (2, 0));
    assert_eq!(log.answer("key").await.unwrap(), Some((first, Position(1))));
}

pub(crate) async fn an_answered_key_matters_more_than_a_conflict(log: Log) {
    let first = answer("key", "first", 5);
    log.append(nothing().and(to("a", 0, some_events(1))).with_answer(first.clone())).await.unwrap();
    let again = log.append(nothing().and(to("a", 0, some_events(1))).with_answer(answer("key", "second", 6))).await;
    assert_eq!(answered_before(again), (first, Position(1)));
}

pub(crate) async fn the_same_append_with_its_answer_is_answered_as_it_was_then(log: Log) {
    let append = nothing().and(to("a", 0, some_events(2))).with_answer(answer("key", "done", 5));
    let first = log.append(append.clone()).await.unwrap();
    write(&log, "a", 1).await;
    assert_eq!(log.append(append).await.unwrap(), first);
    assert_eq!(head(&log).await, 3);
}

pub(crate) async fn of_two_commands_with_one_key_one_takes_effect(log: Log) {
    for round in 0..20 {
        let send = |body: &'static str| {
            let append = nothing().and(onto("a", some_events(1)));
            let append = append.with_answer(answer(&format!("key {round}"), body, 5));
            let log = log.clone();
            tokio::spawn(async move { log.append(append).await })
        };
        let (left, right) = (send("left"), send("right"));
        let outcomes = [(left.await.unwrap(), "right"), (right.await.unwrap(), "left")];
        assert_eq!(outcomes.iter().filter(|(outcome, _)| outcome.is_ok()).count(), 1);
        for (outcome, winner) in outcomes {
            if outcome.is_err() {
                let (kept, position) = answered_before(outcome);
                assert_eq!((kept.body, position.0), (JsonText::of(&winner).unwrap(), round + 1));
            }
        }
        assert_eq!(head(&log).await, round + 1);
    }
}

/// As if a day and more had gone by, of which the log saw every minute.
async fn a_day_passes(world: &mut World) {
    let older = format!("answers SET kept_ms = kept_ms - {}", DAY_MS + 60_000);
    world.tamper(&format!("UPDATE {older}"), &format!("UPDATE eventlog.{older}")).await;
}

pub(crate) async fn answers_are_kept_for_a_day_and_then_forgotten(mut world: World) {
    for number in 0..10 {
        world.log().append(nothing().with_answer(answer(&format!("old {number}"), "done", number))).await.unwrap();
    }
    if world.lives_nowhere() {
        return;
    }
    a_day_passes(&mut world).await;
    let log = world.log();
    for number in 0..10 {
        log.append(nothing().with_answer(answer(&format!("new {number}"), "done", 100))).await.unwrap();
    }
    for number in 0..10 {
        assert_eq!(log.answer(&format!("old {number}")).await.unwrap(), None);
        assert!(log.answer(&format!("new {number}")).await.unwrap().is_some());
    }
    let reused = log.append(nothing().with_answer(answer("old 1", "anew", 100))).await;
    reused.unwrap();
}

pub(crate) async fn a_caller_whose_clock_is_ahead_costs_nobody_an_answer(log: Log) {
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    log.append(nothing().with_answer(answer("of now", "done", now_ms))).await.unwrap();
    log.append(nothing().with_answer(answer("of next year", "done", now_ms + 365 * DAY_MS))).await.unwrap();
    log.append(nothing().with_answer(answer("of long ago", "done", 0))).await.unwrap();
    for key in ["of now", "of next year", "of long ago"] {
        assert!(log.answer(key).await.unwrap().is_some(), "{key}");
    }
}

/// The clock of the database, or of this machine, is 25 hours ahead for a moment: what it is compared with stands 25 hours back.
pub(crate) async fn a_clock_that_is_ahead_for_a_moment_costs_nobody_an_answer(mut world: World) {
    world.log().append(nothing().with_answer(answer("before", "done", 1))).await.unwrap();
    if world.lives_nowhere() {
        return;
    }
    let back = format!("SET looked_ms = looked_ms - {}", DAY_MS + DAY_MS / 24);
    world.tamper(&format!("UPDATE seen_time {back}"), &format!("UPDATE eventlog.head {back}")).await;
    let log = world.log();
    for number in 0..5 {
        log.append(nothing().with_answer(answer(&format!("then {number}"), "done", 1))).await.unwrap();
    }
    assert!(log.answer("before").await.unwrap().is_some(), "the same command would have its effect twice");
}

async fn checkpoint(log: &Log, consumer: &str) -> u64 {
    log.checkpoint(consumer).await.unwrap().0
}

#[track_caller]
fn answered_before<T: std::fmt::Debug>(outcome: Result<T, AppendError>) -> (StoredResponse, Position) {
    let Err(AppendError::AlreadyAnswered { answer, position }) = outcome else {
        panic!("the key has an answer, so this was not due: {outcome:?}");
    };
    (*answer, position)
}
