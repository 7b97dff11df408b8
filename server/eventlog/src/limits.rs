//! Limits of appends, reads and leases. Appends are checked before they are queued, so that an invalid one does not fail a
//! batch.

use std::collections::HashSet;
use std::time::Duration;

use crate::{Append, AppendError, NewEvent, StoreError, TimerChange};

/// Maximum number of events per append.
pub const EVENTS_PER_APPEND: usize = 10_000;
/// Maximum number of checkpoints, of fences and of timers per append.
pub const COMPANIONS_PER_APPEND: usize = 1000;
/// Maximum size of the JSON of an event, an answer or a timer, in bytes.
pub const DATA_BYTES: usize = 1024 * 1024;
/// Maximum size of the JSON of a snapshot, in bytes.
pub const SNAPSHOT_BYTES: usize = 16 * 1024 * 1024;
/// Maximum length of a type, a correlation or causation id, an actor, a consumer, an idempotency key, a lease, its holder
/// or a timer, in bytes.
pub const NAME_BYTES: usize = 1000;
/// Maximum number of events per read, whatever limit the caller asks for.
pub const EVENTS_PER_READ: usize = 10_000;
/// Maximum number of timers per read, whatever limit the caller asks for.
pub const TIMERS_PER_READ: usize = 1000;
/// Permitted time to live of a lease.
pub const LEASE_TTL: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);

/// Checks an append as far as that is possible without the log.
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
    let companions = [append.checkpoints.len(), append.fences.len(), append.timers.len()];
    if let Some(count) = companions.into_iter().find(|count| *count > COMPANIONS_PER_APPEND) {
        return Err(invalid(format!(
            "an append has at most {COMPANIONS_PER_APPEND} checkpoints, fences or timers, not {count}"
        )));
    }
    append.checkpoints.iter().try_for_each(|checkpoint| check_name("a consumer", &checkpoint.consumer))?;
    append.fences.iter().try_for_each(|fence| check_name("a lease", &fence.lease))?;
    if let Some((owner, timer)) = repeated(append.timers.iter().map(TimerChange::key)) {
        return Err(invalid(format!("an append changes each timer once, but {timer} of {owner} twice")));
    }
    append.timers.iter().try_for_each(check_timer)?;
    if let Some(answer) = &append.answer {
        check_name("an idempotency key", &answer.key)?;
        check_name("a fingerprint", &answer.fingerprint)?;
        check_data(answer.body.as_str())?;
    }
    Ok(())
}

/// Checks the names and the time to live of a lease.
pub(crate) fn check_lease(name: &str, holder: &str, ttl: Duration) -> Result<(), StoreError> {
    let named = check_name("a lease", name).and_then(|()| check_name("a lease's holder", holder));
    named.map_err(|error| StoreError::Invalid(error.to_string()))?;
    if !LEASE_TTL.contains(&ttl) {
        let (shortest, longest) = (LEASE_TTL.start(), LEASE_TTL.end());
        return Err(StoreError::Invalid(format!("a lease is taken for {shortest:?} to {longest:?}, not for {ttl:?}")));
    }
    Ok(())
}

fn check_timer(change: &TimerChange) -> Result<(), AppendError> {
    let (owner, timer) = change.key();
    check_name("a timer's owner", owner)?;
    check_name("a timer", timer)?;
    match change {
        TimerChange::Set { note, .. } => check_data(note.as_str()),
        TimerChange::Clear { .. } => Ok(()),
    }
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
