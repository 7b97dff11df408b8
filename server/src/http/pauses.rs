//! The paused processes and views, for requests that follow the log: every client can show a pause at once.

use storefront_api::{Paused, PausedView};

use crate::operations::progress::Progress;
use crate::views::Views;

/// Returns the processes and views that are paused now.
pub(crate) fn paused(progress: &Progress, views: &Views) -> Paused {
    let processes: Vec<String> = progress.subscribe_paused().borrow().iter().map(|name| (*name).to_owned()).collect();
    let stands =
        |(name, at): (&str, storefront_eventlog::Position)| PausedView { name: name.to_owned(), position: at.0 };
    let views: Vec<PausedView> = views.paused().into_iter().map(stands).collect();
    let marks = views.iter().map(|view| format!("{}@{}", view.name, view.position));
    let mark = processes.iter().cloned().chain(marks).collect::<Vec<_>>().join(",");
    Paused { mark, processes, views }
}

/// Waits until the paused processes and views, or the position of a paused view, differ from those of a mark.
pub(crate) async fn wait_for_change(mark: &str, progress: &Progress, views: &Views) {
    let (mut processes, mut stands) = (progress.subscribe_paused(), views.pauses());
    while paused(progress, views).mark == mark {
        // The senders live as long as the shop.
        tokio::select! {
            changed = processes.changed() => if changed.is_err() { return },
            changed = stands.changed() => if changed.is_err() { return },
        }
    }
}
