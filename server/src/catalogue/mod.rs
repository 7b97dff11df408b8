//! Keeps what the shop knows of the product service's range up to date.

pub(crate) mod basket_lookup;
pub(crate) mod freshness;
pub(crate) mod picture_cache;
pub(crate) mod sync;
