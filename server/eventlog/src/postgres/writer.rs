//! The task that writes: takes what is queued, writes it in one statement, then answers everybody.
//!
//! Other servers write to the same log, so what this one remembers of a stream may be old. It is never too new: events
//! are never deleted, and versions are remembered only after a commit. An old one shows as a unique violation, because
//! the place is taken; then the batch is judged anew under the head row's lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error};
use tracing::{error, warn};

use super::anchor::Anchor;
use super::insert::{Rows, is_judged};
use super::session::{Session, is_lost, silent};
use super::{raise, read, validate};
use crate::hash_tree::HashTree;
use crate::queue::{Batch, Job, LingerPolicy, Outcome};
use crate::versions::Versions;
use crate::{AppendError, Appended, Expected, Position, StoreError, StreamName, Version};

const REMEMBERED_STREAMS: usize = 50_000;
/// Pauses before a batch is tried again on a new connection; then its callers get the error.
const RETRY_PAUSES_MS: [u64; 6] = [0, 50, 200, 500, 1000, 2000];

/// How long a batch may take in all. Whether one that took longer was written shows when it is sent again.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the writer owns.
pub(super) struct Writer {
    pub(super) queue: mpsc::Receiver<Job>,
    pub(super) config: Config,
    pub(super) session: Option<Session>,
    /// Where those who wait look.
    pub(super) head: Arc<watch::Sender<Position>>,
    /// What other servers are to be told.
    pub(super) committed: watch::Sender<Position>,
    /// Whether the log is still the one that is remembered.
    pub(super) anchor: Arc<Anchor>,
}

/// Writes until nobody can send any more.
pub(super) async fn run(mut writer: Writer) {
    let mut memory = Memory { versions: Versions::new(REMEMBERED_STREAMS), tree: HashTree::default() };
    while let Some(first) = writer.queue.recv().await {
        let Batch { jobs, .. } = Batch::of(first, &mut writer.queue);
        let (began, callers) = (Instant::now(), jobs.len());
        write(&mut writer, &mut memory, jobs).await;
        let lookout = LingerPolicy::for_those(callers, began);
        while lookout.goes_on(writer.queue.len()) {
            tokio::task::yield_now().await;
        }
    }
}

/// What the writer knows without asking the database. It is of the database that its session is with: another session may
/// be with a database that was set back, so it begins with nothing.
struct Memory {
    versions: Versions,
    /// The tree over the log as of the last commit of this server; a guess for the next one.
    tree: HashTree,
}

impl Memory {
    fn forget(&mut self) {
        self.versions.clear();
        self.tree = HashTree::default();
    }
}

async fn write(writer: &mut Writer, memory: &mut Memory, jobs: Vec<Job>) {
    let Ok(written) = tokio::time::timeout(PATIENCE, write_or_retry(writer, memory, &jobs)).await else {
        error!(appends = jobs.len(), "the database says nothing; the connection is given up");
        writer.session = None;
        memory.forget();
        // Those who came meanwhile have waited too, and the next connection may be as silent. Who comes after the first is
        // answered has not.
        let waiting: Vec<Job> = std::iter::from_fn(|| writer.queue.try_recv().ok()).collect();
        for job in jobs.into_iter().chain(waiting) {
            let _gone = job.reply.send(Err(silent(PATIENCE).into()));
        }
        return;
    };
    match written {
        Ok((outcomes, head)) => {
            raise(&writer.head, head);
            raise(&writer.committed, head);
            let written = jobs.iter().zip(&outcomes).rev().find_map(|(job, outcome)| {
                let last = job.append.streams.iter().flat_map(|part| &part.events).next_back()?;
                Some((outcome.as_ref().ok()?.position, last.id))
            });
            if let Some((position, id)) = written {
                writer.anchor.saw_at(position, id);
            }
            for (job, outcome) in jobs.into_iter().zip(outcomes) {
                // A caller that went away does not need its answer.
                let _gone = job.reply.send(outcome);
            }
        }
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            warn!(appends = jobs.len(), "another server holds the head of the log for too long");
            for job in jobs {
                let _gone = job.reply.send(Err(AppendError::Busy));
            }
        }
        Err(error) => {
            error!(%error, appends = jobs.len(), "the event log could not be written");
            let error = Arc::new(error);
            for job in jobs {
                let _gone = job.reply.send(Err(StoreError::Database(Box::new(error.clone())).into()));
            }
        }
    }
}

/// Tries again on a new connection when the old one is lost. Whether the lost attempt was written shows by its ids.
async fn write_or_retry(
    writer: &mut Writer,
    memory: &mut Memory,
    jobs: &[Job],
) -> Result<(Vec<Outcome>, Position), Error> {
    let mut again = false;
    let mut pauses_ms = RETRY_PAUSES_MS.into_iter();
    loop {
        let attempt = match &writer.session {
            Some(session) => write_once(session, memory, jobs, again).await,
            None => match Session::connect(&writer.config, |_| {}).await {
                Ok(session) => {
                    // It may lead to another database than the one before, such as a replica that took over.
                    let looked = writer.anchor.look(&session).await;
                    if writer.anchor.holds().is_err() {
                        return Ok((jobs.iter().map(|_| Err(set_back(&writer.anchor))).collect(), Position(0)));
                    }
                    writer.session = Some(session);
                    match looked {
                        Ok(()) => continue,
                        Err(error) => Err(error),
                    }
                }
                Err(error) => Err(error),
            },
        };
        match attempt {
            Err(error) if is_lost(&error) => {
                again |= writer.session.take().is_some();
                memory.forget();
                let Some(pause_ms) = pauses_ms.next() else { return Err(error) };
                warn!(%error, pause_ms, "the connection to the database is lost; trying again");
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            done => return done,
        }
    }
}

fn set_back(anchor: &Anchor) -> AppendError {
    anchor.holds().err().unwrap_or(StoreError::Closed).into()
}

async fn write_once(
    session: &Session,
    memory: &mut Memory,
    jobs: &[Job],
    again: bool,
) -> Result<(Vec<Outcome>, Position), Error> {
    if !again && let Some(done) = write_hopefully(session, memory, jobs).await? {
        return Ok(done);
    }
    validate::write(session, &mut memory.versions, &mut memory.tree, jobs, again).await
}

/// Writes a batch that looks fine with a single statement; `None` when it needs judging, and then nothing is written.
async fn write_hopefully(
    session: &Session,
    Memory { versions, tree }: &mut Memory,
    jobs: &[Job],
) -> Result<Option<(Vec<Outcome>, Position)>, Error> {
    look_up(session, versions, jobs).await?;
    let mut now: HashMap<&StreamName, Version> = HashMap::new();
    let mut rows = Rows::default();
    let mut planned = Vec::with_capacity(jobs.len());
    for job in jobs {
        let append = &job.append;
        if !rows.demand(append) {
            return Ok(None);
        }
        let mut before = Vec::with_capacity(append.streams.len());
        for part in &append.streams {
            let known = now.get(&part.stream).copied().or_else(|| versions.get(&part.stream)).unwrap_or_default();
            // Only a row that is written proves a version.
            if part.events.is_empty() || matches!(part.expected, Expected::Exactly(expected) if expected != known) {
                return Ok(None);
            }
            before.push(known);
        }
        rows.add(job, &mut before);
        now.extend(append.streams.iter().map(|part| &part.stream).zip(before.iter().copied()));
        planned.push((rows.event_count(), before));
    }
    let base = match rows.write(session, tree).await {
        Ok(base) => base,
        Err(error) if is_judged(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    for (stream, version) in now {
        versions.set(stream, version);
    }
    let outcomes = planned
        .into_iter()
        .map(|(past_base, versions)| Ok(Appended { position: Position(base.0 + past_base), versions }));
    Ok(Some((outcomes.collect(), Position(base.0 + rows.event_count()))))
}

/// Reads the versions of streams that are not remembered, except where a new stream is expected: that is proven by
/// writing its first row.
async fn look_up(session: &Session, versions: &mut Versions, jobs: &[Job]) -> Result<(), Error> {
    let unknown: Vec<&StreamName> = jobs
        .iter()
        .flat_map(|job| &job.append.streams)
        .filter(|part| part.expected != Expected::Exactly(Version(0)) && versions.get(&part.stream).is_none())
        .map(|part| &part.stream)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = unknown.iter().map(|stream| stream.as_str()).collect();
    let found = read::versions(session, &names).await?;
    for stream in unknown {
        versions.set(stream, found.get(stream.as_str()).copied().unwrap_or_default());
    }
    Ok(())
}
