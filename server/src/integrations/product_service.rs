//! The client of the product service, another team's system that owns names, descriptions, prices and pictures.
//!
//! Reads are repeated: up to three attempts with backoff, behind a circuit breaker. What to show while the service is
//! down is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use storefront_api::{Currency, ProductId, VatRate};
use storefront_domain::product::ProductFacts;
use tracing::{info, warn};

use super::product_json::{self, Defaults};
use super::transport::{self, BadAddress, BodyError, Endpoint};
use crate::backoff::Backoff;
use crate::integrations::circuit_breaker::{CircuitBreaker, Permission};

/// Limits of time, size and retries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) answer: Duration,
    pub(super) json_bytes: usize,
    picture_bytes: usize,
    attempts: u32,
    pauses: Backoff,
    failures_to_open: u32,
    rest: Duration,
}

const LIMITS: Limits = Limits {
    answer: Duration::from_secs(3),
    // A list of 100,000 products.
    json_bytes: 64 * 1024 * 1024,
    picture_bytes: 1024 * 1024,
    attempts: 3,
    pauses: Backoff::new(Duration::from_millis(200), Duration::from_secs(1)),
    failures_to_open: 5,
    rest: Duration::from_secs(5),
};

/// Maximum number of issues about products without an id.
const MAX_WITHOUT_ID: usize = 100;
/// Signature of a PNG (PNG specification, section 5.2).
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A client of the product service.
#[derive(Debug)]
pub(crate) struct ProductService {
    pub(super) endpoint: Endpoint,
    defaults: Defaults,
    pub(super) limits: Limits,
    breaker: Mutex<CircuitBreaker>,
    issues: Mutex<Issues>,
}

/// A product as the service describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenProduct {
    pub(crate) id: ProductId,
    pub(crate) facts: ProductFacts,
    /// Whether it can be bought.
    pub(crate) active: bool,
    /// The reason of a change, if the service gives one; `None` outside the feed of changes.
    pub(crate) reason: Option<String>,
    /// Whether the VAT rate comes from the service, not from the shop's default.
    pub(crate) has_own_vat_rate: bool,
}

/// All products of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Valid products, active or not.
    pub(crate) products: Vec<SeenProduct>,
    pub(crate) unreadable: Vec<Unreadable>,
}

/// A page of the service's feed of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The changes, oldest first.
    pub(crate) changes: Vec<Change>,
    /// Changes to invalid products.
    pub(crate) unreadable: Vec<Unreadable>,
    /// Position after which to continue; it includes unreadable changes.
    pub(crate) next_after: u64,
    /// The last position of the feed. When it is lower than the requested position, the feed was restarted, and the
    /// reader must start over.
    pub(crate) head: u64,
}

/// A change of one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Position in the service's feed.
    pub(crate) sequence: u64,
    /// The service's kind: `created`, `changed`, `repriced`, `withdrawn`, `relisted`, `picture_changed`.
    pub(crate) kind: String,
    pub(crate) product_id: ProductId,
    /// The product after the change; `None` for a removed one without valid fields.
    pub(crate) product: Option<SeenProduct>,
}

/// The service's answer about a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SeenPicture {
    /// The product has no picture.
    None,
    /// The picture has the known entity tag.
    Known,
    /// A picture other than the known one.
    New {
        png: Vec<u8>,
        /// Entity tag of the picture, if the service sends one.
        etag: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// The product's id, if it is readable.
    pub(crate) id: Option<ProductId>,
    /// Why it is not valid.
    pub(crate) reason: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "product {}: {}", id.foreign(), self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Problems with the product service's data, for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Issues {
    /// The reasons why products are unreadable.
    pub(crate) unreadable: BTreeMap<ProductId, String>,
    /// The reasons for unreadable products without an id, of the last list.
    pub(crate) without_id: Vec<String>,
    /// Products without a VAT rate, sold at the default rate.
    pub(crate) without_vat_rate: BTreeSet<ProductId>,
}

impl Issues {
    fn record_readable(&mut self, product: &SeenProduct) {
        self.unreadable.remove(&product.id);
        if product.has_own_vat_rate || !product.active {
            self.without_vat_rate.remove(&product.id);
        } else {
            self.without_vat_rate.insert(product.id.clone());
        }
    }

    fn record_unreadable(&mut self, unreadable: &Unreadable) {
        match &unreadable.id {
            Some(id) => drop(self.unreadable.insert(id.clone(), unreadable.reason.clone())),
            None if self.without_id.len() < MAX_WITHOUT_ID => self.without_id.push(unreadable.reason.clone()),
            None => {}
        }
    }
}

/// Why a request to the product service failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServiceError {
    /// No attempt was answered, or only with server errors.
    #[error("the product service cannot be reached: {detail}")]
    Unavailable {
        /// The failure of the last attempt.
        detail: String,
    },
    /// The circuit breaker denied the call after repeated failures.
    #[error("the product service keeps failing and is asked again in {} ms", retry_in.as_millis())]
    Resting {
        /// Time until the next probe.
        retry_in: Duration,
    },
    /// The answer is not valid.
    #[error("the product service's answer cannot be read: {detail}")]
    Unreadable {
        /// Why it is not valid.
        detail: String,
    },
    /// The service has no feed of changes: list its products instead.
    #[error("the product service has no feed of changes")]
    ChangesUnsupported,
}

impl ServiceError {
    fn unreadable(detail: impl Into<String>) -> Self {
        Self::Unreadable { detail: detail.into() }
    }
}

/// A complete response, with a status of success or of 3xx or 4xx.
struct ServiceResponse {
    status: StatusCode,
    etag: Option<String>,
    body: Vec<u8>,
}

/// The failure of one attempt.
enum Failure {
    /// The service is unreachable or overloaded; a retry may help.
    Retryable(String),
    /// The answer is not valid; a retry does not help.
    Unreadable(String),
}

/// A GET request to the service.
struct ServiceRequest<'a> {
    path: &'a [&'a str],
    changes: Option<ChangesQuery>,
    attempts: u32,
    limit_bytes: usize,
    /// Known entity tag, for `If-None-Match`.
    known: Option<&'a str>,
}

#[derive(Clone, Copy)]
struct ChangesQuery {
    after: u64,
    wait_seconds: u32,
}

impl ProductService {
    /// Creates a client for an address, with the shop's currency and the VAT rate of products without one; sends
    /// nothing.
    ///
    /// # Errors
    /// When the address is not valid.
    pub(crate) fn new(base_url: &str, currency: Currency, vat_rate: Option<VatRate>) -> Result<Self, BadAddress> {
        Self::with_limits(base_url, Defaults { currency, vat_rate }, LIMITS)
    }

    pub(super) fn with_limits(base_url: &str, defaults: Defaults, limits: Limits) -> Result<Self, BadAddress> {
        let endpoint = Endpoint::new("the product service", base_url)?;
        let breaker = Mutex::new(CircuitBreaker::new(limits.failures_to_open, limits.rest));
        Ok(Self { endpoint, defaults, limits, breaker, issues: Mutex::default() })
    }

    /// Lists every product, active or not, and the unreadable ones.
    ///
    /// # Errors
    /// All methods: see [`ServiceError`].
    pub(crate) async fn list(&self) -> Result<Listing, ServiceError> {
        let body = self.success(self.fetch(&self.get_request(&["v1", "product"])).await?)?;
        let listing = product_json::parse_listing(&body, self.defaults).map_err(ServiceError::unreadable)?;
        let mut issues = Issues::default();
        listing.products.iter().for_each(|product| issues.record_readable(product));
        listing.unreadable.iter().for_each(|unreadable| issues.record_unreadable(unreadable));
        self.update_issues(issues);
        Ok(listing)
    }

    /// Lists the names of all categories; `None` when the service has no such list.
    pub(crate) async fn categories(&self) -> Result<Option<Vec<String>>, ServiceError> {
        let answer = self.fetch(&self.get_request(&["v1", "categories"])).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        product_json::parse_categories(&self.success(answer)?).map(Some).map_err(ServiceError::unreadable)
    }

    /// The one currency of the shop.
    pub(crate) fn currency(&self) -> Currency {
        self.defaults.currency
    }

    /// The VAT rate of products without one.
    pub(crate) fn default_vat_rate(&self) -> Option<VatRate> {
        self.defaults.vat_rate
    }

    /// The problems in the last answers of the service to this server.
    pub(crate) fn issues(&self) -> Issues {
        self.locked_issues().clone()
    }

    /// Reads one product; `None` when the service has no such product.
    pub(crate) async fn get(&self, id: &ProductId) -> Result<Option<SeenProduct>, ServiceError> {
        let answer = self.fetch(&self.get_request(&["v1", "product", &id.foreign()])).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body = self.success(answer)?;
        let product = self.read(&body)?;
        if product.id == *id {
            Ok(Some(product))
        } else {
            Err(ServiceError::unreadable(format!("asked for {id}, it answered {}", product.id)))
        }
    }

    /// Reads the changes after a position of the service's feed. The service waits up to `wait_seconds` for a change.
    /// Makes one attempt, as a caller that follows the feed calls again anyway.
    ///
    /// # Errors
    /// [`ServiceError::ChangesUnsupported`] when the service has no such feed; else see [`ServiceError`].
    pub(crate) async fn changes(&self, after: u64, wait_seconds: u32) -> Result<Changes, ServiceError> {
        let changes = Some(ChangesQuery { after, wait_seconds });
        let request = ServiceRequest { changes, attempts: 1, ..self.get_request(&["v1", "changes"]) };
        let answer = self.fetch(&request).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(ServiceError::ChangesUnsupported);
        }
        let body = self.success(answer)?;
        let changes = product_json::parse_changes(&body, self.defaults).map_err(ServiceError::unreadable)?;
        let mut issues = self.issues();
        changes.unreadable.iter().for_each(|unreadable| issues.record_unreadable(unreadable));
        for change in &changes.changes {
            match &change.product {
                Some(product) => issues.record_readable(product),
                None => drop(issues.unreadable.remove(&change.product_id)),
            }
        }
        self.update_issues(issues);
        Ok(changes)
    }

    /// Reads the picture of a product, a PNG of at most 1 MiB, unless it has the known entity tag.
    pub(crate) async fn picture(&self, id: &ProductId, known: Option<&str>) -> Result<SeenPicture, ServiceError> {
        let foreign = id.foreign();
        let path = ["v1", "product", foreign.as_str(), "picture"];
        let request = ServiceRequest { limit_bytes: self.limits.picture_bytes, known, ..self.get_request(&path) };
        let answer = self.fetch(&request).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(SeenPicture::None);
        }
        if answer.status == StatusCode::NOT_MODIFIED && known.is_some() {
            return Ok(SeenPicture::Known);
        }
        let etag = answer.etag.clone();
        let png = self.success(answer)?;
        if png.starts_with(PNG_SIGNATURE) {
            Ok(SeenPicture::New { png, etag })
        } else {
            Err(ServiceError::unreadable("it is not a PNG"))
        }
    }

    fn get_request<'a>(&self, path: &'a [&'a str]) -> ServiceRequest<'a> {
        let Limits { attempts, json_bytes, .. } = self.limits;
        ServiceRequest { path, changes: None, attempts, limit_bytes: json_bytes, known: None }
    }

    fn success(&self, answer: ServiceResponse) -> Result<Vec<u8>, ServiceError> {
        if answer.status.is_success() {
            Ok(answer.body)
        } else {
            Err(ServiceError::unreadable(format!("status {}", answer.status.as_u16())))
        }
    }

    /// Sends a request, with retries within the limits and as the circuit breaker permits.
    async fn fetch(&self, request: &ServiceRequest<'_>) -> Result<ServiceResponse, ServiceError> {
        let mut attempt = 1;
        loop {
            let probe = match self.breaker().permission(Instant::now()) {
                Permission::Granted => false,
                Permission::Probe => true,
                Permission::Denied { retry_in } => return Err(ServiceError::Resting { retry_in }),
            };
            let detail = match self.send_once(request, probe).await {
                Ok(answer) => {
                    self.breaker().record_success();
                    return Ok(answer);
                }
                Err(Failure::Unreadable(detail)) => {
                    self.breaker().record_success();
                    return Err(ServiceError::Unreadable { detail });
                }
                Err(Failure::Retryable(detail)) => detail,
            };
            self.breaker().record_failure(Instant::now());
            if probe || attempt >= request.attempts {
                return Err(ServiceError::Unavailable { detail });
            }
            tokio::time::sleep(self.limits.pauses.pause(attempt)).await;
            attempt += 1;
        }
    }

    async fn send_once(&self, request: &ServiceRequest<'_>, probe: bool) -> Result<ServiceResponse, Failure> {
        let mut url = self.endpoint.url(request.path);
        let mut limit = self.limits.answer;
        if let Some(ChangesQuery { after, wait_seconds }) = request.changes {
            // A probe does not wait for changes: other calls are denied until it ends.
            let wait_seconds = if probe { 0 } else { wait_seconds };
            limit += Duration::from_secs(wait_seconds.into());
            url.set_query(Some(&format!("after={after}&wait={wait_seconds}")));
        }
        let mut http_request = self.endpoint.http.get(url).timeout(limit);
        if let Some(known) = request.known {
            http_request = http_request.header(IF_NONE_MATCH, known);
        }
        let response = http_request.send().await.map_err(|error| Failure::Retryable(transport::describe(&error)))?;
        let status = response.status();
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        if busy || status.is_server_error() {
            return Err(Failure::Retryable(format!("status {}", status.as_u16())));
        }
        let body = transport::read_body(response, request.limit_bytes).await.map_err(|error| match error {
            BodyError::Lost(detail) => Failure::Retryable(detail),
            BodyError::TooLarge { .. } => Failure::Unreadable(error.to_string()),
        })?;
        Ok(ServiceResponse { status, etag, body })
    }

    /// Replaces the issues, and logs those that are new.
    fn update_issues(&self, issues: Issues) {
        let mut known = self.locked_issues();
        for (id, reason) in issues.unreadable.iter().filter(|(id, reason)| known.unreadable.get(*id) != Some(*reason)) {
            warn!(product = %id.foreign(), reason, "skipped an unreadable product of the product service");
        }
        if issues.without_id != known.without_id {
            warn!(
                count = issues.without_id.len(),
                reason = issues.without_id.first(),
                "skipped products without a readable id"
            );
        }
        let more = issues.without_vat_rate.difference(&known.without_vat_rate).count();
        if let (Some(rate), true) = (self.defaults.vat_rate, more > 0) {
            warn!(products = issues.without_vat_rate.len(), %rate, "products without a VAT rate are sold at the default rate");
        }
        if !known.unreadable.is_empty() && issues.unreadable.is_empty() {
            info!("every product of the product service is readable again");
        }
        *known = issues;
    }

    fn locked_issues(&self) -> MutexGuard<'_, Issues> {
        self.issues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self, json: &[u8]) -> Result<SeenProduct, ServiceError> {
        product_json::parse_product(json, self.defaults)
            .map_err(|unreadable| ServiceError::unreadable(unreadable.to_string()))
    }

    pub(super) fn breaker(&self) -> MutexGuard<'_, CircuitBreaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "product_service_tests.rs"]
mod tests;
