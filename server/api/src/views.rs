//! Read models as an operator sees them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::WaitingEvent;

/// What some lists answer from, as far as it has taken the log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct View {
    /// Its name, such as `orders`.
    pub name: String,
    /// Everything in the log up to here is in it.
    pub position: u64,
    /// How many positions it is behind the log.
    pub lag: u64,
    /// How many events it could not handle and has left out. Rebuild it once the cause is gone.
    pub left_out: u64,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_left_out: Option<LeftOut>,
    /// Whether it takes nothing in until it is stepped or resumed.
    pub paused: bool,
    /// While it is paused, the events that it takes in next, ten at most.
    pub next: Vec<WaitingEvent>,
    /// How far its rebuild is, while there is one. The lists answer from what was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilding: Option<Rebuilding>,
}

/// An event that a read model could not handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// Where it is in the log.
    pub position: u64,
    /// What is wrong with it.
    pub why: String,
}

/// How far a rebuild is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rebuilding {
    /// Everything in the log up to here is in the new rows.
    pub position: u64,
    /// Where the log ends now.
    pub head: u64,
}

/// Every read model, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ViewList {
    /// The read models.
    pub items: Vec<View>,
}
