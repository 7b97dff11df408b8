//! What came again and changed nothing, or had to be decided anew: none of it is an event.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// Repeats and conflicts since the start of this server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Repeats {
    /// Webhooks of the card gateway.
    pub webhooks: WebhookCounts,
    /// Number of appends that conflicted with another version of their stream; the command was decided again.
    pub retried_appends: u64,
    /// Number of requests that got the stored answer of an earlier one with the same `Idempotency-Key`.
    pub replayed_answers: u64,
    /// The latest repeats and conflicts, newest first; without applied webhooks.
    pub recent: Vec<Repeat>,
}

/// Numbers of webhooks by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookCounts {
    /// Number of all received webhooks.
    pub received: u64,
    /// Number of those that recorded something new.
    pub applied: u64,
    /// Number of those whose content was recorded already.
    pub repeated: u64,
    /// Number of those that are not about the shop's payments, need no action, or contradict what is recorded.
    pub ignored: u64,
    /// Number of those with a wrong signature or unreadable content.
    pub refused: u64,
}

/// A repeat or a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Repeat {
    /// Time of the repeat.
    pub at: Timestamp,
    /// The kind of the repeat.
    pub kind: RepeatKind,
    /// The subject, in a few words.
    pub about: String,
    /// The id of the order, otherwise of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Only retried appends: the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Only retried appends: the expected version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// Only retried appends: the actual version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_version: Option<u64>,
    /// Only replayed answers: the position that the first request wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}

/// The kind of a repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepeatKind {
    /// A webhook whose content was recorded already.
    WebhookRepeated,
    /// A webhook that is not about the shop's payments, or contradicts what is recorded.
    WebhookIgnored,
    /// A webhook with a wrong signature or unreadable content.
    WebhookRefused,
    /// An append that conflicted with another version of its stream; the command was decided again.
    AppendRetried,
    /// A request that got the stored answer of an earlier one.
    AnswerReplayed,
}
