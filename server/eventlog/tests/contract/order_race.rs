//! The race that loses events in logs whose positions come from a sequence: a reader passes position 11 while 10 is not
//! committed yet, and never reads 10. The same check runs on the log and on such a naive log, which shows that it finds the
//! loss.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use storefront_eventlog::{AppendError, Filter, Position};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::world::*;

const WRITERS: usize = 16;
/// A naive log loses an event in almost every attempt.
const MAX_NAIVE_ATTEMPTS: usize = 20;

/// The positions that a following reader has read, and those in the log at the end.
struct Followed {
    seen: Vec<i64>,
    there: Vec<i64>,
}

impl Followed {
    fn lost(&self) -> usize {
        self.there.iter().filter(|position| !self.seen.contains(position)).count()
    }

    fn is_in_order(&self) -> bool {
        self.seen.is_sorted_by(|one, next| one < next)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tight_reader_loses_nothing_while_writers_roll_back_and_are_killed() {
    const APPENDS_PER_WRITER: u64 = 40;
    let world = World::postgres().await;
    let servers = [world.log(), world.second_server().await, world.second_server().await];
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let log = servers[writer % servers.len()].clone();
        writers.spawn(async move {
            for turn in 0..APPENDS_PER_WRITER {
                let name = format!("s-{writer}");
                log.append(empty_append().and(at_version(&name, turn, new_events(1)))).await.unwrap();
                let refused = log.append(empty_append().and(at_version(&name, turn, new_events(1)))).await;
                assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
            }
        });
    }
    let done = Arc::new(AtomicUsize::new(0));
    let vandals = [
        tokio::spawn(roll_back_until(done.clone(), world.connect().await)),
        tokio::spawn(kill_until(done.clone(), world.connect().await, servers[1].clone())),
    ];
    let due = WRITERS as u64 * APPENDS_PER_WRITER;
    let mut seen = Vec::new();
    let reader = servers[2].clone();
    let reading = async {
        let mut after = Position(0);
        while after.0 < due {
            // A reader whose connection is killed twice in a row gets an error, and asks again.
            let Ok(slice) = reader.read_all(after, 50, &Filter::default()).await else { continue };
            seen.extend(slice.events.iter().map(|event| event.position.0 as i64));
            after = slice.next_after;
        }
    };
    with_timeout("reading all events", reading).await;
    with_timeout("all appends", writers.join_all()).await;
    done.store(1, Ordering::SeqCst);
    for vandal in vandals {
        assert!(with_timeout("the end of vandalism", vandal).await.unwrap() > 0, "nothing was destroyed");
    }
    let there = read_whole_log(&servers[0]).await.iter().map(|event| event.position.0 as i64).collect();
    let followed = Followed { seen, there };
    assert_eq!(followed.lost(), 0);
    assert!(followed.is_in_order());
    assert_eq!(followed.there, (1..=due as i64).collect::<Vec<_>>());
    assert_sound(&servers[1]).await;
}

/// Takes positions as a writer does and gives them back; tells how often.
async fn roll_back_until(done: Arc<AtomicUsize>, client: Client) -> usize {
    let take = "BEGIN; SET LOCAL statement_timeout = '5s';
        UPDATE eventlog.head SET position = position + 3, leaves = leaves + 3;
        INSERT INTO eventlog.events (position, stream, version, id, type, schema_version, time_ms, correlation_id, actor,
            data) SELECT position, 'undone', 1, gen_random_uuid(), 'thing.undone', 1, 0, '', '', '{}' FROM eventlog.head;
        ROLLBACK;";
    let mut count = 0;
    while done.load(Ordering::SeqCst) == 0 || count == 0 {
        client.batch_execute(take).await.unwrap();
        count += 1;
    }
    count
}

/// Cuts the servers' connections off each time that the log has grown by some; tells how often.
async fn kill_until(done: Arc<AtomicUsize>, client: Client, log: Log) -> usize {
    let name = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'storefront-eventlog'";
    let mut count = 0;
    while done.load(Ordering::SeqCst) == 0 {
        let next = Position(50 * (count as u64 + 1));
        tokio::select! {
            reached = log.wait_for(next) => assert!(reached.unwrap() >= next),
            () = wait_until_done(&done) => break,
        }
        client.execute(name, &[]).await.unwrap();
        count += 1;
    }
    count
}

async fn wait_until_done(done: &AtomicUsize) {
    while done.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_check_finds_what_a_log_ordered_by_a_sequence_loses() {
    let world = World::postgres().await;
    let plain = world.connect().await;
    plain.batch_execute("CREATE TABLE naive (position BIGSERIAL PRIMARY KEY, writer INTEGER)").await.unwrap();
    for _ in 0..MAX_NAIVE_ATTEMPTS {
        plain.batch_execute("TRUNCATE naive RESTART IDENTITY").await.unwrap();
        let followed = follow_the_naive_log(&world, &plain).await;
        assert!(followed.is_in_order());
        if followed.lost() > 0 {
            return;
        }
    }
    panic!("the naive log lost nothing, so this check proves nothing");
}

async fn follow_the_naive_log(world: &World, plain: &Client) -> Followed {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS as i32 {
        let client = world.connect().await;
        writers.spawn(async move {
            for turn in 0..30 {
                client.batch_execute("BEGIN").await.unwrap();
                client.execute("INSERT INTO naive (writer) VALUES ($1)", &[&writer]).await.unwrap();
                let end = if turn % 5 == 4 { "ROLLBACK" } else { "COMMIT" };
                client.batch_execute(end).await.unwrap();
            }
        });
    }
    let select = plain.prepare("SELECT position FROM naive WHERE position > $1 ORDER BY position").await.unwrap();
    let mut seen = Vec::new();
    let mut last_look = false;
    loop {
        let after: i64 = seen.last().copied().unwrap_or(0);
        seen.extend(plain.query(&select, &[&after]).await.unwrap().iter().map(|row| row.get::<_, i64>(0)));
        if last_look {
            break;
        }
        while let Some(writer) = writers.try_join_next() {
            writer.unwrap();
        }
        last_look = writers.is_empty();
    }
    let there = plain.query(&select, &[&0_i64]).await.unwrap().iter().map(|row| row.get(0)).collect();
    Followed { seen, there }
}
