//! The health of the event log, as its reads and writes show it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use storefront_eventlog::{
    Append, AppendError, Appended, Checkpoint, EventStore, Position, StoreCall, StoreCondition, StoreError, StoreLayer,
};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::clock;
use crate::store::aggregates::Store;
use crate::store::repeat_counters::RepeatCounters;

/// Clock difference above which it is reported.
const MAX_SKEW_MS: i64 = 5000;

/// Timeout of one probe of the log.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Name of the checkpoint that is written to probe whether the log accepts writes. It has no meaning.
const PROBE_CHECKPOINT: &str = "health";

/// The health of the log, as observed so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogHealth {
    faults: Arc<Mutex<LogFaults>>,
    set_back: Arc<watch::Sender<Option<SetBack>>>,
    /// How far this machine's clock is ahead of the log's, in milliseconds.
    skew_ms: Arc<AtomicI64>,
    /// Counts appends that conflicted.
    pub(crate) repeat_counters: RepeatCounters,
}

/// The database was set back to an earlier state under a running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SetBack {
    /// Position of the newest event that was known.
    pub(crate) known: Position,
    /// Position at which the log ended when that was noticed.
    pub(crate) head: Position,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LogFaults {
    reading: Option<StoreCondition>,
    writing: Option<StoreCondition>,
    /// The last write was given up because the write queue was full.
    busy: bool,
    /// Damage on disk is never cleared, even if later reads do not meet it.
    damaged: bool,
}

/// The state of the log at this moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogStatus {
    /// Position of its last event; 0 when it cannot be read.
    pub(crate) head: Position,
    /// What is wrong, as a sentence.
    pub(crate) trouble: Option<String>,
}

impl LogHealth {
    /// Wraps a log so that its reads and writes update this health.
    pub(crate) fn watch(&self, log: Arc<dyn EventStore>) -> Arc<dyn EventStore> {
        Arc::new(WatchedStore { log, health: self.clone() })
    }

    /// Probes whether the log can be read, and written if the last write failed.
    pub(crate) async fn examine(&self, log: &dyn EventStore) -> LogStatus {
        let timed_out = |_| Err(StoreError::Database("no answer in time".into()));
        let head = tokio::time::timeout(PROBE_TIMEOUT, log.head()).await.unwrap_or_else(timed_out);
        if self.faults().writing.is_some() || self.faults().busy {
            let checkpoints = vec![Checkpoint { consumer: PROBE_CHECKPOINT.to_owned(), position: Position(0) }];
            let probe = log.append(Append { checkpoints, ..Append::default() });
            // The wrapped log records the outcome, like that of every append.
            let _noted = tokio::time::timeout(PROBE_TIMEOUT, probe).await;
        }
        let LogFaults { damaged, busy, writing, reading: _ } = self.faults();
        let trouble = match (&head, writing) {
            (_, _) if damaged => Some(
                "The event log is damaged on disk: stop the server, see what `storefront-server check` says, and restore a \
                 backup."
                    .to_owned(),
            ),
            (Err(failure), _) => Some(format!("The event log cannot be read: {}.", failure.condition())),
            (Ok(_), Some(trouble)) => Some(format!("The event log cannot be written: {trouble}.")),
            (Ok(_), None) if busy => Some(
                "The event log cannot be written: writes wait for too long, and the last one was given up.".to_owned(),
            ),
            (Ok(_), None) => None,
        };
        LogStatus { head: head.unwrap_or_default(), trouble }
    }

    fn faults(&self) -> LogFaults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut LogFaults)) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *faults;
        change(&mut faults);
        let found = [faults.reading, faults.writing].into_iter().flatten();
        faults.damaged |= found.into_iter().any(|trouble| trouble == StoreCondition::Damaged);
        let is_healthy = |faults: &LogFaults| faults.reading.is_none() && faults.writing.is_none();
        match (is_healthy(&before), is_healthy(&faults)) {
            (true, false) => error!(reading = ?faults.reading, writing = ?faults.writing, "the event log fails"),
            (false, true) => info!("the event log works again"),
            (true, true) | (false, false) => {}
        }
    }

    /// Reads the clock of the log, by which deadlines are set and checked.
    ///
    /// # Errors
    /// When the log fails.
    pub(crate) async fn follow_clock(&self, log: &Store) -> Result<(), StoreError> {
        let requested_at_ms = clock::request_time_ms();
        let store_ms = log.now_ms().await?;
        clock::follow_store_clock(store_ms, requested_at_ms);
        let skew_ms = clock::machine_ms() - store_ms;
        let before = self.skew_ms.swap(skew_ms, Ordering::Relaxed);
        if skew_ms.abs() > MAX_SKEW_MS && before.abs() <= MAX_SKEW_MS {
            warn!(skew_ms, "the clock of this machine differs from that of the log; deadlines follow that of the log");
        }
        Ok(())
    }

    /// Returns what is wrong with this machine's clock, as a sentence. The server works all the same.
    pub(crate) fn skew(&self) -> Option<String> {
        let skew_ms = self.skew_ms.load(Ordering::Relaxed);
        let direction = if skew_ms > 0 { "ahead of" } else { "behind" };
        (skew_ms.abs() > MAX_SKEW_MS).then(|| {
            let seconds = skew_ms.abs() / 1000;
            format!("The clock of this machine is {seconds} s {direction} that of the log, by which deadlines go: set the clock that is wrong.")
        })
    }

    /// Waits until the database is set back.
    pub(crate) async fn set_back(&self) -> SetBack {
        loop {
            let mut changes = self.set_back.subscribe();
            let set_back = changes.wait_for(Option::is_some).await.ok().and_then(|set_back| *set_back);
            if let Some(set_back) = set_back {
                return set_back;
            }
        }
    }

    fn note_set_back(&self, failure: &StoreError) {
        if let StoreError::SetBack { known, head } = failure {
            let (known, head) = (*known, *head);
            self.set_back.send_if_modified(|noted| noted.is_none() && noted.replace(SetBack { known, head }).is_none());
        }
    }

    fn note_read<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        outcome.as_ref().err().into_iter().for_each(|failure| self.note_set_back(failure));
        match &outcome {
            Ok(_) => self.update(|faults| faults.reading = None),
            // Closed, or rejected because of the request: that says nothing about the log's health.
            Err(StoreError::Closed | StoreError::Invalid(_)) => {}
            Err(failure) => self.update(|faults| faults.reading = Some(failure.condition())),
        }
        outcome
    }

    fn note_write(&self, outcome: Result<Appended, AppendError>) -> Result<Appended, AppendError> {
        match &outcome {
            Ok(_) => self.update(|faults| (faults.writing, faults.busy) = (None, false)),
            Err(AppendError::Busy) => self.update(|faults| faults.busy = true),
            Err(AppendError::Store(failure)) if failure.condition() != StoreCondition::Closed => {
                self.update(|faults| faults.writing = Some(failure.condition()));
            }
            Err(AppendError::Conflict { stream, expected, actual }) => {
                self.repeat_counters.append_retried(stream.as_str(), *expected, *actual);
            }
            // Rejected because of the request: that says nothing about the disk.
            Err(_) => {}
        }
        outcome
    }
}

/// A log that records its health.
struct WatchedStore {
    log: Arc<dyn EventStore>,
    health: LogHealth,
}

impl StoreLayer for WatchedStore {
    fn inner(&self) -> &dyn EventStore {
        &*self.log
    }

    async fn around_append(&self, append: Append) -> Result<Appended, AppendError> {
        self.health.note_write(self.log.append(append).await)
    }

    async fn around<T: Send + 'static>(
        &self,
        call: StoreCall,
        result: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let result = result.await;
        match call {
            StoreCall::Read | StoreCall::ReadSnapshot => self.health.note_read(result),
            StoreCall::ReadMemory if result.is_err() => self.health.note_read(result),
            StoreCall::Wait => result.inspect_err(|failure| self.health.note_set_back(failure)),
            StoreCall::ReadMemory | StoreCall::SaveSnapshot | StoreCall::Change => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use storefront_eventlog::SqliteStore;

    use super::*;

    fn failure(text: &str) -> StoreError {
        StoreError::Database(text.into())
    }

    #[test]
    fn trouble_is_noted_until_the_same_works_again() {
        let health = LogHealth::default();
        assert!(health.note_write(Err(failure("no room").into())).is_err());
        assert!(health.note_read(Ok(())).is_ok());
        assert_eq!(
            health.faults().writing,
            Some(StoreCondition::Failing),
            "that it can be read says nothing of writing"
        );
        assert!(health.note_write(Err(AppendError::Busy)).is_err());
        assert_eq!(health.faults().writing, Some(StoreCondition::Failing), "who was turned away has written nothing");
        assert!(health.faults().busy, "and that is noted too");
        assert!(health.note_write(Ok(Appended { position: Position(1), versions: vec![] })).is_ok());
        assert_eq!(health.faults(), LogFaults::default());
    }

    #[test]
    fn a_log_that_was_closed_is_not_ill() {
        let health = LogHealth::default();
        assert!(health.note_read::<()>(Err(StoreError::Closed)).is_err());
        assert!(health.note_write(Err(StoreError::Closed.into())).is_err());
        assert_eq!(health.faults(), LogFaults::default());
    }

    #[tokio::test]
    async fn after_a_failed_write_the_log_is_ill_until_a_write_succeeds_and_being_asked_is_enough_for_that() {
        let health = LogHealth::default();
        let plain: Arc<dyn EventStore> = Arc::new(SqliteStore::in_memory().unwrap());
        let watched = health.watch(plain.clone());
        assert!(health.note_write(Err(failure("no room").into())).is_err());
        // A write past the wrapper is not observed.
        let trouble = health.examine(&*plain).await.trouble;
        let told = "The event log cannot be written: its disk or database does not do its work.";
        assert_eq!(trouble.as_deref(), Some(told));
        assert_eq!(health.examine(&*watched).await, LogStatus { head: Position(0), trouble: None });
        assert_eq!(health.faults(), LogFaults::default());
    }

    /// A log whose database may be gone; what is in memory stays.
    struct Breakable {
        log: SqliteStore,
        is_broken: AtomicBool,
    }

    impl StoreLayer for Breakable {
        fn inner(&self) -> &dyn EventStore {
            &self.log
        }

        async fn around<T: Send + 'static>(
            &self,
            call: StoreCall,
            result: impl Future<Output = Result<T, StoreError>> + Send,
        ) -> Result<T, StoreError> {
            if self.is_broken.load(Ordering::Relaxed) && call != StoreCall::ReadMemory {
                return Err(failure("it is gone"));
            }
            result.await
        }
    }

    #[tokio::test]
    async fn a_read_of_the_database_shows_the_health_of_the_log_and_one_of_memory_or_a_lease_does_not() {
        let (health, is_broken) = (LogHealth::default(), AtomicBool::new(true));
        let log = Arc::new(Breakable { log: SqliteStore::in_memory().unwrap(), is_broken });
        let watched = health.watch(log.clone());
        assert!(watched.acquire_lease("mail", "here", Duration::from_secs(1)).await.is_err());
        assert_eq!(health.faults(), LogFaults::default());
        assert!(watched.checkpoint("mail").await.is_err());
        assert_eq!(health.faults().reading, Some(StoreCondition::Failing));
        assert!(watched.hash_tree().await.is_ok());
        assert_eq!(health.faults().reading, Some(StoreCondition::Failing));
        log.is_broken.store(false, Ordering::Relaxed);
        assert!(watched.head().await.is_ok());
        assert_eq!(health.faults(), LogFaults::default());
    }

    #[test]
    fn damage_is_remembered() {
        let health = LogHealth::default();
        health.update(|faults| faults.reading = Some(StoreCondition::Damaged));
        health.update(|faults| faults.reading = None);
        assert!(health.faults().damaged);
    }
}
