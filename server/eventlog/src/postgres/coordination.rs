//! Leases, timers and snapshots, as SQL on one session.
//!
//! What an append requires of leases and timers is read in the transaction that locks the head row (`preconditions.rs`), and
//! its timer changes are written with the events (`insert.rs`); everything else is one statement. The clock is
//! `clock_timestamp()`, which goes on while a statement waits for a lock.

use std::time::Duration;

use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::session::{Session, signed, unsigned};
use crate::clock::{as_ms, between};
use crate::limits::{SNAPSHOT_BYTES, TIMERS_PER_READ};
use crate::{Epoch, Fence, JsonText, LeaseOutcome, Snapshot, StreamName, Timer, Version};

pub(super) const NOW_MS: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

pub(super) async fn acquire_lease(
    session: &Session,
    lease: &str,
    holder: &str,
    ttl: Duration,
) -> Result<LeaseOutcome, Error> {
    let upsert = session
        .statement(&format!(
            "INSERT INTO eventlog.leases AS l (name, holder, epoch, until_ms, ttl_ms)
                VALUES ($1, $2, 1, {NOW_MS} + $3, $3)
            ON CONFLICT (name) DO UPDATE SET
                epoch = l.epoch + CASE WHEN l.holder <> excluded.holder OR l.until_ms <= {NOW_MS} THEN 1 ELSE 0 END,
                holder = excluded.holder,
                until_ms = {NOW_MS} + $3,
                ttl_ms = $3
            WHERE l.holder = excluded.holder OR l.until_ms <= {NOW_MS}
            RETURNING epoch"
        ))
        .await?;
    let epoch: Option<i64> = session.client.query_opt_scalar(&upsert, &[&lease, &holder, &as_ms(ttl)]).await?;
    if let Some(epoch) = epoch {
        return Ok(LeaseOutcome::Acquired(Fence { lease: lease.to_owned(), epoch: Epoch(unsigned(epoch)) }));
    }
    let select = session
        .statement(&format!(
            "SELECT holder, {NOW_MS}, until_ms, {NOW_MS} + ttl_ms FROM eventlog.leases WHERE name = $1"
        ))
        .await?;
    let row = session.client.query_one(&select, &[&lease]).await?;
    let (holder, now_ms) = (row.try_get(0)?, row.try_get(1)?);
    let (until_ms, latest_ms): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
    if until_ms > latest_ms {
        cap_lease(session, lease, until_ms, latest_ms).await?;
    }
    Ok(LeaseOutcome::HeldElsewhere { holder, left: between(now_ms, until_ms.min(latest_ms)) })
}

/// Lets a lease last for no longer than its time from now: it has more left only when the clock was set back. Does nothing
/// when it has been renewed since.
async fn cap_lease(session: &Session, lease: &str, until_ms: i64, latest_ms: i64) -> Result<(), Error> {
    let update =
        session.statement("UPDATE eventlog.leases SET until_ms = $3 WHERE name = $1 AND until_ms = $2").await?;
    session.client.execute(&update, &[&lease, &until_ms, &latest_ms]).await?;
    Ok(())
}

/// A released lease has `until_ms = 0`, which no clock shows, so it cannot be renewed.
pub(super) async fn renew_lease(session: &Session, fence: &Fence, ttl: Duration) -> Result<bool, Error> {
    let update = session
        .statement(&format!(
            "UPDATE eventlog.leases SET until_ms = {NOW_MS} + $3, ttl_ms = $3
            WHERE name = $1 AND epoch = $2 AND until_ms > 0"
        ))
        .await?;
    let renewed = session.client.execute(&update, &[&fence.lease, &signed(fence.epoch.0), &as_ms(ttl)]).await?;
    Ok(renewed > 0)
}

pub(super) async fn release_lease(session: &Session, fence: &Fence) -> Result<(), Error> {
    let update = session.statement("UPDATE eventlog.leases SET until_ms = 0 WHERE name = $1 AND epoch = $2").await?;
    session.client.execute(&update, &[&fence.lease, &signed(fence.epoch.0)]).await?;
    Ok(())
}

pub(super) async fn now_ms(session: &Session) -> Result<i64, Error> {
    let select = session.statement(&format!("SELECT {NOW_MS}")).await?;
    session.client.query_one_scalar(&select, &[]).await
}

pub(super) async fn due_timers(session: &Session, owner: &str, limit: usize) -> Result<Vec<Timer>, Error> {
    let select = session
        .statement(&format!(
            "SELECT owner, name, due_ms, note, revision FROM eventlog.timers WHERE owner = $1
            AND due_ms <= (SELECT {NOW_MS}) ORDER BY due_ms, name LIMIT $2"
        ))
        .await?;
    let limit = signed(limit.min(TIMERS_PER_READ) as u64);
    session.client.query(&select, &[&owner, &limit]).await?.iter().map(timer).collect()
}

fn timer(row: &Row) -> Result<Timer, Error> {
    let (owner, name, due_ms) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(Timer { owner, name, due_ms, note: JsonText::trusted(row.try_get(3)?), revision: row.try_get(4)? })
}

pub(super) async fn next_due(session: &Session, owner: &str) -> Result<Option<Duration>, Error> {
    let select =
        session.statement(&format!("SELECT {NOW_MS}, min(due_ms) FROM eventlog.timers WHERE owner = $1")).await?;
    let row = session.client.query_one(&select, &[&owner]).await?;
    let (now_ms, due_ms): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(due_ms.map(|due_ms| between(now_ms, due_ms)))
}

pub(super) async fn snapshot(
    session: &Session,
    stream: &StreamName,
    schema_version: u16,
) -> Result<Option<Snapshot>, Error> {
    let select = session
        .statement(
            "SELECT s.version, s.data FROM eventlog.snapshots AS s
            JOIN eventlog.events AS e ON e.stream = s.stream AND e.version = s.version AND e.id = s.event_id
            WHERE s.stream = $1 AND s.schema_version = $2",
        )
        .await?;
    let row = session.client.query_opt(&select, &[&stream.as_str(), &i32::from(schema_version)]).await?;
    row.map(|row| {
        Ok(Snapshot { version: Version(unsigned(row.try_get(0)?)), data: JsonText::trusted(row.try_get(1)?) })
    })
    .transpose()
}

pub(super) async fn save_snapshot(
    session: &Session,
    stream: &StreamName,
    version: Version,
    schema_version: u16,
    data: &str,
) -> Result<bool, Error> {
    if data.len() > SNAPSHOT_BYTES {
        return Ok(false);
    }
    let insert = session
        .statement(
            "INSERT INTO eventlog.snapshots (stream, version, event_id, schema_version, data)
            SELECT stream, version, id, $3::integer, $4::text FROM eventlog.events WHERE stream = $1 AND version = $2
            ON CONFLICT (stream) DO UPDATE SET version = excluded.version, event_id = excluded.event_id,
                schema_version = excluded.schema_version, data = excluded.data",
        )
        .await?;
    let (stream, version) = (stream.as_str(), signed(version.0));
    let saved = session.client.execute(&insert, &[&stream, &version, &i32::from(schema_version), &data]).await?;
    Ok(saved > 0)
}

pub(super) async fn begin_epoch(session: &Session, seen: Option<Uuid>) -> Result<(), Error> {
    // Later epochs are greater. An earlier one is there when the log was set back to before it had `seen`.
    let begin = session.statement("UPDATE eventlog.head SET epoch = $1 WHERE epoch <= $2").await?;
    session.client.execute(&begin, &[&Uuid::now_v7(), &seen.unwrap_or_default()]).await.map(drop)
}

pub(super) async fn mark_incomplete(session: &Session, incomplete: bool) -> Result<(), Error> {
    let mark = session.statement("UPDATE eventlog.head SET incomplete = $1").await?;
    session.client.execute(&mark, &[&incomplete]).await.map(drop)
}

pub(super) async fn inconsistencies(session: &Session) -> Result<Vec<String>, Error> {
    // A log opened for reading is not migrated, so it may have an older schema.
    let present = "SELECT to_regclass('eventlog.snapshots') IS NOT NULL";
    if !session.client.query_one_scalar::<bool, _>(present, &[]).await? {
        return Ok(Vec::new());
    }
    let select = session
        .statement(
            "SELECT 'the checkpoint of ' || c.consumer || ' is ' || c.position || ', past the end of the log'
                FROM eventlog.checkpoints AS c, eventlog.head WHERE c.position > head.position
            UNION ALL
            SELECT 'the answer to ' || a.key || ' is of position ' || a.position || ', past the end of the log'
                FROM eventlog.answers AS a, eventlog.head WHERE a.position > head.position
            UNION ALL
            SELECT 'the snapshot of ' || stream || ' is of version ' || version || ', and that event is not in the log'
                FROM eventlog.snapshots AS s
                WHERE NOT EXISTS (SELECT 1 FROM eventlog.events AS e
                    WHERE e.stream = s.stream AND e.version = s.version AND e.id = s.event_id)
            LIMIT 100",
        )
        .await?;
    session.client.query(&select, &[]).await?.iter().map(|row| row.try_get(0)).collect()
}
