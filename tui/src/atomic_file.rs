//! Replaces a file whole: a crash leaves the old or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes a file beside the old one and renames it into place. A link stays a link to the file that is replaced, and the
/// file keeps its mode. Missing folders are created.
///
/// # Errors
/// When the folder or the file cannot be written; nothing new is left behind then, where it can be removed.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace_with(path, |draft, old| write_draft(draft, old, contents))
}

/// As [`replace`], but only the owner may read and write the new file, whatever mode the old one has.
///
/// # Errors
/// See [`replace`].
pub(crate) fn replace_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace_with(path, |draft, _| {
        // One that was left behind may have another mode.
        match fs::remove_file(draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        File::options().write(true).create_new(true).mode(0o600).open(draft)?.write_all(contents)
    })
}

fn replace_with(path: &Path, write: impl FnOnce(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let draft = real.with_extension(format!("{}.new", std::process::id()));
    real.parent().map_or(Ok(()), fs::create_dir_all)?;
    let written = write(&draft, &real).and_then(|()| fs::rename(&draft, &real));
    if written.is_err() {
        // A draft that was begun is of no use; where it cannot be removed, nothing can be done.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn write_draft(draft: &Path, old: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = File::create(draft)?;
    // Before the contents are in it, so that nobody reads them who may not.
    if let Ok(metadata) = fs::metadata(old) {
        file.set_permissions(metadata.permissions())?;
    }
    file.write_all(contents)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_keeps_its_mode_and_a_link_to_it_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left behind");
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("place");
        fs::create_dir_all(path.join("inside")).unwrap();
        assert!(replace(&path, b"new").is_err(), "a folder cannot be replaced by a file");
        assert!(path.join("inside").is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
