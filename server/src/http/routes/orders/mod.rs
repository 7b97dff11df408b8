//! Orders over HTTP: reading them, filling the basket, checking out, and what comes after.

pub(crate) mod basket;
pub(crate) mod checkout;
pub(crate) mod deliver;
pub(crate) mod diagram;
pub(crate) mod diff;
pub(crate) mod email;
pub(crate) mod list;
pub(crate) mod lookup;
pub(crate) mod read;
pub(crate) mod refund;
pub(crate) mod voucher;

use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::OrderId;
use storefront_domain::order::{Order, OrderCommand, OrderError, OrderEvent, decide};
use storefront_domain::payment::Payment;

use crate::http::error::ApiError;
use crate::http::idempotency::respond_once_by_append;
use crate::http::state::Shop;
use crate::store::commands::{Context, Done, Reply};
use crate::store::order_commands::change_order;
use crate::store::order_record::OrderRecord;

/// Applies a command to an order, and answers with the order after it.
async fn apply_command(
    shop: &Shop,
    id: OrderId,
    context: &Context,
    command: OrderCommand,
) -> Result<Response, ApiError> {
    respond_once_by_append(
        shop,
        context,
        decide_and_append(shop, id, context, |_| StatusCode::OK, |order| decide(order, command.clone())),
    )
    .await
}

/// Decides on the current order, appends the events, and replies with the order after them.
async fn decide_and_append(
    shop: &Shop,
    id: OrderId,
    context: &Context,
    status: impl Fn(&OrderRecord) -> StatusCode + Send + Sync,
    decide: impl Fn(&Order) -> Result<Vec<OrderEvent>, OrderError> + Send + Sync,
) -> Result<Done, ApiError> {
    let answer = |before: &OrderRecord, after: &OrderRecord, payment: Option<&Payment>| {
        order_reply(id, status(before), after, payment)
    };
    Ok(change_order(&shop.store, id, context, decide, answer).await?)
}

/// The reply to a command: the order after it.
fn order_reply(
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
