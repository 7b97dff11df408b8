//! The client of the card gateway, in the protocol that Stripe publishes (API reference, "PaymentIntents" and "Refunds"):
//! form-encoded requests, a secret key as bearer token, and an `Idempotency-Key` for everything that moves money. This file
//! has the client, its errors and paging; `card_intents`, `card_refunds` and `card_charges` have the operations.
//!
//! An intent is first created, which moves no money, and then confirmed in a second call. So its reference is known before
//! money can move, and it can be found or cancelled whichever response is lost.
//!
//! One call is one attempt. A payment succeeds or is declined only by a definite answer of the gateway; everything else is
//! [`GatewayError::Unknown`], to be retried under the same key. The gateway forgets a key after 24 hours at the earliest.
//! Only tokens are used here, never card numbers.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use storefront_api::Money;

use super::card_amounts;
use super::card_json::{ErrorObject, HasId, ListObject};
use super::transport::{self, BadAddress, Endpoint};

const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// Maximum number of objects per page at the gateway.
const PAGE_SIZE: &str = "100";

/// Maximum number of pages of refunds or disputes per payment.
const MAX_PAGES: u32 = 20;

/// A client of the card gateway.
pub(crate) struct CardGateway {
    endpoint: Endpoint,
    authorization: HeaderValue,
    timeout: Duration,
    /// URL to which the cardholder returns from the bank's page.
    pub(super) return_url: String,
}

/// A call without a usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GatewayError {
    /// The operation may or may not have happened: retry under the same key.
    #[error("the outcome is unknown: {detail}")]
    Unknown {
        /// The cause, for operators.
        detail: String,
    },
    /// The gateway's data contradicts the request, such as by another amount: a retry does not help, and nothing may be
    /// booked.
    #[error("{detail}")]
    Contradiction {
        /// The contradiction, for operators.
        detail: String,
    },
}

/// Invalid settings of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidGateway {
    /// The address is not valid.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// The key is not valid in a header.
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
    /// Creates a client; sends nothing. `timeout` limits one call; `return_url` is where the cardholder returns from the bank.
    ///
    /// # Errors
    /// When the address or the key is not valid.
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

    /// Fetches a page of objects of a kind, newest first: of one payment (`of`) or of all, starting after an id (`after`) or at
    /// the newest.
    pub(super) async fn fetch_page<T: DeserializeOwned>(
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

    /// Fetches all objects of a kind that belong to a payment, newest first.
    pub(super) async fn fetch_all<T: DeserializeOwned + HasId>(
        &self,
        kind: &str,
        of: &str,
    ) -> Result<Vec<T>, GatewayError> {
        let mut all: Vec<T> = Vec::new();
        for _ in 0..MAX_PAGES {
            let page: ListObject<T> = self.fetch_page(kind, Some(of), all.last().map(HasId::id)).await?;
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
        let response = request.send().await.map_err(|error| unknown(transport::describe(&error)))?;
        let status = response.status();
        let body =
            transport::read_body(response, BODY_LIMIT_BYTES).await.map_err(|error| unknown(error.to_string()))?;
        Ok(GatewayResponse { status, body })
    }
}

/// A complete response, with any status.
pub(super) struct GatewayResponse {
    pub(super) status: StatusCode,
    body: Vec<u8>,
}

impl GatewayResponse {
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, GatewayError> {
        serde_json::from_slice(&self.body).map_err(|error| unknown(format!("the answer cannot be read: {error}")))
    }

    /// Whether the idempotency key was used before with other parameters.
    pub(super) fn is_key_conflict(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
            && ErrorObject::read(&self.body).is_some_and(|error| error.is_key_conflict())
    }

    pub(super) fn success(self) -> Result<Self, GatewayError> {
        if self.status.is_success() { Ok(self) } else { Err(self.unknown()) }
    }

    /// Returns a definite refusal of the request. Not definite are statuses for a wrong secret key, a request with the same
    /// idempotency key in progress, or too many requests.
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
            // The gateway's message contains a part of the key, so it is not shown.
            let status = self.status.as_u16();
            return unknown(format!("the gateway does not accept our secret key (status {status}): check its setting"));
        }
        let status = self.status.as_u16();
        match ErrorObject::read(&self.body) {
            Some(error) => unknown(format!("status {status}, {}", error.describe())),
            None => unknown(format!("status {status}")),
        }
    }
}

/// Converts an amount to the gateway's units.
pub(super) fn to_gateway_units(amount: Money) -> Result<i64, GatewayError> {
    card_amounts::to_gateway_units(amount)
        .ok_or_else(|| GatewayError::Contradiction { detail: format!("the gateway cannot count {amount}") })
}

pub(super) fn unknown(detail: impl Into<String>) -> GatewayError {
    GatewayError::Unknown { detail: detail.into() }
}
