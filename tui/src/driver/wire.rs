//! Conversions between the model's values and those of the HTTP client.

use storefront_client::{ClientError, IdempotencyKey};

use crate::plain;
use crate::state::Failure;

/// Converts a key of the model, a UUID, into a header value. Any other text is replaced by a new key.
pub(super) fn idempotency_key(key: &str) -> IdempotencyKey {
    IdempotencyKey::from_text(key).unwrap_or_else(IdempotencyKey::new)
}

/// Converts an error of the HTTP client into the model's failure.
pub(super) fn failure(error: ClientError) -> Failure {
    match error {
        ClientError::Problem(problem) => Failure::Refused(problem),
        ClientError::Unreachable(text) => Failure::Unreachable(plain::reason(&text)),
        ClientError::Unexpected(text) => Failure::Unexpected(text),
    }
}
