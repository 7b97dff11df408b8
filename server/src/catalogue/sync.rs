//! What the product service says becomes events, here and nowhere else: `product-…` and `category-list`.
//!
//! Two ask it: the process that follows the service, and an operator who changes something. Both take the same place in the
//! service's feed of changes in turns, so every change is taken in once and in order, and an operator's change is in the log
//! when its request is answered. With several servers one follows; on the others an operator's change is looked up by itself.
//! Nothing here knows HTTP or decides when to ask.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use storefront_api::ProductId;
use storefront_domain::category::{self, CategoryEvent};
use storefront_domain::product::{self, Observed, ProductEvent};
use storefront_domain::withdrawals::{self, Withdrawals, WithdrawalsCommand, WithdrawalsError, WithdrawalsEvent};
use storefront_eventlog::{Checkpoint, Position, Version};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::catalogue::basket_lookup::BasketLookup;
use crate::catalogue::freshness::Freshness;
use crate::clock;
use crate::integrations::ports::Products;
use crate::integrations::product_service::{Change, Changes, Listing, SeenProduct, ServiceError};
use crate::integrations::product_writes::{ProductWrite, WriteError};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands;
use crate::store::commands::{Condition, Context, Done, Failure, Reply, retrying};
use crate::store::streams;
use crate::views::ProductField;

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

/// Why an operator's change was not made, or may not have been made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Log(#[from] Failure),
    #[error(transparent)]
    Withdrawals(#[from] WithdrawalsError),
    #[error("the SKU belongs to {0}")]
    SkuTaken(ProductId),
    #[error("the name belongs to {0}")]
    NameTaken(ProductId),
    /// The change was made, but what it led to could not be asked.
    #[error("the product service made the change and then did not answer")]
    NotSeen(#[source] ServiceError),
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

    /// Has the service make an operator's change, and takes in what it led to. Afterwards the log has it.
    ///
    /// # Errors
    /// See [`ChangeError`]. The change may be sent again under the same key.
    pub(crate) async fn carry_out(
        &self,
        write: &ProductWrite,
        key: &str,
        cause: &Cause,
        condition: &Condition,
    ) -> Result<Option<ProductId>, ChangeError> {
        let mut place = clock::timeout(LOCK_TIMEOUT, self.place.lock()).await.ok_or(Failure::Busy)?;
        self.judge(write, condition).await?;
        let id = self.service.write(write, key).await?;
        if let ProductWrite::CreateCategory(name) = write {
            self.learn_categories(std::slice::from_ref(name), cause).await?;
        }
        let Some(id) = id else { return Ok(None) };
        let follows = self.follows.load(Ordering::Relaxed);
        let seen = match *place {
            FeedPosition::After(after) if follows => match self.service.changes(after, 0).await {
                Ok(news) => self.take_in(&mut place, after, news, cause).await,
                Err(failure) => Err(failure.into()),
            },
            FeedPosition::After(_) | FeedPosition::Unknown | FeedPosition::NoFeed => Err(SyncError::PlaceLost),
        };
        if let Err(failure) = seen {
            if follows && *place != FeedPosition::NoFeed {
                warn!(error = %failure, "an operator's change is looked up by itself, and then everything is compared");
                *place = FeedPosition::Unknown;
            }
            let product = self.service.get(&id).await.map_err(ChangeError::NotSeen)?;
            self.learn(product.as_slice(), cause, None).await?;
        }
        Ok(Some(id))
    }

    /// Whether a change may be made, now that no other is: it was meant for the product as it is, and gives it no article
    /// number or name that another has. The product service may be of another mind about what is another.
    async fn judge(&self, write: &ProductWrite, condition: &Condition) -> Result<(), ChangeError> {
        let text = |words: &Value, field: &str| words.get(field).and_then(Value::as_str).map(str::to_owned);
        let (id, words) = match write {
            ProductWrite::CreateCategory(_) => return Ok(()),
            ProductWrite::Create(words) => (None, Some(words)),
            ProductWrite::Change(id, words) => (Some(id), Some(words)),
            ProductWrite::SetPicture(id, _) | ProductWrite::RemovePicture(id) => (Some(id), None),
        };
        if let Some(id) = id {
            let version =
                aggregates::load::<ProductEvent>(&self.store, &streams::product(id)).await.map_err(Failure::from)?.1;
            condition.check(version)?;
        }
        let Some(words) = words else { return Ok(()) };
        let (sku, name) = (text(words, "sku"), text(words, "name"));
        if sku.is_none() && name.is_none() {
            return Ok(());
        }
        let head = self.store.head().await.map_err(Failure::from)?;
        let Some((other, field)) =
            self.basket_lookup.product_with_sku_or_name(head, sku.as_deref(), name.as_deref(), id).await?
        else {
            return Ok(());
        };
        // An earlier attempt may have created exactly this product, and the feed may have brought it before the repeat: the
        // product service knows the key and decides.
        if matches!(write, ProductWrite::Create(_)) {
            let (known, _) = aggregates::load::<ProductEvent>(&self.store, &streams::product(&other))
                .await
                .map_err(Failure::from)?;
            if known.facts().is_some_and(|facts| Some(&facts.sku) == sku.as_ref() && Some(&facts.name) == name.as_ref())
            {
                return Ok(());
            }
        }
        match field {
            ProductField::Sku => Err(ChangeError::SkuTaken(other)),
            ProductField::Name => Err(ChangeError::NameTaken(other)),
        }
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

    /// Whether withdrawals wait for an operator, as of the last comparison on this server.
    pub(crate) fn holds_withdrawals(&self) -> bool {
        self.holds.load(Ordering::Relaxed)
    }

    /// Withdraws what the product service does not list now, although it is most of the range, and answers what became of
    /// it. Any server does it; the one that follows compares again later.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub(crate) async fn confirm_withdrawals(
        &self,
        context: &Context,
        reply: impl Fn(u32) -> Result<Reply, serde_json::Error> + Send + Sync,
    ) -> Result<Done, ChangeError> {
        let _place = clock::timeout(LOCK_TIMEOUT, self.place.lock()).await.ok_or(Failure::Busy)?;
        let listing = self.service.list().await.map_err(WriteError::from)?;
        let Missing { missing, .. } = self.missing_in(&listing).await?;
        let confirm = WithdrawalsCommand::Confirm { missing: count(missing.len()) };
        let (state, version) = self.withdrawals().await?;
        context.condition.check(version)?;
        let events = withdrawals::decide(state, &confirm)?;
        self.withdraw(&missing, &context.cause).await?;
        let mut batch = AppendBuilder::new(clock::now(), context.cause.clone());
        batch.add(streams::withdrawals(), version, &events);
        let reply = reply(count(missing.len())).map_err(Failure::from)?;
        Ok(commands::write(&self.store, batch, context, reply).await?)
    }

    /// Withdrawals that wait for an operator, and the version of that.
    pub(crate) async fn withdrawals(&self) -> Result<(Withdrawals, Version), Failure> {
        Ok(aggregates::load::<WithdrawalsEvent>(&self.store, &streams::withdrawals()).await?)
    }

    /// Judges what is missing, and says whether it is held back.
    async fn hold(&self, compare: &WithdrawalsCommand) -> Result<bool, Failure> {
        let held = retrying(|| async {
            let (state, version) = self.withdrawals().await?;
            let events = withdrawals::decide(state, compare)?;
            let after = events.iter().fold(state, withdrawals::evolve);
            let mut batch = AppendBuilder::new(clock::now(), feed_cause());
            batch.add(streams::withdrawals(), version, &events);
            self.write(batch).await?;
            Ok(after != Withdrawals::Usual)
        });
        let held = held.await?;
        self.holds.store(held, Ordering::Relaxed);
        Ok(held)
    }

    /// What the shop sells that a list has not, as of now: the views may be on their way there still. What the list has and
    /// cannot be read is there all the same.
    async fn missing_in(&self, listing: &Listing) -> Result<Missing, Failure> {
        let readable = listing.products.iter().map(|product| &product.id);
        let unreadable = listing.unreadable.iter().filter_map(|unreadable| unreadable.id.as_ref());
        let present: HashSet<&ProductId> = readable.chain(unreadable).collect();
        let head = self.store.head().await?;
        let sold = self.basket_lookup.sold(head).await?;
        let before = sold.len();
        Ok(Missing { missing: sold.into_iter().filter(|id| !present.contains(id)).collect(), sold: before })
    }

    /// Writes what is new about some products, in one append.
    async fn learn(&self, seen: &[SeenProduct], cause: &Cause, kept: Option<Checkpoint>) -> Result<(), Failure> {
        retrying(|| async {
            let mut batch = AppendBuilder::new(clock::now(), cause.clone());
            for product in seen {
                let stream = streams::product(&product.id);
                let (state, version) = aggregates::load::<ProductEvent>(&self.store, &stream).await?;
                let SeenProduct { facts, active, reason, .. } = product.clone();
                batch.add(stream, version, &product::observe(&state, &Observed { facts, active, reason }));
            }
            if let Some(kept) = kept.clone().filter(|_| !batch.is_empty()) {
                batch.checkpoint(kept);
            }
            self.write(batch).await
        })
        .await
    }

    async fn learn_categories(&self, names: &[String], cause: &Cause) -> Result<(), Failure> {
        retrying(|| async {
            let (state, version) = aggregates::load::<CategoryEvent>(&self.store, &streams::categories()).await?;
            let mut batch = AppendBuilder::new(clock::now(), cause.clone());
            batch.add(streams::categories(), version, &category::observe(&state, names));
            self.write(batch).await
        })
        .await
    }

    async fn withdraw(&self, ids: &[ProductId], cause: &Cause) -> Result<(), Failure> {
        for ids in ids.chunks(BATCH) {
            self.withdraw_one(ids, cause, None).await?;
        }
        Ok(())
    }

    /// Withdraws some products, in one append.
    async fn withdraw_one(&self, ids: &[ProductId], cause: &Cause, kept: Option<Checkpoint>) -> Result<(), Failure> {
        retrying(|| async {
            let mut batch = AppendBuilder::new(clock::now(), cause.clone());
            for id in ids {
                let stream = streams::product(id);
                let (state, version) = aggregates::load::<ProductEvent>(&self.store, &stream).await?;
                let Some(facts) = state.facts().cloned() else { continue };
                let gone = Observed { facts, active: false, reason: None };
                batch.add(stream, version, &product::observe(&state, &gone));
            }
            if let Some(kept) = kept.clone().filter(|_| !batch.is_empty()) {
                batch.checkpoint(kept);
            }
            self.write(batch).await
        })
        .await
    }

    /// Takes one change in.
    async fn take_in_change(&self, change: &Change, cause: &Cause, kept: Option<Checkpoint>) -> Result<(), Failure> {
        match &change.product {
            Some(product) => self.learn(std::slice::from_ref(product), cause, kept).await,
            None => self.withdraw_one(std::slice::from_ref(&change.product_id), cause, kept).await,
        }
    }

    /// Remembers the place in the feed over a restart.
    async fn keep_place(&self, place: u64) -> Result<(), Failure> {
        let mut batch = AppendBuilder::new(clock::now(), feed_cause());
        batch.checkpoint(Checkpoint { consumer: CONSUMER.to_owned(), position: Position(place) });
        self.store.append(batch.into_append()).await.map_err(Failure::Append)?;
        Ok(())
    }

    async fn write(&self, batch: AppendBuilder) -> Result<(), Failure> {
        if !batch.is_empty() {
            self.store.append(batch.into_append()).await.map_err(Failure::Append)?;
        }
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
