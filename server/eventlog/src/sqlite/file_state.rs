//! Whether a file has all of its log in it, and the refusal of one that has not.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::unusable::unusable;
use super::{owned_file, read, schema};
use crate::{Position, StoreError, files};

/// Says in the file itself that its newest events may be in the write-ahead log alone, before any of them is. Whoever finds
/// this in a file without a write-ahead log knows that it was copied without it: a program that is killed leaves it there,
/// and one that ends in order folds it and says so.
pub(super) fn mark_in_use(connection: &Connection) -> rusqlite::Result<()> {
    // The last to close a file removes the write-ahead log, also after a failure.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    if !is_in_use(connection)? {
        connection.execute("UPDATE file_state SET in_use = 1", [])?;
    }
    fold(connection)
}

/// Folds the write-ahead log, and says in the file that nothing is missing from it.
pub(super) fn mark_whole(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE file_state SET in_use = 0", [])?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    fold(connection)
}

/// As [`mark_whole`], also for a log in the shape of an older program, which said nothing.
pub(super) fn mark_copy_whole(connection: &Connection) -> rusqlite::Result<()> {
    if is_in_use(connection)? { mark_whole(connection) } else { Ok(()) }
}

fn fold(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
}

/// `false` also for a file of an older program, which said nothing.
pub(super) fn is_in_use(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(connection.table_exists(None, "file_state")?
        && connection.query_row("SELECT in_use FROM file_state", [], |row| row.get(0))?)
}

pub(super) fn wal_is_there(path: &Path) -> bool {
    files::coordination(path, "-wal").exists()
}

/// Refuses a file that was in use when it was copied, and whose write-ahead log was not copied with it.
pub(super) fn refuse_lost_wal(connection: &Connection, path: &Path, wal_is_there: bool) -> Result<(), StoreError> {
    if wal_is_there || !is_in_use(connection)? {
        return Ok(());
    }
    let head = read::head(connection)?;
    Err(unusable(
        path,
        &format!(
            "was copied without its write-ahead log, or lost it: it ends at position {head}, and what was written after \
             that is missing. Copy a log that is in use with `storefront-server backup`, or put {}-wal coordination it; if \
             there is none any more, `storefront-server accept-loss` goes on without",
            path.display()
        ),
    ))
}

/// Takes a file as it is, without the write-ahead log that it lost; tells where it ends.
pub(super) fn accept_loss(path: &Path) -> Result<Position, StoreError> {
    let file = owned_file::own(path)?;
    refuse_lost_content(&file.path)?;
    if wal_is_there(&file.path) {
        return Err(unusable(path, "has its write-ahead log beside it: nothing is lost"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file.path, flags)
        .map_err(|error| unusable(path, &format!("cannot be opened: {error}")))?;
    schema::identify(&connection, &path.display().to_string())?;
    if !is_in_use(&connection)? {
        return Err(unusable(path, "is whole: nothing is lost"));
    }
    let head = read::head(&connection)?;
    mark_whole(&connection)?;
    Ok(head)
}

/// Refuses a file of no bytes, and a write-ahead log whose database is gone.
pub(super) fn refuse_lost_content(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
    let wal = files::coordination(path, "-wal");
    match (length(path), length(&wal)) {
        (Some(0), _) => Err(unusable(
            path,
            "has nothing in it: an event log is never empty. Put a backup in its place, or move the file away to begin a \
             new log",
        )),
        (None, Some(1..)) if !path.exists() => Err(unusable(
            path,
            &format!(
                "is not there, but its newest events are, in {}: put the log back coordination them, or move that file away too \
                 to begin a new log",
                wal.display()
            ),
        )),
        _ => Ok(()),
    }
}
