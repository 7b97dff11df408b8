//! Builds the shop from its configuration, runs it, and stops or restarts it.
//!
//! [`compose`] builds the parts. [`server`] listens. [`restart`] holds the shop behind one address and can replace
//! it. [`running_shop`] is one shop on one log, and [`workers`] are its processes.

pub(crate) mod compose;
mod open_files;
pub(crate) mod restart;
pub(crate) mod running_shop;
pub(crate) mod server;
mod urls;
pub(crate) mod workers;

pub use compose::{StartError, rebuild_view};
pub use server::{FirstOperator, Server, running_at};
