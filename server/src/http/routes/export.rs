//! The whole log over HTTP, as JSON lines for `import`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use storefront_api::{EXPORT_CONTENT_TYPE, POSITION_HEADER};
use storefront_eventlog::{EventStore, ExportLines, Filter, Position, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::principal::Principal;
use crate::http::state::Shop;
use crate::identity::Identity;
use crate::store::commands::Failure;

/// Number of events per read, and per chunk of the response.
const EVENTS_PER_READ: usize = 500;

/// Export the log
///
/// All events up to the present head, oldest first, and then the keys of their personal data, a line of JSON each, as
/// `storefront-server export` writes them and `storefront-server import` reads them. Personal data is encrypted as it is in the log.
/// `Storefront-Position` is the number of events. When the log fails, the server stops or the session ends, the response is cut
/// off without the last chunk.
#[utoipa::path(
    get, path = "/v1/export", tag = "log",
    responses(
        (status = 200, description = "The log", content_type = "application/x-ndjson", body = String,
         headers(("storefront-position" = u64, description = "The position of the last event"))),
    )
)]
pub(crate) async fn export(State(shop): State<Shop>, principal: Principal) -> Result<Response, ApiError> {
    let head = shop.store.head().await.map_err(Failure::from)?;
    let log = shop.protected_log.stored().clone();
    let export = Export::new(log, shop.stop.clone(), head, (principal, shop.identity.clone()));
    let pages = stream::try_unfold(export, Export::page);
    let headers = [(CONTENT_TYPE.as_str(), EXPORT_CONTENT_TYPE.to_owned()), (POSITION_HEADER, head.to_string())];
    Ok((headers, Body::from_stream(pages)).into_response())
}

struct Export {
    log: Arc<dyn EventStore>,
    stop: CancellationToken,
    identity: Arc<Identity>,
    principal: Principal,
    after: Position,
    head: Position,
    /// The last key; `None` at the end.
    last_key: Option<Uuid>,
    lines: ExportLines,
}

/// Why an export ends early.
#[derive(Debug, thiserror::Error)]
enum ExportFailure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the session of the request has ended")]
    SessionOver,
    #[error("event {position} is not JSON: {source}")]
    Json { position: Position, source: serde_json::Error },
}

impl Export {
    fn new(
        log: Arc<dyn EventStore>,
        stop: CancellationToken,
        head: Position,
        (principal, identity): (Principal, Arc<Identity>),
    ) -> Self {
        let (last_key, lines) = (Some(Uuid::nil()), ExportLines::default());
        Self { log, stop, identity, principal, after: Position(0), head, last_key, lines }
    }

    /// Returns the next chunk of lines; `None` at the end.
    async fn page(mut self) -> Result<Option<(Vec<u8>, Self)>, ExportFailure> {
        if !self.principal.is_still_good(&self.identity) {
            return Err(ExportFailure::SessionOver);
        }
        let lines = if self.after < self.head { self.next_lines().await } else { self.next_keys().await };
        let lines = lines.inspect_err(|failure| warn!(error = %failure, "an export failed"))?;
        Ok((!lines.is_empty()).then_some((lines, self)))
    }

    async fn next_keys(&mut self) -> Result<Vec<u8>, ExportFailure> {
        let mut lines = Vec::new();
        // Without lines the export would end, and a page may have only keys that are not exported.
        while let (true, Some(last)) = (lines.is_empty(), self.last_key) {
            let read = self.log.data_keys_after(last, EVENTS_PER_READ);
            let keys = self.stop.run_until_cancelled(read).await.unwrap_or(Err(StoreError::Closed))?;
            self.last_key = keys.last().map(|key| key.id);
            for key in keys.iter().filter(|key| key.is_exported()) {
                self.lines
                    .write_key(key, &mut lines)
                    .map_err(|source| ExportFailure::Json { position: self.head, source })?;
            }
        }
        Ok(lines)
    }

    async fn next_lines(&mut self) -> Result<Vec<u8>, ExportFailure> {
        let left = usize::try_from(self.head.0 - self.after.0).unwrap_or(EVENTS_PER_READ);
        let everything = Filter::default();
        let read = self.log.read_all(self.after, EVENTS_PER_READ.min(left), &everything);
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
    use storefront_api::{CustomerId, Role, SessionId, SessionKind, Timestamp};
    use storefront_eventlog::{Append, Expected, StreamAppend};

    use super::*;
    use crate::identity::tokens::Claims;
    use crate::testing::{Log, started};

    /// An export of a log of so many events, as it begins.
    async fn an_export_of(count: usize) -> Export {
        let store = crate::testing::a_log();
        write(&*store.log(), count).await;
        let head = store.head().await.unwrap();
        let session = (Principal::Nobody, Arc::new(Identity::for_tests()));
        Export::new(store.log(), CancellationToken::new(), head, session)
    }

    async fn write(store: &dyn EventStore, count: usize) {
        let stream = crate::store::streams::order(crate::testing::order(1));
        let event = Log::default().write(&stream, &started()).to_new();
        let events = (0..count).map(|_| storefront_eventlog::NewEvent { id: uuid::Uuid::now_v7(), ..event.clone() });
        let part = StreamAppend { stream, expected: Expected::Any, events: events.collect() };
        store.append(Append { streams: vec![part], ..Append::default() }).await.unwrap();
    }

    #[tokio::test]
    async fn an_export_comes_in_pages_and_ends_at_the_head_of_when_it_began() {
        let mut export = an_export_of(EVENTS_PER_READ + 10).await;
        let log = export.log.clone();
        let mut pages = Vec::new();
        while let Some((lines, rest)) = export.page().await.unwrap() {
            pages.push(lines.iter().filter(|byte| **byte == b'\n').count());
            write(&*log, 5).await;
            export = rest;
        }
        assert_eq!(pages, [EVENTS_PER_READ, 10]);
    }

    #[tokio::test]
    async fn an_export_breaks_off_once_its_session_has_ended() {
        let mut export = an_export_of(EVENTS_PER_READ + 10).await;
        let claims = Claims {
            session_id: SessionId(uuid::Uuid::from_u128(1)),
            customer_id: CustomerId(uuid::Uuid::from_u128(2)),
            kind: SessionKind::Account,
            role: Role::Operator,
            must_change_password: false,
            expires_at: Timestamp::from_unix_ms(crate::clock::now().unix_ms() + 60_000),
        };
        export.principal = Principal::Session(claims);
        let (_, rest) = export.page().await.unwrap().unwrap();
        rest.identity.ended.add(claims.session_id, crate::clock::now().unix_ms());
        assert!(matches!(rest.page().await, Err(ExportFailure::SessionOver)));
    }

    #[tokio::test]
    async fn an_export_of_a_server_that_stops_breaks_off_and_does_not_just_end() {
        let (_, rest) = an_export_of(EVENTS_PER_READ + 10).await.page().await.unwrap().unwrap();
        rest.stop.cancel();
        assert!(matches!(rest.page().await, Err(ExportFailure::Store(StoreError::Closed))));
    }
}
