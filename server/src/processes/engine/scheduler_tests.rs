//! The scheduler without I/O: which events start, in which order, and where the checkpoint is.

use storefront_domain::process;
use storefront_eventlog::{JsonText, NewEvent};
use uuid::Uuid;

use super::*;
use crate::store::aggregates::AggregateEvent;

const SUBSCRIPTION: Subscription = Subscription { name: "test", types: &["order.*"] };

/// A scheduler and the log that it reads.
struct Story {
    scheduler: Scheduler,
    log: Vec<Recorded>,
    /// Events of the process's own stream so far.
    commands: Vec<ProcessEvent>,
    begun: BTreeMap<u64, Delivery>,
}

impl Story {
    fn begins() -> Self {
        let scheduler = Scheduler::new(&SUBSCRIPTION, Position(0), &Process::default(), Version(0));
        Self { scheduler, log: Vec::new(), commands: Vec::new(), begun: BTreeMap::new() }
    }

    /// The process after a crash, restarted from a checkpoint.
    fn again_from(self, checkpoint: u64) -> Self {
        let process = self.commands.iter().fold(Process::default(), process::evolve);
        let version = Version(self.commands.len() as u64);
        let scheduler = Scheduler::new(&SUBSCRIPTION, Position(checkpoint), &process, version);
        let mut again = Self { scheduler, begun: BTreeMap::new(), ..self };
        let rest = again.log.iter().filter(|recorded| recorded.position.0 > checkpoint).cloned().collect();
        again.read(rest);
        again
    }

    fn head(&self) -> Position {
        Position(self.log.len() as u64)
    }

    fn read(&mut self, events: Vec<Recorded>) {
        let (head, events) = (self.head(), events.into_iter().map(Arc::new).collect());
        self.scheduler.apply_page(EventPage { events, next_after: head, head }).unwrap();
    }

    fn write(&mut self, stream: &str, version: u64, sequence: &str, kind: &str, data: JsonText) -> u64 {
        let position = Position(self.log.len() as u64 + 1);
        let event = NewEvent {
            id: Uuid::from_u128(u128::from(position.0)),
            kind: kind.to_owned(),
            schema_version: 1,
            time_ms: 0,
            correlation_id: sequence.to_owned(),
            causation_id: None,
            actor: "test".to_owned(),
            data,
        };
        let stream = StreamName::new(stream).unwrap();
        let recorded = Recorded::new(position, &stream, Version(version), &event);
        self.log.push(recorded.clone());
        self.read(vec![recorded]);
        position.0
    }

    /// Appends an event of a sequence; returns its position.
    fn append_event(&mut self, sequence: &str) -> u64 {
        self.write(sequence, 1, sequence, "order.started", JsonText::of(&()).unwrap())
    }

    fn command(&mut self, event: ProcessEvent) {
        let encoded = event.encode();
        self.commands.push(event);
        self.write("process-test", self.commands.len() as u64, "operator", encoded.kind, encoded.data);
    }

    fn parked(&mut self, sequence: &str, position: u64) {
        let (sequence, error) = (sequence.to_owned(), "it burns".to_owned());
        self.command(ProcessEvent::SequenceParked { sequence, position, attempts: 1, error });
    }

    fn retried(&mut self, sequence: &str, position: u64) {
        self.command(ProcessEvent::SequenceRetried { sequence: sequence.to_owned(), position });
        self.runs_errands();
    }

    fn skipped(&mut self, sequence: &str, position: u64) {
        self.command(ProcessEvent::SequenceSkipped { sequence: sequence.to_owned(), position });
        self.runs_errands();
    }

    /// Carries out the work on parked sequences; returns the sequences that have caught up.
    fn runs_errands(&mut self) -> Vec<(String, u64)> {
        let mut recovered = Vec::new();
        loop {
            let parked_work = self.scheduler.take_parked_work();
            if parked_work.is_empty() {
                return recovered;
            }
            for work in parked_work {
                match work {
                    ParkedWork::Fetch { sequence, after, to } => {
                        let of_it = |recorded: &&Recorded| {
                            recorded.correlation_id() == sequence && recorded.kind() == "order.started"
                        };
                        let waits = |recorded: &&Recorded| recorded.position > after && recorded.position <= to;
                        let found = self.log.iter().filter(of_it).find(waits).cloned().map(Arc::new);
                        self.scheduler.apply_fetched(sequence, to, found);
                    }
                    ParkedWork::Recover { sequence, position } => recovered.push((sequence, position.0)),
                }
            }
        }
    }

    /// The deliveries that start now: positions, and the checkpoints that hold once they are handled.
    fn begins_with_checkpoints(&mut self) -> Vec<(u64, u64)> {
        let deliveries = self.scheduler.start_deliveries();
        let reported =
            deliveries.iter().map(|delivery| (delivery.recorded.position.0, delivery.checkpoint.position.0)).collect();
        self.begun.extend(deliveries.into_iter().map(|delivery| (delivery.recorded.position.0, delivery)));
        reported
    }

    fn begins_now(&mut self) -> Vec<u64> {
        self.begins_with_checkpoints().into_iter().map(|(position, _)| position).collect()
    }

    fn finishes(&mut self, position: u64) {
        let delivery = self.begun.remove(&position).expect("it has begun");
        self.scheduler.finish(&delivery.recorded);
    }

    fn fails(&mut self, position: u64) {
        let delivery = self.begun.remove(&position).expect("it has begun");
        self.scheduler.schedule_retry(&delivery, "it burns".to_owned(), Timestamp::from_unix_ms(1000));
    }

    fn checkpoint(&self) -> u64 {
        self.scheduler.checkpoint_without(|_| false).position.0
    }

    fn next(&self) -> Vec<u64> {
        self.scheduler.status().next.iter().map(|next| next.position.0).collect()
    }
}

#[test]
fn sequences_run_side_by_side_and_each_in_order() {
    let mut story = Story::begins();
    for sequence in ["a", "b", "a"] {
        story.append_event(sequence);
    }
    assert_eq!(story.begins_with_checkpoints(), [(1, 1), (2, 0)]);
    story.finishes(2);
    assert_eq!(story.begins_now(), [0; 0]);
    story.finishes(1);
    assert_eq!(story.begins_with_checkpoints(), [(3, 3)]);
}

#[test]
fn the_checkpoint_stays_before_the_first_unfinished_event() {
    let mut story = Story::begins();
    for sequence in ["a", "b", "c"] {
        story.append_event(sequence);
    }
    story.begins_now();
    assert_eq!(story.checkpoint(), 0);
    story.finishes(2);
    story.finishes(3);
    assert_eq!(story.checkpoint(), 0);
    story.finishes(1);
    assert_eq!(story.checkpoint(), 3);
}

#[test]
fn a_parked_sequence_holds_nothing_up_and_what_follows_of_it_waits() {
    let mut story = Story::begins();
    for sequence in ["a", "a", "b"] {
        story.append_event(sequence);
    }
    assert_eq!(story.begins_now(), [1, 3]);
    story.parked("a", 1);
    story.append_event("a");
    story.append_event("b");
    assert_eq!(story.begins_now(), [0; 0]);
    story.finishes(3);
    assert_eq!(story.begins_now(), [6]);
    story.finishes(6);
    assert_eq!(story.checkpoint(), 6);
    let status = story.scheduler.status();
    assert_eq!((status.parked, status.unfinished), (1, 0));
}

#[test]
fn a_retry_handles_the_parked_event_and_then_those_behind_it_in_order() {
    let mut story = Story::begins();
    story.append_event("a");
    story.append_event("a");
    story.begins_now();
    story.parked("a", 1);
    story.append_event("a");
    story.retried("a", 1);
    for position in [1, 2, 4] {
        assert_eq!(story.begins_now(), [position]);
        story.finishes(position);
        if position < 4 {
            assert_eq!(story.runs_errands(), []);
        }
    }
    assert_eq!(story.runs_errands(), [("a".to_owned(), 4)]);
}

#[test]
fn what_comes_while_a_sequence_catches_up_waits_until_it_has() {
    let mut story = Story::begins();
    story.append_event("a");
    story.begins_now();
    story.parked("a", 1);
    story.retried("a", 1);
    assert_eq!(story.begins_now(), [1]);
    // It arrives before the sequence has caught up, and is part of the catch-up.
    let during = story.append_event("a");
    story.finishes(1);
    assert_eq!(story.runs_errands(), []);
    assert_eq!(story.begins_now(), [during]);
    story.finishes(during);
    assert_eq!(story.runs_errands(), [("a".to_owned(), during)]);
    // It arrives before the recovery is recorded: it waits, and the checkpoint with it.
    let late = story.append_event("a");
    assert_eq!(story.begins_now(), [0; 0]);
    assert_eq!(story.checkpoint(), late - 1);
    story.command(ProcessEvent::SequenceRecovered { sequence: "a".to_owned(), position: during });
    assert_eq!(story.begins_now(), [late]);
}

#[test]
fn a_skip_drops_the_event_at_the_front_and_nothing_else() {
    let mut story = Story::begins();
    for _ in 0..3 {
        story.append_event("a");
    }
    story.begins_now();
    story.parked("a", 1);
    story.skipped("a", 1);
    for position in [2, 3] {
        assert_eq!(story.begins_now(), [position]);
        story.finishes(position);
        story.runs_errands();
    }
    assert_eq!(story.begins_now(), [0; 0]);
}

#[test]
fn a_sequence_that_fails_again_while_it_catches_up_stands_at_the_event_that_failed() {
    let mut story = Story::begins();
    for _ in 0..3 {
        story.append_event("a");
    }
    story.begins_now();
    story.parked("a", 1);
    story.skipped("a", 1);
    assert_eq!(story.begins_now(), [2]);
    story.parked("a", 2);
    assert_eq!(story.runs_errands(), []);
    assert_eq!(story.begins_now(), [0; 0]);
    story.skipped("a", 2);
    assert_eq!(story.begins_now(), [3]);
}

#[test]
fn a_restart_forgets_no_parked_sequence_and_nothing_that_waits_behind_it() {
    let mut story = Story::begins();
    for sequence in ["a", "b", "a"] {
        story.append_event(sequence);
    }
    story.begins_now();
    story.parked("a", 1);
    story.finishes(2);
    for checkpoint in [0, 2, 4] {
        let mut again = Story { log: story.log.clone(), commands: story.commands.clone(), ..Story::begins() };
        again = again.again_from(checkpoint);
        let begun = again.begins_now();
        assert!(!begun.contains(&1) && !begun.contains(&3), "from {checkpoint}: {begun:?}");
        again.retried("a", 1);
        assert!(again.begins_now().contains(&1), "from {checkpoint}");
        again.finishes(1);
        again.runs_errands();
        assert_eq!(again.begins_now(), [3], "from {checkpoint}");
    }
}

#[test]
fn a_restart_in_the_middle_of_a_retry_goes_on_with_it() {
    let mut story = Story::begins();
    story.append_event("a");
    story.append_event("a");
    story.begins_now();
    story.parked("a", 1);
    story.retried("a", 1);
    let mut again = story.again_from(3);
    again.runs_errands();
    assert_eq!(again.begins_now(), [1]);
}

#[test]
fn what_was_skipped_is_not_handled_after_a_restart_from_before_it() {
    let mut story = Story::begins();
    story.append_event("slow");
    story.append_event("a");
    story.append_event("a");
    story.begins_now();
    story.parked("a", 2);
    story.skipped("a", 2);
    story.begins_now();
    story.finishes(3);
    assert_eq!(story.runs_errands(), [("a".to_owned(), 3)]);
    story.command(ProcessEvent::SequenceRecovered { sequence: "a".to_owned(), position: 3 });
    let later = story.append_event("a");
    assert_eq!(story.checkpoint(), 0, "the slow one is not finished");
    let mut again = story.again_from(0);
    assert_eq!(again.begins_now(), [1, later]);
}

#[test]
fn a_paused_process_begins_nothing_and_a_step_begins_what_stands_first() {
    let mut story = Story::begins();
    story.append_event("a");
    story.begins_now();
    story.command(ProcessEvent::Paused);
    for sequence in ["b", "a", "c"] {
        story.append_event(sequence);
    }
    story.finishes(1);
    assert_eq!(story.begins_now(), [0; 0]);
    assert_eq!(story.next(), [3, 4, 5]);
    story.command(ProcessEvent::Stepped);
    assert_eq!(story.begins_now(), [3]);
    assert_eq!(story.begins_now(), [0; 0]);
    story.command(ProcessEvent::Stepped);
    story.command(ProcessEvent::Stepped);
    story.command(ProcessEvent::Stepped);
    assert_eq!(story.begins_now(), [4, 5]);
    assert_eq!(story.scheduler.status().steps, 0, "a step for which nothing waits is not kept");
    story.append_event("d");
    assert_eq!(story.begins_now(), [0; 0]);
    story.command(ProcessEvent::Resumed);
    story.append_event("e");
    assert_eq!(story.begins_now().len(), 2);
}

#[test]
fn steps_without_anything_that_waits_let_nothing_run_ahead_later() {
    let mut story = Story::begins();
    story.command(ProcessEvent::Paused);
    for _ in 0..3 {
        story.command(ProcessEvent::Stepped);
    }
    story.append_event("a");
    story.append_event("b");
    assert_eq!(story.begins_now(), [0; 0]);
    story.command(ProcessEvent::Stepped);
    story.parked("a", 5);
    assert_eq!(story.begins_now(), [6], "the step is for whatever waits first when it is taken");
    story.append_event("c");
    assert_eq!(story.begins_now(), [0; 0]);
}

#[test]
fn an_old_log_with_steps_that_were_saved_up_begins_nothing_after_an_upgrade() {
    let mut story = Story::begins();
    story.command(ProcessEvent::Paused);
    for _ in 0..3 {
        story.command(ProcessEvent::Stepped);
    }
    // The process is loaded as of the pause; the steps are read from the log like all new events.
    let process = process::evolve(Process::default(), &ProcessEvent::Paused);
    let scheduler = Scheduler::new(&SUBSCRIPTION, Position(0), &process, Version(1));
    let mut upgraded = Story { scheduler, begun: BTreeMap::new(), ..story };
    let log = upgraded.log.clone();
    upgraded.read(log);
    upgraded.append_event("a");
    assert_eq!(upgraded.begins_now(), [0; 0]);
}

#[test]
fn a_pause_survives_a_restart_and_a_step_does_not() {
    let mut story = Story::begins();
    story.command(ProcessEvent::Paused);
    story.command(ProcessEvent::Stepped);
    story.append_event("a");
    let mut again = story.again_from(0);
    assert_eq!(again.begins_now(), [0; 0]);
    assert!(again.scheduler.status().paused);
}

#[test]
fn an_event_that_went_wrong_is_tried_again_when_it_is_due_and_not_twice() {
    let mut story = Story::begins();
    story.append_event("a");
    story.append_event("a");
    story.begins_now();
    story.fails(1);
    assert_eq!(story.begins_now(), [0; 0]);
    let status = story.scheduler.status();
    assert_eq!((status.retrying, status.retries[0].attempts), (1, 1));
    story.scheduler.make_retry_ready(Position(1), 1);
    story.scheduler.make_retry_ready(Position(1), 1);
    assert_eq!(story.begins_now(), [1]);
    assert_eq!(story.begun[&1].attempt, 2);
    story.finishes(1);
    assert_eq!(story.scheduler.status().retrying, 0);
    assert_eq!(story.begins_now(), [2]);
}

#[test]
fn what_waits_to_be_tried_again_is_stepped_through_like_the_rest() {
    let mut story = Story::begins();
    story.append_event("a");
    story.begins_now();
    story.fails(1);
    story.command(ProcessEvent::Paused);
    assert_eq!(story.next(), [1]);
    story.scheduler.make_retry_ready(Position(1), 1);
    assert_eq!(story.begins_now(), [0; 0], "its pause is over, the process's is not");
    story.command(ProcessEvent::Stepped);
    assert_eq!(story.begins_now(), [1]);
    story.fails(1);
    assert_eq!(story.begins_now(), [0; 0]);
    story.command(ProcessEvent::Resumed);
    assert_eq!(story.begins_now(), [1]);
    assert_eq!(story.begun[&1].attempt, 3);
}

#[test]
fn a_full_process_still_hears_what_is_asked_of_it() {
    let mut story = Story::begins();
    for number in 0..MAX_IN_FLIGHT {
        story.append_event(&format!("order-{number}"));
    }
    assert_eq!(story.begins_now().len(), MAX_IN_FLIGHT);
    assert_eq!(story.scheduler.next_read().filter, &story.scheduler.control_filter);
    story.parked("order-7", 8);
    assert_eq!(story.scheduler.status().parked, 1);
    assert_eq!(story.scheduler.next_read().filter, &story.scheduler.subscription_filter);
    assert_eq!(story.scheduler.next_read().after, Position(MAX_IN_FLIGHT as u64), "what was read ahead is read again");
    let again = story.log.last().cloned().unwrap();
    story.read(vec![again]);
    assert_eq!(story.scheduler.status().parked, 1);
}
