//! Feeds a process the events that it listens to.
//!
//! Events with the same correlation id (in practice: the same order) form a sequence: they are handled one after
//! another, while sequences run side by side. So a slow card holds up its own order and nothing else.
//!
//! Every event is handled at least once. The checkpoint is the last position before which nothing is unfinished; it
//! commits with what a handler appends. After a crash a few events are handled again, and a handler notices by the state
//! of its streams that their work is done.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use storefront_eventlog::{Append, Checkpoint, Filter, Position, Recorded, Slice, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::clock;
use crate::commands::Failure;
use crate::progress::{Progress, Retrying};
use crate::stored::Store;

/// How many events may be read and not finished; reading stops there.
const IN_FLIGHT: usize = 256;
/// When the log has gone so far past the checkpoint that was written last, it is written by itself, so that the next
/// start does not read again what concerned nobody.
const CHECKPOINT_EVERY: u64 = 1000;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a process is called, and what it listens to.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) name: &'static str,
    /// Event types, or prefixes that end in `*`.
    pub(crate) types: &'static [&'static str],
}

/// An event whose turn it is.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// The event.
    pub(crate) recorded: Arc<Recorded>,
    /// Holds once the event is dealt with: the last append about it should carry this.
    pub(crate) checkpoint: Checkpoint,
    process: &'static str,
    progress: Progress,
    retrying: Arc<OnceLock<Retrying>>,
}

impl Turn {
    /// The turn of an event in a test.
    #[cfg(test)]
    pub(crate) fn of(recorded: Recorded, process: &'static str) -> Self {
        let checkpoint = Checkpoint { consumer: process.to_owned(), position: recorded.position };
        let (progress, retrying) = (Progress::default(), Arc::default());
        Self { recorded: Arc::new(recorded), checkpoint, process, progress, retrying }
    }

    /// Tells whoever looks that this event went wrong and is tried again. Stays so until it is dealt with.
    pub(crate) fn goes_wrong(&self) {
        self.retrying.get_or_init(|| self.progress.retrying(self.process));
    }
}

/// Runs a process until it is told to stop. What has begun by then is given up and handled again at the next start.
pub(crate) async fn run<H, F>(store: Store, listener: Listener, progress: Progress, stop: CancellationToken, handle: H)
where
    H: Fn(Turn) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let handle = Arc::new(handle);
    let mut feed = Feed::new(listener.name);
    let filter = Filter { types: listener.types.iter().map(ToString::to_string).collect(), ..Filter::default() };
    let mut running = JoinSet::<Arc<Recorded>>::new();
    loop {
        tokio::select! {
            // Always in this order, so that a simulated run can be repeated.
            biased;
            () = stop.cancelled() => return,
            Some(finished) = running.join_next() => match finished {
                Ok(recorded) => feed.finish(&recorded),
                Err(failure) => error!(process = listener.name, error = %failure, "a handler panicked; its order stands still"),
            },
            slice = read_on(&store, &feed, &filter, listener.name), if feed.has_room() => feed.take_in(slice),
        }
        for (recorded, checkpoint) in feed.ready() {
            let (process, progress, retrying) = (listener.name, progress.clone(), Arc::default());
            let turn = Turn { recorded, checkpoint, process, progress, retrying };
            running.spawn(patiently(turn, Arc::clone(&handle)));
        }
        progress.note(listener.name, feed.checkpoint_without(None).position, feed.unfinished.len());
        feed.save_if_due(&store).await;
    }
}

/// What comes next in the log, as soon as there is something.
async fn read_on(store: &Store, feed: &Feed, filter: &Filter, process: &str) -> Slice {
    let mut pause = FIRST_PAUSE;
    loop {
        let read = async {
            let after = match feed.read_to {
                Some(after) => after,
                None => store.checkpoint(feed.name).await?,
            };
            let slice = store.read_all(after, IN_FLIGHT, filter).await?;
            if slice.events.is_empty() && slice.next_after == after {
                store.wait_for(after).await?;
            }
            Ok::<_, StoreError>(slice)
        };
        match read.await {
            Ok(slice) => return slice,
            Err(failure) => warn!(process, error = %failure, "the log cannot be read; trying again"),
        }
        clock::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Handles one event, again and again until it succeeds.
async fn patiently<H, F>(turn: Turn, handle: Arc<H>) -> Arc<Recorded>
where
    H: Fn(Turn) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let recorded = Arc::clone(&turn.recorded);
    let mut pause = FIRST_PAUSE;
    while let Err(failure) = handle(turn.clone()).await {
        turn.goes_wrong();
        warn!(
            process = turn.process,
            position = recorded.position.0,
            correlation_id = recorded.event.correlation_id,
            error = %failure,
            pause_ms = pause.as_millis(),
            "an event could not be handled; trying again"
        );
        clock::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    recorded
}

/// What has been read and not finished, and which of it may begin.
struct Feed {
    name: &'static str,
    /// How far the log has been read; `None` before the checkpoint is known.
    read_to: Option<Position>,
    /// Read and not finished.
    unfinished: BTreeSet<Position>,
    /// Sequences with work under way, and what waits behind it.
    lanes: HashMap<String, VecDeque<Arc<Recorded>>>,
    /// May begin.
    ready: Vec<Arc<Recorded>>,
    /// The checkpoint that was written by itself last.
    saved: Position,
}

impl Feed {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            read_to: None,
            unfinished: BTreeSet::new(),
            lanes: HashMap::new(),
            ready: Vec::new(),
            saved: Position(0),
        }
    }

    fn has_room(&self) -> bool {
        self.unfinished.len() < IN_FLIGHT
    }

    fn take_in(&mut self, slice: Slice) {
        self.read_to = Some(slice.next_after);
        for recorded in slice.events.into_iter().map(Arc::new) {
            self.unfinished.insert(recorded.position);
            match self.lanes.get_mut(&recorded.event.correlation_id) {
                Some(waiting) => waiting.push_back(recorded),
                None => {
                    self.lanes.insert(recorded.event.correlation_id.clone(), VecDeque::new());
                    self.ready.push(recorded);
                }
            }
        }
    }

    fn finish(&mut self, recorded: &Recorded) {
        self.unfinished.remove(&recorded.position);
        let sequence = &recorded.event.correlation_id;
        match self.lanes.get_mut(sequence).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push(next),
            None => {
                self.lanes.remove(sequence);
            }
        }
    }

    /// The events that may begin now, each with the checkpoint that holds once it is finished.
    fn ready(&mut self) -> Vec<(Arc<Recorded>, Checkpoint)> {
        let ready = std::mem::take(&mut self.ready);
        ready
            .into_iter()
            .map(|recorded| (Arc::clone(&recorded), self.checkpoint_without(Some(recorded.position))))
            .collect()
    }

    fn checkpoint_without(&self, finishing: Option<Position>) -> Checkpoint {
        let first = self.unfinished.iter().find(|position| Some(**position) != finishing);
        let read_to = self.read_to.unwrap_or_default();
        let position = first.map_or(read_to, |first| Position(first.0 - 1));
        Checkpoint { consumer: self.name.to_owned(), position }
    }

    /// Saves the checkpoint when it is far past the last one. A failure only means some repetition later.
    async fn save_if_due(&mut self, store: &Store) {
        let checkpoint = self.checkpoint_without(None);
        if checkpoint.position.0 >= self.saved.0 + CHECKPOINT_EVERY {
            self.saved = checkpoint.position;
            let checkpoints = vec![checkpoint];
            if let Err(failure) = store.append(Append { checkpoints, ..Append::default() }).await {
                warn!(process = self.name, error = %failure, "the checkpoint could not be saved");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storefront_eventlog::{JsonText, NewEvent, StreamName, Version};
    use uuid::Uuid;

    fn event(position: u64, sequence: &str) -> Recorded {
        Recorded {
            position: Position(position),
            stream: StreamName::new(sequence).unwrap(),
            version: Version(1),
            event: NewEvent {
                id: Uuid::now_v7(),
                kind: "order.started".to_owned(),
                schema_version: 1,
                time_ms: 0,
                correlation_id: sequence.to_owned(),
                causation_id: None,
                actor: "test".to_owned(),
                data: JsonText::of(&()).unwrap(),
            },
        }
    }

    fn feed(events: &[(u64, &str)]) -> Feed {
        let mut feed = Feed::new("test");
        let events: Vec<_> = events.iter().map(|(position, sequence)| event(*position, sequence)).collect();
        let head = events.last().map_or(Position(0), |event| event.position);
        feed.take_in(Slice { events, next_after: head, head });
        feed
    }

    fn positions(ready: Vec<(Arc<Recorded>, Checkpoint)>) -> Vec<(u64, u64)> {
        ready.into_iter().map(|(recorded, checkpoint)| (recorded.position.0, checkpoint.position.0)).collect()
    }

    #[test]
    fn sequences_run_side_by_side_and_each_in_order() {
        let mut feed = feed(&[(1, "a"), (2, "b"), (3, "a")]);
        assert_eq!(positions(feed.ready()), [(1, 1), (2, 0)]);
        feed.finish(&event(2, "b"));
        assert_eq!(positions(feed.ready()), []);
        feed.finish(&event(1, "a"));
        assert_eq!(positions(feed.ready()), [(3, 3)]);
    }

    #[test]
    fn the_checkpoint_stays_before_the_first_unfinished_event() {
        let mut feed = feed(&[(4, "a"), (5, "b"), (9, "c")]);
        feed.ready();
        assert_eq!(feed.checkpoint_without(None).position, Position(3));
        feed.finish(&event(5, "b"));
        feed.finish(&event(9, "c"));
        assert_eq!(feed.checkpoint_without(None).position, Position(3));
        feed.finish(&event(4, "a"));
        assert_eq!(feed.checkpoint_without(None).position, Position(9));
    }
}
