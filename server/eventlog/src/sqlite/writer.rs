//! The writer thread: writes what is queued, and what is queued while it writes, in one transaction, then sends the
//! outcomes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::Connection;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, watch};
use tracing::error;

use super::batch::{self, WriterCache};
use super::file_state;
use super::owned_file::Ownership;
use super::readers::lock;
use crate::queue::{Batch, Job, LingerPolicy, Outcome};
use crate::tail::Tail;
use crate::{Append, HashTree, Position, StoreError};

/// What the writer thread owns. Fields are dropped in this order; closing `head` signals that the writer has finished.
pub(super) struct Writer {
    pub(super) queue: mpsc::Receiver<Job>,
    pub(super) connection: Arc<Mutex<Connection>>,
    pub(super) file: Option<Ownership>,
    /// The newest events, for readers at the end of the log.
    pub(super) tail: Arc<Tail>,
    pub(super) head: watch::Sender<Position>,
    /// The hash tree as of the last commit.
    pub(super) tree: Arc<Mutex<HashTree>>,
    /// The runtime in which the log was opened, if any; its tasks are the callers.
    pub(super) runtime: Option<Handle>,
}

/// Writes until the queue is closed and empty, then checkpoints the write-ahead log.
pub(super) fn run(mut writer: Writer) {
    let mut cache = WriterCache::new();
    let mut linger = LingerPolicy::none();
    while let Some(first) = next_job(&mut writer.queue, &linger) {
        let began = Instant::now();
        let batch = Batch::collect(first, &mut writer.queue);
        let mut open_batch = OpenBatch { batch, queue: &mut writer.queue, linger: &linger };
        let written = batch::write(&lock(&writer.connection), &mut cache, &mut open_batch);
        let jobs = open_batch.batch.jobs;
        linger = LingerPolicy::after_batch(jobs.len(), began);
        match written {
            Ok(outcomes) => {
                if let Some(tree) = cache.tree() {
                    writer.tree.lock().unwrap_or_else(PoisonError::into_inner).clone_from(tree);
                }
                if let Some(head) = cache.head() {
                    // Readers that are woken or answered find the events in memory.
                    writer.tail.push_batch(head, &jobs, &outcomes);
                    writer.head.send_if_modified(|known| std::mem::replace(known, head) != head);
                }
                send_responses(Responders { jobs, outcomes }, writer.runtime.as_ref());
            }
            Err(error) => {
                error!(%error, appends = jobs.len(), "the event log could not be written");
                // Nothing tells for certain where the log ends.
                writer.tail.forget();
                let error = Arc::new(error);
                for job in jobs {
                    let _gone = job.reply.send(Err(StoreError::Database(Box::new(error.clone())).into()));
                }
            }
        }
    }
    if writer.file.is_some()
        && let Err(error) = finish(&lock(&writer.connection), cache.tree())
    {
        error!(%error, "the write-ahead log could not be checkpointed; the next start does it");
    }
}

fn finish(connection: &Connection, tree: Option<&HashTree>) -> rusqlite::Result<()> {
    if let Some(tree) = tree {
        batch::save_tree(connection, tree)?;
    }
    file_state::mark_whole(connection)
}

/// The next append; blocks only when the linger time is over. Returns `None` when the queue is closed and empty.
fn next_job(queue: &mut mpsc::Receiver<Job>, linger: &LingerPolicy) -> Option<Job> {
    loop {
        match queue.try_recv() {
            Ok(job) => return Some(job),
            Err(_) if linger.should_wait(0) => std::thread::yield_now(),
            Err(_) => return queue.blocking_recv(),
        }
    }
}

/// A batch that still takes appends while it is being written.
pub(super) struct OpenBatch<'a> {
    batch: Batch,
    queue: &'a mut mpsc::Receiver<Job>,
    linger: &'a LingerPolicy,
}

impl OpenBatch<'_> {
    /// The append at an index, waiting for it within the linger time. Returns `None` when the batch is complete.
    pub(super) fn job(&mut self, index: usize) -> Option<&Job> {
        while index == self.batch.jobs.len() && !self.batch.push_queued(self.queue) {
            if self.batch.is_full() || !self.linger.should_wait(index) {
                return None;
            }
            std::thread::yield_now();
        }
        self.batch.jobs.get(index)
    }

    /// The appends taken so far.
    pub(super) fn appends(&self) -> impl Iterator<Item = &Append> {
        self.batch.jobs.iter().map(|job| &job.append)
    }
}

/// The outcomes of a batch, sent at the latest on drop, so that a runtime that shuts down loses none.
struct Responders {
    jobs: Vec<Job>,
    outcomes: Vec<Outcome>,
}

impl Responders {
    /// Sends the outcomes; returns the appends, to be freed later.
    fn send(&mut self) -> Vec<Append> {
        let answer = |(job, outcome): (Job, Outcome)| {
            // An error means that the caller has gone.
            let _gone = job.reply.send(outcome);
            job.append
        };
        self.jobs.drain(..).zip(self.outcomes.drain(..)).map(answer).collect()
    }
}

impl Drop for Responders {
    fn drop(&mut self) {
        self.send();
    }
}

/// Sends the outcomes from a task of a multi-threaded runtime, which wakes the callers at less cost than the writer thread
/// would, and leaves that free for the next batch.
fn send_responses(mut responders: Responders, runtime: Option<&Handle>) {
    match runtime {
        Some(runtime) if responders.jobs.len() > 1 && runtime.runtime_flavor() == RuntimeFlavor::MultiThread => {
            runtime.spawn(async move {
                let written = responders.send();
                // The callers run before the appends are freed.
                tokio::task::yield_now().await;
                drop(written);
            });
        }
        Some(_) | None => drop(responders),
    }
}
