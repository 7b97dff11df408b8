//! One of the shop's own processes, as far as people steer it: whether it is paused, and which sequences are parked.
//!
//! A process handles the events of one sequence (in practice: of one order) one after another. An event that cannot be
//! handled parks its sequence: what follows of the same sequence waits behind it, in order, and everything else flows on.
//! Somebody looks, and has it retried or skips it. Positions are places in the log.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

/// Something that happened to a process; stream `process-{name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It came to a log that has events already which are none of its business: it acts on what comes after. Once for each
    /// process that must not act on the past, and before it does anything.
    Introduced {
        /// The last position of that past; 0 for a log that was empty.
        after: u64,
    },
    /// It begins no further event until it is resumed.
    Paused,
    /// It goes on.
    Resumed,
    /// While paused, it may begin the first event that waits. Where none waits, nothing comes of it: a step is never kept
    /// for later.
    Stepped,
    /// An event could not be handled. It, and what follows of its sequence, waits for somebody to look.
    SequenceParked {
        /// What the event belongs to: its correlation id.
        sequence: String,
        /// The event.
        position: u64,
        /// How often it was tried.
        attempts: u32,
        /// What went wrong at last.
        error: String,
    },
    /// The event is to be tried again, and after it what waits behind it.
    SequenceRetried {
        /// The sequence.
        sequence: String,
        /// The event.
        position: u64,
    },
    /// The event is dropped for good; what waits behind it is handled.
    SequenceSkipped {
        /// The sequence.
        sequence: String,
        /// The event.
        position: u64,
    },
    /// Everything of the sequence up to here is dealt with; it flows again like any other.
    SequenceRecovered {
        /// The sequence.
        sequence: String,
        /// The last event that had waited.
        position: u64,
    },
}

/// Something asked of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessCommand {
    /// Act on what comes after a position; nothing happens once that was said.
    Introduce {
        /// The last position of the past.
        after: u64,
    },
    /// Begin no further event; nothing happens when it is paused already.
    Pause,
    /// Go on; nothing happens when it is not paused.
    Resume,
    /// Begin the event that waits first; only while paused.
    Step,
    /// Park a sequence at an event; once for each event at which it stands.
    Park {
        /// The sequence.
        sequence: String,
        /// The event.
        position: u64,
        /// How often it was tried.
        attempts: u32,
        /// What went wrong at last; kept to 500 characters.
        error: String,
    },
    /// Try the event again at which a sequence stands.
    Retry {
        /// The sequence.
        sequence: String,
    },
    /// Drop the event at which a sequence stands, and nothing else.
    Skip {
        /// The sequence.
        sequence: String,
    },
    /// Record that all that had waited is dealt with; only while the sequence is being retried.
    Recover {
        /// The sequence.
        sequence: String,
        /// The last event that had waited.
        position: u64,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// The sequence does not stand anywhere.
    #[error("no such sequence is parked")]
    NotParked,
    /// Somebody has asked already, and it is under way.
    #[error("the sequence is being retried already")]
    RetriedAlready,
    /// Only a paused process is led step by step.
    #[error("the process is not paused")]
    NotPaused,
    /// Parking more would only hide that something larger is wrong.
    #[error("{MOST_PARKED} sequences are parked already")]
    TooManyParked,
}

/// Maximum number of parked sequences. Each costs about 200 bytes of memory, so this bounds what a process holds, and no
/// more than that: it stands far above what a shop has to do with.
pub const MOST_PARKED: usize = 100_000;

/// How much of an error is kept, in characters.
const LONGEST_ERROR: usize = 500;

/// A process, as its events add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    introduced: Option<u64>,
    paused: bool,
    parked: BTreeMap<String, Parked>,
    settled: BTreeMap<String, u64>,
}

/// A sequence that stands, or that was told to go on and has not caught up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The event at which it stands, or stood.
    pub position: u64,
    /// How often that event was tried. What went wrong stands in the event that says so, and is not held here.
    pub attempts: u32,
    /// Where it goes on once it was retried or skipped: with what comes after this position.
    pub goes_on_after: Option<u64>,
}

impl Process {
    /// After which position it acts; `None` while nobody has said so, and for a process that acts on every event there is.
    pub fn introduced(&self) -> Option<u64> {
        self.introduced
    }

    /// Whether it begins nothing by itself.
    pub fn paused(&self) -> bool {
        self.paused
    }

    /// The sequences that stand or are catching up, by name.
    pub fn parked(&self) -> &BTreeMap<String, Parked> {
        &self.parked
    }

    /// Sequences that have recovered, and up to where they were dealt with by then. Whoever has not read that far in the log
    /// yet must not handle them again: some of it was skipped.
    pub fn settled(&self) -> &BTreeMap<String, u64> {
        &self.settled
    }

    /// The sequence, if it stands and nobody has done anything about it yet.
    fn standing(&self, sequence: &str) -> Result<&Parked, ProcessError> {
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
        // A step is for whoever runs now; one that is not taken before a restart is forgotten.
        ProcessEvent::Stepped => {}
        ProcessEvent::SequenceParked { sequence, position, attempts, error: _ } => {
            let parked = Parked { position: *position, attempts: *attempts, goes_on_after: None };
            process.settled.remove(sequence);
            process.parked.insert(sequence.clone(), parked);
        }
        ProcessEvent::SequenceRetried { sequence, position } => {
            go_on(&mut process, sequence, position.saturating_sub(1));
        }
        ProcessEvent::SequenceSkipped { sequence, position } => go_on(&mut process, sequence, *position),
        ProcessEvent::SequenceRecovered { sequence, position } => {
            if process.parked.remove(sequence).is_some() {
                process.settled.insert(sequence.clone(), *position);
            }
        }
    }
    process
}

fn go_on(process: &mut Process, sequence: &str, after: u64) {
    if let Some(parked) = process.parked.get_mut(sequence) {
        parked.goes_on_after = Some(after);
    }
}

/// The events that a command leads to; none when everything is so already.
///
/// # Errors
/// Says why the process refuses. Nothing is to be written then.
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
            let position = process.standing(&sequence)?.position;
            Ok(vec![ProcessEvent::SequenceRetried { sequence, position }])
        }
        ProcessCommand::Skip { sequence } => {
            let position = process.standing(&sequence)?.position;
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
        None if process.parked.len() >= MOST_PARKED => return Err(ProcessError::TooManyParked),
        None => {}
    }
    let error = error.chars().take(LONGEST_ERROR).collect();
    Ok(vec![ProcessEvent::SequenceParked { sequence, position, attempts, error }])
}
