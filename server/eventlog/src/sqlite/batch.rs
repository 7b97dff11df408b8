//! Several appends in one transaction, each judged by itself.
//!
//! An append is judged before any of it is written, so one that is refused leaves nothing behind, takes no position,
//! and its neighbours go on. Nothing in here may answer a caller: the answers are true only after the commit.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::writer::OpenBatch;
use super::{coordination, read};
use crate::clock::{self, SeenTime};
use crate::hash_tree::{self, Hash, HashTree};
use crate::queue::{Job, Outcome};
use crate::versions::Versions;
use crate::{
    Append, AppendError, Appended, Checkpoint, EventId, Expected, NewEvent, Position, StoredResponse, StreamName,
    Version,
};

/// How many streams one generation of remembered versions holds.
const REMEMBERED_STREAMS: usize = 50_000;

/// What the writer knows without asking the database. Never ahead of it after a failure.
pub(super) struct Memory {
    head: Option<Position>,
    tree: Option<HashTree>,
    versions: Versions,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self { head: None, tree: None, versions: Versions::new(REMEMBERED_STREAMS) }
    }

    /// The last position, as of the last commit.
    pub(super) fn head(&self) -> Option<Position> {
        self.head
    }

    fn forget(&mut self) {
        self.head = None;
        self.tree = None;
        self.versions.clear();
    }
}

/// Writes a batch in one transaction: an outcome for each append, or one failure for all, and then nothing is written.
pub(super) fn write(
    connection: &Connection,
    memory: &mut Memory,
    coming: &mut OpenBatch<'_>,
) -> rusqlite::Result<Vec<Outcome>> {
    match transaction(connection, memory, coming, Ids::BelievedNew) {
        // Somebody repeats an event id, which is rare. Judge them all again, now with a look for each id.
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
            transaction(connection, memory, coming, Ids::LookedUp)
        }
        outcome => outcome,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ids {
    BelievedNew,
    LookedUp,
}

fn transaction(
    connection: &Connection,
    memory: &mut Memory,
    coming: &mut OpenBatch<'_>,
    ids: Ids,
) -> rusqlite::Result<Vec<Outcome>> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let outcomes = write_all(connection, memory, coming, ids).and_then(|outcomes| {
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(outcomes)
    });
    if outcomes.is_err() {
        memory.forget();
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
    }
    outcomes
}

fn write_all(
    connection: &Connection,
    memory: &mut Memory,
    coming: &mut OpenBatch<'_>,
    ids: Ids,
) -> rusqlite::Result<Vec<Outcome>> {
    let mut head = match memory.head {
        Some(head) => head,
        None => read::head(connection)?,
    };
    let before = head;
    let mut tree = match memory.tree.take() {
        Some(tree) => tree,
        None => read::hash_tree(connection)?.unwrap_or_default(),
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (position, stream, version, id, type, schema_version, time_ms, correlation_id,
            causation_id, actor, data, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let mut outcomes = Vec::new();
    let mut time = None;
    while let Some(job) = coming.job(outcomes.len()) {
        let outcome = match validate(connection, memory, &job.append, ids)? {
            Verdict::Answered(outcome) => outcome,
            Verdict::Free(before) => {
                if job.append.answer.is_some() && time.is_none() {
                    time = Some(look_at_the_time(connection)?);
                }
                let state = (&mut head, &mut tree, time.unwrap_or_default());
                Ok(write_one(connection, memory, &mut insert, job, before, state)?)
            }
        };
        outcomes.push(outcome);
    }
    if let Some(time) = time {
        clean_answers(connection, time, coming.appends())?;
    }
    if head != before {
        keep_tree(connection, &tree)?;
    }
    memory.head = Some(head);
    memory.tree = Some(tree);
    Ok(outcomes)
}

enum Verdict {
    /// Nothing is to be written.
    Answered(Outcome),
    /// It may be written; its streams have these versions now.
    Free(Vec<Version>),
}

fn validate(connection: &Connection, memory: &mut Memory, append: &Append, ids: Ids) -> rusqlite::Result<Verdict> {
    if let Some(key) = append.answer.as_ref().map(|answer| &answer.key)
        && let Some((answer, position)) = read::answer(connection, key)?
    {
        return Ok(Verdict::Answered(match known(connection, append)? {
            Known::Wholly(appended) => Ok(appended),
            Known::Partly(_) | Known::Not => Err(AppendError::AlreadyAnswered { answer: Box::new(answer), position }),
        }));
    }
    let mut before = Vec::with_capacity(append.streams.len());
    let mut refusal = coordination::refusal(connection, append)?;
    for stream in &append.streams {
        let actual = version(connection, memory, &stream.stream)?;
        if let Expected::Exactly(expected) = stream.expected
            && expected != actual
            && refusal.is_none()
        {
            refusal = Some(AppendError::Conflict { stream: stream.stream.clone(), expected, actual });
        }
        before.push(actual);
    }
    if refusal.is_some() || ids == Ids::LookedUp {
        match known(connection, append)? {
            Known::Wholly(appended) => return Ok(Verdict::Answered(Ok(appended))),
            Known::Partly(id) => return Ok(Verdict::Answered(Err(AppendError::DuplicateEvent(id)))),
            Known::Not => {}
        }
    }
    Ok(refusal.map_or(Verdict::Free(before), |refusal| Verdict::Answered(Err(refusal))))
}

fn version(connection: &Connection, memory: &mut Memory, stream: &StreamName) -> rusqlite::Result<Version> {
    if let Some(version) = memory.versions.get(stream) {
        return Ok(version);
    }
    let version = read::version(connection, stream)?;
    memory.versions.set(stream, version);
    Ok(version)
}

/// Whether the event ids of an append are in the log.
enum Known {
    Not,
    /// This one is, but the append is not.
    Partly(EventId),
    /// All of them, in their streams and in one unbroken run: the append has been written before.
    Wholly(Appended),
}

fn known(connection: &Connection, append: &Append) -> rusqlite::Result<Known> {
    let mut find = connection.prepare_cached("SELECT position, stream, version FROM events WHERE id = ?1")?;
    let mut partly = None;
    let mut run: Option<(Position, Position)> = None;
    let mut whole = true;
    let mut versions = vec![None; append.streams.len()];
    for (stream, last) in append.streams.iter().zip(&mut versions) {
        for event in &stream.events {
            let found = find
                .query_row([event.id.as_bytes().as_slice()], |row| {
                    Ok((row.get::<_, Position>(0)?, row.get::<_, String>(1)?, row.get::<_, Version>(2)?))
                })
                .optional()?;
            let Some((position, name, version)) = found else {
                whole = false;
                continue;
            };
            partly.get_or_insert(event.id);
            whole &= name == stream.stream.as_str() && run.is_none_or(|(_, previous)| position.0 == previous.0 + 1);
            run = Some((run.map_or(position, |(first, _)| first), position));
            *last = Some(version);
        }
    }
    match (partly, run) {
        (Some(_), Some((first, last))) if whole => {
            let versions = versions_then(connection, append, versions, first)?;
            Ok(Known::Wholly(Appended { position: last, versions }))
        }
        (Some(id), _) => Ok(Known::Partly(id)),
        (None, _) => Ok(Known::Not),
    }
}

/// The versions that an append was answered with: those of its events, and for streams that it only checked, the
/// version at that time.
fn versions_then(
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

fn write_one(
    connection: &Connection,
    memory: &mut Memory,
    insert: &mut CachedStatement<'_>,
    Job { append, contents, reply: _ }: &Job,
    mut versions: Vec<Version>,
    (head, tree, time): (&mut Position, &mut HashTree, SeenTime),
) -> rusqlite::Result<Appended> {
    let mut contents = contents.iter();
    for (stream, version) in append.streams.iter().zip(&mut versions) {
        for (event, content) in stream.events.iter().zip(&mut contents) {
            head.0 += 1;
            version.0 += 1;
            let leaf = hash_tree::leaf(*version, content);
            insert_event(insert, *head, &stream.stream, *version, event, &leaf)?;
            tree.push(leaf);
        }
        if !stream.events.is_empty() {
            memory.versions.set(&stream.stream, *version);
        }
    }
    for checkpoint in &append.checkpoints {
        move_checkpoint(connection, checkpoint)?;
    }
    for change in &append.timers {
        coordination::change_timer(connection, change)?;
    }
    if let Some(answer) = &append.answer {
        keep_answer(connection, answer, *head, time)?;
    }
    Ok(Appended { position: *head, versions })
}

fn insert_event(
    insert: &mut CachedStatement<'_>,
    position: Position,
    stream: &StreamName,
    version: Version,
    event: &NewEvent,
    leaf: &Hash,
) -> rusqlite::Result<()> {
    insert.execute(params![
        position,
        stream.as_str(),
        version,
        event.id.as_bytes().as_slice(),
        event.kind,
        event.schema_version,
        event.time_ms,
        event.correlation_id,
        event.causation_id,
        event.actor,
        event.data.as_str(),
        hash_tree::checksum(leaf),
    ])?;
    Ok(())
}

/// Keeps the tree over the log as it is after this batch.
pub(super) fn keep_tree(connection: &Connection, tree: &HashTree) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE hash_tree SET size = ?1, peaks = ?2")?
        .execute(params![tree.position(), tree.peaks()])?;
    Ok(())
}

fn move_checkpoint(connection: &Connection, checkpoint: &Checkpoint) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO checkpoints (consumer, position) VALUES (?1, ?2)
            ON CONFLICT (consumer) DO UPDATE SET position = max(position, excluded.position)",
        )?
        .execute(params![checkpoint.consumer, checkpoint.position])?;
    Ok(())
}

/// Counts the time that has passed since the last answer was kept.
fn look_at_the_time(connection: &Connection) -> rusqlite::Result<SeenTime> {
    let mut time = connection
        .prepare_cached("SELECT seen_ms, looked_ms FROM seen_time")?
        .query_row([], |row| Ok(SeenTime { seen_ms: row.get(0)?, looked_ms: row.get(1)? }))?;
    time.look(clock::now_ms());
    connection
        .prepare_cached("UPDATE seen_time SET seen_ms = ?1, looked_ms = ?2")?
        .execute(params![time.seen_ms, time.looked_ms])?;
    Ok(time)
}

fn keep_answer(
    connection: &Connection,
    answer: &StoredResponse,
    position: Position,
    time: SeenTime,
) -> rusqlite::Result<()> {
    let StoredResponse { key, fingerprint, body, time_ms } = answer;
    connection
        .prepare_cached(
            "INSERT INTO answers (key, fingerprint, body, position, time_ms, kept_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![key, fingerprint, body.as_str(), position, time_ms, time.seen_ms])?;
    Ok(())
}

/// Removes up to twice as many answers as came in, so that old ones go faster than new ones come and no batch waits long.
fn clean_answers<'a>(
    connection: &Connection,
    time: SeenTime,
    appends: impl Iterator<Item = &'a Append>,
) -> rusqlite::Result<()> {
    let count = u32::try_from(appends.filter(|append| append.answer.is_some()).count()).unwrap_or(u32::MAX / 2);
    connection
        .prepare_cached(
            "DELETE FROM answers WHERE rowid IN
            (SELECT rowid FROM answers WHERE kept_ms < ?1 ORDER BY kept_ms LIMIT ?2)",
        )?
        .execute(params![time.oldest_answer_ms(), count * 2])?;
    Ok(())
}
