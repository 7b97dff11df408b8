//! The thread that writes: takes what is queued, and who comes while it writes, into one transaction, then answers everybody.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use rusqlite::Connection;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, watch};
use tracing::error;

use super::batch::{self, Memory};
use super::file_state;
use super::owned_file::Ownership;
use super::readers::lock;
use crate::queue::{Batch, Job, LingerPolicy, Outcome};
use crate::{Append, Position, StoreError};

/// What the writer owns. Dropped in this order: last comes the signal that all is finished.
pub(super) struct Writer {
    pub(super) queue: mpsc::Receiver<Job>,
    pub(super) connection: Arc<Mutex<Connection>>,
    pub(super) file: Option<Ownership>,
    pub(super) head: watch::Sender<Position>,
    /// Where the callers are, if the log was opened there.
    pub(super) runtime: Option<Handle>,
}

/// Writes until nobody can send any more, then folds the write-ahead log into the file.
pub(super) fn run(mut writer: Writer) {
    let mut memory = Memory::new();
    let mut lookout = LingerPolicy::for_nobody();
    while let Some(first) = next(&mut writer.queue, &lookout) {
        let began = Instant::now();
        let batch = Batch::of(first, &mut writer.queue);
        let mut coming = OpenBatch { batch, queue: &mut writer.queue, lookout: &lookout };
        let written = batch::write(&lock(&writer.connection), &mut memory, &mut coming);
        let jobs = coming.batch.jobs;
        lookout = LingerPolicy::for_those(jobs.len(), began);
        match written {
            Ok(outcomes) => {
                if let Some(head) = memory.head() {
                    writer.head.send_if_modified(|known| std::mem::replace(known, head) != head);
                }
                give(Responders { jobs, outcomes }, writer.runtime.as_ref());
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
    if writer.file.is_some()
        && let Err(error) = file_state::mark_whole(&lock(&writer.connection))
    {
        error!(%error, "the write-ahead log could not be folded into the event log; the next start does it");
    }
}

/// The next in the queue; sleeps only when nobody is looked out for any more. `None` when nobody can send.
fn next(queue: &mut mpsc::Receiver<Job>, lookout: &LingerPolicy) -> Option<Job> {
    loop {
        match queue.try_recv() {
            Ok(job) => return Some(job),
            Err(_) if lookout.goes_on(0) => std::thread::yield_now(),
            Err(_) => return queue.blocking_recv(),
        }
    }
}

/// A batch that takes in who comes while it is being written: they prepare their events meanwhile.
pub(super) struct OpenBatch<'a> {
    batch: Batch,
    queue: &'a mut mpsc::Receiver<Job>,
    lookout: &'a LingerPolicy,
}

impl OpenBatch<'_> {
    /// The append at an index, which may still have to come; `None` when the batch is whole.
    pub(super) fn job(&mut self, index: usize) -> Option<&Job> {
        while index == self.batch.jobs.len() && !self.batch.take(self.queue) {
            if self.batch.is_full() || !self.lookout.goes_on(index) {
                return None;
            }
            std::thread::yield_now();
        }
        self.batch.jobs.get(index)
    }

    /// Those that are there.
    pub(super) fn appends(&self) -> impl Iterator<Item = &Append> {
        self.batch.jobs.iter().map(|job| &job.append)
    }
}

/// The answers of a batch. They are given when this is dropped: also by a runtime that ends before it comes to that.
struct Responders {
    jobs: Vec<Job>,
    outcomes: Vec<Outcome>,
}

impl Responders {
    /// Gives them; returns what was written.
    fn give(&mut self) -> Vec<Append> {
        let answer = |(job, outcome): (Job, Outcome)| {
            // A caller that went away does not need its answer.
            let _gone = job.reply.send(outcome);
            job.append
        };
        self.jobs.drain(..).zip(self.outcomes.drain(..)).map(answer).collect()
    }
}

impl Drop for Responders {
    fn drop(&mut self) {
        self.give();
    }
}

/// A runtime with threads of its own wakes its tasks for less than the writer's thread could, which goes on meanwhile.
fn give(mut answers: Responders, runtime: Option<&Handle>) {
    match runtime {
        Some(runtime) if answers.jobs.len() > 1 && runtime.runtime_flavor() == RuntimeFlavor::MultiThread => {
            runtime.spawn(async move {
                let written = answers.give();
                // Freeing it can wait until those who were answered have gone on.
                tokio::task::yield_now().await;
                drop(written);
            });
        }
        Some(_) | None => drop(answers),
    }
}
