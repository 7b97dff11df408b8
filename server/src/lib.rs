//! The shop's server: how it runs.
//!
//! * `http` answers requests: it extracts, calls and maps.
//! * `commands` is the one way in which a command changes the log: load, fold, decide, append, and again on conflict.
//! * `product_facts` is what a command must know of products and their stock, read from their streams.
//! * `processes` are what the shop does by itself; the log is their only queue.
//! * `parked` is what could not be handled and waits for somebody to look.
//! * `progress` is how far the processes are, for whoever asks; `pauses` is what is paused; `repeats` is what came again and
//!   changed nothing.
//! * `order_watch` wakes requests that wait for news of an order.
//! * `views` are what lists and searches answer from.
//! * `integrations` speak to the systems around the shop, one file each.
//! * `lab` breaks things on purpose, for a room to watch.
//! * `log_health` is what ails the log; `tools` is what is done to a log offline.
//! * `codec` knows the JSON of stored events, which is not the wire's.
//! * `simulation` is a whole shop under test, with time and chance in the hands of a seed.
//! * `clock` and `chance` are the only sources of time and of randomness.
//! * `open_files` is how many of them the system allows.
//! * `app` listens; behind its door, `house` keeps a shop and can start it over, `inside` puts one together on a log, `staff` is
//!   who works there by itself. `config` is what it is told from outside.
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
