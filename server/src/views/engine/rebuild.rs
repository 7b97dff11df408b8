//! Rebuilds a view: fills a new generation of rows from the beginning of the log while the live one serves queries, and
//! switches when the new one has caught up. Rows and checkpoint commit together, so an interrupted rebuild continues.
//!
//! The rebuild of a paused view ends at the position of the pause, and waits while its new rows are past that.
//!
//! A rebuild only reads the log; it has no effect on processes.

use std::convert::Infallible;
use std::time::Duration;

use storefront_eventlog::{Filter, Position};
use tracing::{debug, info};

use super::fold::fold;
use super::view::View;
use crate::clock;
use crate::views::handle::{FeedError, Views};
use crate::views::registry::VIEWS;
use crate::views::rows::{Head, State};

/// Pause after a failure.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How often the generations are checked for rebuilds and old rows that another server has left.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Runs requested rebuilds; retries after failures and never returns.
pub(crate) async fn run(views: &Views) {
    loop {
        let Err(failure) = wait_and_work(views).await;
        debug!(error = %failure, "a rebuild waits for the log or the database of the views");
        clock::sleep(RETRY_PAUSE).await;
    }
}

async fn wait_and_work(views: &Views) -> Result<Infallible, FeedError> {
    loop {
        work(views).await?;
        tokio::select! {
            () = views.inner.rebuild_requested.notified() => {}
            () = clock::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Completes every pending rebuild, then deletes the rows of old generations.
pub(crate) async fn work(views: &Views) -> Result<(), FeedError> {
    while let Some((view, head)) = next_rebuild(views).await? {
        advance(views, view, &head).await?;
    }
    while views.inner.store.sweep().await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// The next view to rebuild, with its new generation.
async fn next_rebuild(views: &Views) -> Result<Option<(&'static dyn View, Head)>, FeedError> {
    let heads = views.inner.store.heads().await?;
    let paused = views.paused();
    let past = |head: &Head| paused.get(head.view.as_str()).is_some_and(|at| head.position > *at);
    let mut building = heads.into_iter().filter(|head| head.state == State::Building && !past(head));
    Ok(building.find_map(|head| Some((*VIEWS.iter().find(|view| view.name() == head.view)?, head))))
}

/// The position of a view if it is paused.
fn pause_position(views: &Views, view: &dyn View) -> Option<Position> {
    views.paused().get(view.name()).copied()
}

/// Applies the next batch of events, or switches to the new rows when there is none.
async fn advance(views: &Views, view: &dyn View, head: &Head) -> Result<(), FeedError> {
    let pause_position = pause_position(views, view);
    let mut page = views.inner.log.read_all(head.position, views.inner.pace.batch, &Filter::default()).await?;
    page.events.retain(|event| pause_position.is_none_or(|at| event.position <= at));
    if page.events.is_empty() {
        // The lock keeps the view from being paused or stepped in between.
        let _turn = views.inner.switching.lock().await;
        if self::pause_position(views, view) != pause_position {
            return Ok(());
        }
        // The switch fails when the live rows are ahead; then the log has more events by now.
        if views.inner.store.switch(head).await? {
            info!(view = view.name(), position = head.position.0, "the view is rebuilt");
            views.inner.switched.notify_one();
        }
        return Ok(());
    }
    let commit = fold(&views.inner.store, view, head, &page.events).await?;
    // Fails when another server rebuilds the same view; then its progress counts.
    views.inner.store.commit(&[commit]).await?;
    clock::sleep(views.inner.pace.pause).await;
    Ok(())
}
