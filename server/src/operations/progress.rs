//! The status of each process: written by the processes, read by whoever asks. It decides nothing; what is done is
//! recorded by the log and its checkpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storefront_api::Timestamp;
use storefront_eventlog::{Position, Recorded};
use tokio::sync::watch;

use crate::clock;

/// The status of every process. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    processes: Mutex<BTreeMap<&'static str, KnownProcess>>,
    /// Notified when the status of a process changes.
    changed: watch::Sender<()>,
    /// The processes that are paused.
    paused: watch::Sender<BTreeSet<&'static str>>,
    /// Held from the check that an event is waiting until the process has read the step, so that two steps are not
    /// meant for one event.
    stepping: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct KnownProcess {
    types: &'static [&'static str],
    status: ProcessStatus,
}

/// The status of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessStatus {
    /// Every event up to here is handled or parked.
    pub(crate) position: Position,
    /// The log has been read up to here.
    pub(crate) read_to: Position,
    /// The process's own stream has been read up to here.
    pub(crate) control_read_to: Position,
    /// Number of events that may start and have not.
    pub(crate) ready: usize,
    /// Number of events that are read and not handled.
    pub(crate) unfinished: usize,
    /// Number of events that a handler is working on.
    pub(crate) in_flight: usize,
    /// Number of events that failed at least once and are being retried.
    pub(crate) retrying: usize,
    /// The first of those, in log order.
    pub(crate) retries: Vec<RetryState>,
    /// Number of sequences that wait for an operator.
    pub(crate) parked: usize,
    /// Whether it starts nothing by itself.
    pub(crate) paused: bool,
    /// Whether it runs on another server. Then only its position, its parked sequences and whether it is paused are
    /// known.
    pub(crate) runs_elsewhere: bool,
    /// Number of events that may start although it is paused.
    pub(crate) steps: u32,
    /// The events that come next, while it is paused.
    pub(crate) next: Vec<NextEvent>,
}

/// An event that failed and is being retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RetryState {
    pub(crate) recorded: Arc<Recorded>,
    /// Number of attempts so far.
    pub(crate) attempts: u32,
    pub(crate) error: String,
    /// Time of the next attempt; `None` while an attempt runs or the event waits to start.
    pub(crate) next_attempt_at: Option<Timestamp>,
}

/// An event that waits to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextEvent {
    pub(crate) position: Position,
    pub(crate) kind: String,
    pub(crate) sequence: String,
}

impl NextEvent {
    pub(crate) fn new(recorded: &Recorded) -> Self {
        let (kind, sequence) = (recorded.kind().to_owned(), recorded.correlation_id().to_owned());
        Self { position: recorded.position, kind, sequence }
    }
}

impl Progress {
    /// Registers a process and the event types that it subscribes to.
    pub(crate) fn register(&self, process: &'static str, types: &'static [&'static str]) {
        self.lock().entry(process).or_insert(KnownProcess { types, status: ProcessStatus::default() });
    }

    /// Forgets a process that there is no more.
    pub(crate) fn remove(&self, process: &str) {
        self.lock().remove(process);
        self.0.paused.send_if_modified(|all| all.remove(process));
        // An error means that nobody waits.
        let _nobody = self.0.changed.send(());
    }

    /// Replaces the status of a registered process.
    pub(crate) fn set_status(&self, process: &'static str, status: ProcessStatus) {
        let paused = status.paused;
        if let Some(known) = self.lock().get_mut(process) {
            known.status = status;
            self.0.paused.send_if_modified(|all| if paused { all.insert(process) } else { all.remove(process) });
        }
        // An error means that nobody waits.
        let _nobody = self.0.changed.send(());
    }

    /// Returns the paused processes, as a receiver that sees every change.
    pub(crate) fn subscribe_paused(&self) -> watch::Receiver<BTreeSet<&'static str>> {
        self.0.paused.subscribe()
    }

    /// Returns the status of a process; the default for an unknown process.
    pub(crate) fn status(&self, process: &str) -> ProcessStatus {
        self.lock().get(process).map(|known| known.status.clone()).unwrap_or_default()
    }

    /// Waits until the status of a process satisfies `wanted`; returns `false` after `limit`.
    pub(crate) async fn wait_until(
        &self,
        process: &str,
        limit: Duration,
        is_reached: impl Fn(&ProcessStatus) -> bool,
    ) -> bool {
        let mut changes = self.0.changed.subscribe();
        let reached = async { while !is_reached(&self.status(process)) && changes.changed().await.is_ok() {} };
        clock::timeout(limit, reached).await.is_some()
    }

    /// Locks stepping: one step at a time, from the check that an event is waiting until the process has read the
    /// step.
    pub(crate) async fn lock_stepping(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.stepping.lock().await
    }

    /// Returns every process with its status, by name.
    pub(crate) fn all(&self) -> Vec<(&'static str, ProcessStatus)> {
        self.lock().iter().map(|(process, known)| (*process, known.status.clone())).collect()
    }

    /// Returns the static name of a process and the event types that it subscribes to; `None` for an unknown process.
    pub(crate) fn find(&self, process: &str) -> Option<(&'static str, &'static [&'static str])> {
        self.lock().get_key_value(process).map(|(name, known)| (*name, known.types))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, KnownProcess>> {
        self.0.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_from_its_start_and_seen_where_it_says_it_is() {
        let progress = Progress::default();
        assert_eq!(progress.find("mail"), None);
        progress.register("mail", &["email.requested"]);
        assert_eq!(progress.find("mail"), Some(("mail", &["email.requested"][..])));
        assert_eq!(progress.find("post"), None);
        let status = ProcessStatus { position: Position(7), unfinished: 2, ..ProcessStatus::default() };
        progress.set_status("mail", status.clone());
        progress.register("mail", &[]);
        assert_eq!(progress.all(), [("mail", status)]);
    }
}
