//! Views on SQLite: a file of their own beside the log, or in memory. Whoever owns the log's file owns this one.

use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, params_from_iter};
use tracing::warn;

use super::database::Found;
use super::database::{Database, Given, Next, Plan, Rows, Statement, Value, ViewStoreError};
use super::schema;

const READERS: usize = 3;
const LOCK_WAIT: Duration = Duration::from_secs(5);
const CACHE_KIB: i64 = 4 * 1024;
/// What is written is spread all over the index of terms, so whoever writes keeps more of it at hand,
const WRITERS_CACHE_KIB: i64 = 32 * 1024;
/// and folds the write-ahead log into the file less often than SQLite would: every so many pages, 16 MiB.
const PAGES_BETWEEN_CHECKPOINTS: i64 = 4096;

/// The connections; `None` once closed. A database in memory has one for everything.
pub(super) struct SqliteViews {
    writer: Arc<Mutex<Option<Connection>>>,
    readers: Vec<Arc<Mutex<Option<Connection>>>>,
    turn: AtomicUsize,
}

impl SqliteViews {
    /// Opens the views in a file. One that is damaged, or something else, is replaced: all of it can be built anew.
    pub(super) fn open(path: &Path) -> Result<Self, ViewStoreError> {
        let writer = match open_writer(path) {
            Err(error)
                if matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)) =>
            {
                warn!(path = %path.display(), %error, "the views cannot be read; they are built anew");
                for suffix in ["", "-wal", "-shm"] {
                    let mut file = path.as_os_str().to_owned();
                    file.push(suffix);
                    // What is not there need not go; what cannot go shows when it is opened.
                    let _ = std::fs::remove_file(file);
                }
                open_writer(path)?
            }
            opened => opened?,
        };
        let readers = (0..READERS).map(|_| open_reader(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            writer: shared(writer),
            readers: readers.into_iter().map(shared).collect(),
            turn: AtomicUsize::new(0),
        })
    }

    /// Views that are gone when they are closed.
    pub(super) fn in_memory() -> Result<Self, ViewStoreError> {
        let connection = Connection::open_in_memory()?;
        migrate(&connection)?;
        let connection = shared(connection);
        Ok(Self { readers: vec![connection.clone()], writer: connection, turn: AtomicUsize::new(0) })
    }
}

fn shared(connection: Connection) -> Arc<Mutex<Option<Connection>>> {
    Arc::new(Mutex::new(Some(connection)))
}

fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // May lose the last transactions in a power cut, never half of one; the log has them still.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // What is changed is overwritten, so that what was erased is not found in the file.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    tune(&connection)?;
    connection.pragma_update(None, "cache_size", -WRITERS_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", PAGES_BETWEEN_CHECKPOINTS, |_| Ok(()))?;
    migrate(&connection)?;
    Ok(connection)
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    tune(&connection)?;
    Ok(connection)
}

fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "cache_size", -CACHE_KIB)
}

fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(schema::PAUSES)?;
    let known: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if known == schema::FORMAT {
        return Ok(());
    }
    let (drop, create) = (schema::DROP, schema::create("TEXT", "WITHOUT ROWID"));
    connection
        .execute_batch(&format!("BEGIN IMMEDIATE; {drop} {create} PRAGMA user_version = {}; COMMIT;", schema::FORMAT))
}

impl SqliteViews {
    /// The connection whose turn it is to read.
    fn reader(&self) -> Arc<Mutex<Option<Connection>>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        self.readers.get(turn).unwrap_or(&self.writer).clone()
    }
}

#[async_trait]
impl Database for SqliteViews {
    async fn write(&self, statements: Vec<Statement>) -> Result<bool, ViewStoreError> {
        with(self.writer.clone(), move |connection| write(connection, &statements)).await
    }

    async fn read(&self, questions: Vec<Statement>) -> Result<Vec<Rows>, ViewStoreError> {
        with(self.reader(), move |connection| questions.iter().map(|question| read(connection, question)).collect())
            .await
    }

    async fn follow(&self, mut plan: Box<dyn Plan>) -> Result<Found, ViewStoreError> {
        with(self.reader(), move |connection| {
            // From its first question on it sees one state.
            let snapshot = connection.transaction()?;
            let mut answers = Vec::new();
            loop {
                match plan.next(answers) {
                    Next::Ask(questions) => {
                        let read = questions.iter().map(|question| read(&snapshot, question));
                        answers = read.collect::<rusqlite::Result<_>>()?;
                    }
                    Next::Found(found) => return Ok(found),
                }
            }
        })
        .await
    }

    async fn close(&self) {
        for connection in self.readers.iter().chain([&self.writer]) {
            lock(connection).take();
        }
    }
}

async fn with<T: Send + 'static>(
    connection: Arc<Mutex<Option<Connection>>>,
    work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, ViewStoreError> {
    let work = move || match lock(&connection).as_mut() {
        Some(open) => work(open).map_err(ViewStoreError::from),
        None => Err(ViewStoreError::Database("it is closed".into())),
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| ViewStoreError::Database(Box::new(error)))?
}

fn write(connection: &mut Connection, statements: &[Statement]) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for statement in statements {
        let mut prepared = prepared(&transaction, statement)?;
        let mut changed = 0;
        for values in each(&statement.given) {
            changed += prepared.execute(params_from_iter(values))?;
        }
        drop(prepared);
        if statement.guard && changed != 1 {
            transaction.rollback()?;
            return Ok(false);
        }
    }
    transaction.commit()?;
    Ok(true)
}

fn read(connection: &Connection, question: &Statement) -> rusqlite::Result<Rows> {
    let mut statement = prepared(connection, question)?;
    let columns = statement.column_count();
    let mut answer = Rows::new();
    for values in each(&question.given) {
        let rows = statement.query_map(params_from_iter(values), |row| {
            (0..columns).map(|column| row.get_ref(column)?.try_into().map_err(Into::into)).collect()
        })?;
        for row in rows {
            answer.push(row?);
        }
    }
    Ok(answer)
}

fn prepared<'c>(connection: &'c Connection, statement: &Statement) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(&sql_of(statement))
}

/// Here a statement for many rows is carried out row by row: that costs no round trips, and each row is looked up by its
/// whole key.
fn sql_of(statement: &Statement) -> Cow<'static, str> {
    match &statement.given {
        Given::Once(_) => Cow::Borrowed(statement.sql),
        Given::ForEach(rows) => {
            let values: Vec<String> =
                (1..=rows.first().map_or(0, Vec::len)).map(|column| format!("${column}")).collect();
            let these = |columns: &str| {
                let columns = columns.split(", ").zip(&values).map(|(column, value)| format!("{column} = {value}"));
                columns.collect::<Vec<_>>().join(" AND ")
            };
            let rows = format!("VALUES ({})", values.join(", "));
            Cow::Owned(statement.sql_for_each(&rows, these))
        }
    }
}

fn each(given: &Given) -> &[Vec<Value>] {
    match given {
        Given::Once(values) => std::slice::from_ref(values),
        Given::ForEach(rows) => rows,
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Int(number) => number.to_sql(),
            Self::Text(text) => text.to_sql(),
        }
    }
}

impl TryFrom<ValueRef<'_>> for Value {
    type Error = rusqlite::types::FromSqlError;

    fn try_from(value: ValueRef<'_>) -> Result<Self, Self::Error> {
        match value {
            ValueRef::Integer(number) => Ok(Self::Int(number)),
            ValueRef::Text(_) => value.as_str().map(Self::from),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Err(rusqlite::types::FromSqlError::InvalidType),
        }
    }
}

impl From<rusqlite::Error> for ViewStoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

/// A panic while the lock was held leaves a connection that is still good: SQLite undoes what was not committed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl SqliteViews {
    /// How SQLite goes about a statement, step by step.
    pub(super) fn plan_of(&self, statement: &Statement) -> Vec<String> {
        let writer = lock(&self.writer);
        let sql = format!("EXPLAIN QUERY PLAN {}", sql_of(statement));
        let mut explained = writer.as_ref().unwrap().prepare(&sql).unwrap();
        explained.raw_query().mapped(|row| row.get("detail")).map(Result::unwrap).collect()
    }
}
