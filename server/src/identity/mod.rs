//! Who signs in: passwords, the keys that sign tokens, the tokens, the sessions that were ended, and the API keys of programs.
//!
//! A token is verified without a look into a database: its signature, its expiry, and whether its session is among those that
//! were ended of late. Nothing here knows HTTP.

pub(crate) mod accounts;
pub(crate) mod api_keys;
pub(crate) mod ended_sessions;
pub(crate) mod log_follower;
pub(crate) mod passwords;
pub(crate) mod signing_keys;
pub(crate) mod tokens;

use self::api_keys::ApiKeys;
use self::ended_sessions::EndedSessions;
use self::passwords::Passwords;
use self::signing_keys::SigningKeys;
use self::tokens::Claims;

/// What the shop needs to recognize those who sign in.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) passwords: Passwords,
    pub(crate) keys: SigningKeys,
    pub(crate) ended: EndedSessions,
    pub(crate) api_keys: ApiKeys,
}

impl Identity {
    /// An identity with a key of its own.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            passwords: Passwords::default(),
            keys: SigningKeys::random(),
            ended: EndedSessions::default(),
            api_keys: ApiKeys::default(),
        }
    }

    /// The claims of a token that the shop has signed. It may have expired, and its session may have ended.
    pub(crate) fn verify(&self, token: &str) -> Option<Claims> {
        tokens::verify(&self.keys, token)
    }
}
