//! Runs work on one server at a time, under a lease that another server takes over when this one is gone.
//!
//! The lease decides who works; the fence in every append makes that safe. A server that was suspended for longer
//! than its lease lasts and then continues can still read, but no longer append.

use std::future::Future;
use std::time::Duration;

use storefront_eventlog::LeaseGuard;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::clock;
use crate::store::aggregates::Store;

/// Pauses after the work has failed, or the log could not be asked for the lease.
const RETRY_BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
/// Number of times per lease duration that a waiting server asks for the lease.
const ACQUIRE_ATTEMPTS_PER_TTL: u32 = 4;

/// The identity of this server as a lease holder, and the lease duration.
#[derive(Clone, Debug)]
pub(crate) struct LeaseConfig {
    /// Unique among the servers on one log, for as long as this server runs.
    pub(crate) holder: String,
    /// Time without a renewal after which another server may take the lease over.
    pub(crate) lease_ttl: Duration,
}

impl LeaseConfig {
    /// Runs `work` under the lease `lease` whenever this server holds it, until `stop`.
    ///
    /// `work` receives the log behind the lease's fence. It ends only when it cannot continue, and is started again
    /// after a pause; it is dropped when the lease is lost. `on_standby` runs at intervals while another server holds
    /// the lease.
    pub(crate) async fn run_under_lease<W, E, I>(
        &self,
        store: &Store,
        lease: &str,
        stop: &CancellationToken,
        work: impl Fn(Store) -> W,
        on_standby: impl Fn() -> I,
    ) where
        W: Future<Output = E>,
        E: std::fmt::Display,
        I: Future<Output = ()>,
    {
        let mut failures = 0;
        loop {
            let pause = match LeaseGuard::acquire(store.log(), lease, &self.holder, self.lease_ttl, clock::lease_time())
                .await
            {
                Ok(Some(guard)) => {
                    let fenced = store.fenced(guard.fence());
                    info!(lease, epoch = guard.fence().epoch.0, "this server holds the lease now");
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return release(guard, lease).await,
                        () = guard.lost() => {
                            error!(lease, "the lease is lost; the work under it is stopped");
                            failures = 0;
                        }
                        failure = work(fenced) => {
                            failures += 1;
                            error!(lease, error = %failure, "the work under a lease failed; restarting it");
                            release(guard, lease).await;
                        }
                    }
                    RETRY_BACKOFF.pause(failures)
                }
                Ok(None) => {
                    on_standby().await;
                    self.lease_ttl / ACQUIRE_ATTEMPTS_PER_TTL
                }
                Err(failure) => {
                    failures += 1;
                    warn!(lease, error = %failure, "cannot acquire a lease; retrying");
                    RETRY_BACKOFF.pause(failures)
                }
            };
            if stop.run_until_cancelled(clock::sleep(pause)).await.is_none() {
                return;
            }
        }
    }
}

async fn release(guard: LeaseGuard, lease: &str) {
    if let Err(failure) = guard.release().await {
        warn!(lease, error = %failure, "cannot release a lease; it expires by itself");
    }
}
