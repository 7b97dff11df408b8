//! Clients of the external systems: product service, card gateway and mail server; `ports` has the traits that others use.
//!
//! Each client converts its system's answers to typed values, and each failure to an error that says whether a retry helps.
//! Every wait, body and number of attempts is bounded. Nothing here writes to the log, knows a route or a view, or makes a
//! business decision.

pub(crate) mod card_amounts;
mod card_charges;
pub(crate) mod card_gateway;
#[cfg(test)]
mod card_gateway_tests;
pub(crate) mod card_intents;
mod card_json;
pub(crate) mod card_refunds;
pub(crate) mod card_webhooks;
pub(crate) mod circuit_breaker;
mod decimal;
pub(crate) mod gateway_lists;
pub(crate) mod lab_stubs;
mod mail_html;
pub(crate) mod mail_text;
pub(crate) mod mailer;
pub(crate) mod ports;
mod product_json;
pub(crate) mod product_service;
pub(crate) mod product_writes;
mod transport;
pub(crate) mod webhook_sender;
pub(crate) mod webhook_signature;
pub(crate) mod webhook_targets;
