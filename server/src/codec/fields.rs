//! An event as a JSON object, between two of its shapes.

use serde_json::{Map, Value};

/// The fields of an event.
pub(super) type Fields = Map<String, Value>;

/// From the fields of one version to those of the next.
pub(super) type Step = fn(Fields) -> Fields;
