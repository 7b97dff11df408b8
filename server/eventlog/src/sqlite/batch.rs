//! Writes several appends in one transaction, each validated by itself.
//!
//! An append is validated (`preconditions.rs`) before any of it is written: a refused one writes nothing, takes no position, and does not affect
//! the others. Nothing here sends an outcome to a caller, because outcomes hold only after the commit.

use rusqlite::{CachedStatement, Connection, params};

use super::preconditions::{EventIdCheck, Validation, validate};
use super::writer::OpenBatch;
use super::{coordination, read};
use crate::clock::{self, SeenTime};
use crate::hash_tree::{self, Hash, HashTree};
use crate::queue::{Job, Outcome};
use crate::version_cache::VersionCache;
use crate::{Append, Appended, Checkpoint, NewEvent, Position, StoredResponse, StreamName, Version};

/// Number of events after which the hash tree is saved, at the latest; so many are hashed when a log is opened that was not
/// closed. To save it with each batch would write one more page each time.
const EVENTS_PER_TREE_SAVE: u64 = 1000;

/// Number of streams in one generation of the version cache.
const CACHED_STREAMS_PER_GENERATION: usize = 50_000;

/// What the writer knows without reading the database: head, hash tree and stream versions, as of the last commit.
/// Cleared when a transaction fails.
pub(super) struct WriterCache {
    head: Option<Position>,
    tree: Option<HashTree>,
    /// The position of the saved hash tree, which is known when the tree is.
    saved_tree: Position,
    versions: VersionCache,
}

impl WriterCache {
    pub(super) fn new() -> Self {
        let versions = VersionCache::new(CACHED_STREAMS_PER_GENERATION);
        Self { head: None, tree: None, saved_tree: Position(0), versions }
    }

    /// Head of the log as of the last commit; `None` when unknown.
    pub(super) fn head(&self) -> Option<Position> {
        self.head
    }

    /// Hash tree as of the last commit; `None` when unknown.
    pub(super) fn tree(&self) -> Option<&HashTree> {
        self.tree.as_ref()
    }

    fn clear(&mut self) {
        self.head = None;
        self.tree = None;
        self.versions.clear();
    }
}

/// Writes a batch in one transaction and returns one outcome per append.
///
/// # Errors
/// When the transaction failed; then nothing of the batch was written.
pub(super) fn write(
    connection: &Connection,
    cache: &mut WriterCache,
    open_batch: &mut OpenBatch<'_>,
) -> rusqlite::Result<Vec<Outcome>> {
    match write_in_transaction(connection, cache, open_batch, EventIdCheck::AssumeNew) {
        // An event id is in the log already, which is rare. Validate the whole batch again, with a lookup of each id.
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
            write_in_transaction(connection, cache, open_batch, EventIdCheck::LookUp)
        }
        outcome => outcome,
    }
}

fn write_in_transaction(
    connection: &Connection,
    cache: &mut WriterCache,
    open_batch: &mut OpenBatch<'_>,
    id_check: EventIdCheck,
) -> rusqlite::Result<Vec<Outcome>> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let outcomes = write_appends(connection, cache, open_batch, id_check).and_then(|outcomes| {
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(outcomes)
    });
    if outcomes.is_err() {
        cache.clear();
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
    }
    outcomes
}

fn write_appends(
    connection: &Connection,
    cache: &mut WriterCache,
    open_batch: &mut OpenBatch<'_>,
    id_check: EventIdCheck,
) -> rusqlite::Result<Vec<Outcome>> {
    let mut head = match cache.head {
        Some(head) => head,
        None => read::head(connection)?,
    };
    let mut tree = match cache.tree.take() {
        Some(tree) => tree,
        None => {
            cache.saved_tree = read::saved_hash_tree(connection)?.unwrap_or_default().position();
            read::hash_tree(connection)?.unwrap_or_default()
        }
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (position, stream, version, id, type, schema_version, time_ms, correlation_id,
            causation_id, actor, data, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let mut outcomes = Vec::new();
    let mut time = None;
    while let Some(job) = open_batch.job(outcomes.len()) {
        let outcome = match validate(connection, &mut cache.versions, &job.append, id_check)? {
            Validation::Resolved(outcome) => outcome,
            Validation::Writable(before) => {
                if job.append.answer.is_some() && time.is_none() {
                    time = Some(advance_seen_time(connection)?);
                }
                let state = (&mut head, &mut tree, time.unwrap_or_default());
                Ok(write_append(connection, cache, &mut insert, job, before, state)?)
            }
        };
        outcomes.push(outcome);
    }
    if let Some(time) = time {
        delete_old_answers(connection, time, open_batch.appends())?;
    }
    if head.0 >= cache.saved_tree.0 + EVENTS_PER_TREE_SAVE {
        save_tree(connection, &tree)?;
        cache.saved_tree = head;
    }
    cache.head = Some(head);
    cache.tree = Some(tree);
    Ok(outcomes)
}

fn write_append(
    connection: &Connection,
    cache: &mut WriterCache,
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
            cache.versions.set(&stream.stream, *version);
        }
    }
    for checkpoint in &append.checkpoints {
        move_checkpoint(connection, checkpoint)?;
    }
    for change in &append.timers {
        coordination::change_timer(connection, change)?;
    }
    if let Some(answer) = &append.answer {
        save_answer(connection, answer, *head, time)?;
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

/// Saves the hash tree over the log.
pub(super) fn save_tree(connection: &Connection, tree: &HashTree) -> rusqlite::Result<()> {
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

/// Adds the time since the last stored answer to the seen time, and saves it.
fn advance_seen_time(connection: &Connection) -> rusqlite::Result<SeenTime> {
    let mut time = connection
        .prepare_cached("SELECT seen_ms, looked_ms FROM seen_time")?
        .query_row([], |row| Ok(SeenTime { seen_ms: row.get(0)?, looked_ms: row.get(1)? }))?;
    time.observe(clock::now_ms());
    connection
        .prepare_cached("UPDATE seen_time SET seen_ms = ?1, looked_ms = ?2")?
        .execute(params![time.seen_ms, time.looked_ms])?;
    Ok(time)
}

fn save_answer(
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

/// Deletes at most twice as many expired answers as the batch stored: they are deleted faster than they are added, and the
/// work per batch stays bounded.
fn delete_old_answers<'a>(
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
