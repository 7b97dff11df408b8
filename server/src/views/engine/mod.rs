//! Runs the views: applies the log to them, rebuilds them beside their live rows, and holds the paused ones.

pub(crate) mod fold;
pub(crate) mod follow;
pub(crate) mod pages;
pub(crate) mod rebuild;
pub(crate) mod row_cache;
pub(crate) mod step_mode;
pub(crate) mod view;

use storefront_eventlog::Position;
use tokio_util::sync::CancellationToken;

use super::handle::{FeedError, Views};

/// Applies the log to the views, and runs requested rebuilds, until `stop`.
pub(crate) async fn run(views: Views, stop: CancellationToken) {
    let _ = stop.run_until_cancelled(async { tokio::join!(follow::run(&views), rebuild::run(&views)) }).await;
}

/// Rebuilds a view while no server runs, and returns its position. Returns `None` when there is no such view.
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
