//! Rings when something has changed, and wakes those who wait in the order in which they came.
//!
//! `tokio::sync::watch` would wake them in a random order, which no seed could repeat.

use std::pin::pin;

use tokio::sync::Notify;

/// A bell, and those who listen for it.
#[derive(Default)]
pub(super) struct FairNotify(Notify);

impl FairNotify {
    pub(super) fn rings(&self) {
        self.0.notify_waiters();
    }

    /// Waits until there is an answer; asks again at each ring.
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
