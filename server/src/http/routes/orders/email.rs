//! Correction of the mail address of an order.

use axum::extract::State;
use axum::response::Response;
use storefront_api::{ChangeEmail, Order, OrderId, Problem};
use storefront_domain::order::OrderCommand;

use super::apply_command;
use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::extract::PathParams;
use crate::http::state::Shop;
use crate::http::validation;
use crate::store::commands::retry_if_parked;

/// Change the mail address of an order
///
/// For operators, when the address is wrong. Later mail about the order goes to the new address, and mail that is
/// parked because it was refused is sent again.
#[utoipa::path(
    put, path = "/v1/orders/{id}/email", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    request_body = ChangeEmail,
    responses(
        (status = 200, description = "The order with the address", body = Order),
        (status = 404, description = "`order_not_found`", body = Problem),
        (status = 409, description = "`order_state`: nothing was bought yet", body = Problem),
    )
)]
pub(crate) async fn change_email(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    command: Command<ChangeEmail>,
) -> Result<Response, ApiError> {
    let Command { body: ChangeEmail { email }, context } = command.correlated_with(id);
    if let Some(wrong) = validation::email_error("/email", &email) {
        return Err(ApiError::invalid_fields(vec![wrong]));
    }
    let changed = apply_command(&shop, id, &context, OrderCommand::ChangeEmail { email }).await?;
    // Also when the address is unchanged: the mail may have been parked since.
    if let Some((mail, _)) = shop.progress.find("mail").filter(|_| changed.status().is_success()) {
        retry_if_parked(&shop.store, mail, &id.to_string(), &context.cause).await?;
    }
    Ok(changed)
}
