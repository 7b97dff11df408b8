//! Request ids: the client's own, or a new one. The id is returned in the response and is part of the request's tracing span,
//! with the trace id of the client.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use storefront_api::REQUEST_ID_HEADER;
use tracing::field::Empty;
use tracing::{Span, info_span};
use uuid::Uuid;

use super::card_numbers::has_card_number;

/// The id of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// Creates a new id (UUIDv7).
    pub(crate) fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// The client's id, or a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self::from_headers(headers).unwrap_or_else(Self::generate)
    }

    /// Returns the client's id if it is valid: 1 to 128 visible ASCII characters, and not a card number.
    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(REQUEST_ID_HEADER)?.to_str().ok()?;
        let usable = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        // The id is stored in the log as correlation id.
        let usable = usable && !has_card_number(text);
        usable.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

tokio::task_local! {
    /// The id of the request that is being answered.
    static CURRENT: RequestId;
}

/// Answers a request under its id; see [`current`].
pub(crate) async fn scope<T>(id: RequestId, answer: impl Future<Output = T>) -> T {
    CURRENT.scope(id, answer).await
}

/// The id of the request that is being answered, if it is fit for a URN (RFC 8141) without escapes.
pub(crate) fn current() -> Option<String> {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    CURRENT.try_with(|id| id.0.clone()).ok().filter(|id| is_plain(id))
}

/// Gives a request its id, and returns it with the request's tracing span.
pub(crate) fn begin(request: &mut Request) -> (RequestId, Span) {
    let id = RequestId::of(request.headers());
    let span = info_span!("request", %id, trace_id = Empty, method = %request.method(), path = request.uri().path());
    if let Some(trace_id) = trace_id(request.headers()) {
        span.record("trace_id", trace_id);
    }
    request.extensions_mut().insert(id.clone());
    (id, span)
}

impl RequestId {
    /// Adds the header with the id to a response.
    pub(crate) fn add_header(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            headers.insert(REQUEST_ID_HEADER, value);
        }
    }
}

/// Parses the trace id in `traceparent` (W3C Trace Context, 3.2): `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`. Later
/// versions may append fields; neither id is all zeros.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all("traceparent").iter();
    let text = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let mut fields = text.split('-');
    let mut field = |length: usize| {
        let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        fields.next().filter(|field| field.len() == length && field.bytes().all(is_hex))
    };
    let (version, trace_id, parent_id, _flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
    let set = |id: &str| id.bytes().any(|digit| digit != b'0');
    let ends_right = version != "ff" && (version != "00" || fields.next().is_none());
    (ends_right && set(trace_id) && set(parent_id)).then_some(trace_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace_id_in(value: &'static str) -> Option<String> {
        let headers = HeaderMap::from_iter([(
            axum::http::HeaderName::from_static("traceparent"),
            HeaderValue::from_static(value),
        )]);
        trace_id(&headers).map(str::to_owned)
    }

    #[test]
    fn the_trace_id_is_taken_from_a_traceparent_that_is_one() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id_in("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").as_deref(), Some(id));
        assert_eq!(trace_id_in("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later").as_deref(), Some(id));
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(trace_id_in(wrong), None, "{wrong}");
        }
    }
}
