//! An append-only event log with one order, one writer and many readers.
//!
//! The log knows streams, versions, positions and JSON text, and nothing of the shop. [`EventStore`] is the contract of
//! every backend: [`SqliteStore`] implements it on SQLite, in a file or in memory, and [`PostgresStore`] on PostgreSQL,
//! for several servers on one log.
//!
//! * An append is atomic, also across several streams, and is on disk before it returns.
//! * Positions are dense: 1, 2, 3, … A reader that has seen N never later finds something new at or below N.
//! * A hash tree over all events grows with each append and reveals later changes.
//! * Consumer checkpoints, stored answers and timers commit in the transaction of the events that they belong to, and the
//!   fences of leases are checked in it. They are not part of the log, and exports leave them out.
//! * Keys for parts of events that can be erased stand beside the log: see [`DataKey`].

mod append;
mod check;
mod clock;
mod condition;
mod coordination;
mod data_keys;
mod event;
mod export;
mod files;
mod hash_tree;
mod import;
mod layer;
mod lease_guard;
pub mod limits;
mod lines;
mod postgres;
mod proof;
mod queue;
mod sqlite;
mod store;
mod tail;
mod version_cache;

pub use append::{Append, AppendError, Appended, Checkpoint, Expected, StoredResponse, StreamAppend};
pub use check::{Finding, Report, check, check_with};
pub use clock::Clock;
pub use coordination::{Epoch, Fence, LeaseOutcome, Snapshot, Timer, TimerChange};
pub use data_keys::DataKey;
pub use event::{BadStreamName, EventId, Filter, JsonText, NewEvent, Position, Recorded, StreamName, Version};
pub use export::{ExportError, ExportLines, export, export_line, export_with};
pub use files::{make_private_folder, open_private_file, partial_name, rename_durably};
pub use hash_tree::{Hash, HashTree, NotAHash};
pub use import::{ImportError, import, import_with};
pub use layer::{StoreCall, StoreLayer};
pub use lease_guard::{LeaseGuard, MonotonicClock};
pub use postgres::{PostgresAddress, PostgresStore};
pub use proof::{EventSelector, InclusionProof, ProofError, ProofMismatch, VerifiedProof, prove, verify_proof};
pub use sqlite::{ReservedFile, SqliteStore};
pub use store::{EventPage, EventStore, StoreCondition, StoreError};
