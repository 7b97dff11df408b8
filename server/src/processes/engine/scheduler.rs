//! What a process has read and not finished, and which of it may begin: a state machine without I/O and without a clock.
//!
//! It is fed with the log and with what became of the events that it let begin. Events of one sequence begin one after
//! another, in the order of the log. A parked sequence holds nothing up and takes no room: the checkpoint moves past its
//! events, and once somebody has it retried or skipped, they are read from the log again.

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

/// How many events may be read and not finished, and how many under way; reading stops there.
pub(crate) const IN_FLIGHT: usize = 256;
/// When the log has gone so far past the checkpoint that was written last, it is written by itself, so that the next
/// start does not read again what concerned nobody.
const CHECKPOINT_EVERY: u64 = 1000;
/// So many are named to whoever looks: of those that are tried again, and of those that come next.
const NAMED: usize = 10;

/// What is to be done about a parked sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParkedWork {
    /// Find its next event after a position and up to another.
    Fetch { sequence: String, after: Position, to: Position },
    /// Record that it has caught up.
    Recover { sequence: String, position: Position },
}

/// Where the log is to be read next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) after: Position,
    pub(crate) filter: &'a Filter,
}

pub(crate) struct Scheduler {
    process: &'static str,
    /// What people ask of the process stands there.
    stream: StreamName,
    everything: Filter,
    only_steering: Filter,
    /// How far the log has been read.
    read_to: Position,
    /// How far the process's own stream has been read, at least.
    steered_to: Position,
    /// The last event of that stream that was taken in.
    version: Version,
    /// Read and not finished.
    unfinished: BTreeSet<Position>,
    /// Sequences with an event that may begin, is under way or is to be tried again, and what waits behind it.
    lanes: HashMap<String, VecDeque<Arc<Recorded>>>,
    /// May begin, each with the number of the attempt.
    ready: BTreeMap<Position, (Arc<Recorded>, u32)>,
    /// Under way.
    begun: BTreeSet<Position>,
    /// Went wrong at least once and is not finished.
    retrying_events: BTreeMap<Position, RetryState>,
    parked: HashMap<String, Parked>,
    parked_work: Vec<ParkedWork>,
    /// Given up, and not written yet: what is given up while others are written is written with the next.
    given_up: Vec<(Delivery, HandlerError)>,
    parking: bool,
    /// Sequences that had recovered before this began, and up to where they were dealt with.
    settled: HashMap<String, Position>,
    paused: bool,
    steps: u32,
    /// The checkpoint that was written by itself last.
    saved: Position,
}

struct Parked {
    /// Its events up to here have been passed over.
    passed_to: Position,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Stands,
    /// What was passed over is read again and handled.
    CatchingUp,
    /// That is done, and being recorded; what comes meanwhile waits.
    Recovering,
}

impl Scheduler {
    /// A process that goes on from a checkpoint, as its own stream says.
    pub(crate) fn new(subscription: &Subscription, checkpoint: Position, process: &Process, version: Version) -> Self {
        let stream = streams::process(subscription.name);
        let types = subscription.types.iter().copied().chain(["process.*"]).map(str::to_owned).collect();
        let mut scheduler = Self {
            process: subscription.name,
            everything: Filter { types, ..Filter::default() },
            only_steering: Filter { streams: vec![stream.as_str().to_owned()], ..Filter::default() },
            stream,
            read_to: checkpoint,
            steered_to: checkpoint,
            version,
            unfinished: BTreeSet::new(),
            lanes: HashMap::new(),
            ready: BTreeMap::new(),
            begun: BTreeSet::new(),
            retrying_events: BTreeMap::new(),
            parked: HashMap::new(),
            parked_work: Vec::new(),
            given_up: Vec::new(),
            parking: false,
            settled: HashMap::new(),
            paused: process.paused(),
            steps: 0,
            saved: checkpoint,
        };
        let settled = process.settled().iter().map(|(sequence, position)| (sequence.clone(), Position(*position)));
        scheduler.settled = settled.filter(|(_, position)| *position > checkpoint).collect();
        for (sequence, parked) in process.parked() {
            let passed_to = checkpoint.max(Position(parked.position));
            scheduler.parked.insert(sequence.clone(), Parked { passed_to, phase: Phase::Stands });
            if let Some(after) = parked.goes_on_after {
                scheduler.go_on(sequence, Position(after));
            }
        }
        scheduler
    }

    /// Where to read on: everything that the process listens to, or only what people ask of it when there is no room for
    /// more.
    pub(crate) fn reading(&self) -> Reading<'_> {
        if self.has_room() {
            Reading { after: self.read_to, filter: &self.everything }
        } else {
            Reading { after: self.steered_to, filter: &self.only_steering }
        }
    }

    fn has_room(&self) -> bool {
        self.unfinished.len() < IN_FLIGHT
    }

    /// Takes in what was read there.
    ///
    /// # Errors
    /// When it cannot be read what somebody asked of the process.
    pub(crate) fn take_in(&mut self, slice: EventPage) -> Result<(), LoadError> {
        let everything = self.has_room();
        for recorded in slice.events {
            if recorded.stream() == self.stream.as_str() {
                // Read by itself before, maybe.
                if recorded.version > self.version {
                    self.steer(aggregates::decode(&recorded)?);
                    self.version = recorded.version;
                }
            } else if !recorded.kind().starts_with("process.") {
                self.queue(Arc::new(recorded));
            }
        }
        self.steered_to = self.steered_to.max(slice.next_after);
        if everything {
            self.read_to = slice.next_after;
        }
        Ok(())
    }

    fn queue(&mut self, recorded: Arc<Recorded>) {
        let (sequence, position) = (recorded.correlation_id(), recorded.position);
        if let Some(to) = self.settled.get(sequence) {
            if position <= *to {
                return;
            }
            self.settled.remove(sequence);
        }
        if let Some(parked) = self.parked.get_mut(sequence).filter(|parked| parked.phase != Phase::Recovering) {
            parked.passed_to = parked.passed_to.max(position);
            return;
        }
        self.unfinished.insert(position);
        match self.lanes.get_mut(sequence) {
            Some(waiting) => waiting.push_back(recorded),
            None => {
                self.lanes.insert(sequence.to_owned(), VecDeque::new());
                self.ready.insert(position, (recorded, 1));
            }
        }
    }

    fn steer(&mut self, event: ProcessEvent) {
        match event {
            // Said before the process began, and known since.
            ProcessEvent::Introduced { after: _ } => {}
            ProcessEvent::Paused => self.pause(),
            ProcessEvent::Resumed => (self.paused, self.steps) = (false, 0),
            ProcessEvent::Stepped => self.step(),
            ProcessEvent::SequenceParked { sequence, position, .. } => self.park(sequence, Position(position)),
            ProcessEvent::SequenceRetried { sequence, position } => {
                self.go_on(&sequence, Position(position.saturating_sub(1)));
            }
            ProcessEvent::SequenceSkipped { sequence, position } => self.go_on(&sequence, Position(position)),
            ProcessEvent::SequenceRecovered { sequence, .. } => {
                self.parked.remove(&sequence);
                self.next_of(&sequence);
            }
        }
    }

    /// Lets the next event begin that waits and has no step of its own yet. Without one the step is not kept: nothing runs
    /// ahead later because somebody has pressed a key in vain.
    fn step(&mut self) {
        if self.paused && (self.steps as usize) < self.ready.len() {
            self.steps += 1;
        }
    }

    /// What is to be tried again later is held back with the rest; so it can be stepped through, and goes on at once
    /// afterwards.
    fn pause(&mut self) {
        (self.paused, self.steps) = (true, 0);
        for (position, retrying_events) in &mut self.retrying_events {
            if retrying_events.next_attempt_at.take().is_some() {
                self.ready.insert(*position, (Arc::clone(&retrying_events.recorded), retrying_events.attempts + 1));
            }
        }
    }

    fn park(&mut self, sequence: String, position: Position) {
        self.settle(position);
        let mut passed_to = position;
        for behind in self.lanes.remove(&sequence).into_iter().flatten() {
            self.unfinished.remove(&behind.position);
            passed_to = passed_to.max(behind.position);
        }
        let parked = self.parked.entry(sequence).or_insert(Parked { passed_to, phase: Phase::Stands });
        parked.passed_to = parked.passed_to.max(passed_to);
        parked.phase = Phase::Stands;
    }

    fn go_on(&mut self, sequence: &str, after: Position) {
        let Some(parked) = self.parked.get_mut(sequence) else { return };
        parked.phase = Phase::CatchingUp;
        self.parked_work.push(ParkedWork::Fetch { sequence: sequence.to_owned(), after, to: parked.passed_to });
    }

    /// The next event of a sequence that is catching up was found, or there is none up to a position.
    pub(crate) fn fetched(&mut self, sequence: String, to: Position, found: Option<Recorded>) {
        let Some(parked) = self.parked.get_mut(&sequence) else { return };
        match found {
            Some(recorded) => {
                self.ready.insert(recorded.position, (Arc::new(recorded), 1));
            }
            None if parked.passed_to > to => {
                self.parked_work.push(ParkedWork::Fetch { sequence, after: to, to: parked.passed_to });
            }
            None => {
                parked.phase = Phase::Recovering;
                self.lanes.insert(sequence.to_owned(), VecDeque::new());
                self.parked_work.push(ParkedWork::Recover { sequence, position: to });
            }
        }
    }

    /// What is to be done about parked sequences now.
    pub(crate) fn parked_work(&mut self) -> Vec<ParkedWork> {
        std::mem::take(&mut self.parked_work)
    }

    /// An event cannot be handled, and is to be parked.
    pub(crate) fn give_up(&mut self, delivery: Delivery, error: HandlerError) {
        self.given_up.push((delivery, error));
    }

    /// What is to be parked now, all at once, with the checkpoint that holds then; `None` while others are being parked.
    pub(crate) fn begin_parking(&mut self) -> Option<(Vec<(Delivery, HandlerError)>, Checkpoint)> {
        if self.parking || self.given_up.is_empty() {
            return None;
        }
        self.parking = true;
        let given_up = std::mem::take(&mut self.given_up);
        let positions: BTreeSet<Position> = given_up.iter().map(|(delivery, _)| delivery.recorded.position).collect();
        Some((given_up, self.checkpoint_without(|position| positions.contains(&position))))
    }

    /// What was to be parked was written, or was not.
    pub(crate) fn end_parking(&mut self) {
        self.parking = false;
    }

    /// The events that begin now, first those that stand first in the log.
    pub(crate) fn begin(&mut self) -> Vec<Delivery> {
        let mut turns = Vec::new();
        while self.begun.len() < IN_FLIGHT && (!self.paused || self.steps > 0) {
            let Some((position, (recorded, attempt))) = self.ready.pop_first() else { break };
            if self.paused {
                self.steps -= 1;
            }
            self.begun.insert(position);
            let checkpoint = self.checkpoint_without(|finishing| finishing == position);
            turns.push(Delivery { recorded, checkpoint, attempt });
        }
        // What a step was for may have been parked meanwhile.
        self.steps = self.steps.min(u32::try_from(self.ready.len()).unwrap_or(u32::MAX));
        turns
    }

    /// An event is dealt with.
    pub(crate) fn finish(&mut self, recorded: &Recorded) {
        self.settle(recorded.position);
        let sequence = recorded.correlation_id();
        match self.parked.get(sequence) {
            Some(Parked { phase: Phase::CatchingUp, passed_to }) => {
                let (sequence, after, to) = (sequence.to_owned(), recorded.position, *passed_to);
                self.parked_work.push(ParkedWork::Fetch { sequence, after, to });
            }
            Some(Parked { phase: Phase::Stands | Phase::Recovering, .. }) => {}
            None => self.next_of(sequence),
        }
    }

    fn settle(&mut self, position: Position) {
        self.begun.remove(&position);
        self.ready.remove(&position);
        self.retrying_events.remove(&position);
        self.unfinished.remove(&position);
    }

    fn next_of(&mut self, sequence: &str) {
        match self.lanes.get_mut(sequence).and_then(VecDeque::pop_front) {
            Some(next) => {
                self.ready.insert(next.position, (next, 1));
            }
            None => {
                self.lanes.remove(sequence);
            }
        }
    }

    /// An attempt went wrong, and the event is to be tried again at a time.
    pub(crate) fn again(&mut self, delivery: &Delivery, error: String, next_attempt_at: Timestamp) {
        let position = delivery.recorded.position;
        // Parked meanwhile, after an answer of the log that was lost.
        if !self.begun.remove(&position) {
            return;
        }
        let next_attempt_at = (!self.paused).then_some(next_attempt_at);
        if self.paused {
            self.ready.insert(position, (Arc::clone(&delivery.recorded), delivery.attempt + 1));
        }
        let (recorded, attempts) = (Arc::clone(&delivery.recorded), delivery.attempt);
        self.retrying_events.insert(position, RetryState { recorded, attempts, error, next_attempt_at });
    }

    /// The pause after an attempt is over.
    pub(crate) fn due(&mut self, position: Position, attempt: u32) {
        let retrying_events =
            self.retrying_events.get_mut(&position).filter(|retrying_events| retrying_events.attempts == attempt);
        if let Some(retrying_events) = retrying_events
            && retrying_events.next_attempt_at.take().is_some()
        {
            self.ready.insert(position, (Arc::clone(&retrying_events.recorded), attempt + 1));
        }
    }

    /// The last position before which nothing is unfinished, if some events were finished.
    pub(crate) fn checkpoint_without(&self, finishing: impl Fn(Position) -> bool) -> Checkpoint {
        let first = self.unfinished.iter().find(|position| !finishing(**position));
        let position = first.map_or(self.read_to, |first| Position(first.0 - 1));
        Checkpoint { consumer: self.process.to_owned(), position }
    }

    /// The checkpoint, when it is far past the last one that was written by itself.
    pub(crate) fn checkpoint_if_due(&mut self) -> Option<Checkpoint> {
        let checkpoint = self.checkpoint_without(|_| false);
        if checkpoint.position.0 < self.saved.0 + CHECKPOINT_EVERY {
            return None;
        }
        self.saved = checkpoint.position;
        Some(checkpoint)
    }

    /// Where the process stands, for whoever looks.
    pub(crate) fn standing(&self) -> ProcessStatus {
        let next = if self.paused { self.next() } else { vec![] };
        ProcessStatus {
            position: self.checkpoint_without(|_| false).position,
            read_to: self.read_to,
            steered_to: self.steered_to,
            ready: self.ready.len(),
            unfinished: self.unfinished.len(),
            in_flight: self.begun.len(),
            retrying: self.retrying_events.len(),
            retries: self.retrying_events.values().take(NAMED).cloned().collect(),
            parked: self.parked.values().filter(|parked| parked.phase == Phase::Stands).count(),
            paused: self.paused,
            elsewhere: false,
            steps: self.steps,
            next,
        }
    }

    /// What comes next, in the order of the log: what may begin, and what waits behind others.
    fn next(&self) -> Vec<NextEvent> {
        let ready = self.ready.values().map(|(recorded, _)| recorded);
        let mut waiting: Vec<_> = ready.chain(self.lanes.values().flatten()).collect();
        waiting.sort_by_key(|recorded| recorded.position);
        waiting.into_iter().take(NAMED).map(|recorded| NextEvent::of(recorded)).collect()
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
