//! Opening a database as a log: to write, to read, in memory; and how it is tuned.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::file_state::{self, is_in_use, refuse_lost_content, refuse_lost_wal};
use super::owned_file::OwnedFile;
use super::schema::{identify, migrate};
use super::unusable::unusable;
use crate::{StoreError, files};

/// How long SQLite waits for a lock of its own before it gives up. Held ones are released within milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log before it is folded into the file: 40 MB. Folding less often writes less.
const WAL_PAGES: i64 = 10_000;
const WRITER_CACHE_KIB: i64 = 16 * 1024;
const READER_CACHE_KIB: i64 = 4 * 1024;

/// Opens the connection that writes, and brings the schema up to date.
pub(super) fn open_writer(file: &OwnedFile) -> Result<Connection, StoreError> {
    let path = &file.path;
    create_if_missing(path)?;
    file.lock_itself()?;
    let wal_is_there = file_state::wal_is_there(path);
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
    refuse_lost_wal(&connection, path, wal_is_there)?;
    file.make_private();
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
    let partial = files::partial_name(path);
    // What a program that was killed in the middle left there.
    for file in [&partial, &files::coordination(path, "-partial-journal")] {
        files::remove_if_there(file).map_err(|error| failed(&error))?;
    }
    // SQLite gives what it makes beside a file the same permissions.
    files::open_private_file(&partial).map_err(|error| failed(&error))?;
    let connection = Connection::open(&partial).map_err(|error| failed(&error))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(&connection, &path.display().to_string())?;
    connection.close().map_err(|(_, error)| failed(&error))?;
    files::rename_durably(&partial, path).map_err(|error| failed(&error))
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
    let wal_is_there = file_state::wal_is_there(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| unusable(path, &format!("cannot be opened: {error}")))?;
    connection.busy_timeout(LOCK_WAIT)?;
    let name = path.display().to_string();
    if identify(&connection, &name)? == 0 {
        return Err(unusable(path, "has nothing in it"));
    }
    refuse_lost_wal(&connection, path, wal_is_there)?;
    // The write-ahead log of a program that was killed stays where it is: a file that is in use has one.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_in_use(&connection)?)?;
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
