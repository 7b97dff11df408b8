//! Opening a database: whose it is, which shape it has, and how it is tuned.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};

use super::read;
use crate::files;
use crate::hash_tree::HashTree;
use crate::{Position, StoreCondition, StoreError};

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
    "
    CREATE TABLE file_state (
        single INTEGER PRIMARY KEY CHECK (single = 1),
        in_use INTEGER NOT NULL
    ) STRICT;
    INSERT INTO file_state (single, in_use) VALUES (1, 0);
",
    // Answers that older programs kept live for another day.
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
    /// The file itself, locked: it may have names in other folders. Kept open until every connection is closed, because
    /// closing it takes SQLite's own locks away from all connections of this process.
    itself: OnceLock<File>,
}

#[cfg(test)]
impl OwnedFile {
    pub(super) fn lock_as_a_program_that_starts_now_has_it(&self) -> File {
        self.lock.try_clone().unwrap()
    }
}

impl OwnedFile {
    /// Lets others take the file.
    fn release(&self) {
        // Closing alone is not enough: a program that is being started at this moment holds a copy of every open file
        // until it runs, and with it the lock.
        for lock in self.itself.get().into_iter().chain([&self.lock]) {
            if let Err(error) = lock.unlock() {
                tracing::warn!(%error, "the event log's lock could not be given back");
            }
        }
    }

    /// Takes the file itself, whatever its names are, once it is there.
    fn lock_itself(&self) -> Result<(), StoreError> {
        if self.itself.get().is_some() {
            return Ok(());
        }
        let failed = |error: std::io::Error| unusable(&self.path, &format!("cannot be opened: {error}"));
        let file = match File::options().read(true).write(true).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            // What cannot be written is told when it is opened as a database.
            Err(_) => return Ok(()),
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Ok(());
        }
        take(&self.path, &file)?;
        self.itself.get_or_init(|| file);
        Ok(())
    }

    /// Takes from others what they may do with the files; the log may have been written by a program that left that open.
    fn make_private(&self) {
        let there = ["", "-wal", "-shm"].into_iter().map(|ending| files::coordination(&self.path, ending));
        for path in there.filter(|path| path.is_file()) {
            if let Err(error) = files::make_private(&path) {
                tracing::warn!(%error, path = %path.display(), "others may read this file, and that cannot be changed");
            }
        }
    }
}

impl Drop for OwnedFile {
    fn drop(&mut self) {
        self.release();
    }
}

/// A file that is this process's own until this value is dropped, while connections to it may still be open.
pub(super) struct Ownership(pub(super) Arc<OwnedFile>);

impl Drop for Ownership {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Takes a file for this process; makes its folder if there is none.
pub(super) fn own(path: &Path) -> Result<OwnedFile, StoreError> {
    let path = real_path(path)?;
    let lock = files::open_lock_file(&files::coordination(&path, "-lock"))
        .map_err(|error| unusable(&path, &format!("cannot be written: {error}")))?;
    take(&path, &lock)?;
    let file = OwnedFile { path, lock, itself: OnceLock::new() };
    file.lock_itself()?;
    Ok(file)
}

fn take(path: &Path, lock: &File) -> Result<(), StoreError> {
    match lock.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(format!(
            "the event log {} is in use by another program: end that one first",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(unusable(path, &format!("cannot be locked: {error}"))),
    }
}

/// Opens the connection that writes, and brings the schema up to date.
pub(super) fn open_writer(file: &OwnedFile) -> Result<Connection, StoreError> {
    let path = &file.path;
    create_if_missing(path)?;
    file.lock_itself()?;
    let wal_is_there = wal_is_there(path);
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
fn is_in_use(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(connection.table_exists(None, "file_state")?
        && connection.query_row("SELECT in_use FROM file_state", [], |row| row.get(0))?)
}

fn wal_is_there(path: &Path) -> bool {
    files::coordination(path, "-wal").exists()
}

/// Refuses a file that was in use when it was copied, and whose write-ahead log was not copied with it.
fn refuse_lost_wal(connection: &Connection, path: &Path, wal_is_there: bool) -> Result<(), StoreError> {
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
    let file = own(path)?;
    refuse_lost_content(&file.path)?;
    if wal_is_there(&file.path) {
        return Err(unusable(path, "has its write-ahead log beside it: nothing is lost"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file.path, flags)
        .map_err(|error| unusable(path, &format!("cannot be opened: {error}")))?;
    identify(&connection, &path.display().to_string())?;
    if !is_in_use(&connection)? {
        return Err(unusable(path, "is whole: nothing is lost"));
    }
    let head = read::head(&connection)?;
    mark_whole(&connection)?;
    Ok(head)
}

/// Refuses a file of no bytes, and a write-ahead log whose database is gone.
fn refuse_lost_content(path: &Path) -> Result<(), StoreError> {
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
    let wal_is_there = wal_is_there(path);
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
    files::make_private_folder(folder)
        .and_then(|()| folder.canonicalize())
        .map(|folder| folder.join(name))
        .map_err(|error| unusable(path, &format!("cannot be created: {error}")))
}

/// What the database says while a log is opened, as a sentence about the log.
pub(super) fn unusable_for(path: &Path, failure: StoreError) -> StoreError {
    match (failure.condition(), failure) {
        (StoreCondition::Damaged, StoreError::Database(error)) => unusable(path, &format!("is damaged: {error}")),
        (_, StoreError::Database(error)) => unusable(path, &format!("cannot be made ready: {error}")),
        (
            _,
            other @ (StoreError::Unusable(_)
            | StoreError::InUse(_)
            | StoreError::Invalid(_)
            | StoreError::Closed
            | StoreError::SetBack { .. }),
        ) => other,
    }
}

fn unusable(path: &Path, why: &str) -> StoreError {
    StoreError::Unusable(format!("the event log {} {why}", path.display()))
}
