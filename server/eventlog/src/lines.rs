//! One event as one line of JSON, the format of exports.
//!
//! The same event always gives the same bytes, so two exports can be compared with `cmp`. Times stay in milliseconds, so
//! nothing is lost.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::Texts;
use crate::hash_tree::Hash;
use crate::{BadStreamName, EventId, Position, Recorded, StreamName, Version};

/// Maximum length of a line in bytes: the largest event, with every name escaped.
pub(crate) const LINE_BYTES: u64 = 2 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    position: u64,
    id: EventId,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    version: u64,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    schema_version: u16,
    time_ms: i64,
    #[serde(borrow)]
    correlation_id: Cow<'a, str>,
    causation_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    actor: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
    /// The hash of the log up to this line; exports of older programs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<Hash>,
}

/// Why a line is not an event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("it is not an event as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Stream(#[from] BadStreamName),
}

/// Writes an event and the end of its line.
pub(crate) fn write(recorded: &Recorded, hash: Option<Hash>, to: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let line = Line {
        position: recorded.position.0,
        id: recorded.id,
        stream: recorded.stream().into(),
        version: recorded.version.0,
        kind: recorded.kind().into(),
        schema_version: recorded.schema_version,
        time_ms: recorded.time_ms,
        correlation_id: recorded.correlation_id().into(),
        causation_id: recorded.causation_id().map(Into::into),
        actor: recorded.actor().into(),
        data: serde_json::from_str(recorded.data())?,
        hash,
    };
    serde_json::to_writer(&mut *to, &line)?;
    to.push(b'\n');
    Ok(())
}

/// Reads an event from a line, and the hash that the line carries.
pub(crate) fn read(line: &[u8]) -> Result<(Recorded, Option<Hash>), LineError> {
    let line: Line = serde_json::from_slice(line)?;
    StreamName::new(&*line.stream)?;
    let texts = Texts {
        stream: &line.stream,
        kind: &line.kind,
        correlation_id: &line.correlation_id,
        causation_id: line.causation_id.as_deref(),
        actor: &line.actor,
        data: line.data.get(),
    };
    let (position, version) = (Position(line.position), Version(line.version));
    let numbers = (line.schema_version, line.time_ms);
    let recorded = Recorded::read(position, version, line.id, numbers, &texts, &mut String::new());
    Ok((recorded, line.hash))
}
