//! The address book over HTTP: `/v1/customers/me/addresses`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{self as api, AddressId, AddressList, CustomerId, Problem, SaveAddress};
use storefront_domain::customer::{Customer, CustomerCommand, CustomerError, Registered, SavedAddress};

use super::customers::CustomerChange;
use crate::http::command::{Command, EmptyCommand};
use crate::http::error::ApiError;
use crate::http::extract::PathParams;
use crate::http::idempotency::{reply, respond_once};
use crate::http::principal::SignedIn;
use crate::http::state::Shop;
use crate::http::validation::{address_errors, text_error};
use crate::identity::accounts;
use crate::random;
use crate::store::commands::{Context, Failure, Reply};

/// Maximum length of a label in characters.
const MAX_LABEL: usize = 50;

/// List the own addresses
///
/// Those that the customer has saved, in the order in which they were added.
#[utoipa::path(
    get, path = "/v1/customers/me/addresses", tag = "customers",
    responses(
        (status = 200, description = "The addresses", body = AddressList),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
    )
)]
pub(crate) async fn list_addresses(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
) -> Result<Json<AddressList>, ApiError> {
    let items = match &*accounts::load(&shop.store, claims.customer_id).await? {
        Customer::Registered(registered) => registered.addresses.iter().map(|saved| wire(registered, saved)).collect(),
        Customer::Unknown | Customer::Deleted | Customer::Erased => Vec::new(),
    };
    Ok(Json(AddressList { items }))
}

/// Save an address
///
/// Adds it to the address book, which has 20 at most.
#[utoipa::path(
    post, path = "/v1/customers/me/addresses", tag = "customers",
    request_body = SaveAddress,
    responses(
        (status = 201, description = "Saved", body = api::SavedAddress),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
        (status = 409, description = "`too_many_addresses`", body = Problem),
    )
)]
pub(crate) async fn add_address(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
    Command { body, context }: Command<SaveAddress>,
) -> Result<Response, ApiError> {
    let saved = saved(AddressId(random::id()), body)?;
    let (id, command) = (saved.id, CustomerCommand::AddAddress(saved));
    change(&shop, claims.customer_id, &context, command, |after| found(StatusCode::CREATED, after, id)).await
}

/// Change a saved address
///
/// Replaces its label and its address. Equal ones change nothing.
#[utoipa::path(
    put, path = "/v1/customers/me/addresses/{id}", tag = "customers",
    params(("id" = AddressId, Path, description = "The saved address")),
    request_body = SaveAddress,
    responses(
        (status = 200, description = "Changed", body = api::SavedAddress),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
        (status = 404, description = "`address_not_found`", body = Problem),
    )
)]
pub(crate) async fn change_address(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
    PathParams(id): PathParams<AddressId>,
    Command { body, context }: Command<SaveAddress>,
) -> Result<Response, ApiError> {
    let command = CustomerCommand::ChangeAddress(saved(id, body)?);
    change(&shop, claims.customer_id, &context, command, |after| found(StatusCode::OK, after, id)).await
}

/// Remove a saved address
///
/// Orders that were sent there stay as they are.
#[utoipa::path(
    delete, path = "/v1/customers/me/addresses/{id}", tag = "customers",
    params(("id" = AddressId, Path, description = "The saved address")),
    responses(
        (status = 200, description = "Removed; as it was", body = api::SavedAddress),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
        (status = 404, description = "`address_not_found`", body = Problem),
    )
)]
pub(crate) async fn remove_address(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
    PathParams(id): PathParams<AddressId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let before = accounts::load(&shop.store, claims.customer_id).await?;
    let removed = |_: &Customer| found(StatusCode::OK, &before, id);
    change(&shop, claims.customer_id, &command.into_context(), CustomerCommand::RemoveAddress { id }, removed).await
}

/// Make a saved address the default one
///
/// The one of before is no longer it.
#[utoipa::path(
    put, path = "/v1/customers/me/addresses/{id}/default", tag = "customers",
    params(("id" = AddressId, Path, description = "The saved address")),
    responses(
        (status = 200, description = "It is the default one", body = api::SavedAddress),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
        (status = 404, description = "`address_not_found`", body = Problem),
    )
)]
pub(crate) async fn set_default_address(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
    PathParams(id): PathParams<AddressId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let (context, command) = (command.into_context(), CustomerCommand::SetDefaultAddress { id });
    change(&shop, claims.customer_id, &context, command, |after| found(StatusCode::OK, after, id)).await
}

async fn change(
    shop: &Shop,
    customer_id: CustomerId,
    context: &Context,
    command: CustomerCommand,
    reply: impl Fn(&Customer) -> Result<Reply, Failure> + Send + Sync,
) -> Result<Response, ApiError> {
    let work = CustomerChange::of(customer_id, command).append(shop, context, |customer, _| reply(customer));
    respond_once(shop, context, work).await
}

/// The checked address of a request.
fn saved(id: AddressId, SaveAddress { label, address }: SaveAddress) -> Result<SavedAddress, ApiError> {
    let mut errors: Vec<_> = text_error("/label", &label, MAX_LABEL).into_iter().collect();
    errors.extend(address_errors("/address", &address));
    if errors.is_empty() { Ok(SavedAddress { id, label, address }) } else { Err(ApiError::invalid_fields(errors)) }
}

/// The reply with one saved address of a customer.
fn found(status: StatusCode, customer: &Customer, id: AddressId) -> Result<Reply, Failure> {
    let Customer::Registered(registered) = customer else { return Err(CustomerError::NotFound.into()) };
    let saved = registered.addresses.iter().find(|saved| saved.id == id).ok_or(CustomerError::NoSuchAddress)?;
    Ok(reply(status, &wire(registered, saved))?)
}

/// The wire form of a saved address.
fn wire(registered: &Registered, SavedAddress { id, label, address }: &SavedAddress) -> api::SavedAddress {
    api::SavedAddress {
        id: *id,
        label: label.clone(),
        address: address.clone(),
        default: registered.default_address == Some(*id),
    }
}
