//! To whom belongs what a path names. What belongs to somebody else is answered as what is not there.

use axum::extract::RawPathParams;
use storefront_api::{CustomerId, OrderId, PaymentId};
use storefront_domain::payment::PaymentEvent;

use crate::http::error::ApiError;
use crate::http::routes::documents;
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::{aggregates, order_record, streams};

/// What a path names, in its parameter `id` or `number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    Order,
    /// An order that the request may begin.
    NewOrder,
    Payment,
    /// An invoice or a credit note.
    Document,
}

/// Checks that a customer owns what the path names. Leaves a path that names nothing to its handler.
///
/// # Errors
/// That it is not there.
pub(crate) async fn check(
    shop: &Shop,
    owned: Owned,
    customer_id: CustomerId,
    params: &RawPathParams,
) -> Result<(), ApiError> {
    let param = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    match owned {
        Owned::Order | Owned::NewOrder => {
            let Some(id) = param("id").and_then(|id| id.parse::<OrderId>().ok()) else { return Ok(()) };
            match owner_of_order(shop, id).await? {
                None if owned == Owned::NewOrder => Ok(()),
                Some(Some(owner)) if owner == customer_id => Ok(()),
                Some(_) | None => Err(ApiError::order_not_found()),
            }
        }
        Owned::Payment => {
            let Some(id) = param("id").and_then(|id| id.parse::<PaymentId>().ok()) else { return Ok(()) };
            let (payment, _) =
                aggregates::load::<PaymentEvent>(&shop.store, &streams::payment(id)).await.map_err(Failure::from)?;
            let order_id = payment.request().map(|request| request.order_id);
            let owner = match order_id {
                Some(order_id) => owner_of_order(shop, order_id).await?.flatten(),
                None => None,
            };
            if owner == Some(customer_id) { Ok(()) } else { Err(documents::payment_not_found(id)) }
        }
        Owned::Document => {
            let Some(number) = param("number") else { return Ok(()) };
            let owner = documents::owner_of_document(shop, number).await?;
            if owner == Some(customer_id) { Ok(()) } else { Err(documents::document_not_found()) }
        }
    }
}

/// The owner of an order, `Some(None)` for one of a guest; `None` for an order that was never started.
async fn owner_of_order(shop: &Shop, id: OrderId) -> Result<Option<Option<CustomerId>>, ApiError> {
    let record = order_record::load(&shop.store, id).await.map_err(Failure::from)?;
    Ok(record.order.status().map(|_| record.order.customer_id()))
}
