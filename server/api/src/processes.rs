//! The shop's own processes as an operator sees them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that the shop does by itself, led by the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Process {
    /// Its name, such as `checkout` or `mail`.
    pub name: String,
    /// Everything in the log up to here is dealt with.
    pub position: u64,
    /// How many positions it is behind the log.
    pub lag: u64,
    /// What it is at.
    pub state: ProcessState,
    /// How many events it has read and not dealt with.
    pub unfinished: u64,
    /// How many of those went wrong at least once and are tried again.
    pub retrying: u64,
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
}

/// Every process, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessList {
    /// The processes.
    pub items: Vec<Process>,
}
