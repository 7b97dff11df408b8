//! The log over HTTP: pages with long polling, CloudEvents and server-sent events.

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HOST, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::future::BoxFuture;
use storefront_api::{CloudEvent, EventNames, EventPage, EventQuery, LogHash, StreamPage, StreamQuery};
use storefront_eventlog::{Filter, Position, StreamName, Version};
use tokio::time::Instant;

use super::orders::read::{wait_for_log_growth, wait_for_watched};
use super::sse;
use crate::http::accept::preferred_media_type;
use crate::http::error::{ApiError, sentence};
use crate::http::event_body::{current_log_id, wire_event};
use crate::http::extract::{PathParams, QueryParams, header_text, page_limit, wait_duration};
use crate::http::log_reader::LogReader;
use crate::http::order_watch::{WatchSlot, Watched};
use crate::http::origin::Endpoints;
use crate::http::pauses;
use crate::http::principal::Principal;
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::wire_event::cloud_event;

const EVENT_STREAM: &str = "text/event-stream";
const CLOUDEVENTS_BATCH: &str = "application/cloudevents-batch+json";
/// Headers for the metadata of a page, in formats that have no field for it.
const NEXT_AFTER_HEADER: HeaderName = HeaderName::from_static("storefront-next-after");
/// Says over which scheme a proxy was asked.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const RESET_HEADER: HeaderName = HeaderName::from_static("storefront-reset");
/// Maximum number of reads of the log for one request. A read looks at up to 10,000 events, so this is about 20 ms of
/// work.
const MAX_READS_PER_REQUEST: usize = 3;
/// Maximum length of a type, stream or correlation id in a query; none in the log is longer.
const MAX_PATTERN_BYTES: usize = 1000;

/// Read the log
///
/// The events after a position, oldest first. With `wait`, the request waits until there is an event to return. A
/// request searches a bounded part of the log: when the filter matches nothing in it, the page is empty and
/// `next_after` is the position to continue from, until it equals `head`. With `switches`, a change of the lab's fault
/// switches also ends the wait; with `paused`, also when a process or read model is paused, stepped or resumed. When
/// the log ends before `after`, or is not `log`, it is another log than before, because the shop was reset or its database went
/// back in time. The answer then has `reset` and a `next_after` of 0: the client discards what it has and reads the log again.
/// `Accept: text/event-stream` returns the same as server-sent events. `Last-Event-ID` resumes; an event `reset` with
/// the id and head of the log precedes a log that is read again. `Accept: application/cloudevents-batch+json` returns
/// CloudEvents 1.0, whose `dataschema` names the schema of their data, with `Storefront-Next-After` and `Storefront-Reset`.
/// In secured mode, who is no operator gets the events of their own orders, and of their own streams of customer and wallet;
/// `own` says so, and `next_after` moves past the others.
#[utoipa::path(
    get, path = "/v1/events", tag = "log",
    params(EventQuery,
           ("Accept" = Option<String>, Header, description = "application/json, text/event-stream or application/cloudevents-batch+json"),
           ("Last-Event-ID" = Option<String>, Header, description = "For server-sent events: the position after which to continue")),
    responses(
        (status = 200, description = "Events; as a stream, `id` is the position, `event` the type and `data` an `Event`", content(
            (EventPage = "application/json"), (String = "text/event-stream"), (Vec<CloudEvent> = "application/cloudevents-batch+json"))),
    )
)]
pub(crate) async fn list_events(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<EventQuery>,
    principal: Principal,
    reader: LogReader,
    endpoints: Option<Extension<Endpoints>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let limit = page_limit(query.limit, 1000, 100)?;
    let deadline = Instant::now() + wait_duration(query.wait)?;
    let filter = parse_filter(&query)?;
    // Whoever accepts none of these gets JSON.
    let media_type = preferred_media_type(&headers, &["application/json", EVENT_STREAM, CLOUDEVENTS_BATCH]);
    let as_cloud_events = media_type == Some(CLOUDEVENTS_BATCH);
    let is_other_log = query.log.is_some() && current_log_id(&shop).await? != query.log;
    let mut after = Position(query.after.unwrap_or(0));
    if media_type == Some(EVENT_STREAM) {
        let after = sse::last_event_id(&headers).unwrap_or(after);
        let are_named = query.events != Some(EventNames::Message);
        return Ok(sse::stream(shop, principal, reader, sse::Start { after, is_other_log }, filter, are_named));
    }
    let base_url = base_url(&headers, endpoints.is_some_and(|Extension(known)| known.is_encrypted));
    // They keep the buffer in which the request came; the wait may be long.
    drop(headers);
    let (mut reads, mut slot) = (0, None);
    let mut over = false;
    let (slice, reset) = loop {
        let mut slice = reader.read(&shop, after, limit, &filter).await?;
        if slice.head < after || is_other_log {
            slice.events.clear();
            slice.next_after = Position(0);
            break (slice, true);
        }
        after = slice.next_after;
        reads += 1;
        let more = slice.next_after < slice.head;
        // When the filter matches nothing for long, the page says how far it has read, and the client continues there.
        if over || !slice.events.is_empty() || (more && reads >= MAX_READS_PER_REQUEST) {
            break (slice, false);
        }
        if !more && !wait_for_change(&shop, slice.head, &query, reader.watched(&filter), &mut slot, deadline).await? {
            if slot.is_none() {
                break (slice, false);
            }
            // It slept while others moved the log: the answer says how far nothing was for it.
            over = true;
        }
    };
    if as_cloud_events {
        let batch = slice.events.iter().map(|recorded| cloud_event(recorded, &base_url));
        let batch = batch.collect::<Result<Vec<_>, _>>().map_err(Failure::Json)?;
        let mut response = ([(CONTENT_TYPE, CLOUDEVENTS_BATCH), (VARY, "accept")], Json(batch)).into_response();
        response.headers_mut().insert(NEXT_AFTER_HEADER, slice.next_after.0.into());
        if reset {
            response.headers_mut().insert(RESET_HEADER, HeaderValue::from_static("true"));
        }
        return Ok(response);
    }
    let events = slice.events.iter().map(|recorded| wire_event(recorded)).collect::<Result<Vec<_>, _>>()?;
    let log = current_log_id(&shop).await?;
    let switches = shop.lab.as_ref().map(|lab| lab.stubs.change_id());
    let hash = log_hash(&shop).await?;
    let paused = Some(pauses::paused(&shop.progress, &shop.views));
    let (next_after, head) = (slice.next_after.0, slice.head.0);
    let page = EventPage { events, next_after, head, own: reader.own.is_some(), hash, log, switches, paused, reset };
    Ok(([(VARY, "accept")], Json(page)).into_response())
}

/// Waits for the log to grow by what the filter lets through, or for a change of the lab's fault switches or of the
/// pauses that the query knows. Returns `true` when the log has grown.
async fn wait_for_change(
    shop: &Shop,
    after: Position,
    query: &EventQuery,
    watched: Option<Watched>,
    slot: &mut Option<WatchSlot>,
    deadline: Instant,
) -> Result<bool, ApiError> {
    // Few requests wait for these; the others need no room for them.
    let grown: BoxFuture<'_, Result<bool, ApiError>> = match watched {
        Some(watched) => Box::pin(wait_for_watched(shop, || watched, slot, deadline)),
        None => Box::pin(wait_for_log_growth(shop, after, deadline)),
    };
    let switched: BoxFuture<'_, ()> = match (query.switches, &shop.lab) {
        (Some(known), Some(lab)) => Box::pin(lab.stubs.wait_for_change_from(known)),
        (None, _) | (_, None) => Box::pin(std::future::pending()),
    };
    let paused: BoxFuture<'_, ()> = match &query.paused {
        Some(known) => Box::pin(pauses::wait_for_change(known, &shop.progress, &shop.views)),
        None => Box::pin(std::future::pending()),
    };
    tokio::select! {
        grown = grown => grown,
        () = switched => Ok(false),
        () = paused => Ok(false),
    }
}

/// Returns the current hash of the log; `None` for an empty log.
pub(crate) async fn log_hash(shop: &Shop) -> Result<Option<LogHash>, ApiError> {
    let tree = shop.store.hash_tree().await.map_err(Failure::from)?;
    let tree = tree.filter(|tree| tree.position() > Position(0));
    Ok(tree.map(|tree| LogHash { position: tree.position().0, hash: tree.hash().to_string() }))
}

/// Read a stream
///
/// The events of one stream, oldest first; an unknown stream is empty.
#[utoipa::path(
    get, path = "/v1/streams/{stream}/events", tag = "log",
    params(("stream" = String, Path, pattern = "^[!-~]{1,200}$",
            description = "The stream, such as `order-7f…` or `stock-enamel-mug`"), StreamQuery),
    responses(
        (status = 200, description = "Events", body = StreamPage),
    )
)]
pub(crate) async fn list_stream(
    State(shop): State<Shop>,
    PathParams(stream): PathParams<String>,
    QueryParams(query): QueryParams<StreamQuery>,
) -> Result<Json<StreamPage>, ApiError> {
    let stream = StreamName::new(stream).map_err(|refusal| ApiError::invalid("stream", sentence(&refusal)))?;
    let limit = page_limit(query.limit, 1000, 100)?;
    let from = Version(query.from.unwrap_or(1).max(1));
    let events = shop.store.read_stream(&stream, from, limit).await.map_err(Failure::from)?;
    let next_from = events.last().filter(|_| events.len() == limit).map(|last| last.version.0 + 1);
    let events = events.iter().map(wire_event).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(StreamPage { events, next_from }))
}

/// The address under which this server was asked, without a path; empty when the request does not say it.
fn base_url(headers: &HeaderMap, is_encrypted: bool) -> String {
    let is_https = is_encrypted
        || header_text(headers, &FORWARDED_PROTO).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    let scheme = if is_https { "https" } else { "http" };
    header_text(headers, &HOST).map(|host| format!("{scheme}://{host}")).unwrap_or_default()
}

/// Builds the filter of a query. Refuses text that no event can have, because databases may not accept it as a
/// parameter.
fn parse_filter(query: &EventQuery) -> Result<Filter, ApiError> {
    let list = |text: &Option<String>| -> Vec<String> {
        let parts = text.as_deref().unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    for (name, text) in [("type", &query.kind), ("stream", &query.stream), ("correlation", &query.correlation)] {
        let parts = text.as_deref().unwrap_or_default().split(',');
        if parts.into_iter().any(|part| part.len() > MAX_PATTERN_BYTES || part.chars().any(char::is_control)) {
            let detail = format!("must have no control characters, and at most {MAX_PATTERN_BYTES} bytes each");
            return Err(ApiError::invalid(name, detail));
        }
    }
    Ok(Filter {
        types: list(&query.kind),
        streams: list(&query.stream),
        correlation_id: query.correlation.clone().filter(|correlation| !correlation.is_empty()),
    })
}
