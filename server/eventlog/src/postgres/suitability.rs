//! Refuses databases and poolers that the log cannot use, at the start and with a clear message; later they would cause
//! errors that are hard to understand.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::encryption::PostgresAddress;
use crate::StoreError;

/// Number of comparisons: a pool may hand out the same session by chance.
const COMPARISON_ROUNDS: usize = 3;
const SELECT_BACKEND_PID: &str = "SELECT pg_backend_pid()";

/// An error with advice for a refused connection; `None` when the error of the database is all there is to say.
pub(super) fn refused(error: &Error) -> Option<StoreError> {
    // The driver has no other sign of it.
    if std::error::Error::source(error).is_some_and(|cause| cause.to_string() == "server does not support TLS") {
        return Some(StoreError::Unusable(NO_ENCRYPTION_THERE.to_owned()));
    }
    let answer = error.as_db_error()?;
    let refused = *answer.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION;
    let plain = answer.message().contains("no encryption") || answer.message().contains("SSL off");
    let wants_tls = answer.message().contains("SSL required") || answer.message().contains("TLS required");
    ((refused && plain) || wants_tls).then(|| StoreError::Unusable(ENCRYPTION_WANTED.to_owned()))
}

const NO_ENCRYPTION_THERE: &str = "the database does not encrypt connections, and its address asks for it with sslmode. Set \
    `ssl = on` in its postgresql.conf";

const ENCRYPTION_WANTED: &str = "the database takes encrypted connections only: end its address with sslmode=require, or with \
    sslmode=verify-full&sslrootcert=PATH, or let it take plain ones from this machine (a line that begins with `host` or \
    `local` in pg_hba.conf)";

/// Refuses a connection pooler that gives a client another session for each transaction. Prepared statements, settings,
/// notifications and locks belong to a session, and the log relies on all of them.
///
/// Two connections reveal it: while one has a transaction open, the other must still have its own session.
pub(super) async fn check_sessions(config: &PostgresAddress, client: &Client) -> Result<(), StoreError> {
    let (other, connection) = config.connect().await?;
    let connection = tokio::spawn(connection);
    let shared = are_shared(client, &other).await;
    drop(other);
    let _ended = connection.await;
    match shared {
        Ok(false) => Ok(()),
        Ok(true) => Err(StoreError::Unusable(POOLED.to_owned())),
        Err(error) if error.to_string().contains("statement pooling") => Err(StoreError::Unusable(POOLED.to_owned())),
        Err(error) => Err(error.into()),
    }
}

const POOLED: &str = "the address leads to a connection pooler that gives each transaction another session (such as PgBouncer \
    with pool_mode = transaction). The log needs sessions that stay: give it the address of PostgreSQL itself, or of a pool \
    with pool_mode = session";

async fn are_shared(one: &Client, other: &Client) -> Result<bool, Error> {
    for _ in 0..COMPARISON_ROUNDS {
        let before = backend_pid(one).await?;
        other.batch_execute("BEGIN").await?;
        let held = backend_pid(other).await?;
        let after = backend_pid(one).await?;
        other.batch_execute("ROLLBACK").await?;
        if before != after || held == before {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The process id of the session, read without a prepared statement.
async fn backend_pid(client: &Client) -> Result<Option<String>, Error> {
    let answer = client.simple_query(SELECT_BACKEND_PID).await?;
    Ok(answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

#[cfg(test)]
#[path = "suitability_tests.rs"]
mod tests;
