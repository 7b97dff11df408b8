//! The name under which a client sends a POST, so that repeating it has one effect.

use std::fmt;

use uuid::Uuid;

/// Names one intention of the shopper, such as one press of "buy".
///
/// Make a new key for each new intention and keep it until there is a definite answer. Sent again under the same key
/// (after a timeout, say), the request has one effect and gets the same answer, for at least 24 hours. Another body under
/// the same key is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// A fresh key: a random UUID (version 4).
    #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
    pub fn new() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// A key that was kept, for example over a restart; `None` unless it is 1 to 255 visible ASCII characters.
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
