//! Liveness and readiness of the server.

use storefront_api::{Health, Readiness};

use crate::{Client, ClientError};

impl Client {
    /// `GET /health/live`: whether the process responds.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn liveness(&self) -> Result<Health, ClientError> {
        self.read(self.get(&["health", "live"], &()), None).await
    }

    /// `GET /health/ready`: whether the server can do its work. "Not ready" (503) is a value, not an error.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn readiness(&self) -> Result<Readiness, ClientError> {
        let response = self.send(self.get(&["health", "ready"], &()), None).await?;
        match self.json(&response) {
            Ok(readiness) => Ok(readiness),
            Err(unreadable) if response.status.is_success() => Err(unreadable),
            Err(_) => Err(self.response_error(&response)),
        }
    }
}
