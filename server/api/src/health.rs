//! Health of the server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::LogHash;

/// The answer of the liveness check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// The state of the process: always `live`.
    pub status: String,
}

/// The answer of the readiness check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Whether the server can serve all requests.
    pub ready: bool,
    /// Why the server is not ready, and what is degraded: a sentence each.
    pub reasons: Vec<String>,
    /// The last position of the log.
    pub head: u64,
    /// The present hash of the log; absent while the log is empty or cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<LogHash>,
    /// The state of the product data: `live`, or `stale` while the product service cannot be reached.
    pub product_service: String,
}
