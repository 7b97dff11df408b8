//! Pause, step and resume of single views. A paused view applies no events until it is stepped or resumed; others continue.
//!
//! The task that follows the log carries the requests out between two batches, so a request is in effect when it is answered.
//! A pause is stored beside the rows, with the position of the view, and outlasts a restart. The rebuild of a paused view ends
//! at that position.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use storefront_eventlog::{Filter, Position, Recorded, StoreError};
use tokio::sync::{oneshot, watch};

use super::fold::fold;
use super::follow::{Follower, MAX_BATCH_EVENTS};
use super::view::View;
use crate::clock;
use crate::operations::progress::NextEvent;
use crate::views::handle::{ControlOutcome, ControlRequest, FeedError, ViewControl, Views};
use crate::views::registry::VIEWS;
use crate::views::rows::{Commit, Failures};

/// Maximum number of next events that are reported.
const MAX_NEXT_EVENTS: usize = 10;
/// Maximum number of events that are searched for those that concern a view.
const NEXT_EVENTS_SCAN: usize = 1_000;
/// How long a control request waits for the task that follows the log.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(5);

impl Views {
    /// Pauses, steps or resumes a view; the change is in effect when this returns.
    pub(crate) async fn steer(&self, name: &str, steering: ViewControl) -> ControlOutcome {
        let Some(index) = VIEWS.iter().position(|view| view.name() == name) else { return ControlOutcome::Unknown };
        let (answer, answered) = oneshot::channel();
        let asks = async {
            self.inner.ask.send(ControlRequest { index, steering, answer }).await.ok()?;
            answered.await.ok()
        };
        clock::timeout(CONTROL_TIMEOUT, asks).await.flatten().unwrap_or(ControlOutcome::NotNow)
    }

    /// The paused views with their positions.
    pub(crate) fn paused(&self) -> BTreeMap<&'static str, Position> {
        self.inner.paused.borrow().clone()
    }

    /// One of the given views that is paused before a position, if any.
    pub(crate) fn paused_before(&self, views: &[&str], position: Position) -> Option<&'static str> {
        let paused = self.inner.paused.borrow();
        paused.iter().find(|(name, at)| views.contains(*name) && **at < position).map(|(name, _)| *name)
    }

    /// The next events after a position that concern a view: at most ten, among the next thousand.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn next_for(&self, name: &str, after: Position) -> Result<Vec<NextEvent>, StoreError> {
        let Some(view) = VIEWS.iter().find(|view| view.name() == name) else { return Ok(Vec::new()) };
        let page = self.inner.log.read_all(after, NEXT_EVENTS_SCAN, &Filter::default()).await?;
        let concerns = page.events.iter().filter(|event| !view.keys(event).is_empty());
        Ok(concerns.take(MAX_NEXT_EVENTS).map(|event| NextEvent::new(event)).collect())
    }

    /// A receiver that changes when a view is paused, resumed or moved while paused.
    pub(crate) fn pauses(&self) -> watch::Receiver<BTreeMap<&'static str, Position>> {
        self.inner.paused.subscribe()
    }

    /// Loads the stored pauses.
    pub(crate) async fn restore_pauses(&self) -> Result<(), FeedError> {
        let head = self.inner.log.head().await?;
        let kept = self.inner.store.pauses().await?;
        let known = |(name, at): (String, Position)| {
            let view = VIEWS.iter().find(|view| view.name() == name)?;
            Some((view.name(), at.min(head)))
        };
        self.inner.paused.send_replace(kept.into_iter().filter_map(known).collect());
        Ok(())
    }

    /// Records the new position of a paused view. Returns `false` when the view is not paused.
    pub(crate) fn moved_while_paused(&self, view: &str, to: Position) -> bool {
        self.inner.paused.send_if_modified(|paused| match paused.get_mut(view) {
            Some(at) => {
                *at = to.max(*at);
                true
            }
            None => false,
        })
    }
}

impl Follower<'_> {
    /// Carries a control request out, and sends its outcome.
    pub(crate) async fn apply_control(&mut self, request: ControlRequest) -> Result<(), FeedError> {
        let ControlRequest { index, steering, answer } = request;
        let Some(view) = VIEWS.get(index) else { return Ok(()) };
        // The lock keeps a rebuild from switching in between.
        let views = self.views;
        let _turn = views.inner.switching.lock().await;
        let paused = self.views.paused().contains_key(view.name());
        let outcome = match (steering, paused) {
            (ViewControl::Pause, true) | (ViewControl::Resume, false) => ControlOutcome::Done,
            (ViewControl::Step, false) => ControlOutcome::NotPaused,
            (ViewControl::Pause, false) => {
                let at = self.write_exact_checkpoint(index).await?;
                self.store().pause(view.name(), at).await?;
                self.views.inner.paused.send_modify(|paused| {
                    paused.insert(view.name(), at);
                });
                ControlOutcome::Done
            }
            (ViewControl::Step, true) => {
                let taken = self.step(index, *view).await?;
                let at = self.heads.get(index).map(|head| head.position).unwrap_or_default();
                self.store().pause(view.name(), at).await?;
                if taken { ControlOutcome::Done } else { ControlOutcome::NothingWaits }
            }
            (ViewControl::Resume, true) => {
                self.catch_up(index, *view, self.seen).await?;
                self.store().resume(view.name()).await?;
                self.views.inner.paused.send_modify(|paused| {
                    paused.remove(view.name());
                });
                // A rebuild may have waited for the resume.
                self.views.inner.rebuild_requested.notify_one();
                ControlOutcome::Done
            }
        };
        // An error means that the caller has gone.
        let _ = answer.send(outcome);
        Ok(())
    }

    /// Writes the exact checkpoint of a view, which may lag behind when the view had no changes, and returns it.
    async fn write_exact_checkpoint(&mut self, index: usize) -> Result<Position, FeedError> {
        let head = self.heads.get(index).ok_or(FeedError::NotThere("asked for"))?.clone();
        if let Some(before) = self.seen.0.checked_sub(1)
            && head.position < self.seen
        {
            let page = self.views.inner.log.read_all(Position(before), 1, &Filter::default()).await?;
            let event_id = page.events.first().map(|event| event.id.to_string()).unwrap_or_default();
            let commit = Commit { head, to: self.seen, event_id, failures: Failures::default(), rows: Vec::new() };
            self.commit(index, commit).await?;
        }
        Ok(self.heads.get(index).map(|head| head.position).unwrap_or_default())
    }

    /// Applies the next event that concerns a view, and those before it. Returns `false` when there is none.
    async fn step(&mut self, index: usize, view: &'static dyn View) -> Result<bool, FeedError> {
        loop {
            let after = self.heads.get(index).map(|head| head.position).unwrap_or_default();
            let page = self.views.inner.log.read_all(after, NEXT_EVENTS_SCAN, &Filter::default()).await?;
            if page.events.is_empty() {
                return Ok(false);
            }
            let found = page.events.iter().position(|event| !view.keys(event).is_empty());
            let until = found.map_or(page.events.len(), |found| found + 1);
            self.take_in_alone(index, view, page.events.get(..until).unwrap_or_default()).await?;
            if found.is_some() {
                return Ok(true);
            }
        }
    }

    /// Brings every paused view to the position of its last pause or step, also when its rows were rebuilt since.
    pub(crate) async fn return_to_pauses(&mut self) -> Result<(), FeedError> {
        for (index, view) in VIEWS.iter().enumerate() {
            let at = self.views.paused().get(view.name()).copied();
            if let Some(at) = at {
                self.catch_up(index, *view, at).await?;
            }
        }
        Ok(())
    }

    /// Applies events to a view up to a position.
    async fn catch_up(&mut self, index: usize, view: &'static dyn View, to: Position) -> Result<(), FeedError> {
        loop {
            let after = self.heads.get(index).map(|head| head.position).unwrap_or_default();
            if after >= to {
                return Ok(());
            }
            let mut page = self.views.inner.log.read_all(after, MAX_BATCH_EVENTS, &Filter::default()).await?;
            page.events.retain(|event| event.position <= to);
            self.take_in_alone(index, view, &page.events).await?;
        }
    }

    /// Applies events to one view, and moves its checkpoint to the last of them.
    async fn take_in_alone(
        &mut self,
        index: usize,
        view: &'static dyn View,
        events: &[Arc<Recorded>],
    ) -> Result<(), FeedError> {
        let Some(head) = self.heads.get(index) else { return Ok(()) };
        let commit = fold(self.store(), view, head, events).await?;
        self.cache.clear();
        let rows = commit.rows.iter().map(|row| (row.key.clone(), row.body.clone())).collect();
        self.commit(index, commit).await?;
        if view.in_memory() {
            self.remember([(view, rows)]);
        }
        Ok(())
    }

    async fn commit(&mut self, index: usize, commit: Commit) -> Result<(), FeedError> {
        if !self.store().commit(std::slice::from_ref(&commit)).await? {
            return self.refresh_heads().await;
        }
        if let Some(head) = self.heads.get_mut(index) {
            (head.position, head.event_id) = (commit.to, commit.event_id);
            self.views.moved_while_paused(&head.view, head.position);
        }
        Ok(())
    }
}
