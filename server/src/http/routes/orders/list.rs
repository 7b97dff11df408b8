//! Listing and searching orders.

use axum::Json;
use axum::extract::State;
use storefront_api::{OrderListQuery, OrderSummary, Page};

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::{QueryParams, cursor_position, page_limit};
use crate::http::identity::OnlyOf;
use crate::http::state::Shop;
use crate::http::wait_for_views::wait_for_position;

/// List orders
///
/// Newest first, including baskets; filtered by status or customer, or searched by text. In secured mode, customers see their
/// own.
#[utoipa::path(
    get, path = "/v1/orders", tag = "orders", params(OrderListQuery),
    responses(
        (status = 200, description = "A page of orders", body = Page<OrderSummary>),
    )
)]
pub(crate) async fn list_orders(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<OrderListQuery>,
    OnlyOf(own): OnlyOf,
) -> Result<Json<Page<OrderSummary>>, ApiError> {
    let limit = page_limit(query.limit, 100, 20)?;
    if own.is_some() && query.customer.is_some_and(|customer| Some(customer) != own) {
        return Err(ApiError::new(ErrorCode::OperatorsOnly, "Only operators see the orders of others."));
    }
    let before = cursor_position(query.cursor.as_deref())?;
    wait_for_position(&shop, query.min_position, &["orders"]).await?;
    Ok(Json(shop.views.orders(&query, own.or(query.customer), before, limit).await?))
}
