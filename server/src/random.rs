//! Ids and random numbers: the only module that draws them.
//!
//! All functions go through the [`RandomSource`] of the current thread. It is [`SystemRandom`] unless a test has called
//! `replace_source` on that thread.

use std::cell::Cell;

use uuid::Uuid;

/// Draws ids and random numbers.
pub(crate) trait RandomSource: Sync {
    /// A new unique id, greater than those drawn before.
    fn id(&self) -> Uuid;

    fn bits(&self) -> u32;

    /// Fills the bytes with randomness that nobody can guess, for keys, salts and passwords.
    fn fill(&self, bytes: &mut [u8]);
}

thread_local! {
    static SOURCE: Cell<&'static dyn RandomSource> = const { Cell::new(&SystemRandom) };
}

/// Replaces the source of ids and random numbers for the current thread.
#[cfg(test)]
pub(crate) fn replace_source(source: &'static dyn RandomSource) {
    SOURCE.set(source);
}

/// Returns a new unique id; later ids are greater.
pub(crate) fn id() -> Uuid {
    SOURCE.get().id()
}

/// Returns 32 random bits.
pub(crate) fn bits() -> u32 {
    SOURCE.get().bits()
}

/// Returns random bytes that nobody can guess.
pub(crate) fn secret<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SOURCE.get().fill(&mut bytes);
    bytes
}

/// The randomness of the operating system.
pub(crate) struct SystemRandom;

impl RandomSource for SystemRandom {
    /// A UUID of version 7 (RFC 9562), which begins with the time.
    fn id(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// The first 32 bits of a UUID of version 4 (RFC 9562), all of which are random.
    fn bits(&self) -> u32 {
        Uuid::new_v4().as_fields().0
    }

    #[expect(clippy::expect_used, reason = "without randomness of the operating system no secret can be made")]
    fn fill(&self, bytes: &mut [u8]) {
        let source = rustls::crypto::ring::default_provider().secure_random;
        source.fill(bytes).expect("the operating system gives random bytes");
    }
}
