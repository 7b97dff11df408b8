//! Keeps the shop's catalogue in step with the product service.

pub(crate) mod basket_lookup;
pub(crate) mod freshness;
pub(crate) mod picture_cache;
pub(crate) mod sync;
