//! The log as clients read it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::unknown::{or_unknown, states};
use crate::{Order, Timestamp};

states!(StepState);

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The position in the log: 1, 2, 3, … without gaps.
    pub position: u64,
    /// The unique id of the event.
    pub id: uuid::Uuid,
    /// The stream of the event, such as `order-7f…`.
    pub stream: String,
    /// The version of the stream after the event, from 1.
    pub version: u64,
    /// The type of the event, such as `order.item_added`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of the schema of `data`.
    pub schema_version: u16,
    /// Time of the event.
    pub time: Timestamp,
    /// The id of the order that the event belongs to, otherwise of the request.
    pub correlation_id: String,
    /// The id of the event or request that caused it.
    pub causation_id: Option<String>,
    /// Who caused the event: a customer, `guest`, a process or a name from `Storefront-Actor`.
    pub actor: String,
    /// The content of the event; its fields depend on the type.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// An event of the log as a CloudEvent 1.0, with extension attributes for what CloudEvents have no attribute for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CloudEvent {
    /// `1.0`.
    pub specversion: String,
    /// The unique id of the event.
    pub id: uuid::Uuid,
    /// `/storefront`.
    pub source: String,
    /// The type of the event, such as `order.item_added`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stream of the event, such as `order-7f…`.
    pub subject: String,
    /// Time of the event.
    pub time: Timestamp,
    /// `application/json`.
    pub datacontenttype: String,
    /// The address of the JSON Schema of `data`.
    pub dataschema: String,
    /// The position in the log, as text.
    pub position: String,
    /// The version of the stream after the event, as text.
    pub streamversion: String,
    /// The version of the schema of `data`, as text.
    pub schemaversion: String,
    /// The id of the order that the event belongs to, otherwise of the request.
    pub correlationid: String,
    /// The id of the event or request that caused it.
    pub causationid: Option<String>,
    /// Who caused the event.
    pub actor: String,
    /// The content of the event; its fields depend on the type.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// Filter and page of reading the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Only events after this position; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Maximum number of events, 1 to 1000; default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// Seconds to wait for a new event, 0 to 30; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0, maximum = 30)]
    pub wait: Option<u32>,
    /// Only events of this type; `order.*` matches all types with that beginning. Several are separated by commas.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only events of this stream; `stock-*` matches all streams with that beginning. Several are separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Only events with this correlation id: of one order or request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The id of the log that the client knows, `log` of an answer or of a `reset`. When it is another one by now, the answer is a
    /// `reset`, also when the log has come beyond `after` again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<uuid::Uuid>,
    /// The names of server-sent events; by default `type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub events: Option<EventNames>,
    /// The `switches` of the previous answer. With `wait`, a change of the lab's fault switches also ends the wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switches: Option<uuid::Uuid>,
    /// The `paused.mark` of the previous answer. With `wait`, a change of what is paused also ends the wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}

/// How server-sent events are named. A `reset` always has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventNames {
    /// By their type: a browser receives only those that it listens to by name.
    Type,
    /// Not at all: a browser receives each as a `message`, and finds the type in its data.
    Message,
}

/// A page of the log, oldest event first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// The `after` of the next page: the position up to which the log was searched.
    pub next_after: u64,
    /// The last position of the log.
    pub head: u64,
    /// Whether the page has the events of one shopper alone, so that positions of others are missing in between. Absent
    /// when `false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// The present hash of the log; absent while the log is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<LogHash>,
    /// The id of the log. It changes when the shop is reset or its database goes back in time; what was
    /// read before is then no longer valid. Absent while the log is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<uuid::Uuid>,
    /// With a lab: a value that changes whenever a fault switch was changed through this server
    /// (`GET /v1/lab/faults`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switches: Option<uuid::Uuid>,
    /// Whether the log ends before `after`, because it is another log or went back in time. The client discards what it
    /// has and reads on from `next_after`, which is 0. Absent when `false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    /// The paused processes and read models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

/// The processes and read models that handle no events until they are stepped or resumed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paused {
    /// A value that changes with the rest of this object; empty while nothing is paused.
    pub mark: String,
    /// The names of the paused processes.
    pub processes: Vec<String>,
    /// The paused read models, sorted by name.
    pub views: Vec<PausedView>,
}

/// A read model that is paused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PausedView {
    /// The name, such as `orders`.
    pub name: String,
    /// The position up to which its lists include the log.
    pub position: u64,
}

/// The hash of a log at a position: the root of a hash tree over all events up to there (SHA-256, RFC 6962). With a
/// recorded hash it can be verified later that none of these events was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogHash {
    /// The position of the last event that the hash covers.
    pub position: u64,
    /// The hash, as 64 hexadecimal digits.
    pub hash: String,
}

/// A page of a stream, oldest event first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// The `from` of the next page; absent at the end of the stream.
    pub next_from: Option<u64>,
}

/// The state of a step of the checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// An earlier step has not ended.
    Pending,
    /// Started, and not ended.
    Running,
    /// Failed and waiting for the next attempt.
    Waiting,
    /// Ended, and what it was for is reached.
    Done,
    /// Failed, and not tried again.
    Failed,
    /// Completed and then reversed.
    Undone,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// One step of the checkout: `stock`, `payment`, `confirm`, `invoice` or `mail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// The name of the step.
    pub name: String,
    /// The state of the step.
    #[serde(deserialize_with = "or_unknown")]
    pub state: StepState,
    /// Number of the attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// The result or the error, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Time of the next attempt, while the state is `waiting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
}

/// All events of one order in the order of the log, and the steps of its checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// The events of all streams that belong to the order, after the requested position.
    pub events: Vec<Event>,
    /// The `after` of the next request.
    pub next_after: u64,
    /// The last position of the log.
    pub head: u64,
    /// The steps of the latest checkout, in order; empty before the first.
    pub steps: Vec<Step>,
    /// The order as it is now.
    pub order: Order,
    /// Whether the log ends before `after`, because it is another log or went back in time; this is then the whole
    /// timeline. Absent when `false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
}

/// Page of reading a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// The first version to return; default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Maximum number of events, 1 to 1000; default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// Page of reading a timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// Only events after this position; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Seconds to wait for a new event, 0 to 30; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0, maximum = 30)]
    pub wait: Option<u32>,
}
