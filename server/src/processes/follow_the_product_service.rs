//! Follows the product service, and reconnects whenever it was unavailable.
//!
//! At start everything is listed and compared with the log; after that the service's feed of changes is followed. A
//! service without a feed is listed at intervals. `catalogue::sync` records what that leads to. With several servers
//! on one log one of them follows; the others only check whether the service answers, and take over when the one that
//! follows dies or cannot reach it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::backoff::Backoff;
use crate::catalogue::freshness::Freshness;
use crate::catalogue::sync::{CatalogueSync, SyncError};
use crate::clock;
use crate::processes::engine::lease_runner::LeaseConfig;
use crate::store::aggregates::Store;

/// The holder of this lease follows.
const FOLLOWER_LEASE: &str = "follow-products";
/// Maximum time in seconds for which the service may hold a request for changes open. A service that dies silently is
/// noticed after this time.
const FEED_WAIT_S: u32 = 5;
/// Interval between two listings of a service without a feed.
const LIST_INTERVAL: Duration = Duration::from_secs(15);
const LIST_INTERVAL_MS: i64 = 15_000;
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// Number of consecutive failures after which the lease is released, so that another server may try.
const MAX_CONSECUTIVE_FAILURES: u32 = 5;

/// Follows whenever no other server does, until `stop`. A service that does not answer is tried again without limit.
pub(crate) async fn run(
    store: Store,
    lease_config: LeaseConfig,
    catalogue_sync: Arc<CatalogueSync>,
    freshness: Arc<Freshness>,
    stop: CancellationToken,
) {
    let work = |log: Store| {
        let (catalogue_sync, freshness) = (catalogue_sync.with_store(log), freshness.clone());
        async move { follow_until_failing(&catalogue_sync, &freshness).await }
    };
    lease_config.run_under_lease(&store, FOLLOWER_LEASE, &stop, work, || catalogue_sync.probe()).await;
}

async fn follow_until_failing(catalogue_sync: &CatalogueSync, freshness: &Freshness) -> SyncError {
    let _guard = catalogue_sync.start_following();
    let mut failures = 0;
    loop {
        let before = clock::now();
        let Err(failure) = follow(catalogue_sync).await;
        // A connection that lasted for a while is retried quickly.
        failures = if clock::now().unix_ms() - before.unix_ms() > 10_000 { 1 } else { failures + 1 };
        let was_fresh = !freshness.is_stale();
        freshness.mark_disconnected();
        if was_fresh || failures == 1 {
            warn!(error = %failure, "the product service cannot be followed; the catalogue shows its last known state");
        }
        if failures >= MAX_CONSECUTIVE_FAILURES {
            return failure;
        }
        clock::sleep(BACKOFF.pause(failures)).await;
    }
}

async fn follow(catalogue_sync: &CatalogueSync) -> Result<std::convert::Infallible, SyncError> {
    while catalogue_sync.synchronise().await? {
        let started_at = clock::now();
        // The feed does not report that missing products are listed again, so they are listed at intervals while
        // withdrawals are held.
        while !(catalogue_sync.holds_withdrawals() && clock::now().unix_ms() - started_at.unix_ms() >= LIST_INTERVAL_MS)
        {
            catalogue_sync.follow_changes(FEED_WAIT_S).await?;
        }
    }
    loop {
        clock::sleep(LIST_INTERVAL).await;
        catalogue_sync.synchronise_listing().await?;
    }
}

#[cfg(test)]
#[path = "follow_the_product_service_tests.rs"]
mod tests;
