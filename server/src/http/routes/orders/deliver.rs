//! Sending an order, and noting that it has arrived.

use axum::extract::State;
use axum::response::Response;
use storefront_api::{Deliver, Order, OrderId, Problem, Ship};
use storefront_domain::order::OrderCommand;

use super::change;
use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::extract::InPath;
use crate::http::state::Shop;
use crate::http::validation;

/// Send an order
///
/// A confirmed order is on its way: who carries it, and under which number.
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
    InPath(id): InPath<OrderId>,
    command: Command<Ship>,
) -> Result<Response, ApiError> {
    let Command { body: Ship { carrier, tracking_number, estimated_delivery }, context } = command.about(id);
    validation::text("/carrier", &carrier, 100)?;
    validation::text("/tracking_number", &tracking_number, 100)?;
    change(&shop, id, &context, OrderCommand::Ship { carrier, tracking_number, estimated_delivery }).await
}

/// Note that an order has arrived
///
/// A shipped order was taken by somebody.
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
    InPath(id): InPath<OrderId>,
    command: Command<Deliver>,
) -> Result<Response, ApiError> {
    let Command { body: Deliver { recipient }, context } = command.about(id);
    validation::text("/recipient", &recipient, 100)?;
    change(&shop, id, &context, OrderCommand::Deliver { recipient }).await
}
