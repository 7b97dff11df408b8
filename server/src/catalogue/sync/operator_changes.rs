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
    /// The change was made, but the product could not be read back.
    #[error("the product service made the change and then did not answer")]
    NotReadBack(#[source] ServiceError),
}

impl CatalogueSync {
    /// Has the service make an operator's change, and records the result before returning.
    ///
    /// # Errors
    /// See [`ChangeError`]. The change may be sent again under the same key.
    pub(crate) async fn make_change(
        &self,
        write: &ProductWrite,
        key: &str,
        cause: &Cause,
        condition: &Condition,
    ) -> Result<Option<ProductId>, ChangeError> {
        let mut position = clock::timeout(LOCK_TIMEOUT, self.feed_position.lock()).await.ok_or(Failure::Busy)?;
        self.check_change(write, condition).await?;
        let id = self.service.write(write, key).await?;
        if let ProductWrite::CreateCategory(name) = write {
            self.record_categories(std::slice::from_ref(name), cause).await?;
        }
        let Some(id) = id else { return Ok(None) };
        let is_following = self.is_following.load(Ordering::Relaxed);
        let recorded = match *position {
            FeedPosition::After(after) if is_following => match self.service.changes(after, 0).await {
                Ok(changes) => self.apply_changes(&mut position, after, changes, cause).await,
                Err(failure) => Err(failure.into()),
            },
            FeedPosition::After(_) | FeedPosition::Unknown | FeedPosition::NoFeed => Err(SyncError::FeedPositionLost),
        };
        if let Err(failure) = recorded {
            if is_following && *position != FeedPosition::NoFeed {
                warn!(error = %failure, "cannot read an operator's change from the feed; reading the product, then comparing everything");
                *position = FeedPosition::Unknown;
            }
            let product = self.service.get(&id).await.map_err(ChangeError::NotReadBack)?;
            self.record_products(product.as_slice(), cause, None).await?;
        }
        Ok(Some(id))
    }

    /// Checks that the product still has the version that the operator saw, and that no other product has the new SKU
    /// or name. The product service may still decide otherwise about duplicates.
    async fn check_change(&self, write: &ProductWrite, condition: &Condition) -> Result<(), ChangeError> {
        let text = |fields: &Value, field: &str| fields.get(field).and_then(Value::as_str).map(str::to_owned);
        let (id, fields) = match write {
            ProductWrite::CreateCategory(_) => return Ok(()),
            ProductWrite::Create(fields) => (None, Some(fields)),
            ProductWrite::Change(id, fields) => (Some(id), Some(fields)),
            ProductWrite::SetPicture(id, _) | ProductWrite::RemovePicture(id) => (Some(id), None),
        };
        if let Some(id) = id {
            let version =
                aggregates::load::<ProductEvent>(&self.store, &streams::product(id)).await.map_err(Failure::from)?.1;
            condition.check(version)?;
        }
        let Some(fields) = fields else { return Ok(()) };
        let (sku, name) = (text(fields, "sku"), text(fields, "name"));
        if sku.is_none() && name.is_none() {
            return Ok(());
        }
        let head = self.store.head().await.map_err(Failure::from)?;
        let Some((other, field)) =
            self.basket_lookup.product_with_sku_or_name(head, sku.as_deref(), name.as_deref(), id).await?
        else {
            return Ok(());
        };
        // An earlier attempt may have created exactly this product, and the feed may have delivered it before the
        // repeat. The product service recognises the key and decides.
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
