//! End-to-end tests: the real server over real HTTP on real ports with real SQLite files, the real stubs around it, and
//! the real client in a real terminal. Each test owns its world.

#![expect(clippy::unwrap_used, clippy::too_many_lines, reason = "a test fails by panicking, and a table may be long")]

mod addresses;
mod allowed_input;
mod api_keys;
mod architecture;
mod authentications;
mod bad_input;
mod broken_stores;
mod browser;
mod catalogue;
mod command_line;
mod connections;
mod contact;
mod contention;
mod crash;
mod customers;
#[path = "../../server/eventlog/tests/contract/database_copy.rs"]
mod database_copy;
mod database_link;
mod deadlines;
mod decisions;
mod documents;
mod erasure;
mod event_types;
mod guests;
mod histories;
mod history;
mod idempotency;
mod invoices;
mod kills;
mod lab;
mod log;
mod mails;
mod memory;
mod money;
mod network;
mod offline;
mod one_time_passwords;
mod openapi;
mod operations;
mod operators;
mod outgoing_webhooks;
mod own_feed;
mod people;
mod postgres;
#[path = "../../server/eventlog/tests/contract/postgres_server.rs"]
mod postgres_server;
#[cfg(target_os = "linux")]
mod power_loss;
mod processes;
mod programs;
mod quickstart;
mod range;
mod refunds;
mod registration;
mod requirements;
mod secured;
mod set_back;
mod several_servers;
mod shopping;
mod stock;
mod stopping;
mod streams;
mod terminal;
mod vat;
mod views;
mod webhooks;
mod world;
