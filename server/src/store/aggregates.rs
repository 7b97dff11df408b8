//! Encodes and decodes domain events, loads the state of a stream, and builds appends.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;

use storefront_api::Timestamp;
use storefront_eventlog::{
    Append, AppendError, Appended, Checkpoint, EventId, Expected, NewEvent, Recorded, Snapshot, StoreError,
    StreamAppend, StreamName, TimerChange, Version,
};
use tracing::debug;

use crate::codec::{CodecError, Encoded, SnapshotCodec};
use crate::store::cached_log::Cached;
pub(crate) use crate::store::cached_log::Store;
use crate::store::stream_run::{EVENTS_PER_STREAM, Folded, SnapshotMark};
use crate::store::stream_turns::StreamTurn;
use crate::{clock, random};

/// Number of events per read of a stream.
const EVENTS_PER_READ: usize = 500;
/// A new snapshot is saved after more than this many events.
const EVENTS_BETWEEN_SNAPSHOTS: u64 = 500;
/// Approximate size of an event. A snapshot is renewed only after as many events as are about its own size, so that a
/// large snapshot does not cost more than it saves.
const BYTES_PER_EVENT: u64 = 256;

/// A domain event that is stored in the log, and the state that its stream folds to.
pub(crate) trait AggregateEvent: Sized + Send + Sync + 'static {
    /// The state of one stream.
    type State: Clone + Debug + Default + PartialEq + Send + Sync + 'static;
    /// The codec of the state's snapshots; `None` where streams stay short.
    const SNAPSHOT: Option<SnapshotCodec<Self::State>>;

    fn encode(&self) -> Encoded;
    fn decode(kind: &str, schema_version: u16, data: &str) -> Result<Self, CodecError>;
    /// The state after an event of that time.
    fn evolve(state: Self::State, event: &Self, time: Timestamp) -> Self::State;
}

/// Why a stream could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("event {position} cannot be read: {source}")]
    Codec { position: u64, source: CodecError },
}

/// Decodes a recorded event.
pub(crate) fn decode<E: AggregateEvent>(recorded: &Recorded) -> Result<E, LoadError> {
    E::decode(recorded.kind(), recorded.schema_version, recorded.data())
        .map_err(|source| LoadError::Codec { position: recorded.position.0, source })
}

/// Decodes a recorded event, once for all who share it.
pub(crate) fn decode_shared<E: AggregateEvent>(recorded: &Recorded) -> Result<Arc<E>, LoadError> {
    recorded.decoded(decode)
}

/// Loads the state of a stream and its last version: from the cache, or from a snapshot where there is one and the events
/// since. What this server or another has acknowledged before is in it.
pub(crate) async fn load<E: AggregateEvent>(
    store: &Store,
    stream: &StreamName,
) -> Result<(Arc<E::State>, Version), LoadError> {
    let Cached { folded, is_current, ticket } = store.cached(stream, evolve_recorded::<E>)?;
    let folded = match folded {
        Some(folded) if is_current => folded,
        cached => {
            let is_cached = cached.is_some();
            let (folded, read) = read_on::<E>(store, stream, cached).await?;
            if !is_cached || !read.is_empty() {
                store.keep(stream, ticket, &folded, read);
            }
            folded
        }
    };
    #[cfg(test)]
    audit::<E>(store, stream, &folded, is_current);
    save_due_snapshot::<E>(store, stream, &folded).await;
    Ok((folded.state, folded.version))
}

/// Reads the events after a cached state; all events when the log does not have the last event of the cached state.
/// Also returns the last events.
async fn read_on<E: AggregateEvent>(
    store: &Store,
    stream: &StreamName,
    cached: Option<Folded<E::State>>,
) -> Result<(Folded<E::State>, VecDeque<Recorded>), LoadError> {
    if let Some(folded) = cached {
        if let Some(read) = fold_rest::<E>(store, stream, folded).await? {
            return Ok(read);
        }
        store.forget(stream);
    }
    let start = from_snapshot::<E>(store, stream).await;
    let read = fold_rest::<E>(store, stream, start).await?;
    Ok(read.unwrap_or_default())
}

/// Applies the events after a state; returns `None` when its last event is not in the log.
async fn fold_rest<E: AggregateEvent>(
    store: &Store,
    stream: &StreamName,
    mut folded: Folded<E::State>,
) -> Result<Option<(Folded<E::State>, VecDeque<Recorded>)>, LoadError> {
    let mut last_events = VecDeque::new();
    let mut is_known = folded.last_event.is_none();
    let after = Version(if is_known { folded.version.0 } else { folded.version.0 - 1 });
    let mut state = None;
    for_each_after(store, stream, after, |recorded| {
        if !is_known {
            is_known = folded.last_event == Some(recorded.id);
            return Ok(());
        }
        let before = state.take().unwrap_or_else(|| Arc::unwrap_or_clone(std::mem::take(&mut folded.state)));
        state = Some(evolve_recorded::<E>(before, recorded)?);
        (folded.version, folded.last_event) = (recorded.version, Some(recorded.id));
        last_events.push_back(recorded.clone());
        if last_events.len() > EVENTS_PER_STREAM {
            last_events.pop_front();
        }
        Ok(())
    })
    .await?;
    if let Some(state) = state {
        folded.state = Arc::new(state);
    }
    Ok(is_known.then_some((folded, last_events)))
}

fn evolve_recorded<E: AggregateEvent>(state: E::State, recorded: &Recorded) -> Result<E::State, LoadError> {
    Ok(E::evolve(state, &decode::<E>(recorded)?, Timestamp::from_unix_ms(recorded.time_ms)))
}

/// Returns the state of the last snapshot; that of a stream without events where there is none.
async fn from_snapshot<E: AggregateEvent>(store: &Store, stream: &StreamName) -> Folded<E::State> {
    let Some(codec) = E::SNAPSHOT else { return Folded::default() };
    let Snapshot { version, data } = match store.snapshot(stream, codec.schema_version).await {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => return Folded::default(),
        Err(error) => {
            debug!(%error, %stream, "cannot read a snapshot; reading all events");
            return Folded::default();
        }
    };
    let Some(state) = (codec.decode)(&data) else { return Folded::default() };
    let snapshot = SnapshotMark { version, bytes: data.as_str().len() as u64 };
    Folded { state: Arc::new(state), version, last_event: None, snapshot }
}

/// Saves a snapshot when enough has happened since the last one. A failure only means that a load reads more events.
async fn save_due_snapshot<E: AggregateEvent>(store: &Store, stream: &StreamName, folded: &Folded<E::State>) {
    let (Some(codec), last) = (E::SNAPSHOT, folded.snapshot) else { return };
    if folded.version.0 - last.version.0 <= EVENTS_BETWEEN_SNAPSHOTS.max(last.bytes / BYTES_PER_EVENT) {
        return;
    }
    let Some(data) = (codec.encode)(&folded.state) else { return };
    if !store.note_snapshot(stream, SnapshotMark { version: folded.version, bytes: data.as_str().len() as u64 }) {
        return;
    }
    match store.save_snapshot(stream, folded.version, codec.schema_version, &data).await {
        Ok(true) => {}
        Ok(false) => debug!(%stream, bytes = data.as_str().len(), "a snapshot is too large to be saved"),
        Err(error) => debug!(%error, %stream, "cannot save a snapshot"),
    }
}

/// Compares a loaded state with all events of its stream.
#[cfg(test)]
fn audit<E: AggregateEvent>(store: &Store, stream: &StreamName, folded: &Folded<E::State>, is_last: bool) {
    let Some(audit) = &store.audit else { return };
    audit(stream, &|events| {
        let (last, loaded) = (Version(events.len() as u64), folded.version);
        if loaded > last || (loaded < last && is_last) {
            return Err(format!("{stream} is at {last}, and was loaded as of {loaded}"));
        }
        let known = events.iter().filter(|recorded| recorded.version <= loaded);
        let state = known.fold(E::State::default(), |state, recorded| evolve_recorded::<E>(state, recorded).unwrap());
        if *folded.state != state {
            return Err(format!("{stream} was loaded as {:?} at {loaded}, not as {state:?}", folded.state));
        }
        Ok(())
    });
}

/// Calls `each` with every event of a stream, oldest first, reading page by page.
pub(crate) async fn for_each(
    store: &Store,
    stream: &StreamName,
    each: impl FnMut(&Recorded) -> Result<(), LoadError> + Send,
) -> Result<(), LoadError> {
    for_each_after(store, stream, Version(0), each).await
}

/// Folds those events of a stream that are wanted, such as all up to a version.
pub(crate) async fn load_where<E: AggregateEvent>(
    store: &Store,
    stream: &StreamName,
    predicate: impl Fn(&Recorded) -> bool + Send + Sync,
) -> Result<E::State, LoadError> {
    let mut state = E::State::default();
    for_each(store, stream, |recorded| {
        if predicate(recorded) {
            state = evolve_recorded::<E>(std::mem::take(&mut state), recorded)?;
        }
        Ok(())
    })
    .await?;
    Ok(state)
}

async fn for_each_after(
    store: &Store,
    stream: &StreamName,
    after: Version,
    mut each: impl FnMut(&Recorded) -> Result<(), LoadError> + Send,
) -> Result<(), LoadError> {
    let mut from = Version(after.0 + 1);
    loop {
        let page = store.read_stream(stream, from, EVENTS_PER_READ).await?;
        for recorded in &page {
            each(recorded)?;
        }
        match page.last() {
            Some(last) if page.len() == EVENTS_PER_READ => from = Version(last.version.0 + 1),
            _ => return Ok(()),
        }
    }
}

/// Why something is appended, and on whose behalf.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) correlation_id: String,
    pub(crate) causation_id: Option<String>,
    pub(crate) actor: String,
}

impl Cause {
    /// The cause of what a process appends because of an event.
    pub(crate) fn event(recorded: &Recorded, process: &str) -> Self {
        Self {
            correlation_id: recorded.correlation_id().to_owned(),
            causation_id: Some(recorded.id.to_string()),
            actor: format!("process:{process}"),
        }
    }
}

/// Builds one atomic append.
pub(crate) struct AppendBuilder {
    now: Timestamp,
    cause: Cause,
    append: Append,
    /// Held until the append has ended, or its caller goes away.
    turns: Vec<StreamTurn>,
}

impl AppendBuilder {
    pub(crate) fn new(now: Timestamp, cause: Cause) -> Self {
        Self { now, cause, append: Append::default(), turns: Vec::new() }
    }

    /// Starts the append of a process because of an event.
    pub(crate) fn because_of(recorded: &Recorded, process: &str) -> Self {
        Self::new(clock::now(), Cause::event(recorded, process))
    }

    /// Adds events to a stream that must be at version `expected`; does nothing without events.
    pub(crate) fn add<E: AggregateEvent>(&mut self, stream: StreamName, expected: Version, events: &[E]) {
        if events.is_empty() {
            return;
        }
        let events = events.iter().map(|event| self.new_event(event, &self.cause)).collect();
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events });
    }

    /// Adds one event under a given id, which the event must have again when it is written anew after its log was set back.
    pub(crate) fn add_as<E: AggregateEvent>(&mut self, id: EventId, stream: StreamName, expected: Version, event: &E) {
        let events = vec![NewEvent { id, ..self.new_event(event, &self.cause) }];
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events });
    }

    /// As [`AppendBuilder::add`], with a cause for each event.
    pub(crate) fn add_each<E: AggregateEvent>(&mut self, stream: StreamName, expected: Version, events: &[(E, Cause)]) {
        if events.is_empty() {
            return;
        }
        let events = events.iter().map(|(event, cause)| self.new_event(event, cause)).collect();
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events });
    }

    /// Requires that a stream is still at a version, without appending to it.
    pub(crate) fn expect(&mut self, stream: StreamName, expected: Version) {
        self.append.streams.push(StreamAppend { stream, expected: Expected::Exactly(expected), events: vec![] });
    }

    /// Sets or clears a timer in the same append.
    pub(crate) fn timer(&mut self, change: TimerChange) {
        self.append.timers.push(change);
    }

    /// Moves a consumer's checkpoint in the same append.
    pub(crate) fn checkpoint(&mut self, checkpoint: Checkpoint) {
        self.append.checkpoints.push(checkpoint);
    }

    /// Returns whether no stream would be written or checked.
    pub(crate) fn is_empty(&self) -> bool {
        self.append.streams.is_empty()
    }

    /// Keeps the turn on a stream until the append has ended.
    pub(crate) fn hold(&mut self, turn: StreamTurn) {
        self.turns.push(turn);
    }

    /// Appends what was added.
    pub(crate) async fn append_to(self, store: &Store) -> Result<Appended, AppendError> {
        let Self { append, turns: _held, .. } = self;
        store.append(append).await
    }

    pub(crate) fn into_append(self) -> Append {
        self.append
    }

    fn new_event<E: AggregateEvent>(&self, event: &E, cause: &Cause) -> NewEvent {
        let Encoded { kind, schema_version, data } = event.encode();
        NewEvent {
            id: random::id(),
            kind: kind.to_owned(),
            schema_version,
            time_ms: self.now.unix_ms(),
            correlation_id: cause.correlation_id.clone(),
            causation_id: cause.causation_id.clone(),
            actor: cause.actor.clone(),
            data,
        }
    }
}

#[cfg(test)]
#[path = "aggregates_tests.rs"]
mod tests;
