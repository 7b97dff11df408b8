//! The state file of the stubs: JSON lines, one per change.
//!
//! A line is appended at each change, so that a killed process loses at most the line being written; such an incomplete
//! last line is dropped at the next start. Each start rewrites the file with the current state only, which bounds its
//! size. Nothing protects against power loss.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::fault_switches::lock;

/// An entry of one stub. A line of the file is an object with one field: [`JournalEntry::STUB`] with the entry.
pub(crate) trait JournalEntry: Serialize {
    /// The name of the stub in the file.
    const STUB: &'static str;
}

/// The open state file, or none. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Journal(Option<Arc<StateFile>>);

struct StateFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    /// Appends an entry. A failure is logged and not reported: the stub continues from memory.
    pub(crate) fn append<E: JournalEntry>(&self, entry: &E) {
        let Some(state_file) = &self.0 else { return };
        let written = line(entry).and_then(|line| lock(&state_file.file).write_all(&line));
        if let Err(error) = written {
            tracing::warn!(%error, "the state file could not be written; the stubs continue without it");
        }
    }

    /// Replaces the content of the file by these lines, and continues behind them.
    ///
    /// # Errors
    /// When the folder cannot be written; the file is unchanged then.
    pub(crate) fn reset(&self, lines: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> io::Result<()> {
        let Some(state_file) = &self.0 else { return Ok(()) };
        let mut file = lock(&state_file.file);
        *file = write_file(&state_file.path, lines)?;
        Ok(())
    }
}

/// Reads all entries; none if the file does not exist. A torn last line is dropped.
///
/// # Errors
/// When the file cannot be read, or a line other than the last is damaged.
pub(crate) fn read<E: DeserializeOwned>(path: &Path) -> io::Result<Vec<E>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut entries = Vec::new();
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match serde_json::from_slice(line) {
            Ok(entry) => entries.push(entry),
            Err(_) if !line.ends_with(b"\n") => {
                tracing::warn!(path = %path.display(), "the last line of the state file is incomplete and was skipped");
            }
            Err(error) => {
                let what = format!("line {} is damaged: {error}", index + 1);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
    }
    Ok(entries)
}

/// Replaces the file by these lines and opens it for appending.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn replace(path: &Path, lines: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> io::Result<Journal> {
    let file = Mutex::new(write_file(path, lines)?);
    Ok(Journal(Some(Arc::new(StateFile { path: path.to_owned(), file }))))
}

fn write_file(path: &Path, lines: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = io::BufWriter::new(File::create(&beside)?);
    for line in lines {
        file.write_all(&line?)?;
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(file)
}

/// An entry as a line of the file.
///
/// # Errors
/// When the entry cannot be written as JSON.
pub(crate) fn line<E: JournalEntry>(entry: &E) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&HashMap::from([(E::STUB, entry)]))?;
    line.push(b'\n');
    Ok(line)
}
