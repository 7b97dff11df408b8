//! The catalogue follows the product service, and comes back to it whenever it was away.
//!
//! At start everything is listed, and compared with what is known; after that the service's feed of changes tells what is
//! new. A service without a feed is listed every now and then. What that leads to, the assortment writes.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::assortment::{Assortment, Ended};
use crate::clock;
use crate::integrations::retry::Backoff;
use crate::shop::Freshness;

/// So long the service may hold a question back while it has no news, in seconds. A service that dies silently is
/// noticed after this time at the latest.
const FEED_WAIT_S: u32 = 5;
/// A service without a feed is listed so often.
const LIST_EVERY: Duration = Duration::from_secs(15);
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// Follows until it is told to stop; tries again for ever when the service cannot be asked.
pub(crate) async fn run(assortment: Arc<Assortment>, freshness: Arc<Freshness>, stop: CancellationToken) {
    let mut failures = 0;
    loop {
        let before = clock::now();
        let Some(Err(failure)) = stop.run_until_cancelled(follow(&assortment)).await else { return };
        // A connection that held for a while is worth a quick return.
        failures = if clock::now().unix_ms() - before.unix_ms() > 10_000 { 1 } else { failures + 1 };
        let was_fresh = !freshness.stale();
        freshness.lost();
        if was_fresh || failures == 1 {
            warn!(error = %failure, "the product service is not followed; the catalogue shows what it said last");
        }
        if stop.run_until_cancelled(clock::sleep(PAUSES.pause(failures))).await.is_none() {
            return;
        }
    }
}

async fn follow(assortment: &Assortment) -> Result<std::convert::Infallible, Ended> {
    if assortment.begin().await? {
        loop {
            assortment.follow(FEED_WAIT_S).await?;
        }
    }
    loop {
        clock::sleep(LIST_EVERY).await;
        assortment.compare().await?;
    }
}
