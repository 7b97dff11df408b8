//! What is paused, of processes and views alike: for whoever follows the log, so that every client can show it at once.

use storefront_api::{Paused, PausedView};

use crate::operations::progress::Progress;
use crate::views::Views;

/// What is paused now.
pub(crate) fn paused(progress: &Progress, views: &Views) -> Paused {
    let processes: Vec<String> = progress.subscribe_paused().borrow().iter().map(|name| (*name).to_owned()).collect();
    let stands =
        |(name, at): (&str, storefront_eventlog::Position)| PausedView { name: name.to_owned(), position: at.0 };
    let views: Vec<PausedView> = views.paused().into_iter().map(stands).collect();
    let marks = views.iter().map(|view| format!("{}@{}", view.name, view.position));
    let mark = processes.iter().cloned().chain(marks).collect::<Vec<_>>().join(",");
    Paused { mark, processes, views }
}

/// Waits until something else is paused than a mark says, or a paused view stands elsewhere.
pub(crate) async fn differs_from(mark: &str, progress: &Progress, views: &Views) {
    let (mut processes, mut stands) = (progress.subscribe_paused(), views.pauses());
    while paused(progress, views).mark == mark {
        // Both live for as long as the shop does.
        tokio::select! {
            changed = processes.changed() => if changed.is_err() { return },
            changed = stands.changed() => if changed.is_err() { return },
        }
    }
}
