//! The bounded queue in front of a writer. When the writer is behind, callers wait here, and only so long.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio::sync::{mpsc, oneshot};

use crate::hash_tree::{self, Hash};
use crate::{Append, AppendError, Appended, StoreError};

/// Most appends in one transaction.
const APPENDS_PER_BATCH: usize = 1024;
/// A batch takes no more appends once it has so many events and timers.
const ROWS_PER_BATCH: usize = 10_000;

/// What a writer answers to one append.
pub(crate) type Outcome = Result<Appended, AppendError>;

/// An append with the one who waits for it.
pub(crate) struct Job {
    pub(crate) append: Append,
    /// The hashes of its events' contents: made by the caller, so that the writer has less to do.
    pub(crate) contents: Vec<Hash>,
    pub(crate) reply: oneshot::Sender<Outcome>,
}

/// The callers' end of the queue.
pub(crate) struct Queue {
    /// `None` once closed. The writer ends when it has written what is queued and all senders are gone.
    sender: Mutex<Option<mpsc::Sender<Job>>>,
    patience: Duration,
}

impl Queue {
    /// A queue of so many appends, whose callers wait so long for a place.
    pub(crate) fn new(capacity: usize, patience: Duration) -> (Self, mpsc::Receiver<Job>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender: Mutex::new(Some(sender)), patience }, receiver)
    }

    /// Queues an append and waits for the writer's answer.
    pub(crate) async fn submit(&self, append: Append) -> Outcome {
        let (reply, answered) = oneshot::channel();
        let contents = hash_tree::contents(&append);
        self.enqueue(Job { append, contents, reply }).await?;
        answered.await.unwrap_or_else(|_| Err(stopped().into()))
    }

    /// Takes no more appends; what is queued will be written.
    pub(crate) fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    async fn enqueue(&self, job: Job) -> Result<(), AppendError> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sender = sender.ok_or(StoreError::Closed)?;
        let job = match sender.try_send(job) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(job)) => job,
            Err(TrySendError::Closed(_)) => return Err(stopped().into()),
        };
        sender.send_timeout(job, self.patience).await.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => AppendError::Busy,
            SendTimeoutError::Closed(_) => stopped().into(),
        })
    }
}

/// How long a writer looks out for those it has just answered, before it goes on without them: a third of the time that their
/// batch took, and never longer than this. Callers that come back at once then share the next batch, and the writer need not
/// be put to sleep and woken for each: a third more events for 16 callers, a tenth or more for 64.
const LONGEST_LOOKOUT: Duration = Duration::from_micros(500);

/// Whom a writer looks out for.
pub(crate) struct LingerPolicy {
    /// So many were answered.
    callers: usize,
    until: Instant,
}

impl LingerPolicy {
    pub(crate) fn for_nobody() -> Self {
        Self { callers: 0, until: Instant::now() }
    }

    /// For so many, whose batch began then and has been answered. One that is alone shares with nobody and is not looked out
    /// for: that would only keep it from its processor.
    pub(crate) fn for_those(callers: usize, batch_began: Instant) -> Self {
        let now = Instant::now();
        match callers {
            0 | 1 => Self { callers: 0, until: now },
            _ => Self { callers, until: now + (now.duration_since(batch_began) / 3).min(LONGEST_LOOKOUT) },
        }
    }

    /// Whether to wait a moment longer for somebody, when so many are there.
    pub(crate) fn goes_on(&self, there: usize) -> bool {
        there < self.callers && Instant::now() < self.until
    }
}

/// What goes into one transaction.
pub(crate) struct Batch {
    pub(crate) jobs: Vec<Job>,
    rows: usize,
}

impl Batch {
    /// What is queued, as far as one transaction takes it.
    pub(crate) fn of(first: Job, queue: &mut mpsc::Receiver<Job>) -> Self {
        let mut batch = Self { rows: row_count(&first.append), jobs: vec![first] };
        while batch.take(queue) {}
        batch
    }

    /// Takes one more, if one is queued and there is room for it.
    pub(crate) fn take(&mut self, queue: &mut mpsc::Receiver<Job>) -> bool {
        if self.is_full() {
            return false;
        }
        let Ok(job) = queue.try_recv() else { return false };
        self.rows += row_count(&job.append);
        self.jobs.push(job);
        true
    }

    pub(crate) fn is_full(&self) -> bool {
        self.jobs.len() >= APPENDS_PER_BATCH || self.rows >= ROWS_PER_BATCH
    }
}

fn row_count(append: &Append) -> usize {
    let events: usize = append.streams.iter().map(|stream| stream.events.len()).sum();
    events + append.timers.len()
}

/// The writer ended without being asked to.
fn stopped() -> StoreError {
    StoreError::Database("the writer has stopped".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    #[tokio::test]
    async fn callers_wait_a_bounded_time_for_a_place_and_are_then_told_that_the_log_is_busy() {
        let (queue, mut writer) = Queue::new(1, Duration::from_millis(1));
        let turned_away_then_served = async {
            let second = queue.submit(Append::default()).await;
            assert!(matches!(second, Err(AppendError::Busy)), "{second:?}");
            let job = writer.recv().await.unwrap();
            job.reply.send(Ok(Appended { position: Position(7), versions: vec![] })).unwrap();
        };
        let (first, ()) = tokio::join!(biased; queue.submit(Append::default()), turned_away_then_served);
        assert_eq!(first.unwrap().position, Position(7));
        assert!(writer.try_recv().is_err(), "who was told busy is not in the queue");
    }

    #[tokio::test]
    async fn a_writer_that_died_is_no_reason_to_hang() {
        let (queue, writer) = Queue::new(1, Duration::from_secs(60));
        drop(writer);
        let outcome = queue.submit(Append::default()).await;
        assert!(matches!(outcome, Err(AppendError::Store(StoreError::Database(_)))), "{outcome:?}");
    }
}
