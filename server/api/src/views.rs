//! Read models as an operator sees them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::WaitingEvent;

/// A read model, from which lists are answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct View {
    /// The name, such as `orders`.
    pub name: String,
    /// The position up to which it includes the log.
    pub position: u64,
    /// Number of positions that it is behind the log.
    pub lag: u64,
    /// Number of events that it could not handle and has skipped. A rebuild takes them in once the cause is fixed.
    pub left_out: u64,
    /// The latest skipped event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_left_out: Option<LeftOut>,
    /// Whether it is paused: it takes no event in until it is stepped or resumed.
    pub paused: bool,
    /// While paused: the next events, at most ten.
    pub next: Vec<WaitingEvent>,
    /// The progress of a rebuild; absent without one. Lists are answered from the present rows until it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilding: Option<Rebuilding>,
}

/// An event that a read model has skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// The position of the event.
    pub position: u64,
    /// Why it could not be handled.
    pub why: String,
}

/// The progress of a rebuild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rebuilding {
    /// The position up to which the new rows include the log.
    pub position: u64,
    /// The last position of the log.
    pub head: u64,
}

/// Every read model, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ViewList {
    /// The read models, in the order of their names.
    pub items: Vec<View>,
}
