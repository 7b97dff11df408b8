//! Vouchers over HTTP: a customer's vouchers, the voucher that an order earned, and revocation.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{CustomerId, OrderId, Problem, RevokeVoucher, Voucher, VoucherCode, VoucherList};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::voucher::{self, VoucherCommand};
use storefront_eventlog::Version;

use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::idempotency::respond_once;
use crate::http::identity::Caller;
use crate::http::state::Shop;
use crate::http::validation;
use crate::http::wait_for_views::{MinPosition, wait_for_position};
use crate::store::aggregates;
use crate::store::commands::{Failure, Reply, execute_with_reply};
use crate::store::streams;
use crate::views::VoucherRecord;

/// List the vouchers of a customer
///
/// Newest first, including used and revoked ones.
#[utoipa::path(
    get, path = "/v1/vouchers", tag = "customers",
    params(MinPosition, ("Storefront-Customer" = CustomerId, Header, description = "The customer")),
    responses(
        (status = 200, description = "The vouchers", body = VoucherList),
        (status = 400, description = "`customer_required`", body = Problem),
    )
)]
pub(crate) async fn list_vouchers(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<MinPosition>,
    caller: Caller,
) -> Result<Json<VoucherList>, ApiError> {
    let customer_id = caller.require_customer()?;
    wait_for_position(&shop, query.min_position, &["vouchers"]).await?;
    Ok(Json(VoucherList { items: shop.views.vouchers_of(customer_id).await? }))
}

/// Read the voucher of an order
///
/// The voucher that was issued when the order was shipped, if the order was large enough. Guests find their voucher
/// here.
#[utoipa::path(
    get, path = "/v1/orders/{id}/voucher-issued", tag = "orders",
    params(("id" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, description = "The voucher", body = Voucher),
        (status = 404, description = "`voucher_not_found`: no voucher was issued", body = Problem),
    )
)]
pub(crate) async fn get_issued(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
) -> Result<Json<Voucher>, ApiError> {
    let (checkout, _) =
        aggregates::load::<CheckoutEvent>(&shop.store, &streams::checkout(id)).await.map_err(Failure::from)?;
    let none = || ApiError::new(ErrorCode::VoucherNotFound, "No voucher was issued for this order.");
    let code = checkout.voucher_issued().ok_or_else(none)?;
    load_voucher(&shop, code).await?.body(code).map(Json).ok_or_else(none)
}

/// Revoke a voucher
///
/// For operators. It can no longer be used; revoking it again changes nothing. A used voucher cannot be revoked, nor
/// one that is reserved by an order in checkout, until that checkout has ended.
#[utoipa::path(
    post, path = "/v1/vouchers/{code}/revoke", tag = "customers",
    params(("code" = VoucherCode, Path, description = "The code of the voucher")),
    request_body = RevokeVoucher,
    responses(
        (status = 200, description = "Revoked", body = Voucher),
        (status = 404, description = "`voucher_not_found`", body = Problem),
        (status = 409, description = "`voucher_not_usable`: used, or reserved by an order in checkout", body = Problem),
    )
)]
pub(crate) async fn revoke_voucher(
    State(shop): State<Shop>,
    PathParams(code): PathParams<VoucherCode>,
    command: Command<RevokeVoucher>,
) -> Result<Response, ApiError> {
    let reason = command.body.reason.clone();
    validation::check_text("/reason", &reason, 200)?;
    let none = || ApiError::new(ErrorCode::VoucherNotFound, format!("There is no voucher {code}."));
    let record = load_voucher(&shop, &code).await?;
    let issued_for = record.body(&code).ok_or_else(none)?.issued_for;
    // Events of a voucher are correlated with the order that earned it.
    let Command { body: _, context } = command.correlated_with(issued_for);
    let stream = streams::voucher(&code);
    let revoke = VoucherCommand::Revoke { reason };
    let decide = |voucher: &voucher::Voucher| voucher::decide(voucher, revoke.clone());
    let reply = |_: &voucher::Voucher, voucher: &voucher::Voucher, version: Version| {
        let mut record = record.clone();
        record.voucher = voucher.clone();
        let body = serde_json::to_value(record.body(&code))?;
        Ok::<_, Failure>(Reply { status: StatusCode::OK.as_u16(), location: None, version: Some(version.0), body })
    };
    let work = async { Ok(execute_with_reply(&shop.store, &stream, &context, decide, reply).await?) };
    respond_once(&shop, &context, work).await
}

/// Loads a voucher from its stream.
pub(crate) async fn load_voucher(shop: &Shop, code: &VoucherCode) -> Result<VoucherRecord, ApiError> {
    let (mut record, stream) = (VoucherRecord::default(), streams::voucher(code));
    let read = aggregates::for_each(&shop.store, &stream, |recorded| record.apply_recorded(recorded));
    read.await.map_err(Failure::from)?;
    Ok(record)
}
