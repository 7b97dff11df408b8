//! Compares the log with a simple model over random histories.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use storefront_eventlog::{
    Append, AppendError, Appended, Checkpoint, Epoch, Expected, Fence, JsonText, LeaseOutcome, Position, StreamName,
    TimerChange, Version,
};
use uuid::Uuid;

use crate::world::*;

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Appends that are started in this order without waiting in between.
    Send(Vec<AppendPlan>),
    /// Closes and reopens the log.
    Reopen,
    Acquire {
        lease: u8,
        holder: u8,
    },
    Release {
        lease: u8,
    },
}

/// An append, independent of the content of the log.
#[derive(Clone, Debug)]
enum AppendPlan {
    New {
        parts: Vec<Part>,
        checkpoint: Option<(u8, u64)>,
        key: Option<u8>,
        /// A lease, and whether its epoch is wrong.
        fence: Option<(u8, bool)>,
        timer: Option<TimerPlan>,
    },
    /// Repeats an earlier append.
    Repeat(prop::sample::Index),
    /// A new append that contains an event of an earlier one.
    ReusedEvent(prop::sample::Index),
}

#[derive(Clone, Debug)]
struct Part {
    stream: u8,
    /// Error of the expected version; `None` for any version.
    guess: Option<i64>,
    events: usize,
}

#[derive(Clone, Debug)]
struct TimerPlan {
    name: u8,
    sets: bool,
    /// Whether the timer must be unchanged since before the appends of this step.
    as_read: bool,
}

fn any_history() -> impl Strategy<Value = Vec<Step>> {
    let guess = prop_oneof![3 => Just(Some(0)), 1 => Just(Some(-1)), 1 => Just(Some(1)), 2 => Just(None)];
    let part = (0_u8..5, guess, 0_usize..4).prop_map(|(stream, guess, events)| Part { stream, guess, events });
    let checkpoint = prop::option::weighted(0.2, (0_u8..3, 0_u64..50));
    let key = prop::option::weighted(0.2, 0_u8..8);
    let fence = prop::option::weighted(0.2, (0_u8..2, prop::bool::weighted(0.3)));
    let timer =
        (0_u8..3, any::<bool>(), any::<bool>()).prop_map(|(name, sets, as_read)| TimerPlan { name, sets, as_read });
    let coordination = (checkpoint, key, fence, prop::option::weighted(0.3, timer));
    let new = (prop::collection::vec(part, 0..4), coordination)
        .prop_map(|(parts, (checkpoint, key, fence, timer))| AppendPlan::New { parts, checkpoint, key, fence, timer });
    let index = any::<prop::sample::Index>;
    let plan = prop_oneof![8 => new, 1 => index().prop_map(AppendPlan::Repeat), 1 => index().prop_map(AppendPlan::ReusedEvent)];
    let step = prop_oneof![
        9 => prop::collection::vec(plan, 1..8).prop_map(Step::Send),
        1 => Just(Step::Reopen),
        2 => (0_u8..2, 0_u8..2).prop_map(|(lease, holder)| Step::Acquire { lease, holder }),
        1 => (0_u8..2).prop_map(|lease| Step::Release { lease }),
    ];
    prop::collection::vec(step, 1..20)
}

/// The expected content of the log.
#[derive(Default)]
struct Model {
    events: Vec<(StreamName, u64, uuid::Uuid)>,
    checkpoints: BTreeMap<String, u64>,
    answers: BTreeMap<String, (String, u64)>,
    /// Holder and epoch of each lease.
    leases: BTreeMap<String, (Option<String>, u64)>,
    /// Number of the setting of each timer that is set.
    timers: BTreeMap<String, u64>,
    settings: u64,
    /// Revisions of the timers before the appends of this step.
    read: BTreeMap<String, Uuid>,
    revisions: HashMap<Uuid, u64>,
    /// Successful appends with their results.
    written: Vec<(Append, Appended)>,
}

#[derive(Debug, PartialEq)]
enum ModelOutcome {
    Appended(Appended),
    Conflict { actual: u64 },
    Fenced { current: u64 },
    TimerGone,
    Duplicate,
    AlreadyAnswered { body: String, position: u64 },
}

impl Model {
    fn version(&self, stream: &StreamName) -> u64 {
        self.events.iter().filter(|(name, ..)| name == stream).count() as u64
    }

    fn append(&mut self, append: &Append) -> ModelOutcome {
        let ids: Vec<_> = append.streams.iter().flat_map(|part| &part.events).map(|event| event.id).collect();
        let known = ids.iter().filter(|id| self.events.iter().any(|(.., there)| there == *id)).count();
        if known > 0
            && known == ids.len()
            && let Some((_, then)) = self.written.iter().find(|(earlier, _)| earlier.streams == append.streams)
        {
            return ModelOutcome::Appended(then.clone());
        }
        if let Some((body, position)) = append.answer.as_ref().and_then(|answer| self.answers.get(&answer.key)) {
            return ModelOutcome::AlreadyAnswered { body: body.clone(), position: *position };
        }
        if known > 0 {
            return ModelOutcome::Duplicate;
        }
        for Fence { lease, epoch } in &append.fences {
            let current = self.epoch(lease);
            if current != epoch.0 {
                return ModelOutcome::Fenced { current };
            }
        }
        for change in &append.timers {
            let (TimerChange::Set { timer, as_read, .. } | TimerChange::Clear { timer, as_read, .. }) = change;
            if as_read.is_some_and(|read| self.timers.get(timer) != Some(self.revisions.get(&read).unwrap_or(&0))) {
                return ModelOutcome::TimerGone;
            }
        }
        for part in &append.streams {
            let actual = self.version(&part.stream);
            if matches!(part.expected, Expected::Exactly(version) if version.0 != actual) {
                return ModelOutcome::Conflict { actual };
            }
        }
        for part in &append.streams {
            for event in &part.events {
                let version = self.version(&part.stream) + 1;
                self.events.push((part.stream.clone(), version, event.id));
            }
        }
        let head = self.events.len() as u64;
        for Checkpoint { consumer, position } in &append.checkpoints {
            let there = self.checkpoints.entry(consumer.clone()).or_default();
            *there = (*there).max(position.0);
        }
        for change in &append.timers {
            self.settings += 1;
            match change {
                TimerChange::Set { timer, .. } => self.timers.insert(timer.clone(), self.settings),
                TimerChange::Clear { timer, .. } => self.timers.remove(timer),
            };
        }
        if let Some(answer) = &append.answer {
            self.answers.insert(answer.key.clone(), (answer.body.as_str().to_owned(), head));
        }
        let versions = append.streams.iter().map(|part| Version(self.version(&part.stream))).collect();
        let appended = Appended { position: Position(head), versions };
        self.written.push((append.clone(), appended.clone()));
        ModelOutcome::Appended(appended)
    }

    /// Builds an append of a plan from the present state of the model.
    fn build_append(&self, plan: &AppendPlan, number: usize) -> Append {
        match plan {
            AppendPlan::New { parts, checkpoint, key, fence, timer } => {
                let mut append = empty_append();
                for part in parts {
                    let name = format!("s-{}", part.stream);
                    if append.streams.iter().any(|there| there.stream.as_str() == name) {
                        continue;
                    }
                    let events = new_events(part.events);
                    append = append.and(match part.guess {
                        Some(off) => at_version(&name, self.version(&stream(&name)).saturating_add_signed(off), events),
                        None => at_any_version(&name, events),
                    });
                }
                if let Some((consumer, position)) = checkpoint {
                    append = append.with_checkpoint(&format!("c-{consumer}"), *position);
                }
                if let Some((lease, wrong)) = fence {
                    let lease = format!("l-{lease}");
                    let epoch = Epoch(self.epoch(&lease) + u64::from(*wrong));
                    append = append.with_fence(&Fence { lease, epoch });
                }
                if let Some(plan) = timer {
                    append = append.with_timer(self.change(plan));
                }
                match key {
                    Some(key) => {
                        append.with_response(stored_response(&format!("key-{key}"), &format!("answer {number}"), 5))
                    }
                    None => append,
                }
            }
            AppendPlan::Repeat(index) => self.earlier(index),
            AppendPlan::ReusedEvent(index) => {
                let mut stolen = self.earlier(index);
                stolen.answer = None;
                stolen.streams.push(at_any_version(&format!("elsewhere-{}", self.written.len()), new_events(1)));
                stolen
            }
        }
    }

    fn change(&self, plan: &TimerPlan) -> TimerChange {
        let (owner, timer) = ("owner".to_owned(), format!("t-{}", plan.name));
        let as_read = plan.as_read.then(|| self.read.get(&timer).copied().unwrap_or_default());
        if plan.sets {
            TimerChange::Set { owner, timer, due_ms: 0, note: JsonText::of(&()).unwrap(), as_read }
        } else {
            TimerChange::Clear { owner, timer, as_read }
        }
    }

    fn epoch(&self, lease: &str) -> u64 {
        self.leases.get(lease).map_or(0, |(_, epoch)| *epoch)
    }

    /// Acquires a lease; returns its epoch, or `None` if another holder has it.
    fn acquire_lease(&mut self, lease: &str, wants: &str) -> Option<u64> {
        let (holder, epoch) = self.leases.entry(lease.to_owned()).or_default();
        if holder.as_deref().is_some_and(|holder| holder != wants) {
            return None;
        }
        *epoch += u64::from(holder.is_none());
        *holder = Some(wants.to_owned());
        Some(*epoch)
    }

    fn earlier(&self, index: &prop::sample::Index) -> Append {
        if self.written.is_empty() { empty_append() } else { index.get(&self.written).0.clone() }
    }
}

fn outcome_of(outcome: Result<Appended, AppendError>) -> ModelOutcome {
    match outcome {
        Ok(appended) => ModelOutcome::Appended(appended),
        Err(AppendError::Conflict { actual, .. }) => ModelOutcome::Conflict { actual: actual.0 },
        Err(AppendError::DuplicateEvent(_)) => ModelOutcome::Duplicate,
        Err(AppendError::Fenced { current, .. }) => ModelOutcome::Fenced { current: current.0 },
        Err(AppendError::TimerGone { .. }) => ModelOutcome::TimerGone,
        Err(AppendError::AlreadyAnswered { answer, position }) => {
            ModelOutcome::AlreadyAnswered { body: answer.body.as_str().to_owned(), position: position.0 }
        }
        Err(error) => panic!("{error}"),
    }
}

/// Runs a history on the log and on the model, and compares them.
async fn run_history(world: &mut World, history: &[Step]) {
    let mut model = Model::default();
    for (number, step) in history.iter().enumerate() {
        match step {
            Step::Reopen => world.reopen().await,
            Step::Acquire { lease, holder } => {
                let (lease, holder) = (format!("l-{lease}"), format!("h-{holder}"));
                let epoch = match world.log().acquire_lease(&lease, &holder, Duration::from_secs(600)).await.unwrap() {
                    LeaseOutcome::Acquired(fence) => Some(fence.epoch.0),
                    LeaseOutcome::HeldElsewhere { .. } => None,
                };
                assert_eq!(epoch, model.acquire_lease(&lease, &holder));
            }
            Step::Release { lease } => {
                let lease = format!("l-{lease}");
                let fence = Fence { epoch: Epoch(model.epoch(&lease)), lease };
                world.log().release_lease(&fence).await.unwrap();
                model.leases.entry(fence.lease).or_default().0 = None;
            }
            Step::Send(plans) => {
                model.read = timers(&world.log()).await;
                for (name, revision) in &model.read {
                    model.revisions.insert(*revision, model.timers[name]);
                }
                let appends: Vec<Append> = plans.iter().map(|plan| model.build_append(plan, number)).collect();
                let log = world.log();
                let sent = append_in_order(&log, appends.clone()).await;
                for (append, outcome) in appends.iter().zip(sent) {
                    assert_eq!(outcome_of(outcome), model.append(append), "{append:#?}");
                }
            }
        }
    }
    let log = world.log();
    let events = read_whole_log(&log).await;
    let seen: Vec<_> = events.iter().map(|event| (event.stream_name(), event.version.0, event.id)).collect();
    assert_eq!(seen, model.events);
    assert_sound(&log).await;
    assert!(timers(&log).await.into_keys().eq(model.timers.into_keys()));
    for number in 0..8 {
        let key = format!("key-{number}");
        let kept = log.answer(&key).await.unwrap().map(|(answer, at)| (answer.body.as_str().to_owned(), at.0));
        assert_eq!(kept.as_ref(), model.answers.get(&key));
        let consumer = format!("c-{number}");
        let checkpoint = log.checkpoint(&consumer).await.unwrap().0;
        assert_eq!(checkpoint, model.checkpoints.get(&consumer).copied().unwrap_or(0));
    }
}

/// The due timers with their revisions.
async fn timers(log: &Log) -> BTreeMap<String, Uuid> {
    let timers = log.due_timers("owner", 100).await.unwrap();
    timers.into_iter().map(|timer| (timer.name, timer.revision)).collect()
}

/// Runs random histories, each in its own world, and shrinks a failing one.
pub(crate) fn run_random_histories(cases: u32, world: impl AsyncFn() -> World) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&any_history(), |history| {
            runtime.block_on(async { run_history(&mut world().await, &history).await });
            Ok(())
        })
        .unwrap();
}

#[test]
fn random_histories_in_memory_go_as_the_model_says() {
    run_random_histories(200, World::memory);
}

#[test]
fn random_histories_in_a_file_that_is_reopened_go_as_the_model_says() {
    run_random_histories(40, World::file);
}

#[test]
fn random_histories_on_postgres_go_as_the_model_says() {
    run_random_histories(40, World::postgres);
}
