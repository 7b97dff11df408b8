//! Exports the whole log as lines of JSON, in constant memory: the events, then the keys by which parts of them are read.
//! Checkpoints, answers, leases, timers and snapshots are not exported.

use tokio::io::{AsyncWrite, AsyncWriteExt};
use uuid::Uuid;

use crate::{DataKey, EventStore, Filter, HashTree, Position, Recorded, StoreError, lines};

/// Number of events per read and per write.
const PAGE: usize = 500;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An event's data is not JSON.
    #[error("event {position} is not JSON: {source}")]
    Json {
        /// Position of the event.
        position: Position,
        /// The message of the parser.
        source: serde_json::Error,
    },
    /// The lines could not be written.
    #[error("the export could not be written: {0}")]
    Io(#[from] std::io::Error),
}

/// Writes events, from the first of a log on, as the lines of an export. Each line carries the hash of the log up to
/// it, so an import finds the first changed line.
#[derive(Debug, Default)]
pub struct ExportLines {
    tree: HashTree,
}

impl ExportLines {
    /// Writes the next event, with the end of its line.
    ///
    /// # Errors
    /// When the event's data is not JSON.
    pub fn write(&mut self, recorded: &Recorded, to: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        self.tree.add(recorded);
        lines::write(recorded, Some(self.tree.hash()), to)
    }

    /// Writes a key, after the last event.
    ///
    /// # Errors
    /// When the key cannot be written as JSON.
    pub fn write_key(&mut self, key: &DataKey, to: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        to.extend(key.to_line()?);
        Ok(())
    }
}

/// One event as a line of an export, without its hash and without the end of the line.
///
/// # Errors
/// When the event's data is not JSON.
pub fn export_line(recorded: &Recorded) -> Result<String, serde_json::Error> {
    let mut line = Vec::new();
    lines::write(recorded, None, &mut line)?;
    line.pop();
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Writes every event up to the present head, one line each, oldest first; returns their number. Later appends are left
/// out, so the export of a busy log ends.
///
/// # Errors
/// See [`ExportError`]; the lines written so far are complete.
pub async fn export(log: &dyn EventStore, to: &mut (impl AsyncWrite + Unpin + Send)) -> Result<u64, ExportError> {
    export_with(log, to, |_, _| ()).await
}

/// As [`export`]; also calls `on_progress` with the last written position and the head.
///
/// # Errors
/// As [`export`].
pub async fn export_with(
    log: &dyn EventStore,
    to: &mut (impl AsyncWrite + Unpin + Send),
    mut on_progress: impl FnMut(Position, Position) + Send,
) -> Result<u64, ExportError> {
    let head = log.head().await?;
    let mut after = Position(0);
    let (mut page, mut lines) = (Vec::new(), ExportLines::default());
    while after < head {
        let left = usize::try_from(head.0 - after.0).unwrap_or(usize::MAX);
        let events = log.read_all(after, PAGE.min(left), &Filter::default()).await?;
        for recorded in &events.events {
            lines
                .write(recorded, &mut page)
                .map_err(|source| ExportError::Json { position: recorded.position, source })?;
        }
        to.write_all(&page).await?;
        page.clear();
        after = events.next_after;
        on_progress(after, head);
    }
    let mut last = Uuid::nil();
    loop {
        let keys = log.data_keys_after(last, PAGE).await?;
        let Some(key) = keys.last() else { break };
        last = key.id;
        for key in keys.iter().filter(|key| key.is_exported()) {
            lines.write_key(key, &mut page).map_err(std::io::Error::from)?;
        }
        to.write_all(&page).await?;
        page.clear();
    }
    to.flush().await?;
    Ok(head.0)
}
