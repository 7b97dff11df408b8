//! Imports an exported log into an empty one, with the same positions, versions, ids and times, and the keys by which parts of
//! the events are read.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use crate::lines::{self, LINE_BYTES};
use crate::{
    Append, AppendError, Appended, DataKey, EventStore, Expected, HashTree, Position, Recorded, StoreError,
    StreamAppend, Version,
};

/// Number of events per page.
const PAGE: usize = 500;

/// Why an import failed. The events before the failure are in the log: discard that log.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The log is not empty.
    #[error("an import needs an empty log, and this one ends at position {0}")]
    NotEmpty(Position),
    /// A line is not an event, or not the next event.
    #[error("line {line}: {why}")]
    Line {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The lines could not be read.
    #[error("the export could not be read: {0}")]
    Io(#[from] std::io::Error),
    /// The log refused events.
    #[error("the log refused an event: {0}")]
    Refused(#[from] AppendError),
    /// The log could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An event got another position than in the exported log.
    #[error("somebody else writes to this log during the import")]
    NotAlone,
}

/// Writes the lines of an export into an empty log; returns the number of events.
///
/// # Errors
/// See [`ImportError`].
pub async fn import(log: &dyn EventStore, from: &mut (impl AsyncBufRead + Unpin + Send)) -> Result<u64, ImportError> {
    import_with(log, from, |_| ()).await
}

/// As [`import`]; also calls `on_progress` with the last written position.
///
/// # Errors
/// As [`import`].
pub async fn import_with(
    log: &dyn EventStore,
    from: &mut (impl AsyncBufRead + Unpin + Send),
    mut on_progress: impl FnMut(Position) + Send,
) -> Result<u64, ImportError> {
    let head = log.head().await?;
    if head > Position(0) {
        return Err(ImportError::NotEmpty(head));
    }
    log.mark_incomplete(true).await?;
    let mut lines = Lines::default();
    loop {
        let Page { events, keys } = lines.read_page(from).await?;
        if events.is_empty() && keys.is_empty() {
            log.mark_incomplete(false).await?;
            return Ok(lines.events);
        }
        if !events.is_empty() {
            write_page(log, events).await?;
            on_progress(Position(lines.events));
        }
        if !keys.is_empty() {
            log.add_data_keys(&keys).await?;
        }
    }
}

/// What has been read of an export.
#[derive(Default)]
struct Lines {
    read: u64,
    /// How many of the lines are events; the others are keys.
    events: u64,
    tree: HashTree,
}

#[derive(Default)]
struct Page {
    events: Vec<Recorded>,
    keys: Vec<DataKey>,
}

impl Lines {
    async fn read_page(&mut self, from: &mut (impl AsyncBufRead + Unpin)) -> Result<Page, ImportError> {
        let mut page = Page::default();
        let mut line = Vec::new();
        while page.events.len() + page.keys.len() < PAGE {
            line.clear();
            if (&mut *from).take(LINE_BYTES).read_until(b'\n', &mut line).await? == 0 {
                break;
            }
            self.read += 1;
            match DataKey::from_line(&line) {
                Some(key) => page.keys.push(key),
                None => page.events.push(self.event(&line)?),
            }
        }
        Ok(page)
    }

    fn event(&mut self, line: &[u8]) -> Result<Recorded, ImportError> {
        let number = self.read;
        let wrong = |why: String| ImportError::Line { line: number, why };
        if !line.ends_with(b"\n") {
            return Err(wrong("it has no end: it is too long, or the export was cut off".to_owned()));
        }
        let (recorded, hash) = lines::read(line).map_err(|error| wrong(error.to_string()))?;
        let due = self.events + 1;
        if recorded.position.0 != due {
            return Err(wrong(format!("position {} stands where {due} is due", recorded.position)));
        }
        self.tree.add(&recorded);
        if hash.is_some_and(|hash| hash != self.tree.hash()) {
            return Err(wrong("its hash does not fit: the line is not as it was exported".to_owned()));
        }
        self.events += 1;
        Ok(recorded)
    }
}

/// Sends all appends of a page at once, in order, so that the log writes them in few transactions.
async fn write_page(log: &dyn EventStore, page: Vec<Recorded>) -> Result<(), ImportError> {
    let mut due = page.first().map_or(0, |first| first.position.0 - 1);
    let appends = into_appends(page)?;
    let counts: Vec<u64> = appends.iter().map(event_count).collect();
    let mut sent: Vec<_> = appends.into_iter().map(|append| Sent::Waiting(log.append(append))).collect();
    let outcomes = poll_fn(|context| {
        let mut all = true;
        for append in &mut sent {
            if let Sent::Waiting(future) = append
                && let Poll::Ready(outcome) = future.as_mut().poll(context)
            {
                *append = Sent::Answered(Some(outcome));
            }
            all &= matches!(append, Sent::Answered(_));
        }
        if all { Poll::Ready(sent.iter_mut().map(Sent::take).collect::<Vec<_>>()) } else { Poll::Pending }
    })
    .await;
    for (outcome, count) in outcomes.into_iter().zip(counts) {
        due += count;
        match outcome {
            Some(Ok(appended)) if appended.position.0 == due => {}
            Some(Ok(_)) | None => return Err(ImportError::NotAlone),
            Some(Err(error)) => return Err(error.into()),
        }
    }
    Ok(())
}

enum Sent<'a> {
    Waiting(Pin<Box<dyn Future<Output = Result<Appended, AppendError>> + Send + 'a>>),
    Answered(Option<Result<Appended, AppendError>>),
}

impl Sent<'_> {
    fn take(&mut self) -> Option<Result<Appended, AppendError>> {
        match self {
            Sent::Waiting(_) => None,
            Sent::Answered(outcome) => outcome.take(),
        }
    }
}

/// Splits a page into as few appends as possible while keeping its order: an append names each stream once.
fn into_appends(page: Vec<Recorded>) -> Result<Vec<Append>, ImportError> {
    let mut appends: Vec<Append> = Vec::new();
    let mut named = std::collections::HashSet::new();
    for recorded in page {
        let line = recorded.position.0;
        let Some(before) = recorded.version.0.checked_sub(1) else {
            return Err(ImportError::Line { line, why: "versions start at 1".to_owned() });
        };
        let goes_on = appends
            .last()
            .and_then(|append| append.streams.last())
            .is_some_and(|last| last.stream.as_str() == recorded.stream() && next(last) == Some(recorded.version));
        if !goes_on && (appends.is_empty() || named.contains(recorded.stream())) {
            appends.push(Append::default());
            named.clear();
        }
        let Some(append) = appends.last_mut() else { continue };
        match append.streams.last_mut() {
            Some(last) if goes_on => last.events.push(recorded.to_new()),
            Some(_) | None => {
                named.insert(recorded.stream().to_owned());
                let expected = Expected::Exactly(Version(before));
                let (stream, events) = (recorded.stream_name(), vec![recorded.to_new()]);
                append.streams.push(StreamAppend { stream, expected, events });
            }
        }
    }
    Ok(appends)
}

fn next(part: &StreamAppend) -> Option<Version> {
    match part.expected {
        Expected::Exactly(before) => Some(Version(before.0 + part.events.len() as u64 + 1)),
        Expected::Any => None,
    }
}

fn event_count(append: &Append) -> u64 {
    append.streams.iter().map(|stream| stream.events.len() as u64).sum()
}
