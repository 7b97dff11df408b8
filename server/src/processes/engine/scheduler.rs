//! Scheduling state of one process: which events are read but not finished, and which may start. No I/O and no clock.
//!
//! The runner passes in pages of the log and the outcome of every delivery. Events of one sequence are delivered one
//! after another, in log order. A parked sequence blocks nothing and takes no memory: the checkpoint moves past its
//! events, and after an operator retries or skips it, they are read from the log again.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use storefront_api::Timestamp;
use storefront_domain::process::{Process, ProcessEvent};
use storefront_eventlog::{Checkpoint, EventPage, Filter, Position, Recorded, StreamName, Version};

use super::runner::{Delivery, Subscription};
use crate::operations::progress::{NextEvent, ProcessStatus, RetryState};
use crate::processes::engine::retry_policy::HandlerError;
use crate::store::aggregates;
use crate::store::aggregates::LoadError;
use crate::store::streams;

/// Maximum number of events that are read and not finished; also the maximum number of concurrent deliveries. Reading
/// stops at this limit.
pub(crate) const MAX_IN_FLIGHT: usize = 256;
/// Number of positions after which the checkpoint is saved by itself, so that a restart does not read events again
/// that no handler was interested in.
const CHECKPOINT_INTERVAL_POSITIONS: u64 = 1000;
/// Maximum number of events that [`ProcessStatus`] lists: of those being retried, and of those that come next.
const MAX_LISTED_EVENTS: usize = 10;

/// Work on a parked sequence that needs the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParkedWork {
    /// Find the next event of the sequence in the range `(after, to]`.
    Fetch { sequence: String, after: Position, to: Position },
    /// Record that the sequence has caught up.
    Recover { sequence: String, position: Position },
}

/// The next read of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextRead<'a> {
    pub(crate) after: Position,
    pub(crate) filter: &'a Filter,
}

/// The state of one process between the log and its handler.
pub(crate) struct Scheduler {
    process: &'static str,
    /// The process's own stream: operators' commands and parked sequences.
    stream: StreamName,
    /// The process's events, and its own stream.
    subscription_filter: Filter,
    /// Only its own stream.
    control_filter: Filter,
    /// The log has been read up to here.
    read_to: Position,
    /// The process's own stream has been read at least up to here.
    control_read_to: Position,
    /// Version of the last event of that stream that was applied.
    control_version: Version,
    /// Events that are read and not finished.
    unfinished: BTreeSet<Position>,
    /// Sequences with an event that is ready, in flight or being retried, and the events queued behind it.
    sequences: HashMap<String, VecDeque<Arc<Recorded>>>,
    /// Events that may start, with the number of the attempt.
    ready: BTreeMap<Position, (Arc<Recorded>, u32)>,
    /// Events that a handler is working on.
    in_flight: BTreeSet<Position>,
    /// Events that failed at least once and are not finished.
    retrying: BTreeMap<Position, RetryState>,
    parked: HashMap<String, ParkedEntry>,
    parked_work: Vec<ParkedWork>,
    /// Events to be parked by the next append. Only one such append runs at a time.
    to_park: Vec<(Delivery, HandlerError)>,
    is_parking: bool,
    /// Sequences that had recovered before this start, with the position up to which their events are handled
    /// already.
    recovered_to: HashMap<String, Position>,
    paused: bool,
    /// Number of events that may start although the process is paused.
    steps: u32,
    /// The checkpoint that was saved by itself last.
    saved_checkpoint: Position,
}

struct ParkedEntry {
    /// Events of the sequence up to here are left in the log, to be read again when it catches up.
    deferred_to: Position,
    phase: ParkedPhase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ParkedPhase {
    /// It waits until an operator retries or skips it.
    Waiting,
    /// The events left in the log are being read again and handled.
    CatchingUp,
    /// It has caught up, and that is being recorded. New events of the sequence wait.
    Recovering,
}

impl Scheduler {
    /// Restores the state of a process from its checkpoint and its own stream.
    pub(crate) fn new(subscription: &Subscription, checkpoint: Position, process: &Process, version: Version) -> Self {
        let stream = streams::process(subscription.name);
        let types = subscription.types.iter().copied().chain(["process.*"]).map(str::to_owned).collect();
        let mut scheduler = Self {
            process: subscription.name,
            subscription_filter: Filter { types, ..Filter::default() },
            control_filter: Filter { streams: vec![stream.as_str().to_owned()], ..Filter::default() },
            stream,
            read_to: checkpoint,
            control_read_to: checkpoint,
            control_version: version,
            unfinished: BTreeSet::new(),
            sequences: HashMap::new(),
            ready: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            retrying: BTreeMap::new(),
            parked: HashMap::new(),
            parked_work: Vec::new(),
            to_park: Vec::new(),
            is_parking: false,
            recovered_to: HashMap::new(),
            paused: process.paused(),
            steps: 0,
            saved_checkpoint: checkpoint,
        };
        let settled = process.settled().iter().map(|(sequence, position)| (sequence.clone(), Position(*position)));
        scheduler.recovered_to = settled.filter(|(_, position)| *position > checkpoint).collect();
        for (sequence, parked) in process.parked() {
            let deferred_to = checkpoint.max(Position(parked.position));
            scheduler.parked.insert(sequence.clone(), ParkedEntry { deferred_to, phase: ParkedPhase::Waiting });
            if let Some(after) = parked.goes_on_after {
                scheduler.catch_up(sequence, Position(after));
            }
        }
        scheduler
    }

    /// Returns the next read: everything the process subscribes to, or only its own stream while there is no room for
    /// more events.
    pub(crate) fn next_read(&self) -> NextRead<'_> {
        if self.has_room() {
            NextRead { after: self.read_to, filter: &self.subscription_filter }
        } else {
            NextRead { after: self.control_read_to, filter: &self.control_filter }
        }
    }

    fn has_room(&self) -> bool {
        self.unfinished.len() < MAX_IN_FLIGHT
    }

    /// Applies a page that was read as [`Scheduler::next_read`] said.
    ///
    /// # Errors
    /// When an event of the process's own stream cannot be decoded.
    pub(crate) fn apply_page(&mut self, page: EventPage) -> Result<(), LoadError> {
        let reads_everything = self.has_room();
        for recorded in page.events {
            if recorded.stream() == self.stream.as_str() {
                // It may have been read before, while only this stream was read.
                if recorded.version > self.control_version {
                    self.apply_process_event(aggregates::decode(&recorded)?);
                    self.control_version = recorded.version;
                }
            } else if !recorded.kind().starts_with("process.") {
                self.enqueue(recorded);
            }
        }
        self.control_read_to = self.control_read_to.max(page.next_after);
        if reads_everything {
            self.read_to = page.next_after;
        }
        Ok(())
    }

    fn enqueue(&mut self, recorded: Arc<Recorded>) {
        let (sequence, position) = (recorded.correlation_id(), recorded.position);
        if let Some(to) = self.recovered_to.get(sequence) {
            if position <= *to {
                return;
            }
            self.recovered_to.remove(sequence);
        }
        if let Some(parked) = self.parked.get_mut(sequence).filter(|parked| parked.phase != ParkedPhase::Recovering) {
            parked.deferred_to = parked.deferred_to.max(position);
            return;
        }
        self.unfinished.insert(position);
        match self.sequences.get_mut(sequence) {
            Some(waiting) => waiting.push_back(recorded),
            None => {
                self.sequences.insert(sequence.to_owned(), VecDeque::new());
                self.ready.insert(position, (recorded, 1));
            }
        }
    }

    fn apply_process_event(&mut self, event: ProcessEvent) {
        match event {
            // Recorded before the process started; the runner has applied it.
            ProcessEvent::Introduced { after: _ } => {}
            ProcessEvent::Paused => self.pause(),
            ProcessEvent::Resumed => (self.paused, self.steps) = (false, 0),
            ProcessEvent::Stepped => self.allow_step(),
            ProcessEvent::SequenceParked { sequence, position, .. } => self.park(sequence, Position(position)),
            ProcessEvent::SequenceRetried { sequence, position } => {
                self.catch_up(&sequence, Position(position.saturating_sub(1)));
            }
            ProcessEvent::SequenceSkipped { sequence, position } => self.catch_up(&sequence, Position(position)),
            ProcessEvent::SequenceRecovered { sequence, .. } => {
                self.parked.remove(&sequence);
                self.make_next_ready(&sequence);
            }
        }
    }

    /// Allows one more ready event to start while paused. Without a ready event that has no step yet, the step is
    /// dropped: it must not take effect later.
    fn allow_step(&mut self) {
        if self.paused && (self.steps as usize) < self.ready.len() {
            self.steps += 1;
        }
    }

    /// Pauses. Events waiting for a retry become ready, so that they can be stepped through and start at once after a
    /// resume.
    fn pause(&mut self) {
        (self.paused, self.steps) = (true, 0);
        for (position, retry) in &mut self.retrying {
            if retry.next_attempt_at.take().is_some() {
                self.ready.insert(*position, (Arc::clone(&retry.recorded), retry.attempts + 1));
            }
        }
    }

    fn park(&mut self, sequence: String, position: Position) {
        self.forget(position);
        let mut deferred_to = position;
        for behind in self.sequences.remove(&sequence).into_iter().flatten() {
            self.unfinished.remove(&behind.position);
            deferred_to = deferred_to.max(behind.position);
        }
        let parked = self.parked.entry(sequence).or_insert(ParkedEntry { deferred_to, phase: ParkedPhase::Waiting });
        parked.deferred_to = parked.deferred_to.max(deferred_to);
        parked.phase = ParkedPhase::Waiting;
    }

    fn catch_up(&mut self, sequence: &str, after: Position) {
        let Some(parked) = self.parked.get_mut(sequence) else { return };
        parked.phase = ParkedPhase::CatchingUp;
        self.parked_work.push(ParkedWork::Fetch { sequence: sequence.to_owned(), after, to: parked.deferred_to });
    }

    /// Applies the result of [`ParkedWork::Fetch`]: the next event of a sequence that is catching up, or none up to
    /// `to`.
    pub(crate) fn apply_fetched(&mut self, sequence: String, to: Position, found: Option<Arc<Recorded>>) {
        let Some(parked) = self.parked.get_mut(&sequence) else { return };
        match found {
            Some(recorded) => {
                self.ready.insert(recorded.position, (recorded, 1));
            }
            None if parked.deferred_to > to => {
                self.parked_work.push(ParkedWork::Fetch { sequence, after: to, to: parked.deferred_to });
            }
            None => {
                parked.phase = ParkedPhase::Recovering;
                self.sequences.insert(sequence.to_owned(), VecDeque::new());
                self.parked_work.push(ParkedWork::Recover { sequence, position: to });
            }
        }
    }

    /// Takes the pending work on parked sequences.
    pub(crate) fn take_parked_work(&mut self) -> Vec<ParkedWork> {
        std::mem::take(&mut self.parked_work)
    }

    /// Queues an event that cannot be handled for parking.
    pub(crate) fn queue_for_parking(&mut self, delivery: Delivery, error: HandlerError) {
        self.to_park.push((delivery, error));
    }

    /// Takes the events to be parked, with the checkpoint that holds once they are; `None` when there are none, or
    /// while others are being parked.
    pub(crate) fn start_parking(&mut self) -> Option<(Vec<(Delivery, HandlerError)>, Checkpoint)> {
        if self.is_parking || self.to_park.is_empty() {
            return None;
        }
        self.is_parking = true;
        let to_park = std::mem::take(&mut self.to_park);
        let positions: BTreeSet<Position> = to_park.iter().map(|(delivery, _)| delivery.recorded.position).collect();
        Some((to_park, self.checkpoint_without(|position| positions.contains(&position))))
    }

    /// Marks the append that parks events as ended, whatever its outcome.
    pub(crate) fn finish_parking(&mut self) {
        self.is_parking = false;
    }

    /// Starts every event that may start, in log order.
    pub(crate) fn start_deliveries(&mut self) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while self.in_flight.len() < MAX_IN_FLIGHT && (!self.paused || self.steps > 0) {
            let Some((position, (recorded, attempt))) = self.ready.pop_first() else { break };
            if self.paused {
                self.steps -= 1;
            }
            self.in_flight.insert(position);
            let checkpoint = self.checkpoint_without(|finishing| finishing == position);
            deliveries.push(Delivery { recorded, checkpoint, attempt });
        }
        // The event that a step was for may have been parked meanwhile.
        self.steps = self.steps.min(u32::try_from(self.ready.len()).unwrap_or(u32::MAX));
        deliveries
    }

    /// Marks an event as handled.
    pub(crate) fn finish(&mut self, recorded: &Recorded) {
        self.forget(recorded.position);
        let sequence = recorded.correlation_id();
        match self.parked.get(sequence) {
            Some(ParkedEntry { phase: ParkedPhase::CatchingUp, deferred_to }) => {
                let (sequence, after, to) = (sequence.to_owned(), recorded.position, *deferred_to);
                self.parked_work.push(ParkedWork::Fetch { sequence, after, to });
            }
            Some(ParkedEntry { phase: ParkedPhase::Waiting | ParkedPhase::Recovering, .. }) => {}
            None => self.make_next_ready(sequence),
        }
    }

    fn forget(&mut self, position: Position) {
        self.in_flight.remove(&position);
        self.ready.remove(&position);
        self.retrying.remove(&position);
        self.unfinished.remove(&position);
    }

    fn make_next_ready(&mut self, sequence: &str) {
        match self.sequences.get_mut(sequence).and_then(VecDeque::pop_front) {
            Some(next) => {
                self.ready.insert(next.position, (next, 1));
            }
            None => {
                self.sequences.remove(sequence);
            }
        }
    }

    /// Records a failed attempt that is to be retried at `next_attempt_at`.
    pub(crate) fn schedule_retry(&mut self, delivery: &Delivery, error: String, next_attempt_at: Timestamp) {
        let position = delivery.recorded.position;
        // Parked meanwhile: an append whose reply was lost had succeeded.
        if !self.in_flight.remove(&position) {
            return;
        }
        let next_attempt_at = (!self.paused).then_some(next_attempt_at);
        if self.paused {
            self.ready.insert(position, (Arc::clone(&delivery.recorded), delivery.attempt + 1));
        }
        let (recorded, attempts) = (Arc::clone(&delivery.recorded), delivery.attempt);
        self.retrying.insert(position, RetryState { recorded, attempts, error, next_attempt_at });
    }

    /// Makes an event ready again once the pause after `attempt` is over.
    pub(crate) fn make_retry_ready(&mut self, position: Position, attempt: u32) {
        let retry = self.retrying.get_mut(&position).filter(|retry| retry.attempts == attempt);
        if let Some(retry) = retry
            && retry.next_attempt_at.take().is_some()
        {
            self.ready.insert(position, (Arc::clone(&retry.recorded), attempt + 1));
        }
    }

    /// Returns the checkpoint as it is once the events that match `finishing` are finished: the last position before
    /// which nothing is unfinished.
    pub(crate) fn checkpoint_without(&self, finishing: impl Fn(Position) -> bool) -> Checkpoint {
        let first = self.unfinished.iter().find(|position| !finishing(**position));
        let position = first.map_or(self.read_to, |first| Position(first.0 - 1));
        Checkpoint { consumer: self.process.to_owned(), position }
    }

    /// Returns the checkpoint when it is [`CHECKPOINT_INTERVAL_POSITIONS`] past the one saved by itself last.
    pub(crate) fn take_due_checkpoint(&mut self) -> Option<Checkpoint> {
        let checkpoint = self.checkpoint_without(|_| false);
        if checkpoint.position.0 < self.saved_checkpoint.0 + CHECKPOINT_INTERVAL_POSITIONS {
            return None;
        }
        self.saved_checkpoint = checkpoint.position;
        Some(checkpoint)
    }

    /// Returns the status that operators see.
    pub(crate) fn status(&self) -> ProcessStatus {
        let next = if self.paused { self.upcoming() } else { vec![] };
        ProcessStatus {
            position: self.checkpoint_without(|_| false).position,
            read_to: self.read_to,
            control_read_to: self.control_read_to,
            ready: self.ready.len(),
            unfinished: self.unfinished.len(),
            in_flight: self.in_flight.len(),
            retrying: self.retrying.len(),
            retries: self.retrying.values().take(MAX_LISTED_EVENTS).cloned().collect(),
            parked: self.parked.values().filter(|parked| parked.phase == ParkedPhase::Waiting).count(),
            paused: self.paused,
            runs_elsewhere: false,
            steps: self.steps,
            next,
        }
    }

    /// Returns the next events in log order: those that are ready, and those queued behind others.
    fn upcoming(&self) -> Vec<NextEvent> {
        let ready = self.ready.values().map(|(recorded, _)| recorded);
        let mut waiting: Vec<_> = ready.chain(self.sequences.values().flatten()).collect();
        waiting.sort_by_key(|recorded| recorded.position);
        waiting.into_iter().take(MAX_LISTED_EVENTS).map(|recorded| NextEvent::new(recorded)).collect()
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
