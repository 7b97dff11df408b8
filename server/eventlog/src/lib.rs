//! An append-only event log with one order, one writer and many readers.
//!
//! The log knows streams, versions, positions and JSON text, and nothing of any shop. [`EventStore`] is the contract
//! that every backend keeps; [`SqliteStore`] keeps it on SQLite, in a file or in memory, and
//! [`PostgresStore`] on PostgreSQL, for several servers on one log.
//!
//! * An append is all or nothing, also across several streams, and is on disk before it is answered.
//! * Positions are dense: 1, 2, 3, … A reader that has seen N never later finds something new at or below N.
//! * A hash tree over all events grows with each append, so that what was changed afterwards is found.
//! * Consumer checkpoints, stored answers and timers commit in the same transaction as the events that they belong to,
//!   and leases are judged in it. What stands beside the log is not part of it: exports and imports carry events alone.

mod append;
mod check;
mod clock;
mod coordination;
mod event;
mod export;
mod files;
mod hash_tree;
mod import;
mod lease_guard;
pub mod limits;
mod lines;
mod postgres;
mod proof;
mod queue;
mod sqlite;
mod store;
mod versions;

pub use append::{Append, AppendError, Appended, Checkpoint, Expected, StoredResponse, StreamAppend};
pub use check::{Finding, Report, check, check_with};
pub use clock::Clock;
pub use coordination::{Epoch, Fence, LeaseOutcome, Snapshot, Timer, TimerChange};
pub use event::{EventId, Filter, JsonText, NewEvent, Position, Recorded, StreamName, Version};
pub use export::{ExportError, ExportLines, export, export_line, export_with};
pub use files::{make_private_folder, open_private_file, partial_name, rename_durably};
pub use hash_tree::{Hash, HashTree, NotAHash};
pub use import::{ImportError, import, import_with};
pub use lease_guard::{LeaseGuard, Time, hold};
pub use postgres::PostgresStore;
pub use proof::{EventSelector, InclusionProof, ProofError, ProofMismatch, VerifiedProof, prove, verify_proof};
pub use sqlite::{ReservedFile, SqliteStore};
pub use store::{EventPage, EventStore, StoreCondition, StoreError};
