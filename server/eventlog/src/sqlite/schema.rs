//! The tables of a log, their migrations, and the identification of a database as a log.

use rusqlite::{Connection, params};

use super::read;
use crate::hash_tree::HashTree;
use crate::{Position, StoreError};

/// SQLite application id of event logs; "SFEL" in ASCII.
const APPLICATION_ID: i32 = 0x5346_454C;

/// The migrations from an empty database to the present schema. `user_version` of a file is the number of applied ones.
/// Append only: a released migration is never changed.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        id BLOB NOT NULL UNIQUE,
        type TEXT NOT NULL,
        schema_version INTEGER NOT NULL,
        time_ms INTEGER NOT NULL,
        correlation_id TEXT NOT NULL,
        causation_id TEXT,
        actor TEXT NOT NULL,
        data TEXT NOT NULL,
        UNIQUE (stream, version)
    ) STRICT;
    CREATE INDEX events_by_correlation ON events (correlation_id);
    CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
    CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
    CREATE TABLE checkpoints (
        consumer TEXT PRIMARY KEY,
        position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE answers (
        key TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        body TEXT NOT NULL,
        position INTEGER NOT NULL,
        time_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX answers_by_time ON answers (time_ms);
",
    "
    CREATE TABLE leases (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        epoch INTEGER NOT NULL CHECK (epoch > 0),
        until_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE timers (
        owner TEXT NOT NULL,
        name TEXT NOT NULL,
        due_ms INTEGER NOT NULL,
        revision BLOB NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (owner, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX timers_by_due ON timers (owner, due_ms, name);
    CREATE TABLE snapshots (
        stream TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        event_id BLOB NOT NULL,
        schema_version INTEGER NOT NULL,
        data TEXT NOT NULL
    ) STRICT;
",
    "
    ALTER TABLE events ADD COLUMN checksum INTEGER;
    CREATE TABLE hash_tree (
        single INTEGER PRIMARY KEY CHECK (single = 1),
        size INTEGER NOT NULL,
        peaks BLOB NOT NULL,
        since INTEGER NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE file_state (
        single INTEGER PRIMARY KEY CHECK (single = 1),
        in_use INTEGER NOT NULL
    ) STRICT;
    INSERT INTO file_state (single, in_use) VALUES (1, 0);
",
    // Answers that older programs stored stay for another day.
    "
    ALTER TABLE answers ADD COLUMN kept_ms INTEGER NOT NULL DEFAULT 0;
    DROP INDEX answers_by_time;
    CREATE INDEX answers_by_kept ON answers (kept_ms);
    CREATE TABLE seen_time (
        single INTEGER PRIMARY KEY CHECK (single = 1),
        seen_ms INTEGER NOT NULL,
        looked_ms INTEGER NOT NULL
    ) STRICT;
    INSERT INTO seen_time (single, seen_ms, looked_ms) VALUES (1, 0, 0);
",
    // The lease of an older program counts as one of the longest.
    "
    ALTER TABLE leases ADD COLUMN ttl_ms INTEGER NOT NULL DEFAULT 3600000;
",
    "
    CREATE TABLE data_keys (
        id BLOB PRIMARY KEY,
        secret BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
",
];

pub(super) fn migrate(connection: &Connection, name: &str) -> Result<(), StoreError> {
    let known = identify(connection, name)?;
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if connection.is_readonly("main")? {
        return Err(StoreError::Unusable(format!("the event log {name} is read-only")));
    }
    let missing = MIGRATIONS.get(usize::try_from(known).unwrap_or_default()..).unwrap_or_default();
    if !missing.is_empty() {
        let steps = missing.concat();
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; {steps} PRAGMA user_version = {newest};"
        ))?;
        build_tree(&transaction)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Builds the hash tree of a log that was written by an older program.
fn build_tree(connection: &Connection) -> rusqlite::Result<()> {
    if connection.query_row("SELECT EXISTS (SELECT 1 FROM hash_tree)", [], |row| row.get(0))? {
        return Ok(());
    }
    let mut tree = HashTree::default();
    read::for_each(connection, Position(0), |event| tree.add(event))?;
    let since = Position(tree.position().0 + 1);
    connection.execute(
        "INSERT INTO hash_tree (single, size, peaks, since) VALUES (1, ?1, ?2, ?3)",
        params![tree.position(), tree.peaks(), since],
    )?;
    Ok(())
}

/// The number of applied migrations. Fails when the database is not a log that this program can read.
pub(super) fn identify(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    let unusable = |why: &str| StoreError::Unusable(format!("the event log {name} {why}"));
    let unreadable = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => unusable("is not an event log but some other file"),
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => unusable(&format!("is damaged: {error}")),
        Some(rusqlite::ErrorCode::CannotOpen) => unusable(
            "cannot be read where it is, because SQLite keeps files beside it: copy it into a folder that can be written",
        ),
        _ => unusable(&format!("cannot be read: {error}")),
    };
    let (application, known) = identity(connection).map_err(unreadable)?;
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if application != APPLICATION_ID && !is_empty(connection).map_err(unreadable)? {
        return Err(unusable("is a database of another program"));
    }
    if known > newest {
        return Err(unusable(&format!(
            "was written by a newer version of this program (schema {known}; this one knows up to {newest})"
        )));
    }
    Ok(known)
}

fn identity(connection: &Connection) -> rusqlite::Result<(i32, i64)> {
    let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let known = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((application, known))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}
