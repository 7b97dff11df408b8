//! The writer task: takes what is queued, writes it in one statement, then sends the outcomes.
//!
//! Other servers write to the same log, so a cached version may be old. It is never too new: events are never deleted, and
//! versions are cached only after a commit. An old version causes a unique violation; the batch is then validated under the
//! lock of the head row (`locked_batch.rs`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use tracing::{error, warn};

use super::anchor::Anchor;
use super::encryption::PostgresAddress;
use super::feeder::{Commits, advance_head};
use super::insert::{Rows, needs_validation};
use super::session::{Session, is_lost, timed_out};
use super::{locked_batch, read};
use crate::hash_tree::HashTree;
use crate::queue::{Batch, Job, LingerPolicy, Outcome};
use crate::version_cache::VersionCache;
use crate::{AppendError, Appended, Expected, Position, StoreError, StreamName, Version};

const CACHED_STREAMS_PER_GENERATION: usize = 50_000;
/// Pauses before the retries of a batch on a new connection; after the last one the callers get the error.
const RETRY_PAUSES_MS: [u64; 6] = [0, 50, 200, 500, 1000, 2000];

/// Maximum time for a batch, with its retries. Whether a batch that took longer was written shows when it is sent again.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);

/// What the writer task owns.
pub(super) struct Writer {
    pub(super) queue: mpsc::Receiver<Job>,
    pub(super) config: PostgresAddress,
    pub(super) session: Option<Session>,
    /// The commits, for readers and those who wait for events.
    pub(super) commits: Commits,
    /// The last commit, which the listener announces to other servers.
    pub(super) committed: watch::Sender<Position>,
    /// Detects a database that was set back.
    pub(super) anchor: Arc<Anchor>,
}

/// Writes until the queue is closed and empty.
pub(super) async fn run(mut writer: Writer) {
    let mut cache =
        WriterCache { versions: VersionCache::new(CACHED_STREAMS_PER_GENERATION), tree: HashTree::default() };
    while let Some(first) = writer.queue.recv().await {
        let Batch { jobs, .. } = Batch::collect(first, &mut writer.queue);
        let (began, callers) = (Instant::now(), jobs.len());
        write(&mut writer, &mut cache, jobs).await;
        let linger = LingerPolicy::after_batch(callers, began);
        while linger.should_wait(writer.queue.len()) {
            tokio::task::yield_now().await;
        }
    }
}

/// What the writer knows without reading the database. It is valid for one session only: the next may lead to a database that
/// was set back, so it begins with an empty cache.
struct WriterCache {
    versions: VersionCache,
    /// The hash tree as of the last commit of this server; other servers may have written since.
    tree: HashTree,
}

impl WriterCache {
    fn clear(&mut self) {
        self.versions.clear();
        self.tree = HashTree::default();
    }
}

async fn write(writer: &mut Writer, cache: &mut WriterCache, jobs: Vec<Job>) {
    let Ok(written) = tokio::time::timeout(BATCH_TIMEOUT, write_or_retry(writer, cache, &jobs)).await else {
        error!(appends = jobs.len(), "the database did not answer in time; the connection is dropped");
        writer.session = None;
        cache.clear();
        // Appends that were queued meanwhile have waited too and fail as well, because the next connection may not respond
        // either.
        let waiting: Vec<Job> = std::iter::from_fn(|| writer.queue.try_recv().ok()).collect();
        for job in jobs.into_iter().chain(waiting) {
            let _gone = job.reply.send(Err(timed_out(BATCH_TIMEOUT).into()));
        }
        return;
    };
    match written {
        Ok((outcomes, head)) => {
            let written = jobs.iter().zip(&outcomes).rev().find_map(|(job, outcome)| {
                let last = job.append.streams.iter().flat_map(|stream_append| &stream_append.events).next_back()?;
                Some((outcome.as_ref().ok()?.position, last.id))
            });
            if let Some((position, id)) = written {
                writer.anchor.record(position, id);
            }
            writer.commits.batch(head, &jobs, &outcomes);
            advance_head(&writer.committed, head);
            for (job, outcome) in jobs.into_iter().zip(outcomes) {
                // An error means that the caller has gone.
                let _gone = job.reply.send(outcome);
            }
        }
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            warn!(appends = jobs.len(), "another server has locked the head row for too long");
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

/// Writes a batch, with retries on a new connection when the old one is lost. The event ids show whether a lost attempt was
/// written.
async fn write_or_retry(
    writer: &mut Writer,
    cache: &mut WriterCache,
    jobs: &[Job],
) -> Result<(Vec<Outcome>, Position), Error> {
    let mut is_retry = false;
    let mut pauses_ms = RETRY_PAUSES_MS.into_iter();
    loop {
        let attempt = match &writer.session {
            Some(session) => write_once(session, cache, jobs, is_retry).await,
            None => match Session::connect(&writer.config, |_| {}).await {
                Ok(session) => {
                    // The connection may lead to another database, such as a replica that took over.
                    let verified = writer.anchor.verify(&session).await;
                    if writer.anchor.check().is_err() {
                        return Ok((jobs.iter().map(|_| Err(set_back_error(&writer.anchor))).collect(), Position(0)));
                    }
                    writer.session = Some(session);
                    match verified {
                        Ok(()) => continue,
                        Err(error) => Err(error),
                    }
                }
                Err(error) => Err(error),
            },
        };
        match attempt {
            Err(error) if is_lost(&error) => {
                is_retry |= writer.session.take().is_some();
                cache.clear();
                let Some(pause_ms) = pauses_ms.next() else { return Err(error) };
                warn!(%error, pause_ms, "the connection to the database is lost; trying again");
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            done => return done,
        }
    }
}

fn set_back_error(anchor: &Anchor) -> AppendError {
    anchor.check().err().unwrap_or(StoreError::Closed).into()
}

async fn write_once(
    session: &Session,
    cache: &mut WriterCache,
    jobs: &[Job],
    is_retry: bool,
) -> Result<(Vec<Outcome>, Position), Error> {
    if !is_retry && let Some(done) = try_write_optimistically(session, cache, jobs).await? {
        return Ok(done);
    }
    locked_batch::write(session, &mut cache.versions, &mut cache.tree, jobs, is_retry).await
}

/// Writes a batch with a single statement, without validation of each append. Returns `None` when the batch needs validation;
/// nothing is written then.
async fn try_write_optimistically(
    session: &Session,
    WriterCache { versions, tree }: &mut WriterCache,
    jobs: &[Job],
) -> Result<Option<(Vec<Outcome>, Position)>, Error> {
    load_unknown_versions(session, versions, jobs).await?;
    let mut latest: HashMap<&StreamName, Version> = HashMap::new();
    let mut rows = Rows::default();
    let mut planned = Vec::with_capacity(jobs.len());
    for job in jobs {
        let append = &job.append;
        if !rows.add_preconditions(append) {
            return Ok(None);
        }
        let mut before = Vec::with_capacity(append.streams.len());
        for stream_append in &append.streams {
            let known = latest
                .get(&stream_append.stream)
                .copied()
                .or_else(|| versions.get(&stream_append.stream))
                .unwrap_or_default();
            // The statement checks a version only by inserting the next one.
            if stream_append.events.is_empty()
                || matches!(stream_append.expected, Expected::Exactly(expected) if expected != known)
            {
                return Ok(None);
            }
            before.push(known);
        }
        rows.add(job, &mut before);
        latest.extend(append.streams.iter().map(|stream_append| &stream_append.stream).zip(before.iter().copied()));
        planned.push((rows.event_count(), before));
    }
    let base = match rows.write(session, tree).await {
        Ok(base) => base,
        Err(error) if needs_validation(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    for (stream, version) in latest {
        versions.set(stream, version);
    }
    let outcomes = planned
        .into_iter()
        .map(|(past_base, versions)| Ok(Appended { position: Position(base.0 + past_base), versions }));
    Ok(Some((outcomes.collect(), Position(base.0 + rows.event_count()))))
}

/// Reads the versions of streams that are not cached, except for streams that are expected to be new: inserting version 1
/// checks that.
async fn load_unknown_versions(session: &Session, versions: &mut VersionCache, jobs: &[Job]) -> Result<(), Error> {
    let unknown: Vec<&StreamName> = jobs
        .iter()
        .flat_map(|job| &job.append.streams)
        .filter(|stream_append| {
            stream_append.expected != Expected::Exactly(Version(0)) && versions.get(&stream_append.stream).is_none()
        })
        .map(|stream_append| &stream_append.stream)
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
