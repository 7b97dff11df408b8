//! Loading long streams from snapshots, and from all events when the snapshot is missing or invalid.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use storefront_domain::stock::{self, Stock, StockCommand, StockEvent};
use storefront_eventlog::{EventStore, JsonText, SqliteStore, StoreCall, StoreLayer};

use super::*;
use crate::codec;
use crate::store::commands::{Condition, Context, Reply, change_stock};
use crate::store::streams;
use crate::testing::{at_second, order, product};

/// A log that counts the events read from streams, and can lose its snapshots.
struct Counting {
    log: SqliteStore,
    read: AtomicUsize,
    snapshots_fail: AtomicBool,
}

impl StoreLayer for Counting {
    fn inner(&self) -> &dyn EventStore {
        &self.log
    }

    async fn around<T: Send + 'static>(
        &self,
        call: StoreCall,
        result: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let is_about_snapshot = matches!(call, StoreCall::ReadSnapshot | StoreCall::SaveSnapshot);
        if is_about_snapshot && self.snapshots_fail.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        let result = result.await?;
        if let Some(events) = (&result as &dyn Any).downcast_ref::<Vec<Recorded>>() {
            self.read.fetch_add(events.len(), Ordering::Relaxed);
        }
        Ok(result)
    }
}

/// A product with a long stock history.
struct World {
    counting: Arc<Counting>,
    mugs: StreamName,
}

impl World {
    async fn with_events(count: u64) -> Self {
        let log = SqliteStore::in_memory().unwrap();
        let (read, snapshots_fail) = (AtomicUsize::new(0), AtomicBool::new(false));
        let counting = Arc::new(Counting { log, read, snapshots_fail });
        let world = Self { counting, mugs: streams::stock(&product("mug")) };
        world.happen(count).await;
        world
    }

    /// The log after a restart, with nothing in the cache.
    fn store(&self) -> Store {
        Store::sole(self.counting.clone())
    }

    /// Appends orders; every fourth keeps its reservation.
    async fn happen(&self, count: u64) {
        let until = at_second(900);
        let (mut stock, version) = sum_of_all::<StockEvent>(&self.counting, &self.mugs).await;
        let mut events = Vec::new();
        for number in version.0..version.0 + count {
            let order_id = order(u128::from(number / 4));
            events.push(match number % 4 {
                0 => StockEvent::Received { quantity: 3 },
                1 => StockEvent::Reserved { order_id, quantity: 2, until },
                2 if number % 3 == 0 => StockEvent::ThresholdSet { threshold: u32::try_from(number).unwrap() },
                2 => StockEvent::Allocated { order_id, quantity: 2 },
                _ => StockEvent::Adjusted { change: -1, reason: "broken".to_owned() },
            });
            stock = stock::evolve(stock, &events[events.len() - 1]);
        }
        self.write(version, &events).await;
    }

    /// Mugs are sold and shipped, and every tenth order is cancelled instead; some of the latest orders stay open.
    async fn sells(&self, count: u64, open: u64) {
        let (mut stock, mut version) = (Stock::default(), Version(0));
        let order_id = |number: u64| order(u128::from(number));
        for number in 1..=count {
            let sold = [
                StockCommand::Receive { quantity: 20 },
                StockCommand::Reserve { order_id: order_id(number), quantity: 2, until: at_second(900) },
                StockCommand::Allocate { order_id: order_id(number) },
            ];
            let over = number.checked_sub(open).map(|number| (number, order_id(number)));
            let back =
                over.filter(|(number, _)| number % 10 == 0).map(|(_, order_id)| StockCommand::Return { order_id });
            let settled = over.map(|(_, order_id)| StockCommand::Settle { order_id });
            let mut events = Vec::new();
            for command in sold.into_iter().chain(back).chain(settled) {
                let decided = stock::decide(&stock, command).unwrap();
                stock = decided.iter().fold(stock, stock::evolve);
                events.extend(decided);
            }
            self.write(version, &events).await;
            version.0 += events.len() as u64;
        }
    }

    async fn write(&self, version: Version, events: &[StockEvent]) {
        let cause = Cause { correlation_id: "test".to_owned(), causation_id: None, actor: "test".to_owned() };
        let mut batch = AppendBuilder::new(at_second(1), cause);
        batch.add(self.mugs.clone(), version, events);
        self.store().append(batch.into_append()).await.unwrap();
    }

    /// Loads the stock of mugs and checks it against all of its events; returns the number of events read.
    async fn events_to_load(&self) -> usize {
        let whole = sum_of_all::<StockEvent>(&self.counting, &self.mugs).await;
        self.counting.read.store(0, Ordering::Relaxed);
        assert_eq!(load::<StockEvent>(&self.store(), &self.mugs).await.unwrap(), (Arc::new(whole.0), whole.1));
        self.counting.read.load(Ordering::Relaxed)
    }

    async fn keeps(&self, version: u64, schema_version: u16, data: &JsonText) {
        let kept = self.store().save_snapshot(&self.mugs, Version(version), schema_version, data).await;
        assert!(kept.unwrap());
    }

    async fn kept_bytes(&self) -> usize {
        let snapshot = self.store().snapshot(&self.mugs, codec::stock_snapshot::STOCK.schema_version).await.unwrap();
        snapshot.expect("something is kept").data.as_str().len()
    }

    async fn kept_version(&self) -> Option<u64> {
        let snapshot = self.store().snapshot(&self.mugs, codec::stock_snapshot::STOCK.schema_version).await.unwrap();
        snapshot.map(|snapshot| snapshot.version.0)
    }
}

/// The state of a stream from all of its events.
async fn sum_of_all<E: AggregateEvent>(counting: &Counting, stream: &StreamName) -> (E::State, Version) {
    let (mut state, mut version) = (E::State::default(), Version(0));
    loop {
        let page = counting.log.read_stream(stream, Version(version.0 + 1), 10_000).await.unwrap();
        let Some(last) = page.last() else { return (state, version) };
        version = last.version;
        for recorded in &page {
            state = evolve_recorded::<E>(state, recorded).unwrap();
        }
    }
}

#[tokio::test]
async fn a_long_stream_is_loaded_by_reading_few_of_its_events() {
    let world = World::with_events(2100).await;
    assert_eq!(world.events_to_load().await, 2100);
    assert_eq!(world.events_to_load().await, 0);
    world.happen(3).await;
    assert_eq!(world.events_to_load().await, 3);
    assert_eq!(world.events_to_load().await, 3, "a few events are no reason to keep another sum");
    world.happen(1000).await;
    assert_eq!(world.events_to_load().await, 1003);
    assert_eq!((world.events_to_load().await, world.kept_version().await), (0, Some(3103)));
}

#[tokio::test]
async fn a_short_stream_is_read_whole_and_nothing_is_kept_of_it() {
    let world = World::with_events(500).await;
    assert_eq!((world.events_to_load().await, world.events_to_load().await), (500, 500));
    assert_eq!(world.kept_version().await, None);
    world.happen(1).await;
    assert_eq!((world.events_to_load().await, world.events_to_load().await), (501, 0));
}

#[tokio::test]
async fn a_change_of_stock_reads_few_events_of_a_long_history() {
    let world = World::with_events(2100).await;
    world.events_to_load().await;
    let (before, _) = sum_of_all::<StockEvent>(&world.counting, &world.mugs).await;
    world.counting.read.store(0, Ordering::Relaxed);
    let cause = Cause { correlation_id: "test".to_owned(), causation_id: None, actor: "test".to_owned() };
    let context = Context { cause, customer_id: None, idempotency: None, condition: Condition::OneOf(vec![2100]) };
    let reply = |stock: &Stock, version: Version| {
        let (body, version) = (stock.on_hand().into(), Some(version.0));
        Ok(Reply { status: 200, location: None, version, body })
    };
    let receive = StockCommand::Receive { quantity: 5 };
    let done = change_stock(&world.store(), &product("mug"), &context, &receive, reply).await.unwrap();
    assert_eq!((done.reply.version, done.reply.body), (Some(2101), (before.on_hand() + 5).into()));
    assert_eq!(world.counting.read.load(Ordering::Relaxed), 0);
    assert_eq!(world.events_to_load().await, 1);
}

#[tokio::test]
async fn what_was_kept_in_another_schema_version_or_is_garbage_is_ignored_and_replaced() {
    let now = codec::stock_snapshot::STOCK.schema_version;
    let plausible = (codec::stock_snapshot::STOCK.encode)(&Stock::default()).unwrap();
    let garbage = JsonText::of(&"garbage").unwrap();
    for (schema_version, data) in [(now + 1, &plausible), (now - 1, &plausible), (now, &garbage)] {
        let world = World::with_events(1200).await;
        world.keeps(1100, schema_version, data).await;
        assert_eq!(world.events_to_load().await, 1200);
        assert_eq!((world.events_to_load().await, world.kept_version().await), (0, Some(1200)));
    }
}

#[tokio::test]
async fn when_nothing_can_be_kept_everything_goes_on_without() {
    let world = World::with_events(1200).await;
    world.counting.snapshots_fail.store(true, Ordering::Relaxed);
    assert_eq!((world.events_to_load().await, world.events_to_load().await), (1200, 1200));
    world.counting.snapshots_fail.store(false, Ordering::Relaxed);
    assert_eq!((world.events_to_load().await, world.events_to_load().await), (1200, 0));
}

#[tokio::test]
async fn a_large_sum_is_kept_less_often_than_a_small_one() {
    let world = World::with_events(10_000).await;
    assert_eq!((world.events_to_load().await, world.events_to_load().await), (10_000, 0));
    let bytes = world.store().snapshot(&world.mugs, 1).await.unwrap().unwrap().data.as_str().len() as u64;
    let spared = bytes / BYTES_PER_EVENT;
    assert!(spared > EVENTS_BETWEEN_SNAPSHOTS, "{bytes} bytes are not large");
    world.happen(spared).await;
    assert_eq!(
        (world.events_to_load().await, world.kept_version().await),
        (usize::try_from(spared).unwrap(), Some(10_000))
    );
    world.happen(1).await;
    assert_eq!((world.events_to_load().await, world.events_to_load().await), (usize::try_from(spared).unwrap() + 1, 0));
}

#[tokio::test]
async fn however_much_was_sold_only_the_orders_that_are_open_are_kept() {
    let world = World::with_events(0).await;
    world.sells(5000, 10).await;
    assert!(world.events_to_load().await > 20_000);
    assert_eq!(world.events_to_load().await, 0);
    // A reservation or a sale takes a little more than the 36 bytes of its order's id.
    let bytes = world.kept_bytes().await;
    assert!(bytes < 100 + 10 * 60, "{bytes} bytes are kept");
}
