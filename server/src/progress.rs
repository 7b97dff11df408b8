//! How far each process has come, as it says itself: written by the processes, read by whoever asks.
//!
//! Nothing here decides anything; the truth about what is done is the log and the checkpoints in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use storefront_eventlog::Position;

/// Where every process stands. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<Mutex<BTreeMap<&'static str, Standing>>>);

/// Where one process stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Everything up to here is dealt with.
    pub(crate) position: Position,
    /// Events that were read and are not dealt with.
    pub(crate) unfinished: usize,
    /// Those of them that went wrong at least once and are tried again.
    pub(crate) retrying: usize,
}

/// Counts one event as tried again, until it is dropped.
#[derive(Debug)]
pub(crate) struct Retrying {
    progress: Progress,
    process: &'static str,
}

impl Progress {
    /// A process stands here now.
    pub(crate) fn note(&self, process: &'static str, position: Position, unfinished: usize) {
        let mut all = self.lock();
        let standing = all.entry(process).or_default();
        (standing.position, standing.unfinished) = (position, unfinished);
    }

    /// An event of a process went wrong, and is tried again.
    pub(crate) fn retrying(&self, process: &'static str) -> Retrying {
        self.lock().entry(process).or_default().retrying += 1;
        Retrying { progress: self.clone(), process }
    }

    /// Every process by name.
    pub(crate) fn all(&self) -> Vec<(&'static str, Standing)> {
        self.lock().iter().map(|(process, standing)| (*process, *standing)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Retrying {
    fn drop(&mut self) {
        if let Some(standing) = self.progress.lock().get_mut(self.process) {
            standing.retrying = standing.retrying.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_seen_where_it_says_it_is_and_retries_count_while_they_last() {
        let progress = Progress::default();
        progress.note("mail", Position(7), 2);
        let retrying = progress.retrying("mail");
        assert_eq!(progress.all(), [("mail", Standing { position: Position(7), unfinished: 2, retrying: 1 })]);
        progress.note("mail", Position(9), 0);
        drop(retrying);
        assert_eq!(progress.all(), [("mail", Standing { position: Position(9), unfinished: 0, retrying: 0 })]);
    }
}
