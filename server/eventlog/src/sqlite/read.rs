//! Reads of the log, as SQL on one connection.
//!
//! They need no transactions: events never change, so everything up to a head that was read before is the same in every
//! later statement.

use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Rows, params};
use uuid::Uuid;

use crate::event::Texts;
use crate::hash_tree::HashTree;
use crate::limits::EVENTS_PER_READ;
use crate::{EventPage, Filter, JsonText, Position, Recorded, StoredResponse, StreamName, Version};

/// Maximum number of events that one filtered read scans.
const MAX_EVENTS_SCANNED: u32 = 10_000;

pub(super) fn head(connection: &Connection) -> rusqlite::Result<Position> {
    connection.prepare_cached("SELECT coalesce(max(position), 0) FROM events")?.query_row([], |row| row.get(0))
}

pub(super) fn version(connection: &Connection, stream: &StreamName) -> rusqlite::Result<Version> {
    connection
        .prepare_cached("SELECT coalesce(max(version), 0) FROM events WHERE stream = ?1")?
        .query_row([stream.as_str()], |row| row.get(0))
}

/// The present hash tree: the saved one and the events since. `None` for the schema of an older program.
pub(super) fn hash_tree(connection: &Connection) -> rusqlite::Result<Option<HashTree>> {
    let Some(mut tree) = saved_hash_tree(connection)? else { return Ok(None) };
    for_each(connection, tree.position(), |event| tree.add(event))?;
    Ok(Some(tree))
}

/// The hash tree as it was saved last; `None` for the schema of an older program.
pub(super) fn saved_hash_tree(connection: &Connection) -> rusqlite::Result<Option<HashTree>> {
    if !connection.table_exists(None, "hash_tree")? {
        return Ok(None);
    }
    connection.prepare_cached("SELECT size, peaks, since FROM hash_tree")?.query_row([], |row| {
        let size: Position = row.get(0)?;
        let tree = HashTree::stored(size.0, row.get_ref(1)?.as_blob()?, row.get(2)?);
        let damaged = || rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, "it is no hash tree".into());
        tree.map(Some).ok_or_else(damaged)
    })
}

/// The checksums of the events after a position; `None` for events that an older program wrote.
pub(super) fn checksums(
    connection: &Connection,
    after: Position,
    limit: usize,
) -> rusqlite::Result<Vec<(Position, Option<i64>)>> {
    connection
        .prepare_cached("SELECT position, checksum FROM events WHERE position > ?1 ORDER BY position LIMIT ?2")?
        .query_map(params![after, count(limit.min(EVENTS_PER_READ))], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Events of a stream, at most `limit`; ends with the event at which the JSON reaches `bytes`.
pub(super) fn stream(
    connection: &Connection,
    stream: &StreamName,
    from: Version,
    limit: usize,
    bytes: usize,
) -> rusqlite::Result<Vec<Recorded>> {
    let mut select = connection.prepare_cached(
        "SELECT position, stream, version, id, type, schema_version, time_ms, correlation_id, causation_id, actor, data
        FROM events WHERE stream = ?1 AND version >= ?2 ORDER BY version LIMIT ?3",
    )?;
    let mut rows = select.query(params![stream.as_str(), from, count(limit)])?;
    let mut events = Vec::new();
    let (mut bytes_left, mut scratch) = (bytes, String::new());
    while bytes_left > 0
        && let Some(row) = rows.next()?
    {
        let event = recorded(row, &mut scratch)?;
        bytes_left = bytes_left.saturating_sub(event.data().len());
        events.push(event);
    }
    Ok(events)
}

/// Calls `visit` with every event after a position, oldest first.
pub(super) fn for_each(
    connection: &Connection,
    after: Position,
    mut visit: impl FnMut(&Recorded),
) -> rusqlite::Result<()> {
    let mut select = connection.prepare(
        "SELECT position, stream, version, id, type, schema_version, time_ms, correlation_id, causation_id, actor, data
        FROM events WHERE position > ?1 ORDER BY position",
    )?;
    let (mut rows, mut scratch) = (select.query([after])?, String::new());
    while let Some(row) = rows.next()? {
        visit(&recorded(row, &mut scratch)?);
    }
    Ok(())
}

/// Whether a read of a stream ended at a limit, so that there may be more events.
pub(super) fn is_cut(events: &[Recorded], limit: usize, bytes: usize) -> bool {
    let read = || events.iter().map(|event| event.data().len()).sum::<usize>();
    events.len() >= limit || read() >= bytes
}

pub(super) fn all(
    connection: &Connection,
    after: Position,
    limit: usize,
    filter: &Filter,
) -> rusqlite::Result<EventPage> {
    let limit = limit.min(EVENTS_PER_READ);
    let head = head(connection)?;
    if limit == 0 || after >= head {
        return Ok(EventPage { events: Vec::new(), next_after: after, head });
    }
    if let Some(correlation) = &filter.correlation_id {
        let mut select = connection.prepare_cached(
            "SELECT position, stream, version, id, type, schema_version, time_ms, correlation_id, causation_id, actor,
            data FROM events INDEXED BY events_by_correlation
            WHERE correlation_id = ?1 AND position > ?2 AND position <= ?3 ORDER BY position LIMIT ?4",
        )?;
        let rows = select.query(params![correlation, after, head, MAX_EVENTS_SCANNED])?;
        return fill_page(rows, limit, filter, EventPage { events: Vec::new(), next_after: head, head });
    }
    let until = Position(after.0 + u64::from(MAX_EVENTS_SCANNED)).min(head);
    let mut select = connection.prepare_cached(
        "SELECT position, stream, version, id, type, schema_version, time_ms, correlation_id, causation_id, actor, data
        FROM events WHERE position > ?1 AND position <= ?2 ORDER BY position",
    )?;
    let rows = select.query(params![after, until])?;
    let mut page = EventPage { events: Vec::new(), next_after: until, head };
    if *filter == Filter::default() {
        page.events.reserve(limit.min(usize::try_from(until.0 - after.0).unwrap_or(limit)));
    }
    fill_page(rows, limit, filter, page)
}

/// Joins the page up to `middle` and the page after it. When the first ended elsewhere, because the log ended or has a gap,
/// the second is dropped. The second may have been read earlier, with an older head.
pub(super) fn join_pages(mut first: EventPage, middle: Position, second: EventPage) -> EventPage {
    if first.next_after != middle {
        return first;
    }
    first.events.extend(second.events);
    EventPage { next_after: second.next_after, head: first.head.max(second.head), ..first }
}

/// Fills a page with the rows that match the filter. `page.next_after` holds when all rows are read.
fn fill_page(mut rows: Rows<'_>, limit: usize, filter: &Filter, mut page: EventPage) -> rusqlite::Result<EventPage> {
    let everything = *filter == Filter::default();
    let (mut scanned, mut scratch) = (0, String::new());
    while let Some(row) = rows.next()? {
        scanned += 1;
        if everything || filter.matches(row.get_ref(4)?.as_str()?, row.get_ref(1)?.as_str()?, row.get_ref(7)?.as_str()?)
        {
            page.events.push(Arc::new(recorded(row, &mut scratch)?));
        }
        if page.events.len() == limit || scanned == MAX_EVENTS_SCANNED {
            page.next_after = row.get(0)?;
            return Ok(page);
        }
    }
    Ok(page)
}

pub(super) fn checkpoint(connection: &Connection, consumer: &str) -> rusqlite::Result<Position> {
    let position = connection
        .prepare_cached("SELECT position FROM checkpoints WHERE consumer = ?1")?
        .query_row([consumer], |row| row.get(0))
        .optional()?;
    Ok(position.unwrap_or_default())
}

pub(super) fn answer(connection: &Connection, key: &str) -> rusqlite::Result<Option<(StoredResponse, Position)>> {
    connection
        .prepare_cached("SELECT fingerprint, body, position, time_ms FROM answers WHERE key = ?1")?
        .query_row([key], |row| {
            let answer = StoredResponse {
                key: key.to_owned(),
                fingerprint: row.get(0)?,
                body: JsonText::trusted(row.get(1)?),
                time_ms: row.get(3)?,
            };
            Ok((answer, row.get(2)?))
        })
        .optional()
}

/// The damages that SQLite finds in its file.
pub(super) fn damages(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare("PRAGMA integrity_check(100)")?;
    let mut lines = check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    lines.retain(|line| line != "ok");
    Ok(lines)
}

pub(super) fn count(limit: usize) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX)
}

fn recorded(row: &Row<'_>, scratch: &mut String) -> rusqlite::Result<Recorded> {
    let text = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str()?);
    let texts = Texts {
        stream: text(1)?,
        kind: text(4)?,
        correlation_id: text(7)?,
        causation_id: row.get_ref(8)?.as_str_or_null()?,
        actor: text(9)?,
        data: text(10)?,
    };
    Ok(Recorded::read(row.get(0)?, row.get(2)?, id(row, 3)?, (row.get(5)?, row.get(6)?), &texts, scratch))
}

pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Uuid::from_slice(row.get_ref(column)?.as_blob()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}
