//! Passwords: which are allowed, and their hashes.
//!
//! Hashing takes time and memory on purpose. So it never runs on a thread that answers requests, few run at once, few wait,
//! and the others are refused.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use storefront_api::Password as PlainPassword;
use storefront_domain::customer::PasswordHash;
use tokio::sync::Semaphore;
use tracing::error;
use unicode_normalization::UnicodeNormalization as _;

use crate::random;

/// Number of characters (Unicode scalar values after NFC) of a password.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;
/// A password that is guessed within so many attempts is refused: it is one of the 3,000 most common, or as simple.
const COMMON_GUESSES: u64 = 3001;
/// No common password is longer; a longer one is not compared with them.
const LONGEST_COMMON: usize = 32;
/// Argon2id with what OWASP's Password Storage Cheat Sheet asks for: 19 MiB of memory, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How far hashing stands back behind other threads, from 0 (not) to 19: it still gets a tenth of a busy processor.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;
/// Number of hashings that wait at most.
const MAX_WAITING: usize = 64;
/// Words that belong to every shop of this kind, and are tried early.
const CONTEXT_WORDS: [&str; 4] = ["storefront", "operator", "customer", "shop"];
/// A hash of a random password that nobody knows; compared with where there is no account, so that it costs as much.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c3RvcmVmcm9udC1ub2JvZA$oJ0sF4fF1nV3yqW7xkZc1mB2hT9uLrD5eG6aQwXsYpE";

/// A password in its normal form, so that it is the same on every keyboard.
pub(crate) struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a password is not allowed for an account. The text follows the name of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPassword {
    #[error("must have 8 to 128 characters")]
    Length,
    #[error("is one of the passwords that are tried first; choose another, such as several words")]
    Common,
}

/// As many passwords are being hashed as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many people sign in at once")]
pub(crate) struct TooManyHashings;

impl Password {
    /// The password that somebody signs in with; not checked, since an account can have it already.
    pub(crate) fn given(plain: &PlainPassword) -> Self {
        Self(plain.0.nfc().collect())
    }

    /// A password for an account.
    ///
    /// # Errors
    /// When it is too short, too long or too common. There are no rules about kinds of characters.
    pub(crate) fn new(plain: &PlainPassword) -> Result<Self, BadPassword> {
        // Longer text is not normalized at all.
        if plain.0.len() > 16 * LENGTH.end() {
            return Err(BadPassword::Length);
        }
        let password = Self::given(plain);
        let length = password.0.chars().count();
        if !LENGTH.contains(&length) {
            return Err(BadPassword::Length);
        }
        if length <= LONGEST_COMMON && zxcvbn::zxcvbn(&password.0, &CONTEXT_WORDS).guesses() <= COMMON_GUESSES {
            return Err(BadPassword::Common);
        }
        Ok(password)
    }

    /// A random password of 20 letters and digits, about 100 bits.
    pub(crate) fn random() -> PlainPassword {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let letters = random::secret::<20>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let groups: Vec<String> = letters.chunks(5).map(|group| group.iter().collect()).collect();
        PlainPassword(groups.join("-"))
    }
}

/// Hashes passwords, a few at once. Clones share the limits.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    /// Room for those that are hashed and those that wait.
    places: Arc<Semaphore>,
    /// Turns to be hashed.
    turns: Arc<Semaphore>,
    hashings: Arc<AtomicU64>,
}

impl Default for Passwords {
    /// Half of the processors hash at once, at least one and at most four.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with_limits((processors / 2).clamp(1, 4), MAX_WAITING)
    }
}

impl Passwords {
    fn with_limits(at_once: usize, waiting: usize) -> Self {
        let places = Arc::new(Semaphore::new(at_once + waiting));
        Self { places, turns: Arc::new(Semaphore::new(at_once)), hashings: Arc::default() }
    }

    /// Number of hashings since the start; each costs the same.
    pub(crate) fn hashings(&self) -> u64 {
        self.hashings.load(Ordering::Relaxed)
    }

    /// The hash of a password with a new salt.
    ///
    /// # Errors
    /// When too many wait.
    pub(crate) async fn hash(&self, password: Password) -> Result<PasswordHash, TooManyHashings> {
        let salt = random::secret::<16>();
        let hash = move || argon2().hash_password_with_salt(password.0.as_bytes(), &salt).map(|hash| hash.to_string());
        let hash = self.off_the_async_threads(hash).await?;
        hash.map(PasswordHash).map_err(|failure| {
            error!(%failure, "cannot hash a password");
            TooManyHashings
        })
    }

    /// Whether a password has a hash. Without a hash it does not, and that costs as much.
    ///
    /// # Errors
    /// When too many wait.
    pub(crate) async fn matches(
        &self,
        password: Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, TooManyHashings> {
        let known = hash.is_some();
        let hash = hash.map_or_else(|| NOBODYS.to_owned(), |hash| hash.0.clone());
        let matches = move || argon2().verify_password(password.0.as_bytes(), hash.as_str()).is_ok();
        Ok(self.off_the_async_threads(matches).await? && known)
    }

    async fn off_the_async_threads<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TooManyHashings> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| TooManyHashings)?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| TooManyHashings)?;
        self.hashings.fetch_add(1, Ordering::Relaxed);
        // A caller that goes away does not end the work, so the work itself holds its place.
        let hashed = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            behind_the_others(work)
        });
        hashed.await.map_err(|failure| {
            error!(%failure, "cannot hash a password");
            TooManyHashings
        })
    }
}

/// Does work on a thread that yields the processor to all others, where the system can tell threads apart (Linux).
///
/// It is a thread of its own, because a thread may lower its priority but not raise it again. A panic goes on here.
fn behind_the_others<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            // On Linux this is the calling thread, elsewhere the whole process. Where it is not allowed, work is only slower.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::setpriority_process(None, NICENESS);
            work()
        });
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[expect(clippy::expect_used, reason = "the parameters are constants within the bounds of the library")]
fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("good parameters");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> PlainPassword {
        PlainPassword(text.to_owned())
    }

    fn refusal(text: &str) -> Option<BadPassword> {
        Password::new(&plain(text)).err()
    }

    #[test]
    fn a_password_has_8_to_128_characters_of_any_kind() {
        for good in ["pâté à l'eau", "       x", "王王王王王王王木", "nothing but small letters", &"ü".repeat(128)]
        {
            assert_eq!(refusal(good), None, "{good:?}");
        }
        for wrong in ["", "seven c", "王王王王王王王", &"x".repeat(129), &"x".repeat(3_000_000)] {
            assert_eq!(refusal(wrong), Some(BadPassword::Length), "{} characters", wrong.chars().count());
        }
        // Seven characters, one of them written as two scalar values.
        assert_eq!(refusal("abcdef u\u{308}".trim_start_matches("ab")), Some(BadPassword::Length));
    }

    #[test]
    fn the_most_common_passwords_are_refused() {
        for common in [
            "password",
            "12345678",
            "qwertyui",
            "11111111",
            "iloveyou",
            "trustno1",
            "baseball",
            "Password",
            "Storefront",
        ] {
            assert_eq!(refusal(common), Some(BadPassword::Common), "{common}");
        }
        assert_eq!(refusal("correct horse battery staple"), None);
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_the_recommended_parameters_and_matches_its_password_alone() {
        let passwords = Passwords::default();
        let hash = passwords.hash(Password::new(&plain("Träume süß")).unwrap()).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        let decomposed = Password::given(&plain("Tra\u{308}ume su\u{308}ß"));
        assert_eq!(passwords.matches(decomposed, Some(&hash)).await, Ok(true), "the same in another Unicode form");
        assert_eq!(passwords.matches(Password::given(&plain("traume suss")), Some(&hash)).await, Ok(false));
        let other = passwords.hash(Password::given(&plain("Träume süß"))).await.unwrap();
        assert_ne!(other, hash, "each has a salt of its own");
    }

    #[tokio::test]
    async fn where_there_is_no_account_as_much_is_hashed() {
        let passwords = Passwords::default();
        assert!(password_hash_is_readable(NOBODYS));
        assert_eq!(passwords.matches(Password::given(&plain("anything")), None).await, Ok(false));
        assert_eq!(passwords.hashings(), 1);
    }

    /// A hash that cannot be read would be refused without any work.
    fn password_hash_is_readable(text: &str) -> bool {
        let wrong_password = argon2().verify_password(b"no", text).unwrap_err();
        wrong_password == argon2::password_hash::Error::PasswordInvalid
    }

    #[tokio::test]
    async fn no_more_wait_than_there_is_room_for() {
        let passwords = Arc::new(Passwords::with_limits(1, 1));
        let hash = || {
            let passwords = passwords.clone();
            async move { passwords.hash(Password::given(&plain("one of many"))).await.is_ok() }
        };
        let outcomes = futures_util::future::join_all((0..5).map(|_| hash())).await;
        assert_eq!(outcomes.iter().filter(|done| **done).count(), 2, "{outcomes:?}");
        assert!(hash().await, "there is room again");
    }

    #[test]
    fn random_passwords_are_long_and_differ() {
        let [one, other] = [Password::random(), Password::random()];
        assert_eq!(one.0.len(), 23);
        assert_ne!(one, other);
        assert_eq!(refusal(&one.0), None);
    }
}
