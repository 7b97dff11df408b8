//! Customers over HTTP: registration, spending limits, and who may sign in.

use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use storefront_api::{
    self as api, CustomerId, CustomerListQuery, CustomerSummary, EmailAddress, FieldError, Page, PasswordReset,
    Problem, RegisterCustomer, RegistrationAccepted, Role, SessionsEnded, SetLimit,
};
use storefront_domain::customer::{self, Account, Customer, CustomerCommand, CustomerError, CustomerEvent, Registered};
use storefront_domain::login::{self, LoginCommand};
use storefront_domain::wallet::{self, Wallet, WalletCommand, WalletEvent};
use storefront_eventlog::Version;

use crate::http::command::{Command, EmptyCommand};
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::{PathParams, QueryParams, cursor_position, page_limit};
use crate::http::idempotency::{self, respond_once};
use crate::http::principal::{Principal, Registering, session_invalid};
use crate::http::state::Shop;
use crate::http::validation;
use crate::http::wait_for_views::wait_for_position;
use crate::identity::accounts;
use crate::identity::passwords::Password;
use crate::identity::tokens::Claims;
use crate::store::aggregates::AppendBuilder;
use crate::store::commands::{Context, Done, Failure, Reply, append_with_reply, decide_change, retry_on_conflict};
use crate::store::{aggregates, streams};
use crate::{clock, random};

/// Maximum length of a name in characters.
const MAX_NAME: usize = 50;

/// Register a customer
///
/// Creates the customer and their wallet. With `email`, `password` and `name` they have an account, and sign in with
/// `POST /v1/sessions`. Without, requests on behalf of the customer send the id as `Storefront-Customer`. With the token of a
/// guest, the account is that guest's, with all orders, and the guest's session ends.
///
/// In secured mode the answer is 202, and the same for an address that has an account: then nothing is registered, the owner of
/// the address is told by mail (at most once an hour), and the guest's session ends all the same.
#[utoipa::path(
    post, path = "/v1/customers", tag = "customers",
    request_body = RegisterCustomer,
    responses(
        (status = 201, description = "Registered", body = api::Customer),
        (status = 202, description = "In secured mode: registered, unless the address has an account", body = RegistrationAccepted),
        (status = 401, description = "`session_invalid`: the session of the guest is over", body = Problem),
        (status = 409, description = "`customer_exists`; `email_taken`, not in secured mode", body = Problem),
        (status = 503, description = "`sign_ins_busy`", body = Problem),
    )
)]
pub(crate) async fn register(
    State(shop): State<Shop>,
    Registering { guest, is_over }: Registering,
    command: Command<RegisterCustomer>,
) -> Result<Response, ApiError> {
    let command = if command.body.password.is_some() { command.with_secrets(&shop) } else { command };
    let Command { body, context } = command;
    let new_account = NewAccount::of(&body)?;
    if (shop.secured || guest.is_some()) && body.id.is_some() {
        return Err(ApiError::invalid("/id", "must be left out: the shop chooses it"));
    }
    if (shop.secured || guest.is_some()) && new_account.is_none() {
        return Err(ApiError::invalid("", "an account has email, password and name"));
    }
    let id = guest.map(|guest| guest.customer_id).or(body.id).unwrap_or_else(|| CustomerId(random::id()));
    let open = WalletCommand::Open { balance: shop.money(shop.terms.opening_balance) };
    let work = async {
        if is_over {
            return Err(session_invalid());
        }
        let login = new_account.as_ref().map(|new| (new.email.clone(), LoginCommand::Claim { customer_id: id }));
        let guest_session = guest.map(|guest| guest.session_id);
        let email = new_account.as_ref().map(|new| new.email.clone()).filter(|_| shop.secured);
        let account = match new_account {
            Some(new) => Some(new.hashed(&shop).await?),
            None => None,
        };
        let change = CustomerChange {
            login,
            // In the same append as the registration: a customer has exactly one wallet.
            wallet: wallet::decide(&Wallet::Unknown, open)?,
            ..CustomerChange::of(id, CustomerCommand::Register { account, guest_session })
        };
        let Some(email) = email else {
            let reply = |customer: &Customer, version| reply(&shop, StatusCode::CREATED, id, customer, version);
            return change.append(&shop, &context, reply).await;
        };
        match change.append(&shop, &context, |_, _| registration_accepted(&email)).await {
            Err(refusal) if refusal.is(ErrorCode::EmailTaken) => tell_owner(&shop, &context, &email, guest).await,
            done => done,
        }
    };
    respond_once(&shop, &context, work).await
}

/// The answer of secured mode, which is the same for new and for known addresses. So it has no version and no id.
fn registration_accepted(email: &EmailAddress) -> Result<Reply, Failure> {
    Ok(idempotency::reply(StatusCode::ACCEPTED, &RegistrationAccepted { email: email.as_str().to_owned() })?)
}

/// Answers a registration with a known address as one with a new address: the owner of the account is told, and the session of a guest ends.
async fn tell_owner(
    shop: &Shop,
    context: &Context,
    email: &EmailAddress,
    guest: Option<Claims>,
) -> Result<Done, ApiError> {
    let attempt = CustomerCommand::RecordRegistrationAttempt { attempted_at: clock::now() };
    let done = retry_on_conflict(|| async {
        let mut batch = AppendBuilder::new(clock::now(), context.cause.clone());
        if let Some(owner) = accounts::owner(&shop.store, email).await? {
            let decide = |owner: &Customer| customer::decide(owner, attempt.clone());
            batch.decide(&shop.store, streams::customer(owner), decide).await?;
        }
        if let Some(guest) = guest {
            let end = CustomerCommand::EndGuestSession { session_id: guest.session_id };
            // A guest who has registered meanwhile is refused with a new address too.
            let decide = |guest: &Customer| customer::decide(guest, end.clone()).map_err(|_| CustomerError::Exists);
            batch.decide(&shop.store, streams::customer(guest.customer_id), decide).await?;
        }
        append_with_reply(&shop.store, batch, context, registration_accepted(email)?).await
    });
    let done = done.await?;
    if let Some(guest) = guest {
        shop.identity.ended.add(guest.session_id, clock::now().unix_ms());
    }
    Ok(done)
}

/// List customers
///
/// For operators. The latest registration first; filtered by state, or searched by name, mail address or id. A deleted
/// customer is listed without name and address.
#[utoipa::path(
    get, path = "/v1/customers", tag = "customers", params(CustomerListQuery),
    responses((status = 200, description = "A page of customers", body = Page<CustomerSummary>))
)]
pub(crate) async fn list_customers(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<CustomerListQuery>,
) -> Result<Json<Page<CustomerSummary>>, ApiError> {
    let limit = page_limit(query.limit, 100, 20)?;
    let before = cursor_position(query.cursor.as_deref())?;
    wait_for_position(&shop, query.min_position, &["customers"]).await?;
    Ok(Json(shop.views.customers(&query, before, limit).await?))
}

/// Read a customer
///
/// For operators. A deleted account is not there.
#[utoipa::path(
    get, path = "/v1/customers/{id}", tag = "customers",
    params(("id" = CustomerId, Path, description = "The customer")),
    responses(
        (status = 200, description = "The customer", body = api::Customer),
        (status = 404, description = "`customer_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_customer(
    State(shop): State<Shop>,
    PathParams(id): PathParams<CustomerId>,
) -> Result<Json<api::Customer>, ApiError> {
    let stream = streams::customer(id);
    let (customer, version) = aggregates::load::<CustomerEvent>(&shop.store, &stream).await.map_err(Failure::from)?;
    match &*customer {
        Customer::Registered(_) => Ok(Json(body(&shop, id, &customer, version))),
        Customer::Unknown | Customer::Deleted | Customer::Erased => Err(CustomerError::NotFound.into()),
    }
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
    change_and_show(&shop, id, &context, CustomerCommand::SetLimit { limit }).await
}

/// Deactivate a customer
///
/// For operators. The customer can no longer sign in, and every session ends at once. Operators cannot deactivate themselves.
#[utoipa::path(
    post, path = "/v1/customers/{id}/deactivate", tag = "customers",
    params(("id" = CustomerId, Path, description = "The customer")),
    responses(
        (status = 200, description = "Deactivated", body = api::Customer),
        (status = 404, description = "`customer_not_found`", body = Problem),
        (status = 409, description = "`own_operator_account`", body = Problem),
    )
)]
pub(crate) async fn deactivate(
    State(shop): State<Shop>,
    PathParams(id): PathParams<CustomerId>,
    principal: Principal,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    check_not_own(principal, id)?;
    change_and_show(&shop, id, &command.into_context(), CustomerCommand::Deactivate).await
}

/// Refuses that operators take away their own access: no other one may be left.
pub(super) fn own_operator_account() -> ApiError {
    let detail =
        "Operators keep their own account, so that the shop is never without one. Another operator can deactivate it.";
    ApiError::new(ErrorCode::OwnOperatorAccount, detail)
}

fn check_not_own(principal: Principal, id: CustomerId) -> Result<(), ApiError> {
    match principal {
        Principal::Session(claims) if claims.role == Role::Operator && claims.customer_id == id => {
            Err(own_operator_account())
        }
        _ => Ok(()),
    }
}

/// Reactivate a customer
///
/// For operators. The customer can sign in again.
#[utoipa::path(
    post, path = "/v1/customers/{id}/reactivate", tag = "customers",
    params(("id" = CustomerId, Path, description = "The customer")),
    responses(
        (status = 200, description = "Reactivated", body = api::Customer),
        (status = 404, description = "`customer_not_found`", body = Problem),
    )
)]
pub(crate) async fn reactivate(
    State(shop): State<Shop>,
    PathParams(id): PathParams<CustomerId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    change_and_show(&shop, id, &command.into_context(), CustomerCommand::Reactivate).await
}

/// Give a customer a one-time password
///
/// For operators. The present password is refused from now on, and every session ends. The shop mails a one-time password to the
/// address of the account, and to nobody else; it is good for 24 hours, to sign in and choose another one. While the mail
/// cannot be sent, the customer has no password. A repeat sends another one, and the latest counts. Operators change their own
/// with `PUT /v1/customers/me/password`.
#[utoipa::path(
    post, path = "/v1/customers/{id}/one-time-password", tag = "customers",
    params(("id" = CustomerId, Path, description = "The customer")),
    responses(
        (status = 202, description = "The password is reset; the mail follows", body = PasswordReset),
        (status = 404, description = "`customer_not_found`; also without an account", body = Problem),
        (status = 409, description = "`own_operator_account`", body = Problem),
    )
)]
pub(crate) async fn reset_password(
    State(shop): State<Shop>,
    PathParams(id): PathParams<CustomerId>,
    principal: Principal,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    check_not_own(principal, id)?;
    let context = command.into_context();
    let expires_at = accounts::one_time_password_expiry();
    let work = async {
        let customer = accounts::load(&shop.store, id).await?;
        let ended = u32::try_from(super::sessions::live(&customer).len()).unwrap_or(u32::MAX);
        let change = CustomerChange::of(id, CustomerCommand::ResetPassword { expires_at });
        let reset = PasswordReset { expires_at, ended };
        change.append(&shop, &context, |_, _| Ok(idempotency::reply(StatusCode::ACCEPTED, &reset)?)).await
    };
    respond_once(&shop, &context, work).await
}

/// Erase a customer
///
/// For operators. Deletes the account, as its owner can; also for a guest, who has none. Then everything that tells who the
/// customer was is made unreadable for good: name, addresses, what was typed. `customer.erased` in the log says that it is
/// done. An order that is still to be sent or delivered keeps its address until then. Invoices keep theirs.
/// Operators cannot erase themselves.
#[utoipa::path(
    post, path = "/v1/customers/{id}/erase", tag = "customers",
    params(("id" = CustomerId, Path, description = "The customer")),
    responses(
        (status = 202, description = "Deleted; erasing has begun", body = SessionsEnded),
        (status = 404, description = "`customer_not_found`", body = Problem),
        (status = 409, description = "`own_operator_account`", body = Problem),
    )
)]
pub(crate) async fn erase(
    State(shop): State<Shop>,
    PathParams(id): PathParams<CustomerId>,
    principal: Principal,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    check_not_own(principal, id)?;
    let context = command.into_context();
    let work = async {
        let customer = accounts::load(&shop.store, id).await?;
        if *customer == Customer::Unknown && shop.views.orders_of(id).await.map_err(Failure::from)?.is_empty() {
            return Err(CustomerError::NotFound.into());
        }
        let ended = u32::try_from(super::sessions::live(&customer).len()).unwrap_or(u32::MAX);
        let mut change = CustomerChange::of(id, CustomerCommand::Erase);
        change.login = accounts::email(&customer).map(|email| (email, LoginCommand::Release));
        change
            .append(&shop, &context, |_, _| Ok(idempotency::reply(StatusCode::ACCEPTED, &SessionsEnded { ended })?))
            .await
    };
    respond_once(&shop, &context, work).await
}

/// Changes a customer, and answers with the customer.
pub(super) async fn change_and_show(
    shop: &Shop,
    id: CustomerId,
    context: &Context,
    command: CustomerCommand,
) -> Result<Response, ApiError> {
    let change = CustomerChange::of(id, command);
    let work = change.append(shop, context, |customer, version| reply(shop, StatusCode::OK, id, customer, version));
    respond_once(shop, context, work).await
}

/// The three fields of an account, checked.
struct NewAccount {
    email: EmailAddress,
    name: String,
    password: Password,
}

impl NewAccount {
    /// The account that is asked for; `None` when none is.
    fn of(body: &RegisterCustomer) -> Result<Option<Self>, ApiError> {
        let RegisterCustomer { id: _, email, password, name } = body;
        if email.is_none() && password.is_none() && name.is_none() {
            return Ok(None);
        }
        let mut errors = Vec::new();
        let mut wrong = |pointer: &str, detail: String| {
            errors.push(FieldError { pointer: pointer.to_owned(), detail });
        };
        let missing = || "is missing: an account has email, password and name".to_owned();
        let parsed = email
            .as_deref()
            .ok_or_else(missing)
            .and_then(|text| text.parse::<EmailAddress>().map_err(|why| why.to_string()));
        let email = parsed.map_err(|why| wrong("/email", why)).ok();
        let password =
            password.as_ref().ok_or_else(missing).and_then(|plain| Password::new(plain).map_err(|why| why.to_string()));
        let password = password.map_err(|why| wrong("/password", why)).ok();
        let name = name
            .clone()
            .ok_or_else(missing)
            .and_then(|name| validation::text_error("", &name, MAX_NAME).map_or(Ok(name), |error| Err(error.detail)));
        let name = name.map_err(|why| wrong("/name", why)).ok();
        match (email, password, name) {
            (Some(email), Some(password), Some(name)) => Ok(Some(Self { email, name, password })),
            (..) => Err(ApiError::invalid_fields(errors)),
        }
    }

    async fn hashed(self, shop: &Shop) -> Result<Account, ApiError> {
        let password = shop.identity.passwords.hash(self.password).await?;
        let email = self.email.as_str().to_owned();
        Ok(Account { email, name: self.name, password, must_change: false, role: Role::Customer })
    }
}

/// Checks the name of a customer.
pub(super) fn check_name(name: &str) -> Result<(), ApiError> {
    validation::check_text("/name", name, MAX_NAME)
}

/// A command to a customer, with what is appended beside its events.
pub(super) struct CustomerChange {
    id: CustomerId,
    command: CustomerCommand,
    /// A mail address that is claimed or released.
    pub(super) login: Option<(EmailAddress, LoginCommand)>,
    /// The events of a new wallet.
    wallet: Vec<WalletEvent>,
}

impl CustomerChange {
    pub(super) fn of(id: CustomerId, command: CustomerCommand) -> Self {
        Self { id, command, login: None, wallet: Vec::new() }
    }

    /// Decides, appends, and replies. Sessions that end are refused by this server from then on; others learn it from the log.
    pub(super) async fn append(
        self,
        shop: &Shop,
        context: &Context,
        reply: impl Fn(&Customer, Version) -> Result<Reply, Failure> + Send + Sync,
    ) -> Result<Done, ApiError> {
        let ended = Mutex::new(Vec::new());
        let done = retry_on_conflict(|| async {
            let stream = streams::customer(self.id);
            let decide = |customer: &Customer| customer::decide(customer, self.command.clone());
            let mut change = decide_change(&shop.store, &stream, &context.condition, &context.cause, decide).await?;
            change.batch.add(streams::wallet(self.id), Version(0), &self.wallet);
            if let Some((email, command)) = &self.login {
                let decide = |login: &login::Login| login::decide(login, command.clone());
                change.batch.decide(&shop.store, streams::login(email), decide).await?;
            }
            *ended.lock().unwrap_or_else(PoisonError::into_inner) = ended_sessions(change.events());
            let reply = reply(&change.after(), change.version)?;
            append_with_reply(&shop.store, change.batch, context, reply).await
        });
        let done = done.await?;
        for id in ended.into_inner().unwrap_or_else(PoisonError::into_inner) {
            shop.identity.ended.add(id, clock::now().unix_ms());
        }
        Ok(done)
    }
}

fn ended_sessions(events: &[CustomerEvent]) -> Vec<api::SessionId> {
    let ended = events.iter().filter_map(|event| match event {
        CustomerEvent::SessionEnded { session_id } => Some(*session_id),
        CustomerEvent::Registered { .. }
        | CustomerEvent::LimitSet { .. }
        | CustomerEvent::NameChanged { .. }
        | CustomerEvent::PasswordChanged { .. }
        | CustomerEvent::PasswordReset { .. }
        | CustomerEvent::OneTimePasswordSet { .. }
        | CustomerEvent::RegistrationAttempted { .. }
        | CustomerEvent::AddressAdded(_)
        | CustomerEvent::AddressChanged(_)
        | CustomerEvent::AddressRemoved { .. }
        | CustomerEvent::DefaultAddressSet { .. }
        | CustomerEvent::Deactivated
        | CustomerEvent::Reactivated
        | CustomerEvent::SessionStarted(_)
        | CustomerEvent::Deleted
        | CustomerEvent::Erased => None,
    });
    ended.collect()
}

fn reply(
    shop: &Shop,
    status: StatusCode,
    id: CustomerId,
    customer: &Customer,
    version: Version,
) -> Result<Reply, Failure> {
    let body = serde_json::to_value(body(shop, id, customer, version))?;
    Ok(Reply { status: status.as_u16(), location: None, version: Some(version.0), body })
}

/// The wire form of a customer.
pub(super) fn body(shop: &Shop, id: CustomerId, customer: &Customer, version: Version) -> api::Customer {
    let (limit, account, is_active) = match customer {
        Customer::Unknown | Customer::Deleted | Customer::Erased => (None, None, true),
        Customer::Registered(Registered { limit, account, is_active, .. }) => (*limit, account.as_ref(), *is_active),
    };
    api::Customer {
        id,
        spending_limit: limit.unwrap_or_else(|| shop.money(shop.terms.spending_limit)),
        email: account.map(|account| account.email.clone()),
        name: account.map(|account| account.name.clone()),
        role: account.map(|account| account.role),
        deactivated: !is_active,
        version: version.0,
    }
}
