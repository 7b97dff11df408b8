//! Shipping an order, and recording its delivery.

use axum::extract::State;
use axum::response::Response;
use storefront_api::{Deliver, Order, OrderId, Problem, Ship};
use storefront_domain::order::OrderCommand;

use super::apply_command;
use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::extract::PathParams;
use crate::http::state::Shop;
use crate::http::validation;

/// Ship an order
///
/// Records the shipment of a confirmed order: carrier and tracking number.
#[utoipa::path(
    post, path = "/v1/orders/{id}/ship", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    request_body = Ship,
    responses(
        (status = 200, description = "Shipped", body = Order),
        (status = 404, description = "`order_not_found`", body = Problem),
        (status = 409, description = "`order_state`", body = Problem),
    )
)]
pub(crate) async fn ship(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    command: Command<Ship>,
) -> Result<Response, ApiError> {
    let Command { body: Ship { carrier, tracking_number, estimated_delivery }, context } = command.correlated_with(id);
    validation::check_text("/carrier", &carrier, 100)?;
    validation::check_text("/tracking_number", &tracking_number, 100)?;
    apply_command(&shop, id, &context, OrderCommand::Ship { carrier, tracking_number, estimated_delivery }).await
}

/// Record a delivery
///
/// Records who received a shipped order.
#[utoipa::path(
    post, path = "/v1/orders/{id}/deliver", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    request_body = Deliver,
    responses(
        (status = 200, description = "Delivered", body = Order),
        (status = 404, description = "`order_not_found`", body = Problem),
        (status = 409, description = "`order_state`", body = Problem),
    )
)]
pub(crate) async fn deliver(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    command: Command<Deliver>,
) -> Result<Response, ApiError> {
    let Command { body: Deliver { recipient }, context } = command.correlated_with(id);
    validation::check_text("/recipient", &recipient, 100)?;
    apply_command(&shop, id, &context, OrderCommand::Deliver { recipient }).await
}
