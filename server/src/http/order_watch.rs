//! Wake-ups for long-polling requests. One task follows the log for all of them and wakes the requests whose stream,
//! correlation id or owner has a new event; the others stay asleep. A waiting request holds one slot and nothing else; the number of
//! slots is limited.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storefront_eventlog::{Filter, Position, Recorded, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::clock;
use crate::store::aggregates::{LoadError, Store};
use crate::store::order_owners::{Belonging, OrderOwners};

/// Maximum number of events per read.
const EVENTS_PER_READ: usize = 1000;
/// Pause before the log is read again after a failure.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The requests that wait, by order. Clones share their state.
#[derive(Clone, Debug)]
pub(crate) struct OrderWatch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    owners: OrderOwners,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    count: usize,
    by_correlation: HashMap<String, Waiters>,
    by_stream: HashMap<String, Waiters>,
    by_owner: HashMap<String, Waiters>,
}

/// Which events a request waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Those of an order, in all streams, or of another correlation.
    Correlation(String),
    /// Those of one stream.
    Stream(String),
    /// Those of a customer: of their orders, and in their own streams.
    Owner(String),
}

/// The requests that wait for the same.
#[derive(Debug)]
struct Waiters {
    count: usize,
    changes: watch::Sender<()>,
}

/// The slot of a waiting request; freed on drop.
#[derive(Debug)]
pub(crate) struct WatchSlot {
    watch: OrderWatch,
    /// `None` for a request that waits for any event.
    watched: Option<(Watched, watch::Receiver<()>)>,
}

impl Watched {
    /// What a reader with this filter need only watch; `None` when that may be events of many streams.
    pub(crate) fn of_filter(filter: &Filter) -> Option<Self> {
        if let Some(correlation) = &filter.correlation_id {
            return Some(Self::Correlation(correlation.clone()));
        }
        match filter.streams.as_slice() {
            [stream] if !stream.ends_with('*') => Some(Self::Stream(stream.clone())),
            _ => None,
        }
    }
}

impl Waiting {
    fn waiters(&mut self, watched: &Watched) -> (&mut HashMap<String, Waiters>, String) {
        match watched {
            Watched::Correlation(id) => (&mut self.by_correlation, id.clone()),
            Watched::Stream(name) => (&mut self.by_stream, name.clone()),
            Watched::Owner(id) => (&mut self.by_owner, id.clone()),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Waiters> {
        self.by_correlation.values().chain(self.by_stream.values()).chain(self.by_owner.values())
    }
}

impl OrderWatch {
    /// Creates a watch with `limit` slots.
    pub(crate) fn new(limit: usize, owners: OrderOwners) -> Self {
        Self(Arc::new(Inner { limit, owners, waiting: Mutex::default() }))
    }

    /// Takes a slot for a request that waits for some events; returns `None` when all are taken. Events from now on wake it:
    /// read the log after this call, and wait then.
    pub(crate) fn watch(&self, watched: Watched) -> Option<WatchSlot> {
        let mut waiting = self.take_slot()?;
        let (waiters, key) = waiting.waiters(&watched);
        let waiters = waiters.entry(key).or_insert_with(|| Waiters { count: 0, changes: watch::Sender::new(()) });
        waiters.count += 1;
        let watched = Some((watched, waiters.changes.subscribe()));
        Some(WatchSlot { watch: self.clone(), watched })
    }

    /// Takes a slot for a request that waits for any event; returns `None` when all are taken.
    pub(crate) fn reserve_slot(&self) -> Option<WatchSlot> {
        drop(self.take_slot()?);
        Some(WatchSlot { watch: self.clone(), watched: None })
    }

    fn take_slot(&self) -> Option<MutexGuard<'_, Waiting>> {
        let mut waiting = self.waiting();
        if waiting.count >= self.0.limit {
            return None;
        }
        waiting.count += 1;
        Some(waiting)
    }

    /// Follows the log and wakes waiting requests until `stop`.
    pub(crate) async fn run(self, store: Store, stop: CancellationToken) {
        let following = async {
            let mut after = None;
            loop {
                if let Err(error) = self.follow(&store, &mut after).await {
                    if matches!(error, StoreError::Closed) {
                        return;
                    }
                    warn!(%error, "cannot read the log for waiting requests; trying again");
                }
                clock::sleep(RETRY_DELAY).await;
            }
        };
        let _stopped = stop.run_until_cancelled(following).await;
    }

    async fn follow(&self, store: &Store, after: &mut Option<Position>) -> Result<(), StoreError> {
        let mut at = match *after {
            Some(known) => known,
            None => {
                let head = store.head().await?;
                // Requests that wait already may have missed earlier events.
                self.wake_all();
                head
            }
        };
        loop {
            *after = Some(at);
            let page = store.follow(at, EVENTS_PER_READ, &Filter::default()).await?;
            self.wake(&page.events);
            self.wake_owners(store, &page.events).await?;
            at = page.next_after;
        }
    }

    /// Wakes the requests that wait for one of these events.
    fn wake(&self, events: &[Arc<Recorded>]) {
        let waiting = self.waiting();
        for event in events {
            let by_correlation = waiting.by_correlation.get(event.correlation_id());
            for waiters in by_correlation.into_iter().chain(waiting.by_stream.get(event.stream())) {
                waiters.changes.send_replace(());
            }
        }
    }

    /// Wakes the requests that wait for events of one customer. Nobody is looked up while no request does.
    async fn wake_owners(&self, store: &Store, events: &[Arc<Recorded>]) -> Result<(), StoreError> {
        for event in events {
            if self.waiting().by_owner.is_empty() {
                return Ok(());
            }
            let owner = match self.0.owners.known(event) {
                Belonging::To(owner) => Some(owner),
                Belonging::Nobody => None,
                Belonging::OwnerOf(id) => match self.0.owners.look_up(store, id).await {
                    Ok(owner) => owner,
                    Err(LoadError::Store(failure)) => return Err(failure),
                    Err(failure @ LoadError::Codec { .. }) => {
                        error!(order = %id, error = %failure, "cannot read whose order it is");
                        None
                    }
                },
            };
            let Some(owner) = owner else { continue };
            if let Some(waiters) = self.waiting().by_owner.get(&owner.to_string()) {
                waiters.changes.send_replace(());
            }
        }
        Ok(())
    }

    fn wake_all(&self) {
        for waiters in self.waiting().all() {
            waiters.changes.send_replace(());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WatchSlot {
    /// Waits for an event since the slot was taken or since the last call; returns `false` at the deadline, and at once for a
    /// slot that watches nothing.
    pub(crate) async fn changed(&mut self, deadline: Instant) -> bool {
        let Some((_, changes)) = &mut self.watched else { return false };
        matches!(tokio::time::timeout_at(deadline, changes.changed()).await, Ok(Ok(())))
    }
}

impl Drop for WatchSlot {
    fn drop(&mut self) {
        let mut waiting = self.watch.waiting();
        waiting.count -= 1;
        let Some((watched, _)) = &self.watched else { return };
        let (waiters, key) = waiting.waiters(watched);
        if let Some(same) = waiters.get_mut(&key) {
            same.count -= 1;
            if same.count == 0 {
                waiters.remove(&key);
            }
        }
    }
}

#[cfg(test)]
#[path = "order_watch_tests.rs"]
mod tests;
