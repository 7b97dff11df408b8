//! Feeds a process the events that it listens to.
//!
//! Events with the same correlation id (in practice: the same order) form a sequence: they are handled one after
//! another, while sequences run side by side. So a slow card holds up its own order and nothing else.
//!
//! Every event is handled at least once. The checkpoint is the last position before which nothing is unfinished; it
//! commits with what a handler appends. After a crash a few events are handled again, and a handler notices by the state
//! of its streams that their work is done.
//!
//! With several servers on one log, each process runs on one of them at a time: see [`crate::processes::engine::lease_runner`].
//!
//! An event that goes wrong is tried again for as long as [`crate::processes::engine::retry_policy`] says, and then parks its sequence: that is
//! written into the process's own stream (`process-{name}`), together with a checkpoint past the event. What people ask of
//! the process (pause, resume, step, retry, skip) stands there too, and reaches it with the log.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use storefront_api::Timestamp;
use storefront_domain::process::{self, Process, ProcessCommand, ProcessError, ProcessEvent};
use storefront_eventlog::{Append, AppendError, Checkpoint, EventPage, Filter, Position, Recorded, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::backoff::Backoff;
use crate::clock;
use crate::operations::progress::{ProcessStatus, Progress};
use crate::processes::engine::lease_runner::LeaseConfig;
use crate::processes::engine::retry_policy::{HandlerError, RetryDecision, decide};
use crate::processes::engine::scheduler::{IN_FLIGHT, ParkedWork, Reading, Scheduler};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retrying};
use crate::store::streams;

/// The pauses after the log could not be read or written.
const LOG_PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
/// An event that cannot be parked, because too many are, is tried again so often.
const OVERCROWDED: Duration = Duration::from_secs(30);

/// What a process is called, and what it listens to.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) name: &'static str,
    /// Event types, or prefixes that end in `*`.
    pub(crate) types: &'static [&'static str],
}

/// An event whose turn it is.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The event.
    pub(crate) recorded: Arc<Recorded>,
    /// Holds once the event is dealt with: the last append about it should carry this.
    pub(crate) checkpoint: Checkpoint,
    /// How often it has been tried since the process was started, this time included.
    pub(crate) attempt: u32,
}

impl Delivery {
    /// The first turn of an event in a test.
    #[cfg(test)]
    pub(crate) fn of(recorded: Recorded, process: &'static str) -> Self {
        let checkpoint = Checkpoint { consumer: process.to_owned(), position: recorded.position };
        Self { recorded: Arc::new(recorded), checkpoint, attempt: 1 }
    }
}

/// Runs a process until it is told to stop, on one server at a time. What has begun by then, or by the time that another
/// server takes over, is given up and handled again.
pub(crate) async fn run<H, F, E>(
    store: Store,
    lease_config: LeaseConfig,
    subscription: Subscription,
    progress: Progress,
    stop: CancellationToken,
    handle: H,
) where
    H: Fn(Store, Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<HandlerError> + Send + 'static,
{
    progress.introduce(subscription.name, subscription.types);
    let handle = Arc::new(handle);
    let lease = streams::process(subscription.name);
    let work = |store: Store| {
        let (subscription, progress, handle) = (subscription.clone(), progress.clone(), Arc::clone(&handle));
        async move { Runner { store, subscription, progress, handle }.work().await }
    };
    let waits = || watch(&store, subscription.name, &progress);
    lease_config.keep(&store, lease.as_str(), &stop, work, waits).await;
}

/// Tells where a process stands that runs on another server, as far as the log says.
async fn watch(store: &Store, name: &'static str, progress: &Progress) {
    let seen = async {
        let (process, _) = aggregates::load::<ProcessEvent>(store, &streams::process(name)).await?;
        let position = begins_after(&process, store.checkpoint(name).await?);
        let parked = process.parked().values().filter(|parked| parked.goes_on_after.is_none()).count();
        let paused = process.paused();
        progress.note(name, ProcessStatus { position, parked, paused, elsewhere: true, ..ProcessStatus::default() });
        Ok::<_, Failure>(())
    };
    if let Err(failure) = seen.await {
        warn!(process = name, error = %failure, "it cannot be read where a process stands");
    }
}

/// Where a process goes on: after its checkpoint, and never in the past that is none of its business.
fn begins_after(process: &Process, checkpoint: Position) -> Position {
    checkpoint.max(Position(process.introduced().unwrap_or(0)))
}

struct Runner<H> {
    store: Store,
    subscription: Subscription,
    progress: Progress,
    handle: Arc<H>,
}

/// What became of something that was under way.
enum Outcome {
    /// An event is dealt with.
    Done(Delivery),
    /// It is not.
    WentWrong(Delivery, HandlerError),
    /// These were to be parked.
    Parked(Vec<(Delivery, HandlerError)>, Result<(), Failure>),
    /// The pause after an attempt is over.
    Due(Position, u32),
    /// A parked sequence was looked through up to a position.
    Fetched { sequence: String, to: Position, found: Option<Recorded> },
    /// It is written that a sequence has caught up; the log tells the rest.
    Recovered,
}

impl<H, F, E> Runner<H>
where
    H: Fn(Store, Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<HandlerError> + Send + 'static,
{
    /// Works until it cannot be read where the process stands.
    async fn work(&self) -> Failure {
        match self.until_it_fails().await {
            Ok(never) => match never {},
            Err(failure) => failure,
        }
    }

    async fn until_it_fails(&self) -> Result<std::convert::Infallible, Failure> {
        let name = self.subscription.name;
        let (process, version) = aggregates::load::<ProcessEvent>(&self.store, &streams::process(name)).await?;
        let checkpoint = begins_after(&process, self.store.checkpoint(name).await?);
        let mut scheduler = Scheduler::new(&self.subscription, checkpoint, &process, version);
        let mut running = JoinSet::new();
        loop {
            self.set_going(&mut scheduler, &mut running);
            self.save_if_due(&mut scheduler).await;
            self.progress.note(name, scheduler.standing());
            tokio::select! {
                // Always in this order, so that a simulated run can be repeated.
                biased;
                Some(finished) = running.join_next() => match finished {
                    Ok(outcome) => self.take_in(outcome, &mut scheduler, &mut running)?,
                    // What runs there catches its panics; without a handler's outcome its sequence stands still.
                    Err(failure) => error!(process = name, error = %failure, "a task of a process was lost"),
                },
                slice = read_on(&self.store, scheduler.reading(), name) => scheduler.take_in(slice)?,
            }
        }
    }

    fn set_going(&self, scheduler: &mut Scheduler, running: &mut JoinSet<Outcome>) {
        for delivery in scheduler.begin() {
            running.spawn(attempt(self.store.clone(), delivery, Arc::clone(&self.handle)));
        }
        for work in scheduler.parked_work() {
            running.spawn(run_parked_work(self.store.clone(), self.subscription.clone(), work));
        }
        if let Some((given_up, checkpoint)) = scheduler.begin_parking() {
            running.spawn(park(self.store.clone(), self.subscription.name, given_up, checkpoint));
        }
    }

    /// Fails when another server runs the process by now.
    fn take_in(
        &self,
        outcome: Outcome,
        scheduler: &mut Scheduler,
        running: &mut JoinSet<Outcome>,
    ) -> Result<(), Failure> {
        match outcome {
            Outcome::WentWrong(_, HandlerError::Failed(fenced @ Failure::Append(AppendError::Fenced { .. })))
            | Outcome::Parked(_, Err(fenced @ Failure::Append(AppendError::Fenced { .. }))) => return Err(fenced),
            Outcome::Done(delivery) => scheduler.finish(&delivery.recorded),
            Outcome::WentWrong(delivery, error) => match decide(&error, delivery.attempt) {
                RetryDecision::Again(pause) => self.again(scheduler, running, &delivery, &error, pause),
                RetryDecision::Park => scheduler.give_up(delivery, error),
            },
            Outcome::Parked(given_up, written) => {
                scheduler.end_parking();
                self.after_parking(scheduler, running, &given_up, written);
            }
            Outcome::Recovered => {}
            Outcome::Due(position, attempt) => scheduler.due(position, attempt),
            Outcome::Fetched { sequence, to, found } => scheduler.fetched(sequence, to, found),
        }
        Ok(())
    }

    fn after_parking(
        &self,
        scheduler: &mut Scheduler,
        running: &mut JoinSet<Outcome>,
        given_up: &[(Delivery, HandlerError)],
        written: Result<(), Failure>,
    ) {
        match written {
            // A sequence stands as soon as the log says so.
            Ok(()) => {}
            Err(Failure::Process(ProcessError::TooManyParked)) => {
                for (delivery, error) in given_up {
                    self.again(scheduler, running, delivery, error, OVERCROWDED);
                }
            }
            Err(failure) => {
                let failure = failure.into();
                for (delivery, _) in given_up {
                    self.again(scheduler, running, delivery, &failure, LOG_PAUSES.pause(delivery.attempt));
                }
            }
        }
    }

    fn again(
        &self,
        scheduler: &mut Scheduler,
        running: &mut JoinSet<Outcome>,
        delivery: &Delivery,
        error: &HandlerError,
        pause: Duration,
    ) {
        warn!(
            process = self.subscription.name,
            position = delivery.recorded.position.0,
            correlation_id = delivery.recorded.correlation_id(),
            attempt = delivery.attempt,
            error = %error,
            pause_ms = pause.as_millis(),
            "an event could not be handled; trying again"
        );
        let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2);
        scheduler.again(delivery, error.to_string(), Timestamp::from_unix_ms(clock::now().unix_ms() + pause_ms));
        let (position, attempt) = (delivery.recorded.position, delivery.attempt);
        running.spawn(async move {
            clock::sleep(pause).await;
            Outcome::Due(position, attempt)
        });
    }

    /// Writes the checkpoint by itself when it is due. A failure only means some repetition later.
    async fn save_if_due(&self, scheduler: &mut Scheduler) {
        let Some(checkpoint) = scheduler.checkpoint_if_due() else { return };
        let append = Append { checkpoints: vec![checkpoint], ..Append::default() };
        if let Err(failure) = self.store.append(append).await {
            warn!(process = self.subscription.name, error = %failure, "the checkpoint could not be saved");
        }
    }
}

/// What comes next in the log, as soon as there is something.
async fn read_on(store: &Store, Reading { after, filter }: Reading<'_>, process: &str) -> EventPage {
    let mut failures = 0;
    loop {
        let read = async {
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
        failures += 1;
        clock::sleep(LOG_PAUSES.pause(failures)).await;
    }
}

/// Lets a handler try an event once. A panic is a mistake that it would make again.
async fn attempt<H, F, E>(store: Store, delivery: Delivery, handle: Arc<H>) -> Outcome
where
    H: Fn(Store, Delivery) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<HandlerError>,
{
    let handled = AssertUnwindSafe(async { handle(store, delivery.clone()).await }).catch_unwind().await;
    match handled {
        Ok(Ok(())) => Outcome::Done(delivery),
        Ok(Err(failure)) => Outcome::WentWrong(delivery, failure.into()),
        Err(_) => {
            Outcome::WentWrong(delivery, HandlerError::Hopeless("the handler made a mistake and panicked".to_owned()))
        }
    }
}

/// Writes that sequences stand at events, all in one append, and moves the checkpoint past those.
async fn park(
    store: Store,
    process: &'static str,
    given_up: Vec<(Delivery, HandlerError)>,
    checkpoint: Checkpoint,
) -> Outcome {
    for (delivery, error) in &given_up {
        let recorded = &delivery.recorded;
        error!(
            process, position = recorded.position.0, correlation_id = recorded.correlation_id(),
            attempts = delivery.attempt, error = %error,
            "an event cannot be handled: it and what follows of the same order wait until somebody retries or skips it"
        );
    }
    let stream = streams::process(process);
    let written = retrying(|| async {
        let (mut state, version) = aggregates::load::<ProcessEvent>(&store, &stream).await?;
        let mut events = Vec::new();
        for (Delivery { recorded, attempt, .. }, error) in &given_up {
            let (sequence, position) = (recorded.correlation_id().to_owned(), recorded.position.0);
            let park = ProcessCommand::Park { sequence, position, attempts: *attempt, error: error.to_string() };
            for event in process::decide(&state, park)? {
                state = process::evolve(state, &event);
                events.push((event, Cause::event(recorded, process)));
            }
        }
        if events.is_empty() {
            return Ok(());
        }
        let mut batch = AppendBuilder::new(clock::now(), told_by(process));
        batch.add_each(stream.clone(), version, &events);
        batch.checkpoint(checkpoint.clone());
        store.append(batch.into_append()).await.map_err(Failure::Append)?;
        Ok(())
    })
    .await;
    Outcome::Parked(given_up, written)
}

/// The process itself is the cause.
fn told_by(process: &str) -> Cause {
    let actor = format!("process:{process}");
    Cause { correlation_id: actor.clone(), causation_id: None, actor }
}

async fn run_parked_work(store: Store, Subscription { name, types }: Subscription, work: ParkedWork) -> Outcome {
    for failures in 1.. {
        let outcome = match &work {
            ParkedWork::Fetch { sequence, after, to } => {
                let fetched = fetch(&store, types, sequence, *after, *to).await;
                fetched.map(|found| Outcome::Fetched { sequence: sequence.clone(), to: *to, found })
            }
            ParkedWork::Recover { sequence, position } => {
                let actor = format!("process:{name}");
                let cause = Cause { correlation_id: sequence.clone(), causation_id: None, actor };
                let command = ProcessCommand::Recover { sequence: sequence.clone(), position: position.0 };
                steer(&store, name, &command, &cause).await.map(|()| Outcome::Recovered)
            }
        };
        match outcome {
            Ok(outcome) => return outcome,
            Err(failure) => warn!(process = name, error = %failure, "a parked order cannot go on yet; trying again"),
        }
        clock::sleep(LOG_PAUSES.pause(failures)).await;
    }
    Outcome::Recovered
}

/// The next event of a sequence after a position and up to another.
async fn fetch(
    store: &Store,
    types: &[&str],
    sequence: &str,
    mut after: Position,
    to: Position,
) -> Result<Option<Recorded>, Failure> {
    let types = types.iter().map(ToString::to_string).collect();
    let filter = Filter { types, correlation_id: Some(sequence.to_owned()), ..Filter::default() };
    loop {
        let slice = store.read_all(after, 1, &filter).await?;
        if let Some(found) = slice.events.into_iter().next() {
            return Ok((found.position <= to).then_some(found));
        }
        if slice.next_after >= to || slice.next_after == after {
            return Ok(None);
        }
        after = slice.next_after;
    }
}

async fn steer(store: &Store, process: &'static str, command: &ProcessCommand, cause: &Cause) -> Result<(), Failure> {
    let stream = streams::process(process);
    retrying(|| async {
        let (state, version) = aggregates::load::<ProcessEvent>(store, &stream).await?;
        let mut batch = AppendBuilder::new(clock::now(), cause.clone());
        batch.add(stream.clone(), version, &process::decide(&state, command.clone())?);
        if batch.is_empty() {
            return Ok(());
        }
        store.append(batch.into_append()).await.map_err(Failure::Append)?;
        Ok(())
    })
    .await
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
