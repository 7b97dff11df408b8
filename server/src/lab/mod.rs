//! The workshop lab: stories that play by themselves in the running shop, one at a time, and what they break on purpose.
//!
//! A story shops as a client would. Whatever it switches on or takes is noted by its [`scenario_runner::ScenarioRunner`] and put back when the
//! story ends, however it ends: also when it fails or panics, and when the server is told to stop in the middle.

mod scenario_runner;
mod scenario_scripts;
mod scenarios;

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use serde_json::Value;
use storefront_api::{OrderId, ScenarioRun, ScenarioState, ScenarioStep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

pub(crate) use self::scenarios::Scenario;
use crate::integrations::lab_stubs::{LabStubs, StubsError};
pub(crate) use crate::lab::scenario_runner::paused_processes;
use crate::lab::scenario_runner::{ScenarioFailed, ScenarioRunner};
use crate::store::aggregates::Store;
use crate::store::commands::{Context, Done, Failure};
use crate::{clock, random};

/// The running shop, as its lab reaches it.
#[async_trait]
pub(crate) trait ShopControl: Send + Sync {
    /// Sends a request to the shop's HTTP interface, without a network.
    async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> LocalResponse;

    /// Starts the shop over with a new log.
    ///
    /// # Errors
    /// See [`ResetError`]; the shop is as it was then.
    async fn reset(self: Arc<Self>, context: Context) -> Result<Done, ResetError>;
}

/// The shop's processes, as a scenario kills and restarts them.
#[async_trait]
pub(crate) trait WorkerControl: Send + Sync {
    /// Starts every process from what the log says.
    fn start(&self);

    /// Stops every process at once, as a crash would.
    async fn kill(&self);
}

/// The response to a request that the shop sent to itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LocalResponse {
    pub(crate) status: u16,
    /// The position that a write wrote.
    pub(crate) position: Option<u64>,
    pub(crate) body: Value,
}

/// Why the shop was not started over. It is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResetError {
    #[error("It is being started over already.")]
    Running,
    #[error(transparent)]
    Occupied(#[from] Occupied),
    #[error("The log is on PostgreSQL, where other servers may use it. Give the shop a database of its own instead.")]
    Shared,
    #[error("Another program has the log open, such as an export. Try again when that has ended.")]
    InUse,
    #[error(transparent)]
    Stubs(#[from] StubsError),
    #[error("the log could not be put away: {0}")]
    Rename(#[from] io::Error),
    #[error("the shop could not be opened again: {0}")]
    Start(String),
    #[error("the shop is started over, but that could not be noted in its log: {0}")]
    Response(#[from] Failure),
}

/// The lab of a shop that has one.
pub(crate) struct Lab {
    /// The stand-ins for the systems around the shop.
    pub(crate) stubs: LabStubs,
    /// How long a story rests after each thing that it tells.
    pub(crate) pause: Duration,
    /// Where a story shops.
    pub(crate) shop: Weak<dyn ShopControl>,
    /// Whom a story may kill.
    pub(crate) workers: Arc<dyn WorkerControl>,
    /// Where a story writes what no client could.
    pub(crate) store: Store,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) runs: Mutex<Runs>,
}

/// What was played since the shop was opened.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// The last time of each scenario.
    last: Vec<ScenarioRun>,
    /// The shop is about to be started over: nothing is played any more.
    closed: bool,
}

/// Something is going on in the lab that nothing else may go on beside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Occupied {
    /// A scenario is played.
    #[error(
        "The scenario {0} is being played. Try again when it has ended; GET /v1/lab/scenarios/{0} tells how it goes."
    )]
    Playing(String),
    /// The shop is started over.
    #[error("The shop is being started over.")]
    Closed,
}

impl Lab {
    /// Begins to play a scenario.
    ///
    /// # Errors
    /// While another one is played.
    pub(crate) fn play(self: &Arc<Self>, scenario: Scenario) -> Result<ScenarioRun, Occupied> {
        let words = scenario.words();
        let orders: Vec<OrderId> = (0..words.orders).map(|_| OrderId(random::id())).collect();
        let run = ScenarioRun {
            name: words.name.to_owned(),
            state: ScenarioState::Running,
            orders: orders.clone(),
            started_at: clock::now(),
            finished_at: None,
            steps: Vec::new(),
            outcome: None,
        };
        let mut runs = self.runs();
        runs.nothing_else()?;
        runs.last.retain(|run| run.name != words.name);
        runs.last.push(run.clone());
        drop(runs);
        let lab = Arc::clone(self);
        self.tasks.spawn(async move { lab.perform(scenario, orders).await });
        Ok(run)
    }

    /// How a scenario went the last time, or how it is going.
    pub(crate) fn last_run(&self, scenario: Scenario) -> Option<ScenarioRun> {
        self.runs().last.iter().find(|run| run.name == scenario.words().name).cloned()
    }

    /// From now on nothing is played.
    ///
    /// # Errors
    /// While something is.
    pub(crate) fn close(&self) -> Result<(), Occupied> {
        let mut runs = self.runs();
        runs.nothing_else()?;
        runs.closed = true;
        Ok(())
    }

    async fn perform(&self, scenario: Scenario, orders: Vec<OrderId>) {
        let stage = ScenarioRunner::new(self, scenario, orders);
        let story = AssertUnwindSafe(scenario_scripts::play(&stage, scenario)).catch_unwind();
        let told = match self.stop.run_until_cancelled(story).await {
            Some(Ok(told)) => told,
            Some(Err(_)) => Err(ScenarioFailed("The story made a mistake and panicked.".to_owned())),
            None => Err(ScenarioFailed("The server was told to stop.".to_owned())),
        };
        let tidied = stage.put_everything_back().await;
        let outcome = match (told, tidied) {
            (Ok(outcome), Ok(())) => Ok(outcome),
            (Ok(_), Err(ScenarioFailed(why))) => {
                Err(format!("It went well, but not everything could be put back: {why}"))
            }
            (Err(ScenarioFailed(why)), Ok(())) => Err(why),
            (Err(ScenarioFailed(why)), Err(ScenarioFailed(worse))) => {
                Err(format!("{why} And not everything could be put back: {worse}"))
            }
        };
        let name = scenario.words().name;
        match &outcome {
            Ok(outcome) => info!(scenario = name, outcome, "a scenario has ended as it should"),
            Err(why) => warn!(scenario = name, why, "a scenario has failed"),
        }
        self.change(scenario, |run| {
            run.state = if outcome.is_ok() { ScenarioState::Finished } else { ScenarioState::Failed };
            run.finished_at = Some(clock::now());
            run.outcome = Some(outcome.unwrap_or_else(|why| why));
        });
    }

    fn tell(&self, scenario: Scenario, text: String) {
        let at = clock::now();
        self.change(scenario, |run| run.steps.push(ScenarioStep { at, text }));
    }

    fn change(&self, scenario: Scenario, change: impl FnOnce(&mut ScenarioRun)) {
        if let Some(run) = self.runs().last.iter_mut().find(|run| run.name == scenario.words().name) {
            change(run);
        }
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runs {
    fn nothing_else(&self) -> Result<(), Occupied> {
        let playing = self.last.iter().find(|run| run.state == ScenarioState::Running);
        match playing {
            Some(run) => Err(Occupied::Playing(run.name.clone())),
            None if self.closed => Err(Occupied::Closed),
            None => Ok(()),
        }
    }
}
