//! The event log: all events, or those of a stream.

use reqwest::Method;
use storefront_api::{EventPage, EventQuery, EventType, EventTypeList, POSITION_HEADER, StreamPage, StreamQuery};

use crate::{Client, ClientError};

/// How the line of a key begins in an export.
const KEY_LINE: &[u8] = b"{\"data_key\"";

impl Client {
    /// `GET /v1/events`: the events after a position. Waits up to `wait` seconds for one.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn events(&self, query: &EventQuery) -> Result<EventPage, ClientError> {
        self.read(self.get(&["v1", "events"], query), query.wait).await
    }

    /// `GET /v1/export`: the log up to now, as lines that can be imported: the events, then the keys of their personal data.
    /// Passes the chunks to `take` as they arrive, and returns the number of events.
    ///
    /// # Errors
    /// See [`ClientError`]. After an error, the log is incomplete. [`ClientError::Unexpected`] also when `take` fails.
    pub async fn export(&self, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<u64, ClientError> {
        let client = self.with_read_timeout()?;
        let to_error = |error: reqwest::Error| client.transport_error(&error, None);
        let mut response = client.request(Method::GET, &["v1", "export"]).send().await.map_err(to_error)?;
        if !response.status().is_success() {
            return Err(self.response_error(&self.read_body(response, None).await?));
        }
        let expected =
            response.headers().get(POSITION_HEADER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let (mut events, mut beginning) = (0, Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(to_error)? {
            for byte in &chunk {
                if *byte == b'\n' {
                    events += u64::from(beginning != KEY_LINE);
                    beginning.clear();
                } else if beginning.len() < KEY_LINE.len() {
                    beginning.push(*byte);
                }
            }
            take(&chunk).map_err(|error| ClientError::Unexpected(format!("The export could not be kept: {error}.")))?;
        }
        if expected.is_some_and(|expected| expected != events) {
            return Err(self.unexpected_response(format_args!("an export that ends early")));
        }
        Ok(events)
    }

    /// `GET /v1/streams/{stream}/events`: one stream, oldest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn stream_events(&self, stream: &str, query: &StreamQuery) -> Result<StreamPage, ClientError> {
        self.read(self.get(&["v1", "streams", stream, "events"], query), None).await
    }

    /// `GET /v1/event-types`: what can be in the log.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn event_types(&self) -> Result<EventTypeList, ClientError> {
        self.read(self.get(&["v1", "event-types"], &()), None).await
    }

    /// `GET /v1/event-types/{type}`: a type of event with the schemas of its data.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn event_type(&self, kind: &str) -> Result<EventType, ClientError> {
        self.read(self.get(&["v1", "event-types", kind], &()), None).await
    }
}
