//! An event's data as a JSON object, for upcasting.

use serde_json::{Map, Value};

/// The fields of an event's data.
pub(super) type Fields = Map<String, Value>;

/// Converts the fields of one version to those of the next.
pub(super) type Step = fn(Fields) -> Fields;
