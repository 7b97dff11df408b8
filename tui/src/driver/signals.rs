//! What the system tells the process: to end, to stop, to go on.

use std::io;
use std::time::Duration;

use rustix::process::{Signal as Sent, kill_current_process_group};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// How long to wait for being stopped and continued before going on as if nothing had happened, as when no shell
/// looks after us.
const STOPPING: Duration = Duration::from_millis(500);

/// What a signal means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM, SIGHUP or SIGINT: end.
    End,
    /// SIGCONT: we were stopped, and the terminal was somebody else's meanwhile.
    Continued,
}

/// The signals that are listened to.
pub(crate) struct Signals {
    terminate: Stream,
    hang_up: Stream,
    interrupt: Stream,
    resume: Stream,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            resume: signal(SignalKind::from_raw(Sent::CONT.as_raw()))?,
        })
    }

    /// The next signal; an end comes before everything else. Cancel safe.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::End,
            _ = self.hang_up.recv() => Signal::End,
            _ = self.interrupt.recv() => Signal::End,
            _ = self.resume.recv() => Signal::Continued,
        }
    }

    /// Stops the process group, as a terminal does on Ctrl-Z, and returns when it goes on.
    pub(crate) async fn stop(&mut self) {
        if kill_current_process_group(Sent::TSTP).is_ok() {
            // Nothing to tell apart: both mean that we run.
            let _ = tokio::time::timeout(STOPPING, self.resume.recv()).await;
        }
    }
}
