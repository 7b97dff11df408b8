//! The whole log over HTTP, as JSON lines for `import`.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use storefront_api::{EXPORT_CONTENT_TYPE, POSITION_HEADER};
use storefront_eventlog::{ExportLines, Filter, Position, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::http::error::ApiError;
use crate::http::state::Shop;
use crate::store::aggregates::Store;
use crate::store::commands::Failure;

/// Number of events per read, and per chunk of the response.
const EVENTS_PER_READ: usize = 500;

/// Export the log
///
/// All events up to the present head, oldest first, a line of JSON each, as `storefront-server export` writes them and
/// `storefront-server import` reads them. `Storefront-Position` is the number of lines. When the log fails or the
/// server stops, the response is cut off without the last chunk.
#[utoipa::path(
    get, path = "/v1/export", tag = "log",
    responses(
        (status = 200, description = "The log", content_type = "application/x-ndjson", body = String,
         headers(("storefront-position" = u64, description = "The position of the last line"))),
    )
)]
pub(crate) async fn export(State(shop): State<Shop>) -> Result<Response, ApiError> {
    let head = shop.store.head().await.map_err(Failure::from)?;
    let lines = ExportLines::default();
    let export = Export { store: shop.store.clone(), stop: shop.stop.clone(), after: Position(0), head, lines };
    let pages = stream::try_unfold(export, Export::page);
    let headers = [(CONTENT_TYPE.as_str(), EXPORT_CONTENT_TYPE.to_owned()), (POSITION_HEADER, head.to_string())];
    Ok((headers, Body::from_stream(pages)).into_response())
}

struct Export {
    store: Store,
    stop: CancellationToken,
    after: Position,
    head: Position,
    lines: ExportLines,
}

/// Why an export ends early.
#[derive(Debug, thiserror::Error)]
enum ExportFailure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("event {position} is not JSON: {source}")]
    Json { position: Position, source: serde_json::Error },
}

impl Export {
    /// Returns the next chunk of lines; `None` at the end.
    async fn page(mut self) -> Result<Option<(Vec<u8>, Self)>, ExportFailure> {
        if self.after >= self.head {
            return Ok(None);
        }
        let lines = self.next_lines().await.inspect_err(|failure| warn!(error = %failure, "an export failed"))?;
        Ok(Some((lines, self)))
    }

    async fn next_lines(&mut self) -> Result<Vec<u8>, ExportFailure> {
        let left = usize::try_from(self.head.0 - self.after.0).unwrap_or(EVENTS_PER_READ);
        let everything = Filter::default();
        let read = self.store.read_all(self.after, EVENTS_PER_READ.min(left), &everything);
        let slice = self.stop.run_until_cancelled(read).await.unwrap_or(Err(StoreError::Closed))?;
        let mut lines = Vec::new();
        for recorded in &slice.events {
            let position = recorded.position;
            self.lines.write(recorded, &mut lines).map_err(|source| ExportFailure::Json { position, source })?;
        }
        self.after = slice.next_after;
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use storefront_eventlog::{Append, Expected, StreamAppend};

    use super::*;
    use crate::testing::{Log, started};

    /// An export of a log of so many events, as it begins.
    async fn an_export_of(count: usize) -> Export {
        let store = crate::testing::a_log();
        write(&store, count).await;
        let head = store.head().await.unwrap();
        Export { store, stop: CancellationToken::new(), after: Position(0), head, lines: ExportLines::default() }
    }

    async fn write(store: &Store, count: usize) {
        let stream = crate::store::streams::order(crate::testing::order(1));
        let event = Log::default().write(&stream, &started()).to_new();
        let events = (0..count).map(|_| storefront_eventlog::NewEvent { id: uuid::Uuid::now_v7(), ..event.clone() });
        let part = StreamAppend { stream, expected: Expected::Any, events: events.collect() };
        store.append(Append { streams: vec![part], ..Append::default() }).await.unwrap();
    }

    #[tokio::test]
    async fn an_export_comes_in_pages_and_ends_at_the_head_of_when_it_began() {
        let mut export = an_export_of(EVENTS_PER_READ + 10).await;
        let store = export.store.clone();
        let mut pages = Vec::new();
        while let Some((lines, rest)) = export.page().await.unwrap() {
            pages.push(lines.iter().filter(|byte| **byte == b'\n').count());
            write(&store, 5).await;
            export = rest;
        }
        assert_eq!(pages, [EVENTS_PER_READ, 10]);
    }

    #[tokio::test]
    async fn an_export_of_a_server_that_stops_breaks_off_and_does_not_just_end() {
        let (_, rest) = an_export_of(EVENTS_PER_READ + 10).await.page().await.unwrap().unwrap();
        rest.stop.cancel();
        assert!(matches!(rest.page().await, Err(ExportFailure::Store(StoreError::Closed))));
    }
}
