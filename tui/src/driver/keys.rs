//! What comes from the terminal, read on a thread of its own. The library's reader never returns once the terminal is
//! gone, because it goes on reading nothing: nobody else may call it, or the client would hang instead of quitting.

use std::io;
use std::thread;

use crossterm::event::{Event, read};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{self, Receiver};

/// How many events may wait.
const WAITING: usize = 256;

/// Keys, pastes and sizes, in order.
pub(crate) struct Keys(Receiver<Event>);

/// The terminal cannot be read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Keys {
    /// Begins to read. The thread ends with the process.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn read() -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(WAITING);
        thread::Builder::new().name("keys".to_owned()).spawn(move || {
            while let Ok(event) = read() {
                if sender.blocking_send(event).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self(receiver))
    }

    /// The next event. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Event, Gone> {
        self.0.recv().await.ok_or(Gone)
    }

    /// An event that is there already.
    pub(crate) fn next_now(&mut self) -> Result<Option<Event>, Gone> {
        match self.0.try_recv() {
            Ok(event) => Ok(Some(event)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Gone),
        }
    }
}
