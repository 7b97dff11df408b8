//! The catalogue of event types: what can be in the log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A type of event, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventTypeSummary {
    /// The type, such as `order.item_added`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What an event of this type says has happened, in a sentence.
    pub meaning: String,
    /// The streams with such events, such as `order-{id}`.
    pub stream: String,
    /// Who writes it: requests as method and path, or actors: `process:NAME`, `product-service`, and `shop` when it starts.
    /// Empty for a type that is only read any more.
    pub written_by: Vec<String>,
    /// The version of the schema that is written now; earlier ones can be in the log.
    pub schema_version: u16,
}

/// All types of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventTypeList {
    /// The types, those of one kind of stream after another.
    pub items: Vec<EventTypeSummary>,
}

/// A type of event with the shape of its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventType {
    /// The type, such as `order.item_added`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What an event of this type says has happened, in a sentence.
    pub meaning: String,
    /// The streams with such events, such as `order-{id}`.
    pub stream: String,
    /// Who writes it: requests as method and path, or actors: `process:NAME`, `product-service`, and `shop` when it starts.
    /// Empty for a type that is only read any more.
    pub written_by: Vec<String>,
    /// Every version of the shape of its data, oldest first; the last is written now.
    pub versions: Vec<EventTypeVersion>,
}

/// A version of the shape of an event's data. It never changes: another shape is another version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventTypeVersion {
    /// The `schema_version` of events with this shape.
    pub schema_version: u16,
    /// JSON Schema (2020-12) of `data`; also at `/v1/event-types/{type}/schemas/{version}`.
    #[schema(value_type = Object)]
    pub schema: serde_json::Value,
    /// An example of `data`.
    #[schema(value_type = Object)]
    pub example: serde_json::Value,
}
