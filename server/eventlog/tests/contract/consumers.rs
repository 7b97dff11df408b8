//! Tests of checkpoints and stored responses, which commit with events.

use storefront_eventlog::{AppendError, JsonText, Position, StoredResponse};

use crate::world::*;

pub(crate) async fn a_checkpoint_commits_with_its_events(log: Log) {
    assert_eq!(checkpoint(&log, "mail").await, 0);
    append_events(&log, "a", 3).await;
    log.append(empty_append().and(at_any_version("mail", new_events(1))).with_checkpoint("mail", 3)).await.unwrap();
    assert_eq!((checkpoint(&log, "mail").await, head(&log).await), (3, 4));

    log.append(empty_append().with_checkpoint("mail", 4).with_checkpoint("orders", 2)).await.unwrap();
    assert_eq!((checkpoint(&log, "mail").await, checkpoint(&log, "orders").await), (4, 2));
    assert_eq!(head(&log).await, 4, "a checkpoint alone is no event");
}

pub(crate) async fn a_checkpoint_does_not_move_when_the_append_is_refused(log: Log) {
    append_events(&log, "a", 3).await;
    let refused = log.append(empty_append().and(at_version("a", 1, new_events(1))).with_checkpoint("mail", 3)).await;
    assert_conflict(refused, "a", 1, 3);
    assert_eq!(checkpoint(&log, "mail").await, 0);
}

pub(crate) async fn a_checkpoint_never_moves_backwards(log: Log) {
    append_events(&log, "a", 9).await;
    for (position, then) in [(5, 5), (3, 5), (5, 5), (9, 9)] {
        log.append(empty_append().with_checkpoint("mail", position)).await.unwrap();
        assert_eq!(checkpoint(&log, "mail").await, then);
    }
    log.append(empty_append().with_checkpoint("orders", 7).with_checkpoint("orders", 6)).await.unwrap();
    assert_eq!(checkpoint(&log, "orders").await, 7);
}

pub(crate) async fn an_answer_is_kept_with_the_position_that_it_wrote(log: Log) {
    assert_eq!(log.answer("key").await.unwrap(), None);
    let kept = stored_response("key", "two events", 5);
    log.append(empty_append().and(at_any_version("a", new_events(2))).with_response(kept.clone())).await.unwrap();
    append_events(&log, "b", 3).await;
    assert_eq!(log.answer("key").await.unwrap(), Some((kept, Position(2))));

    let without_events = stored_response("other key", "nothing", 5);
    log.append(empty_append().with_response(without_events.clone())).await.unwrap();
    assert_eq!(log.answer("other key").await.unwrap(), Some((without_events, Position(5))));
}

pub(crate) async fn a_refused_append_leaves_no_answer(log: Log) {
    let refused =
        empty_append().and(at_version("a", 1, new_events(1))).with_response(stored_response("key", "done", 5));
    assert_conflict(log.append(refused).await, "a", 1, 0);
    assert_eq!(log.answer("key").await.unwrap(), None);
}

pub(crate) async fn a_key_is_answered_once(log: Log) {
    let first = stored_response("key", "first", 5);
    log.append(empty_append().and(at_any_version("a", new_events(1))).with_response(first.clone())).await.unwrap();
    append_events(&log, "a", 1).await;

    let second = StoredResponse { fingerprint: "another".to_owned(), ..stored_response("key", "second", 6) };
    let outcome = log
        .append(empty_append().and(at_any_version("a", new_events(1))).with_response(second).with_checkpoint("c", 1))
        .await;
    assert_eq!(answered_before(outcome), (first.clone(), Position(1)));
    assert_eq!((head(&log).await, checkpoint(&log, "c").await), (2, 0));
    assert_eq!(log.answer("key").await.unwrap(), Some((first, Position(1))));
}

pub(crate) async fn an_answered_key_matters_more_than_a_conflict(log: Log) {
    let first = stored_response("key", "first", 5);
    log.append(empty_append().and(at_version("a", 0, new_events(1))).with_response(first.clone())).await.unwrap();
    let again = log
        .append(
            empty_append().and(at_version("a", 0, new_events(1))).with_response(stored_response("key", "second", 6)),
        )
        .await;
    assert_eq!(answered_before(again), (first, Position(1)));
}

pub(crate) async fn the_same_append_with_its_answer_is_answered_as_it_was_then(log: Log) {
    let append = empty_append().and(at_version("a", 0, new_events(2))).with_response(stored_response("key", "done", 5));
    let first = log.append(append.clone()).await.unwrap();
    append_events(&log, "a", 1).await;
    assert_eq!(log.append(append).await.unwrap(), first);
    assert_eq!(head(&log).await, 3);
}

pub(crate) async fn of_two_commands_with_one_key_one_takes_effect(log: Log) {
    for round in 0..20 {
        let send = |body: &'static str| {
            let append = empty_append().and(at_any_version("a", new_events(1)));
            let append = append.with_response(stored_response(&format!("key {round}"), body, 5));
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

/// Makes the stored responses a day and a minute older, as if the log had observed that time.
async fn age_responses_by_a_day(world: &mut World) {
    let older = format!("answers SET kept_ms = kept_ms - {}", DAY_MS + 60_000);
    world.tamper(&format!("UPDATE {older}"), &format!("UPDATE eventlog.{older}")).await;
}

pub(crate) async fn answers_are_kept_for_a_day_and_then_forgotten(mut world: World) {
    for number in 0..10 {
        world
            .log()
            .append(empty_append().with_response(stored_response(&format!("old {number}"), "done", number)))
            .await
            .unwrap();
    }
    if world.is_in_memory() {
        return;
    }
    age_responses_by_a_day(&mut world).await;
    let log = world.log();
    for number in 0..10 {
        log.append(empty_append().with_response(stored_response(&format!("new {number}"), "done", 100))).await.unwrap();
    }
    for number in 0..10 {
        assert_eq!(log.answer(&format!("old {number}")).await.unwrap(), None);
        assert!(log.answer(&format!("new {number}")).await.unwrap().is_some());
    }
    let reused = log.append(empty_append().with_response(stored_response("old 1", "anew", 100))).await;
    reused.unwrap();
}

pub(crate) async fn a_caller_whose_clock_is_ahead_costs_nobody_an_answer(log: Log) {
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    log.append(empty_append().with_response(stored_response("of now", "done", now_ms))).await.unwrap();
    log.append(empty_append().with_response(stored_response("of next year", "done", now_ms + 365 * DAY_MS)))
        .await
        .unwrap();
    log.append(empty_append().with_response(stored_response("of long ago", "done", 0))).await.unwrap();
    for key in ["of now", "of next year", "of long ago"] {
        assert!(log.answer(key).await.unwrap().is_some(), "{key}");
    }
}

/// The clock of the database, or of this machine, is 25 hours ahead for a moment: what it is compared with stands 25 hours back.
pub(crate) async fn a_clock_that_is_ahead_for_a_moment_costs_nobody_an_answer(mut world: World) {
    world.log().append(empty_append().with_response(stored_response("before", "done", 1))).await.unwrap();
    if world.is_in_memory() {
        return;
    }
    let back = format!("SET looked_ms = looked_ms - {}", DAY_MS + DAY_MS / 24);
    world.tamper(&format!("UPDATE seen_time {back}"), &format!("UPDATE eventlog.head {back}")).await;
    let log = world.log();
    for number in 0..5 {
        log.append(empty_append().with_response(stored_response(&format!("then {number}"), "done", 1))).await.unwrap();
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
