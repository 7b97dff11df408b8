//! The one typed HTTP client of the shop's server: a method per route, in the types of `storefront-api`.
//!
//! It sends one request per call and tells apart what a caller must tell apart: an answer, a refusal with its reason, and
//! a shop that cannot be reached. It does not retry, cache, keep a basket or decide anything; the caller does. Repeating a
//! POST under the same [`IdempotencyKey`] is always safe: the shop carries it out once and gives the same answer again.
//!
//! Every wait and every body has a bound: 2 s to connect, 10 s for an answer (a long poll has its wait on top), 16 MiB.

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
mod processes;
mod stock;
mod transport;
mod views;

pub use error::ClientError;
pub use key::IdempotencyKey;
pub use mailbox::{Mail, MailPage, Mailbox};
pub use transport::{Client, WriteResponse};
