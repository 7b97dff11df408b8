//! Tests of logs in PostgreSQL: several servers write to one log, and connections fail.

use std::time::Duration;

use storefront_eventlog::{
    AppendError, EventStore, Filter, Position, PostgresStore, StoreError, Version, check, import,
};
use tokio::task::JoinSet;

use crate::world::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_that_write_to_the_same_streams_keep_one_order() {
    let world = World::postgres().await;
    let servers = [world.log(), world.second_server().await];
    let mut callers = JoinSet::new();
    for caller in 0..16_usize {
        let log = servers[caller % 2].clone();
        callers.spawn(async move {
            let mut won = 0;
            for turn in 0..25 {
                let name = format!("s-{}", (caller + turn) % 3);
                let guess = version(&log, &name).await;
                match log.append(empty_append().and(at_version(&name, guess, new_events(2)))).await {
                    Ok(appended) => {
                        assert_eq!(appended.versions[0].0, guess + 2);
                        won += 1;
                    }
                    Err(AppendError::Conflict { expected, actual, .. }) => assert!(actual > expected),
                    Err(error) => panic!("{error}"),
                }
                append_events(&log, &format!("own-{caller}"), 1).await;
            }
            won
        });
    }
    let won: u64 = callers.join_all().await.into_iter().sum();
    assert!(won >= 25, "somebody always wins");
    assert_eq!(head(&servers[0]).await, won * 2 + 16 * 25);
    assert_sound(&servers[0]).await;
    let report = check(&*servers[0]).await.unwrap();
    assert!(report.is_sound() && report.tree.is_some(), "they grow one hash tree: {report}");
    assert_eq!(read_whole_log(&servers[0]).await, read_whole_log(&servers[1]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_of_an_older_version_cannot_write_past_the_hash() {
    let world = World::postgres().await;
    append_events(&world.log(), "a", 3).await;
    let older = "UPDATE eventlog.head SET position = position + 1";
    let refused = world.connect().await.batch_execute(older).await.unwrap_err();
    assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::CHECK_VIOLATION));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_of_an_older_version_gets_its_hash_at_the_first_start() {
    let world = World::postgres().await;
    append_events(&world.log(), "a", 5).await;
    let tree = world.log().hash_tree().await.unwrap().unwrap();
    world.log().close().await;
    let older =
        "ALTER TABLE eventlog.head DROP COLUMN leaves, DROP COLUMN peaks, DROP COLUMN since, DROP COLUMN incomplete,
            DROP COLUMN seen_ms, DROP COLUMN looked_ms, DROP COLUMN epoch;
        ALTER TABLE eventlog.answers DROP COLUMN kept_ms;
        ALTER TABLE eventlog.leases DROP COLUMN ttl_ms; DROP TABLE eventlog.data_keys;
        CREATE INDEX answers_by_time ON eventlog.answers (time_ms);
        ALTER TABLE eventlog.events DROP COLUMN checksum; DROP FUNCTION eventlog.grow;
        DELETE FROM eventlog.migrations WHERE step > 2";
    world.connect().await.batch_execute(older).await.unwrap();
    let reader = world.reader().await.unwrap();
    assert!(check(&*reader).await.unwrap().is_sound(), "it is read in the shape that it has");
    assert_eq!(reader.hash_tree().await.unwrap(), None);
    let log = world.second_server().await;
    let planted = log.hash_tree().await.unwrap().unwrap();
    assert_eq!((planted.hash(), planted.since()), (tree.hash(), Position(6)));
    append_events(&log, "a", 2).await;
    assert!(check(&*log).await.unwrap().is_sound());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stale_memory_of_a_stream_costs_only_its_own_caller() {
    let world = World::postgres().await;
    let (here, there) = (world.log(), world.second_server().await);
    append_events(&here, "shared", 1).await;
    for round in 0..20_u64 {
        // `here` has an older version of the stream in its cache.
        append_events(&there, "shared", 1).await;
        let stale = empty_append().and(at_version("shared", 2 * round + 1, new_events(1)));
        let neighbour = empty_append().and(at_version(&format!("own-{round}"), 0, new_events(1)));
        let anyway = empty_append().and(at_any_version("shared", new_events(1)));
        let mut outcomes = append_in_order(&here, vec![stale, neighbour, anyway]).await.into_iter();
        let (stale, neighbour, anyway) = (outcomes.next().unwrap(), outcomes.next().unwrap(), outcomes.next().unwrap());
        assert_conflict(stale, "shared", 2 * round + 1, 2 * round + 2);
        neighbour.unwrap();
        assert_eq!(anyway.unwrap().versions[0].0, 2 * round + 3);
    }
    assert_sound(&there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_checked_stream_is_checked_against_what_other_servers_wrote() {
    let world = World::postgres().await;
    let (here, there) = (world.log(), world.second_server().await);
    append_events(&here, "rule", 1).await;
    append_events(&there, "rule", 1).await;
    let guarded = empty_append().and(at_version("rule", 1, vec![])).and(at_any_version("a", new_events(1)));
    assert_conflict(here.append(guarded).await, "rule", 1, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_and_event_ids_are_known_to_all_servers() {
    let world = World::postgres().await;
    let (here, there) = (world.log(), world.second_server().await);
    let append = empty_append().and(at_version("a", 0, new_events(2))).with_response(stored_response("key", "done", 5));
    let first = here.append(append.clone()).await.unwrap();
    assert_eq!(there.append(append).await.unwrap(), first);
    let other =
        empty_append().and(at_any_version("a", new_events(1))).with_response(stored_response("key", "again", 6));
    assert!(matches!(there.append(other).await, Err(AppendError::AlreadyAnswered { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_waits_is_woken_by_what_another_server_writes() {
    let world = World::postgres().await;
    let (here, there) = (world.log(), world.second_server().await);
    for turn in 1..=20 {
        let waiting = tokio::spawn({
            let here = here.clone();
            async move { here.wait_for(Position(turn - 1)).await.unwrap() }
        });
        append_events(&there, "a", 1).await;
        assert_eq!(with_timeout("waking", waiting).await.unwrap(), Position(turn));
        assert_eq!(here.read_all(Position(turn - 1), 10, &Filter::default()).await.unwrap().events.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_joins_learns_the_head_of_the_log_and_then_of_every_commit() {
    let world = World::postgres().await;
    let log = world.log();
    append_events(&log, "a", 3).await;
    let (newcomer, mut notified) = world.listen_as_server().await;
    newcomer.batch_execute("NOTIFY eventlog, 'here'").await.unwrap();
    with_timeout("the answer", notified.wait_for(|position| *position == 3)).await.unwrap();
    append_events(&log, "a", 1).await;
    with_timeout("news", notified.wait_for(|position| *position == 4)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_whose_first_announcement_was_lost_is_found_and_notified() {
    let world = World::postgres().await;
    let (_silent, notified) = world.listen_as_server().await;
    let log = world.log();
    with_timeout("finding it", async {
        while *notified.borrow() == 0 {
            append_events(&log, "a", 1).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_announcement_of_what_the_log_does_not_have_is_not_believed() {
    let world = World::postgres().await;
    let (here, there) = (world.log(), world.second_server().await);
    append_events(&here, "a", 1).await;
    with_timeout("waking", there.wait_for(Position(0))).await.unwrap();
    // Such a server still has a log in mind that was set back.
    let (stale, mut notified) = world.listen_as_server().await;
    stale.batch_execute("NOTIFY eventlog, '500'").await.unwrap();
    with_timeout("the news", notified.wait_for(|position| *position == 500)).await.unwrap();
    for position in 2..20 {
        append_events(&here, "a", 1).await;
        let page =
            with_timeout("the event", there.follow(Position(position - 1), 10, &Filter::default())).await.unwrap();
        assert_eq!((page.events.len(), page.next_after, page.head), (1, Position(position), Position(position)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_read_from_a_database_that_was_set_back() {
    let world = World::postgres().await;
    let log = world.log();
    append_events(&log, "a", 3).await;
    let copy = world.copy_database().await;
    append_events(&log, "a", 1).await;
    copy.take_over().await;
    // Each of these is the first to meet the other database on its connection.
    for _ in 0..8 {
        let read = log.read_stream(&stream("a"), Version(1), 10).await;
        assert!(matches!(read, Err(StoreError::SetBack { known: Position(4), head: Position(3) })), "{read:?}");
        let lease = log.acquire_lease("work", "here", Duration::from_secs(1)).await;
        assert!(matches!(lease, Err(StoreError::SetBack { .. })), "{lease:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_server_has_only_read_must_be_in_the_database_too() {
    for way in ["a stream", "the end of the log"] {
        let world = World::postgres().await;
        let (here, there) = (world.log(), world.second_server().await);
        append_events(&here, "a", 3).await;
        let copy = world.copy_database().await;
        append_events(&there, "a", 2).await;
        with_timeout(way, async {
            match way {
                "a stream" => while here.read_stream(&stream("a"), Version(5), 1).await.unwrap().is_empty() {},
                _ => {
                    here.follow(Position(4), 10, &Filter::default()).await.unwrap();
                }
            }
        })
        .await;
        copy.take_over().await;
        let read = here.read_stream(&stream("a"), Version(1), 10).await;
        let is_noticed = matches!(read, Err(StoreError::SetBack { known: Position(5), head: Position(3) }));
        assert!(is_noticed, "{way}: {read:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_connections_lose_nothing_and_double_nothing() {
    let world = World::postgres().await;
    let log = world.log();
    let killer = world.connect().await;
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        let log = log.clone();
        callers.spawn(async move {
            for turn in 0..60_u64 {
                let name = format!("s-{caller}");
                let appended = log.append(empty_append().and(at_version(&name, turn, new_events(1)))).await.unwrap();
                assert_eq!(appended.versions[0].0, turn + 1);
            }
        });
    }
    for round in 1..=10 {
        with_timeout("progress", log.wait_for(Position(round * 40))).await.unwrap();
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        killer.execute(kill, &[]).await.unwrap();
    }
    with_timeout("all appends", callers.join_all()).await;
    assert_eq!(head(&log).await, 8 * 60);
    assert_sound(&log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_servers_may_start_at_once_on_an_empty_database() {
    let world = World::postgres().await;
    let fresh = crate::postgres_server::create_database().await;
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        let fresh = fresh.clone();
        starting.spawn(async move {
            let log = PostgresStore::connect(&fresh).await.unwrap();
            log.append(empty_append().and(at_any_version("a", new_events(1)))).await.unwrap();
        });
    }
    starting.join_all().await;
    assert_eq!(PostgresStore::connect(&fresh).await.unwrap().head().await.unwrap(), Position(8));
    drop(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_database_itself_refuses_to_change_or_delete_events() {
    let world = World::postgres().await;
    append_events(&world.log(), "a", 2).await;
    let plain = world.connect().await;
    for statement in
        ["UPDATE eventlog.events SET data = '{}'", "DELETE FROM eventlog.events", "TRUNCATE eventlog.events"]
    {
        let error = plain.batch_execute(statement).await.unwrap_err();
        let said = error.as_db_error().unwrap().message().to_owned();
        assert!(said.contains("never changed or deleted") || said.contains("permission denied"), "{statement}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_from_a_newer_program_is_refused() {
    let world = World::postgres().await;
    let plain = world.connect().await;
    plain.batch_execute("INSERT INTO eventlog.migrations (step) VALUES (4711)").await.unwrap();
    let error = world.try_second_server().await.err().unwrap();
    let StoreError::Unusable(why) = error else { panic!("{error}") };
    assert!(why.contains("newer version of this program (schema 4711"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_in_a_database_is_read_without_writing_to_it() {
    let world = World::postgres().await;
    append_events(&world.log(), "a", 3).await;
    let reading = world.reader().await.unwrap();
    assert_eq!(read_whole_log(&reading).await, read_whole_log(&world.log()).await);
    let refused = reading.append(empty_append().and(at_any_version("a", new_events(1)))).await;
    assert!(matches!(refused, Err(AppendError::Store(StoreError::Closed))), "{refused:?}");
    world.connect().await.batch_execute("INSERT INTO eventlog.migrations (step) VALUES (4711)").await.unwrap();
    let refused = world.reader().await.err().unwrap().to_string();
    assert!(refused.contains("newer version of this program (schema 4711"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_event_behind_the_head_fails_the_check() {
    let world = World::postgres().await;
    append_events(&world.log(), "a", 3).await;
    let back = "UPDATE eventlog.head SET position = 2, leaves = 2, peaks = substr(peaks, 1, 32)";
    world.connect().await.batch_execute(back).await.unwrap();
    let report = check(&*world.reader().await.unwrap()).await.unwrap();
    assert!(report.to_string().ends_with("1 findings\n- position 3 stands behind the head"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_was_set_back_is_noticed_before_anything_is_written_to_it() {
    let world = World::postgres().await;
    let (log, other) = (world.log(), world.second_server().await);
    append_events(&log, "a", 3).await;
    let copy = world.copy_database().await;
    append_events(&log, "a", 4).await;
    append_events(&other, "b", 1).await;
    // Positions that this server only read count too.
    assert_eq!(read_whole_log(&log).await.len(), 8);
    copy.take_over().await;
    let refused = log.append(empty_append().and(at_version("a", 7, new_events(1)))).await.unwrap_err();
    let is_noticed = |error: &AppendError| {
        matches!(error, AppendError::Store(StoreError::SetBack { known: Position(8), head: Position(3) }))
    };
    assert!(is_noticed(&refused), "{refused:?}");
    // The other server notices without a request of its own.
    let noticed = with_timeout("noticing", other.wait_for(Position(8))).await;
    assert!(matches!(noticed, Err(StoreError::SetBack { known: Position(8), .. })), "{noticed:?}");
    for log in [&log, &other] {
        assert!(matches!(log.head().await, Err(StoreError::SetBack { .. })));
        assert!(matches!(log.read_all(Position(0), 1, &Filter::default()).await, Err(StoreError::SetBack { .. })));
    }

    let [log, other] = [world.second_server().await, world.second_server().await];
    assert_eq!(log.epoch().await.unwrap(), None);
    log.begin_epoch(None).await.unwrap();
    let epoch = log.epoch().await.unwrap();
    other.begin_epoch(None).await.unwrap();
    assert!(epoch.is_some() && other.epoch().await.unwrap() == epoch, "both notice, and there is one new epoch");
    assert_eq!(append_events(&log, "a", 1).await.versions[0].0, 4);
    assert!(check(&*log).await.unwrap().is_sound());

    let earlier = "UPDATE eventlog.head SET epoch = '00000000-0000-0000-0000-000000000000'";
    world.connect().await.batch_execute(earlier).await.unwrap();
    log.begin_epoch(epoch).await.unwrap();
    let next = log.epoch().await.unwrap();
    other.begin_epoch(epoch).await.unwrap();
    assert!(next > epoch && other.epoch().await.unwrap() == next, "set back to before that epoch, it gets another one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_with_half_an_import_is_refused() {
    let world = World::postgres().await;
    let cut = "{\"position\":1,\"id\":";
    import(&*world.log(), &mut cut.as_bytes()).await.unwrap_err();
    for refused in [world.try_second_server().await.err(), world.reader().await.err()] {
        let message = refused.unwrap().to_string();
        assert!(message.contains("Drop the schema eventlog and import again"), "{message}");
    }
}

#[tokio::test]
async fn a_wrong_address_is_reported_without_its_password() {
    let error = PostgresStore::connect("postgres://shop:secret@localhost:door/shop").await.err().unwrap();
    assert!(matches!(error, StoreError::Unusable(_)), "{error}");
    let nobody_there = PostgresStore::connect("postgres://shop:secret@127.0.0.1:1/shop").await.err().unwrap();
    assert!(matches!(nobody_there, StoreError::Database(_)), "{nobody_there}");
    for said in [error.to_string(), nobody_there.to_string()] {
        assert!(!said.contains("secret"), "{said}");
    }
}
