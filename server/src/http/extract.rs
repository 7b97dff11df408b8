//! Extractors for paths and queries, and helpers for headers and parameters that many handlers share.

use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::header::IF_NONE_MATCH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use storefront_eventlog::{Position, Version};

use crate::http::error::{ApiError, sentence};
use crate::http::error_code::ErrorCode;
use crate::http::state::Shop;

pub(crate) struct PathParams<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shop> for PathParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, shop).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(ErrorCode::InvalidPath, rejection_detail(&rejection.body_text()))),
        }
    }
}

pub(crate) struct QueryParams<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shop> for QueryParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, shop).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(ErrorCode::InvalidQuery, rejection_detail(&rejection.body_text()))),
        }
    }
}

/// Returns the text of a rejection without the library's prefix.
fn rejection_detail(text: &str) -> String {
    let opening = ["Invalid URL: ", "Failed to deserialize query string: "];
    let text = opening.iter().find_map(|opening| text.strip_prefix(opening)).unwrap_or(text);
    // The name of a parameter keeps its case.
    if text.split_once(": ").is_some_and(|(name, _)| !name.contains(' ')) {
        format!("{}.", text.trim_end_matches('.'))
    } else {
        sentence(&text)
    }
}

/// Parses the version in an entity tag such as `"3"`, or `"3-6e20a1"` of [`versioned_etag`].
pub(crate) fn version_in_etag(text: &str) -> Option<u64> {
    let tag = text.trim_start_matches("W/").strip_prefix('"')?.strip_suffix('"')?;
    let (digits, content) = tag.split_once('-').unwrap_or((tag, "0"));
    if content.is_empty() || !content.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Iterates over the entity tags in a header such as `If-None-Match`.
pub(crate) fn etags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether `If-None-Match` (RFC 9110, 13.1.2) names an entity tag: the client has this content already.
pub(crate) fn matches_if_none_match(headers: &HeaderMap, etag: &str) -> bool {
    etags(headers, &IF_NONE_MATCH).any(|known| known.trim_start_matches("W/") == etag || known == "*")
}

/// Entity tag of a content.
pub(crate) fn content_etag(shown: &[u8]) -> String {
    format!("\"{}\"", digest(shown))
}

/// Entity tag of a content and of the version that `If-Match` compares. Other data in the content, such as the stock,
/// changes the tag without invalidating a condition on the version.
pub(crate) fn versioned_etag(version: Version, shown: &[u8]) -> String {
    format!("\"{}-{}\"", version.0, digest(shown))
}

fn digest(shown: &[u8]) -> String {
    Sha256::digest(shown).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a header as text; `None` when it is absent or not ASCII.
pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Checks the page size of a list; `usual` is the default.
///
/// # Errors
/// When it is not 1 to `most`.
pub(crate) fn page_limit(asked: Option<u32>, most: u32, usual: u32) -> Result<usize, ApiError> {
    let limit = asked.unwrap_or(usual);
    if (1..=most).contains(&limit) {
        Ok(limit as usize)
    } else {
        Err(ApiError::invalid("limit", format!("must be 1 to {most}")))
    }
}

/// Parses a cursor: the position at which the previous page ended.
///
/// # Errors
/// When the cursor is not a position.
pub(crate) fn cursor_position(cursor: Option<&str>) -> Result<Option<Position>, ApiError> {
    let place = cursor.map(str::parse::<u64>).transpose();
    place.map(|place| place.map(Position)).map_err(|_| ApiError::invalid("cursor", "is not one of ours"))
}

/// Checks the `wait` parameter, in seconds.
///
/// # Errors
/// When it is more than 30 seconds.
pub(crate) fn wait_duration(asked: Option<u32>) -> Result<Duration, ApiError> {
    let seconds = asked.unwrap_or(0);
    if seconds <= 30 {
        Ok(Duration::from_secs(u64::from(seconds)))
    } else {
        Err(ApiError::invalid("wait", "must be 0 to 30 seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_an_entity_tag_and_from_nothing_else() {
        assert_eq!(version_in_etag("\"3\""), Some(3));
        assert_eq!(version_in_etag("W/\"12\""), Some(12));
        assert_eq!(version_in_etag(&versioned_etag(Version(7), b"shown")), Some(7));
        for wrong in ["3", "\"\"", "\"+3\"", "\"3", "*", "\"99999999999999999999\"", "\"3-\"", "\"-3\"", "\"3-x\""] {
            assert_eq!(version_in_etag(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn limits_and_waits_have_bounds() {
        assert_eq!(page_limit(None, 100, 20).ok(), Some(20));
        assert_eq!(page_limit(Some(100), 100, 20).ok(), Some(100));
        assert!(page_limit(Some(0), 100, 20).is_err() && page_limit(Some(101), 100, 20).is_err());
        assert_eq!(wait_duration(Some(30)).ok(), Some(Duration::from_secs(30)));
        assert!(wait_duration(Some(31)).is_err());
    }

    #[test]
    fn refusals_speak_of_the_parameter_and_not_of_the_library() {
        assert_eq!(
            rejection_detail("Failed to deserialize query string: limit: invalid digit"),
            "limit: invalid digit."
        );
        assert_eq!(rejection_detail("Invalid URL: UUID parsing failed: no such"), "UUID parsing failed: no such.");
    }
}
