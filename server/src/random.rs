//! The only place that draws ids and random numbers. In a simulated shop, chance is in the hands of the simulation.

use uuid::Uuid;

#[cfg(test)]
use crate::simulation::rng_clock;

/// A new id that nobody else has; later ones are greater (UUIDv7).
pub(crate) fn id() -> Uuid {
    #[cfg(test)]
    if let Some(id) = rng_clock::id() {
        return id;
    }
    Uuid::now_v7()
}

/// 32 random bits: the first of a random UUID (RFC 9562, version 4), all of which are random.
pub(crate) fn bits() -> u32 {
    #[cfg(test)]
    if let Some(bits) = rng_clock::bits() {
        return bits;
    }
    Uuid::new_v4().as_fields().0
}
