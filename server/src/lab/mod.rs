//! The workshop lab: scenarios that run by themselves in the running shop, one at a time, and the faults that they
//! inject.
//!
//! A scenario shops as a client does. Its [`scenario_runner::ScenarioRunner`] records every fault and every stock
//! change, and reverts them when the scenario ends: also when it fails or panics, and when the server stops in the
//! middle.

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

/// The running shop, as the lab uses it.
#[async_trait]
pub(crate) trait ShopControl: Send + Sync {
    /// Sends a request to the shop's HTTP interface, without a network.
    async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> LocalResponse;

    /// Replaces the shop by one with a new log.
    ///
    /// # Errors
    /// See [`ResetError`]; the shop then continues as it was.
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
    /// The log position of a write.
    pub(crate) position: Option<u64>,
    pub(crate) body: Value,
}

/// Why the shop was not reset. It continues as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResetError {
    #[error("It is being started over already.")]
    Running,
    #[error(transparent)]
    LabBusy(#[from] LabBusy),
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
    /// The stubs of the external systems.
    pub(crate) stubs: LabStubs,
    /// Pause after each narrated step.
    pub(crate) pause: Duration,
    pub(crate) shop: Weak<dyn ShopControl>,
    pub(crate) workers: Arc<dyn WorkerControl>,
    /// The log, for events that no client could write.
    pub(crate) store: Store,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) runs: Mutex<Runs>,
}

/// The scenarios that ran since the shop was opened.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// The last run of each scenario.
    last: Vec<ScenarioRun>,
    /// The shop is about to be reset: no scenario starts any more.
    closed: bool,
}

/// The lab is busy with something that excludes everything else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LabBusy {
    /// A scenario is running.
    #[error(
        "The scenario {0} is being played. Try again when it has ended; GET /v1/lab/scenarios/{0} tells how it goes."
    )]
    Playing(String),
    /// The shop is being reset.
    #[error("The shop is being started over.")]
    Closed,
}

impl Lab {
    /// Starts a scenario.
    ///
    /// # Errors
    /// While another one is running.
    pub(crate) fn play(self: &Arc<Self>, scenario: Scenario) -> Result<ScenarioRun, LabBusy> {
        let text = scenario.text();
        let orders: Vec<OrderId> = (0..text.orders).map(|_| OrderId(random::id())).collect();
        let run = ScenarioRun {
            name: text.name.to_owned(),
            state: ScenarioState::Running,
            orders: orders.clone(),
            started_at: clock::now(),
            finished_at: None,
            steps: Vec::new(),
            outcome: None,
        };
        let mut runs = self.runs();
        runs.ensure_idle()?;
        runs.last.retain(|run| run.name != text.name);
        runs.last.push(run.clone());
        drop(runs);
        let lab = Arc::clone(self);
        self.tasks.spawn(async move { lab.run_scenario(scenario, orders).await });
        Ok(run)
    }

    /// Returns the last or current run of a scenario.
    pub(crate) fn last_run(&self, scenario: Scenario) -> Option<ScenarioRun> {
        self.runs().last.iter().find(|run| run.name == scenario.text().name).cloned()
    }

    /// Stops scenarios from starting.
    ///
    /// # Errors
    /// While one is running.
    pub(crate) fn close(&self) -> Result<(), LabBusy> {
        let mut runs = self.runs();
        runs.ensure_idle()?;
        runs.closed = true;
        Ok(())
    }

    async fn run_scenario(&self, scenario: Scenario, orders: Vec<OrderId>) {
        let runner = ScenarioRunner::new(self, scenario, orders);
        let script = AssertUnwindSafe(scenario_scripts::play(&runner, scenario)).catch_unwind();
        let result = match self.stop.run_until_cancelled(script).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ScenarioFailed("The story made a mistake and panicked.".to_owned())),
            None => Err(ScenarioFailed("The server was told to stop.".to_owned())),
        };
        let restored = runner.restore_all().await;
        let outcome = match (result, restored) {
            (Ok(outcome), Ok(())) => Ok(outcome),
            (Ok(_), Err(ScenarioFailed(why))) => {
                Err(format!("It went well, but not everything could be put back: {why}"))
            }
            (Err(ScenarioFailed(why)), Ok(())) => Err(why),
            (Err(ScenarioFailed(why)), Err(ScenarioFailed(worse))) => {
                Err(format!("{why} And not everything could be put back: {worse}"))
            }
        };
        let name = scenario.text().name;
        match &outcome {
            Ok(outcome) => info!(scenario = name, outcome, "a scenario has finished"),
            Err(why) => warn!(scenario = name, why, "a scenario has failed"),
        }
        self.change(scenario, |run| {
            run.state = if outcome.is_ok() { ScenarioState::Finished } else { ScenarioState::Failed };
            run.finished_at = Some(clock::now());
            run.outcome = Some(outcome.unwrap_or_else(|why| why));
        });
    }

    fn add_step(&self, scenario: Scenario, text: String) {
        let at = clock::now();
        self.change(scenario, |run| run.steps.push(ScenarioStep { at, text }));
    }

    fn change(&self, scenario: Scenario, change: impl FnOnce(&mut ScenarioRun)) {
        if let Some(run) = self.runs().last.iter_mut().find(|run| run.name == scenario.text().name) {
            change(run);
        }
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runs {
    fn ensure_idle(&self) -> Result<(), LabBusy> {
        let playing = self.last.iter().find(|run| run.state == ScenarioState::Running);
        match playing {
            Some(run) => Err(LabBusy::Playing(run.name.clone())),
            None if self.closed => Err(LabBusy::Closed),
            None => Ok(()),
        }
    }
}
