//! Applies every event, in order, to the live rows of every view, and keeps the rows in memory up to date.
//!
//! Events that another server has applied already are not applied again, as the checkpoint shows; their rows are only read
//! into memory.

use std::sync::PoisonError;
use std::time::Duration;

use storefront_eventlog::{EventPage, Filter, Position, Recorded};
use tracing::{debug, error, info};

use super::fold::{Folding, fold_together};
use super::row_cache::RowCache;
use super::view::View;
use crate::clock;
use crate::store::aggregates::Store;
use crate::views::handle::{FeedError, Views};
use crate::views::memory::Memory;
use crate::views::registry::VIEWS;
use crate::views::rows::{Head, State, ViewStore};

/// Maximum number of events per batch. Larger batches write each row fewer times.
pub(crate) const MAX_BATCH_EVENTS: usize = 10_000;
/// Maximum number of events by which the checkpoint of a view without changes lags behind.
const MAX_CHECKPOINT_LAG: u64 = 1000;
/// Pause after a failure.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How often the heads are read, to notice that another server has switched to rebuilt rows.
const HEADS_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Follows the log; retries after failures and never returns.
pub(crate) async fn run(views: &Views) {
    loop {
        let Err(failure) = follow(views).await;
        debug!(error = %failure, "the views wait for the log or their database");
        clock::sleep(RETRY_PAUSE).await;
    }
}

async fn follow(views: &Views) -> Result<std::convert::Infallible, FeedError> {
    prepare(&views.inner.log, &views.inner.store).await?;
    views.restore_pauses().await?;
    let mut follower = Follower::new(views);
    follower.refresh_heads().await?;
    follower.return_to_pauses().await?;
    let mut asked = views.inner.asked.lock().await;
    let everything = Filter::default();
    let mut pace = Pace::default();
    loop {
        while let Ok(request) = asked.try_recv() {
            follower.apply_control(request).await?;
        }
        follower.publish_position();
        let next_page = async {
            rest(views, pace.rest(clock::elapsed())).await;
            views.inner.log.follow(follower.seen, MAX_BATCH_EVENTS, &everything).await
        };
        tokio::select! {
            page = next_page => {
                let page = page?;
                follower.take_in(&page).await?;
                pace.count(clock::elapsed(), page.events.len(), page.next_after == page.head);
            }
            () = views.inner.switched.notified() => follower.refresh_heads().await?,
            Some(request) = asked.recv() => follower.apply_control(request).await?,
            () = clock::sleep(HEADS_POLL_INTERVAL) => follower.refresh_heads().await?,
        }
    }
}

/// How the views rest between batches. What one person does shows at once. While many buy, events gather, so that the rows,
/// words and counts that several events change are written once; but not while somebody waits for a position.
#[derive(Default)]
struct Pace {
    /// When the present interval began, by [`clock::elapsed`].
    began: Duration,
    /// Number of events since then.
    events: usize,
}

/// Number of events in an interval that are taken in at once. Those after them gather until its end.
const EVENTS_AT_ONCE: usize = 40;
const INTERVAL: Duration = Duration::from_millis(20);

impl Pace {
    /// Counts the events of a batch that is done at `now`. Far from the head, nothing needs to gather.
    fn count(&mut self, now: Duration, events: usize, is_at_head: bool) {
        if !is_at_head || now.saturating_sub(self.began) >= INTERVAL {
            (self.began, self.events) = (now, 0);
        }
        if is_at_head {
            self.events += events;
        }
    }

    /// How long events gather before the next batch.
    fn rest(&self, now: Duration) -> Duration {
        if self.events < EVENTS_AT_ONCE { Duration::ZERO } else { (self.began + INTERVAL).saturating_sub(now) }
    }
}

/// Rests, but not while somebody waits for a position.
async fn rest(views: &Views, time: Duration) {
    if time.is_zero() {
        return;
    }
    tokio::select! {
        biased;
        () = views.awaited() => {}
        () = clock::sleep(time) => {}
    }
}

/// Retires rows that belong to another log or to another version of their view, and begins live rows for views without any.
pub(crate) async fn prepare(log: &Store, store: &ViewStore) -> Result<(), FeedError> {
    let heads = store.heads().await?;
    let mut live = Vec::new();
    for head in heads.iter().filter(|head| head.state != State::Old) {
        let known = VIEWS.iter().any(|view| view.name() == head.view && view.version() == head.version);
        let belongs = belongs_to(log, head).await?;
        if !belongs {
            // The pause belongs to another log.
            store.resume(&head.view).await?;
        }
        if !known || !belongs {
            info!(
                view = head.view,
                position = head.position.0,
                "the rows of a view belong to another log or version; they are rebuilt"
            );
            store.retire(head).await?;
        } else if head.state == State::Live {
            live.push(head.view.as_str());
        }
    }
    for view in VIEWS.iter().filter(|view| !live.contains(&view.name())) {
        store.begin(view.name(), view.version(), State::Live).await?;
    }
    Ok(())
}

/// Whether the log has the event at the checkpoint of the rows. A restored backup or another log has not.
async fn belongs_to(log: &Store, head: &Head) -> Result<bool, FeedError> {
    let Some(before) = head.position.0.checked_sub(1) else { return Ok(true) };
    let page = log.read_all(Position(before), 1, &Filter::default()).await?;
    Ok(page.events.first().is_some_and(|event| event.id.to_string() == head.event_id))
}

pub(crate) struct Follower<'a> {
    pub(crate) views: &'a Views,
    /// The last known head of each view, in the order of [`VIEWS`].
    pub(crate) heads: Vec<Head>,
    /// Position up to which all events are in the rows and in memory, except for paused views.
    pub(crate) seen: Position,
    /// Rows of the live generations.
    pub(crate) cache: RowCache,
}

impl<'a> Follower<'a> {
    pub(crate) fn new(views: &'a Views) -> Self {
        Self { views, heads: Vec::new(), seen: Position(0), cache: RowCache::default() }
    }

    pub(crate) fn store(&self) -> &ViewStore {
        &self.views.inner.store
    }

    /// Reads the heads of all views. The rows in memory are read again for views whose live generation has changed.
    pub(crate) async fn refresh_heads(&mut self) -> Result<(), FeedError> {
        self.cache.clear();
        let heads = self.store().heads().await?;
        let mut furthest_behind = (!self.heads.is_empty()).then_some(self.seen);
        for (index, view) in VIEWS.iter().enumerate() {
            let live = heads.iter().find(|head| head.view == view.name() && head.state == State::Live);
            let live = live.cloned().ok_or(FeedError::NotThere(view.name()))?;
            let as_before = self.heads.get(index).is_some_and(|known| known.generation == live.generation);
            if !as_before {
                if view.in_memory() {
                    load(self.views, *view, &live).await?;
                }
                if !self.views.moved_while_paused(view.name(), live.position) {
                    furthest_behind = Some(furthest_behind.map_or(live.position, |seen| seen.min(live.position)));
                }
            }
            match self.heads.get_mut(index) {
                Some(known) => *known = live,
                None => self.heads.push(live),
            }
        }
        // With every view paused, there is nothing to follow before the one that came furthest.
        let furthest = self.heads.iter().map(|head| head.position).max();
        self.seen = furthest_behind.or(furthest).unwrap_or_default();
        Ok(())
    }

    /// Takes events into every view that has not had them. When another server was faster, it is looked round again, and
    /// nothing else happens.
    async fn take_in(&mut self, page: &EventPage) -> Result<(), FeedError> {
        let mut commits = Vec::new();
        let mut remembered = Vec::new();
        let paused = self.views.paused();
        let following = VIEWS.iter().zip(&self.heads).enumerate();
        let following = following.filter(|(_, (view, _))| !paused.contains_key(view.name()));
        let following: Vec<_> = following.map(|(index, (view, head))| Folding { index, view: *view, head }).collect();
        // Lost when the rows cannot be read.
        let mut cache = std::mem::take(&mut self.cache);
        let folded = fold_together(self.store(), &following, &mut cache, &page.events).await?;
        self.cache = cache;
        for (Folding { view, head, .. }, folded) in following.into_iter().zip(folded) {
            if view.in_memory() {
                // Where nothing is to be written, another server may have written it since its place was looked up, and no
                // commit fails that would tell.
                let written = |event: &&Recorded| event.position <= head.position || folded.rows.is_empty();
                let done =
                    page.events.iter().map(|event| &**event).filter(|event| event.position > self.seen).filter(written);
                let keys: std::collections::BTreeSet<String> = done.flat_map(|event| view.keys(event)).collect();
                let rows = if keys.is_empty() { Vec::new() } else { self.store().rows(head, keys).await? };
                let now = folded.rows.iter().map(|row| (row.key.clone(), row.body.clone()));
                remembered.push((view, rows.into_iter().chain(now).collect::<Vec<_>>()));
            }
            let idle = folded.rows.is_empty() && folded.failures.count == 0;
            if !idle || folded.to.0 >= head.position.0.saturating_add(MAX_CHECKPOINT_LAG) {
                commits.push(folded);
            }
        }
        if !commits.is_empty() && !self.store().commit(&commits).await? {
            return self.refresh_heads().await;
        }
        for commit in commits {
            let Some(index) = self.heads.iter().position(|head| head.view == commit.head.view) else { continue };
            if let Some(head) = self.heads.get_mut(index) {
                head.position = commit.to;
            }
            for row in commit.rows {
                self.cache.put(index, row.key, row.body);
            }
        }
        self.remember(remembered);
        self.seen = page.next_after;
        self.publish_position();
        Ok(())
    }

    /// Takes rows over into memory, all at once.
    pub(crate) fn remember(&self, rows: impl IntoIterator<Item = (&'static dyn View, Vec<(String, Option<String>)>)>) {
        let mut memory = self.views.inner.memory.write().unwrap_or_else(PoisonError::into_inner);
        for (view, rows) in rows {
            for (key, body) in rows {
                if let Err(failure) = view.remember(&mut memory, &key, body.as_deref()) {
                    error!(view = view.name(), key, error = %failure, "a row does not fit into memory");
                }
            }
        }
    }

    /// Tells those who wait how far the views have come.
    fn publish_position(&self) {
        self.views.inner.position.send_if_modified(|known| {
            let is_new = self.seen > *known;
            *known = self.seen.max(*known);
            is_new
        });
    }
}

/// Reads all rows of a view into memory. What is there already is answered from until all of them are read.
async fn load(views: &Views, view: &dyn View, head: &Head) -> Result<(), FeedError> {
    let mut read_anew = Memory::default();
    let mut after = String::new();
    loop {
        let rows = views.inner.store.rows_after(head, &after).await?;
        let Some((last, _)) = rows.last() else { break };
        after.clone_from(last);
        for (key, body) in &rows {
            if let Err(failure) = view.remember(&mut read_anew, key, Some(body)) {
                error!(view = view.name(), key, error = %failure, "a row does not fit into memory");
            }
        }
    }
    let mut memory = views.inner.memory.write().unwrap_or_else(PoisonError::into_inner);
    view.switch(&mut memory, &mut read_anew);
    // What it knew goes when nobody waits for that any more.
    drop(memory);
    Ok(())
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
