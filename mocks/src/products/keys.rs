//! Idempotency keys of the product service: a repeated request creates nothing and gets the same response.

use serde::{Deserialize, Serialize};

use super::Product;

/// A request's idempotency key and fingerprint.
#[derive(Clone, Debug)]
pub(super) struct KeyedRequest {
    pub(super) key: String,
    /// Path and body of the request.
    pub(super) request: String,
}

/// The result of a request with an idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CreatedObject {
    Product { request: String, product: Box<Product> },
    Category { request: String, name: String },
}

impl CreatedObject {
    pub(super) fn request(&self) -> &String {
        match self {
            CreatedObject::Product { request, .. } | CreatedObject::Category { request, .. } => request,
        }
    }
}
