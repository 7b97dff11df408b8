//! One order: as it is, as it was, and everything that happened to it.

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
use crate::http::event_body::wire;
use crate::http::extract::{InPath, InQuery, etags, version_in_etag, wait};
use crate::http::order_watch::Place;
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::order_record;
use crate::store::order_record::OrderRecord;
use crate::store::streams;
use crate::views::steps;

/// How many events of one order are looked at.
const LONGEST_TIMELINE: usize = 10_000;

/// Read an order
///
/// Always current; or as it was at a version or a time. With `wait` and `If-None-Match` it answers the next change.
#[utoipa::path(
    get, path = "/v1/orders/{id}", tag = "orders",
    params(("id" = OrderId, Path, description = "The order"), OrderQuery,
           ("If-None-Match" = Option<String>, Header, description = "The ETag that the client knows")),
    responses(
        (status = 200, description = "The order", body = Order, headers(("ETag" = String, description = "Its version"))),
        (status = 304, description = "It is as the client knows it"),
        (status = 404, description = "`order_not_found`, also for a time before it began; `version_not_found`", body = Problem),
    )
)]
pub(crate) async fn get_order(
    State(shop): State<Shop>,
    InPath(id): InPath<OrderId>,
    InQuery(query): InQuery<OrderQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if query.version.is_some() && query.at.is_some() {
        return Err(ApiError::invalid("at", "cannot go with version: say one of the two"));
    }
    let deadline = Instant::now() + wait(query.wait)?;
    let known: Vec<u64> = etags(&headers, &IF_NONE_MATCH).filter_map(version_in_etag).collect();
    let knows_any = etags(&headers, &IF_NONE_MATCH).any(|known| known == "*");
    let past = query.version.is_some() || query.at.is_some();
    let mut place = None;
    loop {
        let record = order_record::load_while(&shop.store, id, |recorded| {
            query.version.is_none_or(|wanted| recorded.version.0 <= wanted) && is_by(recorded, query.at)
        })
        .await
        .map_err(Failure::from)?;
        if query.version.is_some_and(|wanted| record.version.0 != wanted) {
            return Err(no_such_version(query.version.unwrap_or_default()));
        }
        let is_known = knows_any || known.contains(&record.version.0);
        if !is_known || past || query.wait.is_none() || record.version == Version(0) {
            return answer(&shop, id, &record, query.at, is_known).await;
        }
        // What was read is let go before the wait, which may be long.
        let version = record.version;
        drop(record);
        if !wait_for_news_of(&shop, id, &mut place, deadline).await? {
            return not_modified(version);
        }
    }
}

async fn answer(
    shop: &Shop,
    id: OrderId,
    record: &OrderRecord,
    at: Option<Timestamp>,
    is_known: bool,
) -> Result<Response, ApiError> {
    let payment = order_record::load_payment_at(&shop.store, record, |recorded| is_by(recorded, at));
    let payment = payment.await.map_err(Failure::from)?;
    let body = record.body(id, payment.as_ref()).ok_or_else(ApiError::order_not_found)?;
    let etag = HeaderValue::from_str(&format!("\"{}\"", record.version)).map_err(|_| ApiError::internal())?;
    if is_known {
        return not_modified(record.version);
    }
    Ok(([(ETAG, etag)], Json(body)).into_response())
}

/// The order still has the version that the client knows.
fn not_modified(version: Version) -> Result<Response, ApiError> {
    let etag = HeaderValue::from_str(&format!("\"{version}\"")).map_err(|_| ApiError::internal())?;
    Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response())
}

/// Whether an event happened no later than a time.
fn is_by(recorded: &Recorded, at: Option<Timestamp>) -> bool {
    at.is_none_or(|at| Timestamp::from_unix_ms(recorded.time_ms) <= at)
}

/// The refusal of a version that the order has never had.
pub(crate) fn no_such_version(version: u64) -> ApiError {
    ApiError::new(ErrorCode::VersionNotFound, format!("The order has no version {version}."))
}

/// Everything that happened to an order
///
/// Every event of every stream about it, in log order, and the steps of the latest checkout with their state.
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
    InPath(id): InPath<OrderId>,
    InQuery(query): InQuery<TimelineQuery>,
) -> Result<Json<Timeline>, ApiError> {
    let deadline = Instant::now() + wait(query.wait)?;
    let after = Position(query.after.unwrap_or(0));
    let begun = shop.store.read_stream(&streams::order(id), Version(1), 1).await.map_err(Failure::from)?;
    if begun.is_empty() {
        return Err(ApiError::order_not_found());
    }
    if query.wait.is_some() {
        let mut place = None;
        while !has_news(&shop, id, after).await? && wait_for_news_of(&shop, id, &mut place, deadline).await? {}
    }
    let (all, head) = everything_about(&shop, id).await?;
    let record = order_record::load(&shop.store, id).await.map_err(Failure::from)?;
    let payment = order_record::load_payment(&shop.store, &record.order).await.map_err(Failure::from)?;
    let order = record.body(id, payment.as_ref()).ok_or_else(ApiError::order_not_found)?;
    let reset = head < after;
    let news = all.iter().filter(|recorded| reset || recorded.position > after).map(wire);
    let events = news.collect::<Result<Vec<_>, _>>()?;
    let steps = steps(&all, shop.before_invoices);
    Ok(Json(Timeline { events, next_after: head.0, head: head.0, steps, order, reset }))
}

/// Whether anything happened to an order after a position, or the log does not reach to it.
async fn has_news(shop: &Shop, id: OrderId, after: Position) -> Result<bool, ApiError> {
    let filter = Filter { correlation_id: Some(id.to_string()), ..Filter::default() };
    let slice = shop.store.read_all(after, 1, &filter).await.map_err(Failure::from)?;
    Ok(!slice.events.is_empty() || slice.head < after)
}

/// Every event of an order, and the head of the log as of then.
pub(crate) async fn everything_about(shop: &Shop, id: OrderId) -> Result<(Vec<Recorded>, Position), ApiError> {
    let filter = Filter { correlation_id: Some(id.to_string()), ..Filter::default() };
    let mut all = Vec::new();
    let mut after = Position(0);
    loop {
        let slice = shop.store.read_all(after, 1000, &filter).await.map_err(Failure::from)?;
        let done = slice.next_after >= slice.head || all.len() >= LONGEST_TIMELINE;
        after = slice.next_after;
        all.extend(slice.events);
        if done {
            return Ok((all, after));
        }
    }
}

/// Waits for something to happen to an order since it was looked at; `false` when the time is up or the server is told to
/// stop. The first time it only takes a place, so that what happens while the order is looked at once more is not missed.
async fn wait_for_news_of(
    shop: &Shop,
    id: OrderId,
    place: &mut Option<Place>,
    deadline: Instant,
) -> Result<bool, ApiError> {
    if is_over(deadline) {
        return Ok(false);
    }
    match place {
        None => {
            *place = Some(shop.order_watch.enter(&id.to_string()).ok_or_else(too_many_wait)?);
            Ok(true)
        }
        Some(place) => Ok(shop.stop.run_until_cancelled(place.news(deadline)).await == Some(true)),
    }
}

fn is_over(deadline: Instant) -> bool {
    deadline <= Instant::now() + Duration::from_millis(1)
}

fn too_many_wait() -> ApiError {
    let detail = "As many requests wait as can. Try again shortly, or ask without wait.";
    ApiError::new(ErrorCode::TooManyConnections, detail)
}

/// Waits for the log to grow; `false` when the time is up or the server is told to stop.
pub(crate) async fn wait_for_news(shop: &Shop, after: Position, deadline: Instant) -> Result<bool, ApiError> {
    if is_over(deadline) {
        return Ok(false);
    }
    let _place = shop.order_watch.enter_for_anything().ok_or_else(too_many_wait)?;
    let news = tokio::time::timeout_at(deadline, shop.store.wait_for(after));
    match shop.stop.run_until_cancelled(news).await {
        Some(Ok(Ok(_))) => Ok(true),
        Some(Ok(Err(failure))) => Err(Failure::from(failure).into()),
        Some(Err(_)) | None => Ok(false),
    }
}
