//! Keys beside the log, and what is erased with them, as SQL on one connection.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::read::{count, id};
use crate::limits::EVENTS_PER_APPEND;
use crate::{DataKey, StreamName};

pub(super) fn add(connection: &Connection, keys: &[DataKey]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    for DataKey { id, secret } in keys {
        transaction
            .prepare_cached("INSERT INTO data_keys (id, secret) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING")?
            .execute(params![id.as_bytes().as_slice(), secret.as_slice()])?;
    }
    transaction.commit()
}

pub(super) fn find(connection: &Connection, ids: &[Uuid]) -> rusqlite::Result<Vec<DataKey>> {
    let mut select = connection.prepare_cached("SELECT id, secret FROM data_keys WHERE id = ?1")?;
    let found = ids.iter().map(|id| select.query_row([id.as_bytes().as_slice()], data_key).optional());
    found.filter_map(Result::transpose).collect()
}

pub(super) fn after(connection: &Connection, after: Uuid, limit: usize) -> rusqlite::Result<Vec<DataKey>> {
    // A log opened for reading is not migrated, so it may have an older schema.
    if !connection.table_exists(None, "data_keys")? {
        return Ok(Vec::new());
    }
    connection
        .prepare_cached("SELECT id, secret FROM data_keys WHERE id > ?1 ORDER BY id LIMIT ?2")?
        .query_map(params![after.as_bytes().as_slice(), count(limit)], data_key)?
        .collect()
}

fn data_key(row: &Row<'_>) -> rusqlite::Result<DataKey> {
    Ok(DataKey { id: id(row, 0)?, secret: row.get(1)? })
}

/// The write-ahead log, which has what is deleted, is emptied as far as no reader needs it.
pub(super) fn erase(connection: &Connection, keys: &[Uuid], streams: &[StreamName]) -> rusqlite::Result<()> {
    delete(connection, keys, streams)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn delete(connection: &Connection, keys: &[Uuid], streams: &[StreamName]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    for key in keys {
        transaction.execute("DELETE FROM data_keys WHERE id = ?1", [key.as_bytes().as_slice()])?;
    }
    for stream in streams {
        transaction.execute("DELETE FROM snapshots WHERE stream = ?1", [stream.as_str()])?;
    }
    let names = serde_json::to_string(&streams.iter().map(StreamName::as_str).collect::<Vec<_>>());
    transaction.execute(
        "DELETE FROM answers WHERE position IN
            (SELECT last.position FROM events AS e JOIN events AS last ON last.correlation_id = e.correlation_id
                AND last.position BETWEEN e.position AND e.position + ?2
            WHERE e.stream IN (SELECT value FROM json_each(?1)))",
        params![names.unwrap_or_default(), count(EVENTS_PER_APPEND)],
    )?;
    transaction.commit()
}
