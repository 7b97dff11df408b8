//! From requests to typed values: paths, queries, and what many handlers ask of a request.

use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::header::IF_NONE_MATCH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use storefront_eventlog::{Position, Version};
use utoipa::IntoParams;

use crate::http::error::{ApiError, sentence};
use crate::http::error_code::ErrorCode;
use crate::http::state::Shop;

/// So long a request waits for the views to come to its `min_position`.
const LONGEST_CATCH_UP: Duration = Duration::from_secs(5);

/// The parameters of a path.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shop> for InPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, shop).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(ErrorCode::InvalidPath, why(&rejection.body_text()))),
        }
    }
}

/// The parameters of a query.
pub(crate) struct InQuery<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shop> for InQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, shop).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(ErrorCode::InvalidQuery, why(&rejection.body_text()))),
        }
    }
}

/// What is wrong, without the library's own opening words.
fn why(text: &str) -> String {
    let opening = ["Invalid URL: ", "Failed to deserialize query string: "];
    let text = opening.iter().find_map(|opening| text.strip_prefix(opening)).unwrap_or(text);
    // The name of a parameter stays as it is written.
    if text.split_once(": ").is_some_and(|(name, _)| !name.contains(' ')) {
        format!("{}.", text.trim_end_matches('.'))
    } else {
        sentence(&text)
    }
}

/// Which state of the views to see.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MinPosition {
    /// See at least this log position.
    #[serde(default)]
    pub(crate) min_position: Option<u64>,
}

/// The version in an entity tag such as `"3"`, or `"3-6e20a1"` of [`versioned_etag`].
pub(crate) fn version_in_etag(text: &str) -> Option<u64> {
    let tag = text.trim_start_matches("W/").strip_prefix('"')?.strip_suffix('"')?;
    let (digits, content) = tag.split_once('-').unwrap_or((tag, "0"));
    if content.is_empty() || !content.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The entity tags in a header, such as those that a client says it knows (`If-None-Match`).
pub(crate) fn etags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether a client has what is shown under an entity tag already (`If-None-Match`, RFC 9110, 13.1.2).
pub(crate) fn knows(headers: &HeaderMap, etag: &str) -> bool {
    etags(headers, &IF_NONE_MATCH).any(|known| known.trim_start_matches("W/") == etag || known == "*")
}

/// An entity tag that changes with what is shown.
pub(crate) fn content_etag(shown: &[u8]) -> String {
    format!("\"{}\"", digest(shown))
}

/// An entity tag that changes with what is shown, and names the version of what can be changed: what else is shown beside it
/// (such as what is in stock) does not keep anybody from changing that version.
pub(crate) fn versioned_etag(version: Version, shown: &[u8]) -> String {
    format!("\"{}-{}\"", version.0, digest(shown))
}

fn digest(shown: &[u8]) -> String {
    Sha256::digest(shown).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A header as text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A limit within what a list allows.
pub(crate) fn limit(asked: Option<u32>, most: u32, usual: u32) -> Result<usize, ApiError> {
    let limit = asked.unwrap_or(usual);
    if (1..=most).contains(&limit) {
        Ok(limit as usize)
    } else {
        Err(ApiError::invalid("limit", format!("must be 1 to {most}")))
    }
}

/// Where the last page of a list ended, by its cursor.
pub(crate) fn place(cursor: Option<&str>) -> Result<Option<Position>, ApiError> {
    let place = cursor.map(str::parse::<u64>).transpose();
    place.map(|place| place.map(Position)).map_err(|_| ApiError::invalid("cursor", "is not one of ours"))
}

/// How long a request wants to wait, in seconds.
pub(crate) fn wait(asked: Option<u32>) -> Result<Duration, ApiError> {
    let seconds = asked.unwrap_or(0);
    if seconds <= 30 {
        Ok(Duration::from_secs(u64::from(seconds)))
    } else {
        Err(ApiError::invalid("wait", "must be 0 to 30 seconds"))
    }
}

/// Waits until the views that answer have come to the position that the client wants to see, and to where the log stood when
/// the shop was opened: nobody is shown a shop that is still being put together. One that is paused is not waited for.
pub(crate) async fn wait_for_position(shop: &Shop, min_position: Option<u64>, views: &[&str]) -> Result<(), ApiError> {
    let asked = Position(min_position.unwrap_or(0));
    let wanted = asked.max(shop.opened_at);
    if let Some(view) = shop.views.paused_before(views, asked) {
        let detail = format!(
            "The view {view} is paused and has not come to the position that was asked for. POST /v1/views/{view}/resume \
             lets it go on; without min_position it answers as it is."
        );
        return Err(ApiError::new(ErrorCode::ViewPaused, detail));
    }
    // What there is to see already is also seen by a request that is finished while the server stops.
    let reached = shop.views.reach_but_for_pauses(views, wanted, asked, LONGEST_CATCH_UP);
    if shop.views.position() >= wanted || shop.stop.run_until_cancelled(reached).await == Some(true) {
        return Ok(());
    }
    let detail = "The lists have not come to the position that was asked for. Try again shortly.";
    Err(ApiError::new(ErrorCode::ViewsBehind, detail))
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
        assert_eq!(limit(None, 100, 20).ok(), Some(20));
        assert_eq!(limit(Some(100), 100, 20).ok(), Some(100));
        assert!(limit(Some(0), 100, 20).is_err() && limit(Some(101), 100, 20).is_err());
        assert_eq!(wait(Some(30)).ok(), Some(Duration::from_secs(30)));
        assert!(wait(Some(31)).is_err());
    }

    #[test]
    fn refusals_speak_of_the_parameter_and_not_of_the_library() {
        assert_eq!(why("Failed to deserialize query string: limit: invalid digit"), "limit: invalid digit.");
        assert_eq!(why("Invalid URL: UUID parsing failed: no such"), "UUID parsing failed: no such.");
    }
}
