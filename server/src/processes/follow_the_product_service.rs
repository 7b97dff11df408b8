//! The catalogue follows the product service, and comes back to it whenever it was away.
//!
//! At start everything is listed, and compared with what is known; after that the service's feed of changes tells what is
//! new. A service without a feed is listed every now and then. What that leads to, the assortment writes. With several
//! servers on one log one of them follows; the others only ask whether the service is there, and take over when the one that
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

/// Who has this lease follows.
const LEASE: &str = "follow-products";
/// So long the service may hold a question back while it has no news, in seconds. A service that dies silently is
/// noticed after this time at the latest.
const FEED_WAIT_S: u32 = 5;
/// A service without a feed is listed so often.
const LIST_EVERY: Duration = Duration::from_secs(15);
const LIST_EVERY_MS: i64 = 15_000;
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// After so many failures in a row another server may try.
const GIVE_UP_AFTER: u32 = 5;

/// Follows whenever no other server does, until it is told to stop; tries again for ever when the service cannot be asked.
pub(crate) async fn run(
    store: Store,
    lease_config: LeaseConfig,
    catalogue_sync: Arc<CatalogueSync>,
    freshness: Arc<Freshness>,
    stop: CancellationToken,
) {
    let work = |log: Store| {
        let (catalogue_sync, freshness) = (catalogue_sync.through(log), freshness.clone());
        async move { until_another_may_try(&catalogue_sync, &freshness).await }
    };
    lease_config.keep(&store, LEASE, &stop, work, || catalogue_sync.listen()).await;
}

async fn until_another_may_try(catalogue_sync: &CatalogueSync, freshness: &Freshness) -> SyncError {
    let _here = catalogue_sync.follows_here();
    let mut failures = 0;
    loop {
        let before = clock::now();
        let Err(failure) = follow(catalogue_sync).await;
        // A connection that held for a while is worth a quick return.
        failures = if clock::now().unix_ms() - before.unix_ms() > 10_000 { 1 } else { failures + 1 };
        let was_fresh = !freshness.stale();
        freshness.lost();
        if was_fresh || failures == 1 {
            warn!(error = %failure, "the product service is not followed; the catalogue shows what it said last");
        }
        if failures >= GIVE_UP_AFTER {
            return failure;
        }
        clock::sleep(PAUSES.pause(failures)).await;
    }
}

async fn follow(catalogue_sync: &CatalogueSync) -> Result<std::convert::Infallible, SyncError> {
    while catalogue_sync.begin().await? {
        let begun = clock::now();
        // A feed does not tell that missing products are listed again, so the list is looked at while they are missing.
        while !(catalogue_sync.holds_withdrawals() && clock::now().unix_ms() - begun.unix_ms() >= LIST_EVERY_MS) {
            catalogue_sync.follow(FEED_WAIT_S).await?;
        }
    }
    loop {
        clock::sleep(LIST_EVERY).await;
        catalogue_sync.compare().await?;
    }
}

#[cfg(test)]
#[path = "follow_the_product_service_tests.rs"]
mod tests;
