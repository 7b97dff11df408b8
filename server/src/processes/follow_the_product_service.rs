//! The catalogue follows the product service: what it says becomes `product-…` events.
//!
//! At start everything is listed, and compared with what is known; after that the service's feed of changes tells what to
//! compare again. A service without a feed is listed every now and then.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use storefront_api::ProductId;
use storefront_domain::product::{self, Observed, ProductEvent};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock;
use crate::commands::{Failure, retrying};
use crate::integrations::outside::Products;
use crate::integrations::product_service::{Listing, SeenProduct, ServiceError};
use crate::integrations::retry::Backoff;
use crate::shop::Freshness;
use crate::stored::{self, Batch, Cause, Store};
use crate::streams;
use crate::views::Views;

/// So long the service may hold a question back while it has no news, in seconds. A service that dies silently is
/// noticed after this time at the latest.
const FEED_WAIT_S: u32 = 5;
/// A service without a feed is listed so often.
const LIST_EVERY: Duration = Duration::from_secs(15);
/// So many products go into one append.
const BATCH: usize = 100;
/// The views are asked so often whether they have caught up.
const CATCH_UP: Duration = Duration::from_secs(5);
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// Follows until it is told to stop; tries again for ever when the service cannot be asked.
pub(crate) async fn run(
    store: Store,
    service: Arc<dyn Products>,
    freshness: Arc<Freshness>,
    views: Views,
    stop: CancellationToken,
) {
    let follower = Follower { store, service, freshness, views };
    let mut failures = 0;
    loop {
        let before = clock::now();
        let Some(ended) = stop.run_until_cancelled(follower.follow()).await else { return };
        // A connection that held for a while is worth a quick return.
        failures = if clock::now().unix_ms() - before.unix_ms() > 10_000 { 1 } else { failures + 1 };
        let was_fresh = !follower.freshness.stale();
        follower.freshness.lost();
        if let Err(failure) = ended
            && (was_fresh || failures == 1)
        {
            warn!(error = %failure, "the product service is not followed; the catalogue shows what it said last");
        }
        if stop.run_until_cancelled(clock::sleep(PAUSES.pause(failures))).await.is_none() {
            return;
        }
    }
}

/// Why following ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Log(#[from] Failure),
    #[error("its feed of changes began anew")]
    FeedBeganAnew,
}

struct Follower {
    store: Store,
    service: Arc<dyn Products>,
    freshness: Arc<Freshness>,
    views: Views,
}

impl Follower {
    async fn follow(&self) -> Result<(), Ended> {
        // Where the feed stands *before* the list, so that nothing falls between the two.
        let mut after = match self.service.changes(u64::MAX >> 1, 0).await {
            Ok(changes) => changes.head,
            Err(ServiceError::ChangesUnsupported) => return self.list_for_ever().await,
            Err(other) => return Err(other.into()),
        };
        self.learn_everything().await?;
        loop {
            let news = self.service.changes(after, FEED_WAIT_S).await?;
            if news.head < after {
                return Err(Ended::FeedBeganAnew);
            }
            let seen = news.changes.into_iter().map(|change| change.product).collect::<Vec<_>>();
            // One by one, so that a price that went up and down again is two events.
            for product in &seen {
                self.learn(std::slice::from_ref(product)).await?;
            }
            after = news.next_after;
            self.freshness.heard(clock::now());
        }
    }

    async fn list_for_ever(&self) -> Result<(), Ended> {
        loop {
            self.learn_everything().await?;
            clock::sleep(LIST_EVERY).await;
        }
    }

    /// Compares all that the service has with all that is known. What it no longer has is withdrawn, unless the list
    /// leaves something out: what is left out may be there.
    async fn learn_everything(&self) -> Result<(), Ended> {
        let Listing { products, complete } = self.service.list().await?;
        info!(products = products.len(), complete, "the product service has told its products");
        for batch in products.chunks(BATCH) {
            self.learn(batch).await?;
        }
        if complete {
            let present: HashSet<&ProductId> = products.iter().map(|product| &product.id).collect();
            for gone in self.known_but_not(&present).await? {
                self.withdraw(&gone).await?;
            }
        }
        self.freshness.heard(clock::now());
        Ok(())
    }

    /// What the shop sells that is not among these, as of now: the views may be on their way there still.
    async fn known_but_not(&self, present: &HashSet<&ProductId>) -> Result<Vec<ProductId>, Failure> {
        let head = self.store.head().await?;
        while !self.views.reach(head, CATCH_UP).await {}
        Ok(self.views.read(|folded| {
            let sold = folded.catalogue.ids().filter(|id| folded.catalogue.for_sale(id).is_some());
            sold.filter(|id| !present.contains(id)).cloned().collect()
        }))
    }

    /// Writes what is new about some products, in one append.
    async fn learn(&self, seen: &[SeenProduct]) -> Result<(), Failure> {
        retrying(|| async {
            let mut batch = batch();
            for product in seen {
                let stream = streams::product(&product.id);
                let (state, version) = stored::load::<ProductEvent>(&self.store, &stream).await?;
                let SeenProduct { facts, active, reason, .. } = product.clone();
                batch.add(stream, version, &product::observe(&state, &Observed { facts, active, reason }));
            }
            self.write(batch).await
        })
        .await
    }

    async fn withdraw(&self, id: &ProductId) -> Result<(), Failure> {
        let stream = streams::product(id);
        retrying(|| async {
            let (state, version) = stored::load::<ProductEvent>(&self.store, &stream).await?;
            let Some(facts) = state.facts().cloned() else { return Ok(()) };
            let gone = Observed { facts, active: false, reason: None };
            let mut batch = batch();
            batch.add(stream.clone(), version, &product::observe(&state, &gone));
            self.write(batch).await
        })
        .await
    }

    async fn write(&self, batch: Batch) -> Result<(), Failure> {
        if !batch.is_empty() {
            self.store.append(batch.into_append()).await.map_err(Failure::Append)?;
        }
        Ok(())
    }
}

fn batch() -> Batch {
    let cause =
        Cause { correlation_id: "product-service".to_owned(), causation_id: None, actor: "product-service".to_owned() };
    Batch::new(clock::now(), cause)
}

#[cfg(test)]
mod tests {
    use storefront_api::Currency;
    use storefront_eventlog::SqliteStore;

    use super::*;
    use crate::integrations::product_service::ProductService;
    use crate::testing::{listed, product};

    const MUG: &str = r#"{"id": "mug", "sku": "KIT-1", "name": "Mug", "description": "Holds tea.", "category": "Kitchen",
        "price": 1200, "currency": "EUR", "vat_rate_percent": 19, "attributes": {}, "active": true}"#;

    /// A shop that sells a pot, and a product service that lists this.
    async fn learns(listing: &str) -> Follower {
        let mut server = mockito::Server::new_async().await;
        server.mock("GET", "/v1/product").with_body(listing).create_async().await;
        let store: Store = Arc::new(SqliteStore::in_memory().unwrap());
        let mut known = batch();
        known.add(
            streams::product(&product("pot")),
            storefront_eventlog::Version(0),
            &[listed("Pot", "Kitchen", 3500)],
        );
        store.append(known.into_append()).await.unwrap();
        let views = Views::new();
        tokio::spawn(views.clone().follow(store.clone(), CancellationToken::new()));
        let service = Arc::new(ProductService::new(&server.url(), Currency::EUR).unwrap());
        let freshness = Arc::new(Freshness::new(Duration::ZERO));
        let follower = Follower { store, service, freshness, views };
        follower.learn_everything().await.unwrap();
        follower
    }

    async fn is_sold(follower: &Follower, id: &str) -> bool {
        stored::load::<ProductEvent>(&follower.store, &streams::product(&product(id))).await.unwrap().0.active()
    }

    #[tokio::test]
    async fn what_a_complete_list_no_longer_has_is_withdrawn() {
        let follower = learns(&format!(r#"{{"products": [{MUG}]}}"#)).await;
        assert!(is_sold(&follower, "mug").await);
        assert!(!is_sold(&follower, "pot").await);
        assert!(!follower.freshness.stale());
    }

    #[tokio::test]
    async fn nothing_is_withdrawn_while_a_list_has_what_makes_no_sense() {
        let follower = learns(&format!(r#"{{"products": [{MUG}, {{"id": "pot", "price": "a lot"}}]}}"#)).await;
        assert!(is_sold(&follower, "mug").await);
        assert!(is_sold(&follower, "pot").await);
    }
}
