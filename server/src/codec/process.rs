//! Events of streams `process-{name}`.

use serde::{Deserialize, Serialize};
use storefront_domain::process::ProcessEvent;
use utoipa::ToSchema;

use super::shapes::NoData;
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "process-{name}";
    "process.introduced" [1] Introduced,
        "A process begins after this position; what was before is not its business",
        by ["shop"];
    "process.paused" [1] NoData,
        "The process begins no further event",
        by ["POST /v1/processes/{name}/pause"];
    "process.resumed" [1] NoData,
        "The process works again",
        by ["POST /v1/processes/{name}/resume"];
    "process.stepped" [1] NoData,
        "The paused process may handle one event",
        by ["POST /v1/processes/{name}/step"];
    "process.sequence_parked" [1] SequenceParked,
        "The process cannot handle this event; its sequence waits for an operator",
        by ["process:{name}"];
    "process.sequence_retried" [1] SequencePosition,
        "The parked sequence is to be tried again",
        by ["process:{name}", "POST /v1/processes/{name}/parked/{sequence}/retry", "PUT /v1/orders/{id}/email"];
    "process.sequence_skipped" [1] SequencePosition,
        "The event at this position is left out, and its sequence goes on",
        by ["POST /v1/processes/{name}/parked/{sequence}/skip"];
    "process.sequence_recovered" [1] SequencePosition,
        "The parked sequence goes on by itself again",
        by ["process:{name}"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Introduced {
    after: u64,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct SequenceParked {
    sequence: String,
    position: u64,
    attempts: u32,
    error: String,
}

/// A position in a sequence.
#[derive(Serialize, Deserialize, ToSchema)]
struct SequencePosition {
    sequence: String,
    position: u64,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &ProcessEvent) -> Encoded {
    match event.clone() {
        ProcessEvent::Introduced { after } => encode_shape("process.introduced", 1, &Introduced { after }),
        ProcessEvent::Paused => encode_shape("process.paused", 1, &NoData {}),
        ProcessEvent::Resumed => encode_shape("process.resumed", 1, &NoData {}),
        ProcessEvent::Stepped => encode_shape("process.stepped", 1, &NoData {}),
        ProcessEvent::SequenceParked { sequence, position, attempts, error } => {
            encode_shape("process.sequence_parked", 1, &SequenceParked { sequence, position, attempts, error })
        }
        ProcessEvent::SequenceRetried { sequence, position } => {
            encode_shape("process.sequence_retried", 1, &SequencePosition { sequence, position })
        }
        ProcessEvent::SequenceSkipped { sequence, position } => {
            encode_shape("process.sequence_skipped", 1, &SequencePosition { sequence, position })
        }
        ProcessEvent::SequenceRecovered { sequence, position } => {
            encode_shape("process.sequence_recovered", 1, &SequencePosition { sequence, position })
        }
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<ProcessEvent, CodecError> {
    match (kind, schema_version) {
        ("process.introduced", 1) => {
            let Introduced { after } = parse(kind, data)?;
            Ok(ProcessEvent::Introduced { after })
        }
        ("process.paused", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(ProcessEvent::Paused)
        }
        ("process.resumed", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(ProcessEvent::Resumed)
        }
        ("process.stepped", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(ProcessEvent::Stepped)
        }
        ("process.sequence_parked", 1) => {
            let SequenceParked { sequence, position, attempts, error } = parse(kind, data)?;
            Ok(ProcessEvent::SequenceParked { sequence, position, attempts, error })
        }
        ("process.sequence_retried", 1) => {
            let SequencePosition { sequence, position } = parse(kind, data)?;
            Ok(ProcessEvent::SequenceRetried { sequence, position })
        }
        ("process.sequence_skipped", 1) => {
            let SequencePosition { sequence, position } = parse(kind, data)?;
            Ok(ProcessEvent::SequenceSkipped { sequence, position })
        }
        ("process.sequence_recovered", 1) => {
            let SequencePosition { sequence, position } = parse(kind, data)?;
            Ok(ProcessEvent::SequenceRecovered { sequence, position })
        }
        _ => Err(unknown_type("process", KINDS, kind, schema_version)),
    }
}
