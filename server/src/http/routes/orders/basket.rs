//! The items of a basket: `/v1/orders/{id}/items`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{AddItem, ChangeQuantity, Order, OrderId, Problem, ProductId};
use storefront_domain::order::{ItemFacts, Order as OrderState, OrderCommand, OrderError, decide};

use super::{apply_command, decide_and_append};
use crate::clock;
use crate::http::command::{Command, EmptyCommand};
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::PathParams;
use crate::http::idempotency::respond_once_by_append;
use crate::http::identity::{Caller, OnlyOf, owners_spending_limit, spending_limit};
use crate::http::state::Shop;
use crate::http::validation::parse_quantity;
use crate::store::commands::Failure;
use crate::store::order_record;
use crate::store::order_record::OrderRecord;
use crate::store::product_facts;

/// Add a product to the basket
///
/// The first item starts the order, whose id the client chooses. The order belongs to the customer of this request
/// (`Storefront-Customer`), otherwise to a guest. A product that is in the basket already gets more pieces.
#[utoipa::path(
    post, path = "/v1/orders/{id}/items", tag = "orders",
    params(("id" = OrderId, Path, description = "The order; the client chooses the id"),
           ("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key has no further effect")),
    request_body = AddItem,
    responses(
        (status = 201, description = "Added, and the order started", body = Order),
        (status = 200, description = "Added", body = Order),
        (status = 404, description = "`product_not_found`; `customer_not_found`", body = Problem),
        (status = 409, description = "`order_state`: the order is no basket; `out_of_stock`; `product_withdrawn`; `over_spending_limit`; `too_many_pieces`; `too_many_lines`; `total_too_large`; `wrong_currency`", body = Problem),
        (status = 503, description = "`product_service_unavailable`: the price is not known", body = Problem),
    )
)]
pub(crate) async fn add_item(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    caller: Caller,
    OnlyOf(own): OnlyOf,
    command: Command<AddItem>,
) -> Result<Response, ApiError> {
    let Command { body, context } = command.correlated_with(id);
    let quantity = parse_quantity(body.quantity)?;
    let work = async {
        let item = quote(&shop, &body.product_id).await?;
        let available = product_facts::available_to(&shop.store, &body.product_id, id).await.map_err(Failure::from)?;
        let record = order_record::load(&shop.store, id).await.map_err(Failure::from)?;
        let customer_id = caller.customer_id();
        let spending_limit = match record.order.status() {
            Some(_) => owners_spending_limit(&shop, record.order.customer_id()).await?,
            None => spending_limit(&shop, caller).await?,
        };
        let add = OrderCommand::AddItem { customer_id, item, quantity, available, spending_limit };
        let status = |before: &OrderRecord| if before.version.0 == 0 { StatusCode::CREATED } else { StatusCode::OK };
        let decide = |order: &OrderState| {
            // It may have begun for somebody else since the rule of this route has looked.
            if own.is_some() && order.status().is_some() && order.customer_id() != own {
                return Err(OrderError::NotFound);
            }
            decide(order, add.clone())
        };
        decide_and_append(&shop, id, &context, status, decide).await
    };
    respond_once_by_append(&shop, &context, work).await
}

/// Change the quantity of a line
///
/// Sets the number of pieces, 1 to 99. The present number changes nothing.
#[utoipa::path(
    put, path = "/v1/orders/{id}/items/{product_id}", tag = "orders",
    params(("id" = OrderId, Path, description = "The order"), ("product_id" = ProductId, Path, description = "The product of the line")),
    request_body = ChangeQuantity,
    responses(
        (status = 200, description = "Changed", body = Order),
        (status = 404, description = "`order_not_found`; `line_not_found`", body = Problem),
        (status = 409, description = "`order_state`: the order is no basket; `out_of_stock`; `total_too_large`", body = Problem),
    )
)]
pub(crate) async fn change_quantity(
    State(shop): State<Shop>,
    PathParams((id, product_id)): PathParams<(OrderId, ProductId)>,
    command: Command<ChangeQuantity>,
) -> Result<Response, ApiError> {
    let Command { body, context } = command.correlated_with(id);
    let quantity = parse_quantity(body.quantity)?;
    let work = async {
        let available = product_facts::available_to(&shop.store, &product_id, id).await.map_err(Failure::from)?;
        let change_quantity = OrderCommand::ChangeQuantity { product_id: product_id.clone(), quantity, available };
        decide_and_append(&shop, id, &context, |_| StatusCode::OK, |order| decide(order, change_quantity.clone())).await
    };
    respond_once_by_append(&shop, &context, work).await
}

/// Remove a line from the basket
///
/// Removes all pieces of the product.
#[utoipa::path(
    delete, path = "/v1/orders/{id}/items/{product_id}", tag = "orders",
    params(("id" = OrderId, Path, description = "The order"), ("product_id" = ProductId, Path, description = "The product of the line")),
    responses(
        (status = 200, description = "Removed", body = Order),
        (status = 404, description = "`order_not_found`; `line_not_found`", body = Problem),
        (status = 409, description = "`order_state`: the order is no basket", body = Problem),
    )
)]
pub(crate) async fn remove_item(
    State(shop): State<Shop>,
    PathParams((id, product_id)): PathParams<(OrderId, ProductId)>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    apply_command(&shop, id, &command.correlated_with(id), OrderCommand::RemoveItem { product_id }).await
}

/// Clear the basket
///
/// Removes all lines; the order stays and can be filled again.
#[utoipa::path(
    delete, path = "/v1/orders/{id}/items", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, description = "Cleared", body = Order),
        (status = 404, description = "`order_not_found`", body = Problem),
        (status = 409, description = "`order_state`: the order is no basket", body = Problem),
    )
)]
pub(crate) async fn clear(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    apply_command(&shop, id, &command.correlated_with(id), OrderCommand::Clear).await
}

/// Returns the facts that an order copies from a product.
///
/// # Errors
/// When prices are too old, or the product does not exist or is withdrawn.
async fn quote(shop: &Shop, id: &ProductId) -> Result<ItemFacts, ApiError> {
    if !shop.freshness.prices_are_valid(clock::now()) {
        return Err(ApiError::prices_unknown());
    }
    let (product, _) = product_facts::product(&shop.store, id).await.map_err(Failure::from)?;
    let facts = product.facts().ok_or_else(|| ApiError::product_not_found(id))?;
    if !product.active() {
        return Err(ApiError::new(ErrorCode::ProductWithdrawn, format!("{id} is no longer sold."))
            .with(|problem| problem.product_ids = vec![id.clone()]));
    }
    Ok(ItemFacts {
        product_id: id.clone(),
        sku: facts.sku.clone(),
        name: facts.name.clone(),
        unit_price: facts.price,
        vat_rate_percent: facts.vat_rate_percent,
    })
}
