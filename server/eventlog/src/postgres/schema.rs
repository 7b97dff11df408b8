//! The tables and their migrations. Safe when several servers start at once.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::{Client, Error, Transaction};

use super::read;
use super::session::signed;
use crate::StoreError;
use crate::hash_tree::HashTree;

/// Key of the advisory lock around the migrations; "SFEL" in ASCII.
const MIGRATION_LOCK: i64 = 0x5346_454C;

/// The migrations. Append only: a released step is never changed.
///
/// `head` has one row. Every append updates it in its transaction: the lock makes the order of commits the order of
/// positions, and a rollback frees the positions. Text is compared by bytes, as on SQLite.
const MIGRATIONS: &[&str] = &[
    r#"
    CREATE TABLE eventlog.head (
        single BOOLEAN PRIMARY KEY DEFAULT true CHECK (single),
        position BIGINT NOT NULL CHECK (position >= 0)
    ) WITH (fillfactor = 10);
    INSERT INTO eventlog.head (position) VALUES (0);
    CREATE TABLE eventlog.events (
        position BIGINT PRIMARY KEY CHECK (position > 0),
        stream TEXT COLLATE "C" NOT NULL,
        version BIGINT NOT NULL CHECK (version > 0),
        id UUID NOT NULL UNIQUE,
        type TEXT COLLATE "C" NOT NULL,
        schema_version INTEGER NOT NULL,
        time_ms BIGINT NOT NULL,
        correlation_id TEXT COLLATE "C" NOT NULL,
        causation_id TEXT COLLATE "C",
        actor TEXT COLLATE "C" NOT NULL,
        data TEXT COLLATE "C" NOT NULL,
        UNIQUE (stream, version)
    );
    CREATE INDEX events_by_correlation ON eventlog.events (correlation_id, position);
    CREATE FUNCTION eventlog.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'events are never changed or deleted'; END $$;
    CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON eventlog.events
        FOR EACH STATEMENT EXECUTE FUNCTION eventlog.refuse();
    REVOKE UPDATE, DELETE, TRUNCATE ON eventlog.events FROM PUBLIC, CURRENT_USER;
    CREATE TABLE eventlog.checkpoints (
        consumer TEXT COLLATE "C" PRIMARY KEY,
        position BIGINT NOT NULL
    ) WITH (fillfactor = 50);
    CREATE TABLE eventlog.answers (
        key TEXT COLLATE "C" PRIMARY KEY,
        fingerprint TEXT COLLATE "C" NOT NULL,
        body TEXT COLLATE "C" NOT NULL,
        position BIGINT NOT NULL,
        time_ms BIGINT NOT NULL
    );
    CREATE INDEX answers_by_time ON eventlog.answers (time_ms);
"#,
    r#"
    CREATE TABLE eventlog.leases (
        name TEXT COLLATE "C" PRIMARY KEY,
        holder TEXT COLLATE "C" NOT NULL,
        epoch BIGINT NOT NULL CHECK (epoch > 0),
        until_ms BIGINT NOT NULL
    ) WITH (fillfactor = 50);
    CREATE TABLE eventlog.timers (
        owner TEXT COLLATE "C" NOT NULL,
        name TEXT COLLATE "C" NOT NULL,
        due_ms BIGINT NOT NULL,
        revision UUID NOT NULL,
        note TEXT COLLATE "C" NOT NULL,
        PRIMARY KEY (owner, name)
    );
    CREATE INDEX timers_by_due ON eventlog.timers (owner, due_ms, name);
    CREATE TABLE eventlog.snapshots (
        stream TEXT COLLATE "C" PRIMARY KEY,
        version BIGINT NOT NULL,
        event_id UUID NOT NULL,
        schema_version INTEGER NOT NULL,
        data TEXT COLLATE "C" NOT NULL
    );
"#,
    // The check keeps a server of an older version, which knows nothing of the tree, from writing past it. The function goes
    // on from the peaks of a tree of some size with more leaves; it is what the log's own code does, for a writer whose
    // tree is not the latest.
    r#"
    ALTER TABLE eventlog.events ADD COLUMN checksum BIGINT;
    ALTER TABLE eventlog.head
        ADD COLUMN leaves BIGINT NOT NULL DEFAULT 0,
        ADD COLUMN peaks BYTEA NOT NULL DEFAULT '',
        ADD COLUMN since BIGINT;
    CREATE FUNCTION eventlog.grow(peaks BYTEA, size BIGINT, leaves BYTEA) RETURNS BYTEA
        LANGUAGE plpgsql IMMUTABLE STRICT AS $$
        DECLARE
            node BYTEA;
            carry BIGINT;
        BEGIN
            FOR leaf IN 0 .. length(leaves) / 32 - 1 LOOP
                node := substr(leaves, leaf * 32 + 1, 32);
                carry := size + leaf;
                WHILE carry & 1 = 1 LOOP
                    node := sha256('\x01'::bytea || substr(peaks, length(peaks) - 31) || node);
                    peaks := substr(peaks, 1, length(peaks) - 32);
                    carry := carry >> 1;
                END LOOP;
                peaks := peaks || node;
            END LOOP;
            RETURN peaks;
        END $$;
"#,
    // While an import is at it, and after one that was broken off.
    "ALTER TABLE eventlog.head ADD COLUMN incomplete BOOLEAN NOT NULL DEFAULT false;",
    // Answers that older programs kept live for another day.
    "
    ALTER TABLE eventlog.head
        ADD COLUMN seen_ms BIGINT NOT NULL DEFAULT 0,
        ADD COLUMN looked_ms BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE eventlog.answers ADD COLUMN kept_ms BIGINT NOT NULL DEFAULT 0;
    DROP INDEX eventlog.answers_by_time;
    CREATE INDEX answers_by_kept ON eventlog.answers (kept_ms);
",
    "ALTER TABLE eventlog.head ADD COLUMN epoch UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';",
    // The lease of an older program counts as one of the longest.
    "ALTER TABLE eventlog.leases ADD COLUMN ttl_ms BIGINT NOT NULL DEFAULT 3600000;",
    "CREATE TABLE eventlog.data_keys (id UUID PRIMARY KEY, secret BYTEA NOT NULL);",
];

const HAS_TREE: &str = "SELECT since IS NOT NULL FROM eventlog.head";
const SAVE_TREE: &str = "UPDATE eventlog.head SET leaves = $1, peaks = $2, since = $3";
const REQUIRE_TREE: &str = "ALTER TABLE eventlog.head ALTER COLUMN since SET NOT NULL, ADD CHECK (leaves = position)";

/// Applies the missing migrations; an advisory lock lets one server at a time do so.
pub(super) async fn migrate(client: &mut Client) -> Result<(), StoreError> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
    let encoding: String = transaction.query_one("SELECT current_setting('server_encoding')", &[]).await?.try_get(0)?;
    if encoding != "UTF8" {
        return Err(StoreError::Unusable(format!("the database keeps text as {encoding}; the log needs UTF8")));
    }
    let known = known_steps(&transaction).await?;
    refuse_newer(known)?;
    for (step, number) in MIGRATIONS.iter().zip(1_i64..).skip(usize::try_from(known).unwrap_or_default()) {
        transaction.batch_execute(step).await?;
        transaction.execute("INSERT INTO eventlog.migrations (step) VALUES ($1)", &[&number]).await?;
    }
    build_tree(&transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Builds the hash tree of a log that was written by an older program.
async fn build_tree(transaction: &Transaction<'_>) -> Result<(), Error> {
    transaction.batch_execute("SELECT FROM eventlog.head FOR UPDATE").await?;
    if transaction.query_one(HAS_TREE, &[]).await?.try_get(0)? {
        return Ok(());
    }
    let mut tree = HashTree::default();
    let no_values: [i64; 0] = [];
    let mut rows = pin!(transaction.query_raw(&read::everything(), no_values).await?);
    let mut scratch = String::new();
    while let Some(row) = rows.try_next().await? {
        tree.add(&read::recorded(&row, 0, &mut scratch)?);
    }
    let (size, since) = (signed(tree.position().0), signed(tree.position().0 + 1));
    transaction.execute(SAVE_TREE, &[&size, &tree.peaks(), &since]).await?;
    transaction.batch_execute(REQUIRE_TREE).await
}

/// Refuses a log with an incomplete import.
pub(super) async fn refuse_incomplete(client: &Client) -> Result<(), StoreError> {
    let known: i64 = client.query_one_scalar("SELECT coalesce(max(step), 0) FROM eventlog.migrations", &[]).await?;
    let marks = known >= 4;
    if marks && client.query_one_scalar("SELECT incomplete FROM eventlog.head", &[]).await? {
        return Err(StoreError::Unusable(
            "the event log in the database is not whole: an import into it is running, or was broken off. Drop the schema \
             eventlog and import again"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Checks that the database has a log that this program can read; changes nothing.
pub(super) async fn identify(client: &Client) -> Result<(), StoreError> {
    let there: bool = client.query_one_scalar("SELECT to_regclass('eventlog.migrations') IS NOT NULL", &[]).await?;
    if !there {
        return Err(StoreError::Unusable("the database has no event log in it".to_owned()));
    }
    refuse_newer(client.query_one_scalar("SELECT coalesce(max(step), 0) FROM eventlog.migrations", &[]).await?)
}

fn refuse_newer(known: i64) -> Result<(), StoreError> {
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if known > newest {
        return Err(StoreError::Unusable(format!(
            "the event log in the database was written by a newer version of this program (schema {known}; this one \
             knows up to {newest})"
        )));
    }
    Ok(())
}

async fn known_steps(transaction: &tokio_postgres::Transaction<'_>) -> Result<i64, Error> {
    let there: bool =
        transaction.query_one("SELECT to_regclass('eventlog.migrations') IS NOT NULL", &[]).await?.try_get(0)?;
    if !there {
        let create = "CREATE SCHEMA IF NOT EXISTS eventlog;
            CREATE TABLE eventlog.migrations (step BIGINT PRIMARY KEY, taken_at TIMESTAMPTZ NOT NULL DEFAULT now());";
        transaction.batch_execute(create).await?;
    }
    transaction.query_one("SELECT coalesce(max(step), 0) FROM eventlog.migrations", &[]).await?.try_get(0)
}
