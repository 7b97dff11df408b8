//! Two servers on one database and one lease between them, stopped at the worst moments.

use storefront_eventlog::{AppendError, Epoch, LeaseOutcome};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::leases::{TTL, assert_fenced, taken};
use crate::timers::{clear, set};
use crate::world::*;

/// Waits until so many statements of this database wait for a lock.
async fn until_waiting(plain: &Client, count: i64) {
    let ask = "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE NOT l.granted AND a.datname = current_database()";
    let waiting = async { while plain.query_one(ask, &[]).await.unwrap().get::<_, i64>(0) < count {} };
    soon("waiting for a lock", waiting).await;
}

fn sent(log: &Log, append: storefront_eventlog::Append) -> JoinHandle<Result<u64, AppendError>> {
    let log = log.clone();
    tokio::spawn(async move { log.append(append).await.map(|appended| appended.position.0) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_holder_had_sent_before_it_lost_its_lease_is_refused_and_its_neighbours_are_not() {
    let world = World::postgres().await;
    let (here, there) = (world.log(), world.second_server().await);
    let stale = taken(&here, "mail", "here").await;
    // The holder gets as far as the head of the log, and stays there.
    let head_row = world.plain_connection().await;
    head_row.batch_execute("BEGIN; SELECT position FROM eventlog.head FOR UPDATE").await.unwrap();
    let first = sent(&here, nothing().and(onto("first", some_events(1))).under(&stale));
    until_waiting(&world.plain_connection().await, 1).await;
    // These queue behind it, and come in one batch.
    let batch = tokio::spawn({
        let (here, stale) = (here.clone(), stale.clone());
        async move {
            let plain = nothing().and(onto("plain", some_events(1)));
            let late = nothing().and(onto("late", some_events(1))).with_checkpoint("mail", 1).under(&stale);
            let checked = nothing().and(to("checked", 0, some_events(1)));
            sent_in_order(&here, vec![plain, late, checked]).await
        }
    });
    world.passes(TTL).await;
    let fresh = taken(&there, "mail", "there").await;
    assert_eq!(fresh.epoch, Epoch(2));
    head_row.batch_execute("COMMIT").await.unwrap();

    assert_fenced(soon("an answer", first).await.unwrap(), 1, 2);
    let mut outcomes = soon("answers", batch).await.unwrap().into_iter();
    outcomes.next().unwrap().unwrap();
    assert_fenced(outcomes.next().unwrap(), 1, 2);
    outcomes.next().unwrap().unwrap();
    let written: Vec<String> =
        read_whole_log(&there).await.into_iter().map(|recorded| recorded.stream().to_owned()).collect();
    assert_eq!(written, ["plain", "checked"]);
    assert_eq!(there.checkpoint("mail").await.unwrap().0, 0);
    there.append(nothing().with_checkpoint("mail", 2).under(&fresh)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_is_not_taken_while_its_holder_commits_so_the_next_sees_everything() {
    let world = World::postgres().await;
    let (here, there) = (world.log(), world.second_server().await);
    let fence = taken(&here, "mail", "here").await;
    world.passes(TTL).await;
    // A commit that has been judged, and then waits for us.
    let gate = world.plain_connection().await;
    let trap = "CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN new; END $$;
        CREATE TRIGGER gate BEFORE INSERT ON eventlog.events FOR EACH ROW EXECUTE FUNCTION wait_at_the_gate();
        SELECT pg_advisory_lock(1);";
    gate.batch_execute(trap).await.unwrap();
    let committing = sent(&here, nothing().and(onto("a", some_events(1))).with_checkpoint("mail", 1).under(&fence));
    let plain = world.plain_connection().await;
    until_waiting(&plain, 1).await;
    let taking = tokio::spawn({
        let there = there.clone();
        async move {
            let taken = there.acquire_lease("mail", "there", TTL).await.unwrap();
            (taken, there.checkpoint("mail").await.unwrap().0)
        }
    });
    let waits = async {
        until_waiting(&plain, 2).await;
    };
    tokio::select! {
        () = waits => {}
        () = async { while !taking.is_finished() { tokio::task::yield_now().await } } => {}
    }
    gate.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();

    assert_eq!(soon("the commit", committing).await.unwrap().unwrap(), 1);
    let (now_there, checkpoint) = soon("taking it", taking).await.unwrap();
    assert!(matches!(now_there, LeaseOutcome::Acquired(fence) if fence.epoch == Epoch(2)));
    assert_eq!(checkpoint, 1, "the next holder begins after all that the last one has done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_timer_that_another_server_sets_while_an_append_waits_is_cleared_and_set_as_if_it_had_been_there() {
    let world = World::postgres().await;
    let log = world.log();
    // What another server is about to commit.
    let other = world.plain_connection().await;
    let timers = "BEGIN; SELECT position FROM eventlog.head FOR UPDATE;
        INSERT INTO eventlog.timers (owner, name, due_ms, revision, note) VALUES
            ('orders', 'cleared', 5, gen_random_uuid(), '{}'), ('orders', 'set', 5, gen_random_uuid(), '{}')";
    other.batch_execute(timers).await.unwrap();
    let plain = world.plain_connection().await;
    let clearing = sent(&log, nothing().and(onto("a", some_events(1))).with_timer(clear("orders", "cleared")));
    until_waiting(&plain, 1).await;
    let setting = sent(&log, nothing().and(onto("a", some_events(1))).with_timer(set("orders", "set", 7)));
    other.batch_execute("COMMIT").await.unwrap();

    soon("clearing it", clearing).await.unwrap().unwrap();
    soon("setting it", setting).await.unwrap().unwrap();
    let due: Vec<(String, i64)> =
        log.due_timers("orders", 10).await.unwrap().into_iter().map(|timer| (timer.name, timer.due_ms)).collect();
    assert_eq!(due, [("set".to_owned(), 7)]);
}
