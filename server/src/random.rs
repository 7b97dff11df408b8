//! Ids and random numbers: the only module that draws them. In tests, the simulation can replace the source.

use uuid::Uuid;

#[cfg(test)]
use crate::simulation::rng_clock;

/// Returns a new unique id; later ids are greater (UUIDv7).
pub(crate) fn id() -> Uuid {
    #[cfg(test)]
    if let Some(id) = rng_clock::id() {
        return id;
    }
    Uuid::now_v7()
}

/// Returns 32 random bits: the first 32 of a random UUID (RFC 9562, version 4), all of which are random.
pub(crate) fn bits() -> u32 {
    #[cfg(test)]
    if let Some(bits) = rng_clock::bits() {
        return bits;
    }
    Uuid::new_v4().as_fields().0
}
