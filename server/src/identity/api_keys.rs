//! The API keys that are good: `sk1_` and 256 random bits in base64url. They follow the log, so a key is verified without a
//! look into a database, and one that was revoked on another server is refused on this one too.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use storefront_api::{ApiKeyId, ApiKeySecret, Scope, Timestamp};
use storefront_domain::api_key::{ApiKeyEvent, KeyHash, NewApiKey};

use super::signing_keys::hex;
use crate::random;

const PREFIX: &str = "sk1_";
/// Number of characters of a key: the prefix, and 32 bytes in base64url.
const KEY_BYTES: usize = 4 + 43;
/// The last use is kept to the minute.
const USE_INTERVAL_MS: i64 = 60_000;

/// Whether a text is meant to be an API key.
pub(crate) fn is_api_key(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// A new random key.
pub(crate) fn random_key() -> ApiKeySecret {
    ApiKeySecret(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::secret::<32>())))
}

/// What is kept of a key.
pub(crate) fn hash(key: &str) -> KeyHash {
    KeyHash(hex(&Sha256::digest(key)))
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scopes {
    pub(crate) fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |set, scope| set | bit(*scope)))
    }

    /// Whether a scope, or the one that includes all, is among them.
    pub(crate) fn allow(self, scope: Scope) -> bool {
        self.0 & (bit(scope) | bit(Scope::Operate)) != 0
    }
}

const fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

/// A key that was recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ApiKeyClaims {
    pub(crate) id: ApiKeyId,
    pub(crate) scopes: Scopes,
    expires_at: Option<Timestamp>,
}

impl ApiKeyClaims {
    fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// The keys of the shop. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ApiKeys(Arc<RwLock<KeyTable>>);

#[derive(Debug, Default)]
struct KeyTable {
    keys: HashMap<KeyHash, KeyEntry>,
    /// An event that is read later than another one must not bring a key back.
    revoked: HashSet<ApiKeyId>,
}

#[derive(Debug)]
struct KeyEntry {
    claims: ApiKeyClaims,
    /// The last use in milliseconds since 1970; 0 before the first one.
    last_used_ms: AtomicI64,
}

impl ApiKeys {
    /// Takes an event of the log. One that is known already changes nothing.
    pub(crate) fn apply(&self, event: &ApiKeyEvent) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            ApiKeyEvent::Created(NewApiKey { id, .. }) if table.revoked.contains(id) => {}
            ApiKeyEvent::Created(NewApiKey { id, name: _, scopes, hash, expires_at }) => {
                let claims = ApiKeyClaims { id: *id, scopes: Scopes::of(scopes), expires_at: *expires_at };
                table.keys.entry(hash.clone()).or_insert(KeyEntry { claims, last_used_ms: AtomicI64::new(0) });
            }
            ApiKeyEvent::Revoked { id } => {
                table.revoked.insert(*id);
                table.keys.retain(|_, key| key.claims.id != *id);
            }
        }
    }

    /// Returns what a key is good for, and notes its use; `None` for one that is unknown, revoked or expired.
    pub(crate) fn verify(&self, key: &str, now: Timestamp) -> Option<ApiKeyClaims> {
        if key.len() != KEY_BYTES {
            return None;
        }
        let table = self.read();
        let key = table.keys.get(&hash(key)).filter(|key| !key.claims.is_expired(now))?;
        if now.unix_ms() - key.last_used_ms.load(Ordering::Relaxed) >= USE_INTERVAL_MS {
            key.last_used_ms.store(now.unix_ms() / USE_INTERVAL_MS * USE_INTERVAL_MS, Ordering::Relaxed);
        }
        Some(key.claims)
    }

    /// Whether a key that was good still is.
    pub(crate) fn is_still_good(&self, claims: &ApiKeyClaims, now: Timestamp) -> bool {
        !claims.is_expired(now) && !self.read().revoked.contains(&claims.id)
    }

    /// The last use of a key on this server since its start, to the minute.
    pub(crate) fn last_used_at(&self, hash: &KeyHash) -> Option<Timestamp> {
        let table = self.read();
        let last_used_ms = table.keys.get(hash)?.last_used_ms.load(Ordering::Relaxed);
        (last_used_ms > 0).then(|| Timestamp::from_unix_ms(last_used_ms))
    }

    fn read(&self) -> RwLockReadGuard<'_, KeyTable> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::testing::almost;

    const SAMPLE: &str = "sk1_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";

    proptest! {
        #[test]
        fn whatever_is_sent_in_place_of_a_key_is_good_only_when_it_is_the_key(sent in almost(SAMPLE)) {
            let keys = ApiKeys::default();
            keys.apply(&created(&ApiKeySecret(SAMPLE.to_owned()), None));
            let sent = String::from_utf8_lossy(&sent);
            let is_good = keys.verify(&sent, Timestamp::from_unix_ms(0)).is_some();
            prop_assert_eq!(is_good, sent == SAMPLE, "{}", sent);
        }
    }

    fn created(key: &ApiKeySecret, expires_at: Option<Timestamp>) -> ApiKeyEvent {
        ApiKeyEvent::Created(NewApiKey {
            id: ApiKeyId(Uuid::from_u128(7)),
            name: "Till".to_owned(),
            scopes: vec![Scope::StockWrite],
            hash: hash(&key.0),
            expires_at,
        })
    }

    #[test]
    fn a_key_is_good_until_it_expires_or_is_revoked_and_never_again() {
        let (keys, key, at) = (ApiKeys::default(), random_key(), Timestamp::from_unix_ms);
        assert_eq!((key.0.len(), is_api_key(&key.0)), (KEY_BYTES, true));
        assert_eq!(keys.verify(&key.0, at(0)), None, "not made yet");
        let event = created(&key, Some(at(1000)));
        keys.apply(&event);
        let claims = keys.verify(&key.0, at(999)).unwrap();
        assert!(claims.scopes.allow(Scope::StockWrite) && !claims.scopes.allow(Scope::OrdersRead));
        assert!(keys.is_still_good(&claims, at(999)) && !keys.is_still_good(&claims, at(1000)));
        assert_eq!(keys.verify(&key.0, at(1000)), None, "expired");
        assert_eq!(keys.verify(&random_key().0, at(0)), None);
        keys.apply(&ApiKeyEvent::Revoked { id: claims.id });
        assert_eq!(keys.verify(&key.0, at(0)), None, "revoked");
        assert!(!keys.is_still_good(&claims, at(0)));
        keys.apply(&event);
        assert_eq!(keys.verify(&key.0, at(0)), None, "an old event does not bring it back");
    }

    #[test]
    fn one_scope_includes_all_and_the_others_themselves_alone() {
        for given in Scope::ALL {
            for wanted in Scope::ALL {
                let expected = given == wanted || given == Scope::Operate;
                assert_eq!(Scopes::of(&[given]).allow(wanted), expected, "{given:?} {wanted:?}");
                assert!(!Scopes::default().allow(wanted));
            }
        }
    }

    #[test]
    fn the_last_use_is_kept_to_the_minute() {
        let (keys, key) = (ApiKeys::default(), random_key());
        keys.apply(&created(&key, None));
        assert_eq!(keys.last_used_at(&hash(&key.0)), None);
        for (now_ms, expected_ms) in [(61_000, 60_000), (119_999, 60_000), (120_000, 120_000)] {
            keys.verify(&key.0, Timestamp::from_unix_ms(now_ms)).unwrap();
            assert_eq!(keys.last_used_at(&hash(&key.0)), Some(Timestamp::from_unix_ms(expected_ms)), "{now_ms}");
        }
    }
}
