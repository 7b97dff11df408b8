//! Leases, timers and snapshots, as SQL on one connection.
//!
//! The timer changes of an append run in the writer's transaction; everything else is one statement.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::read::{count, id};
use crate::clock::{as_ms, between};
use crate::limits::{SNAPSHOT_BYTES, TIMERS_PER_READ};
use crate::{Epoch, Fence, JsonText, LeaseOutcome, Snapshot, StreamName, Timer, TimerChange, Version};

pub(super) fn change_timer(connection: &Connection, change: &TimerChange) -> rusqlite::Result<()> {
    match change {
        TimerChange::Set { owner, timer, due_ms, note, as_read: _ } => connection
            .prepare_cached(
                "INSERT INTO timers (owner, name, due_ms, revision, note) VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT (owner, name) DO UPDATE
                SET due_ms = excluded.due_ms, revision = excluded.revision, note = excluded.note",
            )?
            .execute(params![owner, timer, due_ms, Uuid::now_v7().as_bytes().as_slice(), note.as_str()])?,
        TimerChange::Clear { owner, timer, as_read: _ } => connection
            .prepare_cached("DELETE FROM timers WHERE owner = ?1 AND name = ?2")?
            .execute(params![owner, timer])?,
    };
    Ok(())
}

pub(super) fn acquire_lease(
    connection: &Connection,
    lease: &str,
    holder: &str,
    ttl: Duration,
    now_ms: i64,
) -> rusqlite::Result<LeaseOutcome> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO leases (name, holder, epoch, until_ms, ttl_ms) VALUES (?1, ?2, 1, ?3 + ?4, ?4)
            ON CONFLICT (name) DO UPDATE SET
                epoch = epoch + (holder <> excluded.holder OR until_ms <= ?3),
                holder = excluded.holder,
                until_ms = excluded.until_ms,
                ttl_ms = excluded.ttl_ms
            WHERE holder = excluded.holder OR until_ms <= ?3
            RETURNING epoch",
    )?;
    // All rows are read: SQLite commits after the last step, and reports a failed commit only there.
    let rows: Vec<Epoch> =
        statement.query_map(params![lease, holder, now_ms, as_ms(ttl)], |row| row.get(0))?.collect::<Result<_, _>>()?;
    match rows.first().copied() {
        Some(epoch) => Ok(LeaseOutcome::Acquired(Fence { lease: lease.to_owned(), epoch })),
        None => {
            cap_lease(connection, lease, now_ms)?;
            connection
                .prepare_cached("SELECT holder, until_ms FROM leases WHERE name = ?1")?
                .query_row([lease], |row| {
                    Ok(LeaseOutcome::HeldElsewhere { holder: row.get(0)?, left: between(now_ms, row.get(1)?) })
                })
        }
    }
}

/// Lets a lease last for no longer than its time from now: it has more left only when the clock was set back.
fn cap_lease(connection: &Connection, lease: &str, now_ms: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE leases SET until_ms = ?2 + ttl_ms WHERE name = ?1 AND until_ms > ?2 + ttl_ms")?
        .execute(params![lease, now_ms])?;
    Ok(())
}

/// A released lease has `until_ms = 0`, which no clock shows, so it cannot be renewed.
pub(super) fn renew_lease(
    connection: &Connection,
    fence: &Fence,
    ttl: Duration,
    now_ms: i64,
) -> rusqlite::Result<bool> {
    let renewed = connection
        .prepare_cached(
            "UPDATE leases SET until_ms = ?3 + ?4, ttl_ms = ?4 WHERE name = ?1 AND epoch = ?2 AND until_ms > 0",
        )?
        .execute(params![fence.lease, fence.epoch, now_ms, as_ms(ttl)])?;
    Ok(renewed > 0)
}

pub(super) fn release_lease(connection: &Connection, fence: &Fence) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE leases SET until_ms = 0 WHERE name = ?1 AND epoch = ?2")?
        .execute(params![fence.lease, fence.epoch])?;
    Ok(())
}

pub(super) fn due_timers(
    connection: &Connection,
    owner: &str,
    now_ms: i64,
    limit: usize,
) -> rusqlite::Result<Vec<Timer>> {
    connection
        .prepare_cached(
            "SELECT owner, name, due_ms, note, revision FROM timers WHERE owner = ?1 AND due_ms <= ?2
            ORDER BY due_ms, name LIMIT ?3",
        )?
        .query_map(params![owner, now_ms, count(limit.min(TIMERS_PER_READ))], timer)?
        .collect()
}

fn timer(row: &Row<'_>) -> rusqlite::Result<Timer> {
    let (owner, name, due_ms) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(Timer { owner, name, due_ms, note: JsonText::trusted(row.get(3)?), revision: id(row, 4)? })
}

pub(super) fn next_due(connection: &Connection, owner: &str, now_ms: i64) -> rusqlite::Result<Option<Duration>> {
    let due_ms: Option<i64> = connection
        .prepare_cached("SELECT min(due_ms) FROM timers WHERE owner = ?1")?
        .query_row([owner], |row| row.get(0))?;
    Ok(due_ms.map(|due_ms| between(now_ms, due_ms)))
}

pub(super) fn snapshot(
    connection: &Connection,
    stream: &StreamName,
    schema_version: u16,
) -> rusqlite::Result<Option<Snapshot>> {
    connection
        .prepare_cached(
            "SELECT s.version, s.data FROM snapshots AS s
            JOIN events AS e ON e.stream = s.stream AND e.version = s.version AND e.id = s.event_id
            WHERE s.stream = ?1 AND s.schema_version = ?2",
        )?
        .query_row(params![stream.as_str(), schema_version], |row| {
            Ok(Snapshot { version: row.get(0)?, data: JsonText::trusted(row.get(1)?) })
        })
        .optional()
}

pub(super) fn save_snapshot(
    connection: &Connection,
    stream: &StreamName,
    version: Version,
    schema_version: u16,
    data: &str,
) -> rusqlite::Result<bool> {
    if data.len() > SNAPSHOT_BYTES {
        return Ok(false);
    }
    let saved = connection
        .prepare_cached(
            "INSERT INTO snapshots (stream, version, event_id, schema_version, data)
            SELECT stream, version, id, ?3, ?4 FROM events WHERE stream = ?1 AND version = ?2
            ON CONFLICT (stream) DO UPDATE SET version = excluded.version, event_id = excluded.event_id,
                schema_version = excluded.schema_version, data = excluded.data",
        )?
        .execute(params![stream.as_str(), version, schema_version, data])?;
    Ok(saved > 0)
}

pub(super) fn inconsistencies(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    // A log opened for reading is not migrated, so it may have an older schema.
    if !connection.table_exists(None, "snapshots")? {
        return Ok(Vec::new());
    }
    connection
        .prepare(
            "WITH head AS (SELECT coalesce(max(position), 0) AS last FROM events)
            SELECT 'the checkpoint of ' || consumer || ' is ' || position || ', past the end of the log'
                FROM checkpoints, head WHERE position > last
            UNION ALL
            SELECT 'the answer to ' || key || ' is of position ' || position || ', past the end of the log'
                FROM answers, head WHERE position > last
            UNION ALL
            SELECT 'the snapshot of ' || stream || ' is of version ' || version || ', and that event is not in the log'
                FROM snapshots AS s
                WHERE NOT EXISTS (SELECT 1 FROM events AS e
                    WHERE e.stream = s.stream AND e.version = s.version AND e.id = s.event_id)
            LIMIT 100",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The database fails every commit, as a full disk would: a deferred foreign key refers to nothing, and SQLite checks it
    /// at the commit.
    #[test]
    fn a_lease_whose_commit_fails_is_not_taken() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = ON;
                CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL,
                    until_ms INTEGER NOT NULL, ttl_ms INTEGER NOT NULL);
                CREATE TABLE referring (name TEXT REFERENCES leases DEFERRABLE INITIALLY DEFERRED);
                CREATE TRIGGER fails AFTER INSERT ON leases BEGIN INSERT INTO referring VALUES ('nothing'); END;",
            )
            .unwrap();
        let taken = acquire_lease(&connection, "process-mail", "one", Duration::from_secs(10), 0);
        assert!(taken.is_err(), "{taken:?}");
        let leases: i64 = connection.query_row("SELECT count(*) FROM leases", [], |row| row.get(0)).unwrap();
        assert_eq!(leases, 0);
    }
}
