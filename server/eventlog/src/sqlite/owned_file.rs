//! The file of a log, locked for this process.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::unusable::unusable;
use crate::{StoreError, files};

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
    pub(super) fn lock_itself(&self) -> Result<(), StoreError> {
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
    pub(super) fn make_private(&self) {
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
