//! What the view store asks of a database: statements, all or none of them. The same SQL runs on SQLite and PostgreSQL, as
//! long as `$1`, `$2`, … appear in that order first.

use async_trait::async_trait;

use crate::store::commands::Failure;

/// The database of the views failed. Nothing that was not committed is there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ViewStoreError {
    /// The database answered with an error, or cannot be reached.
    #[error("the database of the views failed: {}", in_full(&**.0))]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database is not one that views can be kept in; nothing of it was changed.
    #[error("{0}")]
    Unusable(String),
    /// A row is not what this program writes; a rebuild puts it right.
    #[error("a row of the view {view} cannot be read, rebuild it: {source}")]
    Row {
        /// Which view.
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

/// An error with its causes: some drivers say no more than "db error" themselves.
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
    /// The number; 0 where there is a text.
    pub(super) fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            Self::Text(_) => 0,
        }
    }

    /// The text, to be kept; empty where there is a number.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Int(_) => String::new(),
            Self::Text(text) => text,
        }
    }

    /// The text; empty where there is a number.
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
    /// Nothing of the transaction holds unless this changes exactly one row.
    pub(super) guard: bool,
}

/// What a statement is carried out with.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Once(Vec<Value>),
    /// Once for each of these; `{rows}` in the statement stands for a table of them, and `{these a, b}` for the condition
    /// that the columns are as in one of them. A column has the same kind of value in all of them, and there is at least one.
    ForEach(Vec<Vec<Value>>),
}

impl Statement {
    pub(super) fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql, given: Given::Once(values.into()), guard: false }
    }

    pub(super) fn guard(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { guard: true, ..Self::new(sql, values) }
    }

    /// The statement with what a database writes for a table of rows, and for the condition that columns are as in one.
    pub(super) fn sql_for_each(&self, rows: &str, these: impl Fn(&str) -> String) -> String {
        let sql = self.sql.replace("{rows}", rows);
        let condition = sql.split_once("{these ").and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
        match condition {
            Some((before, (columns, after))) => format!("{before}{}{after}", these(columns)),
            None => sql,
        }
    }

    /// A statement for many rows; `None` for none.
    pub(super) fn for_each(sql: &'static str, rows: Vec<Vec<Value>>) -> Option<Self> {
        (!rows.is_empty()).then_some(Self { sql, given: Given::ForEach(rows), guard: false })
    }
}

/// The rows that a question is answered with.
pub(super) type Rows = Vec<Vec<Value>>;

/// Questions of which some follow from the answers to others.
pub(super) trait Plan: Send {
    /// What comes after these answers; at first there are none.
    fn next(&mut self, answers: Vec<Rows>) -> Next;
}

/// What comes next in a plan.
pub(super) enum Next {
    /// More questions.
    Ask(Vec<Statement>),
    /// What was found.
    Found(Found),
}

/// A database that keeps views.
#[async_trait]
pub(super) trait Database: Send + Sync {
    /// Carries statements out in order, in one transaction. `false`, and nothing is written, when a guard did not hold.
    async fn write(&self, statements: Vec<Statement>) -> Result<bool, ViewStoreError>;

    /// Answers questions in order. Each answer is of one moment.
    async fn read(&self, questions: Vec<Statement>) -> Result<Vec<Rows>, ViewStoreError>;

    /// Asks one thing after another. All the answers are of one moment; here only as long as nobody writes meanwhile.
    async fn follow(&self, mut plan: Box<dyn Plan>) -> Result<Found, ViewStoreError> {
        let mut answers = Vec::new();
        loop {
            match plan.next(answers) {
                Next::Ask(questions) => answers = self.read(questions).await?,
                Next::Found(found) => return Ok(found),
            }
        }
    }

    /// Lets go of the database; it cannot be asked any more.
    async fn close(&self);
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// `(rank, body)`, highest rank first.
    pub(crate) rows: Vec<(i64, String)>,
    /// How many rows there are in all, whatever the limit and where the page begins.
    pub(crate) total: u64,
}
