//! A copy of a live log, through SQLite's backup interface.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::file_state;
use crate::{StoreError, files};

/// All pages in one step, so that the copy is a consistent snapshot. Readers and the writer go on meanwhile.
const ALL_PAGES: i32 = -1;

/// Copies the present log into a new file, which gets its name only when it is complete.
pub(super) fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let unusable = |why: String| StoreError::Unusable(format!("the backup {} {why}", to.display()));
    if to.exists() {
        return Err(unusable("is there already".to_owned()));
    }
    let partial = files::partial_name(to);
    files::remove_if_there(&partial).map_err(|error| unusable(format!("cannot be written: {error}")))?;
    let copied = copy_pages(from, &partial);
    if copied.is_err() {
        // The error of the copy is reported, not that of the removal.
        let _left_behind = files::remove_if_there(&partial);
    }
    copied?;
    files::rename_durably(&partial, to).map_err(|error| unusable(format!("cannot be named: {error}")))
}

fn copy_pages(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Unusable(format!("{} cannot be written: {error}", to.display()));
    let file = files::open_private_file(to).map_err(failed)?;
    let mut target = Connection::open(to)?;
    match Backup::new(from, &mut target)?.step(ALL_PAGES)? {
        StepResult::Done => {}
        unfinished => return Err(StoreError::Database(format!("the backup stopped: {unfinished:?}").into())),
    }
    // The original is marked as in use; the copy is complete.
    file_state::mark_copy_whole(&target)?;
    target.close().map_err(|(_, error)| error)?;
    file.sync_all().map_err(failed)
}
