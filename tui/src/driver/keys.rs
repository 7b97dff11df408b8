//! Reads the terminal: bytes in, inputs out. A sequence that stays unfinished is given up after its time, and a terminal
//! that is gone is reported, never read again.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::terminal::{Device, Input, Parser};

/// Maximum number of bytes of one read.
const MAX_READ_BYTES: usize = 4096;

/// The inputs of the terminal, in order.
pub(crate) struct Keys {
    device: Device,
    readable: AsyncFd<Arc<File>>,
    parser: Parser,
    queue: VecDeque<Input>,
    /// When the last byte came.
    heard_at: Instant,
}

/// The terminal is closed: it cannot be read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TerminalClosed;

impl Keys {
    /// Starts to watch the terminal.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub(crate) fn read(device: Device) -> io::Result<Self> {
        let readable = device.watched(Interest::READABLE)?;
        Ok(Self { device, readable, parser: Parser::default(), queue: VecDeque::new(), heard_at: Instant::now() })
    }

    /// Waits for the next input. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Input, TerminalClosed> {
        loop {
            if let Some(input) = self.queue.pop_front() {
                return Ok(input);
            }
            let gives_up_at = self.gives_up_at();
            tokio::select! {
                biased;
                ready = self.readable.readable() => {
                    let mut ready = ready.map_err(|_| TerminalClosed)?;
                    let mut bytes = [0; MAX_READ_BYTES];
                    match self.device.read_now(&mut bytes).map_err(|_| TerminalClosed)? {
                        Some(read) => self.take(&bytes[..read]),
                        None => ready.clear_ready(),
                    }
                }
                () = tokio::time::sleep_until(gives_up_at.unwrap_or(self.heard_at)), if gives_up_at.is_some() => {
                    self.give_up();
                }
            }
        }
    }

    /// Returns an input that is there already.
    pub(crate) fn next_now(&mut self) -> Result<Option<Input>, TerminalClosed> {
        if self.queue.is_empty() {
            let mut bytes = [0; MAX_READ_BYTES];
            if let Some(read) = self.device.read_now(&mut bytes).map_err(|_| TerminalClosed)? {
                self.take(&bytes[..read]);
            } else if self.gives_up_at().is_some_and(|at| at <= Instant::now()) {
                self.give_up();
            }
        }
        Ok(self.queue.pop_front())
    }

    fn gives_up_at(&self) -> Option<Instant> {
        self.parser.patience().map(|patience| self.heard_at + patience)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.heard_at = Instant::now();
        let mut inputs = Vec::new();
        self.parser.feed(bytes, &mut inputs);
        self.queue.extend(inputs);
    }

    fn give_up(&mut self) {
        let mut inputs = Vec::new();
        self.parser.expire(&mut inputs);
        self.queue.extend(inputs);
    }
}
