//! Views on PostgreSQL: a schema named `views` in the log's database, for all servers on it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use storefront_eventlog::PostgresAddress;
use tokio::sync::Mutex;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};
use tracing::debug;

use super::database::Found;
use super::database::{Database, Given, Next, Plan, Rows, Statement, Value, ViewStoreError};
use super::schema;

const READERS: usize = 3;
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(10);
/// Guards the making of the tables; "SFVW" in ASCII.
const SCHEMA_LOCK: i64 = 0x5346_5657;
/// Whoever holds a view's checkpoint and falls silent is cut off. Derived data need not wait for the disk. The generic plan
/// looks many rows up by their index, however many there are.
const SETTINGS: &str = "
    SET jit = off;
    SET plan_cache_mode = force_generic_plan;
    SET search_path = views;
    SET lock_timeout = '5s';
    SET statement_timeout = '60s';
    SET idle_in_transaction_session_timeout = '10s';
    SET default_transaction_isolation = 'read committed';
    SET synchronous_commit = off;
";

/// Sessions, opened when they are needed; the first writes, the others read.
pub(super) struct PostgresViews {
    address: PostgresAddress,
    sessions: Vec<Mutex<Option<Session>>>,
    turn: AtomicUsize,
}

struct Session {
    client: Client,
    statements: HashMap<&'static str, tokio_postgres::Statement>,
}

impl PostgresViews {
    /// Opens the views in a database; makes their tables if there are none.
    pub(super) async fn connect(url: &str) -> Result<Self, ViewStoreError> {
        let mut address = PostgresAddress::parse(url).map_err(ViewStoreError::Unusable)?;
        let config = address.settings();
        config.application_name("storefront-views");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WAIT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        let mut session = Session::open(&address).await?;
        session.check_schema().await?;
        session.migrate().await?;
        let sessions = std::iter::once(Some(session)).chain((0..READERS).map(|_| None)).map(Mutex::new).collect();
        Ok(Self { address, sessions, turn: AtomicUsize::new(0) })
    }

    /// Does something in a session, which is opened anew where it was lost.
    async fn in_session<T>(
        &self,
        slot: usize,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, Error>,
    ) -> Result<T, ViewStoreError> {
        let slot = self.sessions.get(slot).ok_or_else(|| ViewStoreError::Database("no such session".into()))?;
        let mut open = slot.lock().await;
        let mut session = match open.take().filter(|session| !session.client.is_closed()) {
            Some(session) => session,
            None => Session::open(&self.address).await?,
        };
        // A session whose work fails, or is given up half way, is not used again: who knows in which state it is.
        let done = work(&mut session).await?;
        *open = Some(session);
        Ok(done)
    }
}

impl Session {
    async fn open(address: &PostgresAddress) -> Result<Self, Error> {
        let (client, connection) = address.connect().await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection to the database of the views ended");
            }
        });
        client.batch_execute(SETTINGS).await?;
        Ok(Self { client, statements: HashMap::new() })
    }

    /// A schema of our name that somebody else made is left alone: making our tables there would drop theirs.
    async fn check_schema(&self) -> Result<(), ViewStoreError> {
        let tables = "SELECT c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = 'views' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY c.relname";
        let found = self.client.query(tables, &[]).await?;
        let found = found.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, Error>>()?;
        let ours = ["format", "generations", "view_counts", "view_pauses", "view_rows", "view_terms"];
        let foreign = found.iter().find(|table| !ours.contains(&table.as_str()));
        let foreign = foreign.or_else(|| found.first().filter(|_| !found.iter().any(|table| table == "format")));
        match foreign {
            None => Ok(()),
            Some(table) => Err(ViewStoreError::Unusable(format!(
                "the database has a schema named views with a table {table} that is not the shop's. Give the shop a \
                 database of its own, or rename that schema"
            ))),
        }
    }

    /// One server at a time makes the tables, and the others find them.
    async fn migrate(&mut self) -> Result<(), Error> {
        let transaction = self.client.transaction().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&SCHEMA_LOCK]).await?;
        transaction
            .batch_execute(
                "CREATE SCHEMA IF NOT EXISTS views;
                 CREATE TABLE IF NOT EXISTS views.format (number BIGINT PRIMARY KEY);",
            )
            .await?;
        transaction.batch_execute(schema::PAUSES).await?;
        let known = transaction.query_opt("SELECT number FROM views.format", &[]).await?;
        let known: Option<i64> = known.map(|row| row.try_get(0)).transpose()?;
        if known != Some(schema::FORMAT) {
            transaction.batch_execute(schema::DROP).await?;
            transaction.batch_execute(&schema::create("TEXT COLLATE \"C\"", "")).await?;
            transaction.execute("DELETE FROM views.format", &[]).await?;
            transaction.execute("INSERT INTO views.format (number) VALUES ($1)", &[&schema::FORMAT]).await?;
        }
        transaction.commit().await
    }

    /// Prepares what was not prepared yet.
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), Error> {
        for statement in statements {
            if !self.statements.contains_key(statement.sql) {
                let (sql, types) = sql_of(statement);
                let prepared = self.client.prepare_typed(&sql, &types).await?;
                self.statements.insert(statement.sql, prepared);
            }
        }
        Ok(())
    }

    async fn write(&mut self, statements: &[Statement]) -> Result<bool, Error> {
        self.prepare(statements).await?;
        let Self { client, statements: prepared } = self;
        let transaction = client.transaction().await?;
        // The guards first, each waited for; the rest goes out without waiting for each answer.
        let (guards, others): (Vec<_>, Vec<_>) = statements.iter().partition(|statement| statement.guard);
        for guard in guards {
            if transaction.execute(&prepared[guard.sql], &given(&parameters(guard))).await? != 1 {
                transaction.rollback().await?;
                return Ok(false);
            }
        }
        let sent = others.iter().map(|statement| async {
            let parameters = parameters(statement);
            transaction.execute(&prepared[statement.sql], &given(&parameters)).await
        });
        try_join_all(sent).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// A transaction of this kind sees the state of its first question until it ends.
    async fn follow(&mut self, plan: &mut dyn Plan) -> Result<Found, Error> {
        self.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        let mut answers = Vec::new();
        loop {
            match plan.next(answers) {
                Next::Ask(questions) => answers = self.read(&questions).await?,
                Next::Found(found) => {
                    self.client.batch_execute("COMMIT").await?;
                    return Ok(found);
                }
            }
        }
    }

    async fn read(&mut self, questions: &[Statement]) -> Result<Vec<Rows>, Error> {
        self.prepare(questions).await?;
        let asked = questions.iter().map(async |question| {
            let parameters = parameters(question);
            self.client.query(&self.statements[question.sql], &given(&parameters)).await
        });
        let answers = try_join_all(asked).await?;
        answers.iter().map(|rows| rows.iter().map(row).collect()).collect()
    }
}

/// Here many rows go out at once, as one array for each column.
fn sql_of(statement: &Statement) -> (String, Vec<Type>) {
    match &statement.given {
        Given::Once(values) => {
            let types = values.iter().map(|value| match value {
                Value::Int(_) => Type::INT8,
                Value::Text(_) => Type::TEXT,
            });
            (statement.sql.to_owned(), types.collect())
        }
        Given::ForEach(rows) => {
            let values = rows.first().map(Vec::as_slice).unwrap_or_default();
            let types = values.iter().map(|value| match value {
                Value::Int(_) => Type::INT8_ARRAY,
                Value::Text(_) => Type::TEXT_ARRAY,
            });
            let columns: Vec<String> = (1..=values.len()).map(|column| format!("${column}")).collect();
            let table = format!("SELECT * FROM unnest({})", columns.join(", "));
            (statement.sql_for_each(&table, |columns| format!("({columns}) IN ({table})")), types.collect())
        }
    }
}

type Parameter<'a> = Box<dyn ToSql + Sync + Send + 'a>;

fn parameters(statement: &Statement) -> Vec<Parameter<'_>> {
    match &statement.given {
        Given::Once(values) => {
            let parameter = |value| match value {
                &Value::Int(number) => Box::new(number) as Parameter<'_>,
                Value::Text(text) => Box::new(text.as_str()),
            };
            values.iter().map(parameter).collect()
        }
        Given::ForEach(rows) => {
            let column = |at: usize| {
                let values = || rows.iter().filter_map(move |row| row.get(at));
                match rows.first().and_then(|row| row.get(at)) {
                    Some(Value::Text(_)) => Box::new(values().map(Value::text).collect::<Vec<_>>()) as Parameter<'_>,
                    Some(Value::Int(_)) | None => Box::new(values().map(Value::int).collect::<Vec<_>>()),
                }
            };
            (0..rows.first().map_or(0, Vec::len)).map(column).collect()
        }
    }
}

fn given<'a>(parameters: &'a [Parameter<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)).collect()
}

fn row(row: &tokio_postgres::Row) -> Result<Vec<Value>, Error> {
    let columns = row.columns().iter().enumerate();
    columns
        .map(|(index, column)| {
            if *column.type_() == Type::INT8 {
                row.try_get(index).map(Value::Int)
            } else {
                row.try_get(index).map(Value::Text)
            }
        })
        .collect()
}

#[async_trait]
impl Database for PostgresViews {
    async fn write(&self, statements: Vec<Statement>) -> Result<bool, ViewStoreError> {
        self.in_session(0, async |session: &mut Session| session.write(&statements).await).await
    }

    async fn read(&self, questions: Vec<Statement>) -> Result<Vec<Rows>, ViewStoreError> {
        let slot = 1 + self.turn.fetch_add(1, Ordering::Relaxed) % READERS;
        self.in_session(slot, async |session: &mut Session| session.read(&questions).await).await
    }

    async fn follow(&self, mut plan: Box<dyn Plan>) -> Result<Found, ViewStoreError> {
        let slot = 1 + self.turn.fetch_add(1, Ordering::Relaxed) % READERS;
        self.in_session(slot, async |session: &mut Session| session.follow(&mut *plan).await).await
    }

    async fn close(&self) {
        for session in &self.sessions {
            session.lock().await.take();
        }
    }
}

impl From<Error> for ViewStoreError {
    fn from(error: Error) -> Self {
        Self::Database(Box::new(error))
    }
}
