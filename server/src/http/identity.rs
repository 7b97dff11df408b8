//! The caller's identity: who is signed in, otherwise what the headers `Storefront-Customer` and `Storefront-Actor` say. Open
//! mode trusts the headers; in secured mode they name nobody, except that an operator or a program may act for a customer.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use storefront_api::{ACTOR_HEADER, ActorName, CUSTOMER_HEADER, CustomerId, Money, Role, SessionKind};
use storefront_domain::customer::{Customer, CustomerError, CustomerEvent, Registered};

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::principal::Principal;
use crate::http::state::Shop;
use crate::identity::tokens::Claims;
use crate::store::commands::Failure;
use crate::store::{aggregates, streams};

/// The customer who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A guest without a session.
    Nobody,
    /// A guest with a session, whose id nobody has registered yet.
    Guest(CustomerId),
    Customer(CustomerId),
}

impl Caller {
    /// The caller of a request: the customer who is signed in, otherwise the one whom the headers name.
    ///
    /// # Errors
    /// When the token is not good, or see [`Caller::from_headers`].
    pub(crate) fn of(parts: &Parts, secured: bool) -> Result<Self, ApiError> {
        let principal = Principal::in_extensions(&parts.extensions);
        if let Principal::Key(_) = principal {
            return Self::from_headers(&parts.headers);
        }
        match principal.claims()? {
            Some(Claims { kind: SessionKind::Guest, customer_id, .. }) => Ok(Self::Guest(customer_id)),
            Some(Claims { role: Role::Customer, customer_id, .. }) => Ok(Self::Customer(customer_id)),
            Some(Claims { role: Role::Operator, .. }) => Self::from_headers(&parts.headers),
            None if secured => Ok(Self::Nobody),
            None => Self::from_headers(&parts.headers),
        }
    }

    /// The scope of the idempotency keys of a request, and the actor of its events.
    ///
    /// # Errors
    /// When the token is not good, or see [`Caller::actor`].
    pub(crate) fn scope_and_actor(self, parts: &Parts, secured: bool) -> Result<(String, String), ApiError> {
        let principal = Principal::in_extensions(&parts.extensions);
        let scope = match (principal, principal.claims()?) {
            (Principal::Key(key), _) => format!("key:{}", key.id),
            (_, Some(Claims { role: Role::Operator, customer_id, .. })) => format!("operator:{customer_id}"),
            (_, Some(Claims { role: Role::Customer, .. }) | None) => self.scope(),
        };
        let actor = if secured || scope != self.scope() { scope.clone() } else { self.actor(&parts.headers)? };
        Ok((scope, actor))
    }

    /// Reads the caller from the headers.
    ///
    /// # Errors
    /// When there are several `Storefront-Customer` headers, or one is not a UUID.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut named = headers.get_all(CUSTOMER_HEADER).iter();
        let Some(first) = named.next() else { return Ok(Self::Nobody) };
        let id = first.to_str().ok().and_then(|text| text.parse().ok()).filter(|_| named.next().is_none());
        let id = id.ok_or_else(|| {
            ApiError::new(ErrorCode::InvalidCustomer, "Send one Storefront-Customer with the customer's id, a UUID.")
        })?;
        Ok(Self::Customer(id))
    }

    /// The id under which the caller shops; `None` for nobody.
    pub(crate) fn customer_id(self) -> Option<CustomerId> {
        match self {
            Self::Nobody => None,
            Self::Guest(id) | Self::Customer(id) => Some(id),
        }
    }

    /// Returns the actor for events: the name in `Storefront-Actor`, else the customer, else `guest`.
    ///
    /// # Errors
    /// When the header is repeated or its name is not allowed.
    pub(crate) fn actor(self, headers: &HeaderMap) -> Result<String, ApiError> {
        let mut named = headers.get_all(ACTOR_HEADER).iter();
        let Some(first) = named.next() else { return Ok(self.scope()) };
        let detail = |why: &dyn std::fmt::Display| {
            format!("Send one Storefront-Actor with a name in UTF-8, or leave it out: {why}.")
        };
        let text = std::str::from_utf8(first.as_bytes()).ok().filter(|_| named.next().is_none());
        let text = text.ok_or_else(|| ApiError::new(ErrorCode::InvalidActor, detail(&"this one cannot be read")))?;
        let name: ActorName = text.parse().map_err(|why| ApiError::new(ErrorCode::InvalidActor, detail(&why)))?;
        Ok(name.to_string())
    }

    /// The scope of idempotency keys; independent of `Storefront-Actor`.
    pub(crate) fn scope(self) -> String {
        self.customer_id().map_or_else(|| "guest".to_owned(), |id| format!("customer:{id}"))
    }

    /// Returns the customer.
    ///
    /// # Errors
    /// `customer_required` for a guest.
    pub(crate) fn require_customer(self) -> Result<CustomerId, ApiError> {
        self.customer_id().ok_or_else(|| {
            let detail = "Say who you are: send Storefront-Customer with the id that POST /v1/customers answered.";
            ApiError::new(ErrorCode::CustomerRequired, detail)
        })
    }
}

impl FromRequestParts<Shop> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        Self::of(parts, shop.secured)
    }
}

/// The one customer whose things a request may see and change; `None` for everybody's.
pub(crate) struct OnlyOf(pub(crate) Option<CustomerId>);

impl FromRequestParts<Shop> for OnlyOf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        match Principal::in_extensions(&parts.extensions).claims()? {
            Some(Claims { role: Role::Customer, customer_id, .. }) if shop.secured => Ok(Self(Some(customer_id))),
            Some(_) | None => Ok(Self(None)),
        }
    }
}

/// Returns the limit on the unit price of who sends a request; `None` for a guest.
///
/// # Errors
/// When there is no such customer.
pub(crate) async fn spending_limit(shop: &Shop, caller: Caller) -> Result<Option<Money>, ApiError> {
    match caller {
        Caller::Nobody | Caller::Guest(_) => Ok(None),
        Caller::Customer(id) => {
            let limit = owners_spending_limit(shop, Some(id)).await?;
            limit.map(Some).ok_or_else(|| CustomerError::NotFound.into())
        }
    }
}

/// Returns the limit on the unit price of the owner of an order that has begun; `None` for a guest, with or without an id.
///
/// # Errors
/// When the owner was deleted.
pub(crate) async fn owners_spending_limit(shop: &Shop, owner: Option<CustomerId>) -> Result<Option<Money>, ApiError> {
    let Some(id) = owner else { return Ok(None) };
    let (customer, _) =
        aggregates::load::<CustomerEvent>(&shop.store, &streams::customer(id)).await.map_err(Failure::from)?;
    match &*customer {
        Customer::Unknown => Ok(None),
        Customer::Deleted | Customer::Erased => Err(CustomerError::NotFound.into()),
        Customer::Registered(Registered { limit, .. }) => {
            Ok(Some((*limit).unwrap_or_else(|| shop.money(shop.terms.spending_limit))))
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn of(values: &[&str]) -> Result<Caller, String> {
        let name = axum::http::HeaderName::from_static(CUSTOMER_HEADER);
        let headers = values.iter().map(|value| (name.clone(), value.parse().unwrap()));
        Caller::from_headers(&headers.collect()).map_err(|error| error.into_problem().code)
    }

    #[test]
    fn one_header_names_the_customer_and_none_a_guest() {
        assert_eq!(of(&[]), Ok(Caller::Nobody));
        let id = Uuid::from_u128(7);
        assert_eq!(of(&[&id.to_string()]), Ok(Caller::Customer(CustomerId(id))));
    }

    #[test]
    fn the_actor_is_the_given_name_or_else_the_customer_or_a_guest() {
        let of = |bytes: &[&[u8]], caller: Caller| {
            let name = axum::http::HeaderName::from_static(ACTOR_HEADER);
            let value = |bytes: &&[u8]| axum::http::HeaderValue::from_bytes(bytes).unwrap();
            let headers: HeaderMap = bytes.iter().map(|bytes| (name.clone(), value(bytes))).collect();
            caller.actor(&headers).map_err(|error| error.into_problem().code)
        };
        let (guest, ada) = (Caller::Nobody, Caller::Customer(CustomerId(Uuid::from_u128(7))));
        assert_eq!(of(&[], guest), Ok("guest".to_owned()));
        assert_eq!(of(&[], ada), Ok(format!("customer:{}", Uuid::from_u128(7))));
        assert_eq!(of(&["Paar 3 – Łódź".as_bytes()], ada), Ok("Paar 3 – Łódź".to_owned()));
        for wrong in [&[&b""[..]][..], &[b"a\xff"], &[b"process:mail"], &[b"a", b"b"]] {
            assert_eq!(of(wrong, guest), Err("invalid_actor".to_owned()), "{wrong:?}");
        }
    }

    #[test]
    fn a_customer_that_cannot_be_read_is_never_taken_for_a_guest() {
        let id = Uuid::from_u128(7).to_string();
        for values in [vec![""], vec!["ada"], vec![&id, &id]] {
            assert_eq!(of(&values), Err("invalid_customer".to_owned()), "{values:?}");
        }
        assert_eq!(Caller::Nobody.require_customer().unwrap_err().into_problem().code, "customer_required");
    }
}
