//! Requests that wait for something to happen to an order. One task follows the log for all of them and wakes those whose
//! order an event belongs to; whoever waits holds its place here and nothing else, and there are only so many places.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storefront_eventlog::{Filter, Position, Recorded, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock;
use crate::store::aggregates::Store;

/// Maximum number of events that are read at once.
const PAGE: usize = 1000;
/// The log is read again so long after it could not be read.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Who waits for which order. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct OrderWatch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    count: usize,
    by_correlation: HashMap<String, Readers>,
}

/// Those who wait for the same order.
#[derive(Debug)]
struct Readers {
    count: usize,
    news: watch::Sender<()>,
}

/// A place among those who wait. It is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    watch: OrderWatch,
    /// `None` for whoever waits for any event.
    order: Option<(String, watch::Receiver<()>)>,
}

impl OrderWatch {
    /// A watch with so many places.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Inner { limit, waiting: Mutex::default() }))
    }

    /// A place for a request that waits for events of one correlation id; `None` when all are taken. What happens from now on
    /// is noticed: look at the log after this, and wait then.
    pub(crate) fn enter(&self, correlation_id: &str) -> Option<Place> {
        let mut waiting = self.take_place()?;
        let readers = waiting
            .by_correlation
            .entry(correlation_id.to_owned())
            .or_insert_with(|| Readers { count: 0, news: watch::Sender::new(()) });
        readers.count += 1;
        let order = Some((correlation_id.to_owned(), readers.news.subscribe()));
        Some(Place { watch: self.clone(), order })
    }

    /// A place for a request that waits for the log to grow; `None` when all are taken.
    pub(crate) fn enter_for_anything(&self) -> Option<Place> {
        drop(self.take_place()?);
        Some(Place { watch: self.clone(), order: None })
    }

    fn take_place(&self) -> Option<MutexGuard<'_, Waiting>> {
        let mut waiting = self.waiting();
        if waiting.count >= self.0.limit {
            return None;
        }
        waiting.count += 1;
        Some(waiting)
    }

    /// Follows the log and wakes whom it concerns, until told to stop.
    pub(crate) async fn run(self, store: Store, stop: CancellationToken) {
        let follows = async {
            let mut after = None;
            loop {
                if let Err(error) = self.follow(&store, &mut after).await {
                    if matches!(error, StoreError::Closed) {
                        return;
                    }
                    warn!(%error, "the log cannot be read for those who wait; trying again");
                }
                clock::sleep(RETRY_DELAY).await;
            }
        };
        let _stopped = stop.run_until_cancelled(follows).await;
    }

    async fn follow(&self, store: &Store, after: &mut Option<Position>) -> Result<(), StoreError> {
        let mut at = match *after {
            Some(known) => known,
            None => {
                let head = store.head().await?;
                // Whoever waits already may have missed what came before this.
                self.wake_all();
                head
            }
        };
        loop {
            *after = Some(at);
            let slice = store.read_all(at, PAGE, &Filter::default()).await?;
            self.wake(&slice.events);
            at = slice.next_after;
            *after = Some(at);
            if slice.events.is_empty() {
                store.wait_for(at).await?;
            }
        }
    }

    /// Wakes those who wait for the order of one of these events.
    fn wake(&self, events: &[Recorded]) {
        let waiting = self.waiting();
        for event in events {
            if let Some(readers) = waiting.by_correlation.get(event.correlation_id()) {
                readers.news.send_replace(());
            }
        }
    }

    fn wake_all(&self) {
        for readers in self.waiting().by_correlation.values() {
            readers.news.send_replace(());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until something has happened since the place was taken, or since the last time; `false` when the time is up
    /// first.
    pub(crate) async fn news(&mut self, deadline: Instant) -> bool {
        let Some((_, news)) = &mut self.order else { return false };
        matches!(tokio::time::timeout_at(deadline, news.changed()).await, Ok(Ok(())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.watch.waiting();
        waiting.count -= 1;
        if let Some((correlation_id, _)) = &self.order
            && let Some(readers) = waiting.by_correlation.get_mut(correlation_id)
        {
            readers.count -= 1;
            if readers.count == 0 {
                waiting.by_correlation.remove(correlation_id);
            }
        }
    }
}

#[cfg(test)]
#[path = "order_watch_tests.rs"]
mod tests;
