//! What the cache answers while appends run, fail, overtake each other, or come from other servers.

use storefront_domain::stock::{self, StockCommand, StockEvent};
use storefront_eventlog::{Filter, SqliteStore};
use tokio::runtime::Handle;

use super::*;
use crate::store::aggregates::{AppendBuilder, Cause, load};
use crate::store::streams;
use crate::testing::{at_second, product};

fn mugs() -> StreamName {
    streams::stock(&product("mug"))
}

fn cause() -> Cause {
    Cause { correlation_id: "test".to_owned(), causation_id: None, actor: "test".to_owned() }
}

fn received(expected: u64, quantity: u32) -> Append {
    let mut batch = AppendBuilder::new(at_second(1), cause());
    batch.add(mugs(), Version(expected), &[StockEvent::Received { quantity }]);
    batch.into_append()
}

/// The pieces on hand and the version, as loaded.
async fn on_hand(store: &Store) -> (u32, u64) {
    let (stock, version) = load::<StockEvent>(store, &mugs()).await.unwrap();
    (stock.on_hand(), version.0)
}

/// A log that also returns all events of a stream at once, to compare with.
struct World {
    log: Arc<SqliteStore>,
}

impl World {
    fn new() -> Self {
        Self { log: Arc::new(SqliteStore::in_memory().unwrap()) }
    }

    /// The only writer, whose loads are compared with the log.
    fn sole(&self) -> Store {
        self.audited(Store::sole(self.log.clone()))
    }

    /// One of several servers, whose loads are compared with the log.
    fn shared(&self) -> Store {
        self.audited(Store::shared(self.log.clone()))
    }

    fn audited(&self, mut store: Store) -> Store {
        let log = self.log.clone();
        store.audit = Some(Arc::new(move |stream, compare| {
            let runtime = Handle::current();
            let read = || runtime.block_on(log.read_stream(stream, Version(1), 1000)).unwrap();
            compare(&std::thread::scope(|scope| scope.spawn(read).join().unwrap())).unwrap();
        }));
        store
    }
}

#[tokio::test]
async fn own_appends_are_seen_without_reading_the_log() {
    let world = World::new();
    let store = world.sole();
    assert_eq!(on_hand(&store).await, (0, 0));
    for version in 0..100 {
        store.append(received(version, 2)).await.unwrap();
        assert_eq!(on_hand(&store).await, (2 * (u32::try_from(version).unwrap() + 1), version + 1));
    }
    assert!(store.cached::<stock::Stock, ()>(&mugs(), |stock, _| Ok(stock)).unwrap().is_current);
    let cached = store.read_stream(&mugs(), Version(90), 5).await.unwrap();
    assert_eq!(cached, world.log.read_stream(&mugs(), Version(90), 5).await.unwrap());
    let page = world.log.read_all(Position(94), 1, &Filter::default()).await.unwrap();
    assert_eq!(
        page.events.into_iter().map(Arc::unwrap_or_clone).collect::<Vec<_>>(),
        store.read_stream(&mugs(), Version(95), 1).await.unwrap()
    );
}

#[tokio::test]
async fn what_another_server_has_written_is_seen_at_the_next_load() {
    let world = World::new();
    let (one, other) = (world.shared(), world.shared());
    one.append(received(0, 2)).await.unwrap();
    assert_eq!(on_hand(&one).await, (2, 1));
    other.append(received(1, 3)).await.unwrap();
    assert_eq!((on_hand(&one).await, on_hand(&other).await), ((5, 2), (5, 2)));
    assert!(matches!(one.append(received(1, 9)).await, Err(AppendError::Conflict { .. })));
    assert_eq!(on_hand(&one).await, (5, 2));
}

#[tokio::test]
async fn an_append_whose_outcome_is_unknown_makes_the_next_load_read_the_log() {
    let world = World::new();
    let store = world.sole();
    store.append(received(0, 2)).await.unwrap();
    assert_eq!(on_hand(&store).await, (2, 1));
    let parts = || vec![AppendedPart { stream: mugs(), events: vec![], known_before: Position(0) }];
    store.cache.tables().mark(&mut parts());
    // It is in the log, and nobody has told the cache.
    world.log.append(received(1, 5)).await.unwrap();
    assert_eq!(on_hand(&store).await, (7, 2), "it is under way, so the log is read");
    store.cache.tables().settle(parts(), &Err(StoreError::Closed.into()));
    assert_eq!(on_hand(&store).await, (7, 2));
}

#[tokio::test]
async fn appends_that_settle_in_another_order_are_all_seen() {
    let world = World::new();
    let store = world.sole();
    store.append(received(0, 1)).await.unwrap();
    assert_eq!(on_hand(&store).await, (1, 1));
    let mut settled = Vec::new();
    for version in 1..4 {
        let append = received(version, 1);
        let events = append.streams[0].events.iter();
        let events = events.map(|event| Recorded::new(Position(0), &mugs(), Version(0), event)).collect();
        let mut part = AppendedPart { stream: mugs(), events, known_before: Position(0) };
        store.cache.tables().mark(std::slice::from_mut(&mut part));
        settled.push((part, world.log.append(append).await));
    }
    while let Some((part, outcome)) = settled.pop() {
        store.cache.tables().settle(vec![part], &outcome);
        assert_eq!(on_hand(&store).await, (4, 4));
    }
}

#[tokio::test]
async fn a_load_that_began_before_an_append_does_not_hide_it() {
    let world = World::new();
    let store = world.sole();
    let begun = store.cached::<stock::Stock, ()>(&mugs(), |stock, _| Ok(stock)).unwrap();
    store.append(received(0, 2)).await.unwrap();
    // What it read was the log before the append.
    store.keep(&mugs(), begun.ticket, &Folded::<stock::Stock>::default(), VecDeque::new());
    assert_eq!(on_hand(&store).await, (2, 1));
    let begun = store.cached::<stock::Stock, ()>(&mugs(), |stock, _| Ok(stock)).unwrap();
    store.append(received(1, 2)).await.unwrap();
    store.forget(&mugs());
    store.keep(&mugs(), begun.ticket, &begun.folded.unwrap(), VecDeque::new());
    assert_eq!(on_hand(&store).await, (4, 2));
}

#[tokio::test]
async fn the_cache_is_bounded_and_what_it_dropped_is_read_again() {
    let world = World::new();
    let store = world.sole();
    let stream = |number: usize| streams::stock(&product(&format!("p{number}")));
    for number in 0..=2 * STREAMS_PER_GENERATION {
        store.cache.tables().insert(&stream(number), Run::of(1, VecDeque::new()));
    }
    let tables = store.cache.tables();
    assert!(tables.young.len() + tables.old.len() <= 2 * STREAMS_PER_GENERATION);
    assert!(!tables.young.contains_key(&stream(0)) && !tables.old.contains_key(&stream(0)));
}

/// Puts a wrong state into the cache.
fn poison(store: &Store, version: Version, on_hand: u32) {
    let command = StockCommand::Receive { quantity: on_hand };
    let events = stock::decide(&stock::Stock::default(), command).unwrap();
    let state = events.iter().fold(stock::Stock::default(), stock::evolve);
    let mut tables = store.cache.tables();
    let run = tables.run(&mugs()).unwrap();
    (run.first, run.log_version) = (version.0 + 1, version);
    run.events.clear();
    run.state = Some(CachedState { version, state: Arc::new(state) });
}

#[tokio::test]
#[should_panic(expected = "stock-mug was loaded as")]
async fn a_wrong_state_at_the_right_version_is_found_by_the_comparison() {
    let store = World::new().sole();
    store.append(received(0, 2)).await.unwrap();
    poison(&store, Version(1), 3);
    on_hand(&store).await;
}

#[tokio::test]
#[should_panic(expected = "stock-mug is at 1, and was loaded as of 0")]
async fn the_right_state_at_a_lower_version_is_found_by_the_comparison() {
    let store = World::new().sole();
    store.append(received(0, 2)).await.unwrap();
    poison(&store, Version(0), 2);
    on_hand(&store).await;
}

#[tokio::test]
async fn a_version_that_the_log_does_not_have_costs_one_conflict() {
    let store = Store::sole(World::new().log);
    store.append(received(0, 2)).await.unwrap();
    poison(&store, Version(7), 2);
    assert_eq!(on_hand(&store).await, (2, 7));
    assert!(matches!(store.append(received(7, 1)).await, Err(AppendError::Conflict { .. })));
    assert_eq!(on_hand(&store).await, (2, 1));
}

#[tokio::test]
async fn on_a_shared_log_a_last_event_that_is_gone_makes_the_load_begin_anew() {
    let (log, other_log) = (World::new(), World::new());
    let store = Store::shared(log.log.clone());
    store.append(received(0, 2)).await.unwrap();
    assert_eq!(on_hand(&store).await, (2, 1));
    // The log was set back and went on with another event.
    let set_back = Store { log: other_log.log.clone(), ..store };
    other_log.log.append(received(0, 9)).await.unwrap();
    assert_eq!(on_hand(&set_back).await, (9, 1));
}

/// The part for the mugs of an append that is sent at a version.
fn part(expected: u64) -> Vec<AppendedPart> {
    let appended = received(expected, 1).streams.remove(0);
    let record = |event| Recorded::new(Position(0), &appended.stream, Version(0), event);
    vec![AppendedPart {
        events: appended.events.iter().map(record).collect(),
        stream: appended.stream.clone(),
        known_before: Position(0),
    }]
}

fn written(version: u64) -> Result<Appended, AppendError> {
    Ok(Appended { position: Position(version), versions: vec![Version(version)] })
}

#[test]
fn an_append_that_is_settled_late_is_not_the_last_when_the_outcome_of_a_later_one_is_unknown() {
    let mut tables = Tables::default();
    let (mut earlier, mut later) = (part(1), part(2));
    tables.mark(&mut earlier);
    tables.mark(&mut later);
    tables.settle(later, &Err(StoreError::Closed.into()));
    tables.settle(earlier, &written(2));
    assert!(tables.run(&mugs()).is_none(), "version 3 may be in the log");
    assert!(tables.appending.is_empty());
}

#[test]
fn an_append_that_is_settled_late_is_not_the_last_when_a_later_one_was_dropped() {
    let mut tables = Tables::default();
    let (mut earlier, mut later) = (part(1), part(2));
    tables.mark(&mut earlier);
    tables.mark(&mut later);
    tables.settle(later, &written(3));
    tables.forget(&mugs());
    tables.settle(earlier, &written(2));
    assert!(tables.run(&mugs()).is_none_or(|run| !run.is_complete()), "version 3 is in the log");
}

#[test]
fn an_append_that_is_settled_while_another_is_uncertain_is_not_hidden_by_a_load_from_before_it() {
    for load_is_kept_first in [true, false] {
        let mut tables = Tables::default();
        let (mut first, mut failed, mut third) = (part(0), part(1), part(1));
        tables.mark(&mut first);
        tables.mark(&mut failed);
        tables.settle(failed, &Err(StoreError::Closed.into()));
        // This load sees version 1, and ends before or after version 2 is settled.
        let (ticket, read) = (tables.dropped, Folded { version: Version(1), ..Folded::<stock::Stock>::default() });
        let events = part(0).remove(0).events;
        let keep = |tables: &mut Tables| {
            if tables.dropped == ticket {
                tables.keep(&mugs(), &read, events.clone().into());
            }
        };
        tables.mark(&mut third);
        if load_is_kept_first {
            keep(&mut tables);
        }
        tables.settle(third, &written(2));
        if !load_is_kept_first {
            keep(&mut tables);
        }
        tables.settle(first, &written(1));
        assert!(tables.run(&mugs()).is_none_or(|run| !run.is_complete()), "version 2 is in the log");
    }
}

#[test]
fn an_append_that_is_sent_again_is_not_taken_for_the_last() {
    let mut tables = Tables::default();
    let (mut lost, mut later, mut again) = (part(0), part(1), part(0));
    tables.mark(&mut lost);
    tables.settle(lost, &Err(StoreError::Closed.into()));
    tables.mark(&mut later);
    tables.settle(later, &written(2));
    tables.forget(&mugs());
    tables.mark(&mut again);
    // It was written the first time, so the log answers with the first position.
    tables.settle(again, &written(1));
    assert!(tables.run(&mugs()).is_none_or(|run| !run.is_complete()), "version 2 is in the log");
}

#[test]
fn an_append_to_a_stream_that_is_not_cached_is_not_hidden_by_a_load_from_before_it() {
    let mut tables = Tables::default();
    let ticket = tables.dropped;
    let mut second = part(1);
    tables.mark(&mut second);
    tables.settle(second, &written(2));
    if tables.dropped == ticket {
        let read = Folded { version: Version(1), ..Folded::<stock::Stock>::default() };
        tables.keep(&mugs(), &read, part(0).remove(0).events.into());
    }
    assert!(tables.run(&mugs()).is_none_or(|run| !run.is_complete()), "version 2 is in the log");
}

#[test]
fn an_append_that_is_sent_again_after_a_later_one_was_lost_too_is_not_taken_for_the_last() {
    let mut tables = Tables::default();
    let (mut lost, mut later, mut again) = (part(0), part(1), part(0));
    tables.mark(&mut lost);
    tables.settle(lost, &Err(StoreError::Closed.into()));
    // Whoever appends the later event has read the first.
    let mut read = part(0).remove(0).events;
    read[0].position = Position(1);
    tables.keep(&mugs(), &Folded { version: Version(1), ..Folded::<stock::Stock>::default() }, read.into());
    tables.mark(&mut later);
    tables.settle(later, &Err(StoreError::Closed.into()));
    tables.mark(&mut again);
    tables.settle(again, &written(1));
    assert!(tables.run(&mugs()).is_none_or(|run| !run.is_complete()), "version 2 may be in the log");
}
