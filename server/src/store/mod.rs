//! Loads aggregates from their streams, applies commands to them, and appends the events. Nothing here may import
//! HTTP or the views' databases.

pub(crate) mod aggregate_list;
pub(crate) mod aggregates;
pub(crate) mod cached_log;
pub(crate) mod commands;
pub(crate) mod document_numbers;
mod field_cipher;
pub(crate) mod log_health;
pub(crate) mod order_commands;
pub(crate) mod order_owners;
pub(crate) mod order_record;
pub(crate) mod personal_data;
pub(crate) mod product_facts;
pub(crate) mod repeat_counters;
mod stream_run;
pub(crate) mod stream_turns;
pub(crate) mod streams;
pub(crate) mod webhook_secrets;
pub(crate) mod wire_event;
