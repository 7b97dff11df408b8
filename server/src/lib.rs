//! The shop's server.
//!
//! * `runtime` builds the shop from `config`, runs it, and stops or restarts it.
//! * `http` answers requests: handlers extract, call and map.
//! * `store` loads an aggregate, lets the domain decide, and appends; it repeats that on a conflict.
//! * `processes` are what the shop does by itself; the log is their only queue.
//! * `views` are the read models behind lists and searches.
//! * `catalogue` keeps the range in step with the product service; `payments` keeps payments and refunds in step with
//!   the card gateway.
//! * `integrations` are the clients of external systems, one file each.
//! * `operations` shows operators the state of the processes.
//! * `documents` renders invoices as text and PDF.
//! * `lab` runs scenarios and injects faults.
//! * `codec` is the JSON of stored events, which differs from the API's.
//! * `maintenance` works on a log offline: export, import, check, backup.
//! * `clock` and `random` are the only sources of time and randomness; `backoff` computes pauses before retries.
//! * `simulation` (tests only) runs a whole shop in one thread, with time and randomness from a seed.
//!
//! The business rules are in `storefront-domain`, the event log in `storefront-eventlog`; neither depends on this
//! crate.
//!
//! Fields and methods are documented only where their names do not say everything; `missing_docs` applies to the
//! public items below.

#![recursion_limit = "256"]

mod accepted_hosts;
mod backoff;
mod catalogue;
mod clock;
mod codec;
pub mod config;
mod config_values;
mod documents;
mod http;
mod identity;
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

pub use accepted_hosts::{HostName, WebOrigin, is_path_prefix};
pub use config::{Config, ConnectionLimits, Secret, StoreChoice, Terms, TlsFiles, listen_address, parse_switch};
pub use config_values::{
    BASKET_LIFE, DEFAULT_VAT_RATE, DefaultVatRate, Quota, RESERVATION_LIFE, RateLimit, parse_default_vat_rate,
    parse_life, parse_rate_limit,
};
pub use runtime::{FirstOperator, Server, StartError, rebuild_view, running_at};

/// Returns the description of the HTTP interface (OpenAPI 3.1) as JSON, as `/openapi.json` serves it.
///
/// # Errors
/// When the description cannot be written as JSON, which would be a bug of this program.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    http::document().to_pretty_json()
}
