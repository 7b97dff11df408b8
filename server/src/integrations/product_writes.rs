//! Operators' writes to the product service.
//!
//! A write is sent once and never repeated here: the caller repeats it under the same key, by which the service recognizes it.
//! A refusal keeps the service's text.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Instant;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use storefront_api::ProductId;

use super::product_service::{ProductService, ServiceError};
use super::transport;
use crate::integrations::circuit_breaker::Permission;

/// Maximum length of a key that services take.
const MAX_KEY_BYTES: usize = 255;

/// A write to the product service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProductWrite {
    /// Creates a category with a name.
    CreateCategory(String),
    /// Creates a product, in the service's JSON.
    Create(Value),
    /// Changes some fields of a product, in the service's JSON. Absent fields stay, so it is idempotent.
    Change(ProductId, Value),
    /// Sets a product's picture, a PNG.
    SetPicture(ProductId, Vec<u8>),
    /// Removes a product's picture.
    RemovePicture(ProductId),
}

/// Why a write was not made, or may not have been made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteError {
    /// The service did not answer; it may have made the change nevertheless.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The product does not exist.
    #[error("the product service has no such product")]
    Unknown,
    /// The category does not exist.
    #[error("{0}")]
    UnknownCategory(String),
    /// The id, SKU or name is in use.
    #[error("{0}")]
    Taken(String),
    /// A value is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// The key was used for another request.
    #[error("{0}")]
    KeyReused(String),
    /// The service does not accept such changes; simpler ones do not.
    #[error("the product service takes no changes of this kind")]
    Unsupported,
}

impl ProductService {
    /// Sends a write under a key, in one attempt; returns the product that it concerns.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub(crate) async fn write(&self, write: &ProductWrite, key: &str) -> Result<Option<ProductId>, WriteError> {
        if let Permission::Denied { retry_in } = self.breaker().permission(Instant::now()) {
            return Err(ServiceError::Resting { retry_in }.into());
        }
        let sent = self.send(write, key).await;
        match &sent {
            Err(WriteError::Service(ServiceError::Unavailable { .. })) => self.breaker().record_failure(Instant::now()),
            Ok(_) | Err(_) => self.breaker().record_success(),
        }
        sent
    }

    async fn send(&self, write: &ProductWrite, key: &str) -> Result<Option<ProductId>, WriteError> {
        let unavailable = |detail| WriteError::Service(ServiceError::Unavailable { detail });
        let key = key_for_service(key);
        let request = self.request(write).header("idempotency-key", key.as_ref()).timeout(self.limits.answer);
        let response = request.send().await.map_err(|error| unavailable(transport::describe(&error)))?;
        let status = response.status();
        if status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) {
            return Err(unavailable(format!("status {}", status.as_u16())));
        }
        let body = transport::read_body(response, self.limits.json_bytes)
            .await
            .map_err(|error| unavailable(error.to_string()))?;
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

/// Maps a refusal of the service. Services may not send `error` and `detail`; then the status decides.
fn refusal(write: &ProductWrite, status: StatusCode, body: &[u8]) -> WriteError {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct ErrorBody {
        error: String,
        detail: String,
    }
    let error_body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let detail = || match error_body.detail.trim() {
        "" => format!("The product service refuses it with status {}.", status.as_u16()),
        detail => storefront_api::text::cleaned(detail, false).chars().take(500).collect(),
    };
    let creates = matches!(write, ProductWrite::Create(_) | ProductWrite::CreateCategory(_));
    match (status, error_body.error.as_str()) {
        (_, "unknown_category") => WriteError::UnknownCategory(detail()),
        (_, "key_reused") => WriteError::KeyReused(detail()),
        (StatusCode::CONFLICT, _) => WriteError::Taken(detail()),
        (StatusCode::NOT_FOUND, _) if !creates => WriteError::Unknown,
        (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => WriteError::Unsupported,
        _ => WriteError::Invalid(detail()),
    }
}

/// The key as the service takes it: visible ASCII of at most [`MAX_KEY_BYTES`]. The keys of the shop begin with who acts; those that
/// are too long, or have a name in another script, are sent as their SHA-256.
fn key_for_service(key: &str) -> Cow<'_, str> {
    if key.len() <= MAX_KEY_BYTES && key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Cow::Borrowed(key);
    }
    let mut digest = String::new();
    for byte in Sha256::digest(key) {
        let _ = write!(digest, "{byte:02x}");
    }
    Cow::Owned(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_shop_is_sent_as_one_that_services_take() {
        for as_it_is in ["customer/1:a-key".to_owned(), "actor/Pair 3:a-key".to_owned(), "k".repeat(255)] {
            assert_eq!(key_for_service(&as_it_is), as_it_is);
        }
        let long = format!("customer/1:{}", "k".repeat(255));
        let sent = key_for_service(&long).into_owned();
        assert_eq!((sent.len(), key_for_service(&long).as_ref()), (64, sent.as_str()));
        assert_ne!(sent, key_for_service(&format!("{long}k")));
        assert_eq!(key_for_service("actor/\u{8336}:a-key").len(), 64);
    }
}
