//! Orders over HTTP: reading them, filling the basket, checking out, and what comes after.

pub(crate) mod basket;
pub(crate) mod checkout;
pub(crate) mod deliver;
pub(crate) mod diagram;
pub(crate) mod diff;
pub(crate) mod email;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod refund;
pub(crate) mod voucher;

use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::OrderId;
use storefront_domain::order::{Order, OrderCommand, OrderError, OrderEvent, decide};
use storefront_domain::payment::Payment;

use crate::http::error::ApiError;
use crate::http::idempotency::respond_once;
use crate::http::state::Shop;
use crate::store::commands::{Context, Done, Reply, change_order};
use crate::store::order_record::OrderRecord;

/// Puts a command to an order and answers the order as it is then.
async fn change(shop: &Shop, id: OrderId, context: &Context, command: OrderCommand) -> Result<Response, ApiError> {
    respond_once(shop, context, decided(shop, id, context, |_| StatusCode::OK, |order| decide(order, command.clone())))
        .await
}

/// Decides on the order as it is, writes what follows, and answers the order as it is then.
async fn decided(
    shop: &Shop,
    id: OrderId,
    context: &Context,
    status: impl Fn(&OrderRecord) -> StatusCode + Send + Sync,
    decide: impl Fn(&Order) -> Result<Vec<OrderEvent>, OrderError> + Send + Sync,
) -> Result<Done, ApiError> {
    let answer = |before: &OrderRecord, after: &OrderRecord, payment: Option<&Payment>| {
        reply(id, status(before), after, payment)
    };
    Ok(change_order(&shop.store, id, context, decide, answer).await?)
}

/// A command that answers the order as it is then.
fn reply(
    id: OrderId,
    status: StatusCode,
    after: &OrderRecord,
    payment: Option<&Payment>,
) -> Result<Reply, serde_json::Error> {
    let made = matches!(status, StatusCode::CREATED | StatusCode::ACCEPTED);
    Ok(Reply {
        status: status.as_u16(),
        location: made.then(|| format!("/v1/orders/{id}")),
        version: Some(after.version.0),
        body: serde_json::to_value(after.body(id, payment))?,
    })
}
