//! What changed in an order between two moments.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Order;

/// Between which moments: two versions, or what one event of the log changed. Either `from` and `to`, or `position`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The version to start from; 0 is before the order began. It may be the later one of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The version to come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// A position of the log, from 1: from the moment before it to the moment after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}

/// What changed in an order between two moments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderDiff {
    /// The order's version at the first moment; 0 before it began.
    pub from: u64,
    /// Its version at the second.
    pub to: u64,
    /// Everything that is different, in the order in which an order shows it. The version itself is left out.
    pub changes: Vec<FieldChange>,
    /// The order as it was at the second moment; absent before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

/// One value of an order that became another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// Where it stands in the order, such as `/status` or `/items/enamel-mug/quantity`: lines go by product, VAT by rate.
    pub path: String,
    /// What it was; absent when it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<serde_json::Value>,
    /// What it became; absent when it is not there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<serde_json::Value>,
}
