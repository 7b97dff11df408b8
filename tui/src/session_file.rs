//! The session of who is signed in, kept in a file of its own that only its owner may read, one per shop.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use storefront_api::SignedIn;

use crate::atomic_file;
use crate::settings;

/// Path of the file with the session in one shop.
#[derive(Clone, Debug)]
pub(crate) struct SessionFile(PathBuf);

impl SessionFile {
    /// The file of a shop in the data folder; `None` is the embedded shop.
    pub(crate) fn new(data: &Path, server: Option<&str>) -> Self {
        Self(settings::folder(data).join(format!("{}.session", settings::shop_name(server))))
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the session; `None` when there is none or the file is not valid.
    pub(crate) fn read(&self) -> Option<SignedIn> {
        let text = fs::read(&self.0).ok()?;
        // The error is not shown: it could quote the token.
        serde_json::from_slice(&text).ok()
    }

    /// Writes the session, or removes the file when there is none.
    ///
    /// # Errors
    /// When the file cannot be written or removed: one sentence with its path.
    pub(crate) fn write(&self, session: Option<&SignedIn>) -> Result<(), String> {
        let Some(session) = session else {
            return match fs::remove_file(&self.0) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(format!("The session cannot be removed from {}: {error}.", self.0.display()))
                }
                Ok(()) | Err(_) => Ok(()),
            };
        };
        let text = serde_json::to_vec(session).map_err(io::Error::from);
        let written = text.and_then(|text| atomic_file::replace_private(&self.0, &text));
        written.map_err(|error| format!("The session cannot be kept in {}: {error}.", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::update::tests::world::account::a_session;

    #[test]
    fn a_session_comes_back_and_its_file_is_for_its_owner_alone_whatever_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = SessionFile::new(folder.path(), Some("http://127.0.0.1:7070"));
        assert_eq!(file.read(), None);
        let mode = || fs::metadata(file.path()).unwrap().permissions().mode() & 0o777;
        file.write(Some(&a_session(1))).unwrap();
        assert_eq!((file.read(), mode()), (Some(a_session(1)), 0o600));
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        file.write(Some(&a_session(2))).unwrap();
        assert_eq!((file.read(), mode()), (Some(a_session(2)), 0o600));
        file.write(None).unwrap();
        file.write(None).unwrap();
        assert_eq!(file.read(), None);
        assert_eq!(fs::read_dir(folder.path().join("clients")).unwrap().count(), 0);
    }

    #[test]
    fn a_broken_file_is_no_session() {
        let folder = tempfile::tempdir().unwrap();
        let file = SessionFile::new(folder.path(), None);
        file.write(Some(&a_session(1))).unwrap();
        fs::write(file.path(), "{ half").unwrap();
        assert_eq!(file.read(), None);
    }
}
