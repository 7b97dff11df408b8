//! The operation of a process: whether it is paused, and which sequences are parked.
//!
//! A process handles the events of a sequence (in practice: of an order) one after another. An event that cannot be handled
//! parks its sequence: later events of the sequence wait behind it, in order, and other sequences continue. An operator
//! retries or skips the event. Positions are positions in the log.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

/// An event of a process; stream `process-{name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// The process starts on a log that has events already, and handles only later ones. Written once, before anything else,
    /// for each process that must not handle past events.
    Introduced {
        /// The last position that it does not handle; 0 for an empty log.
        after: u64,
    },
    /// It starts no further event until it is resumed.
    Paused,
    Resumed,
    /// While paused, it may handle the first waiting event. A step without a waiting event has no effect, also later.
    Stepped,
    /// An event could not be handled. It and the later events of its sequence wait for an operator.
    SequenceParked {
        /// Correlation id of the event.
        sequence: String,
        /// Position of the event in the log.
        position: u64,
        attempts: u32,
        /// The error of the last attempt.
        error: String,
    },
    /// The event is to be handled again, and then the waiting events behind it.
    SequenceRetried {
        sequence: String,
        /// Position of the event in the log.
        position: u64,
    },
    /// The event is dropped for good, and the waiting events behind it are handled.
    SequenceSkipped {
        sequence: String,
        /// Position of the event in the log.
        position: u64,
    },
    /// Every event of the sequence up to this position is handled; the sequence is no longer parked.
    SequenceRecovered {
        sequence: String,
        /// Position of the last event that had waited.
        position: u64,
    },
}

/// A command to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessCommand {
    /// Handle only events after a position; changes nothing after the first time.
    Introduce {
        /// The last position that it does not handle.
        after: u64,
    },
    /// Start no further event; changes nothing when it is paused already.
    Pause,
    /// Continue; changes nothing when it is not paused.
    Resume,
    /// Handle the first waiting event; only while paused.
    Step,
    /// Park a sequence at an event; changes nothing while it is parked and not retried.
    Park {
        sequence: String,
        /// Position of the event in the log.
        position: u64,
        attempts: u32,
        /// The error of the last attempt; cut off at 500 characters.
        error: String,
    },
    /// Handle the event again at which a sequence is parked.
    Retry { sequence: String },
    /// Drop the event at which a sequence is parked, and only that.
    Skip { sequence: String },
    /// Record that all waiting events are handled; only while the sequence is being retried.
    Recover {
        sequence: String,
        /// Position of the last event that had waited.
        position: u64,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    #[error("no such sequence is parked")]
    NotParked,
    /// A retry or skip was requested already and is not finished.
    #[error("the sequence is being retried already")]
    RetriedAlready,
    #[error("the process is not paused")]
    NotPaused,
    /// The limit of parked sequences is reached; so many point to a general failure.
    #[error("{MAX_PARKED_SEQUENCES} sequences are parked already")]
    TooManyParked,
}

/// Maximum number of parked sequences per process. Each costs about 200 bytes of memory; the limit bounds memory only, and is
/// far above what a shop meets in practice.
pub const MAX_PARKED_SEQUENCES: usize = 100_000;

/// Maximum length of a stored error, in characters.
const MAX_ERROR_CHARS: usize = 500;

/// The state of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    introduced: Option<u64>,
    paused: bool,
    parked: BTreeMap<String, Parked>,
    settled: BTreeMap<String, u64>,
}

/// A sequence that is parked, or that is being retried and has not caught up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Position of the event at which it is, or was, parked.
    pub position: u64,
    /// Number of attempts at that event. The error is in the event [`ProcessEvent::SequenceParked`] only.
    pub attempts: u32,
    /// After a retry or skip: the position after which it continues.
    pub goes_on_after: Option<u64>,
}

impl Process {
    /// The position after which it handles events; `None` if never set, also for a process that handles all events.
    pub fn introduced(&self) -> Option<u64> {
        self.introduced
    }

    /// Whether it starts events only by steps.
    pub fn paused(&self) -> bool {
        self.paused
    }

    /// Sequences that are parked or catching up, by name.
    pub fn parked(&self) -> &BTreeMap<String, Parked> {
        &self.parked
    }

    /// Recovered sequences, and the position up to which their events were handled by then. A reader that has not come so far
    /// must not handle those events again, because some may have been skipped.
    pub fn settled(&self) -> &BTreeMap<String, u64> {
        &self.settled
    }

    /// The sequence, if it is parked and not being retried.
    fn parked_sequence(&self, sequence: &str) -> Result<&Parked, ProcessError> {
        let parked = self.parked.get(sequence).ok_or(ProcessError::NotParked)?;
        if parked.goes_on_after.is_some() { Err(ProcessError::RetriedAlready) } else { Ok(parked) }
    }
}

/// The process after an event. Never fails: an event that does not fit leaves it as it was.
pub fn evolve(mut process: Process, event: &ProcessEvent) -> Process {
    match event {
        ProcessEvent::Introduced { after } => process.introduced = process.introduced.or(Some(*after)),
        ProcessEvent::Paused => process.paused = true,
        ProcessEvent::Resumed => process.paused = false,
        // A step is for the running process only; a restart drops it.
        ProcessEvent::Stepped => {}
        ProcessEvent::SequenceParked { sequence, position, attempts, error: _ } => {
            let parked = Parked { position: *position, attempts: *attempts, goes_on_after: None };
            process.settled.remove(sequence);
            process.parked.insert(sequence.clone(), parked);
        }
        ProcessEvent::SequenceRetried { sequence, position } => {
            continue_after(&mut process, sequence, position.saturating_sub(1));
        }
        ProcessEvent::SequenceSkipped { sequence, position } => continue_after(&mut process, sequence, *position),
        ProcessEvent::SequenceRecovered { sequence, position } => {
            if process.parked.remove(sequence).is_some() {
                process.settled.insert(sequence.clone(), *position);
            }
        }
    }
    process
}

fn continue_after(process: &mut Process, sequence: &str, after: u64) {
    if let Some(parked) = process.parked.get_mut(sequence) {
        parked.goes_on_after = Some(after);
    }
}

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// Why the process refuses the command; nothing is written then.
pub fn decide(process: &Process, command: ProcessCommand) -> Result<Vec<ProcessEvent>, ProcessError> {
    match command {
        ProcessCommand::Introduce { after } => Ok(match process.introduced {
            None => vec![ProcessEvent::Introduced { after }],
            Some(_) => vec![],
        }),
        ProcessCommand::Pause if process.paused => Ok(vec![]),
        ProcessCommand::Pause => Ok(vec![ProcessEvent::Paused]),
        ProcessCommand::Resume if process.paused => Ok(vec![ProcessEvent::Resumed]),
        ProcessCommand::Resume => Ok(vec![]),
        ProcessCommand::Step if process.paused => Ok(vec![ProcessEvent::Stepped]),
        ProcessCommand::Step => Err(ProcessError::NotPaused),
        ProcessCommand::Park { sequence, position, attempts, error } => {
            park(process, sequence, position, attempts, &error)
        }
        ProcessCommand::Retry { sequence } => {
            let position = process.parked_sequence(&sequence)?.position;
            Ok(vec![ProcessEvent::SequenceRetried { sequence, position }])
        }
        ProcessCommand::Skip { sequence } => {
            let position = process.parked_sequence(&sequence)?.position;
            Ok(vec![ProcessEvent::SequenceSkipped { sequence, position }])
        }
        ProcessCommand::Recover { sequence, position } => match process.parked.get(&sequence) {
            Some(Parked { goes_on_after: Some(_), .. }) => {
                Ok(vec![ProcessEvent::SequenceRecovered { sequence, position }])
            }
            Some(Parked { goes_on_after: None, .. }) | None => Ok(vec![]),
        },
    }
}

fn park(
    process: &Process,
    sequence: String,
    position: u64,
    attempts: u32,
    error: &str,
) -> Result<Vec<ProcessEvent>, ProcessError> {
    match process.parked.get(&sequence) {
        Some(Parked { goes_on_after: None, .. }) => return Ok(vec![]),
        Some(Parked { goes_on_after: Some(_), .. }) => {}
        None if process.parked.len() >= MAX_PARKED_SEQUENCES => return Err(ProcessError::TooManyParked),
        None => {}
    }
    let error = error.chars().take(MAX_ERROR_CHARS).collect();
    Ok(vec![ProcessEvent::SequenceParked { sequence, position, attempts, error }])
}
