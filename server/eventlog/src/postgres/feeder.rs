//! Keeps the newest events in memory, and wakes those who wait once they are there.
//!
//! Other servers write to the same log, so one task reads for the whole process what is committed anywhere. A batch of this
//! server that continues the log needs no read.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::debug;

use super::read;
use super::readers::Readers;
use crate::queue::{Job, Outcome};
use crate::tail::Tail;
use crate::{Filter, Position, limits};

/// Number of positions by which the tail may be behind and still be continued. Further behind it begins anew.
const MAX_GAP: u64 = 1000;

/// Where writer and listener tell what was committed. Clones share it; the feeder ends when all are dropped.
#[derive(Clone)]
pub(super) struct Commits {
    /// The last position that is known to be committed.
    known: Arc<watch::Sender<Position>>,
    /// The position up to which those who wait are woken.
    head: Arc<watch::Sender<Position>>,
    tail: Arc<Tail>,
}

impl Commits {
    /// For a log that ends at `end`; starts the feeder.
    pub(super) fn new(end: Position, tail: Arc<Tail>, readers: Arc<Readers>) -> (Self, watch::Receiver<Position>) {
        let (known, announced) = watch::channel(end);
        let (head, reached) = watch::channel(end);
        let (known, head) = (Arc::new(known), Arc::new(head));
        tokio::spawn(run(announced, head.clone(), tail.clone(), readers));
        (Self { known, head, tail }, reached)
    }

    /// Tells that everything up to a position is committed.
    pub(super) fn reach(&self, position: Position) {
        advance_head(&self.known, position);
    }

    /// Takes over a batch that this server has committed, after which the log ended at `head`.
    pub(super) fn batch(&self, head: Position, jobs: &[Job], outcomes: &[Outcome]) {
        if self.tail.continue_with_batch(head, jobs, outcomes) {
            advance_head(&self.head, head);
        }
        self.reach(head);
    }
}

async fn run(
    mut announced: watch::Receiver<Position>,
    head: Arc<watch::Sender<Position>>,
    tail: Arc<Tail>,
    readers: Arc<Readers>,
) {
    while announced.changed().await.is_ok() {
        let target = *announced.borrow_and_update();
        feed(target, &head, &tail, &readers).await;
        // Whatever the tail has, those who wait find it in the database.
        advance_head(&head, target);
    }
}

/// Reads into the tail what it lacks. Without success it begins anew with what comes next.
async fn feed(target: Position, head: &watch::Sender<Position>, tail: &Tail, readers: &Readers) {
    let mut end = tail.end().unwrap_or_else(|| *head.borrow());
    if target.0.saturating_sub(end.0) > MAX_GAP {
        tail.forget();
        return;
    }
    while end < target {
        let everything = Filter::default();
        let read = readers.read(move |session| {
            let everything = everything.clone();
            Box::pin(async move { read::all(session, end, limits::EVENTS_PER_READ, &everything).await })
        });
        match read.await {
            Ok(page) if page.next_after > end => {
                end = page.next_after;
                tail.push(page.events);
            }
            Ok(_) => return,
            Err(error) => {
                debug!(%error, "the newest events could not be read into memory");
                tail.forget();
                return;
            }
        }
    }
}

/// Moves a position forward, never back.
pub(super) fn advance_head(head: &watch::Sender<Position>, to: Position) {
    head.send_if_modified(|known| {
        let is_new = to > *known;
        *known = to.max(*known);
        is_new
    });
}
