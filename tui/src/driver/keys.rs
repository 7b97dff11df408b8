//! Reads terminal events on a thread of its own. The library's reader never returns once the terminal is gone, so
//! nothing else may call it, or the client would hang instead of quitting.

use std::io;
use std::thread;

use crossterm::event::{Event, read};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{self, Receiver};

/// Capacity of the event queue.
const EVENT_QUEUE_LEN: usize = 256;

/// The queue of keys, pastes and resizes, in order.
pub(crate) struct Keys(Receiver<Event>);

/// The terminal is closed: it cannot be read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TerminalClosed;

impl Keys {
    /// Starts the reader thread, which ends with the process.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn read() -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(EVENT_QUEUE_LEN);
        thread::Builder::new().name("keys".to_owned()).spawn(move || {
            while let Ok(event) = read() {
                if sender.blocking_send(event).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self(receiver))
    }

    /// Waits for the next event. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Event, TerminalClosed> {
        self.0.recv().await.ok_or(TerminalClosed)
    }

    /// Returns an event that is queued already.
    pub(crate) fn next_now(&mut self) -> Result<Option<Event>, TerminalClosed> {
        match self.0.try_recv() {
            Ok(event) => Ok(Some(event)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(TerminalClosed),
        }
    }
}
