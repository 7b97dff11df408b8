//! Whether a file contains its whole log, or was separated from its write-ahead log; such files are refused.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::unusable::unusable;
use super::{owned_file, read, schema};
use crate::{Position, StoreError, files};

/// Marks the file as in use, which means that its newest events may be in the write-ahead log only. A marked file without a
/// write-ahead log was copied without it: a killed program leaves both, and one that ends in order checkpoints the
/// write-ahead log and removes the mark ([`mark_whole`]).
pub(super) fn mark_in_use(connection: &Connection) -> rusqlite::Result<()> {
    // Without this, SQLite removes the write-ahead log when the last connection closes, also after a failure.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    if !is_in_use(connection)? {
        connection.execute("UPDATE file_state SET in_use = 1", [])?;
    }
    checkpoint_wal(connection)
}

/// Removes the mark of [`mark_in_use`] and checkpoints the write-ahead log into the file.
pub(super) fn mark_whole(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE file_state SET in_use = 0", [])?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    checkpoint_wal(connection)
}

/// As [`mark_whole`], but does nothing for a file that is not marked, such as one of an older program.
pub(super) fn mark_copy_whole(connection: &Connection) -> rusqlite::Result<()> {
    if is_in_use(connection)? { mark_whole(connection) } else { Ok(()) }
}

fn checkpoint_wal(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
}

/// Whether the file is marked as in use. `false` for a file of an older program.
pub(super) fn is_in_use(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(connection.table_exists(None, "file_state")?
        && connection.query_row("SELECT in_use FROM file_state", [], |row| row.get(0))?)
}

pub(super) fn has_wal(path: &Path) -> bool {
    files::with_suffix(path, "-wal").exists()
}

/// Refuses a file that was copied while in use, without its write-ahead log.
pub(super) fn refuse_lost_wal(connection: &Connection, path: &Path, has_wal: bool) -> Result<(), StoreError> {
    if has_wal || !is_in_use(connection)? {
        return Ok(());
    }
    let head = read::head(connection)?;
    Err(unusable(
        path,
        &format!(
            "was copied without its write-ahead log, or lost it: it ends at position {head}, and what was written after \
             that is missing. Copy a log that is in use with `storefront-server backup`, or put {}-wal beside it; if \
             there is none any more, `storefront-server accept-loss` goes on without",
            path.display()
        ),
    ))
}

/// Accepts a file that lost its write-ahead log; returns its last position.
pub(super) fn accept_loss(path: &Path) -> Result<Position, StoreError> {
    let file = owned_file::lock(path)?;
    refuse_lost_content(&file.path)?;
    if has_wal(&file.path) {
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

/// Refuses an empty file, and a write-ahead log without its database.
pub(super) fn refuse_lost_content(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
    let wal = files::with_suffix(path, "-wal");
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
