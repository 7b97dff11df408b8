//! Delivers to a process the events that it subscribes to.
//!
//! Events with the same correlation id (in practice: of the same order) form a sequence. Events of one sequence are
//! handled one after another, and sequences run concurrently, so a slow card payment delays only its own order.
//!
//! Every event is handled at least once. The checkpoint is the last position before which nothing is unfinished, and
//! commits together with what a handler appends. After a crash some events are delivered again, and their handlers
//! see from the state of the streams that the work is done.
//!
//! With several servers on one log, each process runs on one of them at a time: see
//! [`crate::processes::engine::lease_runner`].
//!
//! A failed event is retried for as long as [`crate::processes::engine::retry_policy`] says, and then its sequence is
//! parked: that is recorded in the process's own stream (`process-{name}`), together with a checkpoint past the
//! event. Operators' commands (pause, resume, step, retry, skip) are events of the same stream, and reach the process
//! with the log.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use storefront_api::Timestamp;
use storefront_domain::process::{self, Process, ProcessCommand, ProcessError, ProcessEvent};
use storefront_eventlog::{Append, AppendError, Checkpoint, EventPage, Filter, Position, Recorded};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::backoff::Backoff;
use crate::clock;
use crate::operations::progress::{ProcessStatus, Progress};
use crate::processes::engine::lease_runner::LeaseConfig;
use crate::processes::engine::retry_policy::{HandlerError, RetryDecision, decide_retry};
use crate::processes::engine::scheduler::{MAX_IN_FLIGHT, NextRead, ParkedWork, Scheduler};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, execute, retry_on_conflict};
use crate::store::streams;

/// Pauses after a failed read or write of the log.
const LOG_BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
/// Pause before an event is tried again that cannot be parked, because too many sequences are.
const PARKING_FULL_RETRY_PAUSE: Duration = Duration::from_secs(30);

/// The name of a process and the events that it receives.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) name: &'static str,
    /// Event types, or prefixes that end in `*`.
    pub(crate) types: &'static [&'static str],
}

/// An event that is delivered to a handler.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) recorded: Arc<Recorded>,
    /// The checkpoint that holds once the event is handled. The handler's last append about the event should carry
    /// it.
    pub(crate) checkpoint: Checkpoint,
    /// Number of this attempt, counted from 1 at the start of the process.
    pub(crate) attempt: u32,
}

impl Delivery {
    /// The first delivery of an event, in a test.
    #[cfg(test)]
    pub(crate) fn first(recorded: impl Into<Arc<Recorded>>, process: &'static str) -> Self {
        let recorded = recorded.into();
        let checkpoint = Checkpoint { consumer: process.to_owned(), position: recorded.position };
        Self { recorded, checkpoint, attempt: 1 }
    }
}

/// Runs a process until `stop`, on one server at a time. Deliveries that are in flight at `stop`, or when another
/// server takes over, are abandoned and repeated later.
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
    progress.register(subscription.name, subscription.types);
    let handle = Arc::new(handle);
    let lease = streams::process(subscription.name);
    let work = |store: Store| {
        let (subscription, progress, handle) = (subscription.clone(), progress.clone(), Arc::clone(&handle));
        async move { Runner { store, subscription, progress, handle }.run().await }
    };
    let report = || report_remote_status(&store, subscription.name, &progress);
    lease_config.run_under_lease(&store, lease.as_str(), &stop, work, report).await;
}

/// Reports the status of a process that runs on another server, as far as the log shows it.
async fn report_remote_status(store: &Store, name: &'static str, progress: &Progress) {
    let report = async {
        let (process, _) = aggregates::load::<ProcessEvent>(store, &streams::process(name)).await?;
        let position = start_position(&process, store.checkpoint(name).await?);
        let parked = process.parked().values().filter(|parked| parked.goes_on_after.is_none()).count();
        let paused = process.paused();
        progress.set_status(
            name,
            ProcessStatus { position, parked, paused, runs_elsewhere: true, ..ProcessStatus::default() },
        );
        Ok::<_, Failure>(())
    };
    if let Err(failure) = report.await {
        warn!(process = name, error = %failure, "cannot read the status of a process that runs on another server");
    }
}

/// Returns the position after which a process continues: its checkpoint, or its recorded start position where that is
/// later.
fn start_position(process: &Process, checkpoint: Position) -> Position {
    checkpoint.max(Position(process.introduced().unwrap_or(0)))
}

struct Runner<H> {
    store: Store,
    subscription: Subscription,
    progress: Progress,
    handle: Arc<H>,
}

/// The result of a task of the runner.
enum TaskOutcome {
    /// An event was handled.
    Handled(Delivery),
    Failed(Delivery, HandlerError),
    /// The append that parks these events has ended.
    ParkingEnded(Vec<(Delivery, HandlerError)>, Result<(), Failure>),
    /// The pause after an attempt is over.
    RetryDue(Position, u32),
    /// A parked sequence was searched up to `to`.
    Fetched {
        sequence: String,
        to: Position,
        found: Option<Arc<Recorded>>,
    },
    /// It is recorded that a sequence has caught up. The scheduler sees that event in the log.
    Recovered,
}

impl<H, F, E> Runner<H>
where
    H: Fn(Store, Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<HandlerError> + Send + 'static,
{
    /// Runs until the state of the process cannot be read, or another server runs the process.
    async fn run(&self) -> Failure {
        match self.run_loop().await {
            Ok(never) => match never {},
            Err(failure) => failure,
        }
    }

    async fn run_loop(&self) -> Result<std::convert::Infallible, Failure> {
        let name = self.subscription.name;
        let (process, version) = aggregates::load::<ProcessEvent>(&self.store, &streams::process(name)).await?;
        let checkpoint = start_position(&process, self.store.checkpoint(name).await?);
        let mut scheduler = Scheduler::new(&self.subscription, checkpoint, &process, version);
        let mut tasks = JoinSet::new();
        loop {
            self.spawn_tasks(&mut scheduler, &mut tasks);
            self.save_due_checkpoint(&mut scheduler).await;
            self.progress.set_status(name, scheduler.status());
            tokio::select! {
                // Fixed order, so that a simulated run is reproducible.
                biased;
                Some(finished) = tasks.join_next() => match finished {
                    Ok(outcome) => self.apply_outcome(outcome, &mut scheduler, &mut tasks)?,
                    // Tasks catch the panics of handlers. A task that is lost all the same blocks its sequence until
                    // a restart.
                    Err(failure) => error!(process = name, error = %failure, "a task of a process was lost; its sequence is blocked until a restart"),
                },
                page = read_next_page(&self.store, scheduler.next_read(), name) => scheduler.apply_page(page)?,
            }
        }
    }

    fn spawn_tasks(&self, scheduler: &mut Scheduler, tasks: &mut JoinSet<TaskOutcome>) {
        for delivery in scheduler.start_deliveries() {
            tasks.spawn(run_handler(self.store.clone(), delivery, Arc::clone(&self.handle)));
        }
        for work in scheduler.take_parked_work() {
            tasks.spawn(run_parked_work(self.store.clone(), self.subscription.clone(), work));
        }
        if let Some((to_park, checkpoint)) = scheduler.start_parking() {
            tasks.spawn(record_parked(self.store.clone(), self.subscription.name, to_park, checkpoint));
        }
    }

    /// Applies the result of a task.
    ///
    /// # Errors
    /// When the lease is lost and another server runs the process.
    fn apply_outcome(
        &self,
        outcome: TaskOutcome,
        scheduler: &mut Scheduler,
        tasks: &mut JoinSet<TaskOutcome>,
    ) -> Result<(), Failure> {
        match outcome {
            TaskOutcome::Failed(_, HandlerError::Failed(fenced @ Failure::Append(AppendError::Fenced { .. })))
            | TaskOutcome::ParkingEnded(_, Err(fenced @ Failure::Append(AppendError::Fenced { .. }))) => {
                return Err(fenced);
            }
            TaskOutcome::Handled(delivery) => scheduler.finish(&delivery.recorded),
            TaskOutcome::Failed(delivery, error) => match decide_retry(&error, delivery.attempt) {
                RetryDecision::RetryAfter(pause) => self.schedule_retry(scheduler, tasks, &delivery, &error, pause),
                RetryDecision::Park => scheduler.queue_for_parking(delivery, error),
            },
            TaskOutcome::ParkingEnded(to_park, written) => {
                scheduler.finish_parking();
                self.after_parking(scheduler, tasks, &to_park, written);
            }
            TaskOutcome::Recovered => {}
            TaskOutcome::RetryDue(position, attempt) => scheduler.make_retry_ready(position, attempt),
            TaskOutcome::Fetched { sequence, to, found } => scheduler.apply_fetched(sequence, to, found),
        }
        Ok(())
    }

    fn after_parking(
        &self,
        scheduler: &mut Scheduler,
        tasks: &mut JoinSet<TaskOutcome>,
        to_park: &[(Delivery, HandlerError)],
        written: Result<(), Failure>,
    ) {
        match written {
            // The scheduler parks the sequence when it reads the event.
            Ok(()) => {}
            Err(Failure::Process(ProcessError::TooManyParked)) => {
                for (delivery, error) in to_park {
                    self.schedule_retry(scheduler, tasks, delivery, error, PARKING_FULL_RETRY_PAUSE);
                }
            }
            Err(failure) => {
                let failure = failure.into();
                for (delivery, _) in to_park {
                    self.schedule_retry(scheduler, tasks, delivery, &failure, LOG_BACKOFF.pause(delivery.attempt));
                }
            }
        }
    }

    fn schedule_retry(
        &self,
        scheduler: &mut Scheduler,
        tasks: &mut JoinSet<TaskOutcome>,
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
            "an event could not be handled; retrying"
        );
        let pause_ms = clock::as_ms(pause);
        scheduler.schedule_retry(
            delivery,
            error.to_string(),
            Timestamp::from_unix_ms(clock::now().unix_ms() + pause_ms),
        );
        let (position, attempt) = (delivery.recorded.position, delivery.attempt);
        tasks.spawn(async move {
            clock::sleep(pause).await;
            TaskOutcome::RetryDue(position, attempt)
        });
    }

    /// Saves the checkpoint by itself when it is due. A failure only means that more events are delivered again after
    /// a restart.
    async fn save_due_checkpoint(&self, scheduler: &mut Scheduler) {
        let Some(checkpoint) = scheduler.take_due_checkpoint() else { return };
        let append = Append { checkpoints: vec![checkpoint], ..Append::default() };
        if let Err(failure) = self.store.append(append).await {
            warn!(process = self.subscription.name, error = %failure, "cannot save the checkpoint");
        }
    }
}

/// Reads the next page, waiting until there is one. Failed reads are repeated.
async fn read_next_page(store: &Store, NextRead { after, filter }: NextRead<'_>, process: &str) -> EventPage {
    let mut failures = 0;
    loop {
        match store.follow(after, MAX_IN_FLIGHT, filter).await {
            Ok(page) => return page,
            Err(failure) => warn!(process, error = %failure, "cannot read the log; retrying"),
        }
        failures += 1;
        clock::sleep(LOG_BACKOFF.pause(failures)).await;
    }
}

/// Runs a handler once. A panic counts as a permanent error: the next attempt would panic too.
async fn run_handler<H, F, E>(store: Store, delivery: Delivery, handle: Arc<H>) -> TaskOutcome
where
    H: Fn(Store, Delivery) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<HandlerError>,
{
    let handled = AssertUnwindSafe(async { handle(store, delivery.clone()).await }).catch_unwind().await;
    match handled {
        Ok(Ok(())) => TaskOutcome::Handled(delivery),
        Ok(Err(failure)) => TaskOutcome::Failed(delivery, failure.into()),
        Err(_) => {
            TaskOutcome::Failed(delivery, HandlerError::Permanent("the handler made a mistake and panicked".to_owned()))
        }
    }
}

/// Records that sequences are parked, all in one append, with the checkpoint past their events.
async fn record_parked(
    store: Store,
    process: &'static str,
    to_park: Vec<(Delivery, HandlerError)>,
    checkpoint: Checkpoint,
) -> TaskOutcome {
    for (delivery, error) in &to_park {
        let recorded = &delivery.recorded;
        error!(
            process, position = recorded.position.0, correlation_id = recorded.correlation_id(),
            attempts = delivery.attempt, error = %error,
            "an event cannot be handled; its sequence is parked until an operator retries or skips it"
        );
    }
    let stream = streams::process(process);
    let written = retry_on_conflict(|| async {
        let (state, version) = aggregates::load::<ProcessEvent>(&store, &stream).await?;
        let mut state = Arc::unwrap_or_clone(state);
        let mut events = Vec::new();
        for (Delivery { recorded, attempt, .. }, error) in &to_park {
            let (sequence, position) = (recorded.correlation_id().to_owned(), recorded.position.0);
            let park = ProcessCommand::Park { sequence, position, attempts: *attempt, error: error.to_string() };
            for event in process::decide(&state, park)? {
                state = process::evolve(state, &event);
                events.push((event, Cause::event(recorded, process)));
            }
        }
        let mut batch = AppendBuilder::new(clock::now(), process_cause(process));
        batch.add_each(stream.clone(), version, &events);
        batch.append_if_any(&store, Some(&checkpoint)).await.map(drop)
    })
    .await;
    TaskOutcome::ParkingEnded(to_park, written)
}

/// The cause of events that the process writes about several sequences at once.
fn process_cause(process: &str) -> Cause {
    let actor = format!("process:{process}");
    Cause { correlation_id: actor.clone(), causation_id: None, actor }
}

async fn run_parked_work(store: Store, Subscription { name, types }: Subscription, work: ParkedWork) -> TaskOutcome {
    for failures in 1.. {
        let outcome = match &work {
            ParkedWork::Fetch { sequence, after, to } => {
                let fetched = find_next_in_sequence(&store, types, sequence, *after, *to).await;
                fetched.map(|found| TaskOutcome::Fetched { sequence: sequence.clone(), to: *to, found })
            }
            ParkedWork::Recover { sequence, position } => {
                let actor = format!("process:{name}");
                let cause = Cause { correlation_id: sequence.clone(), causation_id: None, actor };
                let command = ProcessCommand::Recover { sequence: sequence.clone(), position: position.0 };
                append_command(&store, name, &command, &cause).await.map(|()| TaskOutcome::Recovered)
            }
        };
        match outcome {
            Ok(outcome) => return outcome,
            Err(failure) => warn!(process = name, error = %failure, "a parked sequence cannot continue yet; retrying"),
        }
        clock::sleep(LOG_BACKOFF.pause(failures)).await;
    }
    TaskOutcome::Recovered
}

/// Returns the next event of a sequence in the range `(after, to]`.
async fn find_next_in_sequence(
    store: &Store,
    types: &[&str],
    sequence: &str,
    mut after: Position,
    to: Position,
) -> Result<Option<Arc<Recorded>>, Failure> {
    let types = types.iter().map(ToString::to_string).collect();
    let filter = Filter { types, correlation_id: Some(sequence.to_owned()), ..Filter::default() };
    loop {
        let page = store.read_all(after, 1, &filter).await?;
        if let Some(found) = page.events.into_iter().next() {
            return Ok((found.position <= to).then_some(found));
        }
        if page.next_after >= to || page.next_after == after {
            return Ok(None);
        }
        after = page.next_after;
    }
}

async fn append_command(
    store: &Store,
    process: &'static str,
    command: &ProcessCommand,
    cause: &Cause,
) -> Result<(), Failure> {
    let decide = |state: &Process| process::decide(state, command.clone());
    execute(store, &streams::process(process), cause, None, decide).await?;
    Ok(())
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
