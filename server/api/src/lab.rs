//! The workshop lab: breaking the systems around the shop on purpose, stories that play by themselves, and starting over.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::unknown::or_unknown;
use crate::{OrderId, Timestamp};

/// A stand-in for a system around the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stub {
    /// The product service.
    Products,
    /// The card gateway.
    Cards,
    /// The mail server.
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

/// What is broken on purpose at a stub. Everything is off by default; a field that is left out is off too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The share of requests that fail and have no effect, from 0 to 1; spread evenly, so 0.25 fails every fourth.
    pub error_rate: f64,
    /// Delay before each answer, in milliseconds, at most 60,000.
    pub latency_ms: u64,
    /// The plug is pulled: nobody gets an answer.
    pub outage: bool,
    /// `cards` only: every card is declined.
    pub decline: bool,
    /// `cards` only: what is asked takes effect, and its answer is lost.
    pub lose_answers: bool,
    /// `cards` only: what is asked takes effect, and its answer and the webhooks about it wait until this is off.
    pub hold_answers: bool,
    /// `cards` only: each webhook comes twice.
    pub duplicate: bool,
    /// `cards` only: a webhook comes after the one that follows it, or half a second late.
    pub reorder: bool,
}

impl Faults {
    /// Whether nothing is broken.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A stub, and what is broken at it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StubFaults {
    /// Which stub.
    pub stub: Stub,
    /// What is broken there.
    pub faults: Faults,
}

/// Every stub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaultList {
    /// The stubs: product service, card gateway, mail.
    pub items: Vec<StubFaults>,
}

/// A story that plays by itself in the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scenario {
    /// Its name in paths, such as `card-declined`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What the room will see, in a sentence or two.
    pub story: String,
    /// Where to look, and what to try.
    pub look_at: String,
    /// The last time that it was played since the server was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<ScenarioRun>,
}

/// Every scenario, in the order in which a workshop plays them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScenarioList {
    /// The scenarios.
    pub items: Vec<Scenario>,
}

/// One time that a scenario is or was played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScenarioRun {
    /// Which scenario.
    pub name: String,
    /// How it is going.
    #[serde(deserialize_with = "or_unknown")]
    pub state: ScenarioState,
    /// The orders that it makes, in the order in which it tells of them; known from the beginning.
    pub orders: Vec<OrderId>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// What it has told so far, oldest first.
    pub steps: Vec<ScenarioStep>,
    /// How it ended, in a sentence; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// How a scenario is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioState {
    /// It is being played.
    Running,
    /// It ended as its story says.
    Finished,
    /// It ended otherwise; what it had switched on or taken is put back all the same.
    Failed,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// Something that a scenario tells while it is played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScenarioStep {
    /// When.
    pub at: Timestamp,
    /// What happens, in a sentence.
    pub text: String,
}

/// The shop was started over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabReset {
    /// The name under which the log of before is kept, beside where it was; absent when it was in memory, and is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_as: Option<String>,
}
