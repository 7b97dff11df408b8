//! Payments and refunds between the log and the card gateway.

pub(crate) mod gateway_events;
pub(crate) mod reconciliation;
pub(crate) mod refunds;

/// The process that carries out payments and refunds at the card gateway.
pub(crate) const CARD_PAYMENTS: &str = "payments";

/// The process that carries out payments and refunds from wallets.
pub(crate) const WALLET_PAYMENTS: &str = "wallets";
