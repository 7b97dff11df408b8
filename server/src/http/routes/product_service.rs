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

/// Read the problems of the product data
///
/// Invalid products, products without a VAT rate, and withdrawals that wait for a confirmation.
#[utoipa::path(
    get, path = "/v1/product-service", tag = "catalogue",
    responses((status = 200, description = "The state of the product data", body = ProductServiceState,
        headers(("ETag" = String, description = "As `If-Match` of a confirmation it refuses other withdrawals than these"))))
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

/// Confirm withdrawals
///
/// Reads the list of the product service again and withdraws the products that it lacks. Refused when more are missing
/// than `GET /v1/product-service` reported.
#[utoipa::path(
    post, path = "/v1/product-service/withdrawals/confirm", tag = "catalogue",
    responses(
        (status = 200, description = "Withdrawn", body = ConfirmedWithdrawals),
        (status = 409, description = "`withdrawals_state`: none wait, or more products are missing than reported", body = Problem),
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
