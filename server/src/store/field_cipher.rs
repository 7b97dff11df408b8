//! Encrypts single texts of events: ChaCha20-Poly1305 (RFC 8439), a random nonce for each.
//!
//! An encrypted text is `enc1:` and, in base64url, the id of the key (16 bytes), the nonce (12), the text, and the code (16). The
//! code also covers the event's id and the place of the text in it, so a text that is moved elsewhere is not read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use storefront_eventlog::{DataKey, EventId};
use uuid::Uuid;

use crate::random;

const PREFIX: &str = "enc1:";
const KEY_ID_LEN: usize = 16;

/// How an encrypted text begins in JSON.
pub(super) const MARK: &str = "\"enc1:";

/// Returns a text, encrypted; `place` is its JSON pointer in the event's data.
pub(super) fn encrypt(text: &str, key: &DataKey, event_id: EventId, place: &str) -> Option<String> {
    let nonce: [u8; NONCE_LEN] = random::secret();
    let mut sealed = text.as_bytes().to_vec();
    let context = Aad::from(context(event_id, place));
    cipher(&key.secret)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), context, &mut sealed).ok()?;
    let bytes = [key.id.as_bytes().as_slice(), &nonce, &sealed].concat();
    Some(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// An encrypted text with the id of its key.
pub(super) struct Encrypted {
    pub(super) key_id: Uuid,
    /// Nonce, text and code.
    rest: Vec<u8>,
}

impl Encrypted {
    /// `None` for a text that is not encrypted.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        if bytes.len() < KEY_ID_LEN + NONCE_LEN + CHACHA20_POLY1305.tag_len() {
            return None;
        }
        let rest = bytes.split_off(KEY_ID_LEN);
        Some(Self { key_id: Uuid::from_slice(&bytes).ok()?, rest })
    }

    /// The text; `None` when it was encrypted under another key, or at another place.
    pub(super) fn decrypt(mut self, secret: &[u8; 32], event_id: EventId, place: &str) -> Option<String> {
        let nonce = Nonce::try_assume_unique_for_key(self.rest.get(..NONCE_LEN)?).ok()?;
        let context = Aad::from(context(event_id, place));
        let text = cipher(secret)?.open_within(nonce, context, &mut self.rest, NONCE_LEN..).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

fn cipher(secret: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, secret).ok().map(LessSafeKey::new)
}

fn context(event_id: EventId, place: &str) -> Vec<u8> {
    [event_id.as_bytes().as_slice(), place.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DataKey {
        DataKey { id: Uuid::from_u128(5), secret: [8; 32] }
    }

    #[test]
    fn a_text_comes_back_at_its_place_in_its_event_and_under_its_key_alone() {
        let event = Uuid::from_u128(1);
        let read = |text: &str, secret: [u8; 32], event, place| {
            Encrypted::parse(text).and_then(|encrypted| encrypted.decrypt(&secret, event, place))
        };
        for text in ["", "Ada", "Długa ulica 1 \u{1F9E6}"] {
            let sealed = encrypt(text, &key(), event, "/name").unwrap();
            assert_eq!(Encrypted::parse(&sealed).unwrap().key_id, key().id);
            assert_eq!(read(&sealed, key().secret, event, "/name").as_deref(), Some(text));
            assert_eq!(read(&sealed, [9; 32], event, "/name"), None);
            assert_eq!(read(&sealed, key().secret, event, "/email"), None);
            assert_eq!(read(&sealed, key().secret, Uuid::from_u128(2), "/name"), None);
            assert_ne!(encrypt(text, &key(), event, "/name").unwrap(), sealed, "the nonce differs");
        }
    }

    #[test]
    fn what_is_not_encrypted_is_recognised() {
        for text in ["", "Ada", "enc1:", "enc1:short", "enc1:not base64 at all, however long it is, is it", "enc2:AAAA"]
        {
            assert!(Encrypted::parse(text).is_none(), "{text}");
        }
    }
}
