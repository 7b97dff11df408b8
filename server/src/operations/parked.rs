//! Parked sequences as operators see them, read from the process's own stream and the log, so that every server on
//! one log answers the same.

use std::collections::HashMap;

use storefront_api::{Page, ParkedSequence, ParkedState, Timestamp};
use storefront_domain::process::{self, Parked, Process, ProcessCommand, ProcessEvent};
use storefront_eventlog::{Filter, Position};

use crate::payments::refunds;
use crate::store::aggregates;
use crate::store::aggregates::{LoadError, Store};
use crate::store::commands::{Context, Done, Failure, Reply, append_with_reply, decide_change, retry_on_conflict};
use crate::store::streams;

/// Maximum number of events that are counted behind a parked one.
const MAX_COUNTED_WAITING: usize = 1000;

/// Returns one page of the parked sequences of a process, by name of the sequence, after the sequence `after`.
/// `types` are the event types that the process subscribes to.
pub(crate) async fn list(
    store: &Store,
    process: &'static str,
    types: &[&str],
    after: Option<&str>,
    limit: usize,
) -> Result<Page<ParkedSequence>, LoadError> {
    let (state, reasons) = load_with_reasons(store, process).await?;
    let mut rest = state.parked().iter().filter(|(sequence, _)| after.is_none_or(|after| sequence.as_str() > after));
    let mut items = Vec::new();
    for (sequence, parked) in rest.by_ref().take(limit) {
        let (parked_at, error) = reasons.get(&parked.position).cloned().unwrap_or_default();
        items.extend(parked_sequence(store, types, sequence, parked, (parked_at, error)).await?);
    }
    let next_cursor = items.last().filter(|_| rest.next().is_some()).map(|last| last.sequence.clone());
    Ok(Page { items, next_cursor, total: state.parked().len() as u64 })
}

/// Loads the process, and for each position at which a sequence was parked, when and why.
async fn load_with_reasons(
    store: &Store,
    process: &'static str,
) -> Result<(Process, HashMap<u64, (Timestamp, String)>), LoadError> {
    let (mut state, mut reasons) = (Process::default(), HashMap::new());
    aggregates::for_each(store, &streams::process(process), |recorded| {
        let event = aggregates::decode::<ProcessEvent>(recorded)?;
        state = process::evolve(std::mem::take(&mut state), &event);
        if let ProcessEvent::SequenceParked { position, error, .. } = event {
            reasons.insert(position, (Timestamp::from_unix_ms(recorded.time_ms), error));
        }
        Ok(())
    })
    .await?;
    Ok((state, reasons))
}

async fn parked_sequence(
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
    let page = store.read_all(before, MAX_COUNTED_WAITING + 1, &filter).await?;
    let Some(front) = page.events.iter().find(|recorded| recorded.position == position) else { return Ok(None) };
    Ok(Some(ParkedSequence {
        sequence: sequence.to_owned(),
        state: if parked.goes_on_after.is_some() { ParkedState::Retrying } else { ParkedState::Parked },
        position: parked.position,
        kind: front.kind().to_owned(),
        stream: front.stream().to_owned(),
        attempts: parked.attempts,
        error,
        parked_at,
        waiting: page.events.len() as u64 - 1,
    }))
}

/// Skips the event at which a sequence of a process is parked. A refund that this event asked for is recorded as
/// failed, so that it has an end. `reply` receives the process before the skip.
pub(crate) async fn skip_parked(
    store: &Store,
    name: &'static str,
    context: &Context,
    sequence: &str,
    reply: impl Fn(&Process) -> Result<Reply, serde_json::Error> + Send + Sync,
) -> Result<Done, Failure> {
    let stream = streams::process(name);
    retry_on_conflict(|| async {
        let skip = ProcessCommand::Skip { sequence: sequence.to_owned() };
        let decide = |process: &Process| process::decide(process, skip.clone());
        let mut change = decide_change(store, &stream, &context.condition, &context.cause, decide).await?;
        if let Some(parked) = change.before.parked().get(sequence) {
            refunds::give_up_parked(store, &mut change.batch, name, Position(parked.position)).await?;
        }
        let reply = reply(&change.before)?;
        append_with_reply(store, change.batch, context, reply).await
    })
    .await
}
