//! Idempotency keys: a command with a key takes effect once, and every repetition gets the same response.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::http::header::{CACHE_CONTROL, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use storefront_api::{IDEMPOTENCY_REPLAYED_HEADER, IDEMPOTENT_REPLAYED_HEADER, POSITION_HEADER};

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::state::Shop;
use crate::store::commands;
use crate::store::commands::{Context, Done, Failure, Reply};

/// Answers a command with its stored response if there is one, otherwise runs `work`.
pub(crate) async fn respond_once(
    shop: &Shop,
    context: &Context,
    work: impl Future<Output = Result<Done, ApiError>>,
) -> Result<Response, ApiError> {
    respond_after(shop, context, lookup(shop, context), work).await
}

/// Like [`respond_once`], for a response with something that must not be stored: `complete` adds it to the stored body.
pub(crate) async fn respond_once_completed(
    shop: &Shop,
    context: &Context,
    work: impl Future<Output = Result<Done, ApiError>>,
    complete: impl FnOnce(Value) -> Result<Value, serde_json::Error>,
) -> Result<Response, ApiError> {
    let mut done = done_once(shop, context, lookup(shop, context), work).await?;
    done.reply.body = complete(done.reply.body).map_err(Failure::from)?;
    let mut response = respond(shop, context, done);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn lookup(shop: &Shop, context: &Context) -> Result<Option<Done>, Failure> {
    match &context.idempotency {
        Some(idempotency) => commands::stored_reply(&shop.store, idempotency).await,
        None => Ok(None),
    }
}

/// Like [`respond_once`], for work whose only effect is one append with its response. It needs no lookup before: the log
/// refuses the append of a repeat, and has its response.
pub(crate) async fn respond_once_by_append(
    shop: &Shop,
    context: &Context,
    work: impl Future<Output = Result<Done, ApiError>>,
) -> Result<Response, ApiError> {
    respond_after(shop, context, async { Ok(None) }, work).await
}

async fn respond_after(
    shop: &Shop,
    context: &Context,
    lookup: impl Future<Output = Result<Option<Done>, Failure>>,
    work: impl Future<Output = Result<Done, ApiError>>,
) -> Result<Response, ApiError> {
    done_once(shop, context, lookup, work).await.map(|done| respond(shop, context, done))
}

async fn done_once(
    shop: &Shop,
    context: &Context,
    lookup: impl Future<Output = Result<Option<Done>, Failure>>,
    work: impl Future<Output = Result<Done, ApiError>>,
) -> Result<Done, ApiError> {
    let Some(idempotency) = &context.idempotency else { return work.await };
    let _claim = shop.in_flight_keys.claim(&idempotency.key).ok_or_else(|| {
        let detail = "A request with this Idempotency-Key is running. Send it again when that has ended.";
        ApiError::new(ErrorCode::RequestInProgress, detail)
    })?;
    if let Some(done) = lookup.await? {
        return Ok(done);
    }
    match work.await {
        Ok(done) => Ok(done),
        // An earlier request with this key may have been appended. Then its stored response counts, not the refusal that
        // its effect causes.
        Err(refusal) => match commands::stored_reply(&shop.store, idempotency).await {
            Ok(Some(done)) => Ok(done),
            Ok(None) => Err(refusal),
            // Whether there was an earlier one is unknown, so nothing is refused for good.
            Err(failure) => Err(failure.into()),
        },
    }
}

/// Like [`respond_once`], for work whose effect is not in the log, such as pausing a view: stores the response in the log after
/// the work is done.
pub(crate) async fn respond_once_unlogged(
    shop: &Shop,
    context: &Context,
    work: impl Future<Output = Result<Reply, ApiError>>,
) -> Result<Response, ApiError> {
    respond_once(shop, context, async { Ok(commands::store_reply(&shop.store, context, work.await?).await?) }).await
}

/// Creates a reply for something that has no version.
pub(crate) fn reply(status: StatusCode, body: &impl Serialize) -> Result<Reply, serde_json::Error> {
    let body = serde_json::to_value(body)?;
    Ok(Reply { status: status.as_u16(), location: None, version: None, body })
}

fn respond(shop: &Shop, context: &Context, Done { reply, position, replayed }: Done) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(POSITION_HEADER, HeaderValue::from(position.0));
    if replayed {
        shop.log_health.repeat_counters.answer_replayed(&context.cause.correlation_id, position);
        headers.insert(IDEMPOTENT_REPLAYED_HEADER, HeaderValue::from_static("true"));
        headers.insert(IDEMPOTENCY_REPLAYED_HEADER, HeaderValue::from_static("true"));
    }
    if let Some(location) = reply.location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        headers.insert(LOCATION, location);
    }
    if let Some(etag) = reply.version.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok()) {
        headers.insert(ETAG, etag);
    }
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    (status, headers, Json(reply.body)).into_response()
}

/// The idempotency keys of requests in flight.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlightKeys(Arc<Mutex<HashSet<String>>>);

/// Holds a key while its request is in flight; releases it on drop.
#[derive(Debug)]
pub(crate) struct KeyGuard {
    keys: InFlightKeys,
    key: String,
}

impl InFlightKeys {
    /// Claims a key; returns `None` while another request holds it.
    pub(crate) fn claim(&self, key: &str) -> Option<KeyGuard> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        free.then(|| KeyGuard { keys: self.clone(), key: key.to_owned() })
    }
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_one_request_at_a_time() {
        let keys = InFlightKeys::default();
        let claim = keys.claim("a").expect("it is free");
        assert!(keys.claim("a").is_none());
        assert!(keys.claim("b").is_some());
        drop(claim);
        assert!(keys.claim("a").is_some());
    }
}
