//! Appends what was observed of products and categories, and how far the feed was read.

use storefront_api::ProductId;
use storefront_domain::category::{self, Categories};
use storefront_domain::product::{self, ObservedProduct, Product};
use storefront_eventlog::{Checkpoint, Position};

use super::{CatalogueSync, FEED_CHECKPOINT, MAX_PRODUCTS_PER_APPEND, feed_cause};
use crate::clock;
use crate::integrations::product_service::{Change, SeenProduct};
use crate::store::aggregates::{AppendBuilder, Cause};
use crate::store::commands::{Failure, execute, retry_on_conflict};
use crate::store::streams;

impl CatalogueSync {
    /// Records what is new about some products, in one append, with the feed position `checkpoint`.
    pub(super) async fn record_products(
        &self,
        products: &[SeenProduct],
        cause: &Cause,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), Failure> {
        retry_on_conflict(|| async {
            let mut batch = AppendBuilder::new(clock::now(), cause.clone());
            for product in products {
                let SeenProduct { facts, active, reason, .. } = product.clone();
                let observed = ObservedProduct { facts, active, reason };
                let observe = |known: &Product| Ok::<_, Failure>(product::observe(known, &observed));
                batch.decide(&self.store, streams::product(&product.id), observe).await?;
            }
            batch.append_if_any(&self.store, checkpoint.as_ref()).await.map(drop)
        })
        .await
    }

    pub(super) async fn record_categories(&self, names: &[String], cause: &Cause) -> Result<(), Failure> {
        let observe = |known: &Categories| Ok::<_, Failure>(category::observe(known, names));
        execute(&self.store, &streams::categories(), cause, None, observe).await?;
        Ok(())
    }

    pub(super) async fn withdraw_products(&self, ids: &[ProductId], cause: &Cause) -> Result<(), Failure> {
        for ids in ids.chunks(MAX_PRODUCTS_PER_APPEND) {
            self.withdraw_batch(ids, cause, None).await?;
        }
        Ok(())
    }

    /// Withdraws some products, in one append.
    pub(super) async fn withdraw_batch(
        &self,
        ids: &[ProductId],
        cause: &Cause,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), Failure> {
        retry_on_conflict(|| async {
            let mut batch = AppendBuilder::new(clock::now(), cause.clone());
            for id in ids {
                let withdraw = |known: &Product| {
                    let gone = known.facts().map(|facts| ObservedProduct {
                        facts: facts.clone(),
                        active: false,
                        reason: None,
                    });
                    Ok::<_, Failure>(gone.map(|gone| product::observe(known, &gone)).unwrap_or_default())
                };
                batch.decide(&self.store, streams::product(id), withdraw).await?;
            }
            batch.append_if_any(&self.store, checkpoint.as_ref()).await.map(drop)
        })
        .await
    }

    /// Records one change of the feed.
    pub(super) async fn apply_change(
        &self,
        change: &Change,
        cause: &Cause,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), Failure> {
        match &change.product {
            Some(product) => self.record_products(std::slice::from_ref(product), cause, checkpoint).await,
            None => self.withdraw_batch(std::slice::from_ref(&change.product_id), cause, checkpoint).await,
        }
    }

    /// Saves the feed position across a restart.
    pub(super) async fn save_feed_position(&self, position: u64) -> Result<(), Failure> {
        let mut batch = AppendBuilder::new(clock::now(), feed_cause());
        batch.checkpoint(Checkpoint { consumer: FEED_CHECKPOINT.to_owned(), position: Position(position) });
        batch.append_to(&self.store).await.map_err(Failure::Append)?;
        Ok(())
    }
}
