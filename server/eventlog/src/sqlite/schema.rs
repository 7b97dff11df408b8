//! Opening a database: whose it is, which shape it has, and how it is tuned.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};

use super::read;
use crate::hash_tree::HashTree;
use crate::{Position, StoreError, Trouble};

/// Marks a file as one of ours: "SFEL" in ASCII.
const APPLICATION_ID: i32 = 0x5346_454C;

/// The steps from an empty database to the present shape. A file's `user_version` counts those it has taken. Append
/// only: a step that has been released is never changed.
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
];

/// How long SQLite waits for a lock of its own before it gives up. Held ones are released within milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log before it is folded into the file: 40 MB. Folding less often writes less.
const WAL_PAGES: i64 = 10_000;
const WRITER_CACHE_KIB: i64 = 16 * 1024;
const READER_CACHE_KIB: i64 = 4 * 1024;

/// A file that nobody else writes for as long as this value lives.
pub(super) struct OwnedFile {
    /// The file without symbolic links.
    pub(super) path: PathBuf,
    lock: File,
}

#[cfg(test)]
impl OwnedFile {
    pub(super) fn lock_as_a_program_that_starts_now_has_it(&self) -> File {
        self.lock.try_clone().unwrap()
    }
}

impl Drop for OwnedFile {
    fn drop(&mut self) {
        // Closing alone is not enough: a program that is being started at this moment holds a copy of every open file
        // until it runs, and with it the lock.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the event log's lock could not be given back");
        }
    }
}

/// Takes a file for this process; makes its folder if there is none.
pub(super) fn own(path: &Path) -> Result<OwnedFile, StoreError> {
    let path = real_path(path)?;
    let lock_path = beside(&path, "-lock");
    let lock = File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(|error| unusable(&path, &format!("cannot be written: {error}")))?;
    match lock.try_lock() {
        Ok(()) => Ok(OwnedFile { path, lock }),
        Err(TryLockError::WouldBlock) => Err(unusable(&path, "is in use by another program: end that one first")),
        Err(TryLockError::Error(error)) => Err(unusable(&path, &format!("cannot be locked: {error}"))),
    }
}

/// Opens the connection that writes, and brings the schema up to date.
pub(super) fn open_writer(file: &OwnedFile) -> Result<Connection, StoreError> {
    let path = &file.path;
    create_if_missing(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| unusable(path, &format!("cannot be opened: {error}")))?;
    // Nothing may be changed in a file before it is known to be ours.
    migrate(&connection, &path.display().to_string())?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(unusable(path, "stands on a file system that cannot keep a write-ahead log"));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    tune(&connection, WRITER_CACHE_KIB)?;
    Ok(connection)
}

/// Creates a log where there is none. SQLite takes an empty file for a new database and drops a write-ahead log that it
/// finds beside one, so either would be a loss that nobody notices: a log that lost its content is refused instead. A new
/// log has its name only once it is whole, so that an empty file is never one that was being created.
fn create_if_missing(path: &Path) -> Result<(), StoreError> {
    refuse_lost_content(path)?;
    if path.exists() {
        return Ok(());
    }
    let failed = |error: &dyn std::fmt::Display| unusable(path, &format!("cannot be created: {error}"));
    let partial = beside(path, "-partial");
    // What a program that was killed in the middle left there.
    for file in [&partial, &beside(path, "-partial-journal")] {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
            _ => {}
        }
    }
    let connection = Connection::open(&partial).map_err(|error| failed(&error))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(&connection, &path.display().to_string())?;
    connection.close().map_err(|(_, error)| failed(&error))?;
    std::fs::rename(&partial, path).map_err(|error| failed(&error))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))
}

/// Refuses a file of no bytes, and a write-ahead log whose database is gone.
fn refuse_lost_content(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
    let wal = beside(path, "-wal");
    match (length(path), length(&wal)) {
        (Some(0), _) => Err(unusable(
            path,
            "has nothing in it: an event log is never empty. Put a backup in its place, or move the file away to begin a \
             new log",
        )),
        (None, Some(1..)) if !path.exists() => Err(unusable(
            path,
            &format!(
                "is not there, but its newest events are, in {}: put the log back beside them, or move that file away too \
                 to begin a new log",
                wal.display()
            ),
        )),
        _ => Ok(()),
    }
}

/// The name of a file that stands beside another.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Opens one more connection that only reads.
pub(super) fn open_reader(file: &OwnedFile) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file.path, flags)?;
    tune(&connection, READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens a log that is there, to read it and nothing else, also while a server has it: SQLite keeps readers and the writer
/// of one file apart, whichever programs they are in. The last to close the file folds the write-ahead log into it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    refuse_lost_content(path)?;
    if !path.exists() {
        return Err(unusable(path, "is not there"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| unusable(path, &format!("cannot be opened: {error}")))?;
    connection.busy_timeout(LOCK_WAIT)?;
    let name = path.display().to_string();
    if identify(&connection, &name)? == 0 {
        return Err(unusable(path, "has nothing in it"));
    }
    connection.pragma_update(None, "query_only", true)?;
    tune(&connection, READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens a database that is gone when its connection is.
pub(super) fn open_in_memory() -> Result<Connection, StoreError> {
    let connection = Connection::open_in_memory()?;
    migrate(&connection, "memory")?;
    tune(&connection, WRITER_CACHE_KIB)?;
    Ok(connection)
}

fn tune(connection: &Connection, cache_kib: i64) -> Result<(), StoreError> {
    // Without the planner's stability guarantee, binding other values makes SQLite plan a cached statement anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}

fn migrate(connection: &Connection, name: &str) -> Result<(), StoreError> {
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
        plant_tree(&transaction)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Makes the tree over a log that has none yet, with what an older program wrote in it.
fn plant_tree(connection: &Connection) -> rusqlite::Result<()> {
    if connection.query_row("SELECT EXISTS (SELECT 1 FROM hash_tree)", [], |row| row.get(0))? {
        return Ok(());
    }
    let mut tree = HashTree::default();
    read::each(connection, |event| tree.add(event))?;
    let since = Position(tree.position().0 + 1);
    connection.execute(
        "INSERT INTO hash_tree (single, size, peaks, since) VALUES (1, ?1, ?2, ?3)",
        params![tree.position(), tree.peaks(), since],
    )?;
    Ok(())
}

/// How many steps a database has taken, when it is a log that this program can read.
fn identify(connection: &Connection, name: &str) -> Result<i64, StoreError> {
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

/// Two names of one file must find the same lock.
fn real_path(path: &Path) -> Result<PathBuf, StoreError> {
    if let Ok(real) = path.canonicalize() {
        return Ok(real);
    }
    let name = path.file_name().ok_or_else(|| unusable(path, "needs a file name"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| folder.canonicalize())
        .map(|folder| folder.join(name))
        .map_err(|error| unusable(path, &format!("cannot be created: {error}")))
}

/// What the database says while a log is opened, as a sentence about the log.
pub(super) fn unusable_for(path: &Path, failure: StoreError) -> StoreError {
    match (failure.trouble(), failure) {
        (Trouble::Damaged, StoreError::Database(error)) => unusable(path, &format!("is damaged: {error}")),
        (_, StoreError::Database(error)) => unusable(path, &format!("cannot be made ready: {error}")),
        (_, other @ (StoreError::Unusable(_) | StoreError::Invalid(_) | StoreError::Closed)) => other,
    }
}

fn unusable(path: &Path, why: &str) -> StoreError {
    StoreError::Unusable(format!("the event log {} {why}", path.display()))
}
