//! The bounded queue in front of a writer, its batches, and how long a writer lingers for more appends.
//!
//! When the writer is behind, callers wait here for a place, at most for a fixed time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio::sync::{mpsc, oneshot};

use crate::hash_tree::{self, Hash};
use crate::{Append, AppendError, Appended, StoreError};

/// Maximum number of appends per transaction.
const MAX_APPENDS_PER_BATCH: usize = 1024;
/// A batch is full once it has this many events and timers.
const MAX_ROWS_PER_BATCH: usize = 10_000;

/// The result of one append.
pub(crate) type Outcome = Result<Appended, AppendError>;

/// A queued append, and where its outcome goes.
pub(crate) struct Job {
    pub(crate) append: Append,
    /// Content hashes of the events, computed by the caller to relieve the writer.
    pub(crate) contents: Vec<Hash>,
    pub(crate) reply: oneshot::Sender<Outcome>,
}

/// The sending half of the queue, which all callers share.
pub(crate) struct Queue {
    /// `None` once closed. The writer ends when all senders are dropped and the queue is empty.
    sender: Mutex<Option<mpsc::Sender<Job>>>,
    enqueue_timeout: Duration,
}

/// The content hashes of the events of an append, in order.
pub(crate) fn contents(append: &Append) -> Vec<Hash> {
    let events = append.streams.iter().flat_map(|part| part.events.iter().map(|event| (part.stream.as_str(), event)));
    events.map(|(stream, event)| hash_tree::content_of_new(stream, event)).collect()
}

impl Queue {
    /// Creates a queue of `capacity` appends; callers wait at most `enqueue_timeout` for a place.
    pub(crate) fn new(capacity: usize, enqueue_timeout: Duration) -> (Self, mpsc::Receiver<Job>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender: Mutex::new(Some(sender)), enqueue_timeout }, receiver)
    }

    /// Queues an append and waits for its outcome.
    pub(crate) async fn submit(&self, append: Append) -> Outcome {
        let (reply, answered) = oneshot::channel();
        let contents = contents(&append);
        self.enqueue(Job { append, contents, reply }).await?;
        answered.await.unwrap_or_else(|_| Err(writer_stopped().into()))
    }

    /// Refuses further appends; those that are queued are still written.
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
            Err(TrySendError::Closed(_)) => return Err(writer_stopped().into()),
        };
        sender.send_timeout(job, self.enqueue_timeout).await.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => AppendError::Busy,
            SendTimeoutError::Closed(_) => writer_stopped().into(),
        })
    }
}

/// Maximum time that a writer lingers after a batch for the callers of that batch; it lingers for a third of the time that
/// the batch took, up to this. Callers that come back at once then share the next batch, and the writer is not put to
/// sleep and woken for each: a third more events per second for 16 callers, a tenth or more for 64.
const MAX_LINGER: Duration = Duration::from_micros(500);

/// How long a writer lingers for more appends, and for how many.
pub(crate) struct LingerPolicy {
    /// Number of callers in the previous batch.
    callers: usize,
    until: Instant,
}

impl LingerPolicy {
    pub(crate) fn none() -> Self {
        Self { callers: 0, until: Instant::now() }
    }

    /// The policy after a batch of `callers` that began at `batch_began`. There is no lingering for a single caller: it
    /// shares the next batch with nobody, and lingering would only take its processor.
    pub(crate) fn after_batch(callers: usize, batch_began: Instant) -> Self {
        let now = Instant::now();
        match callers {
            0 | 1 => Self { callers: 0, until: now },
            _ => Self { callers, until: now + (now.duration_since(batch_began) / 3).min(MAX_LINGER) },
        }
    }

    /// Whether to wait longer when `queued` appends are there.
    pub(crate) fn should_wait(&self, queued: usize) -> bool {
        queued < self.callers && Instant::now() < self.until
    }
}

/// The appends of one transaction.
pub(crate) struct Batch {
    pub(crate) jobs: Vec<Job>,
    rows: usize,
}

impl Batch {
    /// Collects what is queued, up to the limits of one transaction.
    pub(crate) fn collect(first: Job, queue: &mut mpsc::Receiver<Job>) -> Self {
        let mut batch = Self { rows: row_count(&first.append), jobs: vec![first] };
        while batch.push_queued(queue) {}
        batch
    }

    /// Adds one queued append. Returns `false` when none is queued or the batch is full.
    pub(crate) fn push_queued(&mut self, queue: &mut mpsc::Receiver<Job>) -> bool {
        if self.is_full() {
            return false;
        }
        let Ok(job) = queue.try_recv() else { return false };
        self.rows += row_count(&job.append);
        self.jobs.push(job);
        true
    }

    pub(crate) fn is_full(&self) -> bool {
        self.jobs.len() >= MAX_APPENDS_PER_BATCH || self.rows >= MAX_ROWS_PER_BATCH
    }
}

fn row_count(append: &Append) -> usize {
    let events: usize = append.streams.iter().map(|stream| stream.events.len()).sum();
    events + append.timers.len()
}

/// The writer ended although the queue was not closed.
fn writer_stopped() -> StoreError {
    StoreError::Database("the writer has stopped".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    #[tokio::test]
    async fn callers_wait_a_bounded_time_for_a_place_and_then_get_the_error_that_the_log_is_busy() {
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
