//! What processes read from the views, as a trait, so that the simulation can replace them.

use std::time::Duration;

use async_trait::async_trait;
use storefront_api::{CustomerId, OrderId, ProductId};
use storefront_eventlog::Position;

use crate::store::commands::Failure;
use crate::views::{ProductField, Views};

/// Timeout of one wait for the views to catch up; the wait is repeated.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Queries on the views. Each waits until the view has reached a position.
#[async_trait]
pub(crate) trait BasketLookup: Send + Sync {
    /// Returns the open baskets that contain a product.
    async fn baskets_with(&self, product_id: &ProductId, min_position: Position) -> Result<Vec<OrderId>, Failure>;

    /// Returns the orders of a customer.
    async fn orders_of(&self, customer_id: CustomerId, min_position: Position) -> Result<Vec<OrderId>, Failure>;

    /// Returns the products that are for sale.
    async fn products_for_sale(&self, min_position: Position) -> Result<Vec<ProductId>, Failure>;

    /// Returns another product with this SKU or name, and which of the two matches. Does not wait without limit.
    async fn product_with_sku_or_name(
        &self,
        min_position: Position,
        sku: Option<&str>,
        name: Option<&str>,
        except: Option<&ProductId>,
    ) -> Result<Option<(ProductId, ProductField)>, Failure>;
}

#[async_trait]
impl BasketLookup for Views {
    async fn baskets_with(&self, product_id: &ProductId, min_position: Position) -> Result<Vec<OrderId>, Failure> {
        while !self.reach(&["orders"], min_position, CATCH_UP_TIMEOUT).await {}
        Ok(Views::baskets_with(self, product_id).await?)
    }

    async fn orders_of(&self, customer_id: CustomerId, min_position: Position) -> Result<Vec<OrderId>, Failure> {
        while !self.reach(&["orders"], min_position, CATCH_UP_TIMEOUT).await {}
        Ok(Views::orders_of(self, customer_id).await?)
    }

    async fn products_for_sale(&self, min_position: Position) -> Result<Vec<ProductId>, Failure> {
        while !self.reach(&["products"], min_position, CATCH_UP_TIMEOUT).await {}
        Ok(self.read(|folded| {
            let sold = folded.catalogue.ids().filter(|id| folded.catalogue.is_for_sale(id));
            sold.cloned().collect()
        }))
    }

    async fn product_with_sku_or_name(
        &self,
        min_position: Position,
        sku: Option<&str>,
        name: Option<&str>,
        except: Option<&ProductId>,
    ) -> Result<Option<(ProductId, ProductField)>, Failure> {
        // A view that does not catch up answers with what it has: the product service decides.
        self.reach(&["products"], min_position, CATCH_UP_TIMEOUT).await;
        let found = self.read(|folded| {
            folded.catalogue.product_with_sku_or_name(sku, name, except).map(|(id, field)| (id.clone(), field))
        });
        Ok(found)
    }
}
