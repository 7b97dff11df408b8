//! The log, whole or by stream.

use storefront_api::{EventPage, EventQuery, StreamPage, StreamQuery};

use crate::{Client, ClientError};

impl Client {
    /// `GET /v1/events`: what comes after a position; held back up to `wait` seconds until there is something.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn events(&self, query: &EventQuery) -> Result<EventPage, ClientError> {
        self.read(self.get(&["v1", "events"], query), query.wait).await
    }

    /// `GET /v1/streams/{stream}/events`: one stream, oldest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn stream_events(&self, stream: &str, query: &StreamQuery) -> Result<StreamPage, ClientError> {
        self.read(self.get(&["v1", "streams", stream, "events"], query), None).await
    }
}
