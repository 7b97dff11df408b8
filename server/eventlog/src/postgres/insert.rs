//! A batch as one statement: bump the head, number the events from there, and keep what commits with them.

use std::collections::BTreeMap;

use tokio_postgres::Error;
use uuid::Uuid;

use super::session::{Session, signed, unsigned};
use crate::{Append, Position, Version};

/// Every part reads from `bumped`, so the head row is locked before any other: two servers cannot block each other.
const EVENTS: &str = "
    WITH bumped AS (
        UPDATE eventlog.head SET position = position + $1 RETURNING position - $1 AS base
    ), written AS (
        INSERT INTO eventlog.events (position, stream, version, id, type, schema_version, time_ms, correlation_id,
            causation_id, actor, data)
        SELECT bumped.base + e.n, e.stream, e.version, e.id, e.type, e.schema_version, e.time_ms, e.correlation_id,
            e.causation_id, e.actor, e.data
        FROM bumped, unnest($2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::integer[], $7::bigint[], $8::text[],
            $9::text[], $10::text[], $11::text[]) WITH ORDINALITY
            AS e(stream, version, id, type, schema_version, time_ms, correlation_id, causation_id, actor, data, n)
    )";
/// The same for a single event, without the detour through arrays.
const ONE_EVENT: &str = "
    WITH bumped AS (
        UPDATE eventlog.head SET position = position + 1 RETURNING position
    )
    INSERT INTO eventlog.events (position, stream, version, id, type, schema_version, time_ms, correlation_id,
        causation_id, actor, data)
    SELECT position, $1::text, $2::bigint, $3::uuid, $4::text, $5::integer, $6::bigint, $7::text, $8::text, $9::text,
        $10::text
    FROM bumped RETURNING position - 1";
const COMPANIONS: &str = ", moved AS (
        INSERT INTO eventlog.checkpoints (consumer, position)
        SELECT c.consumer, c.position FROM bumped, unnest($12::text[], $13::bigint[]) AS c(consumer, position)
        ON CONFLICT (consumer) DO UPDATE SET position = greatest(checkpoints.position, excluded.position)
    ), answered AS (
        INSERT INTO eventlog.answers (key, fingerprint, body, position, time_ms)
        SELECT a.key, a.fingerprint, a.body, bumped.base + a.past_base, a.time_ms
        FROM bumped, unnest($14::text[], $15::text[], $16::text[], $17::bigint[], $18::bigint[])
            AS a(key, fingerprint, body, past_base, time_ms)
    )";
const ANSWER: &str = " SELECT base FROM bumped";

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
    checkpoints: BTreeMap<&'a str, i64>,
    keys: Vec<&'a str>,
    fingerprints: Vec<&'a str>,
    bodies: Vec<&'a str>,
    answers_past_base: Vec<i64>,
    answer_times_ms: Vec<i64>,
}

impl<'a> Rows<'a> {
    /// How many events there are.
    pub(super) fn event_count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Adds an append whose streams have these versions; makes them the versions afterwards.
    pub(super) fn add(&mut self, append: &'a Append, versions: &mut [Version]) {
        for (part, version) in append.streams.iter().zip(versions) {
            for event in &part.events {
                version.0 += 1;
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
    }

    /// Writes it all in one round trip; tells the head from before.
    pub(super) async fn write(&self, session: &Session) -> Result<Position, Error> {
        let count = signed(self.event_count());
        let (consumers, positions): (Vec<&str>, Vec<i64>) =
            self.checkpoints.iter().map(|(name, at)| (*name, at)).unzip();
        let alone = self.checkpoints.is_empty() && self.keys.is_empty();
        if alone && let Some(base) = self.write_single(session).await? {
            return Ok(base);
        }
        let sql = if alone { [EVENTS, "", ANSWER].concat() } else { [EVENTS, COMPANIONS, ANSWER].concat() };
        let statement = session.statement(&sql).await?;
        let all: [&(dyn tokio_postgres::types::ToSql + Sync); 18] = [
            &count,
            &self.streams,
            &self.versions,
            &self.ids,
            &self.kinds,
            &self.schema_versions,
            &self.times_ms,
            &self.correlation_ids,
            &self.causation_ids,
            &self.actors,
            &self.data,
            &consumers,
            &positions,
            &self.keys,
            &self.fingerprints,
            &self.bodies,
            &self.answers_past_base,
            &self.answer_times_ms,
        ];
        let given = if alone { all.get(..11).unwrap_or(&all) } else { &all };
        let base: i64 = session.client.query_one_scalar(&statement, given).await?;
        Ok(Position(unsigned(base)))
    }

    /// Writes an event that is alone; `None` when it is not, and then nothing is written.
    async fn write_single(&self, session: &Session) -> Result<Option<Position>, Error> {
        let ([stream], [version], [id], [kind], [schema_version]) =
            (&*self.streams, &*self.versions, &*self.ids, &*self.kinds, &*self.schema_versions)
        else {
            return Ok(None);
        };
        let ([time_ms], [correlation_id], [causation_id], [actor], [data]) =
            (&*self.times_ms, &*self.correlation_ids, &*self.causation_ids, &*self.actors, &*self.data)
        else {
            return Ok(None);
        };
        let statement = session.statement(ONE_EVENT).await?;
        let base: i64 = session
            .client
            .query_one_scalar(
                &statement,
                &[stream, version, id, kind, schema_version, time_ms, correlation_id, causation_id, actor, data],
            )
            .await?;
        Ok(Some(Position(unsigned(base))))
    }
}
