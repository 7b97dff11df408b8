//! Tests of fencing: two servers share a lease, and are stopped at critical moments.

use storefront_eventlog::{AppendError, Epoch, LeaseOutcome};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::leases::{LEASE_TTL, acquire, assert_fenced};
use crate::timers::{clear, set};
use crate::world::*;

/// Waits until so many statements of this database wait for a lock.
async fn wait_for_lock_waiters(plain: &Client, count: i64) {
    let ask = "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE NOT l.granted AND a.datname = current_database()";
    let waiting = async { while plain.query_one(ask, &[]).await.unwrap().get::<_, i64>(0) < count {} };
    with_timeout("waiting for a lock", waiting).await;
}

fn spawn_append(log: &Log, append: storefront_eventlog::Append) -> JoinHandle<Result<u64, AppendError>> {
    let log = log.clone();
    tokio::spawn(async move { log.append(append).await.map(|appended| appended.position.0) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_holder_had_sent_before_it_lost_its_lease_is_refused_and_its_neighbours_are_not() {
    let world = World::postgres().await;
    let (here, there) = (world.log(), world.second_server().await);
    let stale = acquire(&here, "mail", "here").await;
    // The holder waits for the lock of the head row.
    let head_row = world.connect().await;
    head_row.batch_execute("BEGIN; SELECT position FROM eventlog.head FOR UPDATE").await.unwrap();
    let first = spawn_append(&here, empty_append().and(at_any_version("first", new_events(1))).with_fence(&stale));
    wait_for_lock_waiters(&world.connect().await, 1).await;
    // These queue behind it, and commit in one batch.
    let batch = tokio::spawn({
        let (here, stale) = (here.clone(), stale.clone());
        async move {
            let plain = empty_append().and(at_any_version("plain", new_events(1)));
            let late =
                empty_append().and(at_any_version("late", new_events(1))).with_checkpoint("mail", 1).with_fence(&stale);
            let checked = empty_append().and(at_version("checked", 0, new_events(1)));
            append_in_order(&here, vec![plain, late, checked]).await
        }
    });
    world.advance_time(LEASE_TTL).await;
    let fresh = acquire(&there, "mail", "there").await;
    assert_eq!(fresh.epoch, Epoch(2));
    head_row.batch_execute("COMMIT").await.unwrap();

    assert_fenced(with_timeout("an answer", first).await.unwrap(), 1, 2);
    let mut outcomes = with_timeout("answers", batch).await.unwrap().into_iter();
    outcomes.next().unwrap().unwrap();
    assert_fenced(outcomes.next().unwrap(), 1, 2);
    outcomes.next().unwrap().unwrap();
    let written: Vec<String> =
        read_whole_log(&there).await.into_iter().map(|recorded| recorded.stream().to_owned()).collect();
    assert_eq!(written, ["plain", "checked"]);
    assert_eq!(there.checkpoint("mail").await.unwrap().0, 0);
    there.append(empty_append().with_checkpoint("mail", 2).with_fence(&fresh)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_is_not_taken_while_its_holder_commits_so_the_next_sees_everything() {
    let world = World::postgres().await;
    let (here, there) = (world.log(), world.second_server().await);
    let fence = acquire(&here, "mail", "here").await;
    world.advance_time(LEASE_TTL).await;
    // A commit that has passed its checks, and waits for the lock.
    let gate = world.connect().await;
    let trap = "CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN new; END $$;
        CREATE TRIGGER gate BEFORE INSERT ON eventlog.events FOR EACH ROW EXECUTE FUNCTION wait_at_the_gate();
        SELECT pg_advisory_lock(1);";
    gate.batch_execute(trap).await.unwrap();
    let committing = spawn_append(
        &here,
        empty_append().and(at_any_version("a", new_events(1))).with_checkpoint("mail", 1).with_fence(&fence),
    );
    let plain = world.connect().await;
    wait_for_lock_waiters(&plain, 1).await;
    let taking = tokio::spawn({
        let there = there.clone();
        async move {
            let taken = there.acquire_lease("mail", "there", LEASE_TTL).await.unwrap();
            (taken, there.checkpoint("mail").await.unwrap().0)
        }
    });
    let waits = async {
        wait_for_lock_waiters(&plain, 2).await;
    };
    tokio::select! {
        () = waits => {}
        () = async { while !taking.is_finished() { tokio::task::yield_now().await } } => {}
    }
    gate.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();

    assert_eq!(with_timeout("the commit", committing).await.unwrap().unwrap(), 1);
    let (now_there, checkpoint) = with_timeout("taking it", taking).await.unwrap();
    assert!(matches!(now_there, LeaseOutcome::Acquired(fence) if fence.epoch == Epoch(2)));
    assert_eq!(checkpoint, 1, "the next holder begins after all that the last one has done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_timer_that_another_server_sets_while_an_append_waits_is_cleared_and_set_as_if_it_had_been_there() {
    let world = World::postgres().await;
    let log = world.log();
    // An uncommitted change of another server.
    let other = world.connect().await;
    let timers = "BEGIN; SELECT position FROM eventlog.head FOR UPDATE;
        INSERT INTO eventlog.timers (owner, name, due_ms, revision, note) VALUES
            ('orders', 'cleared', 5, gen_random_uuid(), '{}'), ('orders', 'set', 5, gen_random_uuid(), '{}')";
    other.batch_execute(timers).await.unwrap();
    let plain = world.connect().await;
    let clearing = spawn_append(
        &log,
        empty_append().and(at_any_version("a", new_events(1))).with_timer(clear("orders", "cleared")),
    );
    wait_for_lock_waiters(&plain, 1).await;
    let setting =
        spawn_append(&log, empty_append().and(at_any_version("a", new_events(1))).with_timer(set("orders", "set", 7)));
    other.batch_execute("COMMIT").await.unwrap();

    with_timeout("clearing it", clearing).await.unwrap().unwrap();
    with_timeout("setting it", setting).await.unwrap().unwrap();
    let due: Vec<(String, i64)> =
        log.due_timers("orders", 10).await.unwrap().into_iter().map(|timer| (timer.name, timer.due_ms)).collect();
    assert_eq!(due, [("set".to_owned(), 7)]);
}
