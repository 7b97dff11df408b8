//! The log of a simulated shop: a list, and what follows from it. Never fails; the doors of the servers do.
//!
//! It keeps the contract of `EventStore`, which a test below compares with that of SQLite.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storefront_eventlog::{
    Append, AppendError, Appended, EventId, EventPage, Expected, Filter, JsonText, NewEvent, Position, Recorded,
    StoredResponse, StreamName, Version,
};

use super::coordination::Coordination;
use super::fair_notify::FairNotify;
use super::rng_clock;

/// A log in memory.
pub(super) struct Log {
    kept: Mutex<StoredSnapshot>,
    grown: FairNotify,
}

#[derive(Default)]
struct StoredSnapshot {
    events: Vec<Recorded>,
    /// How long the run had been going on when each of them came.
    landed: Vec<Duration>,
    /// Where the events of a stream stand in the list.
    streams: HashMap<StreamName, Vec<usize>>,
    ids: HashMap<EventId, usize>,
    checkpoints: HashMap<String, Position>,
    answers: HashMap<String, (StoredResponse, Position)>,
    coordination: Coordination,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { kept: Mutex::default(), grown: FairNotify::default() }
    }

    /// Writes all of an append or nothing.
    pub(super) fn append(&self, append: &Append) -> Result<Appended, AppendError> {
        let appended = self.kept().append(append)?;
        self.grown.rings();
        Ok(appended)
    }

    pub(super) fn stream(&self, stream: &StreamName, from: Version, limit: usize) -> Vec<Recorded> {
        let kept = self.kept();
        let places = kept.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        let first = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        places.iter().skip(first).take(limit).map(|place| kept.events[*place].clone()).collect()
    }

    /// As `EventStore::read_all`, looking at no more than a stretch of the log.
    pub(super) fn all(&self, after: Position, limit: usize, filter: &Filter, stretch: usize) -> EventPage {
        let kept = self.kept();
        let head = kept.head();
        let first = usize::try_from(after.0).unwrap_or(usize::MAX).min(kept.events.len());
        let mut events = Vec::new();
        let mut next_after = after.min(head);
        for recorded in kept.events[first..].iter().take(stretch) {
            if events.len() == limit {
                break;
            }
            next_after = recorded.position;
            if filter.matches(recorded.kind(), recorded.stream(), recorded.correlation_id()) {
                events.push(Arc::new(recorded.clone()));
            }
        }
        EventPage { events, next_after: next_after.max(after), head }
    }

    pub(super) fn head(&self) -> Position {
        self.kept().head()
    }

    /// Waits until there is something after a position.
    pub(super) async fn wait_for(&self, after: Position) -> Position {
        self.grown.until(|| Some(self.head()).filter(|head| *head > after)).await
    }

    pub(super) fn checkpoint(&self, consumer: &str) -> Position {
        self.kept().checkpoints.get(consumer).copied().unwrap_or_default()
    }

    pub(super) fn answer(&self, key: &str) -> Option<(StoredResponse, Position)> {
        self.kept().answers.get(key).cloned()
    }

    /// Asks or changes what stands beside the log.
    pub(super) fn coordination<T>(&self, ask: impl FnOnce(&mut Coordination) -> T) -> T {
        ask(&mut self.kept().coordination)
    }

    /// Keeps what a stream adds up to at a version; `false` when it has no such version.
    pub(super) fn save_snapshot(
        &self,
        stream: &StreamName,
        version: Version,
        schema_version: u16,
        data: &JsonText,
    ) -> bool {
        let Some(last) = self.stream(stream, version, 1).pop() else { return false };
        self.coordination(|coordination| coordination.save_snapshot(stream, last.id, version, schema_version, data));
        true
    }

    /// How long the run had been going on when the event at a position came.
    pub(super) fn landed(&self, position: Position) -> Duration {
        self.kept().landed[usize::try_from(position.0 - 1).expect("it is a position of the log")]
    }

    pub(super) fn events(&self) -> Vec<Recorded> {
        self.kept().events.clone()
    }

    fn kept(&self) -> MutexGuard<'_, StoredSnapshot> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoredSnapshot {
    fn head(&self) -> Position {
        Position(self.events.len() as u64)
    }

    fn version(&self, stream: &StreamName) -> Version {
        Version(self.streams.get(stream).map_or(0, Vec::len) as u64)
    }

    fn append(&mut self, append: &Append) -> Result<Appended, AppendError> {
        let known = self.known(append);
        if let Known::Wholly(appended) = known {
            return Ok(appended);
        }
        if let Some((answer, position)) = append.answer.as_ref().and_then(|answer| self.answers.get(&answer.key)) {
            return Err(AppendError::AlreadyAnswered { answer: Box::new(answer.clone()), position: *position });
        }
        if let Known::Partly(id) = known {
            return Err(AppendError::DuplicateEvent(id));
        }
        self.coordination.refusal(append)?;
        for part in &append.streams {
            let actual = self.version(&part.stream);
            if let Expected::Exactly(expected) = part.expected
                && expected != actual
            {
                return Err(AppendError::Conflict { stream: part.stream.clone(), expected, actual });
            }
        }
        for part in &append.streams {
            for event in &part.events {
                self.write(&part.stream, event);
            }
        }
        let position = self.head();
        for checkpoint in &append.checkpoints {
            let there = self.checkpoints.entry(checkpoint.consumer.clone()).or_default();
            *there = (*there).max(checkpoint.position);
        }
        for change in &append.timers {
            self.coordination.change_timer(change);
        }
        if let Some(answer) = &append.answer {
            self.answers.insert(answer.key.clone(), (answer.clone(), position));
        }
        let versions = append.streams.iter().map(|part| self.version(&part.stream)).collect();
        Ok(Appended { position, versions })
    }

    fn write(&mut self, stream: &StreamName, event: &NewEvent) {
        let place = self.events.len();
        let places = self.streams.entry(stream.clone()).or_default();
        places.push(place);
        let (position, version) = (Position(place as u64 + 1), Version(places.len() as u64));
        self.ids.insert(event.id, place);
        self.events.push(Recorded::new(position, stream, version, event));
        self.landed.push(rng_clock::elapsed());
    }

    fn known(&self, append: &Append) -> Known {
        let parts = append.streams.iter();
        let wanted: Vec<_> = parts.flat_map(|part| part.events.iter().map(|event| (&part.stream, event.id))).collect();
        let found: Vec<usize> = wanted.iter().filter_map(|(_, id)| self.ids.get(id).copied()).collect();
        let (Some(first), Some(last)) = (found.first().copied(), found.last().copied()) else { return Known::Not };
        let in_place = found.len() == wanted.len()
            && found.iter().enumerate().all(|(index, place)| *place == first + index)
            && found.iter().zip(&wanted).all(|(place, (stream, _))| self.events[*place].stream() == stream.as_str());
        if !in_place {
            return Known::Partly(self.events[first].id);
        }
        let then = |stream: &StreamName| {
            let places = self.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
            Version(places.iter().filter(|place| **place <= last).count() as u64)
        };
        let versions = append.streams.iter().map(|part| then(&part.stream)).collect();
        Known::Wholly(Appended { position: Position(last as u64 + 1), versions })
    }
}

/// Whether the events of an append are in the log.
enum Known {
    Not,
    Partly(EventId),
    Wholly(Appended),
}

#[cfg(test)]
mod tests {
    use storefront_eventlog::{
        Checkpoint, Epoch, EventStore, Fence, JsonText, LeaseOutcome, SqliteStore, StreamAppend, Timer, TimerChange,
    };

    use super::*;
    use crate::{clock, random};

    /// An append to up to three of four streams, at versions that are often right.
    fn an_append(log: &Log) -> Append {
        let mut append = Append::default();
        for number in 0..4_u64 {
            if rng_clock::one_of(2) == 0 {
                continue;
            }
            let stream = StreamName::new(format!("s-{number}")).unwrap();
            let there = log.stream(&stream, Version(1), 1000).len() as u64;
            let expected = match rng_clock::one_of(8) {
                0 => Expected::Any,
                1 => Expected::Exactly(Version(there + 1)),
                _ => Expected::Exactly(Version(there)),
            };
            let events = (0..rng_clock::one_of(3)).map(|_| an_event()).collect();
            append.streams.push(StreamAppend { stream, expected, events });
        }
        if rng_clock::one_of(4) == 0 {
            let consumer = format!("c-{}", rng_clock::one_of(2));
            append.checkpoints.push(Checkpoint { consumer, position: Position(rng_clock::one_of(40)) });
        }
        if rng_clock::one_of(4) == 0 {
            let (key, fingerprint) = (format!("k-{}", rng_clock::one_of(20)), "f".to_owned());
            let time_ms = clock::now().unix_ms();
            let body = JsonText::of(&rng_clock::one_of(1000)).unwrap();
            append.answer = Some(StoredResponse { key, fingerprint, body, time_ms });
        }
        if rng_clock::one_of(4) == 0 {
            let (lease, epoch) = (format!("l-{}", rng_clock::one_of(2)), Epoch(rng_clock::one_of(4)));
            append.fences.push(Fence { lease, epoch });
        }
        append
    }

    /// A change of a timer that is due at once; demanding of it what is there, or what is not.
    fn a_change(there: &[Timer], known: bool) -> TimerChange {
        let (owner, timer) = ("o".to_owned(), format!("t-{}", rng_clock::one_of(3)));
        let revision = there.iter().find(|set| set.name == timer).map_or_else(random::id, |set| set.revision);
        let as_read = known.then_some(revision);
        if rng_clock::one_of(2) == 0 {
            return TimerChange::Clear { owner, timer, as_read };
        }
        TimerChange::Set { owner, timer, due_ms: 5, note: JsonText::of(&()).unwrap(), as_read }
    }

    fn with_revision_of(mut change: TimerChange, theirs: &[Timer]) -> TimerChange {
        let (TimerChange::Set { timer, as_read, .. } | TimerChange::Clear { timer, as_read, .. }) = &mut change;
        if let Some(set) = theirs.iter().find(|set| set.name == *timer) {
            *as_read = as_read.map(|_| set.revision);
        }
        change
    }

    async fn take_a_lease(log: &Log, sqlite: &SqliteStore) {
        let (lease, holder) = (format!("l-{}", rng_clock::one_of(2)), format!("h-{}", rng_clock::one_of(2)));
        let hour = Duration::from_secs(3600);
        let ours = log.coordination(|coordination| coordination.acquire_lease(&lease, &holder, hour, now_ms()));
        let theirs = sqlite.acquire_lease(&lease, &holder, hour).await.unwrap();
        match (ours, theirs) {
            (LeaseOutcome::Acquired(ours), LeaseOutcome::Acquired(theirs)) => {
                assert_eq!(ours, theirs);
                let renewed = log.coordination(|coordination| coordination.renew_lease(&ours, hour, now_ms()));
                assert_eq!(renewed, sqlite.renew_lease(&theirs, hour).await.unwrap());
                if rng_clock::one_of(2) == 0 {
                    log.coordination(|coordination| coordination.release_lease(&ours));
                    sqlite.release_lease(&theirs).await.unwrap();
                }
            }
            (LeaseOutcome::HeldElsewhere { holder: ours, .. }, LeaseOutcome::HeldElsewhere { holder: theirs, .. }) => {
                assert_eq!(ours, theirs)
            }
            (ours, theirs) => panic!("{ours:?} is not {theirs:?}"),
        }
    }

    fn now_ms() -> i64 {
        rng_clock::store_ms()
    }

    fn an_event() -> NewEvent {
        NewEvent {
            id: random::id(),
            kind: format!("thing.{}", rng_clock::one_of(3)),
            schema_version: 1,
            time_ms: 7,
            correlation_id: format!("order {}", rng_clock::one_of(3)),
            causation_id: None,
            actor: "test".to_owned(),
            data: JsonText::of(&()).unwrap(),
        }
    }

    /// One that was sent before, whole or with something of another in it.
    fn a_repeat(sent: &[Append]) -> Append {
        let mut append = rng_clock::pick(sent);
        if rng_clock::one_of(2) == 0 {
            append.streams.truncate(1);
            append.answer = None;
            append.streams.push(StreamAppend {
                stream: StreamName::new(format!("t-{}", rng_clock::one_of(1000))).unwrap(),
                expected: Expected::Any,
                events: if rng_clock::one_of(2) == 0 { vec![an_event()] } else { Vec::new() },
            });
        }
        append
    }

    fn told(outcome: &Result<Appended, AppendError>) -> String {
        format!("{outcome:?}")
    }

    #[tokio::test]
    async fn the_simulated_log_answers_as_sqlite_does() {
        rng_clock::begin(3, false);
        for _ in 0..20 {
            let (log, sqlite) = (Log::new(), SqliteStore::in_memory().unwrap());
            let mut sent = Vec::new();
            for _ in 0..40 {
                let again = !sent.is_empty() && rng_clock::one_of(4) == 0;
                let mut append = if again { a_repeat(&sent) } else { an_append(&log) };
                sent.push(append.clone());
                let mut theirs = append.clone();
                if rng_clock::one_of(3) == 0 {
                    // Each store names the settings of a timer as it likes.
                    let set = log.coordination(|coordination| coordination.due_timers("o", 10, now_ms()));
                    let change = a_change(&set, rng_clock::one_of(2) == 0);
                    append.timers = vec![change.clone()];
                    theirs.timers = vec![with_revision_of(change, &sqlite.due_timers("o", 10).await.unwrap())];
                }
                assert_eq!(told(&log.append(&append)), told(&sqlite.append(theirs).await), "{append:#?}");
                if rng_clock::one_of(5) == 0 {
                    take_a_lease(&log, &sqlite).await;
                }
                let names = |timers: Vec<Timer>| timers.into_iter().map(|timer| timer.name).collect::<Vec<_>>();
                let ours = log.coordination(|coordination| coordination.due_timers("o", 10, now_ms()));
                assert_eq!(names(ours), names(sqlite.due_timers("o", 10).await.unwrap()));
            }
            let filter = Filter { types: vec!["thing.1".to_owned()], ..Filter::default() };
            for after in [0, 3, 17, 1000] {
                for limit in [1, 5, 1000] {
                    let theirs = sqlite.read_all(Position(after), limit, &filter).await.unwrap();
                    assert_eq!(log.all(Position(after), limit, &filter, 10_000), theirs, "after {after}, {limit}");
                }
            }
            for number in 0..5 {
                let stream = StreamName::new(format!("s-{number}")).unwrap();
                let theirs = sqlite.read_stream(&stream, Version(2), 3).await.unwrap();
                assert_eq!(log.stream(&stream, Version(2), 3), theirs);
                let consumer = format!("c-{number}");
                assert_eq!(log.checkpoint(&consumer), sqlite.checkpoint(&consumer).await.unwrap());
                let key = format!("k-{number}");
                assert_eq!(log.answer(&key), sqlite.answer(&key).await.unwrap());
            }
            assert_eq!(log.head(), sqlite.head().await.unwrap());
        }
        rng_clock::end();
    }
}
