//! Compresses response bodies with gzip for clients that take it. Streams, pictures, documents and what must not be kept stay as
//! they are: a stream would be held back, the others have no gain, and a secret must not share a compressed body with what a
//! client chose.

use std::io::Write as _;

use axum::body::{Body, HttpBody as _};
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Minimum size of a body that is worth it.
const MIN_BYTES: u64 = 1024;
/// Maximum size of a body that is compressed; it is in memory as a whole.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Compresses the body of a response if the client `takes_gzip` and it is worth it. The entity tag becomes weak then, because
/// the bytes are others.
pub(crate) async fn compress(takes_gzip: bool, response: Response) -> Response {
    let size = response.body().size_hint().exact();
    if !size.is_some_and(|bytes| (MIN_BYTES..=MAX_BYTES).contains(&bytes)) || !is_compressible(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if !takes_gzip {
        return Response::from_parts(parts, body);
    }
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        // A body in memory cannot fail.
        return Response::from_parts(parts, Body::empty());
    };
    let Ok(compressed) = gzip(&bytes) else { return Response::from_parts(parts, bytes.into()) };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    if let Some(etag) =
        parts.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).filter(|etag| !etag.starts_with("W/"))
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{etag}"))
    {
        parts.headers.insert(ETAG, weak);
    }
    Response::from_parts(parts, compressed.into())
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let media_type = text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let is_text = media_type.starts_with("text/") || media_type.ends_with("json");
    let cache_control = text(CACHE_CONTROL);
    let is_kept = !cache_control.contains("no-store") && !cache_control.contains("no-transform");
    is_text && is_kept && media_type != "text/event-stream" && !headers.contains_key(CONTENT_ENCODING)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::response::IntoResponse as _;

    use super::*;

    fn response(content_type: &'static str, cache_control: &'static str, body: String) -> Response {
        ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, cache_control), (ETAG, "\"3\"")], body).into_response()
    }

    async fn bytes(response: Response) -> Vec<u8> {
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn a_long_text_is_compressed_for_those_who_take_it() {
        let text = "tea and ".repeat(200);
        let answer = compress(true, response("application/json", "no-cache", text.clone())).await;
        assert_eq!(
            (&answer.headers()[CONTENT_ENCODING], &answer.headers()[ETAG]),
            (&"gzip".parse().unwrap(), &"W/\"3\"".parse().unwrap())
        );
        assert_eq!(answer.headers()[VARY], "accept-encoding");
        let compressed = bytes(answer).await;
        assert!(compressed.len() < text.len() / 10, "{}", compressed.len());
        let mut read = String::new();
        flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
        let plain = compress(false, response("application/json", "no-cache", text.clone())).await;
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(
            (&plain.headers()[VARY], &plain.headers()[ETAG]),
            (&"accept-encoding".parse().unwrap(), &"\"3\"".parse().unwrap())
        );
        assert_eq!(bytes(plain).await, text.as_bytes());
    }

    #[tokio::test]
    async fn what_is_short_or_a_picture_or_must_not_be_kept_or_streams_stays_as_it_is() {
        let long = || "tea and ".repeat(200);
        for answer in [
            response("application/json", "no-cache", "tea".to_owned()),
            response("image/png", "no-cache", long()),
            response("application/json", "no-store", long()),
            response("text/event-stream", "no-cache", long()),
            response("text/plain", "no-transform", long()),
            (
                [(CONTENT_TYPE, "application/json")],
                Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(long())])),
            )
                .into_response(),
        ] {
            let answer = compress(true, answer).await;
            assert!(!answer.headers().contains_key(CONTENT_ENCODING), "{answer:?}");
        }
    }
}
