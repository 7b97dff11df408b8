//! Handles the signals that end, stop and continue the process, and tell of another size of the terminal.

use std::io;
use std::time::Duration;

use rustix::process::{Signal as Sent, kill_current_process_group};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// Maximum wait for SIGCONT after stopping; without a shell nobody stops the process.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM, SIGHUP or SIGINT: the process is to end.
    End,
    /// SIGCONT: the process was stopped, and something else used the terminal meanwhile.
    Continued,
    /// SIGWINCH: the terminal has another size.
    Resized,
}

/// The registered signal handlers.
pub(crate) struct Signals {
    terminate: Stream,
    hang_up: Stream,
    interrupt: Stream,
    resume: Stream,
    resize: Stream,
}

impl Signals {
    /// Registers the signal handlers.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            resume: signal(SignalKind::from_raw(Sent::CONT.as_raw()))?,
            resize: signal(SignalKind::window_change())?,
        })
    }

    /// Waits for the next signal; the ones that end the process come first. Cancel safe.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::End,
            _ = self.hang_up.recv() => Signal::End,
            _ = self.interrupt.recv() => Signal::End,
            _ = self.resume.recv() => Signal::Continued,
            _ = self.resize.recv() => Signal::Resized,
        }
    }

    /// Stops the process group, as a terminal does on Ctrl-Z, and returns when it goes on.
    pub(crate) async fn stop(&mut self) {
        if kill_current_process_group(Sent::TSTP).is_ok() {
            // A signal and a timeout both mean that the process runs.
            let _ = tokio::time::timeout(STOP_TIMEOUT, self.resume.recv()).await;
        }
    }
}
