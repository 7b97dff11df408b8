//! The workshop lab: stories that play by themselves in the running shop, one at a time, and what they break on purpose.
//!
//! A story shops as a client would. Whatever it switches on or takes is noted by its [`scenario_runner::Stage`] and put back when the
//! story ends, however it ends: also when it fails or panics, and when the server is told to stop in the middle.

mod scenario_runner;
mod scenario_scripts;
mod scenarios;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use storefront_api::{OrderId, ScenarioRun, ScenarioState, ScenarioStep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

pub(crate) use self::scenarios::Scenario;
use crate::integrations::lab_stubs::LabStubs;
pub(crate) use crate::lab::scenario_runner::paused_processes;
use crate::lab::scenario_runner::{Failed, Stage};
use crate::runtime::restart::House;
use crate::runtime::workers::Staff;
use crate::store::aggregates::Store;
use crate::{clock, random};

/// The lab of a shop that has one.
pub(crate) struct Lab {
    /// The stand-ins for the systems around the shop.
    pub(crate) stubs: LabStubs,
    /// How long a story rests after each thing that it tells.
    pub(crate) pause: Duration,
    /// Where a story shops.
    pub(crate) house: Weak<House>,
    /// Whom a story may kill.
    pub(crate) staff: Arc<Staff>,
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
        let stage = Stage::new(self, scenario, orders);
        let story = AssertUnwindSafe(scenario_scripts::play(&stage, scenario)).catch_unwind();
        let told = match self.stop.run_until_cancelled(story).await {
            Some(Ok(told)) => told,
            Some(Err(_)) => Err(Failed("The story made a mistake and panicked.".to_owned())),
            None => Err(Failed("The server was told to stop.".to_owned())),
        };
        let tidied = stage.put_everything_back().await;
        let outcome = match (told, tidied) {
            (Ok(outcome), Ok(())) => Ok(outcome),
            (Ok(_), Err(Failed(why))) => Err(format!("It went well, but not everything could be put back: {why}")),
            (Err(Failed(why)), Ok(())) => Err(why),
            (Err(Failed(why)), Err(Failed(worse))) => {
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
