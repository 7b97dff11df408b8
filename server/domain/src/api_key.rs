//! The API keys with which programs use the shop. All stand in one stream, so their number is limited under any concurrency.

use storefront_api::{ApiKeyId, Scope, Timestamp};

/// Maximum number of keys that are not revoked.
pub const MAX_API_KEYS: usize = 100;

/// The SHA-256 of a key in hexadecimal digits. A key has 256 random bits, so its hash needs neither salt nor work.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash(pub String);

/// A key to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApiKey {
    pub id: ApiKeyId,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub hash: KeyHash,
    pub expires_at: Option<Timestamp>,
}

/// An event of the keys; stream `api_key-list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKeyEvent {
    Created(NewApiKey),
    Revoked { id: ApiKeyId },
}

/// A command to the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKeyCommand {
    Create(NewApiKey),
    Revoke { id: ApiKeyId },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    #[error("there is no such API key")]
    NotFound,
    #[error("there are {MAX_API_KEYS} API keys already")]
    TooMany,
}

/// A key that was not revoked; it may have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub key: NewApiKey,
    pub created_at: Timestamp,
}

/// The keys that were not revoked, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeys(pub Vec<ApiKey>);

impl ApiKeys {
    /// The key with an id.
    pub fn find(&self, id: ApiKeyId) -> Option<&ApiKey> {
        self.0.iter().find(|known| known.key.id == id)
    }
}

/// The keys after an event that happened at a time. Takes history as it is.
pub fn evolve(mut keys: ApiKeys, event: &ApiKeyEvent, time: Timestamp) -> ApiKeys {
    match event {
        ApiKeyEvent::Created(key) => keys.0.push(ApiKey { key: key.clone(), created_at: time }),
        ApiKeyEvent::Revoked { id } => keys.0.retain(|known| known.key.id != *id),
    }
    keys
}

/// The events of a command.
///
/// # Errors
/// See [`ApiKeyError`].
pub fn decide(keys: &ApiKeys, command: ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
    match command {
        ApiKeyCommand::Create(_) if keys.0.len() >= MAX_API_KEYS => Err(ApiKeyError::TooMany),
        ApiKeyCommand::Create(key) => Ok(vec![ApiKeyEvent::Created(key)]),
        ApiKeyCommand::Revoke { id } if keys.find(id).is_some() => Ok(vec![ApiKeyEvent::Revoked { id }]),
        ApiKeyCommand::Revoke { .. } => Err(ApiKeyError::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(number: usize) -> NewApiKey {
        NewApiKey {
            id: ApiKeyId(Uuid::from_u128(number as u128)),
            name: "Till".to_owned(),
            scopes: vec![Scope::OrdersRead],
            hash: KeyHash("01".to_owned()),
            expires_at: None,
        }
    }

    #[test]
    fn a_key_is_revoked_once_and_there_are_no_more_than_the_limit() {
        let time = Timestamp::from_unix_ms(0);
        let mut keys = ApiKeys::default();
        for number in 0..MAX_API_KEYS {
            for event in decide(&keys, ApiKeyCommand::Create(key(number))).unwrap() {
                keys = evolve(keys, &event, time);
            }
        }
        assert_eq!(decide(&keys, ApiKeyCommand::Create(key(200))), Err(ApiKeyError::TooMany));
        let id = key(7).id;
        let revoked = ApiKeyEvent::Revoked { id };
        assert_eq!(decide(&keys, ApiKeyCommand::Revoke { id }), Ok(vec![revoked.clone()]));
        let keys = evolve(keys, &revoked, time);
        assert_eq!((keys.find(id), keys.0.len()), (None, MAX_API_KEYS - 1));
        assert_eq!(decide(&keys, ApiKeyCommand::Revoke { id }), Err(ApiKeyError::NotFound));
        assert!(decide(&keys, ApiKeyCommand::Create(key(200))).is_ok());
    }
}
