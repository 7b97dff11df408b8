//! The log as clients read it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::unknown::or_unknown;
use crate::{Order, Timestamp};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its place in the log: 1, 2, 3, … without gaps.
    pub position: u64,
    /// Its id.
    pub id: uuid::Uuid,
    /// The stream that it stands in, such as `order-7f…`.
    pub stream: String,
    /// Its place in that stream, from 1.
    pub version: u64,
    /// What kind of event, such as `order.item_added`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which shape `data` has.
    pub schema_version: u16,
    /// When it happened.
    pub time: Timestamp,
    /// What it belongs to: the order's id, or else the request's.
    pub correlation_id: String,
    /// The event or request that led to it.
    pub causation_id: Option<String>,
    /// Who did it.
    pub actor: String,
    /// What happened.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// Which events to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Only what comes after this position; 0 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// How many at most, 1 to 1000; 100 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many seconds to wait for something new, 0 to 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
    /// Only this type; `order.*` takes all that begin so. Several by comma.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only this stream; `stock-*` takes all that begin so. Several by comma.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Only what belongs to this order or request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The lab's `switches` as the last answer had them: with `wait`, the answer comes also as soon as they are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switches: Option<uuid::Uuid>,
    /// The mark of what is paused as the last answer had it: with `wait`, the answer comes also as soon as it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}

/// Some of the log, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The events.
    pub events: Vec<Event>,
    /// Where to read on: past everything that was looked at, also past what the filter left out.
    pub next_after: u64,
    /// The last position of the log.
    pub head: u64,
    /// The hash of the log as it is now. Absent while the log is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<LogHash>,
    /// Which log this is. When it is another than before, the shop was started over or its database was set back, and what was
    /// read before counts no more. Absent while the log is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<uuid::Uuid>,
    /// In a shop with a lab: a mark that is another one whenever something was broken on purpose through this server, or
    /// mended; `GET /v1/lab/faults` tells what is broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switches: Option<uuid::Uuid>,
    /// The log does not reach to `after`: it is another one than you know, or went back in time. Drop what you know of it and
    /// read on from `next_after`, which is 0. Absent otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    /// What takes nothing in by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

/// The processes and read models that take nothing in until they are stepped or resumed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paused {
    /// Another one whenever this is not as it was; empty while nothing is paused.
    pub mark: String,
    /// The processes, by name.
    pub processes: Vec<String>,
    /// The read models, by name.
    pub views: Vec<PausedView>,
}

/// A read model that is paused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PausedView {
    /// Its name, such as `orders`.
    pub name: String,
    /// Lists show the log up to here.
    pub position: u64,
}

/// The hash of a log at a position: of a hash tree over every event up to there (SHA-256, RFC 6962). Whoever has
/// noted it can tell later whether anything of that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogHash {
    /// The position.
    pub position: u64,
    /// The hash, as 64 hexadecimal digits.
    pub hash: String,
}

/// Some of one stream, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamPage {
    /// The events.
    pub events: Vec<Event>,
    /// The version to read on from; absent at the end of the stream.
    pub next_from: Option<u64>,
}

/// How far a step of the checkout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Under way.
    Running,
    /// Failed and waiting for the next attempt.
    Waiting,
    /// Done.
    Done,
    /// Failed for good.
    Failed,
    /// Was done, and has been taken back.
    Undone,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// One step of the checkout: `stock`, `payment`, `confirm`, `invoice` or `mail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Which one.
    pub name: String,
    /// How far it is.
    #[serde(deserialize_with = "or_unknown")]
    pub state: StepState,
    /// Which attempt this is, from 1; 0 before the first.
    pub attempt: u32,
    /// What went wrong or what came of it, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When the next attempt is due, while `waiting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
}

/// Everything about one order: its events in log order, and how far its checkout is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// The events of every stream that belong to the order, after the position that was asked for.
    pub events: Vec<Event>,
    /// Where to read on.
    pub next_after: u64,
    /// The last position of the log.
    pub head: u64,
    /// The steps of the latest checkout, in order; empty before the first.
    pub steps: Vec<Step>,
    /// The order as it is now.
    pub order: Order,
    /// The log does not reach to `after`: it is another one than you know, or went back in time, and this is the whole
    /// timeline. Absent otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
}

/// Which part of a stream to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// From this version on, inclusive; 1 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// How many at most, 1 to 1000; 100 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Which part of a timeline to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// Only what comes after this position; 0 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// How many seconds to wait for something new, 0 to 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
}
