//! A response body with its entity tag, which is sent only to those who do not have it already.

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::extract::{content_etag, matches_if_none_match};

/// For what changes with the program only, or seldom.
pub(crate) const CACHED_FOR_A_MINUTE: &str = "max-age=60";
/// For what may be kept, and must be asked about before each use.
pub(crate) const REVALIDATED: &str = "no-cache";

/// What a GET answers. Clones share the body.
#[derive(Clone, Debug)]
pub(crate) struct Representation {
    content_type: &'static str,
    cache_control: &'static str,
    etag: String,
    body: Bytes,
}

impl Representation {
    /// A representation whose entity tag is made of its content.
    pub(crate) fn new(content_type: &'static str, cache_control: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { content_type, cache_control, etag: content_etag(&body), body }
    }

    /// With another entity tag.
    pub(crate) fn with_etag(self, etag: String) -> Self {
        Self { etag, ..self }
    }

    /// Answers a GET: 304 without a body when `If-None-Match` names the entity tag.
    pub(crate) fn respond(self, request: &HeaderMap) -> Response {
        let is_known = matches_if_none_match(request, &self.etag);
        let headers = [(ETAG, self.etag), (CACHE_CONTROL, self.cache_control.to_owned())];
        if is_known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, [(CONTENT_TYPE, self.content_type)], self.body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::IF_NONE_MATCH;

    use super::*;

    #[test]
    fn what_a_client_has_is_not_sent_again() {
        let about = Representation::new("application/json", REVALIDATED, "{}");
        let first = about.clone().respond(&HeaderMap::new());
        assert_eq!(
            (first.status(), &first.headers()[CONTENT_TYPE]),
            (StatusCode::OK, &"application/json".parse().unwrap())
        );
        let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
        for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
            let request = [(IF_NONE_MATCH, HeaderValue::from_str(&known).unwrap())].into_iter().collect();
            let again = about.clone().respond(&request);
            assert_eq!((again.status(), &again.headers()[ETAG]), (StatusCode::NOT_MODIFIED, &first.headers()[ETAG]));
            assert_eq!(again.headers()[CACHE_CONTROL], REVALIDATED);
        }
        let other = [(IF_NONE_MATCH, HeaderValue::from_static("\"other\""))].into_iter().collect();
        assert_eq!(about.respond(&other).status(), StatusCode::OK);
    }
}
