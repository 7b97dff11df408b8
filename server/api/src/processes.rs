//! The shop's own processes as an operator sees and steers them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Timestamp;
use crate::unknown::or_unknown;

/// Something that the shop does by itself, led by the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Process {
    /// Its name, such as `checkout` or `mail`.
    pub name: String,
    /// Everything in the log up to here is dealt with, or parked.
    pub position: u64,
    /// The last position of the log.
    pub head: u64,
    /// How many positions it is behind the log.
    pub lag: u64,
    /// What it is at.
    #[serde(deserialize_with = "or_unknown")]
    pub state: ProcessState,
    /// How many events it has read and not dealt with.
    pub unfinished: u64,
    /// How many of those are being handled at this moment.
    pub in_flight: u64,
    /// How many of those went wrong at least once and are tried again.
    pub retrying: u64,
    /// The first of those in the log, ten at most.
    pub retries: Vec<Retry>,
    /// How many sequences wait for somebody to look: see `GET /v1/processes/{name}/parked`.
    pub parked: u64,
    /// While it is paused, how many events it may begin all the same.
    pub steps: u32,
    /// While it is paused, what comes next, ten at most: a step begins the first of these whose turn it is.
    pub next: Vec<WaitingEvent>,
}

/// What a process is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// Nothing to do.
    Idle,
    /// At work.
    Working,
    /// At work on something that went wrong before.
    Retrying,
    /// It begins nothing until it is stepped or resumed.
    Paused,
    /// It runs on another server; this one takes it over when that is gone. Only what the log says of it is shown.
    WaitingForLease,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// An event that went wrong and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Retry {
    /// Its place in the log.
    pub position: u64,
    /// What kind of event, such as `email.requested`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it belongs to: an order's id, as a rule.
    pub sequence: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again; absent while it is, or when it waits for its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// What went wrong last.
    pub error: String,
}

/// An event that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingEvent {
    /// Its place in the log.
    pub position: u64,
    /// What kind of event, such as `order.checked_out`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it belongs to: an order's id, as a rule.
    pub sequence: String,
}

/// Every process, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessList {
    /// The processes.
    pub items: Vec<Process>,
}

/// Whether a process begins events by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessMode {
    /// Its name.
    pub name: String,
    /// Whether it is paused now. It finishes what it has begun.
    pub paused: bool,
}

/// Events of one order that wait because the first of them could not be handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedSequence {
    /// What they belong to: an order's id, as a rule.
    pub sequence: String,
    /// Whether it stands, or somebody has had it retried or skipped and it is catching up.
    pub state: ParkedState,
    /// The place in the log of the event that could not be handled.
    pub position: u64,
    /// What kind of event that is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stream that it stands in.
    pub stream: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong at last.
    pub error: String,
    /// Since when it stands.
    pub parked_at: Timestamp,
    /// How many events of the same sequence wait behind it; 1000 at most are counted.
    pub waiting: u64,
}

/// What a parked sequence is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParkedState {
    /// It waits for somebody to retry or skip it.
    Parked,
    /// It is catching up.
    Retrying,
}

/// Which parked sequences to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ParkedQuery {
    /// How many at most, 1 to 100; 20 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where to go on, as the page before said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What became of a parked sequence when somebody had it retried or skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SequenceReleased {
    /// The sequence.
    pub sequence: String,
    /// The event that is tried again, or was dropped.
    pub position: u64,
    /// Whether that event was dropped for good.
    pub skipped: bool,
}
