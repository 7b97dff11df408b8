//! The log as this server uses it: every append and every load of a stream passes here, so that what was read or
//! written a moment ago is not read again.
//!
//! For each of the streams used last, the cache has the latest events and the state that they add up to, both up to
//! the same version. Its own appends advance it. An append is marked from before it is sent until its outcome is known;
//! meanwhile loads of its streams read the log, because the event may be visible to others already.
//!
//! * Where this process is the only writer, what the cache has of a stream without a mark is what the log has.
//! * Where other servers write too, every load reads the events after the cached version, and first makes sure that
//!   the last cached event is still in the log.

use std::collections::{HashMap, VecDeque};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use storefront_eventlog::{
    Append, AppendError, Appended, EventStore, Fence, Position, Recorded, StoreError, StreamName, Version,
};

use crate::store::personal_data::{Erasures, ProtectedLog};
use crate::store::stream_run::{CachedState, Folded, Run, SnapshotMark, event_bytes};
use crate::store::stream_turns::StreamTurns;

/// Maximum number of streams in one of the two generations of the cache.
const STREAMS_PER_GENERATION: usize = 20_000;
/// Approximate number of bytes that are added to one generation.
const BYTES_PER_GENERATION: usize = 32 * 1024 * 1024;

/// The event log of a running shop. Clones share the cache.
#[derive(Clone)]
pub(crate) struct Store {
    log: Arc<dyn EventStore>,
    cache: Arc<Cache>,
    turns: Arc<StreamTurns>,
    /// The lease without which this clone appends nothing.
    fence: Option<Fence>,
    /// Compares what is loaded with all events of its stream, read past the cache.
    #[cfg(test)]
    pub(crate) audit: Option<Audit>,
}

/// Calls a comparison with all events of a stream, and reports the difference that it returns.
#[cfg(test)]
pub(crate) type Audit = Arc<dyn Fn(&StreamName, Comparison<'_>) + Send + Sync>;
#[cfg(test)]
pub(crate) type Comparison<'a> = &'a dyn Fn(&[Recorded]) -> Result<(), String>;

/// What the cache has of a stream.
pub(crate) struct Cached<S> {
    pub(crate) folded: Option<Folded<S>>,
    /// Whether the log has no later event.
    pub(crate) is_current: bool,
    /// Goes with what is read next; see [`Store::keep`].
    pub(crate) ticket: Ticket,
}

/// The moment at which a load began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl Store {
    /// A log with personal data; `is_only_writer` when nobody else appends to it.
    pub(crate) fn protected(log: &ProtectedLog, is_only_writer: bool) -> Self {
        Self::new(Arc::new(log.clone()), is_only_writer, log.erasures())
    }

    /// A log to which nobody appends but through this value and its clones.
    #[cfg(test)]
    pub(crate) fn sole(log: Arc<dyn EventStore>) -> Self {
        Self::new(log, true, Erasures::default())
    }

    /// A log to which other servers may append.
    #[cfg(test)]
    pub(crate) fn shared(log: Arc<dyn EventStore>) -> Self {
        Self::new(log, false, Erasures::default())
    }

    fn new(log: Arc<dyn EventStore>, is_only_writer: bool, erasures: Erasures) -> Self {
        Self {
            log,
            cache: Arc::new(Cache { is_only_writer, erasures, tables: Mutex::default() }),
            turns: Arc::default(),
            fence: None,
            #[cfg(test)]
            audit: None,
        }
    }

    /// The log as a process under a lease sees it: every append fails once another server holds the lease. A server
    /// that wakes up late therefore changes nothing, and no handler has to check.
    pub(crate) fn fenced(&self, fence: Fence) -> Self {
        Self { fence: Some(fence), ..self.clone() }
    }

    /// The log without the cache, for leases.
    pub(crate) fn log(&self) -> Arc<dyn EventStore> {
        self.log.clone()
    }

    /// The turns to decide on streams that many change at once.
    pub(crate) fn turns(&self) -> &StreamTurns {
        &self.turns
    }

    /// As [`EventStore::append`]. Runs to its end although the caller goes away, because the cache must learn the
    /// outcome.
    pub(crate) async fn append(&self, mut append: Append) -> Result<Appended, AppendError> {
        append.fences.extend(self.fence.clone());
        if append.streams.is_empty() {
            return self.log.append(append).await;
        }
        let streams = append.streams.iter().map(|part| AppendedPart {
            events: part
                .events
                .iter()
                .map(|event| Recorded::new(Position(0), &part.stream, Version(0), event))
                .collect(),
            stream: part.stream.clone(),
            known_before: Position(0),
        });
        let mut streams: Vec<_> = streams.collect();
        self.cache.tables().mark(&mut streams);
        let (log, cache) = (self.log.clone(), self.cache.clone());
        let mut work = Box::pin(async move {
            let outcome = log.append(append).await;
            cache.tables().settle(streams, &outcome);
            outcome
        });
        // The first poll puts the append into the log's queue, so that appends are written in the order of these calls.
        if let Poll::Ready(outcome) = futures_util::poll!(&mut work) {
            return outcome;
        }
        let task = tokio::spawn(work);
        match task.await {
            Ok(outcome) => outcome,
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_stopped) => Err(StoreError::Closed.into()),
            },
        }
    }

    /// As [`EventStore::read_stream`].
    pub(crate) async fn read_stream(
        &self,
        stream: &StreamName,
        from: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        if let Some(events) = self.cache.events(stream, from, limit) {
            return Ok(events);
        }
        self.log.read_stream(stream, from, limit).await
    }

    /// Returns what the cache has of a stream, with the state folded by `evolve` up to the last cached event.
    ///
    /// # Errors
    /// The error of `evolve`.
    pub(crate) fn cached<S: Clone + Default + Send + Sync + 'static, E>(
        &self,
        stream: &StreamName,
        evolve: impl Fn(S, &Recorded) -> Result<S, E>,
    ) -> Result<Cached<S>, E> {
        let mut tables = self.cache.tables();
        let ticket = Ticket(tables.dropped);
        let is_marked = tables.appending.contains_key(stream);
        let Some(run) = tables.run(stream) else { return Ok(Cached { folded: None, is_current: false, ticket }) };
        let is_current = self.cache.is_only_writer && !is_marked && run.is_complete();
        let folded = run.fold(evolve)?;
        Ok(Cached { is_current: is_current && folded.is_some(), folded, ticket })
    }

    /// Keeps what a load has read: the state of a stream, and its last events up to that version. Nothing is kept when
    /// the cache has dropped streams since the load began, because an append of meanwhile may be unknown.
    pub(crate) fn keep<S: Send + Sync + 'static>(
        &self,
        stream: &StreamName,
        ticket: Ticket,
        folded: &Folded<S>,
        events: VecDeque<Recorded>,
    ) {
        let mut tables = self.cache.tables();
        if ticket == Ticket(tables.dropped) {
            tables.keep(stream, folded, events);
        }
    }

    /// Notes that a snapshot is about to be saved; returns `false` when a newer one is known.
    pub(crate) fn note_snapshot(&self, stream: &StreamName, mark: SnapshotMark) -> bool {
        let mut tables = self.cache.tables();
        let Some(run) = tables.run(stream) else { return true };
        let is_newer = run.snapshot.version < mark.version;
        if is_newer {
            run.snapshot = mark;
        }
        is_newer
    }

    /// Forgets a stream, of which the cache has something that the log has not.
    pub(crate) fn forget(&self, stream: &StreamName) {
        self.cache.tables().forget(stream);
    }
}

impl Deref for Store {
    type Target = dyn EventStore;

    fn deref(&self) -> &Self::Target {
        &*self.log
    }
}

struct Cache {
    is_only_writer: bool,
    erasures: Erasures,
    tables: Mutex<Tables>,
}

impl Cache {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let erasures = self.erasures.count();
        if tables.erasures != erasures {
            tables.erasures = erasures;
            tables.drop_all();
        }
        tables
    }

    /// Returns events of a stream, if the cache certainly has them as the log has.
    fn events(&self, stream: &StreamName, from: Version, limit: usize) -> Option<Vec<Recorded>> {
        if !self.is_only_writer {
            return None;
        }
        let mut tables = self.tables();
        if tables.appending.contains_key(stream) {
            return None;
        }
        let run = tables.run(stream)?;
        let skipped = from.0.checked_sub(run.first)?;
        let skipped = usize::try_from(skipped).ok()?;
        run.is_complete().then(|| run.events.iter().skip(skipped).take(limit).cloned().collect())
    }
}

/// The cached streams in two generations: a full young generation becomes the old one, and the previous old one is
/// dropped. A stream that is used moves to the young one.
#[derive(Default)]
struct Tables {
    young: HashMap<StreamName, Run>,
    old: HashMap<StreamName, Run>,
    young_bytes: usize,
    /// How often streams were dropped.
    dropped: u64,
    /// How often somebody was erased before the cached streams were read.
    erasures: u64,
    /// The highest position of an append that has ended, and of a read stream.
    last_position: Position,
    /// Streams of appends under way.
    appending: HashMap<StreamName, InFlight>,
}

/// The appends to one stream that are under way, and what those have shown that ended since the first of them began.
#[derive(Clone, Copy, Default)]
struct InFlight {
    count: u32,
    /// A version that the log has.
    log_version: Version,
    /// Whether it is unknown if one was written; then nothing is known of the versions after it.
    is_uncertain: bool,
}

/// The part of an append for one stream. Positions and versions are set when they are known.
struct AppendedPart {
    stream: StreamName,
    events: Vec<Recorded>,
    /// The highest position that was known when it was sent. Whatever is written then gets a higher one.
    known_before: Position,
}

impl Tables {
    /// Returns a stream, which counts as used now.
    fn run(&mut self, stream: &StreamName) -> Option<&mut Run> {
        if let Some(run) = self.old.remove(stream) {
            self.insert(stream, run);
        }
        self.young.get_mut(stream)
    }

    fn insert(&mut self, stream: &StreamName, run: Run) {
        if self.young.len() >= STREAMS_PER_GENERATION || self.young_bytes >= BYTES_PER_GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
            self.dropped += 1;
        }
        self.young_bytes += run.bytes();
        self.young.insert(stream.clone(), run);
    }

    /// Drops every stream: some have personal data that was erased.
    fn drop_all(&mut self) {
        self.young.clear();
        self.old.clear();
        self.young_bytes = 0;
        self.dropped += 1;
    }

    fn forget(&mut self, stream: &StreamName) {
        self.young.remove(stream);
        self.old.remove(stream);
        self.dropped += 1;
    }

    fn mark(&mut self, parts: &mut [AppendedPart]) {
        for part in parts {
            part.known_before = self.last_position;
            self.appending.entry(part.stream.clone()).or_default().count += 1;
        }
    }

    fn settle(&mut self, parts: Vec<AppendedPart>, outcome: &Result<Appended, AppendError>) {
        let streams: Vec<_> = parts.iter().map(|part| part.stream.clone()).collect();
        match outcome {
            // It was sent again and had been written before, so the log may have later events.
            Ok(Appended { position, .. })
                if parts.iter().any(|part| !part.events.is_empty() && *position <= part.known_before) =>
            {
                for stream in &streams {
                    self.forget(stream);
                }
            }
            Ok(Appended { position, versions }) => {
                self.last_position = self.last_position.max(*position);
                let total: u64 = parts.iter().map(|part| part.events.len() as u64).sum();
                let mut next_position = position.0 + 1 - total;
                for (part, version) in parts.into_iter().zip(versions) {
                    let count = part.events.len() as u64;
                    let (first, first_position) = (version.0 + 1 - count, next_position);
                    let events = part.events.into_iter().zip(0..).map(|(mut recorded, index)| {
                        recorded.version = Version(first + index);
                        recorded.position = Position(first_position + index);
                        recorded
                    });
                    next_position += count;
                    self.extend(&part.stream, first, events.collect());
                }
            }
            // An event that the log has not, as after it was set back.
            Err(AppendError::Conflict { stream, expected, actual }) if expected > actual => self.forget(stream),
            // The cache may be behind.
            Err(AppendError::Conflict { stream, actual, .. }) => self.note_log_version(stream, *actual),
            // Nobody knows whether it was written.
            Err(AppendError::Store(_)) => {
                for stream in &streams {
                    self.forget(stream);
                    if let Some(in_flight) = self.appending.get_mut(stream) {
                        in_flight.is_uncertain = true;
                    }
                }
            }
            // Nothing was written.
            Err(
                AppendError::AlreadyAnswered { .. }
                | AppendError::Fenced { .. }
                | AppendError::TimerGone { .. }
                | AppendError::DuplicateEvent(_)
                | AppendError::Invalid(_)
                | AppendError::Busy,
            ) => {}
        }
        for stream in &streams {
            if let Some(in_flight) = self.appending.get_mut(stream) {
                in_flight.count -= 1;
                if in_flight.count == 0 {
                    self.appending.remove(stream);
                }
            }
        }
    }

    /// Notes a version that the log has.
    fn note_log_version(&mut self, stream: &StreamName, version: Version) {
        if let Some(run) = self.run(stream) {
            run.log_version = run.log_version.max(version);
        }
        if let Some(in_flight) = self.appending.get_mut(stream) {
            in_flight.log_version = in_flight.log_version.max(version);
        }
    }

    /// Adds events that were appended from version `first` on.
    fn extend(&mut self, stream: &StreamName, first: u64, events: VecDeque<Recorded>) {
        let Some(last) = events.back().map(|last| last.version) else { return };
        let in_flight = self.appending.get(stream).copied().unwrap_or_default();
        if in_flight.is_uncertain {
            // A load that began before this append must not be kept: there may be events between the two.
            self.forget(stream);
            return;
        }
        let bytes: usize = events.iter().map(event_bytes).sum();
        match self.run(stream) {
            // Without the events before it there is no state, so the next load reads them. A load from before it is not kept.
            None if first > 1 => self.dropped += 1,
            None => self.insert(stream, Run { log_version: in_flight.log_version, ..Run::of(first, events) }),
            Some(run) if first == run.version().0 + 1 => {
                run.push(events);
                self.young_bytes += bytes;
            }
            // An append before this one is still to be settled, or this one is known already.
            Some(_) => {}
        }
        self.note_log_version(stream, last);
    }

    fn keep<S: Send + Sync + 'static>(
        &mut self,
        stream: &StreamName,
        folded: &Folded<S>,
        mut events: VecDeque<Recorded>,
    ) {
        let first = folded.version.0 + 1 - events.len() as u64;
        // An append that was written earlier and is sent again must not seem to be new.
        self.last_position = self.last_position.max(events.back().map_or(Position(0), |last| last.position));
        if self.run(stream).is_none() {
            self.insert(stream, Run::of(first, VecDeque::new()));
        }
        let Some(run) = self.run(stream) else { return };
        let bytes_before = run.bytes();
        if run.version() < folded.version {
            if first > run.version().0 + 1 || run.events.is_empty() {
                run.first = first;
                run.events.clear();
                run.state = None;
            }
            let known = usize::try_from(run.version().0 + 1 - first).unwrap_or(usize::MAX);
            events.drain(..known.min(events.len()));
            run.push(events);
        }
        let is_newer = run.state.as_ref().is_none_or(|state| state.version < folded.version);
        if is_newer && folded.version.0 + 1 >= run.first {
            run.state = Some(CachedState { version: folded.version, state: folded.state.clone() });
            run.snapshot = folded.snapshot;
        }
        let added = run.bytes().saturating_sub(bytes_before);
        self.young_bytes += added;
    }
}

#[cfg(test)]
#[path = "cached_log_tests.rs"]
mod tests;
