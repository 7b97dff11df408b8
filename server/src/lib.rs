//! The shop's server.
//!
//! * `runtime` composes the shop from `config`, runs it, and stops or restarts it.
//! * `http` answers requests: handlers extract, call and map.
//! * `store` loads an aggregate, lets the domain decide, and appends, again on conflict.
//! * `processes` are what the shop does by itself; the log is their only queue.
//! * `views` are the read models that lists and searches answer from.
//! * `catalogue` keeps the range up to date from the product service; `payments` keeps payments and refunds in step with the
//!   card gateway.
//! * `integrations` speaks to the systems around the shop, one file each.
//! * `operations` is what operators see of the processes.
//! * `documents` writes invoices as text and PDF.
//! * `lab` plays scenarios and breaks things on purpose.
//! * `codec` knows the JSON of stored events, which is not the wire's.
//! * `maintenance` works on a log offline: export, import, check, backup.
//! * `clock` and `random` are the only sources of time and randomness; `backoff` says how long to wait before a retry.
//! * `simulation` (tests only) runs a whole shop in one thread, with time and chance drawn from a seed.
//!
//! What is true in the shop stands in `storefront-domain`, where it is kept in `storefront-eventlog`; neither knows this.

#![recursion_limit = "256"]

mod backoff;
mod catalogue;
mod clock;
mod codec;
pub mod config;
mod config_values;
mod documents;
mod http;
mod integrations;
mod lab;
pub mod maintenance;
mod operations;
mod payments;
mod processes;
mod random;
mod runtime;
#[cfg(test)]
#[path = "../simulation/mod.rs"]
mod simulation;
mod store;
#[cfg(test)]
mod testing;
mod views;

pub use config::{Config, ConnectionLimits, HostName, Secret, StoreChoice, Terms, WebOrigin, listen_address, switch};
pub use config_values::{
    BASKET_LIFE, DEFAULT_VAT_RATE, DefaultVatRate, RESERVATION_LIFE, parse_default_vat_rate, parse_life,
};
pub use runtime::{Server, StartError, rebuild_view, running_at};

/// The description of the HTTP interface (OpenAPI 3.1) as JSON, as `/openapi.json` serves it.
///
/// # Errors
/// When it cannot be written as JSON, which would be a mistake of this program.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    http::document().to_pretty_json()
}
