//! Whether the server is there and able.

use storefront_api::{Health, Readiness};

use crate::{Client, ClientError};

impl Client {
    /// `GET /health/live`: the process answers.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn liveness(&self) -> Result<Health, ClientError> {
        self.read(self.get(&["health", "live"], &()), None).await
    }

    /// `GET /health/ready`: whether the server can do its work. "Not ready" (503) is an answer too, not an error.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn readiness(&self) -> Result<Readiness, ClientError> {
        let answer = self.send(self.get(&["health", "ready"], &()), None).await?;
        match self.json(&answer) {
            Ok(readiness) => Ok(readiness),
            Err(unreadable) if answer.status.is_success() => Err(unreadable),
            Err(_) => Err(self.failure(&answer)),
        }
    }
}
