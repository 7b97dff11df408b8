//! Step mode: a view that is paused takes nothing in until it is stepped or resumed; the others go on.
//!
//! The task that follows the log does it, between two batches: so whoever asked knows that it is so when it is answered. A
//! pause is kept beside the rows, with the position at which the view stands, and holds when the server is started again. A
//! rebuild of a paused view ends where the view stands.

use std::collections::BTreeMap;
use std::time::Duration;

use storefront_eventlog::{Filter, Position, Recorded, StoreError};
use tokio::sync::{oneshot, watch};

use super::follow::{BATCH, Follower, fold};
use super::view::View;
use crate::clock;
use crate::operations::progress::NextEvent;
use crate::views::handle::{ControlOutcome, ControlRequest, FeedError, ViewControl, Views};
use crate::views::registry::VIEWS;
use crate::views::rows::{Commit, Failures};

/// So many events that come next are named to whoever looks.
const NAMED: usize = 10;
/// Among so many that follow they are looked for.
const LOOKED_AT: usize = 1_000;
/// So long the task that follows the log may take to do what was asked.
const PATIENCE: Duration = Duration::from_secs(5);

impl Views {
    /// Pauses, steps or resumes a view; it is done when this answers.
    pub(crate) async fn steer(&self, name: &str, steering: ViewControl) -> ControlOutcome {
        let Some(index) = VIEWS.iter().position(|view| view.name() == name) else { return ControlOutcome::Unknown };
        let (answer, answered) = oneshot::channel();
        let asks = async {
            self.inner.ask.send(ControlRequest { index, steering, answer }).await.ok()?;
            answered.await.ok()
        };
        clock::timeout(PATIENCE, asks).await.flatten().unwrap_or(ControlOutcome::NotNow)
    }

    /// The views that are paused, and where each stands.
    pub(crate) fn paused(&self) -> BTreeMap<&'static str, Position> {
        self.inner.paused.borrow().clone()
    }

    /// Of some views, one that is paused before a position.
    pub(crate) fn paused_before(&self, views: &[&str], position: Position) -> Option<&'static str> {
        let paused = self.inner.paused.borrow();
        paused.iter().find(|(name, at)| views.contains(*name) && **at < position).map(|(name, _)| *name)
    }

    /// The events after a position that a view takes in next, ten at most, among the next thousand.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn next_for(&self, name: &str, after: Position) -> Result<Vec<NextEvent>, StoreError> {
        let Some(view) = VIEWS.iter().find(|view| view.name() == name) else { return Ok(Vec::new()) };
        let slice = self.inner.log.read_all(after, LOOKED_AT, &Filter::default()).await?;
        let concerns = slice.events.iter().filter(|event| !view.keys(event).is_empty());
        Ok(concerns.take(NAMED).map(NextEvent::new).collect())
    }

    /// Tells whoever waits when other views are paused, or one that is stands elsewhere.
    pub(crate) fn pauses(&self) -> watch::Receiver<BTreeMap<&'static str, Position>> {
        self.inner.paused.subscribe()
    }

    /// Takes over the pauses that were kept.
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

    /// Notes that a paused view has come so far; `false` when it is not paused.
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
    /// Does what somebody wishes, and tells them.
    pub(crate) async fn apply_control(&mut self, wish: ControlRequest) -> Result<(), FeedError> {
        let ControlRequest { index, steering, answer } = wish;
        let Some(view) = VIEWS.get(index) else { return Ok(()) };
        // No rebuild switches in between.
        let views = self.views;
        let _turn = views.inner.switching.lock().await;
        let paused = self.views.paused().contains_key(view.name());
        let steered = match (steering, paused) {
            (ViewControl::Pause, true) | (ViewControl::Resume, false) => ControlOutcome::Done,
            (ViewControl::Step, false) => ControlOutcome::NotPaused,
            (ViewControl::Pause, false) => {
                let at = self.stands_exactly(index).await?;
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
                // A rebuild that waited for it goes on.
                self.views.inner.wanted.notify_one();
                ControlOutcome::Done
            }
        };
        // Whoever asked may have gone away.
        let _ = answer.send(steered);
        Ok(())
    }

    /// Writes the checkpoint of a view where it really stands: one that had nothing to write has come further.
    async fn stands_exactly(&mut self, index: usize) -> Result<Position, FeedError> {
        let head = self.heads.get(index).ok_or(FeedError::NotThere("asked for"))?.clone();
        if let Some(before) = self.seen.0.checked_sub(1)
            && head.position < self.seen
        {
            let slice = self.views.inner.log.read_all(Position(before), 1, &Filter::default()).await?;
            let event_id = slice.events.first().map(|event| event.id.to_string()).unwrap_or_default();
            let commit = Commit { head, to: self.seen, event_id, failures: Failures::default(), rows: Vec::new() };
            self.commit(index, commit).await?;
        }
        Ok(self.heads.get(index).map(|head| head.position).unwrap_or_default())
    }

    /// Takes in the next event that concerns a view, and what comes before that; `false` when there is none.
    async fn step(&mut self, index: usize, view: &'static dyn View) -> Result<bool, FeedError> {
        loop {
            let after = self.heads.get(index).map(|head| head.position).unwrap_or_default();
            let slice = self.views.inner.log.read_all(after, LOOKED_AT, &Filter::default()).await?;
            if slice.events.is_empty() {
                return Ok(false);
            }
            let found = slice.events.iter().position(|event| !view.keys(event).is_empty());
            let until = found.map_or(slice.events.len(), |found| found + 1);
            self.take_in_alone(index, view, slice.events.get(..until).unwrap_or_default()).await?;
            if found.is_some() {
                return Ok(true);
            }
        }
    }

    /// Has every paused view stand where it stood when it was paused or stepped last, also when its rows were built anew since.
    pub(crate) async fn return_to_pauses(&mut self) -> Result<(), FeedError> {
        for (index, view) in VIEWS.iter().enumerate() {
            let at = self.views.paused().get(view.name()).copied();
            if let Some(at) = at {
                self.catch_up(index, *view, at).await?;
            }
        }
        Ok(())
    }

    /// Brings a view to a position.
    async fn catch_up(&mut self, index: usize, view: &'static dyn View, to: Position) -> Result<(), FeedError> {
        loop {
            let after = self.heads.get(index).map(|head| head.position).unwrap_or_default();
            if after >= to {
                return Ok(());
            }
            let mut slice = self.views.inner.log.read_all(after, BATCH, &Filter::default()).await?;
            slice.events.retain(|event| event.position <= to);
            self.take_in_alone(index, view, &slice.events).await?;
        }
    }

    /// Takes events into one view, with its checkpoint at the last of them.
    async fn take_in_alone(
        &mut self,
        index: usize,
        view: &'static dyn View,
        events: &[Recorded],
    ) -> Result<(), FeedError> {
        let Some(head) = self.heads.get(index) else { return Ok(()) };
        let commit = fold(self.store(), view, head, events).await?;
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
