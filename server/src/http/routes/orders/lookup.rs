//! Finding an order by what its mails say of it.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use storefront_api::{EmailAddress, Order, OrderListQuery, OrderLookupQuery, OrderNumber, Problem};

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::QueryParams;
use crate::http::state::Shop;
use crate::http::wait_for_views::wait_for_position;
use crate::store::commands::Failure;
use crate::store::{order_record, streams};

/// Maximum number of orders that a search by number looks at; a number is found by its words, and few orders share them.
const CANDIDATES: usize = 10;

/// Look up an order
///
/// The order with this number, for whoever also knows its mail address: a guest needs no session for it. Case and Unicode form of
/// the address do not matter. A wrong number and a wrong address get the same answer. Requests of an address are limited as
/// sign-ins are.
#[utoipa::path(
    get, path = "/v1/orders/lookup", tag = "orders", params(OrderLookupQuery),
    responses(
        (status = 200, description = "The order", body = Order),
        (status = 404, description = "`order_not_found`", body = Problem),
    )
)]
pub(crate) async fn look_up(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<OrderLookupQuery>,
) -> Result<Response, ApiError> {
    let OrderLookupQuery { number, email } = query;
    let number = number.parse::<OrderNumber>().map_err(|why| ApiError::invalid("number", why.to_string()))?;
    let email = email.parse::<EmailAddress>().map_err(|why| ApiError::invalid("email", why.to_string()))?;
    let head = shop.store.head().await.map_err(Failure::from)?;
    wait_for_position(&shop, Some(head.0), &["orders"]).await?;
    let number = number.to_string();
    let search = OrderListQuery { q: Some(number.clone()), ..OrderListQuery::default() };
    let found = shop.views.orders(&search, None, None, CANDIDATES).await?;
    let found = found.items.into_iter().find(|order| order.number.as_ref() == Some(&number));
    let id = found.ok_or_else(not_found)?.id;
    let record = order_record::load(&shop.store, id).await.map_err(Failure::from)?;
    let details = record.order.checkout_details().filter(|details| !details.is_erased).ok_or_else(not_found)?;
    let is_theirs =
        details.email.parse::<EmailAddress>().is_ok_and(|known| streams::login(&known) == streams::login(&email));
    if !is_theirs {
        return Err(not_found());
    }
    let payment = order_record::load_payment(&shop.store, &record.order).await.map_err(Failure::from)?;
    let body = record.body(id, payment.as_deref()).ok_or_else(not_found)?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

fn not_found() -> ApiError {
    ApiError::new(ErrorCode::OrderNotFound, "There is no order with this number and mail address.")
}
