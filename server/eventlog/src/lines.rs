//! One event as one line of JSON: the form in which logs travel.
//!
//! The same event always gives the same bytes, so two exports can be compared with `cmp`. Times stay in milliseconds,
//! because nothing may be lost on the way.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{AppendError, EventId, JsonText, NewEvent, Position, Recorded, StreamName, Version};

/// Most bytes in one line: an event of the greatest size, with every name escaped.
pub(crate) const LINE_BYTES: u64 = 2 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    position: u64,
    id: EventId,
    stream: String,
    version: u64,
    #[serde(rename = "type")]
    kind: String,
    schema_version: u16,
    time_ms: i64,
    correlation_id: String,
    causation_id: Option<String>,
    actor: String,
    data: Box<RawValue>,
}

/// Why a line is not an event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("it is not an event as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Stream(#[from] AppendError),
}

/// Writes an event, with the end of its line.
pub(crate) fn write(recorded: &Recorded, to: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let event = &recorded.event;
    let line = Line {
        position: recorded.position.0,
        id: event.id,
        stream: recorded.stream.as_str().to_owned(),
        version: recorded.version.0,
        kind: event.kind.clone(),
        schema_version: event.schema_version,
        time_ms: event.time_ms,
        correlation_id: event.correlation_id.clone(),
        causation_id: event.causation_id.clone(),
        actor: event.actor.clone(),
        data: RawValue::from_string(event.data.as_str().to_owned())?,
    };
    serde_json::to_writer(&mut *to, &line)?;
    to.push(b'\n');
    Ok(())
}

/// Reads an event from a line.
pub(crate) fn read(line: &[u8]) -> Result<Recorded, LineError> {
    let line: Line = serde_json::from_slice(line)?;
    Ok(Recorded {
        position: Position(line.position),
        stream: StreamName::new(line.stream)?,
        version: Version(line.version),
        event: NewEvent {
            id: line.id,
            kind: line.kind,
            schema_version: line.schema_version,
            time_ms: line.time_ms,
            correlation_id: line.correlation_id,
            causation_id: line.causation_id,
            actor: line.actor,
            data: JsonText::trusted(Box::<str>::from(line.data).into_string()),
        },
    })
}
