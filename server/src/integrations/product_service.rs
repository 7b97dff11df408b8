//! The product service: another team's system that owns names, descriptions, prices and pictures.
//!
//! Reading is safe to repeat, so it is: three attempts with pauses, and a circuit breaker in front of them. What to show
//! while the service is away is not decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use storefront_api::{Currency, ProductId, VatRate};
use storefront_domain::product::Facts;
use tracing::{info, warn};

use super::product_json::{self, Defaults};
use super::transport::{self, BadAddress, BodyError, Endpoint};
use crate::backoff::Backoff;
use crate::integrations::circuit_breaker::{CircuitBreaker, Permission};

/// How long, how much and how often, at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) answer: Duration,
    pub(super) json_bytes: usize,
    picture_bytes: usize,
    attempts: u32,
    pauses: Backoff,
    failures_to_rest: u32,
    rest: Duration,
}

const LIMITS: Limits = Limits {
    answer: Duration::from_secs(3),
    // A list of 100,000 products.
    json_bytes: 64 * 1024 * 1024,
    picture_bytes: 1024 * 1024,
    attempts: 3,
    pauses: Backoff::new(Duration::from_millis(200), Duration::from_secs(1)),
    failures_to_rest: 5,
    rest: Duration::from_secs(5),
};

/// So many products without an id are told of, at most.
const MAX_NAMELESS: usize = 100;
/// What every PNG begins with (PNG specification, section 5.2).
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

/// A product as the service describes it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenProduct {
    /// Its id.
    pub(crate) id: ProductId,
    /// What there is to know of it.
    pub(crate) facts: Facts,
    /// Whether it can be bought.
    pub(crate) active: bool,
    /// Why it changed, where the service says so; only in a change.
    pub(crate) reason: Option<String>,
    /// Whether its rate of VAT is the service's and not the shop's default.
    pub(crate) has_own_vat_rate: bool,
}

/// The products that the service has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Those that make sense, active or not.
    pub(crate) products: Vec<SeenProduct>,
    /// Those that are there and make no sense.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// What changed after a position of the service's own feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The changes, oldest first.
    pub(crate) changes: Vec<Change>,
    /// The products that changed to something that makes no sense.
    pub(crate) unreadable: Vec<Unreadable>,
    /// Where to read on, also past what was left out.
    pub(crate) next_after: u64,
    /// The last position of the feed. Lower than what was asked for: the feed began anew, and so should the reader.
    pub(crate) head: u64,
}

/// One change of one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its position in the service's feed.
    pub(crate) sequence: u64,
    /// The service's word for it: `created`, `changed`, `repriced`, `withdrawn`, `relisted`, `picture_changed`.
    pub(crate) kind: String,
    /// Which product.
    pub(crate) product_id: ProductId,
    /// The product after it; `None` for one that is gone.
    pub(crate) product: Option<SeenProduct>,
}

/// What the service says of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SeenPicture {
    /// There is none.
    None,
    /// It is the one that is known.
    Known,
    /// It is this one.
    New {
        /// The picture.
        png: Vec<u8>,
        /// By which to know it again, if the service gives such a thing.
        etag: Option<String>,
    },
}

/// A product that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Its id, where that at least can be read.
    pub(crate) id: Option<ProductId>,
    /// What is wrong.
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

/// What an operator should mend in the product service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Issues {
    /// What is wrong with products that make no sense.
    pub(crate) unreadable: BTreeMap<ProductId, String>,
    /// What is wrong with products of the last list that have no id.
    pub(crate) nameless: Vec<String>,
    /// Products that are sold at the default rate of VAT, because they have none of their own.
    pub(crate) without_vat_rate: BTreeSet<ProductId>,
}

impl Issues {
    fn saw(&mut self, product: &SeenProduct) {
        self.unreadable.remove(&product.id);
        if product.has_own_vat_rate || !product.active {
            self.without_vat_rate.remove(&product.id);
        } else {
            self.without_vat_rate.insert(product.id.clone());
        }
    }

    fn could_not_read(&mut self, unreadable: &Unreadable) {
        match &unreadable.id {
            Some(id) => drop(self.unreadable.insert(id.clone(), unreadable.reason.clone())),
            None if self.nameless.len() < MAX_NAMELESS => self.nameless.push(unreadable.reason.clone()),
            None => {}
        }
    }
}

/// Why the product service gave no answer to work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServiceError {
    /// It did not answer, or only with failures of its own.
    #[error("the product service cannot be reached: {detail}")]
    Unavailable {
        /// What went wrong at the last attempt.
        detail: String,
    },
    /// It was not asked, because it failed too often just now.
    #[error("the product service keeps failing and is asked again in {} ms", retry_in.as_millis())]
    Resting {
        /// When to come back.
        retry_in: Duration,
    },
    /// It answered something that makes no sense.
    #[error("the product service's answer cannot be read: {detail}")]
    Unreadable {
        /// What is wrong with it.
        detail: String,
    },
    /// It has no feed of changes: list its products instead.
    #[error("the product service has no feed of changes")]
    ChangesUnsupported,
}

impl ServiceError {
    fn unreadable(detail: impl Into<String>) -> Self {
        Self::Unreadable { detail: detail.into() }
    }
}

/// One answer: its status (a success, or a refusal of the 4xx kind) and its body.
struct ServiceResponse {
    status: StatusCode,
    etag: Option<String>,
    body: Vec<u8>,
}

/// How one attempt failed.
enum Failure {
    /// The service is not well; trying again may help.
    Unwell(String),
    /// The answer makes no sense; trying again does not help.
    Unreadable(String),
}

/// One question.
struct Question<'a> {
    path: &'a [&'a str],
    changes: Option<Since>,
    attempts: u32,
    limit_bytes: usize,
    /// The entity tag of what is known already.
    known: Option<&'a str>,
}

#[derive(Clone, Copy)]
struct Since {
    after: u64,
    wait_seconds: u32,
}

impl ProductService {
    /// The product service at an address, the one currency of the shop, and the VAT of products without a rate. Nothing is
    /// sent yet.
    ///
    /// # Errors
    /// When the address makes no sense.
    pub(crate) fn new(base_url: &str, currency: Currency, vat_rate: Option<VatRate>) -> Result<Self, BadAddress> {
        Self::with_limits(base_url, Defaults { currency, vat_rate }, LIMITS)
    }

    pub(super) fn with_limits(base_url: &str, defaults: Defaults, limits: Limits) -> Result<Self, BadAddress> {
        let endpoint = Endpoint::new("the product service", base_url)?;
        let breaker = Mutex::new(CircuitBreaker::new(limits.failures_to_rest, limits.rest));
        Ok(Self { endpoint, defaults, limits, breaker, issues: Mutex::default() })
    }

    /// Every product, active or not. What makes no sense is named.
    ///
    /// # Errors
    /// See [`ServiceError`]; so for every method.
    pub(crate) async fn list(&self) -> Result<Listing, ServiceError> {
        let body = self.success(self.ask(&self.question(&["v1", "product"])).await?)?;
        let listing = product_json::listing(&body, self.defaults).map_err(ServiceError::unreadable)?;
        let mut issues = Issues::default();
        listing.products.iter().for_each(|product| issues.saw(product));
        listing.unreadable.iter().for_each(|unreadable| issues.could_not_read(unreadable));
        self.note(issues);
        Ok(listing)
    }

    /// The names of all categories; `None` where the service tells none.
    pub(crate) async fn categories(&self) -> Result<Option<Vec<String>>, ServiceError> {
        let answer = self.ask(&self.question(&["v1", "categories"])).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        product_json::categories(&self.success(answer)?).map(Some).map_err(ServiceError::unreadable)
    }

    /// The one currency of the shop.
    pub(crate) fn currency(&self) -> Currency {
        self.defaults.currency
    }

    /// The VAT of products without a rate.
    pub(crate) fn default_vat_rate(&self) -> Option<VatRate> {
        self.defaults.vat_rate
    }

    /// What an operator should mend in the service, as of its last answers to this server.
    pub(crate) fn issues(&self) -> Issues {
        self.locked_issues().clone()
    }

    /// One product; `None` where the service has no such product.
    pub(crate) async fn get(&self, id: &ProductId) -> Result<Option<SeenProduct>, ServiceError> {
        let answer = self.ask(&self.question(&["v1", "product", &id.foreign()])).await?;
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

    /// What changed after a position of the service's feed; held back by the service until there is something, at most
    /// `wait_seconds`. Made in one attempt: who follows a feed comes back anyway.
    ///
    /// # Errors
    /// [`ServiceError::ChangesUnsupported`] where the service has no such feed; else see [`ServiceError`].
    pub(crate) async fn changes(&self, after: u64, wait_seconds: u32) -> Result<Changes, ServiceError> {
        let changes = Some(Since { after, wait_seconds });
        let question = Question { changes, attempts: 1, ..self.question(&["v1", "changes"]) };
        let answer = self.ask(&question).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(ServiceError::ChangesUnsupported);
        }
        let body = self.success(answer)?;
        let changes = product_json::changes(&body, self.defaults).map_err(ServiceError::unreadable)?;
        let mut issues = self.issues();
        changes.unreadable.iter().for_each(|unreadable| issues.could_not_read(unreadable));
        for change in &changes.changes {
            match &change.product {
                Some(product) => issues.saw(product),
                None => drop(issues.unreadable.remove(&change.product_id)),
            }
        }
        self.note(issues);
        Ok(changes)
    }

    /// The picture of a product, a PNG of at most 1 MiB, unless it is the one with the entity tag that is known.
    pub(crate) async fn picture(&self, id: &ProductId, known: Option<&str>) -> Result<SeenPicture, ServiceError> {
        let foreign = id.foreign();
        let path = ["v1", "product", foreign.as_str(), "picture"];
        let question = Question { limit_bytes: self.limits.picture_bytes, known, ..self.question(&path) };
        let answer = self.ask(&question).await?;
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

    fn question<'a>(&self, path: &'a [&'a str]) -> Question<'a> {
        let Limits { attempts, json_bytes, .. } = self.limits;
        Question { path, changes: None, attempts, limit_bytes: json_bytes, known: None }
    }

    fn success(&self, answer: ServiceResponse) -> Result<Vec<u8>, ServiceError> {
        if answer.status.is_success() {
            Ok(answer.body)
        } else {
            Err(ServiceError::unreadable(format!("status {}", answer.status.as_u16())))
        }
    }

    /// Asks until there is an answer, within the limits and as far as the breaker allows.
    async fn ask(&self, question: &Question<'_>) -> Result<ServiceResponse, ServiceError> {
        let mut attempt = 1;
        loop {
            let probe = match self.breaker().ask(Instant::now()) {
                Permission::Granted => false,
                Permission::Probe => true,
                Permission::Denied { retry_in } => return Err(ServiceError::Resting { retry_in }),
            };
            let detail = match self.once(question, probe).await {
                Ok(answer) => {
                    self.breaker().succeeded();
                    return Ok(answer);
                }
                Err(Failure::Unreadable(detail)) => {
                    self.breaker().succeeded();
                    return Err(ServiceError::Unreadable { detail });
                }
                Err(Failure::Unwell(detail)) => detail,
            };
            self.breaker().failed(Instant::now());
            if probe || attempt >= question.attempts {
                return Err(ServiceError::Unavailable { detail });
            }
            tokio::time::sleep(self.limits.pauses.pause(attempt)).await;
            attempt += 1;
        }
    }

    async fn once(&self, question: &Question<'_>, probe: bool) -> Result<ServiceResponse, Failure> {
        let mut url = self.endpoint.url(question.path);
        let mut limit = self.limits.answer;
        if let Some(Since { after, wait_seconds }) = question.changes {
            // Others wait for how a probe goes, so it does not wait for news.
            let wait_seconds = if probe { 0 } else { wait_seconds };
            limit += Duration::from_secs(wait_seconds.into());
            url.set_query(Some(&format!("after={after}&wait={wait_seconds}")));
        }
        let mut request = self.endpoint.http.get(url).timeout(limit);
        if let Some(known) = question.known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let response = request.send().await.map_err(|error| Failure::Unwell(transport::in_words(&error)))?;
        let status = response.status();
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        if busy || status.is_server_error() {
            return Err(Failure::Unwell(format!("status {}", status.as_u16())));
        }
        let body = transport::body(response, question.limit_bytes).await.map_err(|error| match error {
            BodyError::Lost(detail) => Failure::Unwell(detail),
            BodyError::TooLarge { .. } => Failure::Unreadable(error.to_string()),
        })?;
        Ok(ServiceResponse { status, etag, body })
    }

    /// Keeps what is to be mended, and tells in the program's log what is new in it.
    fn note(&self, issues: Issues) {
        let mut known = self.locked_issues();
        for (id, reason) in issues.unreadable.iter().filter(|(id, reason)| known.unreadable.get(*id) != Some(*reason)) {
            warn!(product = %id.foreign(), reason, "a product makes no sense and is not taken in");
        }
        if issues.nameless != known.nameless {
            warn!(
                count = issues.nameless.len(),
                reason = issues.nameless.first(),
                "products without an id are not taken in"
            );
        }
        let more = issues.without_vat_rate.difference(&known.without_vat_rate).count();
        if let (Some(rate), true) = (self.defaults.vat_rate, more > 0) {
            warn!(products = issues.without_vat_rate.len(), %rate, "products without a VAT rate are sold at the default rate");
        }
        if !known.unreadable.is_empty() && issues.unreadable.is_empty() {
            info!("every product of the product service makes sense again");
        }
        *known = issues;
    }

    fn locked_issues(&self) -> MutexGuard<'_, Issues> {
        self.issues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads one product.
    pub(super) fn read(&self, json: &[u8]) -> Result<SeenProduct, ServiceError> {
        product_json::product(json, self.defaults)
            .map_err(|unreadable| ServiceError::unreadable(unreadable.to_string()))
    }

    pub(super) fn breaker(&self) -> MutexGuard<'_, CircuitBreaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "product_service_tests.rs"]
mod tests;
