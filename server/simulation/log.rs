//! The log of a simulated shop, in memory. It never fails; the failpoints of the servers do.
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
    state: Mutex<LogState>,
    grown: FairNotify,
}

#[derive(Default)]
struct LogState {
    events: Vec<Recorded>,
    /// Simulated time at which each event was written.
    written_at: Vec<Duration>,
    /// Indices of the events of each stream.
    streams: HashMap<StreamName, Vec<usize>>,
    ids: HashMap<EventId, usize>,
    checkpoints: HashMap<String, Position>,
    answers: HashMap<String, (StoredResponse, Position)>,
    coordination: Coordination,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), grown: FairNotify::default() }
    }

    /// Writes all of an append or nothing.
    pub(super) fn append(&self, append: &Append) -> Result<Appended, AppendError> {
        let appended = self.state().append(append)?;
        self.grown.notify();
        Ok(appended)
    }

    pub(super) fn stream(&self, stream: &StreamName, from: Version, limit: usize) -> Vec<Recorded> {
        let state = self.state();
        let places = state.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        let first = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        places.iter().skip(first).take(limit).map(|place| state.events[*place].clone()).collect()
    }

    /// As `EventStore::read_all`, searching at most `stretch` events.
    pub(super) fn all(&self, after: Position, limit: usize, filter: &Filter, stretch: usize) -> EventPage {
        let state = self.state();
        let head = state.head();
        let first = usize::try_from(after.0).unwrap_or(usize::MAX).min(state.events.len());
        let mut events = Vec::new();
        let mut next_after = after.min(head);
        for recorded in state.events[first..].iter().take(stretch) {
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
        self.state().head()
    }

    /// Waits until there is something after a position.
    pub(super) async fn wait_for(&self, after: Position) -> Position {
        self.grown.until(|| Some(self.head()).filter(|head| *head > after)).await
    }

    pub(super) fn checkpoint(&self, consumer: &str) -> Position {
        self.state().checkpoints.get(consumer).copied().unwrap_or_default()
    }

    pub(super) fn answer(&self, key: &str) -> Option<(StoredResponse, Position)> {
        self.state().answers.get(key).cloned()
    }

    /// Reads or changes leases, timers and snapshots.
    pub(super) fn coordination<T>(&self, ask: impl FnOnce(&mut Coordination) -> T) -> T {
        ask(&mut self.state().coordination)
    }

    /// Saves a snapshot of a stream at a version; `false` when it has no such version.
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

    /// Simulated time at which the event at a position was written.
    pub(super) fn written_at(&self, position: Position) -> Duration {
        self.state().written_at[usize::try_from(position.0 - 1).expect("it is a position of the log")]
    }

    pub(super) fn events(&self) -> Vec<Recorded> {
        self.state().events.clone()
    }

    fn state(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogState {
    fn head(&self) -> Position {
        Position(self.events.len() as u64)
    }

    fn version(&self, stream: &StreamName) -> Version {
        Version(self.streams.get(stream).map_or(0, Vec::len) as u64)
    }

    fn append(&mut self, append: &Append) -> Result<Appended, AppendError> {
        let repeat = self.repeat_of(append);
        if let Repeat::Full(appended) = repeat {
            return Ok(appended);
        }
        if let Some((answer, position)) = append.answer.as_ref().and_then(|answer| self.answers.get(&answer.key)) {
            return Err(AppendError::AlreadyAnswered { answer: Box::new(answer.clone()), position: *position });
        }
        if let Repeat::Partial(id) = repeat {
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
        self.written_at.push(rng_clock::elapsed());
    }

    fn repeat_of(&self, append: &Append) -> Repeat {
        let parts = append.streams.iter();
        let wanted: Vec<_> = parts.flat_map(|part| part.events.iter().map(|event| (&part.stream, event.id))).collect();
        let found: Vec<usize> = wanted.iter().filter_map(|(_, id)| self.ids.get(id).copied()).collect();
        let (Some(first), Some(last)) = (found.first().copied(), found.last().copied()) else { return Repeat::None };
        let in_place = found.len() == wanted.len()
            && found.iter().enumerate().all(|(index, place)| *place == first + index)
            && found.iter().zip(&wanted).all(|(place, (stream, _))| self.events[*place].stream() == stream.as_str());
        if !in_place {
            return Repeat::Partial(self.events[first].id);
        }
        let then = |stream: &StreamName| {
            let places = self.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
            Version(places.iter().filter(|place| **place <= last).count() as u64)
        };
        let versions = append.streams.iter().map(|part| then(&part.stream)).collect();
        Repeat::Full(Appended { position: Position(last as u64 + 1), versions })
    }
}

/// Whether the events of an append are in the log.
enum Repeat {
    None,
    Partial(EventId),
    Full(Appended),
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
            if rng_clock::random_below(2) == 0 {
                continue;
            }
            let stream = StreamName::new(format!("s-{number}")).unwrap();
            let there = log.stream(&stream, Version(1), 1000).len() as u64;
            let expected = match rng_clock::random_below(8) {
                0 => Expected::Any,
                1 => Expected::Exactly(Version(there + 1)),
                _ => Expected::Exactly(Version(there)),
            };
            let events = (0..rng_clock::random_below(3)).map(|_| an_event()).collect();
            append.streams.push(StreamAppend { stream, expected, events });
        }
        if rng_clock::random_below(4) == 0 {
            let consumer = format!("c-{}", rng_clock::random_below(2));
            append.checkpoints.push(Checkpoint { consumer, position: Position(rng_clock::random_below(40)) });
        }
        if rng_clock::random_below(4) == 0 {
            let (key, fingerprint) = (format!("k-{}", rng_clock::random_below(20)), "f".to_owned());
            let time_ms = clock::now().unix_ms();
            let body = JsonText::of(&rng_clock::random_below(1000)).unwrap();
            append.answer = Some(StoredResponse { key, fingerprint, body, time_ms });
        }
        if rng_clock::random_below(4) == 0 {
            let (lease, epoch) = (format!("l-{}", rng_clock::random_below(2)), Epoch(rng_clock::random_below(4)));
            append.fences.push(Fence { lease, epoch });
        }
        append
    }

    /// A change of a timer that is due at once, with a right or a wrong revision.
    fn a_change(there: &[Timer], known: bool) -> TimerChange {
        let (owner, timer) = ("o".to_owned(), format!("t-{}", rng_clock::random_below(3)));
        let revision = there.iter().find(|set| set.name == timer).map_or_else(random::id, |set| set.revision);
        let as_read = known.then_some(revision);
        if rng_clock::random_below(2) == 0 {
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
        let (lease, holder) =
            (format!("l-{}", rng_clock::random_below(2)), format!("h-{}", rng_clock::random_below(2)));
        let hour = Duration::from_secs(3600);
        let ours = log.coordination(|coordination| coordination.acquire_lease(&lease, &holder, hour, now_ms()));
        let theirs = sqlite.acquire_lease(&lease, &holder, hour).await.unwrap();
        match (ours, theirs) {
            (LeaseOutcome::Acquired(ours), LeaseOutcome::Acquired(theirs)) => {
                assert_eq!(ours, theirs);
                let renewed = log.coordination(|coordination| coordination.renew_lease(&ours, hour, now_ms()));
                assert_eq!(renewed, sqlite.renew_lease(&theirs, hour).await.unwrap());
                if rng_clock::random_below(2) == 0 {
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
            kind: format!("thing.{}", rng_clock::random_below(3)),
            schema_version: 1,
            time_ms: 7,
            correlation_id: format!("order {}", rng_clock::random_below(3)),
            causation_id: None,
            actor: "test".to_owned(),
            data: JsonText::of(&()).unwrap(),
        }
    }

    /// A repeat of an earlier append, in full or mixed with another one.
    fn a_repeat(sent: &[Append]) -> Append {
        let mut append = rng_clock::pick(sent);
        if rng_clock::random_below(2) == 0 {
            append.streams.truncate(1);
            append.answer = None;
            append.streams.push(StreamAppend {
                stream: StreamName::new(format!("t-{}", rng_clock::random_below(1000))).unwrap(),
                expected: Expected::Any,
                events: if rng_clock::random_below(2) == 0 { vec![an_event()] } else { Vec::new() },
            });
        }
        append
    }

    fn debug_text(outcome: &Result<Appended, AppendError>) -> String {
        format!("{outcome:?}")
    }

    #[tokio::test]
    async fn the_simulated_log_answers_as_sqlite_does() {
        rng_clock::begin(3, false);
        for _ in 0..20 {
            let (log, sqlite) = (Log::new(), SqliteStore::in_memory().unwrap());
            let mut sent = Vec::new();
            for _ in 0..40 {
                let again = !sent.is_empty() && rng_clock::random_below(4) == 0;
                let mut append = if again { a_repeat(&sent) } else { an_append(&log) };
                sent.push(append.clone());
                let mut theirs = append.clone();
                if rng_clock::random_below(3) == 0 {
                    // Each store names the settings of a timer as it likes.
                    let set = log.coordination(|coordination| coordination.due_timers("o", 10, now_ms()));
                    let change = a_change(&set, rng_clock::random_below(2) == 0);
                    append.timers = vec![change.clone()];
                    theirs.timers = vec![with_revision_of(change, &sqlite.due_timers("o", 10).await.unwrap())];
                }
                assert_eq!(debug_text(&log.append(&append)), debug_text(&sqlite.append(theirs).await), "{append:#?}");
                if rng_clock::random_below(5) == 0 {
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
