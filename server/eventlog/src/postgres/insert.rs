//! A batch as one statement: advances the head, numbers the events from there, and writes checkpoints, answers and timers.
//!
//! Every part of the statement reads from the updated head row (`bumped`), so that row is locked before any other: two
//! servers cannot deadlock.

use std::collections::BTreeMap;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::coordination::NOW_MS;
use super::session::{Session, signed, unsigned};
use crate::clock::{ANSWER_TTL_MS, MAX_TICK_MS};
use crate::hash_tree::{self, Hash, HashTree};
use crate::queue::Job;
use crate::{Append, Fence, Position, TimerChange, Version};

/// The rows that a batch writes, column by column.
#[derive(Default)]
pub(super) struct Rows<'a> {
    streams: Vec<&'a str>,
    versions: Vec<i64>,
    ids: Vec<Uuid>,
    kinds: Vec<&'a str>,
    schema_versions: Vec<i32>,
    times_ms: Vec<i64>,
    correlation_ids: Vec<&'a str>,
    causation_ids: Vec<Option<&'a str>>,
    actors: Vec<&'a str>,
    data: Vec<&'a str>,
    checksums: Vec<i64>,
    leaves: Vec<Hash>,
    checkpoints: BTreeMap<&'a str, i64>,
    keys: Vec<&'a str>,
    fingerprints: Vec<&'a str>,
    bodies: Vec<&'a str>,
    answers_past_base: Vec<i64>,
    answer_times_ms: Vec<i64>,
    /// The last change of each timer.
    timers: BTreeMap<(&'a str, &'a str), &'a TimerChange>,
    /// Leases and the epochs that the statement itself must find.
    fences: BTreeMap<&'a str, i64>,
    /// Whether the statement must also find the cleared timers with the revisions that were read.
    checks_timers: bool,
}

impl<'a> Rows<'a> {
    /// Number of events in the batch.
    pub(super) fn event_count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Adds an append. `versions` are the present versions of its streams, and are advanced to those after it.
    pub(super) fn add(&mut self, Job { append, contents, reply: _ }: &'a Job, versions: &mut [Version]) {
        let mut contents = contents.iter();
        for (part, version) in append.streams.iter().zip(versions) {
            for (event, content) in part.events.iter().zip(&mut contents) {
                version.0 += 1;
                let leaf = hash_tree::leaf(*version, content);
                self.checksums.push(hash_tree::checksum(&leaf));
                self.leaves.push(leaf);
                self.streams.push(part.stream.as_str());
                self.versions.push(signed(version.0));
                self.ids.push(event.id);
                self.kinds.push(&event.kind);
                self.schema_versions.push(event.schema_version.into());
                self.times_ms.push(event.time_ms);
                self.correlation_ids.push(&event.correlation_id);
                self.causation_ids.push(event.causation_id.as_deref());
                self.actors.push(&event.actor);
                self.data.push(event.data.as_str());
            }
        }
        for checkpoint in &append.checkpoints {
            let position = signed(checkpoint.position.0);
            let current = self.checkpoints.entry(&checkpoint.consumer).or_insert(position);
            *current = position.max(*current);
        }
        if let Some(answer) = &append.answer {
            self.keys.push(&answer.key);
            self.fingerprints.push(&answer.fingerprint);
            self.bodies.push(answer.body.as_str());
            self.answers_past_base.push(signed(self.ids.len() as u64));
            self.answer_times_ms.push(answer.time_ms);
        }
        self.timers.extend(append.timers.iter().map(|change| (change.key(), change)));
    }

    /// Adds the preconditions of an append on leases and timers to the statement, before the append itself is added. Returns
    /// `false` when one statement cannot check them: its snapshot is older than its lock on the head row, and only the rows
    /// that it locks are seen as of then. It can therefore replace a timer that another server has just set, and detect that
    /// its revision differs, but cannot clear one that was not read.
    pub(super) fn add_preconditions(&mut self, append: &'a Append) -> bool {
        self.checks_timers = true;
        let timers_fit = append.timers.iter().all(|change| {
            let fits = match change {
                TimerChange::Set { as_read, .. } => as_read.is_none(),
                TimerChange::Clear { as_read, .. } => as_read.is_some(),
            };
            fits && !self.timers.contains_key(&change.key())
        });
        let fences_fit = append.fences.iter().all(|Fence { lease, epoch }| {
            let epoch = signed(epoch.0);
            *self.fences.entry(lease).or_insert(epoch) == epoch
        });
        timers_fit && fences_fit
    }

    /// Writes the batch in one round trip, and returns the head before it. `tree` is the known hash tree, and is updated to
    /// the one after the batch.
    ///
    /// # Errors
    /// One for which [`needs_validation`] holds when the batch cannot be written as it is; nothing is written then.
    pub(super) async fn write(&self, session: &Session, tree: &mut HashTree) -> Result<Position, Error> {
        let mut sql = Sql::default();
        let count = signed(self.event_count());
        let growth = TreeGrowth::new(tree, &self.leaves);
        growth.add(&mut sql, &count, !self.keys.is_empty());
        self.add_events(&mut sql);
        let (consumers, positions): (Vec<&str>, Vec<i64>) =
            self.checkpoints.iter().map(|(name, at)| (*name, at)).unzip();
        if !consumers.is_empty() {
            let rows = sql.table([(&consumers, "text"), (&positions, "bigint")]);
            sql.text += &format!(
                ", moved AS (
                    INSERT INTO eventlog.checkpoints (consumer, position)
                    SELECT c.consumer, c.position FROM bumped, {rows} AS c(consumer, position, n)
                    ON CONFLICT (consumer) DO UPDATE SET position = greatest(checkpoints.position, excluded.position)
                )"
            );
        }
        // At most twice as many expired answers are deleted as are stored: they are deleted faster than they are added.
        let max_deleted = signed(self.keys.len() as u64) * 2;
        if max_deleted > 0 {
            self.add_answers(&mut sql, &max_deleted);
        }
        let timers = Timers::from_changes(self.timers.values().copied());
        timers.add(&mut sql);
        let (leases, epochs): (Vec<&str>, Vec<i64>) = self.fences.iter().map(|(lease, epoch)| (*lease, epoch)).unzip();
        let (fences, cleared) = (signed(leases.len() as u64), signed(timers.cleared.len() as u64));
        let mut conditions = Vec::new();
        if fences > 0 {
            // The lock keeps other holders from acquiring the leases before this transaction has ended: a new holder could
            // otherwise begin without seeing what the old one is about to commit.
            let rows = sql.table([(&leases, "text"), (&epochs, "bigint")]);
            sql.text += &format!(
                ", locked_leases AS MATERIALIZED (
                    SELECT l.name FROM bumped, eventlog.leases AS l, {rows} AS f(name, epoch, n)
                    WHERE l.name = f.name AND l.epoch = f.epoch FOR SHARE OF l
                )"
            );
            conditions.push(format!("(SELECT count(*) FROM locked_leases) = {}", sql.value(&fences, "bigint")));
        }
        if self.checks_timers && cleared > 0 {
            conditions.push(format!("(SELECT count(*) FROM cleared) = {}", sql.value(&cleared, "bigint")));
        }
        sql.text += " SELECT base, new_peaks";
        if !conditions.is_empty() {
            // A failed condition must raise an error, here a division by zero, or the rest of the statement would commit.
            sql.text += &format!(", 1 / CASE WHEN {} THEN 1 ELSE 0 END", conditions.join(" AND "));
        }
        sql.text += " FROM bumped";
        let statement = session.statement(&sql.text).await?;
        let row = session.client.query_one(&statement, &sql.params).await?;
        let base = Position(unsigned(row.try_get(0)?));
        if count > 0 {
            let at = base.0 + self.event_count();
            let stored = |peaks| HashTree::stored(at, peaks, tree.since());
            *tree = row.try_get::<_, Option<&[u8]>>(1)?.map_or(Some(growth.new_tree), stored).unwrap_or_default();
        }
        Ok(base)
    }

    fn add_events<'s>(&'s self, sql: &mut Sql<'s>) {
        let rows = match (&*self.streams, &*self.versions, &*self.ids, &*self.kinds, &*self.schema_versions) {
            ([], ..) => return,
            // A single event is passed as scalars, which costs less than arrays.
            ([stream], [version], [id], [kind], [schema_version]) => sql.row([
                (stream, "text"),
                (version, "bigint"),
                (id, "uuid"),
                (kind, "text"),
                (schema_version, "integer"),
                (&self.times_ms[0], "bigint"),
                (&self.correlation_ids[0], "text"),
                (&self.causation_ids[0], "text"),
                (&self.actors[0], "text"),
                (&self.data[0], "text"),
                (&self.checksums[0], "bigint"),
            ]),
            _ => sql.table([
                (&self.streams, "text"),
                (&self.versions, "bigint"),
                (&self.ids, "uuid"),
                (&self.kinds, "text"),
                (&self.schema_versions, "integer"),
                (&self.times_ms, "bigint"),
                (&self.correlation_ids, "text"),
                (&self.causation_ids, "text"),
                (&self.actors, "text"),
                (&self.data, "text"),
                (&self.checksums, "bigint"),
            ]),
        };
        sql.text += &format!(
            ", written AS (
                INSERT INTO eventlog.events (position, stream, version, id, type, schema_version, time_ms,
                    correlation_id, causation_id, actor, data, checksum)
                SELECT bumped.base + e.n, e.stream, e.version, e.id, e.type, e.schema_version, e.time_ms,
                    e.correlation_id, e.causation_id, e.actor, e.data, e.checksum
                FROM bumped, {rows} AS e(stream, version, id, type, schema_version, time_ms, correlation_id,
                    causation_id, actor, data, checksum, n)
            )"
        );
    }

    fn add_answers<'s>(&'s self, sql: &mut Sql<'s>, max_deleted: &'s i64) {
        let rows = sql.table([
            (&self.keys, "text"),
            (&self.fingerprints, "text"),
            (&self.bodies, "text"),
            (&self.answers_past_base, "bigint"),
            (&self.answer_times_ms, "bigint"),
        ]);
        let max_deleted = sql.value(max_deleted, "bigint");
        sql.text += &format!(
            ", answered AS (
                INSERT INTO eventlog.answers (key, fingerprint, body, position, time_ms, kept_ms)
                SELECT a.key, a.fingerprint, a.body, bumped.base + a.past_base, a.time_ms, bumped.seen_ms
                FROM bumped, {rows} AS a(key, fingerprint, body, past_base, time_ms, n)
            ), forgotten AS (
                DELETE FROM eventlog.answers AS a USING bumped WHERE a.key = ANY (ARRAY(
                    SELECT key FROM eventlog.answers WHERE kept_ms < (SELECT seen_ms FROM bumped) - {ANSWER_TTL_MS}
                    ORDER BY kept_ms LIMIT {max_deleted}))
            )"
        );
    }
}

/// The hash tree after a batch, computed here from the known tree. When another server has written since, the database
/// computes it from the stored tree instead.
struct TreeGrowth {
    size: i64,
    last_peak: Vec<u8>,
    peaks: Vec<u8>,
    leaves: Vec<u8>,
    new_tree: HashTree,
}

impl TreeGrowth {
    fn new(tree: &HashTree, leaves: &[Hash]) -> Self {
        let mut new_tree = tree.clone();
        leaves.iter().for_each(|leaf| new_tree.push(*leaf));
        Self {
            size: signed(tree.position().0),
            last_peak: tree.last_peak().to_vec(),
            peaks: new_tree.peaks(),
            leaves: leaves.iter().flat_map(|leaf| leaf.0).collect(),
            new_tree,
        }
    }

    /// `look` counts the time that has passed since the last answer was kept, as [`SeenTime`](crate::clock::SeenTime) does.
    fn add<'s>(&'s self, sql: &mut Sql<'s>, count: &'s i64, updates_seen_time: bool) {
        let mut update = format!("UPDATE eventlog.head SET position = position + {}", sql.value(count, "bigint"));
        if updates_seen_time {
            update += &format!(
                ", looked_ms = {NOW_MS}, seen_ms = seen_ms + least(greatest({NOW_MS} - looked_ms, 0), {MAX_TICK_MS})"
            );
        }
        if self.leaves.is_empty() {
            sql.text =
                format!("WITH bumped AS ({update} RETURNING position - $1 AS base, seen_ms, NULL::bytea AS new_peaks)");
            return;
        }
        let (size, last) = (sql.value(&self.size, "bigint"), sql.value(&self.last_peak, "bytea"));
        let (peaks, leaves) = (sql.value(&self.peaks, "bytea"), sql.value(&self.leaves, "bytea"));
        sql.text = format!(
            "WITH bumped AS (
                {update}, leaves = leaves + $1,
                    peaks = CASE WHEN leaves = {size} AND substr(peaks, greatest(length(peaks) - 31, 1)) = {last}
                        THEN {peaks} ELSE eventlog.grow(peaks, leaves, {leaves}) END
                RETURNING position - $1 AS base, seen_ms, CASE WHEN peaks <> {peaks} THEN peaks END AS new_peaks
            )"
        );
    }
}

/// Whether a batch was refused because a version, an event id or a key is in use, or a condition does not hold. Its appends
/// must then be validated one by one.
pub(super) fn needs_validation(error: &Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::UNIQUE_VIOLATION) || code == Some(&SqlState::DIVISION_BY_ZERO)
}

/// The timers that a batch changes, column by column.
#[derive(Default)]
struct Timers<'a> {
    owners: Vec<&'a str>,
    names: Vec<&'a str>,
    dues_ms: Vec<i64>,
    revisions: Vec<Uuid>,
    notes: Vec<&'a str>,
    cleared_owners: Vec<&'a str>,
    cleared: Vec<&'a str>,
    cleared_as_read: Vec<Option<Uuid>>,
}

impl<'a> Timers<'a> {
    fn from_changes(changes: impl Iterator<Item = &'a TimerChange>) -> Self {
        let mut timers = Self::default();
        for change in changes {
            match change {
                TimerChange::Set { owner, timer, due_ms, note, as_read: _ } => {
                    timers.owners.push(owner);
                    timers.names.push(timer);
                    timers.dues_ms.push(*due_ms);
                    timers.revisions.push(Uuid::now_v7());
                    timers.notes.push(note.as_str());
                }
                TimerChange::Clear { owner, timer, as_read } => {
                    timers.cleared_owners.push(owner);
                    timers.cleared.push(timer);
                    timers.cleared_as_read.push(*as_read);
                }
            }
        }
        timers
    }

    fn add<'s>(&'s self, sql: &mut Sql<'s>) {
        if !self.names.is_empty() {
            let rows = sql.table([
                (&self.owners, "text"),
                (&self.names, "text"),
                (&self.dues_ms, "bigint"),
                (&self.revisions, "uuid"),
                (&self.notes, "text"),
            ]);
            sql.text += &format!(
                ", set AS (
                    INSERT INTO eventlog.timers (owner, name, due_ms, revision, note)
                    SELECT t.owner, t.name, t.due_ms, t.revision, t.note
                    FROM bumped, {rows} AS t(owner, name, due_ms, revision, note, n)
                    ON CONFLICT (owner, name) DO UPDATE
                    SET due_ms = excluded.due_ms, revision = excluded.revision, note = excluded.note
                )"
            );
        }
        if !self.cleared.is_empty() {
            let rows =
                sql.table([(&self.cleared_owners, "text"), (&self.cleared, "text"), (&self.cleared_as_read, "uuid")]);
            sql.text += &format!(
                ", cleared AS (
                    DELETE FROM eventlog.timers AS t USING bumped, {rows} AS c(owner, name, revision, n)
                    WHERE t.owner = c.owner AND t.name = c.name AND (c.revision IS NULL OR t.revision = c.revision)
                    RETURNING t.name
                )"
            );
        }
    }
}

/// A statement under construction, with its parameters.
#[derive(Default)]
struct Sql<'a> {
    text: String,
    params: Vec<&'a (dyn ToSql + Sync)>,
}

impl<'a> Sql<'a> {
    /// Adds a parameter, and returns its placeholder with a cast.
    fn value(&mut self, value: &'a (dyn ToSql + Sync), kind: &str) -> String {
        self.params.push(value);
        format!("${}::{kind}", self.params.len())
    }

    /// Adds columns of equal length as a table whose rows are numbered from 1.
    fn table<const N: usize>(&mut self, columns: [(&'a (dyn ToSql + Sync), &str); N]) -> String {
        let columns = columns.map(|(column, kind)| self.value(column, &format!("{kind}[]")));
        format!("unnest({}) WITH ORDINALITY", columns.join(", "))
    }

    /// Adds values as a table of one row, numbered 1.
    fn row<const N: usize>(&mut self, values: [(&'a (dyn ToSql + Sync), &str); N]) -> String {
        let values = values.map(|(value, kind)| self.value(value, kind));
        format!("(VALUES ({}, 1))", values.join(", "))
    }
}
