//! The one typed HTTP client of the shop's server: a method per route, in the types of `storefront-api`.
//!
//! Each call sends one request and returns the response, or a [`ClientError`] that distinguishes a refusal with its reason
//! from a shop that cannot be reached. The client does not retry, cache or decide; the caller does. Repeating a POST with
//! the same [`IdempotencyKey`] is safe: the shop executes it once and repeats the response.
//!
//! Every wait and every body has a limit: 2 s to connect, 10 s for a response (plus the wait of a long poll), 16 MiB.

mod addresses;
mod api_keys;
mod catalogue;
mod customers;
mod documents;
mod error;
mod health;
mod key;
mod lab;
mod log;
mod mailbox;
mod orders;
mod people;
mod processes;
mod stock;
mod transport;
mod views;
mod webhook_endpoints;

pub use error::ClientError;
pub use key::IdempotencyKey;
pub use mailbox::{Mail, MailPage, Mailbox};
pub use transport::{Client, WriteResponse};
