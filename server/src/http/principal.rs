//! Who sends a request, by its token. Made once for each request, in [`Interface`](super::interface::Interface).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};

use crate::clock;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::state::Shop;
use crate::identity::Identity;
use crate::identity::tokens::{self, Claims};

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// Nobody signed in.
    Nobody,
    /// Somebody with a session.
    Session(Claims),
    /// The token has expired. The session may live, and can be renewed then.
    Expired(Claims),
    /// The token is none of ours, or its session was ended.
    Invalid,
    /// The shop itself, such as a scenario of the lab; never a request from the network.
    Shop,
}

impl Principal {
    /// Reads the token of a request. What is no token of this shop, such as credentials for a proxy, is not looked at.
    pub(crate) fn of(identity: &Identity, headers: &HeaderMap) -> Self {
        let Some(token) = bearer(headers) else { return Self::Nobody };
        match identity.verify(token) {
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
            Self::Nobody | Self::Expired(_) | Self::Invalid | Self::Shop => true,
        }
    }

    /// The claims of somebody with a session; `None` for nobody.
    ///
    /// # Errors
    /// `session_invalid` for a token that is not good.
    pub(crate) fn claims(self) -> Result<Option<Claims>, ApiError> {
        match self {
            Self::Nobody | Self::Shop => Ok(None),
            Self::Session(claims) => Ok(Some(claims)),
            Self::Expired(_) | Self::Invalid => Err(session_invalid()),
        }
    }
}

impl FromRequestParts<Shop> for Principal {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _shop: &Shop) -> Result<Self, Self::Rejection> {
        Ok(Self::in_extensions(&parts.extensions))
    }
}

/// The token of this shop in `Authorization: Bearer` (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && tokens::is_token(token)).then_some(token)
}

/// Refuses a token without saying what is wrong with it.
pub(crate) fn session_invalid() -> ApiError {
    let detail =
        "The session has ended, or its token has expired. Renew it, POST /v1/sessions/renew, or sign in again.";
    ApiError::new(ErrorCode::SessionInvalid, detail)
}

/// Asks for a session.
pub(crate) fn session_required() -> ApiError {
    let detail = "Sign in first, POST /v1/sessions, and send the token as Authorization: Bearer TOKEN.";
    ApiError::new(ErrorCode::SessionRequired, detail)
}

/// The session of a request that needs one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedIn(pub(crate) Claims);

impl FromRequestParts<Shop> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _shop: &Shop) -> Result<Self, ApiError> {
        Principal::in_extensions(&parts.extensions).claims()?.map(Self).ok_or_else(session_required)
    }
}

/// The session of a request whose token may have expired.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renewing(pub(crate) Claims);

impl FromRequestParts<Shop> for Renewing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        match Principal::in_extensions(&parts.extensions) {
            Principal::Expired(claims) => Ok(Self(claims)),
            Principal::Nobody | Principal::Session(_) | Principal::Invalid | Principal::Shop => {
                SignedIn::from_request_parts(parts, shop).await.map(|SignedIn(claims)| Self(claims))
            }
        }
    }
}
