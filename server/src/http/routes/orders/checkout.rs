//! Checkout and cancellation of an order.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{Cancel, Checkout, Order, OrderId, PaymentId, PaymentMethod, Problem};
use storefront_domain::order::{Order as OrderState, OrderCommand, decide};
use storefront_domain::payment::Payment;

use super::{apply_command, order_reply};
use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::extract::PathParams;
use crate::http::idempotency::respond_once_by_append;
use crate::http::identity::owners_spending_limit;
use crate::http::state::Shop;
use crate::http::validation;
use crate::store::commands::Failure;
use crate::store::order_commands::change_order_with_line_facts;
use crate::store::order_record;
use crate::store::order_record::OrderRecord;
use crate::{clock, random};

/// Check the basket out
///
/// Answers as soon as the order is checked out; stock, payment and confirmation follow, and `…/timeline` shows them. A
/// refusal names every line that cannot be bought. Another total than the expected one is refused. A wallet without
/// enough money declines the payment and is not charged. A total of 0 is not charged.
#[utoipa::path(
    post, path = "/v1/orders/{id}/checkout", tag = "orders",
    params(("id" = OrderId, Path, description = "The order"),
           ("Idempotency-Key" = String, Header, description = "Required; a repeat with the same key has no further effect")),
    request_body = Checkout,
    responses(
        (status = 202, description = "Checked out", body = Order),
        (status = 400, description = "`idempotency_key_required`", body = Problem),
        (status = 404, description = "`order_not_found`", body = Problem),
        (status = 409, description = "`lines_not_buyable`; `total_changed`; `basket_empty`; `order_state`: the order is no basket; `total_too_large`; `wrong_currency`", body = Problem),
        (status = 503, description = "`product_service_unavailable`: the prices are not known", body = Problem),
    )
)]
pub(crate) async fn check_out(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    command: Command<Checkout>,
) -> Result<Response, ApiError> {
    let Command { body, context } = command.correlated_with(id).with_key()?;
    validation::check_contact(&body.email, &body.shipping_address)?;
    check_payment(&shop, &body.payment)?;
    let payment_id = PaymentId(random::id());
    let work = async {
        if !shop.freshness.prices_are_valid(clock::now()) {
            return Err(ApiError::prices_unknown());
        }
        let owner = order_record::owner(&shop.store, id, None).await.map_err(Failure::from)?;
        let spending_limit = owners_spending_limit(&shop, owner).await?;
        if body.payment == PaymentMethod::Wallet && spending_limit.is_none() {
            return Err(ApiError::invalid("/payment/method", "a guest has no wallet; use card"));
        }
        let decide = |order: &OrderState, facts| {
            let check_out = OrderCommand::CheckOut {
                expected_total: body.expected_total,
                facts,
                spending_limit,
                payment_id,
                email: body.email.clone(),
                shipping_address: body.shipping_address.clone(),
                payment: body.payment.clone(),
            };
            decide(order, check_out)
        };
        let answer = |_: &_, after: &OrderRecord, payment: Option<&Payment>| {
            order_reply(id, StatusCode::ACCEPTED, after, payment)
        };
        Ok(change_order_with_line_facts(&shop.store, id, &context, decide, answer).await?)
    };
    respond_once_by_append(&shop, &context, work).await
}

/// Cancel an order
///
/// Possible until it is shipped. The stock is returned, and the payment is cancelled or refunded.
#[utoipa::path(
    post, path = "/v1/orders/{id}/cancel", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    request_body = Cancel,
    responses(
        (status = 200, description = "Cancelled", body = Order),
        (status = 404, description = "`order_not_found`", body = Problem),
        (status = 409, description = "`order_state`", body = Problem),
    )
)]
pub(crate) async fn cancel(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    command: Command<Cancel>,
) -> Result<Response, ApiError> {
    let Command { body, context } = command.correlated_with(id);
    validation::check_text("/reason", &body.reason, 200)?;
    apply_command(&shop, id, &context, OrderCommand::Cancel { reason: body.reason }).await
}

fn check_payment(shop: &Shop, payment: &PaymentMethod) -> Result<(), ApiError> {
    match payment {
        PaymentMethod::None if shop.secured => {
            Err(ApiError::invalid("/payment/method", "must be card or wallet; none is for demos, in open mode"))
        }
        PaymentMethod::Card { token } => validation::check_text("/payment/token", token, 255),
        PaymentMethod::Wallet | PaymentMethod::None => Ok(()),
    }
}
