//! Applying a voucher to a basket, and removing it.

use axum::extract::State;
use axum::response::Response;
use storefront_api::{ApplyVoucher, Order, OrderId, Problem};
use storefront_domain::order::OrderCommand;

use super::apply_command;
use crate::http::command::{Command, EmptyCommand};
use crate::http::error::ApiError;
use crate::http::extract::PathParams;
use crate::http::routes::vouchers;
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::order_record;

/// Use a voucher
///
/// It takes its amount off the total, and the place of the voucher before. A customer's voucher works in the customer's
/// own orders only; a guest's for whoever knows its code. It is kept for the order while the checkout runs.
#[utoipa::path(
    put, path = "/v1/orders/{id}/voucher", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    request_body = ApplyVoucher,
    responses(
        (status = 200, description = "The order with it", body = Order),
        (status = 404, description = "`order_not_found`; `voucher_not_found`: also for somebody else's", body = Problem),
        (status = 409, description = "`order_state`: the order is no basket; `voucher_not_usable`: it was used, or another order that is being checked out has it; `wrong_currency`", body = Problem),
    )
)]
pub(crate) async fn apply_voucher(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    command: Command<ApplyVoucher>,
) -> Result<Response, ApiError> {
    let Command { body: ApplyVoucher { code }, context } = command.correlated_with(id);
    let owner = order_record::owner(&shop.store, id, context.customer_id).await.map_err(Failure::from)?;
    let amount = vouchers::load_voucher(&shop, &code).await?.voucher.usable_by(id, owner)?;
    apply_command(&shop, id, &context, OrderCommand::ApplyVoucher { code, amount }).await
}

/// Use no voucher
///
/// Nothing happens where there is none.
#[utoipa::path(
    delete, path = "/v1/orders/{id}/voucher", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, description = "The order without it", body = Order),
        (status = 404, description = "`order_not_found`", body = Problem),
        (status = 409, description = "`order_state`: the order is no basket", body = Problem),
    )
)]
pub(crate) async fn remove_voucher(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    apply_command(&shop, id, &command.correlated_with(id), OrderCommand::RemoveVoucher).await
}
