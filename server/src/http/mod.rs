//! The HTTP interface: this file lists every route, with the rule that says who may use it; `routes` has one file of handlers
//! per resource. Handlers extract, call and map; they make no business decision.

mod accept;
mod asyncapi;
pub(crate) mod body;
mod card_numbers;
mod certificate_times;
mod command;
mod compression;
mod connection_slots;
pub(crate) mod connections;
mod error;
mod error_code;
mod event_body;
mod extract;
pub(crate) mod forwarded;
pub(crate) mod gate;
pub(crate) mod idempotency;
mod identity;
mod interface;
mod lingering_stream;
mod log_reader;
mod metrics;
mod openapi;
mod openapi_examples;
mod openapi_schemas;
pub(crate) mod order_watch;
pub(crate) mod origin;
mod ownership;
mod pauses;
mod principal;
mod problems;
pub(crate) mod rate_limit;
mod representation;
mod request_id;
mod route_names;
pub(crate) mod routes;
mod rules;
pub(crate) mod state;
pub(crate) mod tls;
pub(crate) mod traffic;
mod validation;
mod wait_for_views;
mod whole_numbers;

use std::any::Any;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use storefront_api::Scope;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::error;
use utoipa::OpenApi as _;
use utoipa_axum::routes;

use self::interface::Interface;
use self::openapi::Document;
use self::ownership::Owned;
use self::route_names::RouteNames;
use self::routes::{
    addresses, api_keys, catalogue, customers, documents, event_types, events, export, health, lab, me, orders,
    picture, processes, product_service, products, sessions, stock, unmatched_charges, views, vouchers, wallets,
    webhook_endpoints, webhooks,
};
use self::rules::{Routes, Rule};
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::state::Shop;

/// Builds the HTTP interface with all routes. Only the description of the interface, which is
/// public, and the pages about problems have no rule.
pub(crate) fn interface(shop: Shop) -> Interface {
    let (access, limiter) = (shop.access.clone(), shop.rate_limiter.clone());
    let (traffic, identity) = (shop.traffic.clone(), shop.identity.clone());
    let (routes, described) = documented_routes(Some(shop.clone())).into_parts();
    let names = RouteNames::of(described.paths.paths.keys());
    let routes = routes
        .merge(openapi::routes(openapi::complete(described)))
        .merge(problems::routes())
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(shop);
    Interface::new(routes, names, access, limiter, traffic, identity)
}

/// Builds the OpenAPI description of the HTTP interface.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    openapi::complete(documented_routes(None).into_parts().1)
}

/// All routes, each with the rule that says who may use it.
fn documented_routes(shop: Option<Shop>) -> Routes {
    let routes = Routes::new(Document::openapi(), shop)
        .add(Rule::Public, routes!(catalogue::list_products))
        .add(Rule::Operator.or_key(Scope::CatalogueWrite), routes!(products::create_product))
        .add(Rule::Public, routes!(catalogue::get_product))
        .add(Rule::Operator.or_key(Scope::CatalogueWrite), routes!(products::change_product))
        .add(Rule::Operator.or_key(Scope::CatalogueWrite), routes!(products::reprice_product))
        .add(Rule::Operator.or_key(Scope::CatalogueWrite), routes!(products::withdraw_product))
        .add(Rule::Operator.or_key(Scope::CatalogueWrite), routes!(products::relist_product))
        .add(Rule::Public, routes!(picture::get_picture))
        .add(Rule::Operator.or_key(Scope::CatalogueWrite), routes!(picture::set_picture, picture::remove_picture))
        .add(Rule::Public, routes!(catalogue::list_categories))
        .add(Rule::Operator.or_key(Scope::CatalogueWrite), routes!(products::create_category))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(product_service::get_product_service))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(product_service::confirm_withdrawals))
        .add(Rule::Operator.or_key(Scope::StockWrite), routes!(stock::list_stock))
        .add(Rule::Operator.or_key(Scope::StockWrite), routes!(stock::get_stock, stock::set_stock))
        .add(Rule::Operator.or_key(Scope::StockWrite), routes!(stock::receive_stock))
        .add(Rule::Operator.or_key(Scope::StockWrite), routes!(stock::adjust_stock))
        .add(Rule::Operator.or_key(Scope::StockWrite), routes!(stock::set_threshold))
        .add(Rule::SignedIn.or_key(Scope::OrdersRead), routes!(orders::list::list_orders))
        .add(Rule::Public, routes!(orders::lookup::look_up))
        .add(Rule::Own(Owned::Order).or_key(Scope::OrdersRead), routes!(orders::read::get_order))
        .add(Rule::Own(Owned::Order).or_key(Scope::OrdersRead), routes!(orders::read::get_timeline))
        .add(Rule::Own(Owned::Order).or_key(Scope::OrdersRead), routes!(orders::diff::get_diff))
        .add(Rule::Own(Owned::Order).or_key(Scope::OrdersRead), routes!(orders::diagram::get_diagram))
        .add(Rule::Own(Owned::NewOrder).or_key(Scope::OrdersWrite), routes!(orders::basket::add_item))
        .add(Rule::Own(Owned::Order).or_key(Scope::OrdersWrite), routes!(orders::basket::clear))
        .add(
            Rule::Own(Owned::Order).or_key(Scope::OrdersWrite),
            routes!(orders::basket::change_quantity, orders::basket::remove_item),
        )
        .add(Rule::Own(Owned::Order).or_key(Scope::OrdersWrite), routes!(orders::checkout::check_out))
        .add(Rule::Own(Owned::Order).or_key(Scope::OrdersWrite), routes!(orders::checkout::cancel))
        .add(Rule::Operator.or_key(Scope::OrdersWrite), routes!(orders::email::change_email))
        .add(
            Rule::Own(Owned::Order).or_key(Scope::OrdersWrite),
            routes!(orders::voucher::apply_voucher, orders::voucher::remove_voucher),
        )
        .add(Rule::Own(Owned::Order).or_key(Scope::OrdersRead), routes!(vouchers::get_issued))
        .add(Rule::Operator.or_key(Scope::OrdersWrite), routes!(orders::deliver::ship))
        .add(Rule::Operator.or_key(Scope::OrdersWrite), routes!(orders::deliver::deliver))
        .add(Rule::Operator.or_key(Scope::OrdersWrite), routes!(orders::refund::refund))
        .add(Rule::Public, routes!(documents::come_back))
        .add(Rule::Own(Owned::Payment).or_key(Scope::OrdersRead), routes!(documents::get_payment))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(unmatched_charges::list_unmatched))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(unmatched_charges::refund_unmatched))
        .add(Rule::SignedIn.or_key(Scope::OrdersRead), routes!(documents::list_invoices))
        .add(Rule::Own(Owned::Document).or_key(Scope::OrdersRead), routes!(documents::get_invoice))
        .add(Rule::Account.or_key(Scope::Operate), routes!(wallets::get_wallet))
        .add(Rule::Account.or_key(Scope::Operate), routes!(wallets::list_movements))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(wallets::top_up))
        .add(Rule::SignedIn.or_key(Scope::Operate), routes!(vouchers::list_vouchers))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(vouchers::revoke_voucher));
    operators_routes(people_routes(routes))
}

fn people_routes(routes: Routes) -> Routes {
    routes
        .add(Rule::Public, routes!(customers::register))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(customers::list_customers))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(customers::get_customer))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(customers::set_limit))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(customers::deactivate))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(customers::reactivate))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(customers::reset_password))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(customers::erase))
        // A key that could make others would outlive its own end.
        .add(Rule::Operator, routes!(api_keys::create_api_key, api_keys::list_api_keys))
        .add(Rule::Operator, routes!(api_keys::revoke_api_key))
        .add(Rule::AnyAccount, routes!(me::get_me))
        .add(Rule::Account, routes!(me::change_profile, me::delete_me))
        .add(Rule::AnyAccount, routes!(me::change_password))
        .add(Rule::Account, routes!(addresses::list_addresses, addresses::add_address))
        .add(Rule::Account, routes!(addresses::change_address, addresses::remove_address))
        .add(Rule::Account, routes!(addresses::set_default_address))
        .add(Rule::Public, routes!(sessions::sign_in))
        .add(Rule::Public, routes!(sessions::begin_as_guest))
        .add(Rule::Account, routes!(sessions::list_sessions))
        // Its handler wants a token, which may have expired.
        .add(Rule::Public, routes!(sessions::renew))
        .add(Rule::AnySession, routes!(sessions::sign_out))
        .add(Rule::Account, routes!(sessions::end_others))
        .add(Rule::Account, routes!(sessions::end_session))
}

fn operators_routes(routes: Routes) -> Routes {
    routes
        .add(Rule::Public, routes!(event_types::list_event_types))
        .add(Rule::Public, routes!(event_types::get_event_type))
        .add(Rule::Public, routes!(event_types::get_event_schema))
        .add(Rule::SignedIn.or_key(Scope::EventsRead), routes!(events::list_events))
        .add(Rule::Operator.or_key(Scope::EventsRead), routes!(events::list_stream))
        .add(Rule::Operator.or_key(Scope::EventsRead), routes!(export::export))
        .add(
            Rule::Operator.or_key(Scope::Operate),
            routes!(webhook_endpoints::create_webhook_endpoint, webhook_endpoints::list_webhook_endpoints),
        )
        .add(
            Rule::Operator.or_key(Scope::Operate),
            routes!(
                webhook_endpoints::get_webhook_endpoint,
                webhook_endpoints::change_webhook_endpoint,
                webhook_endpoints::delete_webhook_endpoint
            ),
        )
        .add(Rule::Operator.or_key(Scope::Operate), routes!(webhook_endpoints::rotate_webhook_secret))
        // Its handler wants the gateway's signature.
        .add(Rule::Public, routes!(webhooks::card_gateway))
        .add(Rule::Public, routes!(health::live))
        .add(Rule::Public, routes!(health::ready))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(processes::list_processes))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(metrics::list_repeats))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(processes::pause))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(processes::resume))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(processes::step))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(processes::list_parked))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(processes::retry))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(processes::skip))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(metrics::metrics))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(views::list_views))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(views::rebuild_view))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(views::pause_view))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(views::step_view))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(views::resume_view))
        .add(Rule::Operator.or_key(Scope::OrdersRead), routes!(views::get_statistics))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(lab::list_faults))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(lab::get_faults, lab::set_faults))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(lab::list_scenarios))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(lab::get_scenario, lab::play_scenario))
        .add(Rule::Operator.or_key(Scope::Operate), routes!(lab::reset))
}

async fn no_such_route(request: Request) -> ApiError {
    ApiError::no_such_route(request.uri().path())
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
