//! What the product service says becomes events, here and nowhere else: `product-…` and `category-list`.
//!
//! Two ask it: the process that follows the service, and an operator who changes something. Both take the same place in the
//! service's feed of changes in turns, so every change is taken in once and in order, and an operator's change is in the log
//! when its request is answered. With several servers one follows; on the others an operator's change is looked up by itself.
//! Nothing here knows HTTP or decides when to ask.

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

/// The place in the feed is kept under this name, as the number of the last change.
const CONSUMER: &str = "product_feed";
/// So many products go into one append.
const BATCH: usize = 100;
/// An operator waits so long for the others.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// What the shop knows of the product service's range, and how far it has read. Clones share their place in the feed.
#[derive(Clone)]
pub(crate) struct CatalogueSync {
    store: Store,
    service: Arc<dyn Products>,
    freshness: Arc<Freshness>,
    basket_lookup: Arc<dyn BasketLookup>,
    place: Arc<Mutex<FeedPosition>>,
    /// Whether this server follows the feed; where another does, the place here is of the past.
    follows: Arc<AtomicBool>,
    /// Whether withdrawals wait for an operator.
    holds: Arc<AtomicBool>,
}

/// This server follows the feed while this is there.
pub(crate) struct FollowerGuard(Arc<AtomicBool>);

impl Drop for FollowerGuard {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// How far the service's feed has been taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FeedPosition {
    /// Everything must be listed first.
    Unknown,
    /// The service has no feed.
    NoFeed,
    /// Up to this change.
    After(u64),
}

/// What a list of the product service has not.
struct Missing {
    /// Products that are for sale and not in it.
    missing: Vec<ProductId>,
    /// How many are for sale, these included.
    sold: usize,
}

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Log(#[from] Failure),
    #[error("its feed of changes began anew")]
    FeedBeganAnew,
    #[error("its feed of changes could not be read up to an operator's change")]
    PlaceLost,
}

impl CatalogueSync {
    pub(crate) fn new(
        store: Store,
        service: Arc<dyn Products>,
        freshness: Arc<Freshness>,
        basket_lookup: Arc<dyn BasketLookup>,
    ) -> Self {
        let place = Arc::new(Mutex::new(FeedPosition::Unknown));
        Self { store, service, freshness, basket_lookup, place, follows: Arc::default(), holds: Arc::default() }
    }

    /// The same, writing what the feed says through another door to the log.
    pub(crate) fn through(&self, store: Store) -> Self {
        Self { store, ..self.clone() }
    }

    /// This server follows the feed for as long as the answer is held.
    pub(crate) fn follows_here(&self) -> FollowerGuard {
        self.follows.store(true, Ordering::Relaxed);
        FollowerGuard(self.follows.clone())
    }

    /// Another server follows the feed: learns only whether the service can be asked, and so whether what the log says of
    /// it is of now.
    pub(crate) async fn listen(&self) {
        match self.service.changes(u64::MAX >> 1, 0).await {
            // That there is no feed is an answer too.
            Ok(_) | Err(ServiceError::ChangesUnsupported) => self.freshness.heard(clock::now()),
            Err(_) => self.freshness.lost(),
        }
    }

    /// Finds its place: takes in what happened since the last time, then compares everything. `false` when the service has
    /// no feed to go on from.
    ///
    /// # Errors
    /// See [`SyncError`]; so for every method of the follower.
    pub(crate) async fn begin(&self) -> Result<bool, SyncError> {
        let mut place = self.place.lock().await;
        *place = FeedPosition::Unknown;
        // Where the feed stands *before* the list, so that nothing falls between the two.
        let head = match self.service.changes(u64::MAX >> 1, 0).await {
            Ok(changes) => changes.head,
            Err(ServiceError::ChangesUnsupported) => {
                self.learn_everything().await?;
                *place = FeedPosition::NoFeed;
                return Ok(false);
            }
            Err(other) => return Err(other.into()),
        };
        let known = self.store.checkpoint(CONSUMER).await.map_err(Failure::from)?.0;
        // A feed that has not come as far as the shop began anew: then only the list tells.
        if known > 0 && known < head {
            self.catch_up(known, head).await?;
        }
        self.learn_everything().await?;
        // What happened while the list was made may be in it already: only how it ended counts.
        let news = self.service.changes(head, 0).await?;
        if news.head < head {
            return Err(SyncError::FeedBeganAnew);
        }
        let last: BTreeMap<&ProductId, &Change> =
            news.changes.iter().map(|change| (&change.product_id, change)).collect();
        for change in last.into_values() {
            self.take_in_change(change, &feed_cause(), None).await?;
        }
        self.keep_place(news.next_after).await?;
        *place = FeedPosition::After(news.next_after);
        self.freshness.heard(clock::now());
        Ok(true)
    }

    /// Waits for the next changes, so many seconds at most, and takes them in.
    pub(crate) async fn follow(&self, wait_s: u32) -> Result<(), SyncError> {
        let FeedPosition::After(after) = *self.place.lock().await else { return Err(SyncError::PlaceLost) };
        // Not under the lock: operators need not wait for news.
        let news = self.service.changes(after, wait_s).await?;
        let mut place = self.place.lock().await;
        self.take_in(&mut place, after, news, &feed_cause()).await?;
        self.freshness.heard(clock::now());
        Ok(())
    }

    /// Compares everything with a service that has no feed.
    pub(crate) async fn compare(&self) -> Result<(), SyncError> {
        let _place = self.place.lock().await;
        self.learn_everything().await
    }

    /// Takes in the changes from one place of the feed to another.
    async fn catch_up(&self, mut after: u64, head: u64) -> Result<(), SyncError> {
        while after < head {
            let news = self.service.changes(after, 0).await?;
            if news.next_after <= after {
                return Err(SyncError::FeedBeganAnew);
            }
            let mut place = FeedPosition::After(after);
            let asked = after;
            after = news.next_after;
            self.take_in(&mut place, asked, news, &feed_cause()).await?;
        }
        Ok(())
    }

    /// Takes in what the feed answered to a question, except for what was taken in meanwhile.
    async fn take_in(
        &self,
        place: &mut FeedPosition,
        asked: u64,
        news: Changes,
        cause: &Cause,
    ) -> Result<(), SyncError> {
        let FeedPosition::After(known) = *place else { return Err(SyncError::PlaceLost) };
        if news.head < asked {
            *place = FeedPosition::Unknown;
            return Err(SyncError::FeedBeganAnew);
        }
        // One by one, so that a price that went up and down again is two events.
        for change in news.changes.iter().filter(|change| change.sequence > known) {
            let kept = Checkpoint { consumer: CONSUMER.to_owned(), position: Position(change.sequence) };
            self.take_in_change(change, cause, Some(kept)).await?;
            *place = FeedPosition::After(change.sequence);
        }
        *place = FeedPosition::After(known.max(news.next_after));
        Ok(())
    }

    /// Compares all that the service has with all that is known. What it no longer has is withdrawn, unless that is most of
    /// the range.
    async fn learn_everything(&self) -> Result<(), SyncError> {
        if let Some(names) = self.service.categories().await? {
            self.learn_categories(&names, &feed_cause()).await?;
        }
        let listing = self.service.list().await?;
        let (listed, unreadable) = (listing.products.len(), listing.unreadable.len());
        info!(products = listed, unreadable, "the product service has told its products");
        // Before what is new is taken in: that does not make up for what is missing.
        let Missing { missing, sold } = self.missing_in(&listing).await?;
        for batch in listing.products.chunks(BATCH) {
            self.learn(batch, &feed_cause(), None).await?;
        }
        let compare = WithdrawalsCommand::Compare {
            missing: count(missing.len()),
            sold: count(sold),
            listed: count(listed + unreadable),
        };
        if self.hold(&compare).await? {
            warn!(
                missing = missing.len(),
                sold, "most of the range is missing; it stays for sale until it is confirmed"
            );
        } else {
            self.withdraw(&missing, &feed_cause()).await?;
        }
        self.freshness.heard(clock::now());
        Ok(())
    }
}

fn count(products: usize) -> u32 {
    u32::try_from(products).unwrap_or(u32::MAX)
}

/// The product service said so by itself.
fn feed_cause() -> Cause {
    Cause { correlation_id: "product-service".to_owned(), causation_id: None, actor: "product-service".to_owned() }
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
