//! Parked sequences as an operator sees them: from the process's own stream and the log, so that every server that shares
//! the log answers the same.

use std::collections::HashMap;

use storefront_api::{Page, ParkedSequence, ParkedState, Timestamp};
use storefront_domain::process::{self, Parked, Process, ProcessEvent};
use storefront_eventlog::{Filter, Position};

use crate::stored::{self, LoadError, Store};
use crate::streams;

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
    let (state, since) = load(store, process).await?;
    let mut rest = state.parked().iter().filter(|(sequence, _)| after.is_none_or(|after| sequence.as_str() > after));
    let mut items = Vec::new();
    for (sequence, parked) in rest.by_ref().take(limit) {
        let parked_at = since.get(sequence).copied().unwrap_or_default();
        items.extend(shown(store, types, sequence, parked, parked_at).await?);
    }
    let next_cursor = items.last().filter(|_| rest.next().is_some()).map(|last| last.sequence.clone());
    Ok(Page { items, next_cursor, total: state.parked().len() as u64 })
}

/// The process, and since when each of its sequences stands.
async fn load(store: &Store, process: &'static str) -> Result<(Process, HashMap<String, Timestamp>), LoadError> {
    let (mut state, mut since) = (Process::default(), HashMap::new());
    stored::for_each(store, &streams::process(process), |recorded| {
        let event = stored::decode::<ProcessEvent>(recorded)?;
        if let ProcessEvent::SequenceParked { sequence, .. } = &event {
            since.insert(sequence.clone(), Timestamp::from_unix_ms(recorded.time_ms));
        }
        state = process::evolve(std::mem::take(&mut state), &event);
        Ok(())
    })
    .await?;
    Ok((state, since))
}

async fn shown(
    store: &Store,
    types: &[&str],
    sequence: &str,
    parked: &Parked,
    parked_at: Timestamp,
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
        error: parked.error.clone(),
        parked_at,
        waiting: slice.events.len() as u64 - 1,
    }))
}
