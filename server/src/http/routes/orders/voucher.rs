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

/// Apply a voucher
///
/// Its amount is deducted from the total; it replaces the present voucher. The voucher of a customer is valid for their
/// own orders only, that of a guest for anybody with the code. It is reserved for the order during the checkout.
#[utoipa::path(
    put, path = "/v1/orders/{id}/voucher", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    request_body = ApplyVoucher,
    responses(
        (status = 200, description = "The order with the voucher", body = Order),
        (status = 404, description = "`order_not_found`; `voucher_not_found`, also for the voucher of another customer", body = Problem),
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

/// Remove the voucher
///
/// Without a voucher nothing changes.
#[utoipa::path(
    delete, path = "/v1/orders/{id}/voucher", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, description = "The order without a voucher", body = Order),
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
