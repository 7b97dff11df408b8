//! The log, whole or by stream.

use reqwest::Method;
use storefront_api::{EventPage, EventQuery, POSITION_HEADER, StreamPage, StreamQuery};

use crate::{Client, ClientError};

impl Client {
    /// `GET /v1/events`: what comes after a position; held back up to `wait` seconds until there is something.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn events(&self, query: &EventQuery) -> Result<EventPage, ClientError> {
        self.read(self.get(&["v1", "events"], query), query.wait).await
    }

    /// `GET /v1/export`: the whole log up to this moment, as lines that can be imported; hands them on in pieces as they
    /// come, however long the log is. Tells how many lines there were.
    ///
    /// # Errors
    /// See [`ClientError`]. After an error what was handed on is not the whole log. [`ClientError::Unexpected`] also when
    /// `take` fails.
    pub async fn export(&self, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<u64, ClientError> {
        let patient = self.of_long_answers()?;
        let lost = |failure: reqwest::Error| patient.lost(&failure, None);
        let mut response = patient.request(Method::GET, &["v1", "export"]).send().await.map_err(lost)?;
        if !response.status().is_success() {
            return Err(self.failure(&self.whole(response, None).await?));
        }
        let due = response.headers().get(POSITION_HEADER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let mut lines = 0;
        while let Some(piece) = response.chunk().await.map_err(lost)? {
            lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
            take(&piece).map_err(|error| ClientError::Unexpected(format!("The export could not be kept: {error}.")))?;
        }
        if due.is_some_and(|due| due != lines) {
            return Err(self.unexpected(format_args!("an export that ends early")));
        }
        Ok(lines)
    }

    /// `GET /v1/streams/{stream}/events`: one stream, oldest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn stream_events(&self, stream: &str, query: &StreamQuery) -> Result<StreamPage, ClientError> {
        self.read(self.get(&["v1", "streams", stream, "events"], query), None).await
    }
}
