//! Refunds: `POST /v1/orders/{id}/refunds`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{Order, OrderId, Problem, RefundId, RefundOrder};
use storefront_domain::payment::PaymentCommand;

use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::extract::PathParams;
use crate::http::idempotency::respond_once;
use crate::http::state::Shop;
use crate::http::validation;
use crate::random;
use crate::store::commands::Reply;
use crate::store::order_commands::refund_order;

/// Refund an order
///
/// Refunds an amount, or without one all that is left, to the card or the wallet. Answers as soon as the refund is
/// requested; `GET /v1/payments/{id}` shows its outcome, and a credit note follows. The status of the order does not
/// change.
#[utoipa::path(
    post, path = "/v1/orders/{id}/refunds", tag = "orders",
    params(("id" = OrderId, Path, description = "The order"),
           ("Idempotency-Key" = String, Header, description = "Required; a repeat with the same key has no further effect")),
    request_body = RefundOrder,
    responses(
        (status = 202, description = "Requested", body = Order),
        (status = 400, description = "`idempotency_key_required`", body = Problem),
        (status = 404, description = "`order_not_found`", body = Problem),
        (status = 409, description = "`order_state`: the order was never confirmed; `nothing_to_refund`; `refund_too_large`: more than is left", body = Problem),
    )
)]
pub(crate) async fn refund(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    command: Command<RefundOrder>,
) -> Result<Response, ApiError> {
    let Command { body, context } = command.correlated_with(id).with_key()?;
    validation::check_text("/reason", &body.reason, 200)?;
    if body.amount.is_some_and(|amount| amount.amount < 1 || amount.currency != shop.currency) {
        return Err(ApiError::invalid("/amount", "must be more than nothing, in the shop's currency"));
    }
    let command =
        PaymentCommand::Refund { refund_id: RefundId(random::id()), amount: body.amount, reason: body.reason };
    let work = async {
        let done = refund_order(&shop.store, id, &context, &command, |record, payment| {
            Ok(Reply {
                status: StatusCode::ACCEPTED.as_u16(),
                location: record.order.payment_id().map(|payment_id| format!("/v1/payments/{payment_id}")),
                version: Some(record.version.0),
                body: serde_json::to_value(record.body(id, Some(payment)))?,
            })
        });
        Ok(done.await?)
    };
    respond_once(&shop, &context, work).await
}
