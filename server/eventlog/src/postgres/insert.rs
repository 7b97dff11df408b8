//! A batch as one statement: bump the head, number the events from there, and keep what commits with them.
//!
//! Every part reads from the bumped head, so its row is locked before any other: two servers cannot block each other.

use std::collections::BTreeMap;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::coordination::NOW_MS;
use super::session::{Session, signed, unsigned};
use crate::clock::{ANSWER_LIFE_MS, LONGEST_TICK_MS};
use crate::hash_tree::{self, Hash, HashTree};
use crate::queue::Job;
use crate::{Append, Fence, Position, TimerChange, Version};

/// What a batch writes, column by column.
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
    /// Leases whose epochs the statement itself has to find as they are here.
    fences: BTreeMap<&'a str, i64>,
    /// Whether it also has to find the timers that it clears as they were read.
    timers_demanded: bool,
}

impl<'a> Rows<'a> {
    /// How many events there are.
    pub(super) fn event_count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Adds an append whose streams have these versions; makes them the versions afterwards.
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
            let there = self.checkpoints.entry(&checkpoint.consumer).or_insert(position);
            *there = position.max(*there);
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

    /// Has the statement judge what an append demands of leases and timers, before it is added. `false` when one statement
    /// cannot: it sees the database as it was before it came to hold the head row, and only what it locks as it is then.
    /// So a timer that another server has just set can be replaced, and be found to be another one, but not be cleared
    /// without having been read.
    pub(super) fn demand(&mut self, append: &'a Append) -> bool {
        self.timers_demanded = true;
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

    /// Writes it all in one round trip; tells the head from before. Fails with an error that [`is_judged`] knows when
    /// something speaks against it, and then nothing is written.
    ///
    /// `tree` is the tree over the log as far as it is known here, and afterwards as it is.
    pub(super) async fn write(&self, session: &Session, tree: &mut HashTree) -> Result<Position, Error> {
        let mut sql = Sql::default();
        let count = signed(self.event_count());
        let growth = Growth::of(tree, &self.leaves);
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
        // Up to twice as many old answers go as new ones come, so that they go faster than they come.
        let most = signed(self.keys.len() as u64) * 2;
        if most > 0 {
            self.add_answers(&mut sql, &most);
        }
        let timers = Timers::of(self.timers.values().copied());
        timers.add(&mut sql);
        let (leases, epochs): (Vec<&str>, Vec<i64>) = self.fences.iter().map(|(lease, epoch)| (*lease, epoch)).unzip();
        let (fences, cleared) = (signed(leases.len() as u64), signed(timers.cleared.len() as u64));
        let mut demands = Vec::new();
        if fences > 0 {
            // Nobody can take the leases before this transaction has ended: otherwise a new holder could begin, and see
            // nothing yet of what the old one is about to commit.
            let rows = sql.table([(&leases, "text"), (&epochs, "bigint")]);
            sql.text += &format!(
                ", locked_leases AS MATERIALIZED (
                    SELECT l.name FROM bumped, eventlog.leases AS l, {rows} AS f(name, epoch, n)
                    WHERE l.name = f.name AND l.epoch = f.epoch FOR SHARE OF l
                )"
            );
            demands.push(format!("(SELECT count(*) FROM locked_leases) = {}", sql.value(&fences, "bigint")));
        }
        if self.timers_demanded && cleared > 0 {
            demands.push(format!("(SELECT count(*) FROM cleared) = {}", sql.value(&cleared, "bigint")));
        }
        sql.text += " SELECT base, news";
        if !demands.is_empty() {
            // Only an error undoes what the statement has done so far.
            sql.text += &format!(", 1 / CASE WHEN {} THEN 1 ELSE 0 END", demands.join(" AND "));
        }
        sql.text += " FROM bumped";
        let statement = session.statement(&sql.text).await?;
        let row = session.client.query_one(&statement, &sql.given).await?;
        let base = Position(unsigned(row.try_get(0)?));
        if count > 0 {
            let at = base.0 + self.event_count();
            let stored = |peaks| HashTree::stored(at, peaks, tree.since());
            *tree = row.try_get::<_, Option<&[u8]>>(1)?.map_or(Some(growth.grown), stored).unwrap_or_default();
        }
        Ok(base)
    }

    fn add_events<'s>(&'s self, sql: &mut Sql<'s>) {
        let rows = match (&*self.streams, &*self.versions, &*self.ids, &*self.kinds, &*self.schema_versions) {
            ([], ..) => return,
            // A single event without the detour through arrays.
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

    fn add_answers<'s>(&'s self, sql: &mut Sql<'s>, most: &'s i64) {
        let rows = sql.table([
            (&self.keys, "text"),
            (&self.fingerprints, "text"),
            (&self.bodies, "text"),
            (&self.answers_past_base, "bigint"),
            (&self.answer_times_ms, "bigint"),
        ]);
        let most = sql.value(most, "bigint");
        sql.text += &format!(
            ", answered AS (
                INSERT INTO eventlog.answers (key, fingerprint, body, position, time_ms, kept_ms)
                SELECT a.key, a.fingerprint, a.body, bumped.base + a.past_base, a.time_ms, bumped.seen_ms
                FROM bumped, {rows} AS a(key, fingerprint, body, past_base, time_ms, n)
            ), forgotten AS (
                DELETE FROM eventlog.answers AS a USING bumped WHERE a.key = ANY (ARRAY(
                    SELECT key FROM eventlog.answers WHERE kept_ms < (SELECT seen_ms FROM bumped) - {ANSWER_LIFE_MS}
                    ORDER BY kept_ms LIMIT {most}))
            )"
        );
    }
}

/// The head row as it is after a batch. The tree grows here, from where it is known to be; when another server has written
/// since, the database lets it grow from where it is.
struct Growth {
    size: i64,
    last_peak: Vec<u8>,
    peaks: Vec<u8>,
    leaves: Vec<u8>,
    grown: HashTree,
}

impl Growth {
    fn of(tree: &HashTree, leaves: &[Hash]) -> Self {
        let mut grown = tree.clone();
        leaves.iter().for_each(|leaf| grown.push(*leaf));
        Self {
            size: signed(tree.position().0),
            last_peak: tree.last_peak().to_vec(),
            peaks: grown.peaks(),
            leaves: leaves.iter().flat_map(|leaf| leaf.0).collect(),
            grown,
        }
    }

    /// `look` counts the time that has passed since the last answer was kept, as [`SeenTime`](crate::clock::SeenTime) does.
    fn add<'s>(&'s self, sql: &mut Sql<'s>, count: &'s i64, look: bool) {
        let mut bump = format!("UPDATE eventlog.head SET position = position + {}", sql.value(count, "bigint"));
        if look {
            bump += &format!(
                ", looked_ms = {NOW_MS}, seen_ms = seen_ms + least(greatest({NOW_MS} - looked_ms, 0), {LONGEST_TICK_MS})"
            );
        }
        if self.leaves.is_empty() {
            sql.text = format!("WITH bumped AS ({bump} RETURNING position - $1 AS base, seen_ms, NULL::bytea AS news)");
            return;
        }
        let (size, last) = (sql.value(&self.size, "bigint"), sql.value(&self.last_peak, "bytea"));
        let (peaks, leaves) = (sql.value(&self.peaks, "bytea"), sql.value(&self.leaves, "bytea"));
        sql.text = format!(
            "WITH bumped AS (
                {bump}, leaves = leaves + $1,
                    peaks = CASE WHEN leaves = {size} AND substr(peaks, greatest(length(peaks) - 31, 1)) = {last}
                        THEN {peaks} ELSE eventlog.grow(peaks, leaves, {leaves}) END
                RETURNING position - $1 AS base, seen_ms, CASE WHEN peaks <> {peaks} THEN peaks END AS news
            )"
        );
    }
}

/// Whether a batch was not written because something speaks against it: a place, an event id or a key that is taken, or a
/// demand that is not met. It is to be judged append by append.
pub(super) fn is_judged(error: &Error) -> bool {
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
    fn of(changes: impl Iterator<Item = &'a TimerChange>) -> Self {
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

/// A statement that is put together, with the values that it is given.
#[derive(Default)]
struct Sql<'a> {
    text: String,
    given: Vec<&'a (dyn ToSql + Sync)>,
}

impl<'a> Sql<'a> {
    /// What stands for a value.
    fn value(&mut self, value: &'a (dyn ToSql + Sync), kind: &str) -> String {
        self.given.push(value);
        format!("${}::{kind}", self.given.len())
    }

    /// A table of columns that are as long as each other; numbered from 1.
    fn table<const N: usize>(&mut self, columns: [(&'a (dyn ToSql + Sync), &str); N]) -> String {
        let columns = columns.map(|(column, kind)| self.value(column, &format!("{kind}[]")));
        format!("unnest({}) WITH ORDINALITY", columns.join(", "))
    }

    /// A table of one row; its number is 1.
    fn row<const N: usize>(&mut self, values: [(&'a (dyn ToSql + Sync), &str); N]) -> String {
        let values = values.map(|(value, kind)| self.value(value, kind));
        format!("(VALUES ({}, 1))", values.join(", "))
    }
}
