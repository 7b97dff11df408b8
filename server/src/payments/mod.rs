//! Payments and refunds between the log and the card gateway.

pub(crate) mod refunds;
