//! Who sends a request, by its token. Made once for each request, in [`Interface`](super::interface::Interface).

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use storefront_api::{CustomerId, Role, Scope, SessionKind};

use crate::clock;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::state::Shop;
use crate::identity::Identity;
use crate::identity::api_keys::{self, ApiKeyClaims};
use crate::identity::tokens::{self, Claims};

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// Somebody without a token of this shop.
    Nobody,
    /// Somebody with a session.
    Session(Claims),
    /// The token has expired. The session may live, and can be renewed then.
    Expired(Claims),
    /// The session was ended.
    Ended(Claims),
    /// The token is none of ours.
    Invalid,
    /// A program with an API key.
    Key(ApiKeyClaims),
    /// The API key is unknown, revoked or expired.
    InvalidKey,
    /// The shop itself, such as a scenario of the lab; never a request from the network.
    Shop,
}

/// The kind of a request without a token.
pub(crate) const NOBODY: &str = "nobody";

impl Principal {
    /// What is said of the sender in the log of the program.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Nobody => NOBODY,
            Self::Session(_) => "session",
            Self::Expired(_) | Self::Ended(_) | Self::Invalid => "invalid session",
            Self::Key(_) => "api key",
            Self::InvalidKey => "invalid api key",
            Self::Shop => "shop",
        }
    }

    /// Reads the token of a request. What is no token of this shop, such as credentials for a proxy, is not looked at.
    pub(crate) fn of(identity: &Identity, headers: &HeaderMap) -> Self {
        let Some(token) = bearer(headers) else { return Self::Nobody };
        if api_keys::is_api_key(token) {
            return identity.api_keys.verify(token, clock::now()).map_or(Self::InvalidKey, Self::Key);
        }
        match identity.verify(token) {
            Some(claims) if identity.ended.contains(claims.session_id) => Self::Ended(claims),
            Some(claims) if claims.expires_at > clock::now() => Self::Session(claims),
            Some(claims) => Self::Expired(claims),
            None => Self::Invalid,
        }
    }

    /// The principal of a request that the interface has looked at.
    pub(crate) fn in_extensions(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self::Nobody)
    }

    /// Whether a session that was good at the beginning of a long answer still is.
    pub(crate) fn is_still_good(self, identity: &Identity) -> bool {
        match self {
            Self::Session(claims) => !identity.ended.contains(claims.session_id) && claims.expires_at > clock::now(),
            Self::Key(claims) => identity.api_keys.is_still_good(&claims, clock::now()),
            Self::Nobody | Self::Expired(_) | Self::Ended(_) | Self::Invalid | Self::InvalidKey | Self::Shop => true,
        }
    }

    /// Whose account this is; a guest, who gets as many sessions as they like, has none.
    pub(crate) fn account(self) -> Option<CustomerId> {
        match self {
            Self::Session(claims) if claims.kind == SessionKind::Account => Some(claims.customer_id),
            Self::Nobody
            | Self::Session(_)
            | Self::Expired(_)
            | Self::Ended(_)
            | Self::Invalid
            | Self::Key(_)
            | Self::InvalidKey
            | Self::Shop => None,
        }
    }

    /// Whether this is an operator, a program that may do what operators do, or the shop itself.
    pub(crate) fn is_operator(self) -> bool {
        match self {
            Self::Session(claims) => claims.role == Role::Operator && !claims.must_change_password,
            Self::Key(claims) => claims.scopes.allow(Scope::Operate),
            Self::Shop => true,
            Self::Nobody | Self::Expired(_) | Self::Ended(_) | Self::Invalid | Self::InvalidKey => false,
        }
    }

    /// Waits until a session that was good at the beginning has ended or its token has expired; for ever without one.
    pub(crate) async fn until_over(self, identity: &Identity) {
        let Self::Session(claims) = self else { return std::future::pending().await };
        let mut changes = identity.ended.changes();
        while self.is_still_good(identity) {
            let left_ms = claims.expires_at.unix_ms().saturating_sub(clock::now().unix_ms()).max(1);
            let left = Duration::from_millis(left_ms.unsigned_abs());
            // The sender is in the identity.
            let _woken = clock::timeout(left, changes.changed()).await;
        }
    }

    /// The claims of somebody with a session; `None` for nobody and for a program.
    ///
    /// # Errors
    /// `session_invalid` or `api_key_invalid` for what is not good.
    pub(crate) fn claims(self) -> Result<Option<Claims>, ApiError> {
        match self {
            Self::Nobody | Self::Key(_) | Self::Shop => Ok(None),
            Self::InvalidKey => Err(api_key_invalid()),
            Self::Session(claims) => Ok(Some(claims)),
            Self::Expired(_) | Self::Ended(_) | Self::Invalid => Err(session_invalid()),
        }
    }
}

impl FromRequestParts<Shop> for Principal {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _shop: &Shop) -> Result<Self, Self::Rejection> {
        Ok(Self::in_extensions(&parts.extensions))
    }
}

/// The token or the API key of this shop in `Authorization: Bearer` (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && (tokens::is_token(token) || api_keys::is_api_key(token))).then_some(token)
}

/// Refuses a token without saying what is wrong with it.
pub(crate) fn session_invalid() -> ApiError {
    let detail =
        "The session has ended, or its token has expired. Renew it, POST /v1/sessions/renew, or sign in again.";
    ApiError::new(ErrorCode::SessionInvalid, detail)
}

/// Refuses an API key without saying what is wrong with it.
fn api_key_invalid() -> ApiError {
    let detail =
        "The API key is unknown, was revoked, or has expired. An operator makes another one: POST /v1/api-keys.";
    ApiError::new(ErrorCode::ApiKeyInvalid, detail)
}

/// Asks for a session.
pub(crate) fn session_required() -> ApiError {
    let detail = "Sign in first, POST /v1/sessions, and send the token as Authorization: Bearer TOKEN.";
    ApiError::new(ErrorCode::SessionRequired, detail)
}

/// Refuses a guest where only an account will do.
pub(crate) fn account_required() -> ApiError {
    let detail = "This needs an account. Register, POST /v1/customers, with the token of the guest, whose orders come along; or sign in, POST /v1/sessions.";
    ApiError::new(ErrorCode::AccountRequired, detail)
}

/// The session of a request that needs one, of an account or of a guest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnySession(pub(crate) Claims);

impl FromRequestParts<Shop> for AnySession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _shop: &Shop) -> Result<Self, ApiError> {
        Principal::in_extensions(&parts.extensions).claims()?.map(Self).ok_or_else(session_required)
    }
}

/// The session of a request that needs an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedIn(pub(crate) Claims);

impl FromRequestParts<Shop> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        let AnySession(claims) = AnySession::from_request_parts(parts, shop).await?;
        match claims.kind {
            SessionKind::Account => Ok(Self(claims)),
            SessionKind::Guest => Err(account_required()),
        }
    }
}

/// The guest who registers, if it is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registering {
    pub(crate) guest: Option<Claims>,
    /// Whether the guest's session is over. The registration ends it, so that it is over in each repeat of the request.
    pub(crate) is_over: bool,
}

impl FromRequestParts<Shop> for Registering {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _shop: &Shop) -> Result<Self, Self::Rejection> {
        Ok(match Principal::in_extensions(&parts.extensions) {
            Principal::Session(claims) if claims.kind == SessionKind::Guest => {
                Self { guest: Some(claims), is_over: false }
            }
            Principal::Ended(claims) | Principal::Expired(claims) if claims.kind == SessionKind::Guest => {
                // The request is the guest's, so that what is kept of the first one answers it.
                parts.extensions.insert(Principal::Session(claims));
                Self { guest: Some(claims), is_over: true }
            }
            Principal::Nobody
            | Principal::Session(_)
            | Principal::Expired(_)
            | Principal::Ended(_)
            | Principal::Invalid
            | Principal::Key(_)
            | Principal::InvalidKey
            | Principal::Shop => Self { guest: None, is_over: false },
        })
    }
}

/// The session of a request whose token may have expired.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renewing(pub(crate) Claims);

impl FromRequestParts<Shop> for Renewing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _shop: &Shop) -> Result<Self, ApiError> {
        let principal = accept_expired(&mut parts.extensions);
        principal.claims()?.map(Self).ok_or_else(session_required)
    }
}

/// Lets an expired token count for this request, also for what is read of it later.
fn accept_expired(extensions: &mut Extensions) -> Principal {
    let principal = match Principal::in_extensions(extensions) {
        Principal::Expired(claims) => Principal::Session(claims),
        other @ (Principal::Nobody
        | Principal::Session(_)
        | Principal::Ended(_)
        | Principal::Invalid
        | Principal::Key(_)
        | Principal::InvalidKey
        | Principal::Shop) => other,
    };
    extensions.insert(principal);
    principal
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;
    use storefront_api::{ApiKeyId, ApiKeySecret, SessionId, Timestamp};
    use storefront_domain::api_key::{ApiKeyEvent, NewApiKey};
    use uuid::Uuid;

    use super::*;
    use crate::http::identity::Caller;
    use crate::testing::almost;

    const API_KEY: &str = "sk1_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";

    /// Somebody's identity with a token and [`API_KEY`], which are good.
    fn identity() -> (Identity, String) {
        let identity = Identity::for_tests();
        let claims = Claims {
            session_id: SessionId(Uuid::from_u128(1)),
            customer_id: CustomerId(Uuid::from_u128(2)),
            kind: SessionKind::Account,
            role: Role::Operator,
            must_change_password: false,
            expires_at: Timestamp::from_unix_ms(clock::now().unix_ms() + 3_600_000),
        };
        let hash = api_keys::hash(&ApiKeySecret(API_KEY.to_owned()).0);
        let (id, name) = (ApiKeyId(Uuid::from_u128(3)), "Till".to_owned());
        let key = NewApiKey { id, name, scopes: vec![Scope::Operate], hash, expires_at: None };
        identity.api_keys.apply(&ApiKeyEvent::Created(key));
        let token = tokens::sign(&identity.keys, &claims);
        (identity, token)
    }

    /// The header with `value`, which may have any bytes; `None` for one that HTTP does not allow.
    fn principal(identity: &Identity, values: &[Vec<u8>]) -> Option<Principal> {
        let values = values.iter().map(|value| HeaderValue::from_bytes(value).ok());
        let values = values.collect::<Option<Vec<_>>>()?;
        let headers = values.into_iter().map(|value| (header::AUTHORIZATION, value)).collect();
        Some(Principal::of(identity, &headers))
    }

    fn is_let_in(principal: Principal) -> bool {
        matches!(principal, Principal::Session(_) | Principal::Key(_))
    }

    proptest! {
        #[test]
        fn whatever_authorization_says_nobody_is_let_in_but_with_a_token_or_a_key_that_was_issued(
            sent in prop_oneof![almost("Bearer TOKEN"), almost("bearer KEY"), almost("TOKEN, Bearer KEY")],
        ) {
            let (identity, token) = identity();
            let text = String::from_utf8_lossy(&sent).replace("TOKEN", &token).replace("KEY", API_KEY);
            let Some(principal) = principal(&identity, &[text.clone().into_bytes()]) else { return Ok(()) };
            let given = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let is_issued = given.is_some_and(|(_, given)| [token.as_str(), API_KEY].contains(&given.trim_matches([' ', '\t'])));
            prop_assert_eq!(is_let_in(principal), is_issued, "{}", text);
        }

        #[test]
        fn a_token_or_a_key_that_was_changed_lets_nobody_in(changed in almost(API_KEY), edits in 0..256_usize, byte: u8) {
            let (identity, token) = identity();
            let mut other = token.clone().into_bytes();
            let at = edits % other.len();
            other[at] = byte;
            for (sent, good) in [(changed, API_KEY.as_bytes()), (other, token.as_bytes())] {
                let value = [b"Bearer ".as_slice(), &sent].concat();
                let Some(principal) = principal(&identity, &[value]) else { continue };
                let is_issued = sent.trim_ascii() == good;
                prop_assert_eq!(is_let_in(principal), is_issued, "{}", String::from_utf8_lossy(&sent));
            }
        }
    }

    #[test]
    fn a_good_token_beside_another_value_lets_nobody_in() {
        let (identity, token) = identity();
        let bearer = |text: &str| format!("Bearer {text}").into_bytes();
        assert!(is_let_in(principal(&identity, &[bearer(&token)]).unwrap()));
        assert!(is_let_in(principal(&identity, &[bearer(API_KEY)]).unwrap()));
        for other in [bearer(&token), bearer(API_KEY), b"Basic eDp5".to_vec(), Vec::new()] {
            assert!(!is_let_in(principal(&identity, &[bearer(&token), other.clone()]).unwrap()));
            assert!(!is_let_in(principal(&identity, &[other, bearer(&token)]).unwrap()));
        }
    }

    #[test]
    fn a_request_that_renews_an_expired_token_is_one_of_its_customer() {
        let customer_id = CustomerId(Uuid::from_u128(7));
        let claims = Claims {
            session_id: SessionId(Uuid::from_u128(8)),
            customer_id,
            kind: SessionKind::Account,
            role: Role::Customer,
            must_change_password: false,
            expires_at: Timestamp::from_unix_ms(0),
        };
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        parts.extensions.insert(Principal::Expired(claims));
        assert!(Caller::of(&parts, true).is_err(), "an expired token does not count elsewhere");
        assert_eq!(accept_expired(&mut parts.extensions), Principal::Session(claims));
        let caller = Caller::of(&parts, true).unwrap();
        assert_eq!(caller, Caller::Customer(customer_id));
        assert_eq!(caller.scope_and_actor(&parts, true).unwrap().0, format!("customer:{customer_id}"));
        for over in [Principal::Invalid, Principal::Ended(claims)] {
            parts.extensions.insert(over);
            assert_eq!(accept_expired(&mut parts.extensions), over);
        }
    }
}
