//! What operators change in the product service.
//!
//! A write is sent once and never repeated here: whoever asked repeats it, under the same key, by which the service knows
//! it again. A refusal keeps the service's own words.

use std::time::Instant;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use storefront_api::ProductId;

use super::product_service::{ProductService, ServiceError};
use super::transport;
use crate::integrations::circuit_breaker::Permission;

/// A change that an operator asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProductWrite {
    /// A category with a name.
    CreateCategory(String),
    /// A product, in the service's own words.
    Create(Value),
    /// Some fields of a product, in the service's own words. What is not said stays, so doing it twice does no harm.
    Change(ProductId, Value),
    /// A picture, as PNG.
    SetPicture(ProductId, Vec<u8>),
    /// No picture any more.
    RemovePicture(ProductId),
}

/// Why a change was not made, or may not have been made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteError {
    /// The service did not answer. It may have made the change all the same.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// It does not have the product.
    #[error("the product service has no such product")]
    Unknown,
    /// It does not have the category.
    #[error("{0}")]
    UnknownCategory(String),
    /// An id, SKU or name belongs to another.
    #[error("{0}")]
    Taken(String),
    /// A value makes no sense to it.
    #[error("{0}")]
    Invalid(String),
    /// It knows the key from another request.
    #[error("{0}")]
    KeyReused(String),
    /// It takes no changes, as simpler services do not.
    #[error("the product service takes no changes of this kind")]
    Unsupported,
}

impl ProductService {
    /// Sends a change under a key, in one attempt; answers which product it was about.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub(crate) async fn write(&self, write: &ProductWrite, key: &str) -> Result<Option<ProductId>, WriteError> {
        if let Permission::Denied { retry_in } = self.breaker().ask(Instant::now()) {
            return Err(ServiceError::Resting { retry_in }.into());
        }
        let sent = self.send(write, key).await;
        match &sent {
            Err(WriteError::Service(ServiceError::Unavailable { .. })) => self.breaker().failed(Instant::now()),
            Ok(_) | Err(_) => self.breaker().succeeded(),
        }
        sent
    }

    async fn send(&self, write: &ProductWrite, key: &str) -> Result<Option<ProductId>, WriteError> {
        let unwell = |detail| WriteError::Service(ServiceError::Unavailable { detail });
        let request = self.request(write).header("idempotency-key", key).timeout(self.limits.answer);
        let response = request.send().await.map_err(|error| unwell(transport::in_words(&error)))?;
        let status = response.status();
        if status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) {
            return Err(unwell(format!("status {}", status.as_u16())));
        }
        let body =
            transport::body(response, self.limits.json_bytes).await.map_err(|error| unwell(error.to_string()))?;
        if !status.is_success() {
            return Err(refusal(write, status, &body));
        }
        match write {
            ProductWrite::CreateCategory(_) => Ok(None),
            ProductWrite::Change(id, _) | ProductWrite::SetPicture(id, _) | ProductWrite::RemovePicture(id) => {
                Ok(Some(id.clone()))
            }
            ProductWrite::Create(_) => self.read(&body).map(|product| Some(product.id)).map_err(WriteError::Service),
        }
    }

    fn request(&self, write: &ProductWrite) -> reqwest::RequestBuilder {
        let to = |method: Method, path: &[&str]| self.endpoint.http.request(method, self.endpoint.url(path));
        let picture = |method, id: &ProductId| to(method, &["v1", "product", &id.foreign(), "picture"]);
        match write {
            ProductWrite::CreateCategory(name) => {
                to(Method::POST, &["v1", "categories"]).json(&serde_json::json!({ "name": name }))
            }
            ProductWrite::Create(product) => to(Method::POST, &["v1", "product"]).json(product),
            ProductWrite::Change(id, patch) => to(Method::PATCH, &["v1", "product", &id.foreign()]).json(patch),
            ProductWrite::SetPicture(id, png) => {
                picture(Method::PUT, id).header(CONTENT_TYPE, "image/png").body(png.clone())
            }
            ProductWrite::RemovePicture(id) => picture(Method::DELETE, id),
        }
    }
}

/// What the service says is wrong. Another service may use other words than `error` and `detail`; then its status tells.
fn refusal(write: &ProductWrite, status: StatusCode, body: &[u8]) -> WriteError {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Told {
        error: String,
        detail: String,
    }
    let told: Told = serde_json::from_slice(body).unwrap_or_default();
    let detail = || match told.detail.trim() {
        "" => format!("The product service refuses it with status {}.", status.as_u16()),
        detail => storefront_api::text::cleaned(detail, false).chars().take(500).collect(),
    };
    let creates = matches!(write, ProductWrite::Create(_) | ProductWrite::CreateCategory(_));
    match (status, told.error.as_str()) {
        (_, "unknown_category") => WriteError::UnknownCategory(detail()),
        (_, "key_reused") => WriteError::KeyReused(detail()),
        (StatusCode::CONFLICT, _) => WriteError::Taken(detail()),
        (StatusCode::NOT_FOUND, _) if !creates => WriteError::Unknown,
        (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => WriteError::Unsupported,
        _ => WriteError::Invalid(detail()),
    }
}
