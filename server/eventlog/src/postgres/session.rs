//! A connection to PostgreSQL with the settings that the log needs, and its prepared statements.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Error, Statement};
use tracing::debug;

use super::encryption::PostgresAddress;
use super::suitability;
use crate::StoreError;

/// The notification channel on which servers announce the head of the log.
pub(super) const CHANNEL: &str = "eventlog";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long sent data may stay unacknowledged before the connection counts as lost.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);

/// `jit` costs more than it saves for small statements, and a generic plan avoids planning each batch. A session that has
/// locked the head row and goes idle is terminated, so that one hanging server does not stop the others.
const SETTINGS: &str = "
    SET jit = off;
    SET plan_cache_mode = force_generic_plan;
    SET lock_timeout = '5s';
    SET statement_timeout = '60s';
    SET idle_in_transaction_session_timeout = '10s';
    SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

/// A connection with its prepared statements.
pub(super) struct Session {
    pub(super) client: Client,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Session {
    /// Connects. `on_notification` gets the payloads on [`CHANNEL`], once this session listens.
    pub(super) async fn connect(
        config: &PostgresAddress,
        on_notification: impl Fn(&str) + Send + 'static,
    ) -> Result<Self, Error> {
        let (client, mut connection) = config.connect().await?;
        tokio::spawn(async move {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(notification))) => on_notification(notification.payload()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return debug!(%error, "a connection to the database ended"),
                    None => return,
                }
            }
        });
        client.batch_execute(SETTINGS).await?;
        Ok(Self { client, statements: Mutex::new(HashMap::new()) })
    }

    /// As [`connect`](Self::connect), with a timeout for a host that accepts the connection and does not respond.
    pub(super) async fn open(config: &PostgresAddress) -> Result<Self, StoreError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, Self::connect(config, |_| {})).await {
            Ok(Ok(connected)) => Ok(connected),
            Ok(Err(error)) => Err(suitability::refused(&error).unwrap_or_else(|| error.into())),
            Err(_elapsed) => Err(timed_out(CONNECT_TIMEOUT)),
        }
    }

    /// Prepares statements ahead of their use.
    pub(super) async fn prepare(&self, statements: &[&str]) -> Result<(), Error> {
        for sql in statements {
            self.statement(sql).await?;
        }
        Ok(())
    }

    /// A statement, prepared at its first use.
    pub(super) async fn statement(&self, sql: &str) -> Result<Statement, Error> {
        if let Some(known) = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Parses the URL or key-value string of a database, and adds default timeouts.
pub(super) fn config(url: &str) -> Result<PostgresAddress, StoreError> {
    // Errors must not repeat the text, which may contain a password.
    let mut address = PostgresAddress::parse(url)
        .map_err(|error| StoreError::Unusable(format!("the address of the database is wrong: {error}")))?;
    let config = address.settings();
    config.application_name("storefront-eventlog");
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(TCP_USER_TIMEOUT);
    }
    Ok(address)
}

/// The error for a host that does not respond.
pub(super) fn timed_out(waited: Duration) -> StoreError {
    StoreError::Database(format!("it has said nothing for {} s", waited.as_secs()).into())
}

/// Whether a retry on a new connection may help. The last statement may or may not have taken effect.
pub(super) fn is_lost(error: &Error) -> bool {
    match error.code() {
        None => true,
        Some(code) => {
            code.code().starts_with("08")
                || [
                    &SqlState::ADMIN_SHUTDOWN,
                    &SqlState::CRASH_SHUTDOWN,
                    &SqlState::CANNOT_CONNECT_NOW,
                    &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                    &SqlState::T_R_DEADLOCK_DETECTED,
                    &SqlState::T_R_SERIALIZATION_FAILURE,
                ]
                .contains(&code)
        }
    }
}

/// PostgreSQL has signed integers only; real numbers are far below the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The schema allows no negative positions and versions.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        // The driver reports the cause separately; a message needs both.
        match std::error::Error::source(&error).map(ToString::to_string) {
            Some(cause) if !error.to_string().contains(&cause) => Self::Database(format!("{error}: {cause}").into()),
            Some(_) | None => Self::Database(Box::new(error)),
        }
    }
}
