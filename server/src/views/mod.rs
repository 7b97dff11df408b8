//! Read models: what lists, searches and statistics answer from.
//!
//! A view is a pure fold of the log into rows ([`engine::view::View`]), kept in a database of their own ([`rows`]) with a
//! checkpoint that commits with them. One task ([`engine::follow`]) feeds every event to every view, in order; another
//! ([`engine::rebuild`]) fills new rows beside the live ones and switches over when they have caught up. A query may ask for at
//! least a position, so that a client reads its own writes. Nothing here knows HTTP, processes or the systems around the
//! shop, and nothing here writes the log.
//!
//! **To add a view**: a file with a serde struct for its row, a unit struct that implements [`engine::view::View`] (`keys` says which
//! rows an event touches, `project` what they become, `terms` by what they are found), and its line in [`registry::VIEWS`]. Ask
//! it with [`ViewStore::get`] for one row and [`ViewStore::find`] for a sorted page of those with a term. Change `version`
//! when rows of before no longer fit: they are built anew at the next start. A view that must be asked without waiting,
//! or whole, says `in_memory`, and has a field of [`memory::Memory`] that `remember` fills and `switch` replaces.

mod catalogue;
mod categories;
mod customers;
pub(crate) mod engine;
mod handle;
mod invoices;
mod memory;
mod order_row;
mod orders;
mod payment_row;
mod products;
mod registry;
mod rows;
mod search;
mod statistics;
mod steps;
mod stock;
mod stock_levels;
mod vouchers;

pub(crate) use catalogue::{Field as ProductField, body as product_body};
pub(crate) use handle::{ControlOutcome, FeedError, RebuildPace, ViewControl, Views};
pub(crate) use memory::Memory;
pub(crate) use rows::{Head, ViewStore, ViewStoreError};
pub(crate) use steps::steps;
pub(crate) use stock::item as stock_item;
pub(crate) use vouchers::VoucherRecord;
