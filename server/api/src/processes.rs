//! The shop's own processes as an operator sees and steers them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Timestamp;
use crate::unknown::{or_unknown, states};

states!(ProcessState);

/// A process: it reacts to events of the log by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Process {
    /// The name, such as `checkout` or `mail`.
    pub name: String,
    /// The position up to which all events are handled or parked.
    pub position: u64,
    /// The last position of the log.
    pub head: u64,
    /// Number of positions between `position` and `head`.
    pub lag: u64,
    /// The state of the process.
    #[serde(deserialize_with = "or_unknown")]
    pub state: ProcessState,
    /// Number of events that were read and are not handled yet.
    pub unfinished: u64,
    /// Number of these that are being handled now.
    pub in_flight: u64,
    /// Number of these that failed at least once and are tried again.
    pub retrying: u64,
    /// The first ten of these, in the order of the log.
    pub retries: Vec<Retry>,
    /// Number of parked sequences, which wait for an operator: see `GET /v1/processes/{name}/parked`.
    pub parked: u64,
    /// While paused: number of events that it may still begin.
    pub steps: u32,
    /// While paused: the next events, at most ten. A step begins the first of these that can be handled.
    pub next: Vec<WaitingEvent>,
}

/// The state of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// There is nothing to handle.
    Idle,
    /// Events are being handled.
    Working,
    /// Handling an event that failed before.
    Retrying,
    /// It begins no event until it is stepped or resumed.
    Paused,
    /// It runs on another server, and this one takes over when that one is gone. Only what the log contains is shown.
    WaitingForLease,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// An event that failed and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Retry {
    /// The position of the event in the log.
    pub position: u64,
    /// The type of the event, such as `email.requested`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sequence of the event: usually the id of an order.
    pub sequence: String,
    /// Number of attempts so far.
    pub attempts: u32,
    /// Time of the next attempt; absent during an attempt, or while other events of the sequence come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// The error of the last attempt.
    pub error: String,
}

/// An event that is to be handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingEvent {
    /// The position of the event in the log.
    pub position: u64,
    /// The type of the event, such as `order.checked_out`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sequence of the event: usually the id of an order.
    pub sequence: String,
}

/// Every process, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessList {
    /// The processes, in the order of their names.
    pub items: Vec<Process>,
}

/// Whether a process is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessMode {
    /// The name of the process.
    pub name: String,
    /// Whether it is paused. It finishes the events that it has begun.
    pub paused: bool,
}

/// A parked sequence: events of one order that wait because the first of them could not be handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedSequence {
    /// The id of the sequence: usually the id of an order.
    pub sequence: String,
    /// Whether it is parked, or was released and is catching up.
    pub state: ParkedState,
    /// The position of the event that could not be handled.
    pub position: u64,
    /// The type of that event.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stream of that event.
    pub stream: String,
    /// Number of attempts so far.
    pub attempts: u32,
    /// The error of the last attempt.
    pub error: String,
    /// When its handling was given up.
    pub parked_at: Timestamp,
    /// Number of later events of the sequence, counted up to 1000.
    pub waiting: u64,
}

/// The state of a parked sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParkedState {
    /// It waits for an operator to retry or skip it.
    Parked,
    /// It was retried or skipped and is catching up.
    Retrying,
}

/// Page of the list of parked sequences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ParkedQuery {
    /// Maximum number of sequences, 1 to 100; default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The result of retrying or skipping a parked sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SequenceReleased {
    /// The id of the sequence.
    pub sequence: String,
    /// The position of the event that is tried again or was skipped.
    pub position: u64,
    /// Whether the event was skipped.
    pub skipped: bool,
}
