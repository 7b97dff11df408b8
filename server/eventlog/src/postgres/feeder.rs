//! Keeps the newest events in memory, and wakes those who wait once they are there.
//!
//! Other servers write to the same log, so one task reads for the whole process what is committed anywhere. A batch of this
//! server that continues the log needs no read.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::debug;

use super::anchor::Anchor;
use super::read;
use super::readers::Readers;
use crate::queue::{Job, Outcome};
use crate::tail::Tail;
use crate::{Filter, Position, StoreError};

/// Number of positions by which the tail may be behind and still be continued. Further behind it begins anew.
const MAX_GAP: usize = 1000;

/// Pause after a failed read.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Where writer and listener tell what was committed. Clones share it; the feeder ends when all are dropped.
#[derive(Clone)]
pub(super) struct Commits {
    /// Sent when there may be events after `head`.
    announced: Arc<watch::Sender<()>>,
    /// The position up to which the log was read or written, and up to which those who wait are woken.
    head: Arc<watch::Sender<Position>>,
    tail: Arc<Tail>,
}

impl Commits {
    /// For a log that ends at `end`; starts the feeder.
    pub(super) fn new(
        end: Position,
        tail: Arc<Tail>,
        readers: Arc<Readers>,
        anchor: Arc<Anchor>,
    ) -> (Self, watch::Receiver<Position>) {
        let (announced, announcements) = watch::channel(());
        let (head, reached) = watch::channel(end);
        let (announced, head) = (Arc::new(announced), Arc::new(head));
        tokio::spawn(run(announcements, head.clone(), tail.clone(), readers, anchor));
        (Self { announced, head, tail }, reached)
    }

    /// Lets the log be read up to its end, if that is not known to be at or after a position. The log need not have this
    /// position: another server may announce what was lost when the database was set back.
    pub(super) fn announce(&self, position: Position) {
        if position > *self.head.borrow() {
            self.announced.send_replace(());
        }
    }

    /// Takes over a batch that this server has committed, after which the log ended at `head`.
    pub(super) fn batch(&self, head: Position, jobs: &[Job], outcomes: &[Outcome]) {
        if self.tail.continue_with_batch(head, jobs, outcomes) {
            advance_head(&self.head, head);
        }
        self.announce(head);
    }
}

async fn run(
    mut announcements: watch::Receiver<()>,
    head: Arc<watch::Sender<Position>>,
    tail: Arc<Tail>,
    readers: Arc<Readers>,
    anchor: Arc<Anchor>,
) {
    while announcements.changed().await.is_ok() {
        let known = *head.borrow();
        match feed(known, &tail, &readers, &anchor).await {
            Ok(end) => advance_head(&head, end),
            Err(error) => {
                debug!(%error, "the newest events could not be read into memory");
                tail.forget();
                tokio::time::sleep(RETRY_PAUSE).await;
                announcements.mark_changed();
                if announcements.has_changed().is_err() {
                    return;
                }
            }
        }
    }
}

/// Reads into the tail what it lacks, and returns where the log ends. `known` is the last position that was reached.
async fn feed(known: Position, tail: &Tail, readers: &Readers, anchor: &Anchor) -> Result<Position, StoreError> {
    let end = tail.end().unwrap_or(known);
    let read = readers
        .read(Filter::default(), move |session, everything| Box::pin(read::all(session, end, MAX_GAP, everything)));
    let page = read.await?;
    anchor.record_read(page.events.last().map(|event| &**event));
    if page.next_after < page.head {
        tail.forget();
    } else {
        tail.push(page.events);
    }
    Ok(page.head)
}

/// Moves a position forward, never back.
pub(super) fn advance_head(head: &watch::Sender<Position>, to: Position) {
    head.send_if_modified(|known| {
        let is_new = to > *known;
        *known = to.max(*known);
        is_new
    });
}
