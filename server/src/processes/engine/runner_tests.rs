//! The runner on a real log in memory, with a handler whose results the tests choose.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use storefront_domain::process::Process;
use storefront_eventlog::{Expected, JsonText, LeaseOutcome, NewEvent, SqliteStore, StreamAppend, StreamName};
use tokio::sync::Notify;
use uuid::Uuid;

use super::*;

const SUBSCRIPTION: Subscription = Subscription { name: "test", types: &["order.*"] };
const LEASE_TTL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(20);

/// The calls of the handler, and its next results.
#[derive(Default)]
struct Hand {
    handled: Mutex<Vec<u64>>,
    tried: Mutex<HashMap<u64, u32>>,
    broken: Mutex<BTreeSet<u64>>,
    panics: Mutex<BTreeSet<u64>>,
    done: Notify,
}

impl Hand {
    fn handle(&self, delivery: &Delivery) -> Result<(), HandlerError> {
        let position = delivery.recorded.position.0;
        *self.tried.lock().unwrap().entry(position).or_default() += 1;
        assert!(!self.panics.lock().unwrap().contains(&position), "as it was told");
        if self.broken.lock().unwrap().contains(&position) {
            return Err(HandlerError::Permanent("it burns".to_owned()));
        }
        // After a restart an event may be delivered again; the handler itself must see that its work is done.
        let mut handled = self.handled.lock().unwrap();
        if !handled.contains(&position) {
            handled.push(position);
        }
        self.done.notify_one();
        Ok(())
    }

    fn handled(&self) -> Vec<u64> {
        self.handled.lock().unwrap().clone()
    }
}

struct World {
    store: Store,
    hand: Arc<Hand>,
    progress: Progress,
    stop: CancellationToken,
}

impl World {
    fn new() -> Self {
        let store = crate::testing::a_log();
        let (hand, progress) = (Arc::default(), Progress::default());
        Self { store, hand, progress, stop: CancellationToken::new() }
    }

    fn start(&self) {
        let hand = Arc::clone(&self.hand);
        let handle = move |_store: Store, delivery: Delivery| {
            let hand = Arc::clone(&hand);
            async move { hand.handle(&delivery) }
        };
        tokio::spawn(run(
            self.store.clone(),
            lease_config(),
            SUBSCRIPTION,
            self.progress.clone(),
            self.stop.clone(),
            handle,
        ));
    }

    /// Kills the process and starts another in its place.
    fn restart(&mut self) {
        self.stop.cancel();
        self.stop = CancellationToken::new();
        self.start();
    }

    async fn append_event(&self, sequence: &str) -> u64 {
        let event = NewEvent {
            id: Uuid::now_v7(),
            kind: "order.started".to_owned(),
            schema_version: 1,
            time_ms: 0,
            correlation_id: sequence.to_owned(),
            causation_id: None,
            actor: "test".to_owned(),
            data: JsonText::of(&()).unwrap(),
        };
        let stream = StreamName::new(format!("order-{sequence}")).unwrap();
        let streams = vec![StreamAppend { stream, expected: Expected::Any, events: vec![event] }];
        self.store.append(Append { streams, ..Append::default() }).await.unwrap().position.0
    }

    async fn command(&self, command: ProcessCommand) {
        let cause = Cause { correlation_id: "test".to_owned(), causation_id: None, actor: "test".to_owned() };
        append_command(&self.store, SUBSCRIPTION.name, &command, &cause).await.unwrap();
    }

    async fn process(&self) -> Process {
        Arc::unwrap_or_clone(
            aggregates::load::<ProcessEvent>(&self.store, &streams::process(SUBSCRIPTION.name)).await.unwrap().0,
        )
    }

    /// The error of a parked sequence, as an operator sees it.
    async fn parking_error(&self, sequence: &str) -> String {
        let page = crate::operations::parked::list(&self.store, SUBSCRIPTION.name, SUBSCRIPTION.types, None, 100)
            .await
            .unwrap();
        page.items.into_iter().find(|item| item.sequence == sequence).expect("it is parked").error
    }

    async fn handles(&self, positions: &[u64]) {
        let handled = async {
            while self.hand.handled().len() < positions.len() {
                self.hand.done.notified().await;
            }
        };
        let _ = tokio::time::timeout(TIMEOUT, handled).await;
        assert_eq!(self.hand.handled(), positions);
    }

    /// Waits until the process's own stream has an event.
    async fn wait_until_process(&self, what: &str, holds: impl Fn(&Process) -> bool) {
        let reached = async {
            loop {
                let head = self.store.head().await.unwrap();
                if holds(&self.process().await) {
                    return;
                }
                self.store.wait_for(head).await.unwrap();
            }
        };
        assert!(tokio::time::timeout(TIMEOUT, reached).await.is_ok(), "waited in vain until {what}");
    }
}

fn lease_config() -> LeaseConfig {
    LeaseConfig { holder: "the only server".to_owned(), lease_ttl: LEASE_TTL }
}

fn retry(sequence: &str) -> ProcessCommand {
    ProcessCommand::Retry { sequence: sequence.to_owned() }
}

#[tokio::test]
async fn a_poison_event_stops_its_own_sequence_and_goes_on_once_its_cause_is_mended() {
    let mut world = World::new();
    world.hand.broken.lock().unwrap().insert(1);
    for sequence in ["a", "a", "b"] {
        world.append_event(sequence).await;
    }
    world.start();
    world.handles(&[3]).await;
    world.wait_until_process("it is parked", |process| process.parked().contains_key("a")).await;
    let parked = world.process().await.parked()["a"].clone();
    assert_eq!((parked.position, parked.attempts), (1, 1));
    assert_eq!(world.parking_error("a").await, "it burns");
    world.restart();
    let next = world.append_event("b").await;
    world.handles(&[3, next]).await;
    assert_eq!(world.hand.tried.lock().unwrap()[&1], 1, "a parked event is not tried again by itself");
    world.hand.broken.lock().unwrap().clear();
    world.command(retry("a")).await;
    world.handles(&[3, next, 1, 2]).await;
    world.wait_until_process("it flows again", |process| process.parked().is_empty()).await;
    let last = world.append_event("a").await;
    world.handles(&[3, next, 1, 2, last]).await;
    world.stop.cancel();
}

#[tokio::test]
async fn a_handler_that_panics_parks_the_event_and_takes_nothing_with_it() {
    let world = World::new();
    world.hand.panics.lock().unwrap().insert(1);
    world.append_event("a").await;
    let fine = world.append_event("b").await;
    world.start();
    world.handles(&[fine]).await;
    world.wait_until_process("it is parked", |process| process.parked().contains_key("a")).await;
    assert!(world.parking_error("a").await.contains("panicked"));
    world.stop.cancel();
}

#[tokio::test]
async fn parking_moves_the_checkpoint_past_the_event_in_the_same_append() {
    let world = World::new();
    world.hand.broken.lock().unwrap().insert(1);
    world.append_event("a").await;
    world.start();
    world.wait_until_process("it is parked", |process| process.parked().contains_key("a")).await;
    assert_eq!(world.store.checkpoint(SUBSCRIPTION.name).await.unwrap(), Position(1));
    world.stop.cancel();
}

#[tokio::test]
async fn a_skipped_event_is_gone_and_the_next_one_is_handled() {
    let world = World::new();
    world.hand.broken.lock().unwrap().insert(1);
    world.append_event("a").await;
    world.append_event("a").await;
    world.start();
    world.wait_until_process("it is parked", |process| process.parked().contains_key("a")).await;
    world.command(ProcessCommand::Skip { sequence: "a".to_owned() }).await;
    world.handles(&[2]).await;
    world.wait_until_process("it flows again", |process| process.parked().is_empty()).await;
    assert_eq!(world.hand.tried.lock().unwrap()[&1], 1);
    world.stop.cancel();
}

#[tokio::test]
async fn a_handler_that_wakes_up_after_another_server_took_over_writes_nothing() {
    let now_ms = Arc::new(AtomicI64::new(1_772_366_400_000));
    let clock = Arc::clone(&now_ms);
    let log = SqliteStore::in_memory().unwrap().with_clock(Arc::new(move || clock.load(Ordering::Relaxed)));
    let world = World { store: Store::sole(Arc::new(log)), ..World::new() };
    world.append_event("a").await;
    let (asleep, wakes) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let (sleeps, woken) = (Arc::clone(&asleep), Arc::clone(&wakes));
    let handle = move |store: Store, delivery: Delivery| {
        let (sleeps, woken, tell) = (Arc::clone(&sleeps), Arc::clone(&woken), tell.clone());
        async move {
            sleeps.notify_one();
            woken.notified().await;
            let written = store.append(Append { checkpoints: vec![delivery.checkpoint], ..Append::default() }).await;
            tell.send(matches!(written, Err(AppendError::Fenced { .. }))).await.unwrap();
            Ok::<_, HandlerError>(())
        }
    };
    tokio::spawn(run(
        world.store.clone(),
        lease_config(),
        SUBSCRIPTION,
        world.progress.clone(),
        world.stop.clone(),
        handle,
    ));
    tokio::time::timeout(TIMEOUT, asleep.notified()).await.unwrap();
    now_ms.fetch_add(2 * LEASE_TTL.as_millis() as i64, Ordering::Relaxed);
    let taken = world.store.acquire_lease("process-test", "another server", LEASE_TTL).await.unwrap();
    assert!(matches!(taken, LeaseOutcome::Acquired(_)), "{taken:?}");
    wakes.notify_one();
    assert_eq!(tokio::time::timeout(TIMEOUT, told.recv()).await.unwrap(), Some(true));
    assert_eq!(world.store.checkpoint(SUBSCRIPTION.name).await.unwrap(), Position(0));
    world.stop.cancel();
}

#[tokio::test]
async fn however_many_sequences_stand_others_are_handled() {
    let world = World::new();
    const BROKEN: u64 = 1_500;
    for number in 1..=BROKEN {
        world.append_event(&format!("broken-{number}")).await;
        world.hand.broken.lock().unwrap().insert(number);
    }
    let healthy = world.append_event("healthy").await;
    world.start();
    world.handles(&[healthy]).await;
    world.wait_until_process("all the others are parked", |process| process.parked().len() as u64 == BROKEN).await;
    let stream = streams::process(SUBSCRIPTION.name);
    let told = world.store.read_stream(&stream, storefront_eventlog::Version(1), 10).await.unwrap();
    assert!(told.iter().all(|event| event.correlation_id().starts_with("broken-")), "each belongs to its own order");
}
