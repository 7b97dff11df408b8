//! Runs the views: feeds them the log, rebuilds them beside the live rows, and holds those that are paused.

pub(crate) mod follow;
pub(crate) mod pages;
pub(crate) mod rebuild;
pub(crate) mod step_mode;
pub(crate) mod view;

use storefront_eventlog::Position;
use tokio_util::sync::CancellationToken;

use super::handle::{FeedError, Views};

/// Feeds the log to the views, and rebuilds those that are asked for, until told to stop.
pub(crate) async fn run(views: Views, stop: CancellationToken) {
    let _ = stop.run_until_cancelled(async { tokio::join!(follow::run(&views), rebuild::run(&views)) }).await;
}

/// Rebuilds a view now, with nobody else at work, and answers its position. `None` when there is no such view.
pub(crate) async fn rebuild_offline(views: &Views, name: &str) -> Result<Option<Position>, FeedError> {
    follow::prepare(&views.inner.log, &views.inner.store).await?;
    views.restore_pauses().await?;
    if !views.begin_rebuild(name).await? {
        return Ok(None);
    }
    rebuild::work(views).await?;
    let live = views.list().await?.into_iter().find(|(view, ..)| *view == name).and_then(|(_, live, _)| live);
    Ok(live.map(|live| live.position))
}
