//! The description of the events (AsyncAPI 3.0) at `/asyncapi.json`, from the list beside the codecs.

use serde_json::{Map, Value, json};

use super::routes::event_types::schema;
use crate::codec::event_type::{EventType, EventVersion};
use crate::store::aggregate_list::event_types;

/// Builds the description: one channel, the log, whose messages are the versions of all types of events.
pub(crate) fn document() -> Value {
    let versions =
        || event_types().flat_map(|event_type| event_type.versions.iter().map(move |version| (event_type, version)));
    let name =
        |event_type: &EventType, version: &EventVersion| format!("{}.v{}", event_type.kind, version.schema_version);
    let messages: Map<String, Value> =
        versions().map(|(event_type, version)| (name(event_type, version), message(event_type, version))).collect();
    let references: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Storefront events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every state change of the shop, in one order. `GET /v1/events` reads them page by page, waits \
                for new ones, or streams them; `/openapi.json` says how.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "log": {
                "address": "/v1/events",
                "description": "The log. Server-sent events have the position as `id`, the type as `event` and this message as `data`.",
                "messages": references,
            }
        },
        "operations": {
            "sendEvent": {
                "action": "send",
                "channel": { "$ref": "#/channels/log" },
                "summary": "The shop tells what has happened.",
            }
        },
        "components": { "messages": messages },
    })
}

/// An event on the wire, with the type and version that it has.
fn message(event_type: &EventType, version: &EventVersion) -> Value {
    let mut data = schema(event_type, version);
    if let Some(fields) = data.as_object_mut() {
        // The schema is a part of this document, not one of its own.
        fields.retain(|name, _| !name.starts_with('$'));
    }
    let text = json!({ "type": "string" });
    let counted = json!({ "type": "integer", "minimum": 1 });
    json!({
        "name": event_type.kind,
        "title": format!("{} version {}", event_type.kind, version.schema_version),
        "summary": format!("{}.", event_type.meaning),
        "payload": {
            "type": "object",
            "required": ["position", "id", "stream", "version", "type", "schema_version", "time", "correlation_id", "actor", "data"],
            "properties": {
                "position": counted,
                "id": { "type": "string", "format": "uuid" },
                "stream": { "type": "string", "description": format!("`{}`", event_type.stream) },
                "version": counted,
                "type": { "const": event_type.kind },
                "schema_version": { "const": version.schema_version },
                "time": { "type": "string", "format": "date-time" },
                "correlation_id": text,
                "causation_id": { "type": ["string", "null"] },
                "actor": text,
                "data": data,
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_of_every_type_is_a_message_of_the_log() {
        let document = document();
        let mut count = 0;
        for event_type in event_types() {
            for version in event_type.versions {
                let name = format!("{}.v{}", event_type.kind, version.schema_version);
                let reference = document["channels"]["log"]["messages"][&name]["$ref"].as_str().unwrap();
                let message = document.pointer(reference.trim_start_matches('#')).unwrap();
                assert_eq!(message["payload"]["properties"]["type"]["const"], event_type.kind);
                count += 1;
            }
        }
        assert_eq!(document["components"]["messages"].as_object().unwrap().len(), count);
    }
}
