//! Read models: what lists and searches answer from. Pure folds of the log, kept in memory and built anew at start.
//!
//! One task feeds every event to every view, in order. A query may ask for at least a position, so that a client reads
//! its own writes. Nothing here knows HTTP, processes or the systems around the shop.

mod baskets;
mod catalogue;
mod orders;
mod search;
mod steps;
mod stock;
mod vouchers;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use storefront_api::ProductId;
use storefront_eventlog::{Filter, Position, Recorded};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

pub(crate) use baskets::BasketsView;
pub(crate) use catalogue::CatalogueView;
pub(crate) use orders::OrdersView;
pub(crate) use steps::steps;
pub(crate) use stock::{StockView, item as stock_item};
pub(crate) use vouchers::{VoucherRecord, VouchersView};

use crate::clock;
use crate::stored::{LoadError, Store};
use crate::streams;

/// How many events are taken in at once.
const BATCH: usize = 1000;

/// Every view, as of one position of the log.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    pub(crate) orders: OrdersView,
    pub(crate) stock: StockView,
    pub(crate) catalogue: CatalogueView,
    pub(crate) baskets: BasketsView,
    pub(crate) vouchers: VouchersView,
}

impl Folded {
    /// Takes in an event, and tells which views could not.
    fn apply(&mut self, recorded: &Recorded) -> Vec<LoadError> {
        let results = [
            self.orders.apply(recorded),
            self.stock.apply(recorded),
            self.catalogue.apply(recorded),
            self.baskets.apply(recorded),
            self.vouchers.apply(recorded),
        ];
        if let Some(id) = streams::id_in::<ProductId>("stock", &recorded.stream) {
            self.catalogue.set_available(&id, self.stock.available(&id));
        }
        results.into_iter().filter_map(Result::err).collect()
    }
}

/// The views, shared between the task that feeds them and everybody who asks.
#[derive(Clone, Debug)]
pub(crate) struct Views {
    folded: Arc<RwLock<Folded>>,
    position: watch::Sender<Position>,
}

impl Views {
    pub(crate) fn new() -> Self {
        Self { folded: Arc::default(), position: watch::Sender::new(Position(0)) }
    }

    /// Asks the views something; the answer is of one position.
    pub(crate) fn read<T>(&self, ask: impl FnOnce(&Folded) -> T) -> T {
        ask(&self.folded.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far the views have come.
    pub(crate) fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// Waits until the views have come to a position; `false` when that takes longer than the limit.
    pub(crate) async fn reach(&self, position: Position, limit: Duration) -> bool {
        let mut seen = self.position.subscribe();
        clock::timeout(limit, seen.wait_for(|at| *at >= position)).await.is_some_and(|seen| seen.is_ok())
    }

    /// Feeds the log to the views until it is told to stop.
    pub(crate) async fn follow(self, store: Store, stop: CancellationToken) {
        while let Some(Err(failure)) =
            stop.run_until_cancelled(self.step(&store)).await.map(|step| step.map_err(Box::new))
        {
            debug!(error = %failure, "the views wait for the log");
            if stop.run_until_cancelled(clock::sleep(Duration::from_millis(500))).await.is_none() {
                return;
            }
        }
    }

    /// Takes in what the log has, then waits for more, for ever.
    async fn step(&self, store: &Store) -> Result<(), storefront_eventlog::StoreError> {
        loop {
            let slice = store.read_all(self.position(), BATCH, &Filter::default()).await?;
            if slice.events.is_empty() {
                store.wait_for(self.position()).await?;
                continue;
            }
            let mut folded = self.folded.write().unwrap_or_else(PoisonError::into_inner);
            for recorded in &slice.events {
                for failure in folded.apply(recorded) {
                    error!(position = recorded.position.0, error = %failure, "a view leaves an event out");
                }
            }
            drop(folded);
            self.position.send_replace(slice.next_after);
        }
    }
}
