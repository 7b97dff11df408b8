//! The health of the event log, as its reads and writes show it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use storefront_eventlog::{
    Append, AppendError, Appended, Checkpoint, EventPage, EventStore, Fence, Filter, HashTree, JsonText, LeaseOutcome,
    Position, Recorded, Snapshot, StoreCondition, StoreError, StoredResponse, StreamName, Timer, Version,
};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::clock;
use crate::store::aggregates::Store;
use crate::store::repeats::Repeats;

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
    pub(crate) repeats: Repeats,
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
                self.repeats.append_retried(stream.as_str(), *expected, *actual);
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

#[async_trait]
impl EventStore for WatchedStore {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.health.note_write(self.log.append(append).await)
    }

    async fn read_stream(&self, stream: &StreamName, from: Version, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.health.note_read(self.log.read_stream(stream, from, limit).await)
    }

    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        self.health.note_read(self.log.read_all(after, limit, filter).await)
    }

    async fn follow(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        // A page may come from memory, which says nothing about the disk.
        let page = self.log.follow(after, limit, filter).await;
        if page.is_ok() { page } else { self.health.note_read(page) }
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.health.note_read(self.log.head().await)
    }

    async fn wait_for(&self, after: Position) -> Result<Position, StoreError> {
        self.log.wait_for(after).await.inspect_err(|failure| self.health.note_set_back(failure))
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Position, StoreError> {
        self.health.note_read(self.log.checkpoint(consumer).await)
    }

    async fn answer(&self, key: &str) -> Result<Option<(StoredResponse, Position)>, StoreError> {
        self.health.note_read(self.log.answer(key).await)
    }

    async fn acquire_lease(&self, lease: &str, holder: &str, ttl: Duration) -> Result<LeaseOutcome, StoreError> {
        self.log.acquire_lease(lease, holder, ttl).await
    }

    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<bool, StoreError> {
        self.log.renew_lease(fence, ttl).await
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        self.log.release_lease(fence).await
    }

    async fn now_ms(&self) -> Result<i64, StoreError> {
        self.health.note_read(self.log.now_ms().await)
    }

    async fn due_timers(&self, owner: &str, limit: usize) -> Result<Vec<Timer>, StoreError> {
        self.health.note_read(self.log.due_timers(owner, limit).await)
    }

    async fn next_due(&self, owner: &str) -> Result<Option<Duration>, StoreError> {
        self.health.note_read(self.log.next_due(owner).await)
    }

    async fn snapshot(&self, stream: &StreamName, schema_version: u16) -> Result<Option<Snapshot>, StoreError> {
        self.health.note_read(self.log.snapshot(stream, schema_version).await)
    }

    async fn save_snapshot(
        &self,
        stream: &StreamName,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) -> Result<bool, StoreError> {
        self.log.save_snapshot(stream, version, schema_version, data).await
    }

    async fn epoch(&self) -> Result<Option<uuid::Uuid>, StoreError> {
        self.health.note_read(self.log.epoch().await)
    }

    async fn begin_epoch(&self, seen: Option<uuid::Uuid>) -> Result<(), StoreError> {
        self.log.begin_epoch(seen).await
    }

    async fn hash_tree(&self) -> Result<Option<HashTree>, StoreError> {
        let tree = self.log.hash_tree().await;
        // A tree may come from memory, which shows nothing of the database.
        if tree.is_err() { self.health.note_read(tree) } else { tree }
    }

    async fn checksums(&self, after: Position, limit: usize) -> Result<Vec<(Position, Option<i64>)>, StoreError> {
        self.health.note_read(self.log.checksums(after, limit).await)
    }

    async fn inconsistencies(&self) -> Result<Vec<String>, StoreError> {
        self.health.note_read(self.log.inconsistencies().await)
    }

    async fn close(&self) {
        self.log.close().await;
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn damage_is_remembered() {
        let health = LogHealth::default();
        health.update(|faults| faults.reading = Some(StoreCondition::Damaged));
        health.update(|faults| faults.reading = None);
        assert!(health.faults().damaged);
    }
}
