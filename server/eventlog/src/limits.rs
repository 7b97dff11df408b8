//! What one append may hold. Checked before an append is queued, so that a bad one costs nobody else anything.

use std::collections::HashSet;

use crate::{Append, AppendError, NewEvent};

/// Most events in one append.
pub const EVENTS_PER_APPEND: usize = 10_000;
/// Most bytes of JSON in one event or answer.
pub const DATA_BYTES: usize = 1024 * 1024;
/// Most bytes of a type, a correlation or causation id, an actor, a consumer or an idempotency key.
pub const NAME_BYTES: usize = 1000;
/// Most events that one read answers, whatever limit was asked for.
pub const EVENTS_PER_READ: usize = 10_000;

/// Checks what can be checked without the log.
pub(crate) fn check(append: &Append) -> Result<(), AppendError> {
    let events = append.streams.iter().map(|stream| stream.events.len()).sum::<usize>();
    if events > EVENTS_PER_APPEND {
        return Err(invalid(format!("an append has at most {EVENTS_PER_APPEND} events, not {events}")));
    }
    if let Some(twice) = repeated(append.streams.iter().map(|stream| &stream.stream)) {
        return Err(invalid(format!("an append names each stream once, but {twice} twice")));
    }
    if let Some(twice) = repeated(append.streams.iter().flat_map(|stream| &stream.events).map(|event| &event.id)) {
        return Err(invalid(format!("an append has each event once, but {twice} twice")));
    }
    append.streams.iter().flat_map(|stream| &stream.events).try_for_each(check_event)?;
    append.checkpoints.iter().try_for_each(|checkpoint| check_name("a consumer", &checkpoint.consumer))?;
    if let Some(answer) = &append.answer {
        check_name("an idempotency key", &answer.key)?;
        check_name("a fingerprint", &answer.fingerprint)?;
        check_data(answer.body.as_str())?;
    }
    Ok(())
}

fn check_event(event: &NewEvent) -> Result<(), AppendError> {
    if event.kind.is_empty() {
        return Err(invalid("an event type needs a name".to_owned()));
    }
    if event.schema_version == 0 {
        return Err(invalid("schema versions start at 1".to_owned()));
    }
    check_name("an event type", &event.kind)?;
    check_name("a correlation id", &event.correlation_id)?;
    check_name("a causation id", event.causation_id.as_deref().unwrap_or_default())?;
    check_name("an actor", &event.actor)?;
    check_data(event.data.as_str())
}

fn check_name(what: &str, name: &str) -> Result<(), AppendError> {
    if name.len() > NAME_BYTES {
        return Err(invalid(format!("{what} has at most {NAME_BYTES} bytes, not {}", name.len())));
    }
    // PostgreSQL cannot keep it, and every backend takes the same.
    if name.contains('\0') {
        return Err(invalid(format!("{what} has no NUL character")));
    }
    Ok(())
}

fn check_data(data: &str) -> Result<(), AppendError> {
    if data.len() > DATA_BYTES {
        return Err(invalid(format!("JSON in the log has at most {DATA_BYTES} bytes, not {}", data.len())));
    }
    Ok(())
}

fn repeated<T: Eq + std::hash::Hash>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = HashSet::new();
    let mut items = items.peekable();
    let first = items.next()?;
    // Most appends have one stream and one event: those cost no allocation.
    items.peek()?;
    seen.insert(first);
    items.find_map(|item| seen.replace(item))
}

fn invalid(why: String) -> AppendError {
    AppendError::Invalid(why)
}
