//! Charges at the card gateway that the log does not have, over HTTP: listing and refunding them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{Payment as PaymentBody, Problem, UnmatchedCharges};
use tracing::warn;

use super::documents::payment_body;
use crate::http::command::EmptyCommand;
use crate::http::error::{ApiError, sentence};
use crate::http::error_code::ErrorCode;
use crate::http::extract::PathParams;
use crate::http::idempotency::{reply, respond_once};
use crate::http::state::Shop;
use crate::integrations::card_gateway::GatewayError;
use crate::payments::refunds::GatewaySyncError;
use crate::payments::unmatched_charges::UnmatchedRefundError;
use crate::store::commands::Reply;

/// List unmatched charges
///
/// Compares the charges of the last 30 days at the card gateway with the log. An unmatched charge belongs to no payment
/// of the shop, for example because the database went back in time. Charges that were refunded in full are left out,
/// and so are those beyond the newest 200.
#[utoipa::path(
    get, path = "/v1/payments/unmatched", tag = "payments",
    responses(
        (status = 200, description = "The charges, newest first", body = UnmatchedCharges),
        (status = 503, description = "`card_gateway_unavailable`", body = Problem),
    )
)]
pub(crate) async fn list_unmatched(State(shop): State<Shop>) -> Result<Json<UnmatchedCharges>, ApiError> {
    match shop.reconciliation.compare().await {
        Ok(unmatched) => Ok(Json(unmatched)),
        Err(GatewaySyncError::Gateway(unknown)) => Err(gateway_unavailable(&unknown)),
        Err(GatewaySyncError::Failed(failure)) => Err(failure.into()),
    }
}

/// Refund an unmatched charge
///
/// Refunds all that is left of the charge. It is recorded as a payment together with the request of its refund;
/// `GET /v1/payments/{id}` shows the outcome.
#[utoipa::path(
    post, path = "/v1/payments/unmatched/{reference}/refunds", tag = "payments",
    params(("reference" = String, Path, description = "The reference of the charge at the gateway"),
           ("Idempotency-Key" = String, Header, description = "Required; a repeat with the same key has no further effect")),
    responses(
        (status = 202, description = "Requested", body = PaymentBody),
        (status = 400, description = "`idempotency_key_required`", body = Problem),
        (status = 404, description = "`charge_not_found`: the gateway has no such charge", body = Problem),
        (status = 409, description = "`charge_in_books`: it is refunded by its order; `nothing_to_refund`; `wrong_currency`: it can only be refunded at the gateway", body = Problem),
        (status = 503, description = "`card_gateway_unavailable`", body = Problem),
    )
)]
pub(crate) async fn refund_unmatched(
    State(shop): State<Shop>,
    PathParams(reference): PathParams<String>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let context = command.with_key()?.into_context();
    let work = async {
        let refunded = shop.reconciliation.refund(&reference, shop.currency, &context, |payment_id, payment| {
            let location = Some(format!("/v1/payments/{payment_id}"));
            Ok(Reply { location, ..reply(StatusCode::ACCEPTED, &payment_body(payment_id, payment))? })
        });
        refunded.await.map_err(refund_refused)
    };
    respond_once(&shop, &context, work).await
}

fn refund_refused(refusal: UnmatchedRefundError) -> ApiError {
    let detail = sentence(&refusal);
    match refusal {
        UnmatchedRefundError::NotFound => ApiError::new(ErrorCode::ChargeNotFound, detail),
        UnmatchedRefundError::Matched => ApiError::new(ErrorCode::ChargeInBooks, detail),
        UnmatchedRefundError::OtherCurrency { .. } => ApiError::new(ErrorCode::WrongCurrency, detail),
        UnmatchedRefundError::Gateway(unknown) => gateway_unavailable(&unknown),
        UnmatchedRefundError::Failed(failure) => failure.into(),
    }
}

fn gateway_unavailable(error: &GatewayError) -> ApiError {
    warn!(%error, "cannot list the charges of the card gateway");
    ApiError::new(ErrorCode::CardGatewayUnavailable, "The card gateway does not say what was charged. Ask again later.")
}
