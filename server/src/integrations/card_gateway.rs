//! The card gateway, in the PaymentIntents shape that Stripe publishes (API reference, "PaymentIntents" and "Refunds"):
//! form-encoded requests, a secret key as bearer token, and an `Idempotency-Key` for everything that moves money.
//!
//! An intent is created first, which moves no money, and confirmed in a second call: so its name is known before any money
//! can move, and whatever answer is lost, it can be looked up or cancelled.
//!
//! One call is one attempt. Only the gateway's own word makes a payment succeeded or declined; whatever else happens is
//! [`GatewayError::Unknown`], to be asked again under the same key. The gateway forgets a key after 24 hours at the
//! earliest. Card numbers never come here, only tokens.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use storefront_api::Money;

use super::card_amounts;
use super::card_json::{ErrorObject, ListObject, Listed};
use super::transport::{self, BadAddress, Endpoint};

const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// The most that the gateway lists in one answer.
const PAGE_SIZE: &str = "100";

/// A payment has no more pages of refunds or disputes than this.
const MAX_PAGES: u32 = 20;

/// A client of the card gateway.
pub(crate) struct CardGateway {
    endpoint: Endpoint,
    authorization: HeaderValue,
    timeout: Duration,
    /// The page to which a card's owner comes back from the bank.
    pub(super) return_url: String,
}

/// The gateway gave no definite answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GatewayError {
    /// It may or may not have happened: ask again under the same key.
    #[error("the outcome is unknown: {detail}")]
    Unknown {
        /// What went wrong, for an operator.
        detail: String,
    },
    /// What the gateway has contradicts what it was asked for, such as by another amount: asking again does not help, and
    /// nothing may be booked.
    #[error("{detail}")]
    Contradiction {
        /// What is wrong, for an operator.
        detail: String,
    },
}

/// A gateway that cannot be worked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidGateway {
    /// Its address makes no sense.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// Its key cannot stand in a header.
    #[error("the card gateway's secret key has characters that no key has")]
    Key,
}

impl fmt::Debug for CardGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardGateway")
            .field("endpoint", &self.endpoint)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl CardGateway {
    /// The gateway at an address, our secret key there, how long one call may take, and the page to which a card's owner
    /// comes back from the bank. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address makes no sense or the key cannot stand in a header.
    pub(crate) fn new(
        base_url: &str,
        secret_key: &str,
        timeout: Duration,
        return_url: &str,
    ) -> Result<Self, InvalidGateway> {
        let endpoint = Endpoint::new("the card gateway", base_url)?;
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", secret_key.trim())).map_err(|_| InvalidGateway::Key)?;
        authorization.set_sensitive(true);
        Ok(Self { endpoint, authorization, timeout, return_url: return_url.to_owned() })
    }

    /// A page of the objects of a kind, newest first: of one payment or of all, after one of them or from the newest on.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        kind: &str,
        of: Option<&str>,
        after: Option<&str>,
    ) -> Result<ListObject<T>, GatewayError> {
        let mut url = self.endpoint.url(&["v1", kind]);
        for (name, value) in [("payment_intent", of), ("limit", Some(PAGE_SIZE)), ("starting_after", after)] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.send(self.endpoint.http.request(Method::GET, url)).await?.success()?.read()
    }

    /// All objects of a kind that belong to a payment, newest first, page by page.
    pub(super) async fn list<T: DeserializeOwned + Listed>(
        &self,
        kind: &str,
        of: &str,
    ) -> Result<Vec<T>, GatewayError> {
        let mut all: Vec<T> = Vec::new();
        for _ in 0..MAX_PAGES {
            let page: ListObject<T> = self.page(kind, Some(of), all.last().map(Listed::id)).await?;
            let is_last = !page.has_more || page.data.is_empty();
            all.extend(page.data);
            if is_last {
                return Ok(all);
            }
        }
        Err(unknown(format!("the gateway lists more {kind} of {of} than can be")))
    }

    pub(super) async fn post(
        &self,
        path: &[&str],
        form: &[(&str, String)],
        key: Option<&str>,
    ) -> Result<GatewayResponse, GatewayError> {
        let mut request = self.endpoint.http.request(Method::POST, self.endpoint.url(path)).form(form);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request).await
    }

    pub(super) async fn get(&self, path: &[&str]) -> Result<GatewayResponse, GatewayError> {
        self.send(self.endpoint.http.request(Method::GET, self.endpoint.url(path))).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<GatewayResponse, GatewayError> {
        let request = request.header(AUTHORIZATION, self.authorization.clone()).timeout(self.timeout);
        let response = request.send().await.map_err(|error| unknown(transport::in_words(&error)))?;
        let status = response.status();
        let body = transport::body(response, BODY_LIMIT_BYTES).await.map_err(|error| unknown(error.to_string()))?;
        Ok(GatewayResponse { status, body })
    }
}

/// One answer, whatever its status.
pub(super) struct GatewayResponse {
    pub(super) status: StatusCode,
    body: Vec<u8>,
}

impl GatewayResponse {
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, GatewayError> {
        serde_json::from_slice(&self.body).map_err(|error| unknown(format!("the answer cannot be read: {error}")))
    }

    /// Whether the key was used before, with other parameters.
    pub(super) fn is_about_key(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
            && ErrorObject::read(&self.body).is_some_and(|error| error.is_about_key())
    }

    pub(super) fn success(self) -> Result<Self, GatewayError> {
        if self.status.is_success() { Ok(self) } else { Err(self.unknown()) }
    }

    /// A definite refusal of what was asked. Not one of the statuses that say "not like this" or "not now": wrong key,
    /// same key still at work, too many requests.
    pub(super) fn refusal(&self) -> Option<ErrorObject> {
        let definite = matches!(
            self.status,
            StatusCode::BAD_REQUEST
                | StatusCode::PAYMENT_REQUIRED
                | StatusCode::NOT_FOUND
                | StatusCode::UNPROCESSABLE_ENTITY
        );
        let error = ErrorObject::read(&self.body).filter(|_| definite)?;
        (error.is_card_error() || error.is_invalid_request()).then_some(error)
    }

    pub(super) fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.refusal().is_some()
    }

    pub(super) fn unknown(&self) -> GatewayError {
        if matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            // The gateway's message repeats a part of the key, so it is not passed on.
            let status = self.status.as_u16();
            return unknown(format!("the gateway does not accept our secret key (status {status}): check its setting"));
        }
        let status = self.status.as_u16();
        match ErrorObject::read(&self.body) {
            Some(error) => unknown(format!("status {status}, {}", error.in_words())),
            None => unknown(format!("status {status}")),
        }
    }
}

/// An amount as the gateway counts it.
pub(super) fn at_gateway(amount: Money) -> Result<i64, GatewayError> {
    card_amounts::at_gateway(amount)
        .ok_or_else(|| GatewayError::Contradiction { detail: format!("the gateway cannot count {amount}") })
}

pub(super) fn unknown(detail: impl Into<String>) -> GatewayError {
    GatewayError::Unknown { detail: detail.into() }
}
