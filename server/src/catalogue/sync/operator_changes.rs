//! Changes that an operator makes to products: checked against the log, made by the product service, and recorded.

use std::sync::atomic::Ordering;

use serde_json::Value;
use storefront_api::ProductId;
use storefront_domain::product::ProductEvent;
use storefront_domain::withdrawals::WithdrawalsError;
use tracing::warn;

use super::{CatalogueSync, FeedPosition, LOCK_TIMEOUT, SyncError};
use crate::clock;
use crate::integrations::product_service::ServiceError;
use crate::integrations::product_writes::{ProductWrite, WriteError};
use crate::store::aggregates;
use crate::store::aggregates::Cause;
use crate::store::commands::{Condition, Failure};
use crate::store::streams;
use crate::views::ProductField;

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
}
