//! What processes ask of the views, and no more: so that a simulated shop can answer in their place.

use std::time::Duration;

use async_trait::async_trait;
use storefront_api::{OrderId, ProductId};
use storefront_eventlog::Position;

use crate::store::commands::Failure;
use crate::views::{ProductField, Views};

/// The views are asked so often whether they have caught up.
const CATCH_UP: Duration = Duration::from_secs(5);

/// Lists of what the log adds up to, each as of a position at least; they wait until they have come there.
#[async_trait]
pub(crate) trait BasketLookup: Send + Sync {
    /// The open baskets that have a line with a product.
    async fn baskets_with(&self, product_id: &ProductId, seen: Position) -> Result<Vec<OrderId>, Failure>;

    /// The products that can be bought.
    async fn sold(&self, seen: Position) -> Result<Vec<ProductId>, Failure>;

    /// Another product that has an article number or a name, and which of both.
    async fn product_with_sku_or_name(
        &self,
        seen: Position,
        sku: Option<&str>,
        name: Option<&str>,
        except: Option<&ProductId>,
    ) -> Result<Option<(ProductId, ProductField)>, Failure>;
}

#[async_trait]
impl BasketLookup for Views {
    async fn baskets_with(&self, product_id: &ProductId, seen: Position) -> Result<Vec<OrderId>, Failure> {
        while !self.reach(&["orders"], seen, CATCH_UP).await {}
        Ok(Views::baskets_with(self, product_id).await?)
    }

    async fn sold(&self, seen: Position) -> Result<Vec<ProductId>, Failure> {
        while !self.reach(&["products"], seen, CATCH_UP).await {}
        Ok(self.read(|folded| {
            let sold = folded.catalogue.ids().filter(|id| folded.catalogue.is_for_sale(id));
            sold.cloned().collect()
        }))
    }
    async fn product_with_sku_or_name(
        &self,
        seen: Position,
        sku: Option<&str>,
        name: Option<&str>,
        except: Option<&ProductId>,
    ) -> Result<Option<(ProductId, ProductField)>, Failure> {
        // A view that does not come there answers as it is: the product service has the last word.
        self.reach(&["products"], seen, CATCH_UP).await;
        let found = self.read(|folded| {
            folded.catalogue.product_with_sku_or_name(sku, name, except).map(|(id, field)| (id.clone(), field))
        });
        Ok(found)
    }
}
