//! The running processes of a shop. They start together, stop in order, and can be killed as by a crash and started
//! again.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalogue::basket_lookup::BasketLookup;
use crate::catalogue::freshness::Freshness;
use crate::catalogue::sync::CatalogueSync;
use crate::config::Config;
use crate::identity::passwords::Passwords;
use crate::integrations::webhook_sender::WebhookSender;
use crate::lab::WorkerControl;
use crate::operations::progress::Progress;
use crate::runtime::compose::{ProcessContext, Systems, lease_config, start_processes, webhook_rules};
use crate::store::aggregates::Store;
use crate::store::personal_data::ProtectedLog;

/// What the processes need, and the set that runs now.
pub(crate) struct Workers {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) protected_log: ProtectedLog,
    pub(crate) passwords: Passwords,
    pub(crate) progress: Progress,
    pub(crate) basket_lookup: Arc<dyn BasketLookup>,
    pub(crate) systems: Systems,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) catalogue_sync: Arc<CatalogueSync>,
    /// Stops the processes in order.
    pub(crate) stop: CancellationToken,
    pub(crate) worker_set: Mutex<WorkerSet>,
}

/// The tasks of one start.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerSet {
    tasks: TaskTracker,
    killed: CancellationToken,
}

impl Workers {
    /// Starts every process from what the log says.
    pub(crate) fn start_all(&self) {
        let worker_set = WorkerSet::default();
        let context = ProcessContext {
            store: &self.store,
            protected_log: &self.protected_log,
            passwords: &self.passwords,
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
        context.start_webhooks(WebhookSender::new(webhook_rules(&self.config)));
        *self.worker_set.lock().unwrap_or_else(PoisonError::into_inner) = worker_set;
    }

    /// Waits until every process has ended, after `stop`.
    pub(crate) async fn wait_until_ended(&self) {
        self.worker_set().wait_until_ended().await;
    }

    fn worker_set(&self) -> WorkerSet {
        self.worker_set.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl WorkerControl for Workers {
    fn start(&self) {
        self.start_all();
    }

    async fn kill(&self) {
        let worker_set = self.worker_set();
        worker_set.killed.cancel();
        worker_set.wait_until_ended().await;
    }
}

impl WorkerSet {
    async fn wait_until_ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
