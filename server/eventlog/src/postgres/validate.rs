//! Writes a batch with validation: locks the head row, reads what the appends depend on, validates each append by itself,
//! and writes the valid ones. The writer uses it when the optimistic statement (`writer.rs`) does not apply or failed.
//!
//! While the head row is locked, no other server can commit an event, an answer, a checkpoint or a timer, and the leases of
//! the fences are locked too, so what is read stays valid until the commit. In a "read committed" transaction every statement
//! sees what was committed before it began.

use std::collections::HashMap;

use tokio_postgres::Error;
use uuid::Uuid;

use super::coordination::{EPOCHS, Preconditions, REVISIONS};
use super::insert::Rows;
use super::read;
use super::session::{Session, unsigned};
use crate::hash_tree::HashTree;
use crate::queue::{Job, Outcome};
use crate::version_cache::VersionCache;
use crate::{Append, AppendError, Appended, Expected, Position, StoredResponse, StreamName, Version};

const LOCK_HEAD: &str = "SELECT position FROM eventlog.head FOR UPDATE";

/// Writes a batch in one transaction, and returns an outcome per append and the new head. No transaction stays open on a
/// working session, also after an error.
///
/// `is_retry` means that the same batch was sent before and its result was lost.
pub(super) async fn write(
    session: &Session,
    versions: &mut VersionCache,
    tree: &mut HashTree,
    jobs: &[Job],
    is_retry: bool,
) -> Result<(Vec<Outcome>, Position), Error> {
    let mut new_tree = tree.clone();
    let written = write_in_transaction(session, jobs, &mut new_tree, is_retry).await;
    match &written {
        Ok(_) => session.client.batch_execute("COMMIT").await?,
        // A failed rollback means that the connection is lost, and with it the transaction.
        Err(_) => drop(session.client.batch_execute("ROLLBACK").await),
    }
    let (context, outcomes, head) = written?;
    *tree = new_tree;
    for (stream, version) in &context.versions {
        versions.set(stream, *version);
    }
    Ok((outcomes, head))
}

async fn write_in_transaction<'a>(
    session: &Session,
    jobs: &'a [Job],
    tree: &mut HashTree,
    is_retry: bool,
) -> Result<(BatchContext<'a>, Vec<Outcome>, Position), Error> {
    let appends: Vec<&Append> = jobs.iter().map(|job| &job.append).collect();
    // Prepared statements are sent in the order of these futures, all in one round trip.
    session.prepare(&[LOCK_HEAD, read::VERSIONS, read::ANSWERS, read::PLACES, EPOCHS, REVISIONS]).await?;
    let ((), base, mut context) = tokio::try_join!(biased; session.client.batch_execute("BEGIN"), lock_head(session), BatchContext::read(session, &appends))?;
    let mut rows = Rows::default();
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let append = &job.append;
        let outcome = match context.validate(append, is_retry) {
            Validation::Resolved(outcome) => outcome,
            Validation::Repeated { position, versions } => {
                Ok(Appended { position, versions: original_versions(session, append, versions).await? })
            }
            Validation::Writable(mut versions) => {
                let first = Position(base.0 + rows.event_count() + 1);
                rows.add(job, &mut versions);
                context.preconditions.apply(append);
                let appended = Appended { position: Position(base.0 + rows.event_count()), versions };
                context.apply(append, first, &appended);
                Ok(appended)
            }
        };
        outcomes.push(outcome);
    }
    rows.write(session, tree).await?;
    Ok((context, outcomes, Position(base.0 + rows.event_count())))
}

async fn lock_head(session: &Session) -> Result<Position, Error> {
    let lock_head = session.statement(LOCK_HEAD).await?;
    let base: i64 = session.client.query_one_scalar(&lock_head, &[]).await?;
    Ok(Position(unsigned(base)))
}

/// Everything that the appends of a batch are validated against, updated with what the batch itself writes.
struct BatchContext<'a> {
    versions: HashMap<&'a StreamName, Version>,
    answers: HashMap<String, (StoredResponse, Position)>,
    events: HashMap<Uuid, (Position, String, Version)>,
    preconditions: Preconditions,
    /// Results of the appends of this batch, by their first event id.
    written: HashMap<Uuid, (&'a Append, Appended)>,
}

enum Validation {
    /// The outcome is known and nothing is written.
    Resolved(Outcome),
    /// The append is in the log already; versions are `None` for streams without events.
    Repeated { position: Position, versions: Vec<Option<Version>> },
    /// The append may be written; these are the present versions of its streams.
    Writable(Vec<Version>),
}

impl<'a> BatchContext<'a> {
    async fn read(session: &Session, appends: &[&'a Append]) -> Result<Self, Error> {
        let stream_appends = || appends.iter().flat_map(|append| &append.streams);
        let names: Vec<&str> = stream_appends().map(|stream_append| stream_append.stream.as_str()).collect();
        let ids: Vec<Uuid> =
            stream_appends().flat_map(|stream_append| &stream_append.events).map(|event| event.id).collect();
        let keys: Vec<&str> =
            appends.iter().filter_map(|append| append.answer.as_ref()).map(|kept| &*kept.key).collect();
        let (versions, answers, events, preconditions) = tokio::try_join!(
            read::versions(session, &names),
            read::answers(session, &keys),
            read::places(session, &ids),
            Preconditions::read(session, appends),
        )?;
        let versions = stream_appends()
            .map(|stream_append| {
                (&stream_append.stream, versions.get(stream_append.stream.as_str()).copied().unwrap_or_default())
            })
            .collect();
        Ok(Self { versions, answers, events, preconditions, written: HashMap::new() })
    }

    fn validate(&self, append: &Append, is_retry: bool) -> Validation {
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
        if let Some(violated_by) = self.preconditions.violated_by(append) {
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

    fn apply(&mut self, append: &'a Append, first: Position, appended: &Appended) {
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
async fn original_versions(
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
