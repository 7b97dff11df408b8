//! Appends what was observed of products and categories, and how far the feed was read.

use storefront_api::ProductId;
use storefront_domain::category::{self, CategoryEvent};
use storefront_domain::product::{self, Observed, ProductEvent};
use storefront_eventlog::{Checkpoint, Position};

use super::{BATCH, CONSUMER, CatalogueSync, feed_cause};
use crate::clock;
use crate::integrations::product_service::{Change, SeenProduct};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause};
use crate::store::commands::{Failure, retrying};
use crate::store::streams;

impl CatalogueSync {
    /// Writes what is new about some products, in one append.
    pub(super) async fn learn(
        &self,
        seen: &[SeenProduct],
        cause: &Cause,
        kept: Option<Checkpoint>,
    ) -> Result<(), Failure> {
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

    pub(super) async fn learn_categories(&self, names: &[String], cause: &Cause) -> Result<(), Failure> {
        retrying(|| async {
            let (state, version) = aggregates::load::<CategoryEvent>(&self.store, &streams::categories()).await?;
            let mut batch = AppendBuilder::new(clock::now(), cause.clone());
            batch.add(streams::categories(), version, &category::observe(&state, names));
            self.write(batch).await
        })
        .await
    }

    pub(super) async fn withdraw(&self, ids: &[ProductId], cause: &Cause) -> Result<(), Failure> {
        for ids in ids.chunks(BATCH) {
            self.withdraw_one(ids, cause, None).await?;
        }
        Ok(())
    }

    /// Withdraws some products, in one append.
    pub(super) async fn withdraw_one(
        &self,
        ids: &[ProductId],
        cause: &Cause,
        kept: Option<Checkpoint>,
    ) -> Result<(), Failure> {
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
    pub(super) async fn take_in_change(
        &self,
        change: &Change,
        cause: &Cause,
        kept: Option<Checkpoint>,
    ) -> Result<(), Failure> {
        match &change.product {
            Some(product) => self.learn(std::slice::from_ref(product), cause, kept).await,
            None => self.withdraw_one(std::slice::from_ref(&change.product_id), cause, kept).await,
        }
    }

    /// Remembers the place in the feed over a restart.
    pub(super) async fn keep_place(&self, place: u64) -> Result<(), Failure> {
        let mut batch = AppendBuilder::new(clock::now(), feed_cause());
        batch.checkpoint(Checkpoint { consumer: CONSUMER.to_owned(), position: Position(place) });
        self.store.append(batch.into_append()).await.map_err(Failure::Append)?;
        Ok(())
    }

    pub(super) async fn write(&self, batch: AppendBuilder) -> Result<(), Failure> {
        if !batch.is_empty() {
            self.store.append(batch.into_append()).await.map_err(Failure::Append)?;
        }
        Ok(())
    }
}
