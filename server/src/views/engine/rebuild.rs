//! Fills new rows of a view from the beginning of the log while the live ones answer, and switches over when they have
//! caught up. Rows and checkpoint commit together here too, so a rebuild that was broken off goes on where it was.
//!
//! The rebuild of a paused view ends where the view stands, and waits while its new rows are past that.
//!
//! A rebuild only reads the log: whatever processes do, they do not do it again.

use std::convert::Infallible;
use std::time::Duration;

use storefront_eventlog::{Filter, Position};
use tracing::{debug, info};

use super::follow::fold;
use super::view::View;
use crate::clock;
use crate::views::handle::{FeedError, Views};
use crate::views::registry::VIEWS;
use crate::views::rows::{Head, State};

/// So long after a failure it is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// So often it is looked whether another server has left a rebuild, or old rows, behind.
const LOOK_ROUND: Duration = Duration::from_secs(30);

/// Rebuilds what is to be rebuilt, for ever.
pub(crate) async fn run(views: &Views) {
    loop {
        let Err(failure) = wait_and_work(views).await;
        debug!(error = %failure, "a rebuild waits for the log or the database of the views");
        clock::sleep(PAUSE).await;
    }
}

async fn wait_and_work(views: &Views) -> Result<Infallible, FeedError> {
    loop {
        work(views).await?;
        tokio::select! {
            () = views.inner.wanted.notified() => {}
            () = clock::sleep(LOOK_ROUND) => {}
        }
    }
}

/// Brings every rebuild to its end, then sweeps up what was left behind.
pub(crate) async fn work(views: &Views) -> Result<(), FeedError> {
    while let Some((view, head)) = next(views).await? {
        advance(views, view, &head).await?;
    }
    while views.inner.store.sweep().await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// A view that is being rebuilt.
async fn next(views: &Views) -> Result<Option<(&'static dyn View, Head)>, FeedError> {
    let heads = views.inner.store.heads().await?;
    let paused = views.paused();
    let past = |head: &Head| paused.get(head.view.as_str()).is_some_and(|at| head.position > *at);
    let mut building = heads.into_iter().filter(|head| head.state == State::Building && !past(head));
    Ok(building.find_map(|head| Some((*VIEWS.iter().find(|view| view.name() == head.view)?, head))))
}

/// Where a view stands while it is paused.
fn held(views: &Views, view: &dyn View) -> Option<Position> {
    views.paused().get(view.name()).copied()
}

/// Takes in some more events, or switches over when there are none.
async fn advance(views: &Views, view: &dyn View, head: &Head) -> Result<(), FeedError> {
    let held = held(views, view);
    let mut slice = views.inner.log.read_all(head.position, views.inner.pace.batch, &Filter::default()).await?;
    slice.events.retain(|event| held.is_none_or(|at| event.position <= at));
    if slice.events.is_empty() {
        // Nobody pauses or steps the view in between.
        let _turn = views.inner.switching.lock().await;
        if self::held(views, view) != held {
            return Ok(());
        }
        // When the live rows are ahead, the log has more by now.
        if views.inner.store.switch(head).await? {
            info!(view = view.name(), position = head.position.0, "the view is rebuilt");
            views.inner.switched.notify_one();
        }
        return Ok(());
    }
    let commit = fold(&views.inner.store, view, head, &slice.events).await?;
    // Lost when another server rebuilds the same: then there is less to do.
    views.inner.store.commit(&[commit]).await?;
    clock::sleep(views.inner.pace.pause).await;
    Ok(())
}
