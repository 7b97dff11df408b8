//! What came again and changed nothing, or had to be decided anew: none of it is an event.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// What this server has met since it was started, and the latest of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Repeats {
    /// What the card gateway has told.
    pub webhooks: WebhookCounts,
    /// Appends that found their stream at another version than expected; the command was decided anew.
    pub retried_appends: u64,
    /// Requests that were answered with the stored answer of an earlier one under the same Idempotency-Key.
    pub replayed_answers: u64,
    /// The latest of these, newest first; a webhook that was applied is not among them.
    pub recent: Vec<Repeat>,
}

/// Webhooks by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookCounts {
    /// All that came.
    pub received: u64,
    /// Recorded something that was not known.
    pub applied: u64,
    /// Told what was recorded already.
    pub repeated: u64,
    /// About something that is not ours, or that the shop does not act on, or against what is recorded.
    pub ignored: u64,
    /// Not genuine, or not readable.
    pub refused: u64,
}

/// Something that came again, or was decided anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Repeat {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub kind: RepeatKind,
    /// What it was about, in a few words.
    pub about: String,
    /// What it belongs to: an order's id, or a request's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The stream, of a retried append.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The version that was expected there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// The version at which it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_version: Option<u64>,
    /// What the answer that was replayed had written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}

/// What a repeat was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepeatKind {
    /// A webhook told what was recorded already.
    WebhookRepeated,
    /// A webhook was none of the shop's business, or against what is recorded.
    WebhookIgnored,
    /// A webhook was not genuine, or not readable.
    WebhookRefused,
    /// An append found its stream at another version; the command was decided anew.
    AppendRetried,
    /// A request got the stored answer of an earlier one.
    AnswerReplayed,
}
