//! The storefront in a terminal: a shop that is used with the keyboard, and a window on its event log.
//!
//! Modules, from the inside out:
//! - `state` is everything the client knows at a moment, as plain data.
//! - `update` changes it by a message and says what is to be done outside, as effects. Pure: no clock, network or terminal.
//! - `keys` is the one table of keys; `view` draws the state and reads nothing else.
//! - `screen_reader` tells the state in lines, for those who do not see the screen.
//! - `driver` runs effects against the shop over HTTP, follows its log, and draws on the `terminal`.
//! - `line_mode` is the same shop without a screen: `serve`, `demo`, `events`.
//! - `embedded` runs the server and its stubs inside this process; nothing else here may name them.
//!
//! The client is no source of truth: a change shows at once, but the shop decides, and its response replaces what was
//! shown.

mod atomic_file;
mod cli;
mod config;
mod driver;
pub mod embedded;
mod environment;
mod event_text;
pub mod frames;
mod keys;
mod line_mode;
mod money;
mod plain;
mod preferences;
mod run;
mod screen_reader;
pub mod screenshot;
mod session_file;
mod settings;
mod state;
mod terminal;
mod update;
mod view;
mod wrap;

pub use run::run;
