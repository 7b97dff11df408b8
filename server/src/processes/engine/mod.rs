//! The engine that runs the processes: reads the log for each, keeps the order within a sequence, retries, parks, and
//! holds the leases.

pub(crate) mod lease_runner;
pub(crate) mod retry_policy;
pub(crate) mod runner;
mod scheduler;
pub(crate) mod start_positions;
pub(crate) mod timers;
