//! Health of the server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::LogHash;

/// The process is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `live`.
    pub status: String,
}

/// Whether the server can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// Why not, or what works less well: one sentence each.
    pub reasons: Vec<String>,
    /// The last position of the log.
    pub head: u64,
    /// The hash of the log as it is now. Absent while the log is empty or cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<LogHash>,
    /// What the server knows of the product service: `live`, or `stale` while it cannot be reached.
    pub product_service: String,
}
