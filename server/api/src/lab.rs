//! The workshop lab: breaking the systems around the shop on purpose, stories that play by themselves, and starting
//! over.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::unknown::{or_unknown, states};
use crate::{OrderId, Timestamp};

states!(ScenarioState);

/// A stub: a stand-in for an external system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stub {
    /// The stub of the product service.
    Products,
    /// The stub of the card gateway.
    Cards,
    /// The stub of the mail server.
    Mail,
}

impl Stub {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Products, Self::Cards, Self::Mail];

    /// Its name in paths: `products`, `cards` or `mail`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Cards => "cards",
            Self::Mail => "mail",
        }
    }
}

/// The fault switches of a stub. All are off by default, and a field that is left out is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The share of requests that fail and have no effect, from 0 to 1; spread evenly, so 0.25 fails every fourth.
    #[schema(minimum = 0, maximum = 1)]
    pub error_rate: f64,
    /// Delay before each answer, in milliseconds, at most 60,000.
    #[schema(maximum = 60_000)]
    pub latency_ms: u64,
    /// No request gets an answer.
    pub outage: bool,
    /// `cards` only: every card is declined.
    pub decline: bool,
    /// `cards` only: a request takes effect, and its answer is lost.
    pub lose_answers: bool,
    /// `cards` only: a request takes effect, and its answer and its webhooks are held back until this is off.
    pub hold_answers: bool,
    /// `cards` only: each webhook is sent twice.
    pub duplicate: bool,
    /// `cards` only: a webhook is sent after the one that follows it, or half a second late.
    pub reorder: bool,
}

impl Faults {
    /// Whether nothing is broken.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A stub with its fault switches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StubFaults {
    /// The name of the stub.
    pub stub: Stub,
    /// The faults that are switched on for it.
    pub faults: Faults,
}

/// The fault switches of all stubs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaultList {
    /// The stubs: product service, card gateway, mail.
    pub items: Vec<StubFaults>,
}

/// A scenario: a scripted demonstration in the running shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scenario {
    /// Its name in paths, such as `card-declined`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it demonstrates, in a sentence or two.
    pub story: String,
    /// What to observe, and what to try.
    pub look_at: String,
    /// The latest run since the start of the server; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<ScenarioRun>,
}

/// All scenarios, in the order of a workshop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScenarioList {
    /// The scenarios, in the order of a workshop.
    pub items: Vec<Scenario>,
}

/// A run of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScenarioRun {
    /// The name of the scenario.
    pub name: String,
    /// The state of the run.
    #[serde(deserialize_with = "or_unknown")]
    pub state: ScenarioState,
    /// The ids of the orders that the run makes, in the order of its steps; complete from the start.
    pub orders: Vec<OrderId>,
    /// Start of the run.
    pub started_at: Timestamp,
    /// End of the run; absent while it is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The steps so far, oldest first.
    pub steps: Vec<ScenarioStep>,
    /// The result in a sentence; absent while it is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// The state of a run of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioState {
    /// The run has not ended.
    Running,
    /// The run ended with the expected result.
    Finished,
    /// The run ended with another result; its changes to switches and stock are reverted all the same.
    Failed,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScenarioStep {
    /// Time of the step.
    pub at: Timestamp,
    /// What happened, in a sentence.
    pub text: String,
}

/// The result of a reset of the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabReset {
    /// The name of the file that keeps the previous log, beside the new one; absent when the log was in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_as: Option<String>,
}
