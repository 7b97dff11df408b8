//! Notification of a change, which wakes the waiting tasks in the order in which they came.
//!
//! `tokio::sync::watch` wakes them in a random order, which a seed could not repeat.

use std::pin::pin;

use tokio::sync::Notify;

/// A change notification with its waiting tasks.
#[derive(Default)]
pub(super) struct FairNotify(Notify);

impl FairNotify {
    pub(super) fn notify(&self) {
        self.0.notify_waiters();
    }

    /// Waits until `ask` returns a value; calls it again at each change.
    pub(super) async fn until<T>(&self, ask: impl Fn() -> Option<T>) -> T {
        loop {
            let mut ring = pin!(self.0.notified());
            ring.as_mut().enable();
            if let Some(answer) = ask() {
                return answer;
            }
            ring.await;
        }
    }
}
