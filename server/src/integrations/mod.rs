//! The systems around the shop: product service, card gateway, mail server. One file, one system.
//!
//! Each client turns what its system says into values that the rest of the server can decide on, and every failure into
//! one that says whether asking again helps. Every wait, body and number of attempts has a bound. Nothing here writes to
//! the log, knows a route or a view, or decides what becomes of an order.

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
