//! The store of the rows of all views: the only place of the server with SQL.
//!
//! Rows and checkpoint of a view commit in one transaction, which moves the checkpoint only from the position that was
//! read: of two servers that apply the same events, one commits and the other is refused. Everything here can be
//! rebuilt from the log.

mod changes;
mod database;
mod generation;
#[cfg(test)]
mod plans_tests;
mod postgres;
mod query;
mod schema;
mod sqlite;
#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use storefront_eventlog::Position;

use self::database::{Database, Statement, Value};
pub(crate) use self::database::{Found, ViewStoreError};
pub(crate) use self::generation::{Commit, Failures, Head, RowChange, State};
pub(crate) use self::query::What;

/// Maximum number of rows that are loaded or deleted at once.
const PAGE_ROWS: i64 = 1000;

/// The rows of all views. Clones share one store.
#[derive(Clone)]
pub(crate) struct ViewStore(Arc<dyn Database>);

impl ViewStore {
    /// Opens the views in a file of their own. The lock of the log file covers it too.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, ViewStoreError> {
        Ok(Self(Arc::new(sqlite::SqliteViews::open(path)?)))
    }

    /// Creates views in memory, which are lost when they are closed.
    ///
    /// # Errors
    /// When SQLite cannot start.
    pub(crate) fn in_memory() -> Result<Self, ViewStoreError> {
        Ok(Self(Arc::new(sqlite::SqliteViews::in_memory()?)))
    }

    /// Opens the views in a PostgreSQL database, in the schema `views`.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub(crate) async fn connect(url: &str) -> Result<Self, ViewStoreError> {
        Ok(Self(Arc::new(postgres::PostgresViews::connect(url).await?)))
    }

    /// Every generation of every view, ordered by view and number.
    pub(crate) async fn heads(&self) -> Result<Vec<Head>, ViewStoreError> {
        let sql = "SELECT view, generation, state, version, position, event_id, failures, failed_position, failure
            FROM generations ORDER BY view, generation";
        let rows = self.query(Statement::new(sql, [])).await?;
        Ok(rows.iter().filter_map(|row| head(row)).collect())
    }

    /// Creates a generation at position 0; does nothing when the view has one in that state already.
    pub(crate) async fn begin(&self, view: &str, version: i64, state: State) -> Result<(), ViewStoreError> {
        let sql = "INSERT INTO generations
                (view, state, version, generation, position, event_id, failures, failed_position, failure)
            SELECT $1, $2, $3, coalesce(max(generation), 0) + 1, 0, '', 0, 0, '' FROM generations WHERE view = $1
            ON CONFLICT DO NOTHING";
        self.0.write(vec![Statement::new(sql, [view.into(), state.text().into(), version.into()])]).await?;
        Ok(())
    }

    /// Marks a generation as old; its rows are deleted later ([`Self::sweep`]).
    pub(crate) async fn retire(&self, head: &Head) -> Result<(), ViewStoreError> {
        let sql = "UPDATE generations SET state = 'old' WHERE view = $1 AND generation = $2";
        self.0.write(vec![Statement::new(sql, [head.view.as_str().into(), head.generation.into()])]).await?;
        Ok(())
    }

    /// Writes rows and checkpoints atomically. Returns `false`, without writing, when a checkpoint or the state of its
    /// generation has changed since it was read.
    pub(crate) async fn commit(&self, commits: &[Commit]) -> Result<bool, ViewStoreError> {
        let checkpoints = commits.iter().map(checkpoint);
        self.0.write(checkpoints.chain(changes::statements(commits)).collect()).await
    }

    /// Makes a rebuilt generation the live one. Returns `false` when it is behind the live one, or is no longer being
    /// built.
    pub(crate) async fn switch(&self, built: &Head) -> Result<bool, ViewStoreError> {
        let view = || Value::from(built.view.as_str());
        let retire_live = "UPDATE generations SET state = 'old' WHERE view = $1 AND state = 'live' AND position <= (
            SELECT built.position FROM generations AS built
            WHERE built.view = $1 AND built.generation = $2 AND built.state = 'building')";
        let make_live =
            "UPDATE generations SET state = 'live' WHERE view = $1 AND generation = $2 AND state = 'building'";
        self.0
            .write(vec![
                Statement::guard(retire_live, [view(), built.generation.into()]),
                Statement::guard(make_live, [view(), built.generation.into()]),
            ])
            .await
    }

    /// Deletes some rows of old generations. Returns `true` while there may be more.
    pub(crate) async fn sweep(&self) -> Result<bool, ViewStoreError> {
        let Some(old) = self.heads().await?.into_iter().find(|head| head.state == State::Old) else { return Ok(false) };
        let statement = |sql| Statement::new(sql, [old.view.as_str().into(), old.generation.into(), PAGE_ROWS.into()]);
        let left = self.query(statement(
            "SELECT key FROM view_rows WHERE view = $1 AND generation = $2
             UNION ALL SELECT term FROM view_terms WHERE view = $1 AND generation = $2
             UNION ALL SELECT term FROM view_counts WHERE view = $1 AND generation = $2 LIMIT $3",
        ));
        if left.await?.is_empty() {
            let gone = "DELETE FROM generations WHERE view = $1 AND generation = $2 AND state = 'old'";
            self.0.write(vec![Statement::new(gone, [old.view.as_str().into(), old.generation.into()])]).await?;
            return Ok(true);
        }
        let sweeps = [
            "DELETE FROM view_rows WHERE view = $1 AND generation = $2 AND key IN (
                SELECT key FROM view_rows WHERE view = $1 AND generation = $2 LIMIT $3)",
            "DELETE FROM view_terms WHERE view = $1 AND generation = $2 AND (term, rank, key) IN (
                SELECT term, rank, key FROM view_terms WHERE view = $1 AND generation = $2 LIMIT $3)",
            "DELETE FROM view_counts WHERE view = $1 AND generation = $2 AND term IN (
                SELECT term FROM view_counts WHERE view = $1 AND generation = $2 LIMIT $3)",
        ];
        self.0.write(sweeps.into_iter().map(statement).collect()).await?;
        Ok(true)
    }

    /// The bodies of rows of a generation by key; `None` for missing rows.
    pub(crate) async fn rows(
        &self,
        head: &Head,
        keys: impl IntoIterator<Item = String>,
    ) -> Result<Vec<(String, Option<String>)>, ViewStoreError> {
        let keys: Vec<String> = keys.into_iter().collect();
        let query = |key: &String| vec![head.view.as_str().into(), head.generation.into(), key.as_str().into()];
        let sql = "SELECT key, body FROM view_rows WHERE {these view, generation, key}";
        let Some(statement) = Statement::for_each(sql, keys.iter().map(query).collect()) else { return Ok(Vec::new()) };
        let mut found: BTreeMap<String, String> = pairs(self.query(statement).await?).collect();
        Ok(keys
            .into_iter()
            .map(|key| found.remove_entry(&key).map_or((key, None), |(key, body)| (key, Some(body))))
            .collect())
    }

    /// The bodies of rows of several generations by key, in the order asked for; `None` for missing rows.
    pub(crate) async fn rows_of(&self, wanted: &[(&Head, &str)]) -> Result<Vec<Option<String>>, ViewStoreError> {
        let query =
            |(head, key): &(&Head, &str)| vec![head.view.as_str().into(), head.generation.into(), (*key).into()];
        let sql = "SELECT view, key, body FROM view_rows WHERE {these view, generation, key}";
        let Some(statement) = Statement::for_each(sql, wanted.iter().map(query).collect()) else {
            return Ok(Vec::new());
        };
        let mut found = HashMap::new();
        for row in self.query(statement).await? {
            let mut texts = row.into_iter().map(Value::into_text);
            if let (Some(view), Some(key), Some(body)) = (texts.next(), texts.next(), texts.next()) {
                found.insert((view, key), body);
            }
        }
        let body = |(head, key): &(&Head, &str)| found.remove(&(head.view.clone(), (*key).to_owned()));
        Ok(wanted.iter().map(body).collect())
    }

    /// The rows of a generation after a key, in the order of keys, at most [`PAGE_ROWS`]; fewer only at the end.
    pub(crate) async fn rows_after(&self, head: &Head, key: &str) -> Result<Vec<(String, String)>, ViewStoreError> {
        let sql =
            "SELECT key, body FROM view_rows WHERE view = $1 AND generation = $2 AND key > $3 ORDER BY key LIMIT $4";
        let values = [head.view.as_str().into(), head.generation.into(), key.into(), PAGE_ROWS.into()];
        Ok(pairs(self.query(Statement::new(sql, values)).await?).collect())
    }

    /// The paused views with their positions.
    pub(crate) async fn pauses(&self) -> Result<Vec<(String, Position)>, ViewStoreError> {
        let rows = self.query(Statement::new("SELECT view, position FROM view_pauses ORDER BY view", [])).await?;
        let pause = |row: Vec<Value>| match row.as_slice() {
            [view, position] => Some((view.text().to_owned(), position_of(position.int()))),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(pause).collect())
    }

    /// Stores that a view is paused at a position.
    pub(crate) async fn pause(&self, view: &str, at: Position) -> Result<(), ViewStoreError> {
        let sql = "INSERT INTO view_pauses (view, position) VALUES ($1, $2)
            ON CONFLICT (view) DO UPDATE SET position = excluded.position";
        self.0.write(vec![Statement::new(sql, [view.into(), signed(at).into()])]).await?;
        Ok(())
    }

    /// Removes the stored pause of a view.
    pub(crate) async fn resume(&self, view: &str) -> Result<(), ViewStoreError> {
        self.0.write(vec![Statement::new("DELETE FROM view_pauses WHERE view = $1", [view.into()])]).await?;
        Ok(())
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }

    async fn query(&self, statement: Statement) -> Result<database::Rows, ViewStoreError> {
        Ok(self.0.read(vec![statement]).await?.pop().unwrap_or_default())
    }
}

impl std::fmt::Debug for ViewStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ViewStore(…)")
    }
}

impl State {
    fn text(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Building => "building",
            Self::Old => "old",
        }
    }
}

fn head(row: &[Value]) -> Option<Head> {
    let [view, generation, state, version, position, event_id, failures, failed_position, failure] = row else {
        return None;
    };
    let state = [State::Live, State::Building, State::Old].into_iter().find(|known| known.text() == state.text())?;
    Some(Head {
        view: view.text().to_owned(),
        generation: generation.int(),
        state,
        version: version.int(),
        position: position_of(position.int()),
        event_id: event_id.text().to_owned(),
        failures: Failures {
            count: failures.int(),
            last: position_of(failed_position.int()),
            why: failure.text().to_owned(),
        },
    })
}

fn checkpoint(commit: &Commit) -> Statement {
    let Commit { head, to, event_id, failures, .. } = commit;
    let sql = "UPDATE generations SET position = $1, event_id = $2, failures = failures + $3,
            failed_position = CASE WHEN $4 > 0 THEN $4 ELSE failed_position END,
            failure = CASE WHEN $4 > 0 THEN $5 ELSE failure END
        WHERE view = $6 AND generation = $7 AND state = $8 AND position = $9";
    let values = [
        signed(*to).into(),
        event_id.as_str().into(),
        failures.count.into(),
        signed(failures.last).into(),
        failures.why.as_str().into(),
        head.view.as_str().into(),
        head.generation.into(),
        head.state.text().into(),
        signed(head.position).into(),
    ];
    Statement::guard(sql, values)
}

/// The first two texts of each row.
fn pairs(rows: database::Rows) -> impl Iterator<Item = (String, String)> {
    rows.into_iter().filter_map(|row| {
        let mut texts = row.into_iter().map(Value::into_text);
        Some((texts.next()?, texts.next()?))
    })
}

/// A position as a signed integer of the database; real positions are far below the limit.
fn signed(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

fn position_of(number: i64) -> Position {
    Position(u64::try_from(number).unwrap_or_default())
}
