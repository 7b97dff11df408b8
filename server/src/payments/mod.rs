//! Payments and refunds as the log and the card gateway know them: what the gateway reports is recorded, and the two
//! are compared.

pub(crate) mod gateway_events;
pub(crate) mod refunds;
pub(crate) mod unmatched_charges;

/// Name of the process that carries out payments and refunds at the card gateway.
pub(crate) const CARD_PAYMENTS: &str = "payments";

/// Name of the process that carries out payments and refunds from wallets.
pub(crate) const WALLET_PAYMENTS: &str = "wallets";
