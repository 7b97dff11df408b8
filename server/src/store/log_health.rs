//! How the log is doing: what its reads and writes show, noted for whoever asks whether the server can do its work.

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

/// A clock that differs by more is told.
const MAX_SKEW_MS: i64 = 5000;

/// So long the log may take to show that it works.
const PROBE_WAIT: Duration = Duration::from_secs(2);
/// The checkpoint that is written to see whether anything can be. It says nothing.
const PROBE: &str = "health";

/// What ails the log, as far as it has shown. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogHealth {
    ailments: Arc<Mutex<LogFaults>>,
    set_back: Arc<watch::Sender<Option<SetBack>>>,
    /// How far the machine's clock is ahead of the log's, in milliseconds.
    skew_ms: Arc<AtomicI64>,
    /// The appends that were decided anew are counted here.
    pub(crate) repeats: Repeats,
}

/// That the database was set back to an earlier state under a running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SetBack {
    /// The newest event that was known.
    pub(crate) known: Position,
    /// Where the log ended when that was noticed.
    pub(crate) head: Position,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LogFaults {
    reading: Option<StoreCondition>,
    writing: Option<StoreCondition>,
    /// The last write found no place in the line.
    busy: bool,
    /// Damage on disk does not go away, even where one does not meet it again.
    damaged: bool,
}

/// How the log is doing at this moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Examined {
    /// Where it ends; 0 when it cannot be read.
    pub(crate) head: Position,
    /// What is wrong, in a sentence.
    pub(crate) trouble: Option<String>,
}

impl LogHealth {
    /// A log whose health is noted here.
    pub(crate) fn watch(&self, log: Store) -> Store {
        Arc::new(Watched { log, health: self.clone() })
    }

    /// Has the log show whether it can be read, and whether it can be written if that went wrong last time.
    pub(crate) async fn examine(&self, log: &Store) -> Examined {
        let silent = |_| Err(StoreError::Database("no answer in time".into()));
        let head = tokio::time::timeout(PROBE_WAIT, log.head()).await.unwrap_or_else(silent);
        if self.noted().writing.is_some() || self.noted().busy {
            let checkpoints = vec![Checkpoint { consumer: PROBE.to_owned(), position: Position(0) }];
            let probe = log.append(Append { checkpoints, ..Append::default() });
            // What comes of it is noted like that of every append.
            let _noted = tokio::time::timeout(PROBE_WAIT, probe).await;
        }
        let LogFaults { damaged, busy, writing, reading: _ } = self.noted();
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
        Examined { head: head.unwrap_or_default(), trouble }
    }

    fn noted(&self) -> LogFaults {
        *self.ailments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut LogFaults)) {
        let mut ailments = self.ailments.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *ailments;
        change(&mut ailments);
        let found = [ailments.reading, ailments.writing].into_iter().flatten();
        ailments.damaged |= found.into_iter().any(|trouble| trouble == StoreCondition::Damaged);
        let well = |ailments: &LogFaults| ailments.reading.is_none() && ailments.writing.is_none();
        match (well(&before), well(&ailments)) {
            (true, false) => error!(reading = ?ailments.reading, writing = ?ailments.writing, "the event log fails"),
            (false, true) => info!("the event log works again"),
            (true, true) | (false, false) => {}
        }
    }

    /// Reads the clock of the log, by which deadlines are set and judged.
    ///
    /// # Errors
    /// When the log fails.
    pub(crate) async fn follow_clock(&self, log: &Store) -> Result<(), StoreError> {
        let asked_ms = clock::asked_ms();
        let store_ms = log.now_ms().await?;
        clock::follow(store_ms, asked_ms);
        let skew_ms = clock::machine_ms() - store_ms;
        let before = self.skew_ms.swap(skew_ms, Ordering::Relaxed);
        if skew_ms.abs() > MAX_SKEW_MS && before.abs() <= MAX_SKEW_MS {
            warn!(skew_ms, "the clock of this machine differs from that of the log; deadlines go by that of the log");
        }
        Ok(())
    }

    /// What is wrong with the clock of this machine, in a sentence. The server does its work all the same.
    pub(crate) fn skew(&self) -> Option<String> {
        let skew_ms = self.skew_ms.load(Ordering::Relaxed);
        let way = if skew_ms > 0 { "ahead of" } else { "behind" };
        (skew_ms.abs() > MAX_SKEW_MS).then(|| {
            let seconds = skew_ms.abs() / 1000;
            format!("The clock of this machine is {seconds} s {way} that of the log, by which deadlines go: set the clock that is wrong.")
        })
    }

    /// Waits until the database is set back.
    pub(crate) async fn set_back(&self) -> SetBack {
        loop {
            let mut told = self.set_back.subscribe();
            let told = told.wait_for(Option::is_some).await.ok().and_then(|told| *told);
            if let Some(set_back) = told {
                return set_back;
            }
        }
    }

    fn note_set_back(&self, failure: &StoreError) {
        if let StoreError::SetBack { known, head } = failure {
            let (known, head) = (*known, *head);
            self.set_back.send_if_modified(|told| told.is_none() && told.replace(SetBack { known, head }).is_none());
        }
    }

    fn note_read<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        outcome.as_ref().err().into_iter().for_each(|failure| self.note_set_back(failure));
        match &outcome {
            Ok(_) => self.note(|ailments| ailments.reading = None),
            // Closed, or refused for what was asked: the log is none the worse for it.
            Err(StoreError::Closed | StoreError::Invalid(_)) => {}
            Err(failure) => self.note(|ailments| ailments.reading = Some(failure.condition())),
        }
        outcome
    }

    fn note_write(&self, outcome: Result<Appended, AppendError>) -> Result<Appended, AppendError> {
        match &outcome {
            Ok(_) => self.note(|ailments| (ailments.writing, ailments.busy) = (None, false)),
            Err(AppendError::Busy) => self.note(|ailments| ailments.busy = true),
            Err(AppendError::Store(failure)) if failure.condition() != StoreCondition::Closed => {
                self.note(|ailments| ailments.writing = Some(failure.condition()));
            }
            Err(AppendError::Conflict { stream, expected, actual }) => {
                self.repeats.append_retried(stream.as_str(), *expected, *actual);
            }
            // Refused for what was asked, which says nothing of the disk.
            Err(_) => {}
        }
        outcome
    }
}

/// A log that notes how it is doing.
struct Watched {
    log: Store,
    health: LogHealth,
}

#[async_trait]
impl EventStore for Watched {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.health.note_write(self.log.append(append).await)
    }

    async fn read_stream(&self, stream: &StreamName, from: Version, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.health.note_read(self.log.read_stream(stream, from, limit).await)
    }

    async fn read_all(&self, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, StoreError> {
        self.health.note_read(self.log.read_all(after, limit, filter).await)
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
        self.health.note_read(self.log.hash_tree().await)
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
            health.noted().writing,
            Some(StoreCondition::Failing),
            "that it can be read says nothing of writing"
        );
        assert!(health.note_write(Err(AppendError::Busy)).is_err());
        assert_eq!(health.noted().writing, Some(StoreCondition::Failing), "who was turned away has written nothing");
        assert!(health.noted().busy, "and that is noted too");
        assert!(health.note_write(Ok(Appended { position: Position(1), versions: vec![] })).is_ok());
        assert_eq!(health.noted(), LogFaults::default());
    }

    #[test]
    fn a_log_that_was_closed_is_not_ill() {
        let health = LogHealth::default();
        assert!(health.note_read::<()>(Err(StoreError::Closed)).is_err());
        assert!(health.note_write(Err(StoreError::Closed.into())).is_err());
        assert_eq!(health.noted(), LogFaults::default());
    }

    #[tokio::test]
    async fn after_a_failed_write_the_log_is_ill_until_a_write_succeeds_and_being_asked_is_enough_for_that() {
        let health = LogHealth::default();
        let plain: Store = Arc::new(SqliteStore::in_memory().unwrap());
        let watched = health.watch(plain.clone());
        assert!(health.note_write(Err(failure("no room").into())).is_err());
        // What is written past the watch shows nothing.
        let trouble = health.examine(&plain).await.trouble;
        let told = "The event log cannot be written: its disk or database does not do its work.";
        assert_eq!(trouble.as_deref(), Some(told));
        assert_eq!(health.examine(&watched).await, Examined { head: Position(0), trouble: None });
        assert_eq!(health.noted(), LogFaults::default());
    }

    #[test]
    fn damage_is_remembered() {
        let health = LogHealth::default();
        health.note(|ailments| ailments.reading = Some(StoreCondition::Damaged));
        health.note(|ailments| ailments.reading = None);
        assert!(health.noted().damaged);
    }
}
