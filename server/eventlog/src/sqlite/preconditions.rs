//! The preconditions of an append, which are checked before any of it is written: repeated append, used idempotency key,
//! known event id, stale lease, timer that is not set as it was read, expected versions.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::read;
use crate::queue::Outcome;
use crate::version_cache::VersionCache;
use crate::{Append, AppendError, Appended, Epoch, EventId, Expected, Fence, Position, StreamName, Version};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EventIdCheck {
    /// An id that is in the log already violates a constraint when it is inserted.
    AssumeNew,
    LookUp,
}

pub(super) enum Validation {
    /// The outcome is known and nothing is written.
    Resolved(Outcome),
    /// The append may be written; these are the present versions of its streams.
    Writable(Vec<Version>),
}

/// Validates an append by itself.
pub(super) fn validate(
    connection: &Connection,
    versions: &mut VersionCache,
    append: &Append,
    id_check: EventIdCheck,
) -> rusqlite::Result<Validation> {
    if let Some(key) = append.answer.as_ref().map(|answer| &answer.key)
        && let Some((answer, position)) = read::answer(connection, key)?
    {
        return Ok(Validation::Resolved(match match_event_ids(connection, append)? {
            EventIdMatch::WholeAppend(appended) => Ok(appended),
            EventIdMatch::SomeEvents(_) | EventIdMatch::NoEvent => {
                Err(AppendError::AlreadyAnswered { answer: Box::new(answer), position })
            }
        }));
    }
    let mut before = Vec::with_capacity(append.streams.len());
    let mut refusal = stale_lease_or_timer(connection, append)?;
    for stream in &append.streams {
        let actual = version(connection, versions, &stream.stream)?;
        if let Expected::Exactly(expected) = stream.expected
            && expected != actual
            && refusal.is_none()
        {
            refusal = Some(AppendError::Conflict { stream: stream.stream.clone(), expected, actual });
        }
        before.push(actual);
    }
    if refusal.is_some() || id_check == EventIdCheck::LookUp {
        match match_event_ids(connection, append)? {
            EventIdMatch::WholeAppend(appended) => return Ok(Validation::Resolved(Ok(appended))),
            EventIdMatch::SomeEvents(id) => return Ok(Validation::Resolved(Err(AppendError::DuplicateEvent(id)))),
            EventIdMatch::NoEvent => {}
        }
    }
    Ok(refusal.map_or(Validation::Writable(before), |refusal| Validation::Resolved(Err(refusal))))
}

fn version(connection: &Connection, versions: &mut VersionCache, stream: &StreamName) -> rusqlite::Result<Version> {
    if let Some(version) = versions.get(stream) {
        return Ok(version);
    }
    let version = read::version(connection, stream)?;
    versions.set(stream, version);
    Ok(version)
}

/// Which event ids of an append are in the log.
enum EventIdMatch {
    NoEvent,
    /// At least this event is in the log, but not the same append.
    SomeEvents(EventId),
    /// All events are in the log, in their streams and at consecutive positions: the append was written before.
    WholeAppend(Appended),
}

fn match_event_ids(connection: &Connection, append: &Append) -> rusqlite::Result<EventIdMatch> {
    let mut find = connection.prepare_cached("SELECT position, stream, version FROM events WHERE id = ?1")?;
    let mut first_match = None;
    let mut run: Option<(Position, Position)> = None;
    let mut is_whole = true;
    let mut versions = vec![None; append.streams.len()];
    for (stream, last) in append.streams.iter().zip(&mut versions) {
        for event in &stream.events {
            let found = find
                .query_row([event.id.as_bytes().as_slice()], |row| {
                    Ok((row.get::<_, Position>(0)?, row.get::<_, String>(1)?, row.get::<_, Version>(2)?))
                })
                .optional()?;
            let Some((position, name, version)) = found else {
                is_whole = false;
                continue;
            };
            first_match.get_or_insert(event.id);
            is_whole &= name == stream.stream.as_str() && run.is_none_or(|(_, previous)| position.0 == previous.0 + 1);
            run = Some((run.map_or(position, |(first, _)| first), position));
            *last = Some(version);
        }
    }
    match (first_match, run) {
        (Some(_), Some((first, last))) if is_whole => {
            let versions = original_versions(connection, append, versions, first)?;
            Ok(EventIdMatch::WholeAppend(Appended { position: last, versions }))
        }
        (Some(id), _) => Ok(EventIdMatch::SomeEvents(id)),
        (None, _) => Ok(EventIdMatch::NoEvent),
    }
}

/// The versions in the original outcome of a repeated append: those of its events, and for streams without events the
/// version before its first position.
fn original_versions(
    connection: &Connection,
    append: &Append,
    written: Vec<Option<Version>>,
    first: Position,
) -> rusqlite::Result<Vec<Version>> {
    let mut before = connection
        .prepare_cached("SELECT coalesce(max(version), 0) FROM events WHERE stream = ?1 AND position < ?2")?;
    let mut versions = Vec::with_capacity(written.len());
    for (stream, version) in append.streams.iter().zip(written) {
        versions.push(match version {
            Some(version) => version,
            None => before.query_row(params![stream.stream.as_str(), first], |row| row.get(0))?,
        });
    }
    Ok(versions)
}

/// The first violated precondition of an append: a stale lease, then a timer that is not set as it was read.
fn stale_lease_or_timer(connection: &Connection, append: &Append) -> rusqlite::Result<Option<AppendError>> {
    for Fence { lease, epoch } in &append.fences {
        let current: Option<Epoch> = connection
            .prepare_cached("SELECT epoch FROM leases WHERE name = ?1")?
            .query_row([lease], |row| row.get(0))
            .optional()?;
        let current = current.unwrap_or_default();
        if current != *epoch {
            return Ok(Some(AppendError::Fenced { lease: lease.clone(), epoch: *epoch, current }));
        }
    }
    for change in &append.timers {
        let (owner, timer) = change.key();
        if let Some(revision) = change.expected_revision()
            && !is_set(connection, owner, timer, revision)?
        {
            return Ok(Some(AppendError::TimerGone { owner: owner.to_owned(), timer: timer.to_owned() }));
        }
    }
    Ok(None)
}

fn is_set(connection: &Connection, owner: &str, timer: &str, revision: Uuid) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM timers WHERE owner = ?1 AND name = ?2 AND revision = ?3")?.exists(params![
        owner,
        timer,
        revision.as_bytes().as_slice()
    ])
}
