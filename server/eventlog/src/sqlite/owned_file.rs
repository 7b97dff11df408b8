//! The file of a log, locked for this process by a lock file beside it and by a lock on the file itself.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::unusable::unusable;
use crate::{StoreError, files};

/// A log file that no other process can open to write while this value lives.
pub(super) struct OwnedFile {
    /// The file without symbolic links.
    pub(super) path: PathBuf,
    lock: File,
    /// The log file itself, locked because it may have other hard links. Open until every connection is closed, because
    /// closing it releases the SQLite locks of all connections of this process.
    itself: OnceLock<File>,
}

#[cfg(test)]
impl OwnedFile {
    pub(super) fn inherited_lock(&self) -> File {
        self.lock.try_clone().unwrap()
    }
}

impl OwnedFile {
    fn release(&self) {
        // Closing the files is not enough: a child process that is being started has copies of all open files, and with them
        // the locks, until it runs its program.
        for lock in self.itself.get().into_iter().chain([&self.lock]) {
            if let Err(error) = lock.unlock() {
                tracing::warn!(%error, "the lock of the event log could not be released");
            }
        }
    }

    /// Locks the log file itself, if it exists and is not locked yet.
    pub(super) fn lock_itself(&self) -> Result<(), StoreError> {
        if self.itself.get().is_some() {
            return Ok(());
        }
        let failed = |error: std::io::Error| unusable(&self.path, &format!("cannot be opened: {error}"));
        let file = match File::options().read(true).write(true).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            // A file that cannot be written is reported when it is opened as a database.
            Err(_) => return Ok(()),
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Ok(());
        }
        try_lock(&self.path, &file)?;
        self.itself.get_or_init(|| file);
        Ok(())
    }

    /// Restricts the files to their owner; an older program may have left them readable for others.
    pub(super) fn make_private(&self) {
        let there = ["", "-wal", "-shm"].into_iter().map(|ending| files::with_suffix(&self.path, ending));
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

/// Releases the locks of a file on drop, although connections to it may still be open.
pub(super) struct Ownership(pub(super) Arc<OwnedFile>);

impl Drop for Ownership {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Locks a file for this process; creates its folder if necessary.
pub(super) fn lock(path: &Path) -> Result<OwnedFile, StoreError> {
    let path = real_path(path)?;
    let lock = files::open_lock_file(&files::with_suffix(&path, "-lock"))
        .map_err(|error| unusable(&path, &format!("cannot be written: {error}")))?;
    try_lock(&path, &lock)?;
    let file = OwnedFile { path, lock, itself: OnceLock::new() };
    file.lock_itself()?;
    Ok(file)
}

fn try_lock(path: &Path, lock: &File) -> Result<(), StoreError> {
    match lock.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(format!(
            "the event log {} is in use by another program: end that one first",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(unusable(path, &format!("cannot be locked: {error}"))),
    }
}

/// The path without symbolic links, so that two names of a file lead to the same lock.
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
