//! Tests with many concurrent callers.

use std::sync::Arc;

use storefront_eventlog::{AppendError, Filter, Position, Recorded};
use tokio::task::JoinSet;

use crate::world::*;

const CALLERS: u64 = 16;

pub(crate) async fn one_of_many_callers_wins_a_version(log: Log) {
    for version in 0..20 {
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let log = log.clone();
            callers.spawn(async move { log.append(empty_append().and(at_version("a", version, new_events(1)))).await });
        }
        let outcomes = callers.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for outcome in outcomes.into_iter().filter(Result::is_err) {
            assert_conflict(outcome, "a", version, version + 1);
        }
    }
    assert_sound(&log).await;
}

pub(crate) async fn positions_stay_dense_when_callers_fight(log: Log) {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let log = log.clone();
        callers.spawn(async move {
            let mut won = 0;
            for turn in 0..30 {
                let stream = format!("s-{}", (caller + turn) % 3);
                let guess = version(&log, &stream).await;
                match log.append(empty_append().and(at_version(&stream, guess, new_events(2)))).await {
                    Ok(appended) => {
                        assert_eq!(appended.versions[0].0, guess + 2);
                        won += 1;
                    }
                    Err(AppendError::Conflict { expected, actual, .. }) => assert!(actual > expected),
                    Err(error) => panic!("{error}"),
                }
            }
            won
        });
    }
    let won: u64 = callers.join_all().await.into_iter().sum();
    assert_eq!(head(&log).await, won * 2, "who lost left no trace");
    assert_sound(&log).await;
}

pub(crate) async fn refused_neighbours_fail_nobody_else(log: Log) {
    append_events(&log, "fought-over", 1).await;
    let known = new_events(1);
    log.append(empty_append().and(at_any_version("known", known.clone()))).await.unwrap();
    log.append(empty_append().with_response(stored_response("key", "done", 0))).await.unwrap();
    let mut callers = JoinSet::new();
    for caller in 0..200 {
        let (log, known) = (log.clone(), known.clone());
        let mixed = [known.clone(), new_events(1)].concat();
        callers.spawn(async move {
            let refused = match caller % 5 {
                0 => empty_append().and(at_version("fought-over", 0, new_events(1))),
                1 => empty_append().and(at_any_version("other", mixed)),
                2 => empty_append()
                    .and(at_any_version("other", new_events(1)))
                    .with_response(stored_response("key", "again", 0)),
                3 => empty_append().and(at_any_version("other", known)),
                _ => {
                    let own = empty_append().and(at_version(&format!("own-{caller}"), 0, new_events(3)));
                    return assert_eq!(log.append(own).await.unwrap().versions[0].0, 3);
                }
            };
            log.append(refused).await.unwrap_err();
        });
    }
    callers.join_all().await;
    assert_eq!(head(&log).await, 2 + 40 * 3);
    assert_sound(&log).await;
}

pub(crate) async fn what_is_answered_can_be_read_at_once(log: Log) {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let log = log.clone();
        callers.spawn(async move {
            for _ in 0..25 {
                let name = format!("s-{caller}");
                let event = an_event("thing.happened");
                let appended =
                    log.append(empty_append().and(at_any_version(&name, vec![event.clone()]))).await.unwrap();
                let read = log.read_stream(&stream(&name), appended.versions[0], 1).await.unwrap();
                assert_eq!(
                    read.first().map(|found| (found.to_new(), found.position)),
                    Some((event, appended.position))
                );
                assert!(log.head().await.unwrap() >= appended.position);
            }
        });
    }
    callers.join_all().await;
}

pub(crate) async fn a_reader_never_finds_anything_new_behind_itself(log: Log) {
    const TURNS: u64 = 40;
    let mut writers = JoinSet::new();
    for caller in 0..CALLERS {
        let log = log.clone();
        writers.spawn(async move {
            for turn in 0..TURNS {
                append_events(&log, &format!("s-{caller}"), 1).await;
                let lost = log.append(empty_append().and(at_version("nowhere", turn + 1, new_events(1)))).await;
                assert!(lost.is_err());
            }
        });
    }
    let mut seen: Vec<Arc<Recorded>> = Vec::new();
    let reading = async {
        while seen.len() < (CALLERS * TURNS) as usize {
            let after = seen.last().map_or(Position(0), |last| last.position);
            let slice = log.read_all(after, 7, &Filter::default()).await.unwrap();
            assert!(slice.head >= after);
            for event in slice.events {
                assert_eq!(event.position.0, seen.len() as u64 + 1);
                seen.push(event);
            }
        }
    };
    with_timeout("reading all events", reading).await;
    writers.join_all().await;
    let seen: Vec<Recorded> = seen.into_iter().map(Arc::unwrap_or_clone).collect();
    assert_eq!(seen, read_whole_log(&log).await);
}

pub(crate) async fn long_pages_have_no_holes_while_others_write(log: Log) {
    const TURNS: u64 = 20;
    const EVENTS: usize = 100;
    let mut writers = JoinSet::new();
    for caller in 0..CALLERS {
        let log = log.clone();
        writers.spawn(async move {
            for _ in 0..TURNS {
                append_events(&log, &format!("s-{caller}"), EVENTS).await;
            }
        });
    }
    let reading = async {
        let mut seen = Position(0);
        while seen.0 < CALLERS * TURNS * EVENTS as u64 {
            let slice = log.read_all(seen, 1000, &Filter::default()).await.unwrap();
            assert!(slice.events.iter().map(|event| event.position.0).eq(seen.0 + 1..=slice.next_after.0));
            assert!(slice.head >= slice.next_after);
            seen = slice.next_after;
        }
    };
    with_timeout("reading all events", reading).await;
    writers.join_all().await;
}

pub(crate) async fn atomic_appends_are_never_seen_in_halves(log: Log) {
    let writer = tokio::spawn({
        let log = log.clone();
        async move {
            for _ in 0..100 {
                let pair = empty_append()
                    .and(at_any_version("left", new_events(1)))
                    .and(at_any_version("right", new_events(1)));
                log.append(pair).await.unwrap();
            }
        }
    });
    let reading = async {
        let mut head = 0;
        while head < 200 {
            let slice = log.read_all(Position(0), 1000, &Filter::default()).await.unwrap();
            head = slice.head.0;
            assert_eq!(head % 2, 0);
            assert_eq!(slice.events.len() as u64, head);
        }
    };
    with_timeout("reading all events", reading).await;
    writer.await.unwrap();
}
