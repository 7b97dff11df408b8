//! Offline tools for a log: export, import, check, proofs and backup.
//!
//! Export, check, proofs and backup only read, so they work while a server has the log open: SQLite and PostgreSQL show
//! them committed transactions only. Nothing here knows HTTP, processes or views.

use std::io::Write as _;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use storefront_eventlog::{
    EventSelector, EventStore, ExportError, Hash, ImportError, Position, PostgresStore, ProofError, ProofMismatch,
    SqliteStore, StoreError, check_with, export_with, import_with, open_private_file, partial_name,
    prove as prove_event, rename_durably, verify_proof as verify,
};
use tokio::fs::File;
use tokio::io::BufReader;

use crate::config::StoreChoice;
use crate::runtime::compose::open_log;
use crate::store::{aggregate_list, personal_data};

/// Interval between progress lines; the first comes after one interval.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// Size of the read buffer of an import.
const READ_BUFFER_BYTES: usize = 256 * 1024;

/// A file, or standard input or output for `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOrStdio {
    /// Standard input or output.
    Stdio,
    /// A file at this path.
    File(PathBuf),
}

impl From<&std::ffi::OsStr> for FileOrStdio {
    fn from(text: &std::ffi::OsStr) -> Self {
        if text == "-" { Self::Stdio } else { Self::File(PathBuf::from(text)) }
    }
}

impl From<std::ffi::OsString> for FileOrStdio {
    fn from(text: std::ffi::OsString) -> Self {
        Self::from(text.as_os_str())
    }
}

/// Why a tool failed.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The arguments are wrong; the text says which are right.
    #[error("{0}")]
    Usage(String),
    /// The log cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export failed; the lines written so far are complete.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The import failed; `left` says in which state it leaves the log.
    #[error("{source}; {left}")]
    Import {
        /// Why the import stopped.
        source: ImportError,
        /// What it leaves behind, and what to do.
        left: &'static str,
    },
    /// The proof could not be made.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The proof is not valid.
    #[error("{} proves nothing: {why}", path.display())]
    ProofMismatch {
        /// The file with the proof.
        path: PathBuf,
        /// Why it is not valid.
        why: String,
    },
    /// A file other than the log cannot be read or written.
    #[error("{} {what}: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// The failed operation, as a predicate such as `cannot be read`.
        what: &'static str,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The output file exists already.
    #[error("{} is there already: choose another name", .0.display())]
    FileExists(PathBuf),
}

/// Writes the whole log as JSON lines and returns their number. A file gets its final name only when it is complete.
///
/// # Errors
/// See [`ToolError`].
pub async fn export(store: &StoreChoice, to: &FileOrStdio) -> Result<u64, ToolError> {
    let log = open_to_read(store).await?;
    let mut progress = Progress::new("exported");
    let mut tell = |done: storefront_eventlog::Position, head: storefront_eventlog::Position| {
        progress.events(done.0, Some(head.0));
    };
    let path = match to {
        FileOrStdio::Stdio => {
            let standard = std::io::stdout().as_fd().try_clone_to_owned().map_err(ExportError::Io)?;
            let mut file = File::from_std(standard.into());
            return Ok(export_with(&*log, &mut file, &mut tell).await?);
        }
        FileOrStdio::File(path) => path,
    };
    if path.exists() {
        return Err(ToolError::FileExists(path.clone()));
    }
    let partial = partial_name(path);
    let failed = |source| ToolError::File { path: path.clone(), what: "cannot be written", source };
    let file = open_private_file(&partial).map_err(failed)?;
    // A killed export may have left a partial file.
    file.set_len(0).map_err(failed)?;
    let mut file = File::from_std(file);
    let exported = export_with(&*log, &mut file, &mut tell).await;
    if exported.is_err() {
        // The error of the export is the one to report.
        let _left_behind = std::fs::remove_file(&partial);
    }
    let count = exported?;
    file.sync_all().await.map_err(failed)?;
    rename_durably(&partial, path).map_err(failed)?;
    Ok(count)
}

/// Imports the lines of an export into an empty log, which is created if it does not exist, and returns their number. A
/// SQLite file gets its final name only when the import is complete; a PostgreSQL log refuses to be opened until then.
///
/// # Errors
/// See [`ToolError`].
pub async fn import(store: &StoreChoice, from: &FileOrStdio) -> Result<u64, ToolError> {
    let lines = match from {
        FileOrStdio::Stdio => {
            let standard = std::io::stdin().as_fd().try_clone_to_owned();
            let failed = |source| ToolError::File { path: "the standard input".into(), what: "cannot be read", source };
            File::from_std(standard.map_err(failed)?.into())
        }
        FileOrStdio::File(path) => {
            let failed = |source| ToolError::File { path: path.clone(), what: "cannot be read", source };
            File::open(path).await.map_err(failed)?
        }
    };
    let mut lines = BufReader::with_capacity(READ_BUFFER_BYTES, lines);
    match store {
        StoreChoice::Memory => Err(memory_store_error()),
        StoreChoice::File(path) => import_into_file(path, &mut lines).await,
        StoreChoice::Postgres(_) => {
            let log = open_log(store).await?;
            let imported = import_lines(&*log, &mut lines).await;
            log.close().await;
            imported.map_err(|source| {
                let left = match &source {
                    ImportError::NotEmpty(_) => CHOOSE_EMPTY_STORE,
                    _ => {
                        "what came before may be in the database, which refuses to be opened now: drop its schema \
                          `eventlog` and import again"
                    }
                };
                ToolError::Import { source, left }
            })
        }
    }
}

const CHOOSE_EMPTY_STORE: &str = "nothing was written: choose an empty --store";

async fn import_lines(log: &dyn EventStore, lines: &mut BufReader<File>) -> Result<u64, ImportError> {
    let mut progress = Progress::new("imported");
    import_with(log, lines, |done| progress.events(done.0, None)).await
}

/// Imports into a partial file, which replaces the log when it is complete.
async fn import_into_file(path: &Path, lines: &mut BufReader<File>) -> Result<u64, ToolError> {
    let was_there = path.exists();
    if was_there {
        let there = SqliteStore::open(path)?;
        let head = there.head().await?;
        there.close().await;
        if head > Position(0) {
            return Err(ToolError::Import { source: ImportError::NotEmpty(head), left: CHOOSE_EMPTY_STORE });
        }
    }
    // No other process may create a log at this path meanwhile.
    let reserved = SqliteStore::reserve(path)?;
    let partial = partial_name(path);
    let unnamed = SqliteStore::reserve(&partial)?;
    remove_log(&partial);
    drop(unnamed);
    let log: Arc<dyn EventStore> = Arc::new(SqliteStore::open(&partial)?);
    let imported = import_lines(&*log, lines).await;
    log.close().await;
    drop(log);
    let named = imported.map_err(|source| ToolError::Import { source, left: "nothing was kept" }).and_then(|count| {
        let failed = |source| ToolError::File { path: path.to_owned(), what: "cannot be written", source };
        rename_durably(&partial, path).map_err(failed)?;
        Ok(count)
    });
    remove_log(&partial);
    drop(reserved);
    if named.is_err() && !was_there {
        let _gone = std::fs::remove_file(with_suffix(path, "-lock"));
    }
    named
}

/// Removes an incomplete log and its companion files, those that exist.
fn remove_log(path: &Path) {
    for part in ["", "-wal", "-shm", "-lock"] {
        let _gone = std::fs::remove_file(with_suffix(path, part));
    }
}

/// Accepts a SQLite log that lost its write-ahead log, and returns its last position.
///
/// # Errors
/// See [`ToolError`]; also when the write-ahead log is not missing.
pub fn accept_loss(store: &StoreChoice) -> Result<u64, ToolError> {
    match store {
        StoreChoice::File(path) => Ok(SqliteStore::accept_loss(path)?.0),
        StoreChoice::Memory => Err(memory_store_error()),
        StoreChoice::Postgres(_) => {
            Err(ToolError::Usage("a log on PostgreSQL has its write-ahead log in PostgreSQL".to_owned()))
        }
    }
}

/// Result of [`check`].
#[derive(Debug)]
pub struct CheckReport {
    /// The report as lines of text.
    pub report: String,
    /// Whether the log has no defects.
    pub is_sound: bool,
}

/// Checks the whole log: SQLite's integrity check of the file, positions and versions without gaps, unique ids, and
/// that every event is readable by the codec of its version.
///
/// # Errors
/// When the log cannot be opened. A read failure after that is part of the report.
pub async fn check(store: &StoreChoice) -> Result<CheckReport, ToolError> {
    let mut checked = CheckReport { report: String::new(), is_sound: true };
    let log: Arc<dyn EventStore> = match store {
        StoreChoice::File(path) => {
            let log = SqliteStore::open_to_read(path)?;
            checked.add(&check_sqlite_file(&log).await);
            Arc::new(log)
        }
        StoreChoice::Memory | StoreChoice::Postgres(_) => open_to_read(store).await?,
    };
    let mut progress = Progress::new("checked");
    let mut unprotected = 0_u64;
    let report = check_with(&*log, |recorded, head| {
        progress.events(recorded.position.0, Some(head.0));
        unprotected += u64::from(personal_data::is_unprotected(recorded));
        let read = aggregate_list::check(recorded.stream(), recorded.kind(), recorded.schema_version, recorded.data());
        read.err().map(|refusal| refusal.to_string())
    });
    match report.await {
        Ok(report) => {
            checked.add(&(report.to_string(), report.is_sound()));
            if let Some(tree) = report.tree {
                let (position, since) = (tree.position(), tree.since());
                let before =
                    if since > Position(1) { format!(", checksums from position {since} on") } else { String::new() };
                checked.add(&(format!("the hash at position {position}: {}{before}", tree.hash()), true));
            }
        }
        Err(failure) => checked.add(&(format!("the events cannot be read to their end: {failure}"), false)),
    }
    if unprotected > 0 {
        checked
            .add(&(format!("{unprotected} events of an older version have personal data that is not encrypted"), true));
    }
    Ok(checked)
}

impl CheckReport {
    fn add(&mut self, (lines, is_sound): &(String, bool)) {
        self.report.push_str(lines);
        self.report.push('\n');
        self.is_sound &= is_sound;
    }
}

async fn check_sqlite_file(log: &SqliteStore) -> (String, bool) {
    let mut progress = Progress::new("SQLite reads its file");
    let mut every = tokio::time::interval(PROGRESS_INTERVAL);
    let damages = log.damages();
    tokio::pin!(damages);
    let found = loop {
        tokio::select! {
            found = &mut damages => break found,
            _ = every.tick() => progress.still_running(),
        }
    };
    match found {
        Ok(lines) if lines.is_empty() => ("the file: all sound".to_owned(), true),
        Ok(lines) => (format!("the file is damaged:\n- {}", lines.join("\n- ")), false),
        Err(failure) => (format!("the file cannot be read: {failure}"), false),
    }
}

/// Returns a proof, as JSON, that the event with an id or at a position is in the log. [`verify_proof`] checks it
/// without the log.
///
/// # Errors
/// See [`ToolError`].
pub async fn prove(store: &StoreChoice, event: &str) -> Result<String, ToolError> {
    let position = || event.parse().ok().map(|position| EventSelector::Position(Position(position)));
    let id = || event.parse().ok().map(EventSelector::Id);
    let neither = || ToolError::Usage(format!("{event} is neither an event's id nor its position"));
    let wanted = position().or_else(id).ok_or_else(neither)?;
    let proof = prove_event(&*open_to_read(store).await?, wanted).await?;
    Ok(serde_json::to_string(&proof).map_err(ProofError::from)?)
}

/// Checks a proof and returns what it proves. With a `noted` hash of the log, also checks that the proof belongs to it.
///
/// # Errors
/// See [`ToolError`].
pub fn verify_proof(path: &Path, noted: Option<Hash>) -> Result<String, ToolError> {
    let failed = |source| ToolError::File { path: path.to_owned(), what: "cannot be read", source };
    let refuted = |why: String| ToolError::ProofMismatch { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let proven = verify(&text).map_err(|why: ProofMismatch| refuted(why.to_string()))?;
    if let Some(noted) = noted.filter(|noted| *noted != proven.log_hash) {
        let (hash, until) = (proven.log_hash, proven.log_position);
        return Err(refuted(format!("it is of a log with the hash {hash} at position {until}, not {noted}")));
    }
    let event = &proven.event;
    Ok(format!(
        "event {} ({} of {}, version {}) stands at position {} of the log with the hash {} at position {}",
        event.id,
        event.kind(),
        event.stream(),
        event.version,
        event.position,
        proven.log_hash,
        proven.log_position
    ))
}

/// Copies a consistent snapshot of a SQLite log into a new file; a server may write to the log meanwhile.
///
/// # Errors
/// See [`ToolError`]; `Usage` for a log that is not a SQLite file.
pub async fn backup(store: &StoreChoice, to: &Path) -> Result<(), ToolError> {
    match store {
        StoreChoice::File(path) => Ok(SqliteStore::open_to_read(path)?.backup(to).await?),
        StoreChoice::Memory => Err(memory_store_error()),
        StoreChoice::Postgres(_) => Err(ToolError::Usage(
            "a log on PostgreSQL is backed up by PostgreSQL's own pg_dump, or as lines of JSON by `storefront-server \
             export`"
                .to_owned(),
        )),
    }
}

async fn open_to_read(store: &StoreChoice) -> Result<Arc<dyn EventStore>, ToolError> {
    Ok(match store {
        StoreChoice::Memory => return Err(memory_store_error()),
        StoreChoice::File(path) => Arc::new(SqliteStore::open_to_read(path)?),
        StoreChoice::Postgres(url) => Arc::new(PostgresStore::open_to_read(url.reveal()).await?),
    })
}

fn memory_store_error() -> ToolError {
    ToolError::Usage("sqlite::memory: keeps nothing: name a log with --store sqlite:PATH or postgres://…".to_owned())
}

fn with_suffix(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Prints the progress of a long operation on standard error, at most once per [`PROGRESS_INTERVAL`].
struct Progress {
    what: &'static str,
    began: Instant,
    printed_at: Instant,
}

impl Progress {
    fn new(what: &'static str) -> Self {
        let now = Instant::now();
        Self { what, began: now, printed_at: now }
    }

    fn events(&mut self, done: u64, of: Option<u64>) {
        let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
        self.print(|what, _| format!("{what} {done}{of} events"));
    }

    fn still_running(&mut self) {
        self.print(|what, seconds| format!("{what}, for {seconds} s now"));
    }

    fn print(&mut self, words: impl FnOnce(&str, u64) -> String) {
        if self.printed_at.elapsed() >= PROGRESS_INTERVAL {
            self.printed_at = Instant::now();
            // Standard error may be closed.
            let _unread = writeln!(std::io::stderr(), "{}", words(self.what, self.began.elapsed().as_secs()));
        }
    }
}
