//! Reads of the log, as SQL on one session.
//!
//! Each is one statement and so a consistent snapshot, except reading all without a filter: that is two statements, sent
//! together.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::session::{Session, signed, unsigned};
use crate::event::Texts;
use crate::hash_tree::HashTree;
use crate::limits::EVENTS_PER_READ;
use crate::{EventPage, Filter, JsonText, Position, Recorded, StoreError, StoredResponse, StreamName, Version};

/// Maximum number of events that one filtered read scans.
const MAX_EVENTS_SCANNED: i64 = 10_000;

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

pub(super) async fn epoch(session: &Session) -> Result<Option<Uuid>, Error> {
    let select = session.statement("SELECT epoch FROM eventlog.head").await?;
    let epoch: Uuid = session.client.query_one_scalar(&select, &[]).await?;
    Ok((!epoch.is_nil()).then_some(epoch))
}

/// The statement that reads every event, oldest first.
pub(super) fn everything() -> String {
    format!("SELECT {COLUMNS} FROM eventlog.events ORDER BY position")
}

/// The hash tree in the head row, not yet validated.
pub(super) struct StoredTree {
    size: u64,
    peaks: Vec<u8>,
    since: Position,
}

impl StoredTree {
    pub(super) fn read(&self) -> Result<HashTree, StoreError> {
        let damaged = || StoreError::Database("the hash tree over the log is damaged".into());
        HashTree::stored(self.size, &self.peaks, self.since).ok_or_else(damaged)
    }
}

/// The present hash tree; `None` for the schema of an older program.
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

/// The checksums of the events after a position; `None` for events that an older program wrote.
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
    if filter.matches_nothing() {
        let head = head(session).await?;
        return Ok(EventPage { events: Vec::new(), next_after: head.max(after), head });
    }
    let (types, type_prefixes) = patterns(&filter.types);
    let (streams, stream_prefixes) = patterns(&filter.streams);
    let (from, limit) = (signed(after.0).min(i64::MAX - MAX_EVENTS_SCANNED), bounded(limit));
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&from, &limit];
    if let Some(correlation) = &filter.correlation_id {
        params.push(correlation);
    }
    let mut passes = String::from("true");
    for (column, exact, prefixes) in [("type", &types, &type_prefixes), ("stream", &streams, &stream_prefixes)] {
        if exact.is_empty() && prefixes.is_empty() {
            continue;
        }
        params.extend([exact as &(dyn ToSql + Sync), prefixes as &(dyn ToSql + Sync)]);
        let (exact, prefixes) = (params.len() - 1, params.len());
        passes += &format!(
            " AND ({column} = ANY (${exact}::text[])
                OR EXISTS (SELECT 1 FROM unnest(${prefixes}::text[]) AS p(prefix) WHERE starts_with({column}, p.prefix)))"
        );
    }
    let select = if filter.correlation_id.is_none() {
        // Scans a bounded range of positions, and returns at most `limit` rows.
        format!(
            "SELECT (SELECT position FROM eventlog.head), 0::bigint, NULL::bigint, chosen.*
            FROM (VALUES (1)) AS once(row) LEFT JOIN (
                SELECT {COLUMNS} FROM eventlog.events
                WHERE position > $1 AND position <= $1 + {MAX_EVENTS_SCANNED} AND {passes} ORDER BY position LIMIT $2
            ) AS chosen ON true ORDER BY chosen.position"
        )
    } else {
        // Without a filter on types or streams the first rows match; otherwise a bounded number of rows is filtered.
        let scan_limit = if passes == "true" { "$2".to_owned() } else { MAX_EVENTS_SCANNED.to_string() };
        format!(
            "WITH looked_at AS (
                SELECT {COLUMNS} FROM eventlog.events
                WHERE correlation_id = $3 AND position > $1 ORDER BY position LIMIT {scan_limit}
            ), chosen AS (
                SELECT {COLUMNS} FROM looked_at WHERE {passes} ORDER BY position LIMIT $2
            )
            SELECT (SELECT position FROM eventlog.head), (SELECT count(*) FROM looked_at),
                (SELECT max(position) FROM looked_at), chosen.*
            FROM (VALUES (1)) AS once(row) LEFT JOIN chosen ON true ORDER BY chosen.position"
        )
    };
    let select = session.statement(&select).await?;
    let rows = session.client.query(&select, &params).await?;
    page(&rows, after, limit, filter.correlation_id.is_some(), passes != "true")
}

/// Reads without a filter: the last event is the position to continue after, whichever statement is executed first.
async fn unfiltered(session: &Session, after: Position, limit: usize) -> Result<EventPage, Error> {
    let select = format!("SELECT {COLUMNS} FROM eventlog.events WHERE position > $1 ORDER BY position LIMIT $2");
    let select = session.statement(&select).await?;
    let (from, limit) = (signed(after.0), bounded(limit));
    let events = async {
        let params: [&(dyn ToSql + Sync); 2] = [&from, &limit];
        let mut rows = std::pin::pin!(session.client.query_raw(&select, params).await?);
        // Rows are decoded while the database sends the next ones.
        let (mut events, mut scratch) = (Vec::new(), String::new());
        while let Some(row) = rows.try_next().await? {
            events.push(Arc::new(recorded(&row, 0, &mut scratch)?));
        }
        Ok(events)
    };
    // Both are prepared, so the head is read first and is never ahead of the events.
    session.statement(HEAD).await?;
    let (head, events) = tokio::try_join!(biased; head(session), events)?;
    let last = events.last().map(|last| last.position);
    Ok(EventPage { events, next_after: last.unwrap_or(after), head: head.max(last.unwrap_or_default()) })
}

fn page(rows: &[Row], after: Position, limit: i64, is_correlated: bool, is_filtered: bool) -> Result<EventPage, Error> {
    let Some(first) = rows.first() else {
        return Ok(EventPage { events: Vec::new(), next_after: after, head: after });
    };
    let head = Position(unsigned(first.try_get(0)?));
    let looked_at: i64 = first.try_get(1)?;
    let last_scanned = first.try_get::<_, Option<i64>>(2)?.map(|position| Position(unsigned(position)));
    let mut scratch = String::new();
    let events = match first.try_get::<_, Option<i64>>(3)? {
        None => Vec::new(),
        Some(_) => rows.iter().map(|row| recorded(row, 3, &mut scratch).map(Arc::new)).collect::<Result<_, _>>()?,
    };
    if limit == 0 || after >= head {
        return Ok(EventPage { events: Vec::new(), next_after: after, head });
    }
    let next_after = if signed(events.len() as u64) == limit {
        events.last().map_or(after, |last| last.position)
    } else if is_correlated {
        // The events of the correlation were read to the end, or up to the scan limit.
        let cut = is_filtered && looked_at == MAX_EVENTS_SCANNED;
        if cut { last_scanned.unwrap_or(head) } else { head }
    } else {
        Position(after.0 + unsigned(MAX_EVENTS_SCANNED)).min(head)
    };
    Ok(EventPage { events, next_after, head })
}

pub(super) async fn checkpoint(session: &Session, consumer: &str) -> Result<Position, Error> {
    let select = session.statement("SELECT position FROM eventlog.checkpoints WHERE consumer = $1").await?;
    let position: Option<i64> = session.client.query_opt_scalar(&select, &[&consumer]).await?;
    Ok(Position(unsigned(position.unwrap_or(0))))
}

/// The last versions of streams; streams without events are missing.
pub(super) async fn versions(session: &Session, streams: &[&str]) -> Result<HashMap<String, Version>, Error> {
    let select = session.statement(VERSIONS).await?;
    let rows = session.client.query(&select, &[&streams]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, Version(unsigned(row.try_get(1)?))))).collect()
}

/// Position, stream and version of events by id; unknown ids are missing.
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

/// The stored answers by key, with their positions.
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

/// Splits patterns into exact names and prefixes.
fn patterns(patterns: &[String]) -> (Vec<&str>, Vec<&str>) {
    let (mut exact, mut prefixes) = (Vec::new(), Vec::new());
    // No event contains NUL, and PostgreSQL rejects it.
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
