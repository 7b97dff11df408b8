//! Reading an order, now or in the past, and its timeline; and the waits that long polling shares.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use storefront_api::{Order, OrderId, OrderQuery, Problem, Timeline, TimelineQuery, Timestamp};
use storefront_eventlog::{Filter, Position, Recorded, Version};
use tokio::time::Instant;

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::event_body::wire_event;
use crate::http::extract::{PathParams, QueryParams, etags, version_in_etag, wait_duration};
use crate::http::order_watch::{WatchSlot, Watched};
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::order_record;
use crate::store::order_record::OrderRecord;
use crate::store::streams;
use crate::views::steps;

/// Number of events of an order after which no more are read.
const MAX_TIMELINE_EVENTS: usize = 10_000;

/// Read an order
///
/// The present state, or that at a version or a time. With `wait` and `If-None-Match`, the request waits for the next
/// change.
#[utoipa::path(
    get, path = "/v1/orders/{id}", tag = "orders",
    params(("id" = OrderId, Path, description = "The order"), OrderQuery,
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that the client has")),
    responses(
        (status = 200, description = "The order", body = Order, headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "Not modified"),
        (status = 404, description = "`order_not_found`, also for a time before it began; `version_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_order(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    QueryParams(query): QueryParams<OrderQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if query.version.is_some() && query.at.is_some() {
        return Err(ApiError::invalid("at", "cannot go with version: say one of the two"));
    }
    let deadline = Instant::now() + wait_duration(query.wait)?;
    let known: Vec<u64> = etags(&headers, &IF_NONE_MATCH).filter_map(version_in_etag).collect();
    let knows_any = etags(&headers, &IF_NONE_MATCH).any(|known| known == "*");
    // They keep the buffer in which the request came; the wait may be long.
    drop(headers);
    let past = query.version.is_some() || query.at.is_some();
    let mut slot = None;
    loop {
        let record = order_record::load_while(&shop.store, id, |recorded| {
            query.version.is_none_or(|wanted| recorded.version.0 <= wanted) && is_no_later(recorded, query.at)
        })
        .await
        .map_err(Failure::from)?;
        if query.version.is_some_and(|wanted| record.version.0 != wanted) {
            return Err(version_not_found(query.version.unwrap_or_default()));
        }
        let is_known = knows_any || known.contains(&record.version.0);
        if !is_known || past || query.wait.is_none() || record.version == Version(0) {
            return order_response(&shop, id, &record, query.at, is_known).await;
        }
        // Free the record before the wait, which may be long.
        let version = record.version;
        drop(record);
        let order = || Watched::Stream(streams::order(id).as_str().to_owned());
        if !wait_for_watched(&shop, order, &mut slot, deadline).await? {
            return not_modified(version);
        }
    }
}

async fn order_response(
    shop: &Shop,
    id: OrderId,
    record: &OrderRecord,
    at: Option<Timestamp>,
    is_known: bool,
) -> Result<Response, ApiError> {
    let payment = order_record::load_payment_at(&shop.store, record, |recorded| is_no_later(recorded, at));
    let payment = payment.await.map_err(Failure::from)?;
    let body = record.body(id, payment.as_ref()).ok_or_else(ApiError::order_not_found)?;
    let etag = HeaderValue::from_str(&format!("\"{}\"", record.version)).map_err(|_| ApiError::internal())?;
    if is_known {
        return not_modified(record.version);
    }
    Ok(([(ETAG, etag)], Json(body)).into_response())
}

/// Answers that the order still has the version that the client knows.
fn not_modified(version: Version) -> Result<Response, ApiError> {
    let etag = HeaderValue::from_str(&format!("\"{version}\"")).map_err(|_| ApiError::internal())?;
    Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response())
}

/// Whether an event happened no later than a time.
fn is_no_later(recorded: &Recorded, at: Option<Timestamp>) -> bool {
    at.is_none_or(|at| Timestamp::from_unix_ms(recorded.time_ms) <= at)
}

/// The error for a version that the order does not have.
pub(crate) fn version_not_found(version: u64) -> ApiError {
    ApiError::new(ErrorCode::VersionNotFound, format!("The order has no version {version}."))
}

/// Read the timeline of an order
///
/// All events of the order, its payments, stock, invoices and mails in the order of the log, and the steps of its
/// latest checkout.
#[utoipa::path(
    get, path = "/v1/orders/{id}/timeline", tag = "orders",
    params(("id" = OrderId, Path, description = "The order"), TimelineQuery),
    responses(
        (status = 200, description = "The timeline", body = Timeline),
        (status = 404, description = "`order_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_timeline(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    QueryParams(query): QueryParams<TimelineQuery>,
) -> Result<Json<Timeline>, ApiError> {
    let deadline = Instant::now() + wait_duration(query.wait)?;
    let after = Position(query.after.unwrap_or(0));
    let begun = shop.store.read_stream(&streams::order(id), Version(1), 1).await.map_err(Failure::from)?;
    if begun.is_empty() {
        return Err(ApiError::order_not_found());
    }
    if query.wait.is_some() {
        let mut slot = None;
        let order = || Watched::Correlation(id.to_string());
        while !has_new_events(&shop, id, after).await? && wait_for_watched(&shop, order, &mut slot, deadline).await? {}
    }
    let (all, head) = load_order_events(&shop, id).await?;
    let record = order_record::load(&shop.store, id).await.map_err(Failure::from)?;
    let payment = order_record::load_payment(&shop.store, &record.order).await.map_err(Failure::from)?;
    let order = record.body(id, payment.as_deref()).ok_or_else(ApiError::order_not_found)?;
    let reset = head < after;
    let news = all.iter().filter(|recorded| reset || recorded.position > after).map(|recorded| wire_event(recorded));
    let events = news.collect::<Result<Vec<_>, _>>()?;
    let steps = steps(&all, shop.before_invoices);
    Ok(Json(Timeline { events, next_after: head.0, head: head.0, steps, order, reset }))
}

/// Whether an order has events after a position, or the log ends before it.
async fn has_new_events(shop: &Shop, id: OrderId, after: Position) -> Result<bool, ApiError> {
    let filter = Filter { correlation_id: Some(id.to_string()), ..Filter::default() };
    let slice = shop.store.read_all(after, 1, &filter).await.map_err(Failure::from)?;
    Ok(!slice.events.is_empty() || slice.head < after)
}

/// Loads all events of an order, and the position up to which the log was read.
pub(crate) async fn load_order_events(shop: &Shop, id: OrderId) -> Result<(Vec<Arc<Recorded>>, Position), ApiError> {
    let filter = Filter { correlation_id: Some(id.to_string()), ..Filter::default() };
    let mut all = Vec::new();
    let mut after = Position(0);
    loop {
        let slice = shop.store.read_all(after, 1000, &filter).await.map_err(Failure::from)?;
        let done = slice.next_after >= slice.head || all.len() >= MAX_TIMELINE_EVENTS;
        after = slice.next_after;
        all.extend(slice.events);
        if done {
            return Ok((all, after));
        }
    }
}

/// Waits for a watched event since the log was read; returns `false` at the deadline or when the server stops. The
/// first call only takes a slot and returns `true`, so that no event is missed while the log is read once more.
pub(crate) async fn wait_for_watched(
    shop: &Shop,
    watched: impl FnOnce() -> Watched,
    slot: &mut Option<WatchSlot>,
    deadline: Instant,
) -> Result<bool, ApiError> {
    if has_passed(deadline) {
        return Ok(false);
    }
    match slot {
        None => {
            *slot = Some(shop.order_watch.watch(watched()).ok_or_else(too_many_waiting)?);
            Ok(true)
        }
        Some(slot) => Ok(shop.stop.run_until_cancelled(slot.changed(deadline)).await == Some(true)),
    }
}

fn has_passed(deadline: Instant) -> bool {
    deadline <= Instant::now() + Duration::from_millis(1)
}

fn too_many_waiting() -> ApiError {
    let detail = "As many requests wait as can. Try again shortly, or ask without wait.";
    ApiError::new(ErrorCode::TooManyConnections, detail)
}

/// Waits for the log to grow; returns `false` at the deadline or when the server stops.
pub(crate) async fn wait_for_log_growth(shop: &Shop, after: Position, deadline: Instant) -> Result<bool, ApiError> {
    if has_passed(deadline) {
        return Ok(false);
    }
    let _slot = shop.order_watch.reserve_slot().ok_or_else(too_many_waiting)?;
    let news = tokio::time::timeout_at(deadline, shop.store.wait_for(after));
    match shop.stop.run_until_cancelled(news).await {
        Some(Ok(Ok(_))) => Ok(true),
        Some(Ok(Err(failure))) => Err(Failure::from(failure).into()),
        Some(Err(_)) | None => Ok(false),
    }
}
