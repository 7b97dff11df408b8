//! Events of streams `process-{name}`.

use serde::{Deserialize, Serialize};
use storefront_domain::process::ProcessEvent;

use super::shapes::Nothing;
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &[
    "process.introduced",
    "process.paused",
    "process.resumed",
    "process.stepped",
    "process.sequence_parked",
    "process.sequence_retried",
    "process.sequence_skipped",
    "process.sequence_recovered",
];

#[derive(Serialize, Deserialize)]
struct Introduced {
    after: u64,
}

#[derive(Serialize, Deserialize)]
struct SequenceParked {
    sequence: String,
    position: u64,
    attempts: u32,
    error: String,
}

/// A place in a sequence.
#[derive(Serialize, Deserialize)]
struct Place {
    sequence: String,
    position: u64,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &ProcessEvent) -> Encoded {
    match event.clone() {
        ProcessEvent::Introduced { after } => encoded("process.introduced", 1, &Introduced { after }),
        ProcessEvent::Paused => encoded("process.paused", 1, &Nothing {}),
        ProcessEvent::Resumed => encoded("process.resumed", 1, &Nothing {}),
        ProcessEvent::Stepped => encoded("process.stepped", 1, &Nothing {}),
        ProcessEvent::SequenceParked { sequence, position, attempts, error } => {
            encoded("process.sequence_parked", 1, &SequenceParked { sequence, position, attempts, error })
        }
        ProcessEvent::SequenceRetried { sequence, position } => {
            encoded("process.sequence_retried", 1, &Place { sequence, position })
        }
        ProcessEvent::SequenceSkipped { sequence, position } => {
            encoded("process.sequence_skipped", 1, &Place { sequence, position })
        }
        ProcessEvent::SequenceRecovered { sequence, position } => {
            encoded("process.sequence_recovered", 1, &Place { sequence, position })
        }
    }
}

/// A stored event in its present shape.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<ProcessEvent, CodecError> {
    match (kind, schema_version) {
        ("process.introduced", 1) => {
            let Introduced { after } = parsed(kind, data)?;
            Ok(ProcessEvent::Introduced { after })
        }
        ("process.paused", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(ProcessEvent::Paused)
        }
        ("process.resumed", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(ProcessEvent::Resumed)
        }
        ("process.stepped", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(ProcessEvent::Stepped)
        }
        ("process.sequence_parked", 1) => {
            let SequenceParked { sequence, position, attempts, error } = parsed(kind, data)?;
            Ok(ProcessEvent::SequenceParked { sequence, position, attempts, error })
        }
        ("process.sequence_retried", 1) => {
            let Place { sequence, position } = parsed(kind, data)?;
            Ok(ProcessEvent::SequenceRetried { sequence, position })
        }
        ("process.sequence_skipped", 1) => {
            let Place { sequence, position } = parsed(kind, data)?;
            Ok(ProcessEvent::SequenceSkipped { sequence, position })
        }
        ("process.sequence_recovered", 1) => {
            let Place { sequence, position } = parsed(kind, data)?;
            Ok(ProcessEvent::SequenceRecovered { sequence, position })
        }
        _ => Err(unknown("process", KINDS, kind, schema_version)),
    }
}
