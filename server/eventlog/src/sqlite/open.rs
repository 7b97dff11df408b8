//! Opens databases as logs, to write, to read or in memory, and sets their options.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::file_state::{self, is_in_use, refuse_lost_content, refuse_lost_wal};
use super::owned_file::OwnedFile;
use super::schema::{identify, migrate};
use super::unusable::unusable;
use crate::{StoreError, files};

/// How long SQLite waits for one of its locks. They are held for milliseconds only.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Number of pages in the write-ahead log at which SQLite checkpoints it: 40 MB. Rarer checkpoints write less in total.
const WAL_AUTOCHECKPOINT_PAGES: i64 = 10_000;
const WRITER_CACHE_KIB: i64 = 16 * 1024;
const READER_CACHE_KIB: i64 = 4 * 1024;

/// Opens the writing connection, and applies missing migrations.
pub(super) fn open_writer(file: &OwnedFile) -> Result<Connection, StoreError> {
    let path = &file.path;
    create_if_missing(path)?;
    file.lock_itself()?;
    let has_wal = file_state::has_wal(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| unusable(path, &format!("cannot be opened: {error}")))?;
    // Identifies the file before anything in it is changed.
    migrate(&connection, &path.display().to_string())?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(unusable(path, "stands on a file system that cannot keep a write-ahead log"));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_AUTOCHECKPOINT_PAGES)?;
    // What is deleted or moved is overwritten, so that what was erased is not found in the file.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    tune(&connection, WRITER_CACHE_KIB)?;
    refuse_lost_wal(&connection, path, has_wal)?;
    file.make_private();
    Ok(connection)
}

/// Creates a log if there is no file. SQLite takes an empty file for a new database, and deletes a write-ahead log that it
/// finds beside it, so a log that lost its content is refused instead of being overwritten. A new log gets its name only when
/// it is complete, so an empty file is never one whose creation was interrupted.
fn create_if_missing(path: &Path) -> Result<(), StoreError> {
    refuse_lost_content(path)?;
    if path.exists() {
        return Ok(());
    }
    let failed = |error: &dyn std::fmt::Display| unusable(path, &format!("cannot be created: {error}"));
    let partial = files::partial_name(path);
    // Left over from a creation that was killed.
    for file in [&partial, &files::with_suffix(path, "-partial-journal")] {
        files::remove_if_there(file).map_err(|error| failed(&error))?;
    }
    // SQLite gives the files beside a database the permissions of the database.
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

/// Opens an existing log to read it only, also while a server has it open: SQLite isolates readers and the writer of a file
/// across processes. The last connection that closes the file checkpoints the write-ahead log.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    refuse_lost_content(path)?;
    if !path.exists() {
        return Err(unusable(path, "is not there"));
    }
    let has_wal = file_state::has_wal(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| unusable(path, &format!("cannot be opened: {error}")))?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    let name = path.display().to_string();
    if identify(&connection, &name)? == 0 {
        return Err(unusable(path, "has nothing in it"));
    }
    refuse_lost_wal(&connection, path, has_wal)?;
    // The write-ahead log of a killed program stays, because the file is marked as in use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_in_use(&connection)?)?;
    connection.pragma_update(None, "query_only", true)?;
    tune(&connection, READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens a database in memory, which is lost when its connection is closed.
pub(super) fn open_in_memory() -> Result<Connection, StoreError> {
    let connection = Connection::open_in_memory()?;
    migrate(&connection, "memory")?;
    tune(&connection, WRITER_CACHE_KIB)?;
    Ok(connection)
}

fn tune(connection: &Connection, cache_kib: i64) -> Result<(), StoreError> {
    // Without the query planner stability guarantee, SQLite plans a cached statement again for other values.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.busy_timeout(LOCK_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}
