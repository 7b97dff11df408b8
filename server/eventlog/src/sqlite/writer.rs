//! The thread that writes: takes what is queued, writes it in one transaction, then answers everybody.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{mpsc, watch};
use tracing::error;

use super::batch::{self, Memory};
use super::readers::lock;
use super::schema::OwnedFile;
use crate::queue::{self, Job};
use crate::{Append, Position, StoreError};

/// What the writer owns. Dropped in this order: last comes the signal that all is finished.
pub(super) struct Writer {
    pub(super) queue: mpsc::Receiver<Job>,
    pub(super) connection: Arc<Mutex<Connection>>,
    pub(super) file: Option<OwnedFile>,
    pub(super) head: watch::Sender<Position>,
}

/// Writes until nobody can send any more, then folds the write-ahead log into the file.
pub(super) fn run(mut writer: Writer) {
    let mut memory = Memory::new();
    while let Some(first) = writer.queue.blocking_recv() {
        let jobs = queue::batch_from(first, &mut writer.queue);
        let (began, callers) = (Instant::now(), jobs.len());
        write(&writer, &mut memory, jobs);
        let lookout_ends = queue::lookout_ends(began, callers);
        while writer.queue.len() < callers && Instant::now() < lookout_ends {
            std::thread::yield_now();
        }
    }
    if writer.file.is_some()
        && let Err(error) = lock(&writer.connection).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
    {
        error!(%error, "the write-ahead log could not be folded into the event log; the next start does it");
    }
}

fn write(writer: &Writer, memory: &mut Memory, jobs: Vec<Job>) {
    let appends: Vec<&Append> = jobs.iter().map(|job| &job.append).collect();
    let written = batch::write(&lock(&writer.connection), memory, &appends);
    match written {
        Ok(outcomes) => {
            if let Some(head) = memory.head() {
                writer.head.send_if_modified(|known| std::mem::replace(known, head) != head);
            }
            let mut written = Vec::with_capacity(jobs.len());
            for (job, outcome) in jobs.into_iter().zip(outcomes) {
                // A caller that went away does not need its answer.
                let _gone = job.reply.send(outcome);
                written.push(job.append);
            }
            // Freeing what was written can wait until everybody has their answer.
            drop(written);
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
