//! The forms in which a stored event leaves the server: in pages of the log, and as CloudEvents.

use serde_json::Value;
use storefront_api::{CloudEvent, Event, Timestamp};
use storefront_eventlog::Recorded;

use crate::codec::event_type::remove_secrets;

/// Converts a stored event to its wire form, which has no hash of a password.
///
/// # Errors
/// When its data is not JSON.
pub(crate) fn wire_event(recorded: &Recorded) -> Result<Event, serde_json::Error> {
    let mut data: Value = serde_json::from_str(recorded.data())?;
    remove_secrets(recorded.kind(), &mut data);
    Ok(Event {
        position: recorded.position.0,
        id: recorded.id,
        stream: recorded.stream().to_owned(),
        version: recorded.version.0,
        kind: recorded.kind().to_owned(),
        schema_version: recorded.schema_version,
        time: Timestamp::from_unix_ms(recorded.time_ms),
        correlation_id: recorded.correlation_id().to_owned(),
        causation_id: recorded.causation_id().map(str::to_owned),
        actor: recorded.actor().to_owned(),
        data,
    })
}

/// Converts an event to CloudEvents 1.0 in JSON format, with extension attributes for its other fields. `base_url` is the address
/// of the server without a path; it may be empty.
///
/// # Errors
/// When its data is not JSON.
pub(crate) fn cloud_event(recorded: &Recorded, base_url: &str) -> Result<CloudEvent, serde_json::Error> {
    let event = wire_event(recorded)?;
    let dataschema = format!("{base_url}{}", schema_path(&event.kind, event.schema_version));
    Ok(CloudEvent {
        specversion: "1.0".to_owned(),
        id: event.id,
        source: "/storefront".to_owned(),
        kind: event.kind,
        subject: event.stream,
        time: event.time,
        datacontenttype: "application/json".to_owned(),
        dataschema,
        position: event.position.to_string(),
        streamversion: event.version.to_string(),
        schemaversion: event.schema_version.to_string(),
        correlationid: event.correlation_id,
        causationid: event.causation_id,
        actor: event.actor,
        data: event.data,
    })
}

/// The path of the schema of a version of a type.
pub(crate) fn schema_path(kind: &str, schema_version: u16) -> String {
    format!("/v1/event-types/{kind}/schemas/{schema_version}")
}
