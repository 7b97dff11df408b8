//! A piece of work that runs on one server at a time: under a lease, which another server takes over when this one is gone.
//!
//! The lease says who works; the fence in every append is what makes it safe. A server that was stopped for longer than its
//! lease lasts, and goes on as if nothing had been, can ask others anything but no longer write.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use storefront_eventlog::{LeaseGuard, hold};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::clock;
use crate::processes::engine::fenced_store::Fenced;
use crate::store::aggregates::Store;

/// The pauses after work has failed, or the log could not be asked for a lease.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
/// A server that waits for a lease asks for it so often within the time that one lasts.
const ASKS: u32 = 4;

/// Who works here, and for how long a lease lasts that is not renewed.
#[derive(Clone, Debug)]
pub(crate) struct LeaseConfig {
    /// Names this server among those on one log, for as long as it runs.
    pub(crate) holder: String,
    /// After so long without a word from its holder, others take a lease over.
    pub(crate) lease_ttl: Duration,
}

impl LeaseConfig {
    /// Works under a lease whenever it can be had, until told to stop. `work` gets the log behind the lease's fence and ends
    /// only when it cannot go on; it is dropped when the lease is lost. `waits` is called while another server has it.
    pub(crate) async fn keep<W, E, I>(
        &self,
        store: &Store,
        what: &str,
        stop: &CancellationToken,
        work: impl Fn(Store) -> W,
        waits: impl Fn() -> I,
    ) where
        W: Future<Output = E>,
        E: std::fmt::Display,
        I: Future<Output = ()>,
    {
        let mut failures = 0;
        loop {
            let pause = match hold(store.clone(), what, &self.holder, self.lease_ttl, clock::time()).await {
                Ok(Some(held)) => {
                    let fenced: Store = Arc::new(Fenced::new(store.clone(), held.fence()));
                    info!(what, epoch = held.fence().epoch.0, "this server does it now");
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return give_back(held, what).await,
                        () = held.lost() => {
                            error!(what, "another server may do it now; what was under way here is stopped");
                            failures = 0;
                        }
                        failure = work(fenced) => {
                            failures += 1;
                            error!(what, error = %failure, "it cannot go on; starting it again");
                            give_back(held, what).await;
                        }
                    }
                    PAUSES.pause(failures)
                }
                Ok(None) => {
                    waits().await;
                    self.lease_ttl / ASKS
                }
                Err(failure) => {
                    failures += 1;
                    warn!(what, error = %failure, "the log cannot be asked who does it; asking again");
                    PAUSES.pause(failures)
                }
            };
            if stop.run_until_cancelled(clock::sleep(pause)).await.is_none() {
                return;
            }
        }
    }
}

async fn give_back(held: LeaseGuard, what: &str) {
    if let Err(failure) = held.give_back().await {
        warn!(what, error = %failure, "a lease could not be given back; it runs out by itself");
    }
}
