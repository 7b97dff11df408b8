//! Idempotency keys, with which a repeated POST has one effect.

use std::fmt;

use uuid::Uuid;

/// The idempotency key of one intended action, such as one press of "buy".
///
/// Create a new key for each action, and keep it until there is a definite response. A request that is repeated with the
/// same key, for example after a timeout, has one effect and gets the same response for at least 24 hours. The same key
/// with another body is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Creates a key: a random UUID (version 4).
    #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
    pub fn new() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// A stored key; `None` unless it is 1 to 255 visible ASCII characters.
    pub fn from_text(text: &str) -> Option<Self> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_new_key_is_another_and_can_be_kept_as_text() {
        let key = IdempotencyKey::new();
        assert_ne!(key, IdempotencyKey::new());
        assert_eq!(IdempotencyKey::from_text(&key.to_string()), Some(key));
    }

    #[test]
    fn a_kept_key_must_fit_a_header() {
        for text in ["", "two words", "new\nline", "schlüssel", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::from_text(text), None, "{text:?}");
        }
    }
}
