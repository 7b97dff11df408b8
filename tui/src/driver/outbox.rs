//! The messages of tasks to the engine.

use tokio::sync::mpsc::Sender;

use crate::update::Msg;

/// Sends messages to the engine, marked with the generation of the shop that they belong to. Messages of an earlier
/// generation, from before the shop was started over, are dropped.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    pub(super) sender: Sender<(u64, Msg)>,
    pub(super) generation: u64,
}

/// The engine is gone: messages have no receiver any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientClosed;

impl Outbox {
    /// Sends a message; waits while the queue is full.
    pub(crate) async fn send(&self, msg: Msg) -> Result<(), ClientClosed> {
        self.sender.send((self.generation, msg)).await.map_err(|_| ClientClosed)
    }
}
