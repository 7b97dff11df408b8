//! Lists of orders.

use axum::Json;
use axum::extract::State;
use storefront_api::{OrderListQuery, OrderSummary, Page};
use storefront_eventlog::Position;

use crate::http::extract::{InQuery, limit, see};
use crate::http::problem::ApiError;
use crate::shop::Shop;

/// List orders
///
/// Newest first, baskets too; by status, or by what is written in them.
#[utoipa::path(
    get, path = "/v1/orders", tag = "orders", params(OrderListQuery),
    responses(
        (status = 200, description = "A page of orders", body = Page<OrderSummary>),
    )
)]
pub(crate) async fn list_orders(
    State(shop): State<Shop>,
    InQuery(query): InQuery<OrderListQuery>,
) -> Result<Json<Page<OrderSummary>>, ApiError> {
    let limit = limit(query.limit, 100, 20)?;
    let before = match query.cursor.as_deref() {
        Some(cursor) => Some(Position(cursor.parse().map_err(|_| ApiError::invalid("cursor", "is not one of ours"))?)),
        None => None,
    };
    see(&shop, query.min_position).await?;
    Ok(Json(shop.views.orders(&query, before, limit).await?))
}
