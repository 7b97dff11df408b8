//! Problems with the product service's data over HTTP, and the confirmation of held withdrawals.

use axum::Json;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use storefront_api::{ConfirmedWithdrawals, HeldWithdrawals, Problem, ProductServiceState, UnreadableProduct};
use storefront_domain::withdrawals::Withdrawals;

use super::products::change_refused;
use crate::http::command::EmptyCommand;
use crate::http::error::ApiError;
use crate::http::idempotency::respond_once;
use crate::http::state::Shop;
use crate::http::wait_for_views::wait_for_position;
use crate::store::commands::Reply;

/// Read what is to be mended in the product service
///
/// Products that make no sense, those without a VAT rate, and withdrawals that wait for a confirmation.
#[utoipa::path(
    get, path = "/v1/product-service", tag = "catalogue",
    responses((status = 200, description = "How the shop gets on with it", body = ProductServiceState,
        headers(("ETag" = String, description = "Send it as `If-Match` to confirm the withdrawals as they are here"))))
)]
pub(crate) async fn get_product_service(
    State(shop): State<Shop>,
) -> Result<([(HeaderName, String); 1], Json<ProductServiceState>), ApiError> {
    let issues = shop.products.issues();
    let (withdrawals, version) = shop.catalogue_sync.withdrawals().await?;
    let unreadable = issues.unreadable.into_iter().map(|(id, reason)| UnreadableProduct {
        service_id: Some(id.foreign()),
        product_id: Some(id),
        reason,
    });
    let nameless =
        issues.without_id.into_iter().map(|reason| UnreadableProduct { product_id: None, service_id: None, reason });
    let state = ProductServiceState {
        state: if shop.freshness.is_stale() { "stale" } else { "live" }.to_owned(),
        unreadable: unreadable.chain(nameless).collect(),
        without_vat_rate: issues.without_vat_rate.into_iter().collect(),
        default_vat_rate: shop.products.default_vat_rate(),
        held_withdrawals: match withdrawals {
            Withdrawals::Usual => None,
            Withdrawals::Held { missing, sold } => Some(HeldWithdrawals { missing, sold }),
        },
    };
    Ok(([(ETAG, format!("\"{}\"", version.0))], Json(state)))
}

/// Confirm that most of the range is gone
///
/// The product service is asked once more, and what it does not list then is withdrawn. When more is missing than
/// `GET /v1/product-service` said, nothing happens.
#[utoipa::path(
    post, path = "/v1/product-service/withdrawals/confirm", tag = "catalogue",
    responses(
        (status = 200, description = "Withdrawn", body = ConfirmedWithdrawals),
        (status = 409, description = "`withdrawals_state`: none wait, or more is missing by now", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn confirm_withdrawals(State(shop): State<Shop>, command: EmptyCommand) -> Result<Response, ApiError> {
    let context = command.into_context();
    let work = async {
        wait_for_position(&shop, None, &[]).await?;
        let confirmed = shop.catalogue_sync.confirm_withdrawals(&context, |withdrawn| {
            let body = serde_json::to_value(ConfirmedWithdrawals { withdrawn })?;
            Ok(Reply { status: StatusCode::OK.as_u16(), location: None, version: None, body })
        });
        confirmed.await.map_err(change_refused)
    };
    respond_once(&shop, &context, work).await
}
