//! Errors as RFC 9457 problem details.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Money, OrderId, ProductId};

/// What went wrong, as `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The path of a page about this kind of problem and what to do; it names the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The status code of the answer.
    pub status: u16,
    /// What is wrong with this request, and what to do.
    pub detail: String,
    /// The stable code of the kind of problem, in `snake_case`.
    pub code: String,
    /// Names this occurrence: `urn:storefront:request:` and the id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The invalid fields of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The present version of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u64>,
    /// The order that the problem is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The products that the problem is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product_ids: Vec<ProductId>,
    /// The present total of the basket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_total: Option<Money>,
    /// Paused processes that have to be resumed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paused_processes: Vec<String>,
    /// Paused read models that have to be resumed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paused_views: Vec<String>,
}

/// An invalid field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where it is: a JSON pointer (RFC 6901) into the body, such as `/quantity`, or the name of a parameter.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}
