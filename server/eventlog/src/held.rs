//! A lease that is kept for as long as somebody works under it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::warn;

use crate::{EventStore, Fence, StoreError, Taken};

/// How often a lease is renewed within the time that it lasts.
const RENEWALS: u32 = 3;

/// A lease that is renewed in the background. Dropping it ends that, and the lease runs out by itself;
/// [`Held::give_back`] lets others take it at once.
pub struct Held {
    store: Arc<dyn EventStore>,
    fence: Fence,
    lost: watch::Receiver<bool>,
    renewing: JoinHandle<()>,
}

/// Takes a lease and keeps it; `None` when somebody else has it.
///
/// # Errors
/// As [`EventStore::take_lease`].
pub async fn hold(
    store: Arc<dyn EventStore>,
    lease: &str,
    holder: &str,
    ttl: Duration,
) -> Result<Option<Held>, StoreError> {
    let asked = Instant::now();
    match store.take_lease(lease, holder, ttl).await? {
        Taken::Elsewhere { .. } => Ok(None),
        Taken::Here(fence) => {
            let (tell, lost) = watch::channel(false);
            let renewing = tokio::spawn(renew(store.clone(), fence.clone(), ttl, asked, tell));
            Ok(Some(Held { store, fence, lost, renewing }))
        }
    }
}

impl Held {
    /// To be part of every append that is made under the lease.
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Waits until the lease may be somebody else's: then the work is to stop. Whatever happens, the fence keeps what
    /// comes too late out of the log.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // When nobody renews any more, the lease is as good as lost.
        let _ended = lost.wait_for(|lost| *lost).await;
    }

    /// Ends the renewing and lets others take the lease at once.
    ///
    /// # Errors
    /// When the database fails; then the lease runs out by itself.
    pub async fn give_back(self) -> Result<(), StoreError> {
        self.renewing.abort();
        self.store.give_back_lease(&self.fence).await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Renews until the lease is somebody else's, or until it has run out because the store could not be reached.
async fn renew(store: Arc<dyn EventStore>, fence: Fence, ttl: Duration, taken: Instant, tell: watch::Sender<bool>) {
    let beat = ttl / RENEWALS;
    let mut beats = interval_at(Instant::now() + beat, beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut runs_out = taken + ttl;
    loop {
        beats.tick().await;
        let asked = Instant::now();
        match tokio::time::timeout_at(runs_out.max(asked + beat), store.renew_lease(&fence, ttl)).await {
            Ok(Ok(true)) => runs_out = asked + ttl,
            Ok(Ok(false)) => break,
            Ok(Err(error)) => warn!(%error, lease = fence.lease, "a lease could not be renewed; trying again"),
            Err(_) => warn!(lease = fence.lease, "a lease could not be renewed in time"),
        }
        if Instant::now() >= runs_out {
            break;
        }
    }
    warn!(lease = fence.lease, epoch = fence.epoch.0, "a lease is lost");
    tell.send_replace(true);
}
