//! Everything that works in the shop by itself: it begins, ends in order, and can be ended on the spot as by a crash, to begin
//! again later.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalogue::basket_lookup::Lists;
use crate::catalogue::freshness::Freshness;
use crate::catalogue::sync::Assortment;
use crate::config::Config;
use crate::lab::WorkerControl;
use crate::operations::progress::Progress;
use crate::runtime::server::{Ground, Systems, start_processes, tenancy};
use crate::store::aggregates::Store;

/// Who works in the shop, and with what.
pub(crate) struct Staff {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) progress: Progress,
    pub(crate) lists: Arc<dyn Lists>,
    pub(crate) systems: Systems,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) assortment: Arc<Assortment>,
    /// Tells everybody to end in order.
    pub(crate) stop: CancellationToken,
    pub(crate) shift: Mutex<Shift>,
}

/// Those who work now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shift {
    tasks: TaskTracker,
    killed: CancellationToken,
}

impl Staff {
    /// Everybody begins, with what the log says is to be done.
    pub(crate) fn begin(&self) {
        let shift = Shift::default();
        let ground = Ground {
            store: &self.store,
            progress: &self.progress,
            tenancy: tenancy(&self.config),
            tasks: &shift.tasks,
            stop: &self.stop,
            killed: &shift.killed,
        };
        start_processes(&self.config, &ground, &self.lists, &self.systems, &self.freshness, &self.assortment);
        *self.shift.lock().unwrap_or_else(PoisonError::into_inner) = shift;
    }

    /// Waits until everybody has gone home, who were told to stop.
    pub(crate) async fn gone(&self) {
        self.shift().gone().await;
    }

    fn shift(&self) -> Shift {
        self.shift.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl WorkerControl for Staff {
    fn start(&self) {
        self.begin();
    }

    async fn kill(&self) {
        let shift = self.shift();
        shift.killed.cancel();
        shift.gone().await;
    }
}

impl Shift {
    async fn gone(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
