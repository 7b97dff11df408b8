//! Errors as RFC 9457 problem details.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Money, OrderId, ProductId};

/// What went wrong, as `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// The kind of problem for programs, `snake_case`.
    pub code: String,
    /// Each wrong field of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The version at which the order really is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u64>,
    /// The order that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The products that are meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product_ids: Vec<ProductId>,
    /// The total as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_total: Option<Money>,
    /// The processes that are paused and would have to go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paused_processes: Vec<String>,
    /// The read models that are paused and would have to go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paused_views: Vec<String>,
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where it is: a JSON pointer (RFC 6901) into the body, such as `/quantity`, or the name of a parameter.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}
