//! A copy of a live log, through SQLite's backup interface.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::StoreError;

/// All pages in one step: one moment of the log. Readers and the writer go on meanwhile.
const ALL_PAGES: i32 = -1;

/// Copies the log as it is now into a new file. The file has its name only once it is whole.
pub(super) fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let unusable = |why: String| StoreError::Unusable(format!("the backup {} {why}", to.display()));
    if to.exists() {
        return Err(unusable("is there already".to_owned()));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push("-partial");
    let partial = PathBuf::from(partial);
    remove(&partial).map_err(|error| unusable(format!("cannot be written: {error}")))?;
    let copied = copy_pages(from, &partial);
    if copied.is_err() {
        // The failure to copy is the one to tell.
        let _left_behind = remove(&partial);
    }
    copied?;
    std::fs::rename(&partial, to).map_err(|error| unusable(format!("cannot be named: {error}")))
}

fn copy_pages(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut target = Connection::open(to)?;
    let backup = Backup::new(from, &mut target)?;
    match backup.step(ALL_PAGES)? {
        StepResult::Done => Ok(()),
        unfinished => Err(StoreError::Database(format!("the backup stopped: {unfinished:?}").into())),
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
