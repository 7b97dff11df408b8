//! Everything that works in the shop by itself: it begins, ends in order, and can be ended on the spot as by a crash, to begin
//! again later.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalogue::basket_lookup::BasketLookup;
use crate::catalogue::freshness::Freshness;
use crate::catalogue::sync::CatalogueSync;
use crate::config::Config;
use crate::lab::WorkerControl;
use crate::operations::progress::Progress;
use crate::runtime::compose::{ProcessContext, Systems, lease_config, start_processes};
use crate::store::aggregates::Store;

/// Who works in the shop, and with what.
pub(crate) struct Workers {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) progress: Progress,
    pub(crate) basket_lookup: Arc<dyn BasketLookup>,
    pub(crate) systems: Systems,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) catalogue_sync: Arc<CatalogueSync>,
    /// Tells everybody to end in order.
    pub(crate) stop: CancellationToken,
    pub(crate) worker_set: Mutex<WorkerSet>,
}

/// Those who work now.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerSet {
    tasks: TaskTracker,
    killed: CancellationToken,
}

impl Workers {
    /// Everybody begins, with what the log says is to be done.
    pub(crate) fn begin(&self) {
        let worker_set = WorkerSet::default();
        let context = ProcessContext {
            store: &self.store,
            progress: &self.progress,
            lease_config: lease_config(&self.config),
            tasks: &worker_set.tasks,
            stop: &self.stop,
            killed: &worker_set.killed,
        };
        start_processes(
            &self.config,
            &context,
            &self.basket_lookup,
            &self.systems,
            &self.freshness,
            &self.catalogue_sync,
        );
        *self.worker_set.lock().unwrap_or_else(PoisonError::into_inner) = worker_set;
    }

    /// Waits until everybody has gone home, who were told to stop.
    pub(crate) async fn gone(&self) {
        self.worker_set().gone().await;
    }

    fn worker_set(&self) -> WorkerSet {
        self.worker_set.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl WorkerControl for Workers {
    fn start(&self) {
        self.begin();
    }

    async fn kill(&self) {
        let worker_set = self.worker_set();
        worker_set.killed.cancel();
        worker_set.gone().await;
    }
}

impl WorkerSet {
    async fn gone(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
