//! Customers over HTTP: registration and spending limits.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{self as api, CustomerId, Problem, RegisterCustomer, SetLimit};
use storefront_domain::customer::{self, Customer, CustomerCommand};
use storefront_domain::wallet::{self, Wallet, WalletCommand};
use storefront_eventlog::Version;

use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::extract::PathParams;
use crate::http::idempotency::respond_once;
use crate::http::state::Shop;
use crate::random;
use crate::store::aggregates::AppendBuilder;
use crate::store::commands::{Context, Done, Reply, append_with_reply, decide_change, retry_on_conflict};
use crate::store::streams;

/// Register a customer
///
/// Creates the customer and their wallet. Requests on behalf of the customer send the id as `Storefront-Customer`.
#[utoipa::path(
    post, path = "/v1/customers", tag = "customers",
    request_body = RegisterCustomer,
    responses(
        (status = 201, description = "Registered", body = api::Customer),
        (status = 409, description = "`customer_exists`", body = Problem),
    )
)]
pub(crate) async fn register(
    State(shop): State<Shop>,
    Command { body, context }: Command<RegisterCustomer>,
) -> Result<Response, ApiError> {
    let id = body.id.unwrap_or_else(|| CustomerId(random::id()));
    let open = WalletCommand::Open { balance: shop.money(shop.terms.opening_balance) };
    let work = async {
        let opened = wallet::decide(&Wallet::Unknown, open)?;
        change(&shop, id, &context, StatusCode::CREATED, &CustomerCommand::Register, |batch| {
            // In the same append as the registration: a customer has exactly one wallet.
            batch.add(streams::wallet(id), Version(0), &opened);
        })
        .await
    };
    respond_once(&shop, &context, work).await
}

/// Set a spending limit
///
/// The highest price of one piece that the customer may buy. Products that cost more are left out of the list of
/// products, and are refused in the basket and at checkout.
#[utoipa::path(
    put, path = "/v1/customers/{id}/limit", tag = "customers",
    params(("id" = CustomerId, Path, description = "The customer")),
    request_body = SetLimit,
    responses(
        (status = 200, description = "Set", body = api::Customer),
        (status = 404, description = "`customer_not_found`", body = Problem),
    )
)]
pub(crate) async fn set_limit(
    State(shop): State<Shop>,
    PathParams(id): PathParams<CustomerId>,
    Command { body, context }: Command<SetLimit>,
) -> Result<Response, ApiError> {
    let limit = body.spending_limit;
    if limit.currency != shop.currency {
        return Err(ApiError::invalid("/spending_limit/currency", format!("must be {}", shop.currency)));
    }
    let command = CustomerCommand::SetLimit { limit };
    respond_once(&shop, &context, change(&shop, id, &context, StatusCode::OK, &command, |_| {})).await
}

/// Decides a command on a customer, appends its events and what `add` adds, and replies with the customer.
async fn change(
    shop: &Shop,
    id: CustomerId,
    context: &Context,
    status: StatusCode,
    command: &CustomerCommand,
    add: impl Fn(&mut AppendBuilder) + Send + Sync,
) -> Result<Done, ApiError> {
    let done = retry_on_conflict(|| async {
        let decide = |customer: &Customer| customer::decide(customer, command.clone());
        let stream = streams::customer(id);
        let mut change = decide_change(&shop.store, &stream, &context.condition, &context.cause, decide).await?;
        add(&mut change.batch);
        let version = change.version.0;
        let body = serde_json::to_value(body(shop, id, &change.after(), version))?;
        let reply = Reply { status: status.as_u16(), location: None, version: Some(version), body };
        append_with_reply(&shop.store, change.batch, context, reply).await
    });
    Ok(done.await?)
}

fn body(shop: &Shop, id: CustomerId, customer: &Customer, version: u64) -> api::Customer {
    let set = match customer {
        Customer::Unknown => None,
        Customer::Registered { limit } => *limit,
    };
    let spending_limit = set.unwrap_or_else(|| shop.money(shop.terms.spending_limit));
    api::Customer { id, spending_limit, version }
}
