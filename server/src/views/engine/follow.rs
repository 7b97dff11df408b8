//! Applies every event, in order, to the live rows of every view, and keeps the rows in memory up to date.
//!
//! Events that another server has applied already are not applied again, as the checkpoint shows; their rows are only read
//! into memory.

use std::borrow::Borrow;
use std::sync::PoisonError;
use std::time::Duration;

use storefront_eventlog::{EventPage, Filter, Position, Recorded};
use tracing::{debug, error, info};

use super::view::{Rows, Terms, View, ViewError};
use crate::clock;
use crate::store::aggregates::Store;
use crate::views::handle::{FeedError, Views};
use crate::views::memory::Memory;
use crate::views::registry::VIEWS;
use crate::views::rows::{Commit, Failures, Head, RowChange, State, ViewStore, ViewStoreError};

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
    let mut follower = Follower { views, heads: Vec::new(), seen: Position(0) };
    follower.refresh_heads().await?;
    follower.return_to_pauses().await?;
    let mut asked = views.inner.asked.lock().await;
    loop {
        while let Ok(request) = asked.try_recv() {
            follower.apply_control(request).await?;
        }
        let page = views.inner.log.read_all(follower.seen, MAX_BATCH_EVENTS, &Filter::default()).await?;
        if page.events.is_empty() {
            follower.tell();
            tokio::select! {
                head = views.inner.log.wait_for(follower.seen) => { head?; }
                () = views.inner.switched.notified() => follower.refresh_heads().await?,
                Some(request) = asked.recv() => follower.apply_control(request).await?,
                () = clock::sleep(HEADS_POLL_INTERVAL) => follower.refresh_heads().await?,
            }
        } else {
            follower.take_in(&page).await?;
        }
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
}

impl Follower<'_> {
    pub(crate) fn store(&self) -> &ViewStore {
        &self.views.inner.store
    }

    /// Reads the heads of all views. The rows in memory are read again for views whose live generation has changed.
    pub(crate) async fn refresh_heads(&mut self) -> Result<(), FeedError> {
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
        let following = VIEWS.iter().zip(&self.heads).filter(|(view, _)| !paused.contains_key(view.name()));
        for (view, head) in following {
            let folded = fold(self.store(), *view, head, &page.events).await?;
            if view.in_memory() {
                // Where nothing is to be written, another server may have written it since its place was looked up, and no
                // commit fails that would tell.
                let written = |event: &&Recorded| event.position <= head.position || folded.rows.is_empty();
                let done =
                    page.events.iter().map(|event| &**event).filter(|event| event.position > self.seen).filter(written);
                let keys: std::collections::BTreeSet<String> = done.flat_map(|event| view.keys(event)).collect();
                let rows = if keys.is_empty() { Vec::new() } else { self.store().rows(head, keys).await? };
                let now = folded.rows.iter().map(|row| (row.key.clone(), row.body.clone()));
                remembered.push((*view, rows.into_iter().chain(now).collect::<Vec<_>>()));
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
            let committed = self.heads.iter_mut().find(|head| head.view == commit.head.view);
            committed.into_iter().for_each(|head| head.position = commit.to);
        }
        self.remember(remembered);
        self.seen = page.next_after;
        self.tell();
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
    fn tell(&self) {
        self.views.inner.position.send_if_modified(|known| {
            let news = self.seen > *known;
            *known = self.seen.max(*known);
            news
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

/// What the events after a generation's checkpoint make of it.
pub(crate) async fn fold<R: Borrow<Recorded> + Sync>(
    store: &ViewStore,
    view: &dyn View,
    head: &Head,
    events: &[R],
) -> Result<Commit, ViewStoreError> {
    let news = || events.iter().map(Borrow::borrow).filter(|event| event.position > head.position);
    let keys: std::collections::BTreeSet<String> = news().flat_map(|event| view.keys(event)).collect();
    let mut rows = Rows::new(if keys.is_empty() { Vec::new() } else { store.rows(head, keys).await? });
    let mut further = std::collections::BTreeSet::new();
    for recorded in news() {
        // A row that cannot be read is told where it is needed.
        let keys = view.further_keys(&rows, recorded).unwrap_or_default();
        further.extend(keys.into_iter().filter(|key| !rows.has(key)));
    }
    if !further.is_empty() {
        rows.add(store.rows(head, further).await?);
    }
    let mut failures = Failures::default();
    let mut to = (head.position, head.event_id.clone());
    for recorded in news() {
        match view.project(&rows, recorded) {
            Ok(changes) => rows.apply(changes),
            Err(failure) => skipped(view, recorded.position, &failure, &mut failures),
        }
        to = (recorded.position, recorded.id.to_string());
    }
    let mut changes = Vec::new();
    for (key, before, now) in rows.changed() {
        match changed(view, key, before, now) {
            Ok(change) => changes.push(change),
            Err(failure) => skipped(view, to.0, &failure, &mut failures),
        }
    }
    Ok(Commit { head: head.clone(), to: to.0, event_id: to.1, failures, rows: changes })
}

fn changed(view: &dyn View, key: &str, before: Option<&str>, now: Option<&str>) -> Result<RowChange, ViewError> {
    let terms = |body: Option<&str>| body.map_or(Ok(Terms::new()), |body| view.terms(key, body));
    Ok(RowChange {
        key: key.to_owned(),
        terms_before: terms(before)?,
        terms: terms(now)?,
        body: now.map(str::to_owned),
    })
}

fn skipped(view: &dyn View, position: Position, failure: &ViewError, failures: &mut Failures) {
    error!(view = view.name(), position = position.0, error = %failure, "a view skipped an event that it cannot handle");
    *failures = Failures { count: failures.count + 1, last: position, why: failure.to_string() };
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
