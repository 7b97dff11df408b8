//! The HTTP interface of a running shop: its routes, and what every request passes before and after them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;
use tower::ServiceExt as _;
use tracing::{Instrument as _, debug};

use crate::http::accept::takes_gzip;
use crate::http::compression::compress;
use crate::http::origin::{Access, PageAccess};
use crate::http::principal::Principal;
use crate::http::request_id::{self, RequestId};
use crate::http::traffic::Traffic;
use crate::identity::Identity;

/// Answers every request to one shop. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    routes: Router,
    access: Arc<Access>,
    traffic: Arc<Traffic>,
    identity: Arc<Identity>,
}

impl Interface {
    pub(crate) fn new(routes: Router, access: Arc<Access>, traffic: Arc<Traffic>, identity: Arc<Identity>) -> Self {
        Self { routes, access, traffic, identity }
    }

    /// Answers a request. What every request passes stands here rather than in layers of the router, each of which keeps memory
    /// of its own for as long as a request waits.
    pub(crate) async fn answer(self, mut request: Request) -> Response {
        let (id, span) = request_id::begin(&mut request);
        async move {
            let takes_gzip = takes_gzip(request.headers());
            let (page, early) = PageAccess::of(&self.access, &request);
            let mut response = match early {
                Some(response) => response,
                None => {
                    if Principal::in_extensions(request.extensions()) != Principal::Shop {
                        let principal = Principal::of(&self.identity, request.headers());
                        request.extensions_mut().insert(principal);
                    }
                    let Ok(response) = self.routes.oneshot(request).await;
                    response
                }
            };
            debug!(status = response.status().as_u16(), "answered");
            self.traffic.count_answer(response.status().as_u16());
            page.add_headers(response.headers_mut());
            compress(takes_gzip, complete(&id, response)).await
        }
        .instrument(span)
        .await
    }
}

/// Adds the headers of every response, also of one that no shop gives.
pub(crate) fn complete(id: &RequestId, mut response: Response) -> Response {
    let headers = response.headers_mut();
    id.add_header(headers);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Responses go stale at once: a cache must revalidate them (RFC 9111, 5.2.2.4).
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}
