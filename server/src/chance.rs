//! The only place that draws ids and random numbers.

use uuid::Uuid;

/// A new id that nobody else has; later ones are greater (UUIDv7).
pub(crate) fn id() -> Uuid {
    Uuid::now_v7()
}

/// 32 random bits: the first of a random UUID (RFC 9562, version 4), all of which are random.
pub(crate) fn bits() -> u32 {
    Uuid::new_v4().as_fields().0
}
