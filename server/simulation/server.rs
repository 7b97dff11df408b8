//! A server of a simulated shop: the real processes, with failpoints at every call to the log and to external systems,
//! where the call may fail, wait or crash the server.
//!
//! After a crash, each task of the server waits for ever at its next failpoint. Nothing of it has an effect any more,
//! as after a loss of power.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use storefront_api::{CustomerId, OrderId, ProductId};
use storefront_domain::order::{self, Order, OrderEvent};
use storefront_domain::product::{self, Product};
use storefront_eventlog::{
    Append, AppendError, Appended, DataKey, EventPage, EventStore, Fence, Filter, JsonText, LeaseOutcome, Position,
    Recorded, Snapshot, StoreError, StoredResponse, StreamName, Timer, Version,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::coverage::Coverage;
use super::fair_notify::FairNotify;
use super::gateway::Gateway;
use super::mailbox::Mailbox;
use super::points;
use super::product_service::Range;
use super::rng_clock;
use super::world::{World, lock};
use crate::catalogue::basket_lookup::BasketLookup;
use crate::catalogue::freshness::Freshness;
use crate::catalogue::sync::CatalogueSync;
use crate::identity::passwords::Passwords;
use crate::operations::progress::Progress;
use crate::processes::engine::lease_runner::LeaseConfig;
use crate::runtime::compose::{ProcessContext, Systems, start_processes};
use crate::store::aggregates;
use crate::store::aggregates::Store;
use crate::store::commands::Failure;
use crate::store::personal_data::ProtectedLog;
use crate::store::streams;
use crate::views::ProductField;

/// A server from its start to its crash.
pub(super) struct Server {
    pub(super) number: u32,
    pub(super) world: Arc<World>,
    dead: AtomicBool,
    /// Whether it is frozen, as a suspended machine is.
    still: AtomicBool,
    woken: FairNotify,
    pub(super) progress: Progress,
    pub(super) freshness: Arc<Freshness>,
    started: Mutex<Option<Store>>,
}

/// A call failed at a failpoint, without an effect.
pub(super) struct Failed;

impl Server {
    /// Starts a server on the log of a world.
    pub(super) fn start(world: Arc<World>, number: u32) -> Arc<Self> {
        let config = world.config.clone();
        let server = Arc::new(Self {
            number,
            world,
            dead: AtomicBool::new(false),
            still: AtomicBool::new(false),
            woken: FairNotify::default(),
            progress: Progress::default(),
            freshness: Arc::new(Freshness::new(config.quote_life)),
            started: Mutex::default(),
        });
        let log = Arc::new(ServerLog(server.clone()));
        let mut store = if server.world.shared { Store::shared(log) } else { Store::sole(log) };
        // Each load from the cache is compared with the log.
        let audited = server.clone();
        store.audit = Some(Arc::new(move |stream, compare| {
            let compared = compare(&audited.world.log.stream(stream, Version(1), usize::MAX));
            // What a dead server has in memory has no effect.
            if let Some(difference) = compared.err().filter(|_| audited.is_alive()) {
                lock(&audited.world.breaches).push(difference);
            }
        }));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let shared = format!("server {}", server.number);
        let holder = if server.world.shared { shared } else { "the only server".to_owned() };
        let lease_config = LeaseConfig { holder, lease_ttl: config.lease_ttl };
        let protected_log = ProtectedLog::new(Arc::new(ServerLog(server.clone())));
        let ground = ProcessContext {
            store: &store,
            protected_log: &protected_log,
            passwords: &Passwords::default(),
            progress: &server.progress,
            lease_config,
            tasks: &tasks,
            stop: &stop,
            killed: &stop,
        };
        let systems = Systems {
            products: Arc::new(Range(server.clone())),
            cards: Arc::new(Gateway(server.clone())),
            mail: Arc::new(Mailbox(server.clone())),
        };
        let lists: Arc<dyn BasketLookup> = Arc::new(ServerLog(server.clone()));
        let catalogue_sync =
            CatalogueSync::new(store.clone(), systems.products.clone(), server.freshness.clone(), lists.clone());
        start_processes(&config, &ground, &lists, &systems, &server.freshness, &Arc::new(catalogue_sync));
        *server.started.lock().unwrap_or_else(PoisonError::into_inner) = Some(store);
        rng_clock::trace(|| format!("server {number} starts"));
        server
    }

    /// The log with the failpoints of this server.
    pub(super) fn store(&self) -> Store {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).clone().expect("it has been started")
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.dead.load(Ordering::Relaxed)
    }

    pub(super) fn die(&self, place: &'static str) {
        self.dead.store(true, Ordering::Relaxed);
        rng_clock::mark_crash(place);
        rng_clock::trace(|| format!("server {} dies: {place}", self.number));
        self.world.server_died();
    }

    /// A failpoint: takes some time, may never return, and fails with a probability in thousandths.
    pub(super) async fn point(&self, place: &'static str, fails: u32) -> Result<(), Failed> {
        self.wait_while_frozen().await;
        if rng_clock::chance(rng_clock::fault_plan().slow) {
            rng_clock::sleep(Duration::from_millis(rng_clock::between(1..4000))).await;
            self.wait_while_frozen().await;
        } else if rng_clock::random_below(2) == 0 {
            rng_clock::sleep(Duration::from_micros(rng_clock::between(1..3000))).await;
            self.wait_while_frozen().await;
        }
        if rng_clock::crashes_at(place) {
            self.die(place);
            return pending().await;
        }
        if rng_clock::chance(fails) { Err(Failed) } else { Ok(()) }
    }

    /// Freezes the server, or lets it continue.
    pub(super) fn set_frozen(&self, still: bool) {
        self.still.store(still, Ordering::Relaxed);
        self.woken.notify();
        rng_clock::trace(|| format!("server {} {}", self.number, if still { "stands still" } else { "goes on" }));
    }

    async fn wait_while_frozen(&self) {
        self.woken.until(|| (!self.still.load(Ordering::Relaxed)).then_some(())).await;
        if !self.is_alive() {
            pending::<()>().await;
        }
    }
}

impl Server {
    /// Sends an append to the log; the request, the write and the answer can each fail.
    async fn send(self: Arc<Self>, append: Append) -> Result<Appended, AppendError> {
        let fails = |Failed| AppendError::Store(error("the disk failed"));
        self.point(points::BEFORE_APPEND, rng_clock::fault_plan().store_fails).await.map_err(fails)?;
        if self.world.refuses_writes() {
            rng_clock::mark(Coverage::StoreRefusingWrites);
            return Err(AppendError::Store(error("the disk is full")));
        }
        if rng_clock::chance(rng_clock::fault_plan().store_fails) {
            return Err(AppendError::Busy);
        }
        if self.world.shared && rng_clock::chance(rng_clock::fault_plan().slow) {
            rng_clock::sleep(Duration::from_millis(rng_clock::between(1..40_000))).await;
        }
        let outcome = self.world.append(&append);
        match &outcome {
            Ok(_) if !self.is_alive() => rng_clock::mark(Coverage::AppendLandedAfterItsSenderDied),
            Ok(_) => {
                if self.point(points::AFTER_APPEND, rng_clock::fault_plan().append_lost).await.is_err() {
                    rng_clock::mark(Coverage::AppendLandedButAnswerLost);
                    return Err(AppendError::Store(error("the connection was lost, and with it the answer")));
                }
            }
            Err(AppendError::Fenced { .. }) => rng_clock::mark(Coverage::HolderPausedAndReplaced),
            Err(_) => {}
        }
        outcome
    }
}

/// The connection of one server to the log.
struct ServerLog(Arc<Server>);

impl ServerLog {
    async fn read(&self) -> Result<(), StoreError> {
        self.0
            .point(points::READ, rng_clock::fault_plan().store_fails)
            .await
            .map_err(|Failed| error("the connection is lost"))
    }

    /// A failpoint for changes of leases, timers and snapshots.
    async fn change(&self) -> Result<(), StoreError> {
        self.read().await?;
        if self.0.world.refuses_writes() { Err(error("the disk is full")) } else { Ok(()) }
    }
}

fn now_ms() -> i64 {
    rng_clock::store_ms()
}

fn error(what: &str) -> StoreError {
    StoreError::Database(what.into())
}

#[async_trait]
impl EventStore for ServerLog {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let server = self.0.clone();
        // On a shared log, an append that was sent may be written after its sender has crashed.
        if server.world.shared && rng_clock::random_below(2) == 0 {
            return tokio::spawn(server.send(append)).await.expect("nobody aborts it");
        }
        server.send(append).await
    }

    async fn read_stream(&self, stream: &StreamName, from: Version, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.read().await?;
        Ok(self.0.world.log.stream(stream, from, limit))
    }

    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        self.read().await?;
        let stretch = usize::try_from(rng_clock::between(1..100)).unwrap_or(1);
        Ok(self.0.world.log.all(after, limit, filter, stretch))
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.read().await?;
        Ok(self.0.world.log.head())
    }

    async fn wait_for(&self, after: Position) -> Result<Position, StoreError> {
        let position = self.0.world.log.wait_for(after).await;
        self.read().await?;
        Ok(position)
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Position, StoreError> {
        self.read().await?;
        Ok(self.0.world.log.checkpoint(consumer))
    }

    async fn answer(&self, key: &str) -> Result<Option<(StoredResponse, Position)>, StoreError> {
        self.read().await?;
        Ok(self.0.world.log.answer(key))
    }

    async fn acquire_lease(&self, lease: &str, holder: &str, ttl: Duration) -> Result<LeaseOutcome, StoreError> {
        self.change().await?;
        Ok(self.0.world.log.coordination(|coordination| coordination.acquire_lease(lease, holder, ttl, now_ms())))
    }

    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<bool, StoreError> {
        self.change().await?;
        Ok(self.0.world.log.coordination(|coordination| coordination.renew_lease(fence, ttl, now_ms())))
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        self.change().await?;
        self.0.world.log.coordination(|coordination| coordination.release_lease(fence));
        Ok(())
    }

    async fn now_ms(&self) -> Result<i64, StoreError> {
        self.read().await?;
        Ok(now_ms())
    }

    async fn due_timers(&self, owner: &str, limit: usize) -> Result<Vec<Timer>, StoreError> {
        self.read().await?;
        Ok(self.0.world.log.coordination(|coordination| coordination.due_timers(owner, limit, now_ms())))
    }

    async fn next_due(&self, owner: &str) -> Result<Option<Duration>, StoreError> {
        self.read().await?;
        Ok(self.0.world.log.coordination(|coordination| coordination.next_due(owner, now_ms())))
    }

    async fn snapshot(&self, stream: &StreamName, schema_version: u16) -> Result<Option<Snapshot>, StoreError> {
        self.read().await?;
        Ok(self.0.world.log.coordination(|coordination| coordination.snapshot(stream, schema_version)))
    }

    async fn save_snapshot(
        &self,
        stream: &StreamName,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) -> Result<bool, StoreError> {
        self.change().await?;
        Ok(self.0.world.log.save_snapshot(stream, version, schema_version, data))
    }

    async fn add_data_keys(&self, keys: &[DataKey]) -> Result<(), StoreError> {
        self.change().await?;
        self.0.world.log.coordination(|coordination| coordination.add_data_keys(keys));
        Ok(())
    }

    async fn data_keys(&self, ids: &[Uuid]) -> Result<Vec<DataKey>, StoreError> {
        self.read().await?;
        Ok(self.0.world.log.coordination(|coordination| coordination.data_keys(ids)))
    }

    async fn data_keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<DataKey>, StoreError> {
        self.read().await?;
        Ok(self.0.world.log.coordination(|coordination| coordination.data_keys_after(after, limit)))
    }

    async fn erase(&self, keys: &[Uuid], streams: &[StreamName]) -> Result<(), StoreError> {
        self.change().await?;
        self.0.world.log.coordination(|coordination| coordination.erase(keys, streams));
        Ok(())
    }

    async fn inconsistencies(&self) -> Result<Vec<String>, StoreError> {
        self.read().await?;
        Ok(Vec::new())
    }

    async fn close(&self) {}
}

/// Stands in for the views; computed from the log.
#[async_trait]
impl BasketLookup for ServerLog {
    async fn baskets_with(&self, product_id: &ProductId, _seen: Position) -> Result<Vec<OrderId>, Failure> {
        self.read().await?;
        let mut orders = BTreeMap::<OrderId, Order>::new();
        for recorded in self.0.world.events() {
            let Some(id) = streams::id_in::<OrderId>("order", recorded.stream()) else { continue };
            // Unreadable events are skipped, as by the views.
            let Ok(event) = aggregates::decode(&recorded) else { continue };
            let order = orders.entry(id).or_default();
            *order = order::evolve(std::mem::take(order), &event);
        }
        let has = |order: &Order| order.lines().iter().any(|line| line.item.product_id == *product_id);
        let open = orders.into_iter().filter(|(_, order)| order.basket().is_some() && has(order));
        Ok(open.map(|(id, _)| id).collect())
    }

    async fn orders_of(&self, customer_id: CustomerId, _seen: Position) -> Result<Vec<OrderId>, Failure> {
        self.read().await?;
        let events = self.0.world.events();
        let started = events.iter().filter(|recorded| recorded.kind() == "order.started");
        let owned = started.filter(|recorded| {
            let event = aggregates::decode::<OrderEvent>(recorded);
            matches!(event, Ok(OrderEvent::Started { customer_id: Some(owner), .. }) if owner == customer_id)
        });
        Ok(owned.filter_map(|recorded| streams::id_in("order", recorded.stream())).collect())
    }

    async fn products_for_sale(&self, _seen: Position) -> Result<Vec<ProductId>, Failure> {
        self.read().await?;
        let mut products = BTreeMap::<ProductId, Product>::new();
        for recorded in self.0.world.events() {
            let Some(id) = streams::id_in::<ProductId>("product", recorded.stream()) else { continue };
            let product = products.entry(id).or_default();
            *product = product::evolve(std::mem::take(product), &aggregates::decode(&recorded)?);
        }
        Ok(products.into_iter().filter(|(_, product)| product.active()).map(|(id, _)| id).collect())
    }

    /// The simulation has no operators who change products.
    async fn product_with_sku_or_name(
        &self,
        _seen: Position,
        _sku: Option<&str>,
        _name: Option<&str>,
        _except: Option<&ProductId>,
    ) -> Result<Option<(ProductId, ProductField)>, Failure> {
        Ok(None)
    }
}
