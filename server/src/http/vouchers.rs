//! Vouchers over HTTP: a customer's own, and the one that an order brought.

use axum::Json;
use axum::extract::State;
use storefront_api::{CustomerId, OrderId, Problem, Voucher, VoucherCode, VoucherList};
use storefront_domain::checkout::CheckoutEvent;

use super::caller::Caller;
use super::code::Code;
use super::extract::{InPath, InQuery, SeeQuery, see};
use super::problem::ApiError;
use crate::commands::Failure;
use crate::shop::Shop;
use crate::stored;
use crate::streams;
use crate::views::VoucherRecord;

/// List your vouchers
///
/// Used ones too, newest first.
#[utoipa::path(
    get, path = "/v1/vouchers", tag = "customers",
    params(SeeQuery, ("Storefront-Customer" = CustomerId, Header, description = "Whose vouchers")),
    responses(
        (status = 200, description = "The vouchers", body = VoucherList),
        (status = 400, description = "`customer_required`", body = Problem),
    )
)]
pub(crate) async fn list_vouchers(
    State(shop): State<Shop>,
    InQuery(query): InQuery<SeeQuery>,
    caller: Caller,
) -> Result<Json<VoucherList>, ApiError> {
    let customer_id = caller.customer()?;
    see(&shop, query.min_position).await?;
    Ok(Json(VoucherList { items: shop.views.vouchers_of(customer_id).await? }))
}

/// Read the voucher that an order brought
///
/// An order that cost enough brings one when it is sent. This is how a guest finds it.
#[utoipa::path(
    get, path = "/v1/orders/{id}/voucher-issued", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, description = "The voucher", body = Voucher),
        (status = 404, description = "`voucher_not_found`: none was issued, or not yet", body = Problem),
    )
)]
pub(crate) async fn get_issued(
    State(shop): State<Shop>,
    InPath(id): InPath<OrderId>,
) -> Result<Json<Voucher>, ApiError> {
    let (checkout, _) =
        stored::load::<CheckoutEvent>(&shop.store, &streams::checkout(id)).await.map_err(Failure::from)?;
    let none = || ApiError::new(Code::VoucherNotFound, "No voucher was issued for this order.");
    let code = checkout.voucher_issued().ok_or_else(none)?;
    read(&shop, code).await?.body(code).map(Json).ok_or_else(none)
}

/// A voucher as its stream has it now.
pub(crate) async fn read(shop: &Shop, code: &VoucherCode) -> Result<VoucherRecord, ApiError> {
    let mut record = VoucherRecord::default();
    stored::for_each(&shop.store, &streams::voucher(code), |recorded| record.apply_recorded(recorded))
        .await
        .map_err(Failure::from)?;
    Ok(record)
}
