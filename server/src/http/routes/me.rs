//! The own account over HTTP: `/v1/customers/me`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{
    self as api, ChangePassword, ChangeProfile, DeleteAccount, Password as PlainPassword, Problem, Role, SessionsEnded,
};
use storefront_domain::customer::{Customer, CustomerCommand, CustomerError, CustomerEvent, PasswordHash};
use storefront_domain::login::LoginCommand;

use super::customers::{CustomerChange, body, change_and_show, check_name, own_operator_account};
use super::sessions::{respond_with_token, signed_in_reply};
use crate::http::command::Command;
use crate::http::error::ApiError;
use crate::http::idempotency::{reply, respond_once};
use crate::http::principal::SignedIn;
use crate::http::state::Shop;
use crate::identity::accounts;
use crate::identity::passwords::Password;
use crate::store::commands::Failure;
use crate::store::{aggregates, streams};

/// Read the own account
///
/// The customer who is signed in.
#[utoipa::path(
    get, path = "/v1/customers/me", tag = "customers",
    responses(
        (status = 200, description = "The customer", body = api::Customer),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
    )
)]
pub(crate) async fn get_me(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
) -> Result<Json<api::Customer>, ApiError> {
    let stream = streams::customer(claims.customer_id);
    let (customer, version) = aggregates::load::<CustomerEvent>(&shop.store, &stream).await.map_err(Failure::from)?;
    Ok(Json(body(&shop, claims.customer_id, &customer, version)))
}

/// Change the own name
///
/// An equal name changes nothing.
#[utoipa::path(
    patch, path = "/v1/customers/me", tag = "customers",
    request_body = ChangeProfile,
    responses(
        (status = 200, description = "Changed", body = api::Customer),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
    )
)]
pub(crate) async fn change_profile(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
    Command { body, context }: Command<ChangeProfile>,
) -> Result<Response, ApiError> {
    check_name(&body.name)?;
    change_and_show(&shop, claims.customer_id, &context, CustomerCommand::ChangeName { name: body.name }).await
}

/// Change the own password
///
/// Needs the password of now. Every other session ends; this one gets a new token.
#[utoipa::path(
    put, path = "/v1/customers/me/password", tag = "customers",
    request_body = ChangePassword,
    responses(
        (status = 200, description = "Changed", body = api::SignedIn),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
        (status = 503, description = "`sign_ins_busy`", body = Problem),
    )
)]
pub(crate) async fn change_password(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
    command: Command<ChangePassword>,
) -> Result<Response, ApiError> {
    let Command { body, context } = command.with_secrets(&shop);
    let id = claims.customer_id;
    let new = Password::new(&body.new_password).map_err(|why| ApiError::invalid("/new_password", why.to_string()))?;
    if body.new_password == body.current_password {
        return Err(ApiError::invalid("/new_password", "must be another than the password of now"));
    }
    let work = async {
        let customer = accounts::load(&shop.store, id).await?;
        let current = require_password(&shop, &customer, &body.current_password).await?;
        let password = shop.identity.passwords.hash(new).await?;
        let change = CustomerCommand::ChangePassword { current, password, keep: claims.session_id };
        let reply = |customer: &Customer, _| signed_in_reply(StatusCode::OK, id, customer, claims.session_id);
        CustomerChange::of(id, change).append(&shop, &context, reply).await
    };
    respond_with_token(&shop, &context, work).await
}

/// Delete the own account
///
/// Needs the password of now. Every session ends, and the mail address can be registered again. Orders, invoices and the
/// wallet stay, but name, addresses and what was typed are made unreadable: at once, and in an order that is still to be sent or
/// delivered after that. Invoices keep their copy. The account of an operator cannot be
/// deleted.
#[utoipa::path(
    delete, path = "/v1/customers/me", tag = "customers",
    request_body = DeleteAccount,
    responses(
        (status = 200, description = "Deleted", body = SessionsEnded),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
        (status = 409, description = "`own_operator_account`", body = Problem),
        (status = 503, description = "`sign_ins_busy`", body = Problem),
    )
)]
pub(crate) async fn delete_me(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
    command: Command<DeleteAccount>,
) -> Result<Response, ApiError> {
    if claims.role == Role::Operator {
        return Err(own_operator_account());
    }
    let Command { body, context } = command.with_secrets(&shop);
    let id = claims.customer_id;
    let work = async {
        let customer = accounts::load(&shop.store, id).await?;
        let password = require_password(&shop, &customer, &body.current_password).await?;
        let email = accounts::email(&customer);
        let ended = u32::try_from(super::sessions::live(&customer).len()).unwrap_or(u32::MAX);
        let mut change = CustomerChange::of(id, CustomerCommand::Delete { password });
        change.login = email.map(|email| (email, LoginCommand::Release));
        change.append(&shop, &context, |_, _| Ok(reply(StatusCode::OK, &SessionsEnded { ended })?)).await
    };
    respond_once(&shop, &context, work).await
}

/// Refuses a wrong password. Returns the hash of the right one, for a decision that is made later.
async fn require_password(
    shop: &Shop,
    customer: &Customer,
    password: &PlainPassword,
) -> Result<PasswordHash, ApiError> {
    let account = accounts::account(customer).ok_or(CustomerError::NoAccount)?;
    if accounts::check_password(&shop.identity.passwords, customer, password).await? {
        return Ok(account.password.clone());
    }
    Err(CustomerError::NotThePassword.into())
}
