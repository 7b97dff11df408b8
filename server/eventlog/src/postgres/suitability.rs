//! Whether a database, or what stands before it, can be used by the log at all: told at the start and in plain words,
//! because later it shows in errors that nobody understands.

use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

use crate::StoreError;

/// How often two connections are compared: a pool has no reason to hand out another session each time.
const ROUNDS: usize = 3;
const WHICH_SESSION: &str = "SELECT pg_backend_pid()";

/// Refuses an address that asks for an encrypted connection.
pub(super) fn check_encryption(config: &Config) -> Result<(), StoreError> {
    if config.get_ssl_mode() == SslMode::Require {
        let asked = "the address asks for an encrypted connection (sslmode=require)";
        return Err(StoreError::Unusable(format!("{asked}, and {NO_ENCRYPTION}")));
    }
    Ok(())
}

/// What a person can do about a connection that was refused; `None` where only the error itself can tell.
pub(super) fn refused(error: &Error) -> Option<StoreError> {
    let answer = error.as_db_error()?;
    let refused = *answer.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION;
    let plain = answer.message().contains("no encryption") || answer.message().contains("SSL off");
    let wants_tls = answer.message().contains("SSL required") || answer.message().contains("TLS required");
    ((refused && plain) || wants_tls)
        .then(|| StoreError::Unusable(format!("the database takes encrypted connections only, and {NO_ENCRYPTION}")))
}

const NO_ENCRYPTION: &str = "this program does not encrypt. Let the database take plain connections from this machine (a \
    line that begins with `host` or `local` in pg_hba.conf), or put a tunnel that encrypts between the two";

/// Refuses a connection pooler that gives a client another session for each transaction. Prepared statements, settings,
/// notifications and locks belong to a session, and the log relies on all of them.
///
/// Two connections show it: while one holds its session in a transaction, the other must have another session, and the
/// same as before.
pub(super) async fn check_sessions(config: &Config, client: &Client) -> Result<(), StoreError> {
    let (other, connection) = config.connect(NoTls).await?;
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
    for _ in 0..ROUNDS {
        let before = session_of(one).await?;
        other.batch_execute("BEGIN").await?;
        let lease_guard = session_of(other).await?;
        let after = session_of(one).await?;
        other.batch_execute("ROLLBACK").await?;
        if before != after || lease_guard == before {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Which session answers, asked without a prepared statement.
async fn session_of(client: &Client) -> Result<Option<String>, Error> {
    let answer = client.simple_query(WHICH_SESSION).await?;
    Ok(answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

#[cfg(test)]
#[path = "suitability_tests.rs"]
mod tests;
