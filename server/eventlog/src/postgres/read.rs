//! The questions that a log can be asked, as SQL on one session.
//!
//! Each is one statement, and so of one moment; but reading all without a filter is two, sent together.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::session::{Session, signed, unsigned};
use crate::event::Texts;
use crate::hash_tree::HashTree;
use crate::limits::EVENTS_PER_READ;
use crate::{EventPage, Filter, JsonText, Position, Recorded, StoreError, StoredResponse, StreamName, Version};

/// How many events one call looks at, at most, when a filter leaves most of them out.
const EVENTS_LOOKED_AT: i64 = 10_000;

const HEAD: &str = "SELECT position FROM eventlog.head";
const COLUMNS: &str =
    "position, stream, version, id, type, schema_version, time_ms, correlation_id, causation_id, actor, data";
pub(super) const VERSIONS: &str = "SELECT s.stream, e.version FROM (SELECT DISTINCT unnest($1::text[]) AS stream) AS s,
    LATERAL (SELECT version FROM eventlog.events WHERE stream = s.stream ORDER BY version DESC LIMIT 1) AS e";
pub(super) const PLACES: &str =
    "SELECT id, position, stream, version FROM eventlog.events WHERE id IN (SELECT unnest($1::uuid[]))";
pub(super) const ANSWERS: &str = "SELECT key, fingerprint, body, position, time_ms FROM eventlog.answers
    WHERE key IN (SELECT unnest($1::text[]))";

pub(super) async fn head(session: &Session) -> Result<Position, Error> {
    let select = session.statement(HEAD).await?;
    let head: i64 = session.client.query_one_scalar(&select, &[]).await?;
    Ok(Position(unsigned(head)))
}

/// Every event, oldest first.
pub(super) fn everything() -> String {
    format!("SELECT {COLUMNS} FROM eventlog.events ORDER BY position")
}

/// A hash tree as the head row has it.
pub(super) struct StoredTree {
    size: u64,
    peaks: Vec<u8>,
    since: Position,
}

impl StoredTree {
    pub(super) fn read(&self) -> Result<HashTree, StoreError> {
        let torn = || StoreError::Database("the hash tree over the log is damaged".into());
        HashTree::stored(self.size, &self.peaks, self.since).ok_or_else(torn)
    }
}

/// The tree over the log of this moment; `None` in the shape of an older program.
pub(super) async fn hash_tree(session: &Session) -> Result<Option<StoredTree>, Error> {
    let there =
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'eventlog.head'::regclass AND attname = 'peaks')";
    if !session.client.query_one_scalar::<bool, _>(&session.statement(there).await?, &[]).await? {
        return Ok(None);
    }
    let select = session.statement("SELECT leaves, peaks, since FROM eventlog.head").await?;
    let row = session.client.query_one(&select, &[]).await?;
    let (size, since) = (unsigned(row.try_get(0)?), Position(unsigned(row.try_get(2)?)));
    Ok(Some(StoredTree { size, peaks: row.try_get(1)?, since }))
}

/// The checksums of the events after a position; those that an older program wrote have none.
pub(super) async fn checksums(
    session: &Session,
    after: Position,
    limit: usize,
) -> Result<Vec<(Position, Option<i64>)>, Error> {
    let select = session
        .statement("SELECT position, checksum FROM eventlog.events WHERE position > $1 ORDER BY position LIMIT $2")
        .await?;
    let rows = session.client.query(&select, &[&signed(after.0), &bounded(limit)]).await?;
    rows.iter().map(|row| Ok((Position(unsigned(row.try_get(0)?)), row.try_get(1)?))).collect()
}

pub(super) async fn stream(
    session: &Session,
    stream: &StreamName,
    from: Version,
    limit: usize,
) -> Result<Vec<Recorded>, Error> {
    let select =
        format!("SELECT {COLUMNS} FROM eventlog.events WHERE stream = $1 AND version >= $2 ORDER BY version LIMIT $3");
    let select = session.statement(&select).await?;
    let rows = session.client.query(&select, &[&stream.as_str(), &signed(from.0), &bounded(limit)]).await?;
    let mut scratch = String::new();
    rows.iter().map(|row| recorded(row, 0, &mut scratch)).collect()
}

pub(super) async fn all(session: &Session, after: Position, limit: usize, filter: &Filter) -> Result<EventPage, Error> {
    if *filter == Filter::default() {
        return unfiltered(session, after, limit).await;
    }
    if filter.asks_for_the_impossible() {
        let head = head(session).await?;
        return Ok(EventPage { events: Vec::new(), next_after: head.max(after), head });
    }
    let (types, type_prefixes) = patterns(&filter.types);
    let (streams, stream_prefixes) = patterns(&filter.streams);
    let (from, limit) = (signed(after.0).min(i64::MAX - EVENTS_LOOKED_AT), bounded(limit));
    let mut given: Vec<&(dyn ToSql + Sync)> = vec![&from, &limit];
    if let Some(correlation) = &filter.correlation_id {
        given.push(correlation);
    }
    let mut passes = String::from("true");
    for (column, exact, prefixes) in [("type", &types, &type_prefixes), ("stream", &streams, &stream_prefixes)] {
        if exact.is_empty() && prefixes.is_empty() {
            continue;
        }
        given.extend([exact as &(dyn ToSql + Sync), prefixes as &(dyn ToSql + Sync)]);
        let (exact, prefixes) = (given.len() - 1, given.len());
        passes += &format!(
            " AND ({column} = ANY (${exact}::text[])
                OR EXISTS (SELECT 1 FROM unnest(${prefixes}::text[]) AS p(prefix) WHERE starts_with({column}, p.prefix)))"
        );
    }
    let select = if filter.correlation_id.is_none() {
        // A bounded stretch of the log, of which no more is read than is asked for.
        format!(
            "SELECT (SELECT position FROM eventlog.head), 0::bigint, NULL::bigint, chosen.*
            FROM (VALUES (1)) AS once(row) LEFT JOIN (
                SELECT {COLUMNS} FROM eventlog.events
                WHERE position > $1 AND position <= $1 + {EVENTS_LOOKED_AT} AND {passes} ORDER BY position LIMIT $2
            ) AS chosen ON true ORDER BY chosen.position"
        )
    } else {
        // Without a filter on types or streams the first rows are the ones; with one, the stretch must be looked at first.
        let stretch = if passes == "true" { "$2".to_owned() } else { EVENTS_LOOKED_AT.to_string() };
        format!(
            "WITH looked_at AS (
                SELECT {COLUMNS} FROM eventlog.events
                WHERE correlation_id = $3 AND position > $1 ORDER BY position LIMIT {stretch}
            ), chosen AS (
                SELECT {COLUMNS} FROM looked_at WHERE {passes} ORDER BY position LIMIT $2
            )
            SELECT (SELECT position FROM eventlog.head), (SELECT count(*) FROM looked_at),
                (SELECT max(position) FROM looked_at), chosen.*
            FROM (VALUES (1)) AS once(row) LEFT JOIN chosen ON true ORDER BY chosen.position"
        )
    };
    let select = session.statement(&select).await?;
    let rows = session.client.query(&select, &given).await?;
    slice(&rows, after, limit, filter.correlation_id.is_some(), passes != "true")
}

/// Without a filter nothing is left out, so the last event tells where to read on, whichever statement comes first.
async fn unfiltered(session: &Session, after: Position, limit: usize) -> Result<EventPage, Error> {
    let select = format!("SELECT {COLUMNS} FROM eventlog.events WHERE position > $1 ORDER BY position LIMIT $2");
    let select = session.statement(&select).await?;
    let (from, limit) = (signed(after.0), bounded(limit));
    let events = async {
        let given: [&(dyn ToSql + Sync); 2] = [&from, &limit];
        let mut rows = std::pin::pin!(session.client.query_raw(&select, given).await?);
        // Each is read as it comes, while the database looks for the next.
        let (mut events, mut scratch) = (Vec::new(), String::new());
        while let Some(row) = rows.try_next().await? {
            events.push(recorded(&row, 0, &mut scratch)?);
        }
        Ok(events)
    };
    // With both prepared, the look at the head is sent first: it tells no more than the events do.
    session.statement(HEAD).await?;
    let (head, events) = tokio::try_join!(biased; head(session), events)?;
    let last = events.last().map(|last| last.position);
    Ok(EventPage { events, next_after: last.unwrap_or(after), head: head.max(last.unwrap_or_default()) })
}

fn slice(rows: &[Row], after: Position, limit: i64, correlated: bool, sifted: bool) -> Result<EventPage, Error> {
    let Some(first) = rows.first() else {
        return Ok(EventPage { events: Vec::new(), next_after: after, head: after });
    };
    let head = Position(unsigned(first.try_get(0)?));
    let looked_at: i64 = first.try_get(1)?;
    let last_looked_at = first.try_get::<_, Option<i64>>(2)?.map(|position| Position(unsigned(position)));
    let mut scratch = String::new();
    let events: Vec<Recorded> = match first.try_get::<_, Option<i64>>(3)? {
        None => Vec::new(),
        Some(_) => rows.iter().map(|row| recorded(row, 3, &mut scratch)).collect::<Result<_, _>>()?,
    };
    if limit == 0 || after >= head {
        return Ok(EventPage { events: Vec::new(), next_after: after, head });
    }
    let next_after = if signed(events.len() as u64) == limit {
        events.last().map_or(after, |last| last.position)
    } else if correlated {
        // The correlation was read to its end, or as far as one call goes.
        let cut = sifted && looked_at == EVENTS_LOOKED_AT;
        if cut { last_looked_at.unwrap_or(head) } else { head }
    } else {
        Position(after.0 + unsigned(EVENTS_LOOKED_AT)).min(head)
    };
    Ok(EventPage { events, next_after, head })
}

pub(super) async fn checkpoint(session: &Session, consumer: &str) -> Result<Position, Error> {
    let select = session.statement("SELECT position FROM eventlog.checkpoints WHERE consumer = $1").await?;
    let position: Option<i64> = session.client.query_opt_scalar(&select, &[&consumer]).await?;
    Ok(Position(unsigned(position.unwrap_or(0))))
}

/// The last versions of streams; those that do not exist are missing.
pub(super) async fn versions(session: &Session, streams: &[&str]) -> Result<HashMap<String, Version>, Error> {
    let select = session.statement(VERSIONS).await?;
    let rows = session.client.query(&select, &[&streams]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, Version(unsigned(row.try_get(1)?))))).collect()
}

/// Where events stand; those that are not in the log are missing.
pub(super) async fn places(
    session: &Session,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, (Position, String, Version)>, Error> {
    let select = session.statement(PLACES).await?;
    let rows = session.client.query(&select, &[&ids]).await?;
    rows.iter()
        .map(|row| {
            let place = (Position(unsigned(row.try_get(1)?)), row.try_get(2)?, Version(unsigned(row.try_get(3)?)));
            Ok((row.try_get(0)?, place))
        })
        .collect()
}

/// The answers kept under some keys.
pub(super) async fn answers(
    session: &Session,
    keys: &[&str],
) -> Result<HashMap<String, (StoredResponse, Position)>, Error> {
    let select = session.statement(ANSWERS).await?;
    let rows = session.client.query(&select, &[&keys]).await?;
    rows.iter()
        .map(|row| {
            let answer = StoredResponse {
                key: row.try_get(0)?,
                fingerprint: row.try_get(1)?,
                body: JsonText::trusted(row.try_get(2)?),
                time_ms: row.try_get(4)?,
            };
            Ok((answer.key.clone(), (answer, Position(unsigned(row.try_get(3)?)))))
        })
        .collect()
}

/// Patterns as exact names and prefixes.
fn patterns(patterns: &[String]) -> (Vec<&str>, Vec<&str>) {
    let (mut exact, mut prefixes) = (Vec::new(), Vec::new());
    // Text with a NUL is in no event, and cannot be sent.
    for pattern in patterns.iter().filter(|pattern| !pattern.contains('\0')) {
        match pattern.strip_suffix('*') {
            Some(prefix) => prefixes.push(prefix),
            None => exact.push(pattern.as_str()),
        }
    }
    (exact, prefixes)
}

fn bounded(limit: usize) -> i64 {
    signed(limit.min(EVENTS_PER_READ) as u64)
}

pub(super) fn recorded(row: &Row, column: usize, scratch: &mut String) -> Result<Recorded, Error> {
    let texts = Texts {
        stream: row.try_get(column + 1)?,
        kind: row.try_get(column + 4)?,
        correlation_id: row.try_get(column + 7)?,
        causation_id: row.try_get(column + 8)?,
        actor: row.try_get(column + 9)?,
        data: row.try_get(column + 10)?,
    };
    let (position, version) = (row.try_get(column)?, row.try_get(column + 2)?);
    let schema_version: i32 = row.try_get(column + 5)?;
    let numbers = (u16::try_from(schema_version).unwrap_or(u16::MAX), row.try_get(column + 6)?);
    let (position, version) = (Position(unsigned(position)), Version(unsigned(version)));
    Ok(Recorded::read(position, version, row.try_get(column + 3)?, numbers, &texts, scratch))
}
