//! Requests that name themselves, so that a repeat creates nothing further and gets the same answer.

use serde::{Deserialize, Serialize};

use super::Product;

/// The name of a request, and what it asks.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) key: String,
    /// Where it went and what it said.
    pub(super) request: String,
}

/// What was created under a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    Product { request: String, product: Box<Product> },
    Category { request: String, name: String },
}

impl Kept {
    pub(super) fn request(&self) -> &String {
        match self {
            Kept::Product { request, .. } | Kept::Category { request, .. } => request,
        }
    }
}
