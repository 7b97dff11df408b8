//! Keys with which callers encrypt parts of their events, so that those parts can be erased although events never change.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A key that is stored beside the log. The log does not use it: whoever encrypted something under it reads it again with
/// [`EventStore::data_keys`](crate::EventStore::data_keys), until it is erased.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey {
    /// What encrypted data names it by.
    pub id: Uuid,
    /// 256 random bits.
    pub secret: [u8; 32],
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key as a line of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    data_key: Uuid,
    /// As 64 hexadecimal digits.
    secret: String,
}

impl DataKey {
    /// Whether exports have it. One whose id is a UUID of version 4 stays in its log: it is a secret that is shown once, and
    /// whoever may read an export may not know it.
    pub fn is_exported(&self) -> bool {
        self.id.get_version_num() != 4
    }

    /// The key as a line of an export, with its end.
    pub(crate) fn to_line(&self) -> Result<Vec<u8>, serde_json::Error> {
        let secret = self.secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut line = serde_json::to_vec(&Line { data_key: self.id, secret })?;
        line.push(b'\n');
        Ok(line)
    }

    /// The key of a line; `None` when the line has none.
    pub(crate) fn from_line(line: &[u8]) -> Option<Self> {
        let Line { data_key, secret } = serde_json::from_slice(line).ok()?;
        let mut bytes = [0; 32];
        if secret.len() != 2 * bytes.len() || !secret.is_ascii() {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(secret.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self { id: data_key, secret: bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_line() {
        let key = DataKey { id: Uuid::from_u128(7), secret: std::array::from_fn(|index| index as u8 * 7) };
        let line = key.to_line().unwrap();
        assert_eq!(DataKey::from_line(&line), Some(key));
        assert_eq!(DataKey::from_line(b"{}"), None);
        let short = String::from_utf8(line).unwrap().replace("00", "");
        assert_eq!(DataKey::from_line(short.as_bytes()), None);
    }

    #[test]
    fn a_key_with_a_random_id_is_not_exported() {
        let is_exported = |id: &str| DataKey { id: id.parse().unwrap(), secret: [1; 32] }.is_exported();
        assert!(!is_exported("c0ffee00-0000-4000-8000-000000000001"));
        assert!(is_exported("0195500d-0000-7000-8000-000000000005"));
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = DataKey { id: Uuid::nil(), secret: [0xAB; 32] };
        let shown = format!("{key:?}");
        assert!(!shown.contains("171") && !shown.contains("ab"), "{shown}");
    }
}
