//! The careful way to write a batch: hold the head row, read afresh what matters, judge each append by itself, write
//! what may be written.
//!
//! While the head row is held nobody else can commit an event, an answer, a checkpoint or a timer, and the leases that
//! matter are held too, so what is read stays true until the commit. Every statement of a "read committed" transaction sees what was committed before it began.

use std::collections::HashMap;

use tokio_postgres::Error;
use uuid::Uuid;

use super::coordination::{EPOCHS, Preconditions, REVISIONS};
use super::insert::Rows;
use super::read;
use super::session::{Session, unsigned};
use crate::hash_tree::HashTree;
use crate::queue::{Job, Outcome};
use crate::versions::Versions;
use crate::{Append, AppendError, Appended, Expected, Position, StoredResponse, StreamName, Version};

const HOLD: &str = "SELECT position FROM eventlog.head FOR UPDATE";

/// Writes a batch; whatever happens, no transaction is left open on a session that still works.
///
/// `again` says that the same batch was sent before and its answer was lost.
pub(super) async fn write(
    session: &Session,
    versions: &mut Versions,
    tree: &mut HashTree,
    jobs: &[Job],
    again: bool,
) -> Result<(Vec<Outcome>, Position), Error> {
    let mut grown = tree.clone();
    let written = write_within(session, jobs, &mut grown, again).await;
    match &written {
        Ok(_) => session.client.batch_execute("COMMIT").await?,
        // A rollback that fails means that the connection is gone, and the transaction with it.
        Err(_) => drop(session.client.batch_execute("ROLLBACK").await),
    }
    let (facts, outcomes, head) = written?;
    *tree = grown;
    for (stream, version) in &facts.versions {
        versions.set(stream, *version);
    }
    Ok((outcomes, head))
}

async fn write_within<'a>(
    session: &Session,
    jobs: &'a [Job],
    tree: &mut HashTree,
    again: bool,
) -> Result<(Facts<'a>, Vec<Outcome>, Position), Error> {
    let appends: Vec<&Append> = jobs.iter().map(|job| &job.append).collect();
    // What is prepared is sent in the order in which it is asked for, all of it in one round trip.
    session.prepare(&[HOLD, read::VERSIONS, read::ANSWERS, read::PLACES, EPOCHS, REVISIONS]).await?;
    let ((), base, mut facts) =
        tokio::try_join!(biased; session.client.batch_execute("BEGIN"), hold(session), Facts::read(session, &appends))?;
    let mut rows = Rows::default();
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let append = &job.append;
        let outcome = match facts.validate(append, again) {
            Verdict::Answered(outcome) => outcome,
            Verdict::Repeated { position, versions } => {
                Ok(Appended { position, versions: versions_then(session, append, versions).await? })
            }
            Verdict::Free(mut versions) => {
                let first = Position(base.0 + rows.event_count() + 1);
                rows.add(job, &mut versions);
                facts.demands.add(append);
                let appended = Appended { position: Position(base.0 + rows.event_count()), versions };
                facts.add(append, first, &appended);
                Ok(appended)
            }
        };
        outcomes.push(outcome);
    }
    rows.write(session, tree).await?;
    Ok((facts, outcomes, Position(base.0 + rows.event_count())))
}

async fn hold(session: &Session) -> Result<Position, Error> {
    let hold = session.statement(HOLD).await?;
    let base: i64 = session.client.query_one_scalar(&hold, &[]).await?;
    Ok(Position(unsigned(base)))
}

/// What must be known to judge a batch; grows with what the batch itself writes.
struct Facts<'a> {
    versions: HashMap<&'a StreamName, Version>,
    answers: HashMap<String, (StoredResponse, Position)>,
    events: HashMap<Uuid, (Position, String, Version)>,
    demands: Preconditions,
    /// What this batch has answered to appends that it wrote, by the first of their event ids.
    written: HashMap<Uuid, (&'a Append, Appended)>,
}

enum Verdict {
    /// Nothing is to be written.
    Answered(Outcome),
    /// It is in the log already; versions are missing for streams that it only checked.
    Repeated { position: Position, versions: Vec<Option<Version>> },
    /// It may be written; its streams have these versions now.
    Free(Vec<Version>),
}

impl<'a> Facts<'a> {
    async fn read(session: &Session, appends: &[&'a Append]) -> Result<Self, Error> {
        let parts = || appends.iter().flat_map(|append| &append.streams);
        let names: Vec<&str> = parts().map(|part| part.stream.as_str()).collect();
        let ids: Vec<Uuid> = parts().flat_map(|part| &part.events).map(|event| event.id).collect();
        let keys: Vec<&str> =
            appends.iter().filter_map(|append| append.answer.as_ref()).map(|kept| &*kept.key).collect();
        let (versions, answers, events, demands) = tokio::try_join!(
            read::versions(session, &names),
            read::answers(session, &keys),
            read::places(session, &ids),
            Preconditions::read(session, appends),
        )?;
        let versions = parts()
            .map(|part| (&part.stream, versions.get(part.stream.as_str()).copied().unwrap_or_default()))
            .collect();
        Ok(Self { versions, answers, events, demands, written: HashMap::new() })
    }

    fn validate(&self, append: &Append, again: bool) -> Verdict {
        let ids = self.known(append);
        if let Known::Wholly(repeated) = ids {
            return repeated;
        }
        if let Some((kept, position)) = append.answer.as_ref().and_then(|answer| self.answers.get(&answer.key)) {
            if again && append.answer.as_ref() == Some(kept) {
                return Verdict::Repeated { position: *position, versions: vec![None; append.streams.len()] };
            }
            let answer = Box::new(kept.clone());
            return Verdict::Answered(Err(AppendError::AlreadyAnswered { answer, position: *position }));
        }
        if let Known::Partly(id) = ids {
            return Verdict::Answered(Err(AppendError::DuplicateEvent(id)));
        }
        if let Some(refusal) = self.demands.refusal(append) {
            return Verdict::Answered(Err(refusal));
        }
        let mut before = Vec::with_capacity(append.streams.len());
        for part in &append.streams {
            let actual = self.versions.get(&part.stream).copied().unwrap_or_default();
            if let Expected::Exactly(expected) = part.expected
                && expected != actual
            {
                let stream = part.stream.clone();
                return Verdict::Answered(Err(AppendError::Conflict { stream, expected, actual }));
            }
            before.push(actual);
        }
        Verdict::Free(before)
    }

    fn known(&self, append: &Append) -> Known {
        let first = append.streams.iter().flat_map(|part| &part.events).next();
        if let Some((same, appended)) = first.and_then(|event| self.written.get(&event.id))
            && same.streams == append.streams
        {
            return Known::Wholly(Verdict::Answered(Ok(appended.clone())));
        }
        let (mut partly, mut last, mut whole) = (None, None::<Position>, true);
        let mut versions = vec![None; append.streams.len()];
        for (part, version) in append.streams.iter().zip(&mut versions) {
            for event in &part.events {
                let Some((position, stream, at)) = self.events.get(&event.id) else {
                    whole = false;
                    continue;
                };
                partly.get_or_insert(event.id);
                whole &= stream == part.stream.as_str() && last.is_none_or(|last| position.0 == last.0 + 1);
                last = Some(*position);
                *version = Some(*at);
            }
        }
        match (partly, last) {
            (Some(_), Some(position)) if whole => Known::Wholly(Verdict::Repeated { position, versions }),
            (Some(id), _) => Known::Partly(id),
            (None, _) => Known::Not,
        }
    }

    fn add(&mut self, append: &'a Append, first: Position, appended: &Appended) {
        let mut position = first;
        for (part, last) in append.streams.iter().zip(&appended.versions) {
            let mut version = Version(last.0 - part.events.len() as u64);
            for event in &part.events {
                version.0 += 1;
                self.events.insert(event.id, (position, part.stream.as_str().to_owned(), version));
                position.0 += 1;
            }
            self.versions.insert(&part.stream, *last);
        }
        if let Some(event) = append.streams.iter().flat_map(|part| &part.events).next() {
            self.written.insert(event.id, (append, appended.clone()));
        }
        if let Some(answer) = &append.answer {
            self.answers.insert(answer.key.clone(), (answer.clone(), appended.position));
        }
    }
}

/// Whether the event ids of an append are in the log.
enum Known {
    Not,
    /// This one is, but the append is not.
    Partly(Uuid),
    /// All of them, in their streams and in one unbroken run.
    Wholly(Verdict),
}

/// The versions that a repeated append was answered with: for streams that it only checked, those of that time.
async fn versions_then(
    session: &Session,
    append: &Append,
    written: Vec<Option<Version>>,
) -> Result<Vec<Version>, Error> {
    let first = append.streams.iter().flat_map(|part| &part.events).next().map(|event| event.id);
    let before = session
        .statement(
            "SELECT coalesce(max(version), 0) FROM eventlog.events WHERE stream = $1
            AND position < coalesce((SELECT position FROM eventlog.events WHERE id = $2), 9223372036854775807)",
        )
        .await?;
    let mut versions = Vec::with_capacity(written.len());
    for (part, version) in append.streams.iter().zip(written) {
        versions.push(match version {
            Some(version) => version,
            None => {
                let version: i64 = session.client.query_one_scalar(&before, &[&part.stream.as_str(), &first]).await?;
                Version(unsigned(version))
            }
        });
    }
    Ok(versions)
}
