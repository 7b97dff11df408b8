//! The context and the outcome of an operation.

use axum::http::StatusCode;
use serde_json::Value;

use super::CardEntry;

/// The input of an operation besides the objects and the request.
#[derive(Clone, Debug)]
pub(crate) struct OperationContext {
    /// The time, in Unix seconds.
    pub(crate) now: i64,
    /// Whether the fault switch makes every card decline.
    pub(crate) decline_all: bool,
    /// The gateway's own base URL, for pages that the card's owner is sent to.
    pub(crate) base_url: String,
}

/// The outcome of an operation that was performed, also of a declined one.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    /// The objects that the operation created or changed.
    pub(crate) changed: CardEntry,
    /// Type and object of each webhook event, in order.
    pub(crate) events: Vec<(&'static str, Value)>,
}

impl Outcome {
    /// A success (200) with this body that changes nothing.
    pub(super) fn ok(body: Value) -> Outcome {
        Outcome { status: StatusCode::OK, body, changed: CardEntry::default(), events: Vec::new() }
    }
}
