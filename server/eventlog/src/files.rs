//! Files with a whole log in them: complete under their name or absent, and readable by their owner only.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Access for the owner only.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// The path with a suffix appended to the file name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The name of a file while it is incomplete.
pub fn partial_name(path: &Path) -> PathBuf {
    with_suffix(path, "-partial")
}

/// Creates a folder and its missing parents, durably and for the owner only. Existing folders keep their permissions, because
/// they may hold files of others.
///
/// # Errors
/// When the operating system reports an error.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    missing.into_iter().rev().try_for_each(sync_folder_of)
}

/// Opens a file to write and creates it if necessary; takes access from everybody but the owner, also for an existing file.
///
/// # Errors
/// When the operating system reports an error.
pub fn open_private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).write(true).truncate(false).mode(FILE_MODE).open(path)?;
    make_private(path)?;
    Ok(file)
}

/// Opens a lock file and creates it if necessary. It is empty, so the permissions of an existing one do not matter.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(false).mode(FILE_MODE).open(path)
}

/// Restricts a file to its owner. Does not open it, because closing it again would release the locks of all SQLite
/// connections of this process on that file.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    let open = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if open == FILE_MODE { Ok(()) } else { std::fs::set_permissions(path, Permissions::from_mode(FILE_MODE)) }
}

/// Renames a complete and synced file durably; replaces an existing file of that name.
///
/// # Errors
/// When the operating system reports an error.
pub fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_folder_of(to)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Removes a file if it exists.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
