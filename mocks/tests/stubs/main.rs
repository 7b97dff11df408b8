//! The stubs from outside: over HTTP and SMTP on free ports, as the shop meets them. Each test has stubs of its own.

#![expect(clippy::unwrap_used, reason = "tests may unwrap, their helpers too")]

mod cards;
mod faults;
mod keys;
mod mail;
mod products;
mod restart;
mod support;
mod webhooks;
