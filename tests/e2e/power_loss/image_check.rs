//! Checks an image of the disk after a power cut.

use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs};

use storefront_eventlog::{
    Append, EventStore, Expected, Filter, JsonText, NewEvent, Position, Recorded, SqliteStore, StreamAppend, StreamName,
};
use storefront_server::{StoreChoice, maintenance};
use uuid::Uuid;

use super::disk::Disk;
use super::recording::{BACKUP, EXPORT, IMPORT, LOG};
use super::trace::Record;

/// Why an image fails the check.
pub(super) enum ImageFault {
    /// An acknowledged write is missing.
    Lost(String),
    /// The image has content that must not exist.
    Unsound(String),
}

impl fmt::Display for ImageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) => write!(f, "lost: {why}"),
            Self::Unsound(why) => write!(f, "unsound: {why}"),
        }
    }
}

/// What was acknowledged before a power cut, and so must be on the disk.
#[derive(Clone, Default)]
pub(super) struct Required {
    pub(super) position: u64,
    files: Vec<String>,
}

impl Required {
    pub(super) fn apply(&mut self, record: &Record<'_>) {
        match record {
            Record::Acknowledged { position } => self.position = self.position.max(*position),
            Record::Finished { path } => self.files.push((*path).to_owned()),
            _ => {}
        }
    }
}

/// The content of the disk after the whole trace, without a power cut.
pub(super) struct ExpectedContent {
    events: Vec<Recorded>,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl ExpectedContent {
    /// Replays the whole trace, and asserts that everything exists and is sound.
    pub(super) async fn from_trace(records: &[Record<'_>]) -> Self {
        let mut disk = Disk::new(true);
        records.iter().for_each(|record| disk.apply(record));
        let folder = tempfile::tempdir().unwrap();
        disk.write_current(folder.path(), is_of_log_or_tools);
        let at = |name: &str| folder.path().join(name.trim_start_matches('/'));
        let files = [EXPORT, BACKUP, IMPORT].map(|name| (name, fs::read(at(name)).unwrap())).to_vec();
        let events = sound_events(&at(LOG)).await;
        let (backup, import) = (sound_events(&at(BACKUP)).await, sound_events(&at(IMPORT)).await);
        assert!(!backup.is_empty() && events.starts_with(&backup), "the backup is not the beginning of the log");
        assert!(!import.is_empty() && events.starts_with(&import), "the import is not the beginning of the log");
        let exported =
            files[0].1.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"position\"")).count();
        assert_eq!(exported, import.len());
        Self { events, files }
    }

    /// Checks an image, and appends to its log.
    pub(super) async fn check_image(
        &self,
        image: &Path,
        required: &Required,
        open_first: bool,
    ) -> Result<(), ImageFault> {
        for (name, expected) in &self.files {
            match fs::read(image.join(name.trim_start_matches('/'))) {
                Ok(found) if found != *expected => return Err(ImageFault::Unsound(format!("{name} is not whole"))),
                Err(_) if required.files.iter().any(|required| required == name) => {
                    return Err(ImageFault::Lost(format!("{name} is gone")));
                }
                Ok(_) | Err(_) => {}
            }
        }
        let path = image.join(LOG);
        let fault = |why: String| if required.position > 0 { ImageFault::Lost(why) } else { ImageFault::Unsound(why) };
        if !path.exists() && required.position > 0 {
            return Err(ImageFault::Lost("there is no log".to_owned()));
        }
        // A missing log is created by the writer.
        if path.exists() && !open_first {
            check(&path).await.map_err(fault)?;
        }
        let log = SqliteStore::open(&path).map_err(|error| fault(error.to_string()))?;
        let events = read(&log).await.map_err(fault)?;
        if (events.len() as u64) < required.position {
            let (found, required) = (events.len(), required.position);
            return Err(ImageFault::Lost(format!("the log ends at {found}, and {required} was acknowledged")));
        }
        if !self.events.starts_with(&events) {
            return Err(ImageFault::Unsound("the events are not those that were written".to_owned()));
        }
        let appended = log.append(test_append()).await.map_err(|error| fault(error.to_string()))?;
        if appended.position != Position(events.len() as u64 + 1) {
            return Err(ImageFault::Unsound(format!(
                "after {} events, one lands at {}",
                events.len(),
                appended.position
            )));
        }
        log.close().await;
        drop(log);
        if open_first { check(&path).await.map_err(fault) } else { Ok(()) }
    }
}

/// Whether a file is kept over a restart: SQLite recreates its shared memory.
pub(super) fn is_on_disk(name: &str) -> bool {
    !name.ends_with("-shm")
}

/// Whether a file is needed for the check of an image: views are rebuilt from the log.
pub(super) fn is_of_log_or_tools(name: &str) -> bool {
    is_on_disk(name) && !name.contains("-views")
}

/// Runs the check of `storefront-server check`.
async fn check(log: &Path) -> Result<(), String> {
    let checked = maintenance::check(&StoreChoice::File(log.to_owned())).await.map_err(|error| error.to_string())?;
    if checked.is_sound { Ok(()) } else { Err(checked.report) }
}

async fn sound_events(log: &Path) -> Vec<Recorded> {
    check(log).await.unwrap();
    read(&SqliteStore::open_to_read(log).unwrap()).await.unwrap()
}

async fn read(log: &SqliteStore) -> Result<Vec<Recorded>, String> {
    let mut events = Vec::new();
    loop {
        let after = Position(events.len() as u64);
        let page = log.read_all(after, 1000, &Filter::default()).await.map_err(|error| error.to_string())?;
        if page.events.is_empty() {
            return Ok(events);
        }
        events.extend(page.events.into_iter().map(Arc::unwrap_or_clone));
    }
}

fn test_append() -> Append {
    let event = NewEvent {
        id: Uuid::now_v7(),
        kind: "stock.received".to_owned(),
        schema_version: 1,
        time_ms: 1_772_366_400_000,
        correlation_id: "after the power cut".to_owned(),
        causation_id: None,
        actor: "test".to_owned(),
        data: JsonText::of(&serde_json::json!({"quantity": 1})).unwrap(),
    };
    let stream = StreamName::new("stock-after-the-power-cut").unwrap();
    let streams = vec![StreamAppend { stream, expected: Expected::Any, events: vec![event] }];
    Append { streams, ..Append::default() }
}
