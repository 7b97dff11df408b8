//! Keys beside the log, and what is erased with them, as SQL on one session.

use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::session::{Session, signed};
use crate::limits::EVENTS_PER_APPEND;
use crate::{DataKey, StreamName};

pub(super) async fn add(session: &Session, keys: &[DataKey]) -> Result<(), Error> {
    let insert = session
        .statement(
            "INSERT INTO eventlog.data_keys (id, secret) SELECT * FROM unnest($1::uuid[], $2::bytea[])
            ON CONFLICT (id) DO NOTHING",
        )
        .await?;
    let ids: Vec<Uuid> = keys.iter().map(|key| key.id).collect();
    let secrets: Vec<&[u8]> = keys.iter().map(|key| key.secret.as_slice()).collect();
    session.client.execute(&insert, &[&ids, &secrets]).await.map(drop)
}

pub(super) async fn find(session: &Session, ids: &[Uuid]) -> Result<Vec<DataKey>, Error> {
    let select = session.statement("SELECT id, secret FROM eventlog.data_keys WHERE id = ANY($1)").await?;
    read(&session.client.query(&select, &[&ids]).await?)
}

pub(super) async fn after(session: &Session, after: Uuid, limit: usize) -> Result<Vec<DataKey>, Error> {
    // A log opened for reading is not migrated, so it may have an older schema.
    let present = "SELECT to_regclass('eventlog.data_keys') IS NOT NULL";
    if !session.client.query_one_scalar::<bool, _>(present, &[]).await? {
        return Ok(Vec::new());
    }
    let select =
        session.statement("SELECT id, secret FROM eventlog.data_keys WHERE id > $1 ORDER BY id LIMIT $2").await?;
    read(&session.client.query(&select, &[&after, &signed(limit as u64)]).await?)
}

fn read(rows: &[Row]) -> Result<Vec<DataKey>, Error> {
    let key = |row: &Row| {
        let mut secret = [0; 32];
        let stored: &[u8] = row.try_get(1)?;
        secret.iter_mut().zip(stored).for_each(|(byte, stored)| *byte = *stored);
        Ok(DataKey { id: row.try_get(0)?, secret })
    };
    rows.iter().map(key).collect()
}

pub(super) async fn erase(session: &Session, keys: &[Uuid], streams: &[StreamName]) -> Result<(), Error> {
    let delete = session
        .statement(
            "WITH keys AS (DELETE FROM eventlog.data_keys WHERE id = ANY($1)),
            states AS (DELETE FROM eventlog.snapshots WHERE stream = ANY($2))
            DELETE FROM eventlog.answers WHERE position IN
                (SELECT last.position FROM eventlog.events AS e JOIN eventlog.events AS last
                    ON last.correlation_id = e.correlation_id AND last.position BETWEEN e.position AND e.position + $3
                WHERE e.stream = ANY($2))",
        )
        .await?;
    let streams: Vec<&str> = streams.iter().map(StreamName::as_str).collect();
    session.client.execute(&delete, &[&keys, &streams, &signed(EVENTS_PER_APPEND as u64)]).await.map(drop)
}
