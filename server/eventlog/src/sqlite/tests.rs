//! What happens when the database fails under the writer.

use std::path::Path;
use std::task::{Context, Poll, Waker};

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::{EventId, Expected, JsonText, NewEvent, StreamAppend};

fn an_append(stream: &str, kind: &str, bytes: usize) -> Append {
    let event = NewEvent {
        id: EventId::now_v7(),
        kind: kind.to_owned(),
        schema_version: 1,
        time_ms: 0,
        correlation_id: String::new(),
        causation_id: None,
        actor: String::new(),
        data: JsonText::of(&"x".repeat(bytes)).unwrap(),
    };
    let expected = Expected::Exactly(Version(0));
    let stream = StreamAppend { stream: StreamName::new(stream).unwrap(), expected, events: vec![event] };
    Append { streams: vec![stream], ..Append::default() }
}

/// A log in a file, and the writer's connection to make trouble on.
fn a_log_with_its_connection(path: &Path) -> (SqliteStore, Arc<Mutex<Connection>>) {
    let file = owned_file::lock(path).unwrap();
    let connection = Arc::new(Mutex::new(open::open_writer(&file).unwrap()));
    let readers = Readers::dedicated(vec![open::open_reader(&file).unwrap()], open::open_reader(&file).unwrap());
    let store = SqliteStore::start(connection.clone(), readers, Some(Arc::new(file)), Queue::new(100, ENQUEUE_TIMEOUT))
        .unwrap();
    (store, connection)
}

#[test]
fn a_file_that_was_let_go_can_be_taken_although_a_copy_of_its_lock_is_still_open() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let file = owned_file::lock(&path).unwrap();
    let copy = file.inherited_lock();
    assert!(owned_file::lock(&path).is_err(), "two own one file");
    drop(file);
    owned_file::lock(&path).unwrap();
    drop(copy);
}

#[tokio::test]
async fn a_reader_at_the_end_never_sees_what_is_not_committed() {
    let folder = TempDir::new().unwrap();
    let (store, connection) = a_log_with_its_connection(&folder.path().join("log"));
    store.append(an_append("one", "k", 10)).await.unwrap();
    let everything = Filter::default();
    let seen = async || {
        let page = store.read_all(Position(0), 10, &everything).await.unwrap();
        (page.events.iter().map(|event| event.stream().to_owned()).collect::<Vec<_>>(), page.head.0)
    };

    // The insertion succeeds, and the commit fails.
    lock(&connection)
        .execute_batch(
            "PRAGMA foreign_keys = on; CREATE TABLE nobody (id INTEGER PRIMARY KEY);
            CREATE TABLE refused (id INTEGER REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED);
            CREATE TRIGGER refuse AFTER INSERT ON events WHEN new.type = 'bad' BEGIN INSERT INTO refused VALUES (1); END",
        )
        .unwrap();
    let mut waiting = Box::pin(store.follow(Position(1), 10, &everything));
    let poll = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll.is_pending());
    let failure = store.append(an_append("two", "bad", 10)).await.unwrap_err();
    assert!(matches!(failure, AppendError::Store(_)), "{failure}");
    assert_eq!(seen().await, (vec!["one".to_owned()], 1));
    store.append(an_append("three", "k", 10)).await.unwrap();
    assert_eq!(seen().await, (vec!["one".to_owned(), "three".to_owned()], 2));
    assert_eq!(waiting.await.unwrap().events.first().map(|event| event.stream().to_owned()).as_deref(), Some("three"));
}

#[tokio::test]
async fn what_is_read_from_memory_is_what_the_database_has() {
    let store = SqliteStore::in_memory().unwrap();
    let from_database = store.clone().without_tail();
    let several = |number: usize| {
        let mut append = an_append(&format!("a-{number}"), "odd", 10);
        append.streams.extend(an_append(&format!("b-{number}"), "even", 10).streams);
        append
    };
    let appends: Vec<Append> = (0..20).map(several).collect();
    for append in &appends {
        // Sent again, it is not written again.
        let (once, again) = tokio::join!(store.append(append.clone()), store.append(append.clone()));
        assert_eq!(once.unwrap(), again.unwrap());
    }
    let even = Filter { types: vec!["even".to_owned()], ..Filter::default() };
    for (after, limit, filter) in
        [(0, 100, Filter::default()), (7, 5, Filter::default()), (3, 4, even.clone()), (38, 4, even)]
    {
        let page = store.read_all(Position(after), limit, &filter).await.unwrap();
        assert_eq!(page, from_database.read_all(Position(after), limit, &filter).await.unwrap());
    }
}

#[tokio::test]
async fn a_full_disk_fails_the_append_and_the_log_goes_on_when_there_is_room() {
    let folder = TempDir::new().unwrap();
    let (store, connection) = a_log_with_its_connection(&folder.path().join("log"));
    store.append(an_append("small", "k", 10)).await.unwrap();

    lock(&connection).execute_batch("PRAGMA max_page_count = 30").unwrap();
    let refused = store.append(an_append("large", "k", 500_000)).await.unwrap_err();
    assert!(refused.to_string().contains("database or disk is full"), "{refused}");
    assert!(matches!(refused, AppendError::Store(failure) if failure.condition() == StoreCondition::Full));
    assert_eq!(store.head().await.unwrap(), Position(1));

    let small = store.append(an_append("small-too", "k", 10)).await.unwrap();
    assert_eq!(small.position, Position(2), "what fits is written");
    lock(&connection).execute_batch("PRAGMA max_page_count = 1000000").unwrap();
    let large = store.append(an_append("large", "k", 500_000)).await.unwrap();
    assert_eq!((large.position, large.versions), (Position(3), vec![Version(1)]));
}

/// The tree that a program reads beside the writer, and the position of the saved one.
async fn trees(path: &Path) -> (HashTree, Position) {
    let saved = read::saved_hash_tree(&Connection::open(path).unwrap()).unwrap().unwrap();
    let read = SqliteStore::open_to_read(path).unwrap().hash_tree().await.unwrap().unwrap();
    (read, saved.position())
}

#[tokio::test]
async fn the_hash_tree_is_saved_now_and_then_and_is_that_of_all_events_at_any_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let (store, _connection) = a_log_with_its_connection(&path);
    let mut saved = std::collections::BTreeSet::new();
    for turn in 0..50 {
        let streams = (0..50).flat_map(|part| an_append(&format!("s-{turn}-{part}"), "k", 10).streams);
        store.append(Append { streams: streams.collect(), ..Append::default() }).await.unwrap();
        let mut all = HashTree::default();
        let mut after = Position(0);
        while after < store.head().await.unwrap() {
            let page = store.read_all(after, 1000, &Filter::default()).await.unwrap();
            page.events.iter().for_each(|event| all.add(event));
            after = page.next_after;
        }
        assert_eq!(store.hash_tree().await.unwrap().as_ref(), Some(&all));
        let (read, position) = trees(&path).await;
        assert_eq!(read, all, "after {turn}, saved at {position}");
        saved.insert(position);
    }
    assert_eq!(saved.into_iter().collect::<Vec<_>>(), [Position(0), Position(1000), Position(2000)]);
    store.close().await;
    assert_eq!(trees(&path).await.1, Position(2500), "a log that is closed has all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_commit_fails_no_caller_in_it_gets_a_success() {
    let folder = TempDir::new().unwrap();
    let (store, connection) = a_log_with_its_connection(&folder.path().join("log"));
    // A promise to a table that stays empty: it is looked at when the transaction commits.
    let trap = "PRAGMA foreign_keys = ON;
        CREATE TABLE known (id INTEGER PRIMARY KEY);
        CREATE TABLE promised (id INTEGER REFERENCES known DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER trap AFTER INSERT ON events WHEN new.type = 'poison' BEGIN INSERT INTO promised VALUES (1); END;";
    lock(&connection).execute_batch(trap).unwrap();

    for round in 0..20 {
        let stuck = lock(&connection);
        let mut callers = JoinSet::new();
        for caller in 0..6 {
            let store = store.clone();
            let stream = format!("s-{round}-{caller}");
            let kind = if caller == 3 { "poison" } else { "sound" };
            callers.spawn(async move { (stream.clone(), store.append(an_append(&stream, kind, 10)).await) });
        }
        drop(stuck);
        for (stream, outcome) in callers.join_all().await {
            let stream = StreamName::new(stream).unwrap();
            let written = store.read_stream(&stream, Version(1), 10).await.unwrap();
            assert_eq!(written.len(), usize::from(outcome.is_ok()), "{stream}: {outcome:?}");
            if outcome.is_err() {
                assert!(matches!(outcome, Err(AppendError::Store(StoreError::Database(_)))), "{outcome:?}");
                let again = store.append(an_append(stream.as_str(), "sound", 10)).await.unwrap();
                assert_eq!(again.versions, [Version(1)], "nothing is remembered of what was rolled back");
            }
        }
    }
    let log = store.read_all(Position(0), 1000, &Filter::default()).await.unwrap();
    assert_eq!(log.head, Position(120));
    assert!(log.events.iter().zip(1..).all(|(event, position)| event.position.0 == position));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_holder_had_queued_before_it_lost_its_lease_is_refused_and_its_neighbours_are_not() {
    let folder = TempDir::new().unwrap();
    let (store, connection) = a_log_with_its_connection(&folder.path().join("log"));
    let ttl = Duration::from_secs(60);
    let LeaseOutcome::Acquired(fence) = store.acquire_lease("mail", "here", ttl).await.unwrap() else {
        panic!("it is free")
    };

    let mut queued: Vec<_> = ["before", "late", "after"]
        .map(|stream| {
            let fences = if stream == "late" { vec![fence.clone()] } else { vec![] };
            store.append(Append { fences, ..an_append(stream, "k", 10) })
        })
        .into();
    {
        let stuck = lock(&connection);
        for append in &mut queued {
            assert_eq!(append.as_mut().poll(&mut Context::from_waker(Waker::noop())).map(|_| ()), Poll::Pending);
        }
        stuck.execute("UPDATE leases SET holder = 'there', epoch = 2", []).unwrap();
    }
    let mut outcomes = Vec::new();
    for append in queued {
        outcomes.push(append.await);
    }
    assert!(matches!(outcomes.as_slice(), [Ok(_), Err(AppendError::Fenced { .. }), Ok(_)]), "{outcomes:?}");
    let log = store.read_all(Position(0), 10, &Filter::default()).await.unwrap();
    assert_eq!(log.events.iter().map(|event| event.stream()).collect::<Vec<_>>(), ["before", "after"]);
}

#[test]
fn everybody_is_answered_although_the_runtime_in_which_the_log_was_opened_is_gone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let first = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let store = first.block_on(async { SqliteStore::open(&path) }).unwrap();
    first.shutdown_timeout(std::time::Duration::ZERO);
    let second = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    second.block_on(async {
        let mut callers = JoinSet::new();
        for caller in 0..50 {
            let store = store.clone();
            callers.spawn(async move { store.append(an_append(&format!("s-{caller}"), "k", 10)).await.unwrap() });
        }
        let mut positions: Vec<u64> = callers.join_all().await.iter().map(|appended| appended.position.0).collect();
        positions.sort_unstable();
        assert_eq!(positions, (1..=50).collect::<Vec<u64>>());
        store.close().await;
    });
}

#[test]
fn the_second_half_of_a_page_follows_the_first_only_where_that_ended_as_planned() {
    let slice = |positions: &[u64], next_after: u64, head: u64| {
        let event = an_append("a", "k", 1).streams.remove(0).events.remove(0);
        let stream = StreamName::new("a").unwrap();
        let at = |at: &u64| Arc::new(Recorded::new(Position(*at), &stream, Version(*at), &event));
        let events = positions.iter().map(at).collect();
        EventPage { events, next_after: Position(next_after), head: Position(head) }
    };
    let summary = |slice: EventPage| {
        let positions: Vec<u64> = slice.events.iter().map(|event| event.position.0).collect();
        (positions, slice.next_after.0, slice.head.0)
    };
    let joined = |first, second| summary(read::join_pages(first, Position(4), second));
    assert_eq!(joined(slice(&[3, 4], 4, 9), slice(&[5, 6], 6, 9)), (vec![3, 4, 5, 6], 6, 9));
    assert_eq!(joined(slice(&[3, 4], 4, 4), slice(&[5], 5, 5)), (vec![3, 4, 5], 5, 5), "the second saw more");
    assert_eq!(joined(slice(&[3, 4], 4, 9), slice(&[5], 5, 5)), (vec![3, 4, 5], 5, 9), "the second saw less");
    assert_eq!(joined(slice(&[3, 4], 4, 9), slice(&[], 4, 3)), (vec![3, 4], 4, 9), "the second saw none of it");
    assert_eq!(joined(slice(&[3], 3, 3), slice(&[5, 6], 6, 6)), (vec![3], 3, 3), "the first ended early");
    assert_eq!(
        joined(slice(&[3, 4, 5], 5, 9), slice(&[5, 6], 6, 9)),
        (vec![3, 4, 5], 5, 9),
        "the first went on over a hole"
    );
}
