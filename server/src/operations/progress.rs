//! How far each process has come, as it says itself: written by the processes, read by whoever asks.
//!
//! Nothing here decides anything; the truth about what is done is the log and the checkpoints in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storefront_api::Timestamp;
use storefront_eventlog::{Position, Recorded};
use tokio::sync::watch;

use crate::clock;

/// Where every process stands. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<BTreeMap<&'static str, Known>>,
    /// Wakes whoever waits for a process to come somewhere.
    noted: watch::Sender<()>,
    /// The processes that begin nothing by themselves.
    paused: watch::Sender<BTreeSet<&'static str>>,
    /// Held from the look at what waits until the step has been heard, so that two steps are not for one event.
    stepping: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Known {
    types: &'static [&'static str],
    standing: ProcessStatus,
}

/// Where one process stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessStatus {
    /// Everything up to here is dealt with, or parked.
    pub(crate) position: Position,
    /// How far the log has been read.
    pub(crate) read_to: Position,
    /// How far it has been read for what people ask of the process.
    pub(crate) steered_to: Position,
    /// Events whose turn it is, and which have not begun.
    pub(crate) ready: usize,
    /// Events that were read and are not dealt with.
    pub(crate) unfinished: usize,
    /// Events that are being handled at this moment.
    pub(crate) in_flight: usize,
    /// Events that went wrong at least once and are tried again.
    pub(crate) retrying: usize,
    /// Some of those, as they stand in the log.
    pub(crate) retries: Vec<RetryState>,
    /// Sequences that wait for somebody to look.
    pub(crate) parked: usize,
    /// Whether it begins nothing by itself.
    pub(crate) paused: bool,
    /// Whether it runs on another server; then only its checkpoint and what the log says of it are known.
    pub(crate) elsewhere: bool,
    /// How many events it may begin all the same.
    pub(crate) steps: u32,
    /// While it is paused, the events that come next.
    pub(crate) next: Vec<NextEvent>,
}

/// An event that went wrong and is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RetryState {
    /// The event.
    pub(crate) recorded: Arc<Recorded>,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// What went wrong last.
    pub(crate) error: String,
    /// When it is tried again; `None` while it is, or when it waits for its turn.
    pub(crate) next_attempt_at: Option<Timestamp>,
}

/// An event that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextEvent {
    pub(crate) position: Position,
    pub(crate) kind: String,
    pub(crate) sequence: String,
}

impl NextEvent {
    /// As it is named to whoever looks.
    pub(crate) fn of(recorded: &Recorded) -> Self {
        let (kind, sequence) = (recorded.kind().to_owned(), recorded.correlation_id().to_owned());
        Self { position: recorded.position, kind, sequence }
    }
}

impl Progress {
    /// There is a process of this name, which listens to these types, wherever it stands.
    pub(crate) fn introduce(&self, process: &'static str, types: &'static [&'static str]) {
        self.lock().entry(process).or_insert(Known { types, standing: ProcessStatus::default() });
    }

    /// A process that was introduced stands here now.
    pub(crate) fn note(&self, process: &'static str, standing: ProcessStatus) {
        let paused = standing.paused;
        if let Some(known) = self.lock().get_mut(process) {
            known.standing = standing;
            self.0.paused.send_if_modified(|all| if paused { all.insert(process) } else { all.remove(process) });
        }
        self.0.noted.send_replace(());
    }

    /// The processes that are paused, and whoever wants to know when they are others.
    pub(crate) fn paused(&self) -> watch::Receiver<BTreeSet<&'static str>> {
        self.0.paused.subscribe()
    }

    /// Where a process stands; as if at the beginning where there is no such process.
    pub(crate) fn standing(&self, process: &str) -> ProcessStatus {
        self.lock().get(process).map(|known| known.standing.clone()).unwrap_or_default()
    }

    /// Waits until a process stands as wanted; `false` when that takes longer than the limit.
    pub(crate) async fn until(&self, process: &str, limit: Duration, wanted: impl Fn(&ProcessStatus) -> bool) -> bool {
        let mut noted = self.0.noted.subscribe();
        let stands = async { while !wanted(&self.standing(process)) && noted.changed().await.is_ok() {} };
        clock::timeout(limit, stands).await.is_some()
    }

    /// From the look at what waits until a step has been heard: one at a time.
    pub(crate) async fn stepping(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.stepping.lock().await
    }

    /// Every process by name.
    pub(crate) fn all(&self) -> Vec<(&'static str, ProcessStatus)> {
        self.lock().iter().map(|(process, known)| (*process, known.standing.clone())).collect()
    }

    /// The name of a process as the program knows it, and what it listens to; `None` where there is no such process.
    pub(crate) fn find(&self, process: &str) -> Option<(&'static str, &'static [&'static str])> {
        self.lock().get_key_value(process).map(|(name, known)| (*name, known.types))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_from_its_start_and_seen_where_it_says_it_is() {
        let progress = Progress::default();
        assert_eq!(progress.find("mail"), None);
        progress.introduce("mail", &["email.requested"]);
        assert_eq!(progress.find("mail"), Some(("mail", &["email.requested"][..])));
        assert_eq!(progress.find("post"), None);
        let standing = ProcessStatus { position: Position(7), unfinished: 2, ..ProcessStatus::default() };
        progress.note("mail", standing.clone());
        progress.introduce("mail", &[]);
        assert_eq!(progress.all(), [("mail", standing)]);
    }
}
