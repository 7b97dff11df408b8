//! The HTTP interface: this file lists every route; `routes` has one file of handlers per resource. Handlers extract, call and
//! map; they make no business decision.

pub(crate) mod body;
mod card_numbers;
mod command;
pub(crate) mod connections;
mod error;
mod error_code;
mod event_body;
mod extract;
pub(crate) mod gate;
pub(crate) mod idempotency;
mod identity;
mod interface;
mod lingering_stream;
mod metrics;
mod openapi;
pub(crate) mod order_watch;
pub(crate) mod origin;
mod pauses;
mod principal;
mod request_id;
pub(crate) mod routes;
pub(crate) mod state;
pub(crate) mod traffic;
mod validation;
mod wait_for_views;

use std::any::Any;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::error;
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::interface::Interface;
use self::openapi::Document;
use self::routes::{
    catalogue, customers, documents, events, export, health, lab, me, orders, picture, processes, product_service,
    products, sessions, stock, unmatched_charges, views, vouchers, wallets, webhooks,
};
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::state::Shop;

/// Builds the HTTP interface with all routes.
pub(crate) fn interface(shop: Shop) -> Interface {
    let (access, traffic, identity) = (shop.access.clone(), shop.traffic.clone(), shop.identity.clone());
    let (routes, described) = documented_routes().split_for_parts();
    let routes = routes
        .merge(openapi::routes(openapi::complete(described)))
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(shop);
    Interface::new(routes, access, traffic, identity)
}

/// Builds the OpenAPI description of the HTTP interface.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    openapi::complete(documented_routes().split_for_parts().1)
}

fn documented_routes() -> OpenApiRouter<Shop> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(catalogue::list_products, products::create_product))
        .routes(routes!(catalogue::get_product, products::change_product))
        .routes(routes!(products::reprice_product))
        .routes(routes!(products::withdraw_product))
        .routes(routes!(products::relist_product))
        .routes(routes!(picture::get_picture, picture::set_picture, picture::remove_picture))
        .routes(routes!(catalogue::list_categories, products::create_category))
        .routes(routes!(product_service::get_product_service))
        .routes(routes!(product_service::confirm_withdrawals))
        .routes(routes!(stock::list_stock))
        .routes(routes!(stock::get_stock, stock::set_stock))
        .routes(routes!(stock::receive_stock))
        .routes(routes!(stock::adjust_stock))
        .routes(routes!(stock::set_threshold))
        .routes(routes!(orders::list::list_orders))
        .routes(routes!(orders::read::get_order))
        .routes(routes!(orders::read::get_timeline))
        .routes(routes!(orders::diff::get_diff))
        .routes(routes!(orders::diagram::get_diagram))
        .routes(routes!(orders::basket::add_item, orders::basket::clear))
        .routes(routes!(orders::basket::change_quantity, orders::basket::remove_item))
        .routes(routes!(orders::checkout::check_out))
        .routes(routes!(orders::checkout::cancel))
        .routes(routes!(orders::email::change_email))
        .routes(routes!(orders::voucher::apply_voucher, orders::voucher::remove_voucher))
        .routes(routes!(vouchers::get_issued))
        .routes(routes!(orders::deliver::ship))
        .routes(routes!(orders::deliver::deliver))
        .routes(routes!(orders::refund::refund))
        .routes(routes!(documents::come_back))
        .routes(routes!(documents::get_payment))
        .routes(routes!(unmatched_charges::list_unmatched))
        .routes(routes!(unmatched_charges::refund_unmatched))
        .routes(routes!(documents::list_invoices))
        .routes(routes!(documents::get_invoice))
        .routes(routes!(customers::register))
        .routes(routes!(customers::set_limit))
        .routes(routes!(customers::deactivate))
        .routes(routes!(customers::reactivate))
        .routes(routes!(me::get_me, me::change_profile, me::delete_me))
        .routes(routes!(me::change_password))
        .routes(routes!(sessions::sign_in, sessions::list_sessions))
        .routes(routes!(sessions::renew))
        .routes(routes!(sessions::sign_out))
        .routes(routes!(sessions::end_others))
        .routes(routes!(sessions::end_session))
        .routes(routes!(wallets::get_wallet))
        .routes(routes!(wallets::list_movements))
        .routes(routes!(wallets::top_up))
        .routes(routes!(vouchers::list_vouchers))
        .routes(routes!(vouchers::revoke_voucher))
        .routes(routes!(events::list_events))
        .routes(routes!(events::list_stream))
        .routes(routes!(export::export))
        .routes(routes!(webhooks::card_gateway))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(processes::list_processes))
        .routes(routes!(metrics::list_repeats))
        .routes(routes!(processes::pause))
        .routes(routes!(processes::resume))
        .routes(routes!(processes::step))
        .routes(routes!(processes::list_parked))
        .routes(routes!(processes::retry))
        .routes(routes!(processes::skip))
        .routes(routes!(metrics::metrics))
        .routes(routes!(views::list_views))
        .routes(routes!(views::rebuild_view))
        .routes(routes!(views::pause_view))
        .routes(routes!(views::step_view))
        .routes(routes!(views::resume_view))
        .routes(routes!(views::get_statistics))
        .routes(routes!(lab::list_faults))
        .routes(routes!(lab::get_faults, lab::set_faults))
        .routes(routes!(lab::list_scenarios))
        .routes(routes!(lab::get_scenario, lab::play_scenario))
        .routes(routes!(lab::reset))
}

async fn no_such_route(request: Request) -> ApiError {
    let detail = format!("There is nothing at {}. GET /openapi.json lists what there is.", request.uri().path());
    ApiError::new(ErrorCode::RouteNotFound, detail)
}

/// Answers a wrong method. The router itself adds the `Allow` header.
async fn wrong_method(request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail =
        format!("{} does not work at {}. GET /openapi.json lists what does.", request.method(), request.uri().path());
    ApiError::new(ErrorCode::MethodNotAllowed, detail).into_response()
}

/// Answers a request whose handler panicked. The text of the panic goes to the server's log only.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    error!(panic = text.unwrap_or("no text"), "a request panicked");
    ApiError::internal().into_response()
}
