//! The views as everybody asks them: shared between the tasks that feed them and the requests that read them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use storefront_api::{
    Currency, CustomerId, CustomerListQuery, CustomerSummary, DocumentSummary, InvoiceListQuery, OrderId,
    OrderListQuery, OrderSummary, Page, ProductId, Statistics, Voucher,
};
use storefront_eventlog::{Position, StoreError};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::memory::Memory;
use super::registry::VIEWS;
use super::rows::{Head, State, ViewStore, ViewStoreError};
use super::{customers, invoices, orders, statistics, vouchers};
use crate::clock;
use crate::store::aggregates::Store;

/// What is asked of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewControl {
    /// Take nothing more in.
    Pause,
    /// Take in the next event that concerns it, and what comes before that.
    Step,
    /// Catch up, and follow the log again.
    Resume,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlOutcome {
    /// The change was applied.
    Done,
    /// Only a paused view can be stepped.
    NotPaused,
    /// No event that concerns it waits.
    NothingWaits,
    /// There is no such view.
    Unknown,
    /// The views have trouble with their database or the log, and nothing was done.
    NotNow,
}

/// A wish of somebody's, who waits for the answer.
pub(crate) struct ControlRequest {
    pub(super) index: usize,
    pub(super) steering: ViewControl,
    pub(super) answer: oneshot::Sender<ControlOutcome>,
}

/// How a rebuild goes about its work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RebuildPace {
    /// Events that are taken in at once.
    pub(crate) batch: usize,
    /// The rest between two batches, which leaves room for others.
    pub(crate) pause: Duration,
}

/// The views, shared between the tasks that feed them and everybody who asks. Clones are the same.
#[derive(Clone)]
pub(crate) struct Views {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) log: Store,
    pub(super) store: ViewStore,
    pub(super) memory: RwLock<Memory>,
    pub(super) position: watch::Sender<Position>,
    /// How many wait for a position.
    pub(super) waiting: watch::Sender<usize>,
    /// The views that take nothing in, and where each stands.
    pub(super) paused: watch::Sender<BTreeMap<&'static str, Position>>,
    /// What is asked of the task that follows the log.
    pub(super) ask: mpsc::Sender<ControlRequest>,
    pub(super) asked: tokio::sync::Mutex<mpsc::Receiver<ControlRequest>>,
    pub(super) pace: RebuildPace,
    /// Somebody wants a view rebuilt.
    pub(super) rebuild_requested: Notify,
    /// Another generation of rows is live.
    pub(super) switched: Notify,
    /// Held while rows are switched over, and while a view is paused, stepped or resumed.
    pub(super) switching: tokio::sync::Mutex<()>,
}

/// Counts one who waits for a position, until it is dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// So many may ask something of the task that follows the log before the next has to wait.
const WISHES: usize = 16;

/// Why the views cannot go on for now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error(transparent)]
    Views(#[from] ViewStoreError),
    /// Another server is just beginning the rows of a view anew.
    #[error("the rows of the view {0} are not there yet")]
    NotThere(&'static str),
}

impl Views {
    pub(crate) fn new(log: Store, store: ViewStore, pace: RebuildPace) -> Self {
        let (ask, asked) = mpsc::channel(WISHES);
        Self {
            inner: Arc::new(Inner {
                log,
                store,
                memory: RwLock::default(),
                position: watch::Sender::new(Position(0)),
                waiting: watch::Sender::new(0),
                paused: watch::Sender::default(),
                ask,
                asked: tokio::sync::Mutex::new(asked),
                pace,
                rebuild_requested: Notify::new(),
                switched: Notify::new(),
                switching: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Asks what is in memory; the answer is of one position.
    pub(crate) fn read<T>(&self, ask: impl FnOnce(&Memory) -> T) -> T {
        ask(&self.inner.memory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// One page of the orders of a customer, or of everybody, that a query wants, newest first. The cursor is the start of the last order of the page.
    pub(crate) async fn orders(
        &self,
        query: &OrderListQuery,
        owner: Option<CustomerId>,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Page<OrderSummary>, ViewStoreError> {
        match owner {
            Some(owner) => orders::page_of_customer(&self.inner.store, owner, query, before, limit).await,
            None => orders::page(&self.inner.store, query, before, limit).await,
        }
    }

    /// The open baskets that have a line with a product.
    pub(crate) async fn baskets_with(&self, product_id: &ProductId) -> Result<Vec<OrderId>, ViewStoreError> {
        orders::baskets_with(&self.inner.store, product_id).await
    }

    /// The orders of a customer, oldest first.
    pub(crate) async fn orders_of(&self, customer_id: CustomerId) -> Result<Vec<OrderId>, ViewStoreError> {
        orders::orders_of(&self.inner.store, customer_id).await
    }

    /// How many open baskets hold each of some products, one of them not counted.
    pub(crate) async fn in_baskets(
        &self,
        product_ids: &[&ProductId],
        but_not: Option<OrderId>,
    ) -> Result<Vec<u32>, ViewStoreError> {
        orders::in_baskets(&self.inner.store, product_ids, but_not).await
    }

    /// One page of the invoices and credit notes of a customer, or of everybody's, newest first. The cursor is the
    /// place in the log of the last one of the page.
    pub(crate) async fn invoices(
        &self,
        query: &InvoiceListQuery,
        owner: Option<CustomerId>,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Page<DocumentSummary>, ViewStoreError> {
        invoices::page(&self.inner.store, query, owner, before, limit).await
    }

    /// One page of the customers that a query wants, the latest registration first. The cursor is the place in the log of the
    /// last one of the page.
    pub(crate) async fn customers(
        &self,
        query: &CustomerListQuery,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Page<CustomerSummary>, ViewStoreError> {
        customers::page(&self.inner.store, query, before, limit).await
    }

    /// The vouchers of a customer, newest first.
    pub(crate) async fn vouchers_of(&self, customer_id: CustomerId) -> Result<Vec<Voucher>, ViewStoreError> {
        vouchers::of_customer(&self.inner.store, customer_id).await
    }

    /// What the shop has earned; in its currency, for when that is nothing yet.
    pub(crate) async fn statistics(&self, currency: Currency) -> Result<Statistics, ViewStoreError> {
        statistics::read(&self.inner.store, currency).await
    }

    /// How far the views have come.
    pub(crate) fn position(&self) -> Position {
        *self.inner.position.borrow()
    }

    /// Waits until the views have come to a position, and those of some that are paused to another one before it, which
    /// they do only when they are led there; `false` when that takes longer than the limit.
    pub(crate) async fn reach_but_for_pauses(
        &self,
        views: &[&str],
        position: Position,
        if_paused: Position,
        limit: Duration,
    ) -> bool {
        let (mut seen, mut paused) = (self.inner.position.subscribe(), self.inner.paused.subscribe());
        let _waiting = (self.position() < position).then(|| Waiting::new(&self.inner.waiting));
        let reached = async {
            let behind = |paused: &BTreeMap<&'static str, Position>| {
                paused.iter().any(|(name, at)| views.contains(name) && *at < if_paused)
            };
            seen.wait_for(|at| *at >= position).await.is_ok() && paused.wait_for(|paused| !behind(paused)).await.is_ok()
        };
        clock::timeout(limit, reached).await.unwrap_or(false)
    }

    /// Waits until some views have come to a position, which one that is paused before it does not; `false` when that
    /// takes longer than the limit.
    pub(crate) async fn reach(&self, views: &[&str], position: Position, limit: Duration) -> bool {
        self.reach_but_for_pauses(views, position, position, limit).await
    }

    /// Returns once somebody waits for a position.
    pub(super) async fn awaited(&self) {
        let mut waiting = self.inner.waiting.subscribe();
        // The sender is not gone while this value is there.
        let _waiting = waiting.wait_for(|count| *count > 0).await;
    }

    /// Every view by name, with its live generation and the one that is being built, if any.
    pub(crate) async fn list(&self) -> Result<Vec<(&'static str, Option<Head>, Option<Head>)>, ViewStoreError> {
        let heads = self.inner.store.heads().await?;
        let find = |view: &str, state| heads.iter().find(|head| head.view == view && head.state == state).cloned();
        let names = VIEWS.iter().map(|view| view.name());
        Ok(names.map(|name| (name, find(name, State::Live), find(name, State::Building))).collect())
    }

    /// How many events each view could not handle and has left out.
    pub(crate) async fn skipped(&self) -> Result<Vec<(&'static str, i64)>, ViewStoreError> {
        let all = self.list().await?.into_iter();
        Ok(all.map(|(name, live, _)| (name, live.map_or(0, |live| live.failures.count))).collect())
    }

    /// Begins to rebuild a view beside its live rows, unless that is going on already. `false` when there is no such
    /// view.
    pub(crate) async fn begin_rebuild(&self, name: &str) -> Result<bool, ViewStoreError> {
        let Some(view) = VIEWS.iter().find(|view| view.name() == name) else { return Ok(false) };
        self.inner.store.begin(view.name(), view.version(), State::Building).await?;
        self.inner.rebuild_requested.notify_one();
        Ok(true)
    }

    /// The names of all views.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        VIEWS.iter().map(|view| view.name())
    }

    /// Lets go of the database.
    pub(crate) async fn close(&self) {
        self.inner.store.close().await;
    }
}

#[cfg(test)]
impl Views {
    /// Views of a log, in memory.
    pub(crate) fn for_tests(log: Store) -> Self {
        Self::for_tests_in(log, ViewStore::in_memory().unwrap())
    }

    /// Views of a log, in that store.
    pub(crate) fn for_tests_in(log: Store, store: ViewStore) -> Self {
        Self::new(log, store, RebuildPace { batch: 1000, pause: Duration::ZERO })
    }
}
