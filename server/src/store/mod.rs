//! Loads aggregates from their streams, runs commands on them, and appends the events.

pub(crate) mod aggregates;
pub(crate) mod commands;
pub(crate) mod log_health;
pub(crate) mod order_record;
pub(crate) mod product_facts;
pub(crate) mod repeats;
pub(crate) mod streams;
