//! The interface of the view store to a database: statements that run in one transaction. The same SQL runs on SQLite
//! and PostgreSQL if `$1`, `$2`, … first appear in that order.

use async_trait::async_trait;

use crate::store::commands::Failure;

/// Why the view store failed. Only committed changes are in the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ViewStoreError {
    /// The database returned an error or cannot be reached.
    #[error("the database of the views failed: {}", in_full(&**.0))]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database cannot hold views; nothing in it was changed.
    #[error("{0}")]
    Unusable(String),
    /// A row has an unknown format; a rebuild repairs it.
    #[error("a row of the view {view} cannot be read, rebuild it: {source}")]
    Row {
        /// Name of the view.
        view: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl From<ViewStoreError> for Failure {
    fn from(error: ViewStoreError) -> Self {
        let text = error.to_string();
        match error {
            ViewStoreError::Database(_) | ViewStoreError::Unusable(_) => Self::ViewsUnavailable(text),
            ViewStoreError::Row { .. } => Self::ViewsUnreadable(text),
        }
    }
}

/// An error with its causes, because some drivers only say "db error".
fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// A value in a row or in a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Int(i64),
    Text(String),
}

impl Value {
    /// The number; 0 for a text.
    pub(super) fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            Self::Text(_) => 0,
        }
    }

    /// The owned text; empty for a number.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Int(_) => String::new(),
            Self::Text(text) => text,
        }
    }

    /// The text; empty for a number.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Int(_) => "",
            Self::Text(text) => text,
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// One statement with its values.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) sql: &'static str,
    pub(super) given: Given,
    /// The transaction is rolled back unless this statement changes exactly one row.
    pub(super) guard: bool,
}

/// The parameters of a statement.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Once(Vec<Value>),
    /// Several rows of parameters, at least one. `{rows}` in the statement stands for a table of them, and `{these a,
    /// b}` for the condition that the columns equal those of one row. A column has the same kind of value in all rows.
    ForEach(Vec<Vec<Value>>),
}

impl Statement {
    pub(super) fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql, given: Given::Once(values.into()), guard: false }
    }

    pub(super) fn guard(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { guard: true, ..Self::new(sql, values) }
    }

    /// The SQL with the placeholders replaced: `rows` for `{rows}`, and `these` for the condition on columns.
    pub(super) fn sql_for_each(&self, rows: &str, these: impl Fn(&str) -> String) -> String {
        let sql = self.sql.replace("{rows}", rows);
        let condition = sql.split_once("{these ").and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
        match condition {
            Some((before, (columns, after))) => format!("{before}{}{after}", these(columns)),
            None => sql,
        }
    }

    /// A statement for several rows; `None` without rows.
    pub(super) fn for_each(sql: &'static str, rows: Vec<Vec<Value>>) -> Option<Self> {
        (!rows.is_empty()).then_some(Self { sql, given: Given::ForEach(rows), guard: false })
    }
}

/// The result rows of a query.
pub(super) type Rows = Vec<Vec<Value>>;

/// A sequence of queries that depend on the results of earlier ones.
pub(super) trait Plan: Send {
    /// The next step after these results; the first call has none.
    fn next(&mut self, answers: Vec<Rows>) -> Next;
}

/// The next step of a plan.
pub(super) enum Next {
    /// Queries that the backend has to run.
    Ask(Vec<Statement>),
    Found(Found),
}

/// A database of views.
#[async_trait]
pub(super) trait Database: Send + Sync {
    /// Runs statements in order, in one transaction. Returns `false`, without writing, when a guard does not hold.
    async fn write(&self, statements: Vec<Statement>) -> Result<bool, ViewStoreError>;

    /// Runs queries in order. Each result is a consistent snapshot.
    async fn read(&self, questions: Vec<Statement>) -> Result<Vec<Rows>, ViewStoreError>;

    /// Runs a plan on one consistent snapshot. This default implementation is consistent only without concurrent
    /// writes.
    async fn follow(&self, mut plan: Box<dyn Plan>) -> Result<Found, ViewStoreError> {
        let mut answers = Vec::new();
        loop {
            match plan.next(answers) {
                Next::Ask(questions) => answers = self.read(questions).await?,
                Next::Found(found) => return Ok(found),
            }
        }
    }

    /// Closes the database; later calls fail.
    async fn close(&self);
}

/// A page of search results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// `(rank, body)`, highest rank first.
    pub(crate) rows: Vec<(i64, String)>,
    /// Number of all matching rows, on every page.
    pub(crate) total: u64,
}
