//! What the cache of the log holds of one stream: its last events, and its state at one of their versions.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use storefront_eventlog::{EventId, Recorded, Version};

/// Maximum number of events kept of one stream.
pub(crate) const EVENTS_PER_STREAM: usize = 64;
/// Approximate size of an event or a state beside its text.
const OVERHEAD_BYTES: usize = 200;

/// The state of a stream at a version.
#[derive(Default)]
pub(crate) struct Folded<S> {
    pub(crate) state: Arc<S>,
    pub(crate) version: Version,
    /// The event of this version, where it is known.
    pub(crate) last_event: Option<EventId>,
    pub(crate) snapshot: SnapshotMark,
}

/// The last snapshot of a stream: its version, and its size.
#[derive(Clone, Copy, Default)]
pub(crate) struct SnapshotMark {
    pub(crate) version: Version,
    pub(crate) bytes: u64,
}

/// The last events of a stream without a gap, and its state at one of their versions or right before them.
pub(super) struct Run {
    /// Version of the first event.
    pub(super) first: u64,
    pub(super) events: VecDeque<Recorded>,
    pub(super) state: Option<CachedState>,
    /// A version that the log has; greater than the last one here when events are missing.
    pub(super) log_version: Version,
    pub(super) snapshot: SnapshotMark,
}

pub(super) struct CachedState {
    pub(super) version: Version,
    pub(super) state: Arc<dyn Any + Send + Sync>,
}

impl Run {
    pub(super) fn of(first: u64, events: VecDeque<Recorded>) -> Self {
        let mut run = Self {
            first,
            events: VecDeque::new(),
            state: None,
            log_version: Version(0),
            snapshot: SnapshotMark::default(),
        };
        run.push(events);
        run
    }

    /// The version of the last event.
    pub(super) fn version(&self) -> Version {
        Version(self.first + self.events.len() as u64 - 1)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.version() >= self.log_version
    }

    pub(super) fn push(&mut self, events: VecDeque<Recorded>) {
        self.events.extend(events);
        let surplus = self.events.len().saturating_sub(EVENTS_PER_STREAM);
        self.events.drain(..surplus);
        self.first += surplus as u64;
        // Events that the state lacks are gone.
        self.state.take_if(|state| state.version.0 + 1 < self.first);
    }

    pub(super) fn bytes(&self) -> usize {
        let state = usize::try_from(self.snapshot.bytes).unwrap_or_default();
        OVERHEAD_BYTES + state + self.events.iter().map(event_bytes).sum::<usize>()
    }

    /// Returns the state at the last version; `None` without the events that lead to it.
    pub(super) fn fold<S: Clone + Default + Send + Sync + 'static, E>(
        &mut self,
        evolve: impl Fn(S, &Recorded) -> Result<S, E>,
    ) -> Result<Option<Folded<S>>, E> {
        let version = self.version();
        let (mut state, from) = match self.state.take() {
            Some(CachedState { version, state }) => match state.downcast::<S>() {
                Ok(state) => (state, version.0 + 1),
                Err(_other_type) => return Ok(None),
            },
            None if self.first == 1 => (Arc::default(), 1),
            None => return Ok(None),
        };
        if from <= version.0 {
            let mut folded = Arc::unwrap_or_clone(state);
            let known = usize::try_from(from - self.first).unwrap_or(usize::MAX);
            for recorded in self.events.iter().skip(known) {
                folded = evolve(folded, recorded)?;
            }
            state = Arc::new(folded);
        }
        self.state = Some(CachedState { version, state: state.clone() });
        let last_event = self.events.back().map(|last| last.id);
        Ok(Some(Folded { state, version, last_event, snapshot: self.snapshot }))
    }
}

/// The approximate size of an event.
pub(super) fn event_bytes(recorded: &Recorded) -> usize {
    OVERHEAD_BYTES + recorded.data().len()
}
