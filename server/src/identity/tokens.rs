//! Tokens of sessions: `st1.KEY.CLAIMS.CODE`, each part in base64url.
//!
//! `st1` is the version, which fixes the form and the signature (HMAC-SHA-256): nothing in a token chooses how it is verified.
//! The code signs all that stands before it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use storefront_api::{CustomerId, Role, SessionId, SessionKind, Timestamp};
use uuid::Uuid;

use super::signing_keys::SigningKeys;

/// For how long a token is good.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(60 * 60);
/// For how long a session can be renewed.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const VERSION: &str = "st1";
/// Number of bytes of the claims: two ids, a role, what limits the bearer, and a time.
const CLAIM_BYTES: usize = 16 + 16 + 1 + 1 + 8;
/// In the claims of a guest, who has no password, in place of whether it must be changed.
const GUEST: u8 = 2;
const CODE_BYTES: usize = 32;
/// No token is longer.
const MAX_TOKEN_BYTES: usize = 128;

/// What a token says of its bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) session_id: SessionId,
    pub(crate) customer_id: CustomerId,
    pub(crate) kind: SessionKind,
    pub(crate) role: Role,
    /// Whether the bearer may do nothing but change the password.
    pub(crate) must_change_password: bool,
    pub(crate) expires_at: Timestamp,
}

/// Whether a text is meant to be a token of this shop, of whatever version.
pub(crate) fn is_token(text: &str) -> bool {
    text.starts_with("st") && text.split('.').count() == 4
}

/// Returns the token with these claims, signed by the first of the keys.
pub(crate) fn sign(keys: &SigningKeys, claims: &Claims) -> String {
    let key = URL_SAFE_NO_PAD.encode(keys.signing_id());
    let signed = format!("{VERSION}.{key}.{}", URL_SAFE_NO_PAD.encode(claims.to_bytes()));
    let code = URL_SAFE_NO_PAD.encode(keys.sign(signed.as_bytes()));
    format!("{signed}.{code}")
}

/// The claims of a token that one of the keys has signed; they may have expired.
pub(crate) fn verify(keys: &SigningKeys, token: &str) -> Option<Claims> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (signed, code) = token.rsplit_once('.')?;
    let mut parts = signed.split('.');
    let (version, key, claims) = (parts.next()?, parts.next()?, parts.next()?);
    if version != VERSION || parts.next().is_some() {
        return None;
    }
    let key = decode(key)?;
    let code: [u8; CODE_BYTES] = decode(code)?;
    if !keys.has_signed(key, signed.as_bytes(), &code) {
        return None;
    }
    Claims::from_bytes(&decode(claims)?)
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

impl Claims {
    fn to_bytes(self) -> [u8; CLAIM_BYTES] {
        let role = match self.role {
            Role::Customer => 1,
            Role::Operator => 2,
        };
        let mut bytes = [0; CLAIM_BYTES];
        bytes[..16].copy_from_slice(self.session_id.0.as_bytes());
        bytes[16..32].copy_from_slice(self.customer_id.0.as_bytes());
        bytes[32] = role;
        bytes[33] = match self.kind {
            SessionKind::Account => u8::from(self.must_change_password),
            SessionKind::Guest => GUEST,
        };
        bytes[34..].copy_from_slice(&self.expires_at.unix_ms().to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; CLAIM_BYTES]) -> Option<Self> {
        let id = |from: usize| Uuid::from_slice(bytes.get(from..from + 16)?).ok();
        let (kind, must_change_password) = match bytes[33] {
            0 => (SessionKind::Account, false),
            1 => (SessionKind::Account, true),
            GUEST => (SessionKind::Guest, false),
            _ => return None,
        };
        Some(Self {
            session_id: SessionId(id(0)?),
            customer_id: CustomerId(id(16)?),
            role: match bytes[32] {
                1 => Role::Customer,
                2 => Role::Operator,
                _ => return None,
            },
            kind,
            must_change_password,
            expires_at: Timestamp::from_unix_ms(i64::from_be_bytes(bytes[34..].try_into().ok()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::almost;

    fn claims() -> Claims {
        Claims {
            session_id: SessionId(Uuid::from_u128(7)),
            customer_id: CustomerId(Uuid::from_u128(8)),
            kind: SessionKind::Account,
            role: Role::Customer,
            must_change_password: false,
            expires_at: Timestamp::from_unix_ms(1_767_225_600_123),
        }
    }

    /// The same keys at each call.
    fn fixed_keys() -> &'static SigningKeys {
        static KEYS: LazyLock<SigningKeys> = LazyLock::new(SigningKeys::random);
        &KEYS
    }

    /// A token that [`fixed_keys`] have signed.
    fn sample() -> String {
        sign(fixed_keys(), &claims())
    }

    #[test]
    fn a_token_is_read_by_the_keys_that_signed_it() {
        let keys = SigningKeys::random();
        for claims in [
            claims(),
            Claims { role: Role::Operator, must_change_password: true, ..claims() },
            Claims { kind: SessionKind::Guest, ..claims() },
            Claims { expires_at: Timestamp::from_unix_ms(-1), ..claims() },
        ] {
            let token = sign(&keys, &claims);
            assert!(is_token(&token) && token.len() <= MAX_TOKEN_BYTES, "{}", token.len());
            assert_eq!(verify(&keys, &token), Some(claims));
            assert_eq!(verify(&SigningKeys::random(), &token), None);
        }
    }

    #[test]
    fn the_claims_of_an_account_stand_as_they_did_before_there_were_guests() {
        let bytes = claims().to_bytes();
        assert_eq!(bytes[32..34], [1, 0]);
        assert_eq!(Claims { must_change_password: true, ..claims() }.to_bytes()[32..34], [1, 1]);
        assert_eq!(Claims::from_bytes(&bytes), Some(claims()));
    }

    #[test]
    fn a_token_with_a_changed_byte_is_refused_wherever_it_is() {
        let keys = SigningKeys::random();
        let token = sign(&keys, &claims());
        for at in 0..token.len() {
            for other in [b'A', b'B', b'.', b'-', b'=', b'~'] {
                let mut bytes = token.clone().into_bytes();
                if bytes[at] == other {
                    continue;
                }
                bytes[at] = other;
                let changed = String::from_utf8(bytes).unwrap();
                assert_eq!(verify(&keys, &changed), None, "{at} as {}", char::from(other));
            }
        }
        for wrong in [&token[1..], &token[..token.len() - 1], &format!("{token}A"), &format!("{token}."), "", "..."] {
            assert_eq!(verify(&keys, wrong), None, "{} bytes", wrong.len());
        }
    }

    #[test]
    fn a_token_of_another_version_is_refused_though_its_code_is_right() {
        let keys = SigningKeys::random();
        let key = URL_SAFE_NO_PAD.encode(keys.signing_id());
        for version in ["st0", "st2", "none", ""] {
            let signed = format!("{version}.{key}.{}", URL_SAFE_NO_PAD.encode(claims().to_bytes()));
            let code = URL_SAFE_NO_PAD.encode(keys.sign(signed.as_bytes()));
            assert_eq!(verify(&keys, &format!("{signed}.{code}")), None, "{version}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_and_none_ends_the_server(text in "[st12.A-Za-z0-9_=-]{0,200}", other in "\\PC*") {
            let keys = SigningKeys::random();
            prop_assert_eq!(verify(&keys, &text), None);
            prop_assert_eq!(verify(&keys, &other), None);
        }

        #[test]
        fn whatever_is_sent_in_place_of_a_token_is_good_only_when_it_is_the_token(sent in almost(&sample())) {
            let sent = String::from_utf8_lossy(&sent);
            let expected = (sent == sample()).then(claims);
            prop_assert_eq!(verify(fixed_keys(), &sent), expected, "{}", sent);
        }
    }
}
