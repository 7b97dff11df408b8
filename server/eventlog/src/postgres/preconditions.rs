//! The preconditions of an append: what is checked before it is written, and in which order.
//!
//! They are read in the transaction that locks the head row, so they hold until its commit: repeated append, used idempotency
//! key, known event id, stale lease, timer that is not set as it was read, expected versions.

use std::collections::HashMap;

use tokio_postgres::Error;
use uuid::Uuid;

use super::read;
use super::session::{Session, unsigned};
use crate::queue::Outcome;
use crate::{
    Append, AppendError, Appended, Epoch, Expected, Fence, Position, StoredResponse, StreamName, TimerChange, Version,
};

pub(super) const EPOCHS: &str =
    "SELECT name, epoch FROM eventlog.leases WHERE name = ANY ($1::text[]) ORDER BY name FOR SHARE";
pub(super) const REVISIONS: &str = "SELECT owner, name, revision FROM eventlog.timers
    WHERE (owner, name) IN (SELECT * FROM unnest($1::text[], $2::text[]))";

/// Everything that the appends of a batch are validated against, updated with what the batch itself writes.
pub(super) struct Preconditions<'a> {
    versions: HashMap<&'a StreamName, Version>,
    answers: HashMap<String, (StoredResponse, Position)>,
    events: HashMap<Uuid, (Position, String, Version)>,
    epochs: HashMap<String, Epoch>,
    /// The revisions of timers that are set, by owner and name.
    revisions: HashMap<(String, String), Uuid>,
    /// Results of the appends of this batch, by their first event id.
    written: HashMap<Uuid, (&'a Append, Appended)>,
}

pub(super) enum Validation {
    /// The outcome is known and nothing is written.
    Resolved(Outcome),
    /// The append is in the log already; versions are `None` for streams without events.
    Repeated { position: Position, versions: Vec<Option<Version>> },
    /// The append may be written; these are the present versions of its streams.
    Writable(Vec<Version>),
}

impl<'a> Preconditions<'a> {
    /// Reads and locks the leases, so that no other holder can acquire them before this transaction has ended: a new holder
    /// could otherwise begin without seeing what the old one is about to commit.
    pub(super) async fn read(session: &Session, appends: &[&'a Append]) -> Result<Self, Error> {
        let stream_appends = || appends.iter().flat_map(|append| &append.streams);
        let names: Vec<&str> = stream_appends().map(|stream_append| stream_append.stream.as_str()).collect();
        let ids: Vec<Uuid> =
            stream_appends().flat_map(|stream_append| &stream_append.events).map(|event| event.id).collect();
        let keys: Vec<&str> =
            appends.iter().filter_map(|append| append.answer.as_ref()).map(|kept| &*kept.key).collect();
        let (versions, answers, events, epochs, revisions) = tokio::try_join!(
            read::versions(session, &names),
            read::answers(session, &keys),
            read::places(session, &ids),
            read_epochs(session, appends),
            read_revisions(session, appends),
        )?;
        let versions = stream_appends()
            .map(|stream_append| {
                (&stream_append.stream, versions.get(stream_append.stream.as_str()).copied().unwrap_or_default())
            })
            .collect();
        Ok(Self { versions, answers, events, epochs, revisions, written: HashMap::new() })
    }

    /// The versions of all streams of the batch.
    pub(super) fn versions(&self) -> impl Iterator<Item = (&'a StreamName, Version)> {
        self.versions.iter().map(|(stream, version)| (*stream, *version))
    }

    /// Validates an append. `is_retry` means that it was sent before and its result was lost.
    pub(super) fn validate(&self, append: &Append, is_retry: bool) -> Validation {
        let ids = self.match_event_ids(append);
        if let EventIdMatch::WholeAppend(repeated) = ids {
            return repeated;
        }
        if let Some((kept, position)) = append.answer.as_ref().and_then(|answer| self.answers.get(&answer.key)) {
            if is_retry && append.answer.as_ref() == Some(kept) {
                return Validation::Repeated { position: *position, versions: vec![None; append.streams.len()] };
            }
            let answer = Box::new(kept.clone());
            return Validation::Resolved(Err(AppendError::AlreadyAnswered { answer, position: *position }));
        }
        if let EventIdMatch::SomeEvents(id) = ids {
            return Validation::Resolved(Err(AppendError::DuplicateEvent(id)));
        }
        if let Some(violated_by) = self.violated_by(append) {
            return Validation::Resolved(Err(violated_by));
        }
        let mut before = Vec::with_capacity(append.streams.len());
        for stream_append in &append.streams {
            let actual = self.versions.get(&stream_append.stream).copied().unwrap_or_default();
            if let Expected::Exactly(expected) = stream_append.expected
                && expected != actual
            {
                let stream = stream_append.stream.clone();
                return Validation::Resolved(Err(AppendError::Conflict { stream, expected, actual }));
            }
            before.push(actual);
        }
        Validation::Writable(before)
    }

    /// The first violated precondition of an append: a stale lease, then a timer that is not set as it was read.
    fn violated_by(&self, append: &Append) -> Option<AppendError> {
        for Fence { lease, epoch } in &append.fences {
            let current = self.epochs.get(lease).copied().unwrap_or_default();
            if current != *epoch {
                return Some(AppendError::Fenced { lease: lease.clone(), epoch: *epoch, current });
            }
        }
        append.timers.iter().find_map(|change| {
            let (expected_revision, (owner, timer)) = (change.expected_revision()?, change.key());
            let key = (owner.to_owned(), timer.to_owned());
            let is_set = self.revisions.get(&key) == Some(&expected_revision);
            let (owner, timer) = key;
            (!is_set).then_some(AppendError::TimerGone { owner, timer })
        })
    }

    fn match_event_ids(&self, append: &Append) -> EventIdMatch {
        let first = append.streams.iter().flat_map(|stream_append| &stream_append.events).next();
        if let Some((same, appended)) = first.and_then(|event| self.written.get(&event.id))
            && same.streams == append.streams
        {
            return EventIdMatch::WholeAppend(Validation::Resolved(Ok(appended.clone())));
        }
        let (mut first_match, mut last, mut is_whole) = (None, None::<Position>, true);
        let mut versions = vec![None; append.streams.len()];
        for (stream_append, version) in append.streams.iter().zip(&mut versions) {
            for event in &stream_append.events {
                let Some((position, stream, at)) = self.events.get(&event.id) else {
                    is_whole = false;
                    continue;
                };
                first_match.get_or_insert(event.id);
                is_whole &= stream == stream_append.stream.as_str() && last.is_none_or(|last| position.0 == last.0 + 1);
                last = Some(*position);
                *version = Some(*at);
            }
        }
        match (first_match, last) {
            (Some(_), Some(position)) if is_whole => {
                EventIdMatch::WholeAppend(Validation::Repeated { position, versions })
            }
            (Some(id), _) => EventIdMatch::SomeEvents(id),
            (None, _) => EventIdMatch::NoEvent,
        }
    }

    /// Applies an append that will be written. The new revisions of its timers are not committed, so no later append of the
    /// batch can have read them: its expectation of such a timer fails.
    pub(super) fn apply(&mut self, append: &'a Append, first: Position, appended: &Appended) {
        for (owner, timer) in append.timers.iter().map(TimerChange::key) {
            self.revisions.remove(&(owner.to_owned(), timer.to_owned()));
        }
        let mut position = first;
        for (stream_append, last) in append.streams.iter().zip(&appended.versions) {
            let mut version = Version(last.0 - stream_append.events.len() as u64);
            for event in &stream_append.events {
                version.0 += 1;
                self.events.insert(event.id, (position, stream_append.stream.as_str().to_owned(), version));
                position.0 += 1;
            }
            self.versions.insert(&stream_append.stream, *last);
        }
        if let Some(event) = append.streams.iter().flat_map(|stream_append| &stream_append.events).next() {
            self.written.insert(event.id, (append, appended.clone()));
        }
        if let Some(answer) = &append.answer {
            self.answers.insert(answer.key.clone(), (answer.clone(), appended.position));
        }
    }
}

/// Which event ids of an append are in the log.
enum EventIdMatch {
    NoEvent,
    /// At least this event is in the log, but not the same append.
    SomeEvents(Uuid),
    /// All events are in the log, in their streams and at consecutive positions: the append was written before.
    WholeAppend(Validation),
}

/// The versions in the original result of a repeated append: for streams without events, the version before its first event.
pub(super) async fn original_versions(
    session: &Session,
    append: &Append,
    written: Vec<Option<Version>>,
) -> Result<Vec<Version>, Error> {
    let first = append.streams.iter().flat_map(|stream_append| &stream_append.events).next().map(|event| event.id);
    let before = session
        .statement(
            "SELECT coalesce(max(version), 0) FROM eventlog.events WHERE stream = $1
            AND position < coalesce((SELECT position FROM eventlog.events WHERE id = $2), 9223372036854775807)",
        )
        .await?;
    let mut versions = Vec::with_capacity(written.len());
    for (stream_append, version) in append.streams.iter().zip(written) {
        versions.push(match version {
            Some(version) => version,
            None => {
                let version: i64 =
                    session.client.query_one_scalar(&before, &[&stream_append.stream.as_str(), &first]).await?;
                Version(unsigned(version))
            }
        });
    }
    Ok(versions)
}

async fn read_epochs(session: &Session, appends: &[&Append]) -> Result<HashMap<String, Epoch>, Error> {
    let leases: Vec<&str> =
        appends.iter().flat_map(|append| &append.fences).map(|fence| fence.lease.as_str()).collect();
    if leases.is_empty() {
        return Ok(HashMap::new());
    }
    let select = session.statement(EPOCHS).await?;
    let rows = session.client.query(&select, &[&leases]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, Epoch(unsigned(row.try_get(1)?))))).collect()
}

async fn read_revisions(session: &Session, appends: &[&Append]) -> Result<HashMap<(String, String), Uuid>, Error> {
    let expected =
        appends.iter().flat_map(|append| &append.timers).filter(|change| change.expected_revision().is_some());
    let (owners, names): (Vec<&str>, Vec<&str>) = expected.map(TimerChange::key).unzip();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let select = session.statement(REVISIONS).await?;
    let rows = session.client.query(&select, &[&owners, &names]).await?;
    rows.iter().map(|row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?))).collect()
}
