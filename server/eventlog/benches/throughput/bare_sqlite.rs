//! A bare loop that writes the rows of the log into its table, with and without the hash tree.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, Statement, params};
use storefront_eventlog::{HashTree, NewEvent, Position, Recorded, SqliteStore, StreamName, Version};

use super::an_event;

const INSERT: &str = "INSERT INTO events (position, stream, version, id, type, schema_version, time_ms, correlation_id,
    causation_id, actor, data, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

/// The log saves its tree after so many events.
const EVENTS_PER_TREE_SAVE: u64 = 1000;

/// Events per second. With `hashes`, each event is hashed and has a checksum, and the tree is saved as often as by the log.
pub(super) fn appends(path: &Path, total: usize, in_transaction: usize, hashes: bool) -> f64 {
    // The log creates the tables; only the loop writes to them.
    drop(SqliteStore::open(path).unwrap());
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 10000").unwrap();
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    let mut insert = connection.prepare(INSERT).unwrap();
    let mut tree = HashTree::default();
    let streams: Vec<StreamName> =
        (0..in_transaction).map(|caller| StreamName::new(format!("s-{caller}")).unwrap()).collect();
    let mut position = Position(0);
    let start = Instant::now();
    let mut saved = 0;
    for transaction in 1..=total / in_transaction {
        connection.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        for stream in &streams {
            position.0 += 1;
            let event = an_event();
            // Also without hashes, because creating it has a cost.
            let recorded = black_box(Recorded::new(position, stream, Version(transaction as u64), &event));
            let checksum = hashes.then(|| {
                tree.add(&recorded);
                // As long as the real checksum, which is a part of a hash.
                i64::MAX - position.0 as i64
            });
            write(&mut insert, &recorded, &event, checksum);
        }
        if hashes && position.0 - saved >= EVENTS_PER_TREE_SAVE {
            saved = position.0;
            let peaks = vec![7_u8; 32 * position.0.count_ones() as usize];
            let keep = "UPDATE hash_tree SET size = ?1, peaks = ?2";
            connection.prepare_cached(keep).unwrap().execute(params![position.0 as i64, peaks]).unwrap();
        }
        connection.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
    }
    position.0 as f64 / start.elapsed().as_secs_f64()
}

fn write(insert: &mut Statement<'_>, recorded: &Recorded, event: &NewEvent, checksum: Option<i64>) {
    let values = params![
        recorded.position.0 as i64,
        recorded.stream(),
        recorded.version.0 as i64,
        event.id.as_bytes().as_slice(),
        event.kind,
        event.schema_version,
        event.time_ms,
        event.correlation_id,
        event.causation_id,
        event.actor,
        event.data.as_str(),
        checksum
    ];
    insert.execute(values).unwrap();
}
