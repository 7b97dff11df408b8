//! Who may use a route. Each route is added with its [`Rule`], and there is no other way to add one; the rule also stands in
//! the description, as `x-access`.
//!
//! In open mode everyone may do everything, and no rule is looked at.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either};
use storefront_api::{Role, Scope, SessionKind};
use tower::{Layer, Service};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::ownership::{self, Owned};
use crate::http::principal::{Principal, account_required, session_required};
use crate::http::state::Shop;
use crate::identity::tokens::Claims;

/// Name of the security scheme in the description.
pub(crate) const SESSION_SCHEME: &str = "session";
/// Name of the security scheme of API keys in the description.
pub(crate) const API_KEY_SCHEME: &str = "api_key";
/// Name of the extension with the rule of an operation.
pub(crate) const ACCESS: &str = "x-access";

/// Who may use a route in secured mode. Operators may use every route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Everybody, without a session too.
    Public,
    /// Whoever has a session, guests too; the handler shows them their own.
    SignedIn,
    /// As [`Rule::SignedIn`], also before a one-time password was changed.
    AnySession,
    /// Whoever is signed in to an account; the handler shows them their own.
    Account,
    /// As [`Rule::Account`], also before a one-time password was changed.
    AnyAccount,
    /// Whoever owns what the path names; for others it is not there.
    Own(Owned),
    Operator,
}

/// Who may use a route in secured mode: people as a rule says, and programs whose API key has a scope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    rule: Rule,
    /// `None` where no key is let in.
    scope: Option<Scope>,
}

impl From<Rule> for Access {
    fn from(rule: Rule) -> Self {
        Self { rule, scope: None }
    }
}

impl Rule {
    /// Also lets in programs whose API key has a scope.
    pub(crate) fn or_key(self, scope: Scope) -> Access {
        Access { rule: self, scope: Some(scope) }
    }

    /// The rule in the description.
    fn text(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::SignedIn | Self::AnySession => "signed_in",
            Self::Account | Self::AnyAccount => "account",
            Self::Own(_) => "own",
            Self::Operator => "operator",
        }
    }
}

/// The routes, each with its rule.
pub(crate) struct Routes {
    router: OpenApiRouter<Shop>,
    /// The shop that the rules guard; `None` where only the description is wanted.
    shop: Option<Shop>,
}

impl Routes {
    pub(crate) fn new(description: utoipa::openapi::OpenApi, shop: Option<Shop>) -> Self {
        Self { router: OpenApiRouter::with_openapi(description), shop }
    }

    /// Adds a route of one or more methods, all with one rule.
    pub(crate) fn add(
        self,
        access: impl Into<Access>,
        (schemas, mut paths, methods): UtoipaMethodRouter<Shop>,
    ) -> Self {
        let access = access.into();
        for item in paths.paths.values_mut() {
            operations(item).for_each(|operation| describe(operation, access));
        }
        let methods = match &self.shop {
            Some(shop) if shop.secured => methods.route_layer(Guard { access, shop: shop.clone() }),
            Some(_) | None => methods,
        };
        Self { router: self.router.routes((schemas, paths, methods)), ..self }
    }

    /// The routes and their description.
    pub(crate) fn into_parts(self) -> (Router<Shop>, utoipa::openapi::OpenApi) {
        self.router.split_for_parts()
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, patch, delete, .. } = item;
    [get, put, post, patch, delete].into_iter().flatten()
}

fn describe(operation: &mut Operation, Access { rule, scope }: Access) {
    operation.extensions = Some(ExtensionsBuilder::new().add(ACCESS, rule.text()).build());
    if rule != Rule::Public {
        // One of them suffices: a session, a key, or nothing in open mode.
        let session = SecurityRequirement::new(SESSION_SCHEME, Vec::<String>::new());
        let key = scope.map(|scope| SecurityRequirement::new(API_KEY_SCHEME, [scope.text()]));
        let nothing = SecurityRequirement::default();
        operation.security = Some([Some(session), key, Some(nothing)].into_iter().flatten().collect());
    }
}

/// Lets requests through that a rule allows.
#[derive(Clone)]
struct Guard {
    access: Access,
    shop: Shop,
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, guard: self.clone() }
    }
}

#[derive(Clone)]
struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let principal = Principal::in_extensions(request.extensions());
        let allowed = check(self.guard.access, principal);
        let waiting = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, waiting);
        match allowed {
            Ok(Allowed::Yes) => Either::Left(inner.call(request)),
            Ok(Allowed::IfOwn(owned, claims)) => {
                let shop = self.guard.shop.clone();
                let answer = async move {
                    let (mut parts, body) = request.into_parts();
                    let Ok(params) = RawPathParams::from_request_parts(&mut parts, &()).await else {
                        return Ok(ApiError::internal().into_response());
                    };
                    match ownership::check(&shop, owned, claims.customer_id, &params).await {
                        Ok(()) => inner.call(Request::from_parts(parts, body)).await,
                        Err(refusal) => Ok(refusal.into_response()),
                    }
                };
                Either::Right(answer.boxed())
            }
            Err(refusal) => Either::Right(std::future::ready(Ok(refusal.into_response())).boxed()),
        }
    }
}

/// What a rule says of a request.
enum Allowed {
    Yes,
    /// Only if what the path names belongs to the customer.
    IfOwn(Owned, Claims),
}

fn check(Access { rule, scope }: Access, principal: Principal) -> Result<Allowed, ApiError> {
    if rule == Rule::Public || principal == Principal::Shop {
        return Ok(Allowed::Yes);
    }
    if let Principal::Key(key) = principal {
        return match scope {
            Some(scope) if key.scopes.allow(scope) => Ok(Allowed::Yes),
            missing => Err(scope_missing(missing)),
        };
    }
    let claims = principal.claims()?.ok_or_else(session_required)?;
    if claims.must_change_password && !matches!(rule, Rule::AnySession | Rule::AnyAccount) {
        let detail = "The password is good for one sign-in. Change it: PUT /v1/customers/me/password.";
        return Err(ApiError::new(ErrorCode::PasswordChangeRequired, detail));
    }
    if claims.kind == SessionKind::Guest && matches!(rule, Rule::Account | Rule::AnyAccount) {
        return Err(account_required());
    }
    match (claims.role, rule) {
        (Role::Operator, _)
        | (Role::Customer, Rule::Public | Rule::SignedIn | Rule::AnySession | Rule::Account | Rule::AnyAccount) => {
            Ok(Allowed::Yes)
        }
        (Role::Customer, Rule::Own(owned)) => Ok(Allowed::IfOwn(owned, claims)),
        (Role::Customer, Rule::Operator) => {
            Err(ApiError::new(ErrorCode::OperatorsOnly, "This is for operators of the shop."))
        }
    }
}

/// Refuses an API key; says which scope it lacks, unless no key is let in.
fn scope_missing(scope: Option<Scope>) -> ApiError {
    let detail = match scope {
        Some(scope) => format!("The API key lacks the scope {}.", scope.text()),
        None => "No API key is good for this. It needs somebody who is signed in.".to_owned(),
    };
    ApiError::new(ErrorCode::ScopeMissing, detail)
}

#[cfg(test)]
mod tests {
    use storefront_api::{CustomerId, SessionId, Timestamp};
    use uuid::Uuid;

    use super::*;

    const RULES: [Rule; 7] = [
        Rule::Public,
        Rule::SignedIn,
        Rule::AnySession,
        Rule::Account,
        Rule::AnyAccount,
        Rule::Own(Owned::Order),
        Rule::Operator,
    ];

    fn claims(role: Role) -> Claims {
        Claims {
            session_id: SessionId(Uuid::from_u128(1)),
            customer_id: CustomerId(Uuid::from_u128(2)),
            kind: SessionKind::Account,
            role,
            must_change_password: false,
            expires_at: Timestamp::from_unix_ms(0),
        }
    }

    /// What each rule says of somebody: `yes`, `own`, or the code of the refusal.
    fn outcomes(principal: Principal) -> [String; 7] {
        RULES.map(|rule| match check(rule.into(), principal) {
            Ok(Allowed::Yes) => "yes".to_owned(),
            Ok(Allowed::IfOwn(..)) => "own".to_owned(),
            Err(refusal) => refusal.into_problem().code,
        })
    }

    #[test]
    fn every_rule_is_decided_for_everybody() {
        let session = |claims| outcomes(Principal::Session(claims));
        let of_customer = ["yes", "yes", "yes", "yes", "yes", "own", "operators_only"];
        assert_eq!(session(claims(Role::Customer)), of_customer);
        let guest = Claims { kind: SessionKind::Guest, ..claims(Role::Customer) };
        let account = "account_required";
        assert_eq!(session(guest), ["yes", "yes", "yes", account, account, "own", "operators_only"]);
        assert_eq!(session(claims(Role::Operator)), ["yes"; 7]);
        assert_eq!(outcomes(Principal::Shop), ["yes"; 7]);
        let all_but_public = |code| ["yes", code, code, code, code, code, code];
        assert_eq!(outcomes(Principal::Nobody), all_but_public("session_required"));
        let operator = claims(Role::Operator);
        for bad in [Principal::Invalid, Principal::Expired(operator), Principal::Ended(operator)] {
            assert_eq!(outcomes(bad), all_but_public("session_invalid"));
        }
        let change = "password_change_required";
        let one_time = Claims { must_change_password: true, ..claims(Role::Operator) };
        assert_eq!(session(one_time), ["yes", change, "yes", change, "yes", change, change]);
    }

    #[test]
    fn every_operation_of_the_description_declares_its_rule() {
        let document = serde_json::to_value(crate::http::document()).unwrap();
        let mut count = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let rule = operation[ACCESS].as_str().unwrap_or_default();
                let known = ["public", "signed_in", "account", "own", "operator"].contains(&rule);
                assert!(known, "{method} {path} has no rule: {rule:?}");
                assert_eq!(operation["security"].is_null(), rule == "public", "{method} {path}");
                count += 1;
            }
        }
        assert!(count > 60, "{count}");
    }
}
