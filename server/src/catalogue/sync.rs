//! Records what the product service reports as events of `product-…` and `category-list`. No other module writes
//! those streams.
//!
//! The process that follows the service and an operator who changes something share one position in the service's
//! feed of changes, under a lock. So every change is recorded once and in order, and an operator's change is in the
//! log when its request is answered. With several servers one follows the feed; on the others an operator's change is
//! read back by itself. Nothing here may import HTTP or decide when to ask the service.

mod observations;
pub(crate) mod operator_changes;
mod withdrawals;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use storefront_api::ProductId;
use storefront_domain::withdrawals::WithdrawalsCommand;
use storefront_eventlog::{Checkpoint, Position};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::catalogue::basket_lookup::BasketLookup;
use crate::catalogue::freshness::Freshness;
use crate::clock;
use crate::integrations::ports::Products;
use crate::integrations::product_service::{Change, Changes, ServiceError};
use crate::store::aggregates::{Cause, Store};
use crate::store::commands::Failure;

/// Name of the checkpoint that holds the number of the last change that was recorded.
const FEED_CHECKPOINT: &str = "product_feed";
/// Maximum number of products per append.
const MAX_PRODUCTS_PER_APPEND: usize = 100;
/// Maximum wait of an operator's change for the lock on the feed position.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Takes over the range of the product service. Clones share the position in the feed.
#[derive(Clone)]
pub(crate) struct CatalogueSync {
    store: Store,
    service: Arc<dyn Products>,
    freshness: Arc<Freshness>,
    basket_lookup: Arc<dyn BasketLookup>,
    feed_position: Arc<Mutex<FeedPosition>>,
    /// Whether this server follows the feed. Where another server does, `feed_position` is outdated.
    is_following: Arc<AtomicBool>,
    /// Whether withdrawals wait for an operator.
    holds_withdrawals: Arc<AtomicBool>,
}

/// While this exists, this server follows the feed.
pub(crate) struct FollowerGuard(Arc<AtomicBool>);

impl Drop for FollowerGuard {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The position in the service's feed of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FeedPosition {
    /// Unknown: everything must be listed first.
    Unknown,
    /// The service has no feed.
    NoFeed,
    /// Up to this change.
    After(u64),
}

/// The products that a listing of the product service lacks.
struct MissingProducts {
    /// Products that are for sale and not listed.
    missing: Vec<ProductId>,
    /// Number of products for sale, including these.
    for_sale: usize,
}

/// Why following the product service ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Log(#[from] Failure),
    #[error("its feed of changes began anew")]
    FeedRestarted,
    #[error("its feed of changes could not be read up to an operator's change")]
    FeedPositionLost,
}

impl CatalogueSync {
    pub(crate) fn new(
        store: Store,
        service: Arc<dyn Products>,
        freshness: Arc<Freshness>,
        basket_lookup: Arc<dyn BasketLookup>,
    ) -> Self {
        let feed_position = Arc::new(Mutex::new(FeedPosition::Unknown));
        Self {
            store,
            service,
            freshness,
            basket_lookup,
            feed_position,
            is_following: Arc::default(),
            holds_withdrawals: Arc::default(),
        }
    }

    /// Returns a copy that appends to another store, such as one fenced by a lease.
    pub(crate) fn with_store(&self, store: Store) -> Self {
        Self { store, ..self.clone() }
    }

    /// Marks this server as the follower until the guard is dropped.
    pub(crate) fn start_following(&self) -> FollowerGuard {
        self.is_following.store(true, Ordering::Relaxed);
        FollowerGuard(self.is_following.clone())
    }

    /// Checks only whether the service answers, for a server that does not follow it: then the log, which another
    /// server keeps up to date, is current.
    pub(crate) async fn probe(&self) {
        match self.service.changes(u64::MAX >> 1, 0).await {
            // "No feed" is an answer too.
            Ok(_) | Err(ServiceError::ChangesUnsupported) => self.freshness.mark_connected(clock::now()),
            Err(_) => self.freshness.mark_disconnected(),
        }
    }

    /// Records the changes since the saved feed position, then lists everything and compares it with the log. Returns
    /// `false` when the service has no feed to follow afterwards.
    ///
    /// # Errors
    /// See [`SyncError`], as for every method of the follower.
    pub(crate) async fn synchronise(&self) -> Result<bool, SyncError> {
        let mut position = self.feed_position.lock().await;
        *position = FeedPosition::Unknown;
        // The end of the feed *before* the listing, so that no change falls between the two.
        let head = match self.service.changes(u64::MAX >> 1, 0).await {
            Ok(changes) => changes.head,
            Err(ServiceError::ChangesUnsupported) => {
                self.compare_listing().await?;
                *position = FeedPosition::NoFeed;
                return Ok(false);
            }
            Err(other) => return Err(other.into()),
        };
        let known = self.store.checkpoint(FEED_CHECKPOINT).await.map_err(Failure::from)?.0;
        // A feed that ends before the saved position was restarted: then only the listing counts.
        if known > 0 && known < head {
            self.catch_up(known, head).await?;
        }
        self.compare_listing().await?;
        // Changes made during the listing may be part of it already: only the last one of each product counts.
        let changes = self.service.changes(head, 0).await?;
        if changes.head < head {
            return Err(SyncError::FeedRestarted);
        }
        let last: BTreeMap<&ProductId, &Change> =
            changes.changes.iter().map(|change| (&change.product_id, change)).collect();
        for change in last.into_values() {
            self.apply_change(change, &feed_cause(), None).await?;
        }
        self.save_feed_position(changes.next_after).await?;
        *position = FeedPosition::After(changes.next_after);
        self.freshness.mark_connected(clock::now());
        Ok(true)
    }

    /// Waits up to `wait_s` seconds for changes and records them.
    pub(crate) async fn follow_changes(&self, wait_s: u32) -> Result<(), SyncError> {
        let FeedPosition::After(after) = *self.feed_position.lock().await else {
            return Err(SyncError::FeedPositionLost);
        };
        // Without the lock, so that operators do not wait.
        let changes = self.service.changes(after, wait_s).await?;
        let mut position = self.feed_position.lock().await;
        self.apply_changes(&mut position, after, changes, &feed_cause()).await?;
        self.freshness.mark_connected(clock::now());
        Ok(())
    }

    /// Lists everything and compares it with the log, for a service without a feed.
    pub(crate) async fn synchronise_listing(&self) -> Result<(), SyncError> {
        let _lock = self.feed_position.lock().await;
        self.compare_listing().await
    }

    /// Records the changes between two positions of the feed.
    async fn catch_up(&self, mut after: u64, head: u64) -> Result<(), SyncError> {
        while after < head {
            let changes = self.service.changes(after, 0).await?;
            if changes.next_after <= after {
                return Err(SyncError::FeedRestarted);
            }
            let mut position = FeedPosition::After(after);
            let requested_after = after;
            after = changes.next_after;
            self.apply_changes(&mut position, requested_after, changes, &feed_cause()).await?;
        }
        Ok(())
    }

    /// Records the changes that the service returned for the position `requested_after`, except those recorded
    /// meanwhile.
    async fn apply_changes(
        &self,
        position: &mut FeedPosition,
        requested_after: u64,
        changes: Changes,
        cause: &Cause,
    ) -> Result<(), SyncError> {
        let FeedPosition::After(known) = *position else { return Err(SyncError::FeedPositionLost) };
        if changes.head < requested_after {
            *position = FeedPosition::Unknown;
            return Err(SyncError::FeedRestarted);
        }
        // One by one, so that a price that went up and down again is two events.
        for change in changes.changes.iter().filter(|change| change.sequence > known) {
            let checkpoint = Checkpoint { consumer: FEED_CHECKPOINT.to_owned(), position: Position(change.sequence) };
            self.apply_change(change, cause, Some(checkpoint)).await?;
            *position = FeedPosition::After(change.sequence);
        }
        *position = FeedPosition::After(known.max(changes.next_after));
        Ok(())
    }

    /// Lists everything and compares it with the log. Products that are no longer listed are withdrawn, unless they
    /// are most of the range.
    async fn compare_listing(&self) -> Result<(), SyncError> {
        if let Some(names) = self.service.categories().await? {
            self.record_categories(&names, &feed_cause()).await?;
        }
        let listing = self.service.list().await?;
        let (listed, unreadable) = (listing.products.len(), listing.unreadable.len());
        info!(products = listed, unreadable, "listed the products of the product service");
        // Before new products are recorded: they do not make up for missing ones.
        let MissingProducts { missing, for_sale } = self.find_missing(&listing).await?;
        for batch in listing.products.chunks(MAX_PRODUCTS_PER_APPEND) {
            self.record_products(batch, &feed_cause(), None).await?;
        }
        let compare = WithdrawalsCommand::Compare {
            missing: count(missing.len()),
            sold: count(for_sale),
            listed: count(listed + unreadable),
        };
        if self.hold_if_most_missing(&compare).await? {
            warn!(
                missing = missing.len(),
                for_sale, "most of the range is missing; it stays for sale until an operator confirms"
            );
        } else {
            self.withdraw_products(&missing, &feed_cause()).await?;
        }
        self.freshness.mark_connected(clock::now());
        Ok(())
    }
}

fn count(products: usize) -> u32 {
    u32::try_from(products).unwrap_or(u32::MAX)
}

/// The cause of events that the product service led to, not an operator.
fn feed_cause() -> Cause {
    Cause { correlation_id: "product-service".to_owned(), causation_id: None, actor: "product-service".to_owned() }
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
