//! The keys that sign tokens, and their file.
//!
//! The file has one key a line, `ID SECRET` in hexadecimal digits, and at most two: the first signs, and both verify. To rotate,
//! put a new key first and keep the one of before until its tokens have expired.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::random;

/// Number of keys that are good at once.
const MAX_KEYS: usize = 2;

/// The id of a key, which tokens name.
pub(crate) type KeyId = [u8; 4];

/// The keys of the shop, the signing one first. `Debug` shows no key.
#[derive(Clone)]
pub(crate) struct SigningKeys(Vec<SigningKey>);

#[derive(Clone)]
struct SigningKey {
    id: KeyId,
    secret: [u8; 32],
    /// The code of nothing yet, so that the secret is hashed once and not for each token.
    mac: Hmac<Sha256>,
}

impl SigningKey {
    #[expect(clippy::expect_used, reason = "a key of any length is allowed")]
    fn new(id: KeyId, secret: [u8; 32]) -> Self {
        Self { id, secret, mac: Hmac::<Sha256>::new_from_slice(&secret).expect("HMAC takes any key") }
    }

    fn code(&self, message: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(message)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({} …)", self.0.len())
    }
}

/// Why the file of the keys cannot be used. No text contains a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error("cannot use the key file {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the key file {} can be read by others: chmod 600 it, or delete it, which ends every session", .0.display())]
    Exposed(PathBuf),
    #[error("the key file {} is none: it has one or two lines of 8 and 64 hexadecimal digits", .0.display())]
    Malformed(PathBuf),
}

impl SigningKeys {
    /// A new key, known to this server alone and forgotten with it.
    pub(crate) fn random() -> Self {
        Self(vec![SigningKey::new(random::secret(), random::secret())])
    }

    /// Reads the keys of a file; makes the file, for its owner alone, when it is not there.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub(crate) fn of_file(path: &Path) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io { path: path.to_owned(), source };
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let mode = std::fs::metadata(path).map_err(io)?.permissions().mode();
                if mode & 0o077 != 0 {
                    return Err(KeyFileError::Exposed(path.to_owned()));
                }
                parse(&text).ok_or_else(|| KeyFileError::Malformed(path.to_owned()))
            }
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => {
                let keys = Self::random();
                match write_new(path, &keys.to_text()) {
                    Ok(()) => Ok(keys),
                    // Another server was faster.
                    Err(failure) if failure.kind() == io::ErrorKind::AlreadyExists => Self::of_file(path),
                    Err(failure) => Err(io(failure)),
                }
            }
            Err(failure) => Err(io(failure)),
        }
    }

    /// The id of the key that signs.
    pub(crate) fn signing_id(&self) -> KeyId {
        self.0.first().map_or([0; 4], |key| key.id)
    }

    /// The code of a message (HMAC-SHA-256, RFC 2104) under the key that signs.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 32] {
        self.0.first().map_or([0; 32], |key| key.code(message).finalize().into_bytes().into())
    }

    /// Whether a key has signed a message; compares in constant time.
    pub(crate) fn has_signed(&self, id: KeyId, message: &[u8], code: &[u8]) -> bool {
        let key = self.0.iter().find(|key| key.id == id);
        key.is_some_and(|key| key.code(message).verify_slice(code).is_ok())
    }

    fn to_text(&self) -> String {
        let line = |key: &SigningKey| format!("{} {}\n", hex(&key.id), hex(&key.secret));
        self.0.iter().map(line).collect()
    }
}

fn parse(text: &str) -> Option<SigningKeys> {
    let line = |line: &str| {
        let (id, secret) = line.split_once(' ')?;
        Some(SigningKey::new(bytes(id)?, bytes(secret.trim_end())?))
    };
    let keys: Vec<SigningKey> = text.lines().map(line).collect::<Option<_>>()?;
    let differ = keys.iter().enumerate().all(|(at, key)| keys[..at].iter().all(|other| other.id != key.id));
    (differ && (1..=MAX_KEYS).contains(&keys.len())).then_some(SigningKeys(keys))
}

/// Hexadecimal digits of bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Parses exactly `N` bytes of hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Writes a file that is not there yet, for its owner alone. It is whole or not there.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!("-{}", hex(&random::secret::<8>())));
    let draft = PathBuf::from(draft);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Unlike a renaming, a link never replaces the file of another server.
        std::fs::hard_link(&draft, path)
    })();
    // What cannot be removed has a key that nothing uses.
    let _ = std::fs::remove_file(&draft);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.db-keys");
        let keys = SigningKeys::of_file(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(SigningKeys::of_file(&path).unwrap().to_text(), keys.to_text());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(SigningKeys::of_file(&path), Err(KeyFileError::Exposed(_))));
    }

    #[test]
    fn after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies() {
        let old = SigningKeys::random();
        let code = old.sign(b"message");
        let new = parse(&(SigningKeys::random().to_text() + &old.to_text())).unwrap();
        assert_ne!(new.signing_id(), old.signing_id());
        assert!(new.has_signed(old.signing_id(), b"message", &code));
        assert!(!new.has_signed(new.signing_id(), b"message", &code));
        assert!(!new.has_signed(old.signing_id(), b"another", &code));
        assert!(!SigningKeys::random().has_signed(old.signing_id(), b"message", &code));
    }

    #[test]
    fn a_file_that_is_no_key_file_is_refused() {
        let key = || SigningKeys::random().to_text();
        let one = key();
        for wrong in ["", "\n", "00 11", &one.replace(' ', ""), &format!("{one}{one}"), &(key() + &key() + &key())] {
            assert!(parse(wrong).is_none(), "{wrong:?}");
        }
        assert!(parse(&one.to_uppercase()).is_some());
    }

    #[test]
    fn no_output_shows_a_key() {
        let keys = SigningKeys::random();
        let shown = format!("{keys:?}");
        assert!(!shown.contains(keys.to_text().trim()) && shown.len() < 24, "{shown}");
    }
}
