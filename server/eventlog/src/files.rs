//! Files that are the log, or have all of it in them: whole under their name or not there, and for nobody else to read.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Read and written by their owner alone.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// The name of a file that stands beside another.
pub(crate) fn coordination(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// The name of a file while it is not whole.
pub fn partial_name(path: &Path) -> PathBuf {
    coordination(path, "-partial")
}

/// Makes a folder, and those that it stands in, for its owner alone, so that they are there after a power cut too. Folders that
/// are there stay as they are: others may have their files in them.
///
/// # Errors
/// When the system refuses.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    missing.into_iter().rev().try_for_each(sync_folder_of)
}

/// Opens a file to write, and makes it if there is none, for its owner alone; also one that others could read until now.
///
/// # Errors
/// When the system refuses.
pub fn open_private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).write(true).truncate(false).mode(FILE_MODE).open(path)?;
    make_private(path)?;
    Ok(file)
}

/// Opens a file that only serves as a lock, and makes it if there is none. It holds nothing to read, so one that belongs to
/// somebody else serves as it is.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(false).mode(FILE_MODE).open(path)
}

/// Takes from everybody but the owner what they may do with a file. Does not open it: closing it again would take the locks
/// that SQLite has on it away from all connections of this process.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    let open = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if open == FILE_MODE { Ok(()) } else { std::fs::set_permissions(path, Permissions::from_mode(FILE_MODE)) }
}

/// Gives a file that is whole and synced its name, so that it is there after a power cut too. Whoever had the name is gone.
///
/// # Errors
/// When the system refuses.
pub fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_folder_of(to)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Removes a file that may not be there.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
