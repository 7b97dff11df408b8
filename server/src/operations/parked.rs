//! Parked sequences as an operator sees them: from the process's own stream and the log, so that every server that shares
//! the log answers the same.

use std::collections::HashMap;

use storefront_api::{Page, ParkedSequence, ParkedState, Timestamp};
use storefront_domain::process::{self, Parked, Process, ProcessCommand, ProcessEvent};
use storefront_eventlog::{Filter, Position};

use crate::clock;
use crate::payments::refunds;
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, LoadError, Store};
use crate::store::commands::{Context, Done, Failure, Reply, retrying, write};
use crate::store::streams;

/// So many events are counted behind a parked one.
const MOST_COUNTED: usize = 1000;

/// One page of the parked sequences of a process that listens to some types, by name of the sequence, after one of them.
pub(crate) async fn page(
    store: &Store,
    process: &'static str,
    types: &[&str],
    after: Option<&str>,
    limit: usize,
) -> Result<Page<ParkedSequence>, LoadError> {
    let (state, why) = load(store, process).await?;
    let mut rest = state.parked().iter().filter(|(sequence, _)| after.is_none_or(|after| sequence.as_str() > after));
    let mut items = Vec::new();
    for (sequence, parked) in rest.by_ref().take(limit) {
        let (parked_at, error) = why.get(&parked.position).cloned().unwrap_or_default();
        items.extend(shown(store, types, sequence, parked, (parked_at, error)).await?);
    }
    let next_cursor = items.last().filter(|_| rest.next().is_some()).map(|last| last.sequence.clone());
    Ok(Page { items, next_cursor, total: state.parked().len() as u64 })
}

/// The process, and of each event at which something stands, since when and why.
async fn load(store: &Store, process: &'static str) -> Result<(Process, HashMap<u64, (Timestamp, String)>), LoadError> {
    let (mut state, mut why) = (Process::default(), HashMap::new());
    aggregates::for_each(store, &streams::process(process), |recorded| {
        let event = aggregates::decode::<ProcessEvent>(recorded)?;
        state = process::evolve(std::mem::take(&mut state), &event);
        match event {
            ProcessEvent::SequenceParked { position, error, .. } => {
                why.insert(position, (Timestamp::from_unix_ms(recorded.time_ms), error));
            }
            ProcessEvent::SequenceRecovered { .. }
            | ProcessEvent::SequenceRetried { .. }
            | ProcessEvent::SequenceSkipped { .. }
            | ProcessEvent::Introduced { .. }
            | ProcessEvent::Paused
            | ProcessEvent::Resumed
            | ProcessEvent::Stepped => {}
        }
        Ok(())
    })
    .await?;
    Ok((state, why))
}

async fn shown(
    store: &Store,
    types: &[&str],
    sequence: &str,
    parked: &Parked,
    (parked_at, error): (Timestamp, String),
) -> Result<Option<ParkedSequence>, LoadError> {
    let position = Position(parked.position);
    let before = Position(parked.position.saturating_sub(1));
    let types = types.iter().map(ToString::to_string).collect();
    let filter = Filter { types, correlation_id: Some(sequence.to_owned()), ..Filter::default() };
    let slice = store.read_all(before, MOST_COUNTED + 1, &filter).await?;
    let Some(front) = slice.events.iter().find(|recorded| recorded.position == position) else { return Ok(None) };
    Ok(Some(ParkedSequence {
        sequence: sequence.to_owned(),
        state: if parked.goes_on_after.is_some() { ParkedState::Retrying } else { ParkedState::Parked },
        position: parked.position,
        kind: front.kind().to_owned(),
        stream: front.stream().to_owned(),
        attempts: parked.attempts,
        error,
        parked_at,
        waiting: slice.events.len() as u64 - 1,
    }))
}

/// Drops the event at which a parked sequence of a process stands. A refund that was to be carried out is given up with it,
/// so that it has an end. `reply` sees the process as it was.
pub(crate) async fn skip_parked(
    store: &Store,
    name: &'static str,
    context: &Context,
    sequence: &str,
    reply: impl Fn(&Process) -> Result<Reply, serde_json::Error> + Send + Sync,
) -> Result<Done, Failure> {
    let stream = streams::process(name);
    retrying(|| async {
        let (before, version) = aggregates::load::<ProcessEvent>(store, &stream).await?;
        context.condition.check(version)?;
        let skip = ProcessCommand::Skip { sequence: sequence.to_owned() };
        let events = process::decide(&before, skip)?;
        let mut batch = AppendBuilder::new(clock::now(), context.cause.clone());
        batch.add(stream.clone(), version, &events);
        if let Some(parked) = before.parked().get(sequence) {
            refunds::give_up(store, &mut batch, name, Position(parked.position)).await?;
        }
        write(store, batch, context, reply(&before)?).await
    })
    .await
}
