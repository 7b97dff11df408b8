//! What is done to a log without opening a shop on it: export, import, check, backup.
//!
//! Export, check and backup only read, so they also work beside a server that has the log open; SQLite and PostgreSQL both
//! show them whole transactions alone. Nothing here knows HTTP, processes or views.

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

use crate::codec;
use crate::config::StoreChoice;
use crate::runtime::compose::open_log;
use crate::store::aggregates::Store;

/// Something takes so long before it says how far it is, and so long between one word and the next.
const SILENCE: Duration = Duration::from_secs(1);
/// Bytes of an import that are read at once.
const READ_AHEAD: usize = 256 * 1024;

/// A file, or for `-` the standard input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The standard input or output.
    Standard,
    /// A file.
    File(PathBuf),
}

impl From<&std::ffi::OsStr> for Place {
    fn from(text: &std::ffi::OsStr) -> Self {
        if text == "-" { Self::Standard } else { Self::File(PathBuf::from(text)) }
    }
}

impl From<std::ffi::OsString> for Place {
    fn from(text: std::ffi::OsString) -> Self {
        Self::from(text.as_os_str())
    }
}

/// Why a tool did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// What was asked makes no sense; the text says what would.
    #[error("{0}")]
    Usage(String),
    /// The log cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export stopped.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The import stopped.
    #[error("{source}; {left}")]
    Import {
        /// Why.
        source: ImportError,
        /// What that leaves behind, and what to do.
        left: &'static str,
    },
    /// There is no proof.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A proof proves nothing.
    #[error("{} proves nothing: {why}", path.display())]
    ProofMismatch {
        /// The file with the proof.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file that is not a log cannot be read or written.
    #[error("{} {what}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What cannot be done with it.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is something where a new file should go.
    #[error("{} is there already: choose another name", .0.display())]
    IsThere(PathBuf),
}

/// Writes the whole log as lines of JSON; tells how many. A file has its name only once it is whole.
///
/// # Errors
/// See [`ToolError`].
pub async fn export(store: &StoreChoice, to: &Place) -> Result<u64, ToolError> {
    let log = open_to_read(store).await?;
    let mut progress = Progress::new("exported");
    let mut tell = |done: storefront_eventlog::Position, head: storefront_eventlog::Position| {
        progress.note(done.0, Some(head.0));
    };
    let path = match to {
        Place::Standard => {
            let standard = std::io::stdout().as_fd().try_clone_to_owned().map_err(ExportError::Io)?;
            let mut file = File::from_std(standard.into());
            return Ok(export_with(&*log, &mut file, &mut tell).await?);
        }
        Place::File(path) => path,
    };
    if path.exists() {
        return Err(ToolError::IsThere(path.clone()));
    }
    let partial = partial_name(path);
    let failed = |source| ToolError::File { path: path.clone(), what: "cannot be written", source };
    let file = open_private_file(&partial).map_err(failed)?;
    // What an export that was killed left there.
    file.set_len(0).map_err(failed)?;
    let mut file = File::from_std(file);
    let exported = export_with(&*log, &mut file, &mut tell).await;
    if exported.is_err() {
        // Why there is no export is the one to tell.
        let _left_behind = std::fs::remove_file(&partial);
    }
    let count = exported?;
    file.sync_all().await.map_err(failed)?;
    rename_durably(&partial, path).map_err(failed)?;
    Ok(count)
}

/// Writes the lines of an export into an empty log, which is made if there is none; tells how many. A file has its name only
/// once all of them are in it, and a database refuses to be opened until then.
///
/// # Errors
/// See [`ToolError`].
pub async fn import(store: &StoreChoice, from: &Place) -> Result<u64, ToolError> {
    let lines = match from {
        Place::Standard => {
            let standard = std::io::stdin().as_fd().try_clone_to_owned();
            let failed = |source| ToolError::File { path: "the standard input".into(), what: "cannot be read", source };
            File::from_std(standard.map_err(failed)?.into())
        }
        Place::File(path) => {
            let failed = |source| ToolError::File { path: path.clone(), what: "cannot be read", source };
            File::open(path).await.map_err(failed)?
        }
    };
    let mut lines = BufReader::with_capacity(READ_AHEAD, lines);
    match store {
        StoreChoice::Memory => Err(forgets()),
        StoreChoice::File(path) => import_into_file(path, &mut lines).await,
        StoreChoice::Postgres(_) => {
            let log = open_log(store).await?;
            let imported = import_lines(&log, &mut lines).await;
            log.close().await;
            imported.map_err(|source| {
                let left = match &source {
                    ImportError::NotEmpty(_) => CHOOSE_EMPTY,
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

const CHOOSE_EMPTY: &str = "nothing was written: choose an empty --store";

async fn import_lines(log: &Store, lines: &mut BufReader<File>) -> Result<u64, ImportError> {
    let mut progress = Progress::new("imported");
    import_with(&**log, lines, |done| progress.note(done.0, None)).await
}

/// Imports into a file under another name, which takes the place of the log once it is whole.
async fn import_into_file(path: &Path, lines: &mut BufReader<File>) -> Result<u64, ToolError> {
    let was_there = path.exists();
    if was_there {
        let there = SqliteStore::open(path)?;
        let head = there.head().await?;
        there.close().await;
        if head > Position(0) {
            return Err(ToolError::Import { source: ImportError::NotEmpty(head), left: CHOOSE_EMPTY });
        }
    }
    // Nobody may begin a log here meanwhile.
    let reserved = SqliteStore::reserve(path)?;
    let partial = partial_name(path);
    let unnamed = SqliteStore::reserve(&partial)?;
    remove_log(&partial);
    drop(unnamed);
    let log: Store = Arc::new(SqliteStore::open(&partial)?);
    let imported = import_lines(&log, lines).await;
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
        let _gone = std::fs::remove_file(beside(path, "-lock"));
    }
    named
}

/// Removes a log that is not whole, with all that stands beside it. Most of it is not there.
fn remove_log(path: &Path) {
    for part in ["", "-wal", "-shm", "-lock"] {
        let _gone = std::fs::remove_file(beside(path, part));
    }
}

/// Takes a SQLite log as it is that lost its write-ahead log; tells where it ends.
///
/// # Errors
/// See [`ToolError`]; also when nothing is lost.
pub fn accept_loss(store: &StoreChoice) -> Result<u64, ToolError> {
    match store {
        StoreChoice::File(path) => Ok(SqliteStore::accept_loss(path)?.0),
        StoreChoice::Memory => Err(forgets()),
        StoreChoice::Postgres(_) => {
            Err(ToolError::Usage("a log on PostgreSQL has its write-ahead log in PostgreSQL".to_owned()))
        }
    }
}

/// What [`check`] found.
#[derive(Debug)]
pub struct Checked {
    /// The report, in lines for a person.
    pub report: String,
    /// Whether nothing is wrong.
    pub sound: bool,
}

/// Reads the whole log: the database's own idea of its file, dense positions and versions, unique ids, and every event
/// through the codec of its version.
///
/// # Errors
/// When the log cannot be opened. That it cannot be read any further is a finding.
pub async fn check(store: &StoreChoice) -> Result<Checked, ToolError> {
    let mut checked = Checked { report: String::new(), sound: true };
    let log: Arc<dyn EventStore> = match store {
        StoreChoice::File(path) => {
            let log = SqliteStore::open_to_read(path)?;
            checked.add(&damages(&log).await);
            Arc::new(log)
        }
        StoreChoice::Memory | StoreChoice::Postgres(_) => open_to_read(store).await?,
    };
    let mut progress = Progress::new("checked");
    let report = check_with(&*log, |recorded, head| {
        progress.note(recorded.position.0, Some(head.0));
        let read = codec::check(recorded.stream(), recorded.kind(), recorded.schema_version, recorded.data());
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
    Ok(checked)
}

impl Checked {
    fn add(&mut self, (lines, sound): &(String, bool)) {
        self.report.push_str(lines);
        self.report.push('\n');
        self.sound &= sound;
    }
}

async fn damages(log: &SqliteStore) -> (String, bool) {
    let mut progress = Progress::new("SQLite reads its file");
    let mut every = tokio::time::interval(SILENCE);
    let damages = log.damages();
    tokio::pin!(damages);
    let found = loop {
        tokio::select! {
            found = &mut damages => break found,
            _ = every.tick() => progress.wait(),
        }
    };
    match found {
        Ok(lines) if lines.is_empty() => ("the file: all sound".to_owned(), true),
        Ok(lines) => (format!("the file is damaged:\n- {}", lines.join("\n- ")), false),
        Err(failure) => (format!("the file cannot be read: {failure}"), false),
    }
}

/// Proves that an event, told by its id or its position, stands in the log: JSON that [`verify_proof`] checks without the log.
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

/// Checks a proof; with a hash that was noted before, also that it is of the log with that hash. Tells what is proven.
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

/// Copies a SQLite log of this moment into a new file, also while a server writes to it.
///
/// # Errors
/// See [`ToolError`]; `Usage` for a log that is not in a file.
pub async fn backup(store: &StoreChoice, to: &Path) -> Result<(), ToolError> {
    match store {
        StoreChoice::File(path) => Ok(SqliteStore::open_to_read(path)?.backup(to).await?),
        StoreChoice::Memory => Err(forgets()),
        StoreChoice::Postgres(_) => Err(ToolError::Usage(
            "a log on PostgreSQL is backed up by PostgreSQL's own pg_dump, or as lines of JSON by `storefront-server \
             export`"
                .to_owned(),
        )),
    }
}

async fn open_to_read(store: &StoreChoice) -> Result<Arc<dyn EventStore>, ToolError> {
    Ok(match store {
        StoreChoice::Memory => return Err(forgets()),
        StoreChoice::File(path) => Arc::new(SqliteStore::open_to_read(path)?),
        StoreChoice::Postgres(url) => Arc::new(PostgresStore::open_to_read(url.reveal()).await?),
    })
}

fn forgets() -> ToolError {
    ToolError::Usage("sqlite::memory: keeps nothing: name a log with --store sqlite:PATH or postgres://…".to_owned())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Says on the standard error how far something is, once it takes a while.
struct Progress {
    what: &'static str,
    began: Instant,
    told: Instant,
}

impl Progress {
    fn new(what: &'static str) -> Self {
        let now = Instant::now();
        Self { what, began: now, told: now }
    }

    fn note(&mut self, done: u64, of: Option<u64>) {
        let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
        self.tell(|what, _| format!("{what} {done}{of} events"));
    }

    fn wait(&mut self) {
        self.tell(|what, seconds| format!("{what}, for {seconds} s now"));
    }

    fn tell(&mut self, words: impl FnOnce(&str, u64) -> String) {
        if self.told.elapsed() >= SILENCE {
            self.told = Instant::now();
            // Nobody may be there to read it.
            let _unread = writeln!(std::io::stderr(), "{}", words(self.what, self.began.elapsed().as_secs()));
        }
    }
}
