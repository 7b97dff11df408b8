//! The HTTP interface of a running shop: its routes, and what every request passes before and after them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use tokio::time::Instant;
use tower::ServiceExt as _;
use tracing::{Instrument as _, debug, info};

use crate::http::accept::takes_gzip;
use crate::http::compression::compress;
use crate::http::origin::{Access, PageAccess};
use crate::http::principal::{NOBODY, Principal, session_invalid};
use crate::http::rate_limit::{Admission, RateLimiter};
use crate::http::representation::REVALIDATED;
use crate::http::request_id::{self, RequestId};
use crate::http::route_names::{RouteNames, method_name};
use crate::http::traffic::Traffic;
use crate::identity::Identity;

/// Answers every request to one shop. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    routes: Router,
    names: Arc<RouteNames>,
    access: Arc<Access>,
    rate_limiter: Arc<RateLimiter>,
    traffic: Arc<Traffic>,
    identity: Arc<Identity>,
}

/// The path under which the client sees this server, such as `/shop`.
#[derive(Clone, Debug)]
pub(crate) struct PathPrefix(pub(crate) String);

impl Interface {
    pub(crate) fn new(
        routes: Router,
        names: RouteNames,
        access: Arc<Access>,
        rate_limiter: Arc<RateLimiter>,
        traffic: Arc<Traffic>,
        identity: Arc<Identity>,
    ) -> Self {
        Self { routes, names: Arc::new(names), access, rate_limiter, traffic, identity }
    }

    /// Answers a request. What every request passes stands here rather than in layers of the router, each of which keeps memory
    /// of its own for as long as a request waits. For the same reason, what waits is boxed, and the rest is not async.
    pub(crate) async fn answer(self, mut request: Request) -> Response {
        let (id, span) = request_id::begin(&mut request);
        let answered = Box::pin(async move {
            let mut begun = Begun::new(&self.access, &mut request);
            let response = match self.admit(&mut request, &mut begun) {
                Ok(principal) => {
                    let answer = Box::pin(ask(self.routes.clone(), self.identity.clone(), principal, request));
                    request_id::scope(id.clone(), answer).await
                }
                Err(refusal) => {
                    drop(request);
                    *refusal
                }
            };
            let takes_gzip = begun.takes_gzip;
            let response = self.finish(begun, &id, response);
            Box::pin(compress(takes_gzip, response)).await
        });
        answered.instrument(span).await
    }

    /// Says who sends a request, and counts it.
    ///
    /// # Errors
    /// The answer to a request that goes no further.
    fn admit(&self, request: &mut Request, begun: &mut Begun) -> Result<Principal, Box<Response>> {
        if let Some(early) = begun.early.take() {
            return Err(Box::new(early));
        }
        let mut principal = Principal::in_extensions(request.extensions());
        if principal != Principal::Shop {
            principal = Principal::of(&self.identity, request.headers());
            request.extensions_mut().insert(principal);
        }
        begun.who = principal.kind();
        let account = principal.account();
        begun.admission = self.rate_limiter.admit(request.method(), request.uri().path(), account, begun.client);
        begun.admission.refusal().map_or(Ok(principal), |refusal| Err(Box::new(refusal)))
    }

    /// Counts an answer, and adds what every answer has.
    fn finish(&self, begun: Begun, id: &RequestId, mut response: Response) -> Response {
        begun.admission.add_headers(response.headers_mut());
        add_prefix(response.headers_mut(), begun.prefix.as_deref());
        let (status, route) = (response.status().as_u16(), self.names.name(&begun.path));
        debug!(status, "answered");
        if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
        {
            info!(status, route, who = begun.who, client = begun.client.map(display), "refused");
        }
        if begun.who != NOBODY {
            forbid_storing(response.headers_mut());
        }
        self.traffic.count_answer(status);
        self.traffic.answered_in(begun.method, route, begun.at.elapsed());
        begun.page.add_headers(response.headers_mut());
        complete(id, response)
    }
}

/// What is known of a request for as long as it is answered.
struct Begun {
    at: Instant,
    method: &'static str,
    path: String,
    takes_gzip: bool,
    /// The path under which the client sees this server.
    prefix: Option<String>,
    /// The address of the client, by what a trusted proxy says.
    client: Option<IpAddr>,
    page: PageAccess,
    /// The kind of the sender, once it is known.
    who: &'static str,
    /// The answer to a request that a page may not send.
    early: Option<Response>,
    admission: Admission,
}

impl Begun {
    fn new(access: &Access, request: &mut Request) -> Self {
        let forwarded = access.forwarded(request);
        let prefix = forwarded.as_ref().and_then(|said| said.prefix.clone());
        if let Some(prefix) = &prefix {
            remove_prefix(request.uri_mut(), prefix);
            request.extensions_mut().insert(PathPrefix(prefix.clone()));
        }
        let (page, early) = PageAccess::of(access, request, forwarded.as_ref());
        Self {
            at: Instant::now(),
            method: method_name(request.method()),
            path: request.uri().path().to_owned(),
            takes_gzip: takes_gzip(request.headers()),
            prefix,
            client: forwarded.map(|said| said.client),
            page,
            who: NOBODY,
            early,
            admission: Admission::default(),
        }
    }
}

/// Asks the routes. A read that waits for news is given up when the session under which it waits ends; a command may be what
/// ends the session.
async fn ask(routes: Router, identity: Arc<Identity>, principal: Principal, request: Request) -> Response {
    let waits = request.method() == Method::GET && request.uri().query().is_some_and(|query| query.contains("wait"));
    // Boxed, because a future that is handed on takes its room several times.
    let answer = Box::pin(routes.oneshot(request));
    if waits && matches!(principal, Principal::Session(_)) {
        tokio::select! {
            biased;
            Ok(response) = answer => response,
            () = principal.until_over(&identity) => session_invalid().into_response(),
        }
    } else {
        let Ok(response) = answer.await;
        response
    }
}

/// Takes the prefix off a path that has it. A proxy may have done so already.
fn remove_prefix(uri: &mut Uri, prefix: &str) {
    let Some(rest) = uri.path_and_query().and_then(|path| path.as_str().strip_prefix(prefix)) else { return };
    let path = match rest.chars().next() {
        Some('/') => rest.parse::<PathAndQuery>(),
        None | Some('?') => format!("/{rest}").parse::<PathAndQuery>(),
        Some(_) => return,
    };
    let mut parts = std::mem::take(uri).into_parts();
    if let Ok(path) = path {
        parts.path_and_query = Some(path);
    }
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

/// Shows a path of this server in `Location` below the prefix.
fn add_prefix(headers: &mut HeaderMap, prefix: Option<&str>) {
    let Some(location) = headers.get(LOCATION).and_then(|location| location.to_str().ok()) else { return };
    let (Some(prefix), true) = (prefix, location.starts_with('/')) else { return };
    if let Ok(location) = HeaderValue::from_str(&format!("{prefix}{location}")) {
        headers.insert(LOCATION, location);
    }
}

/// What is answered to somebody is kept nowhere on the way (RFC 9111, 5.2.2.5), unless it is a file that may be.
fn forbid_storing(headers: &mut HeaderMap) {
    if headers.get(CACHE_CONTROL).is_none_or(|value| value == REVALIDATED) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Adds the headers of every response, also of one that no shop gives.
pub(crate) fn complete(id: &RequestId, mut response: Response) -> Response {
    let headers = response.headers_mut();
    id.add_header(headers);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Responses go stale at once: a cache must revalidate them (RFC 9111, 5.2.2.4).
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static(REVALIDATED));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_taken_off_a_path_below_it_and_put_before_a_location() {
        for (before, after) in [
            ("/shop/v1/orders?limit=1", "/v1/orders?limit=1"),
            ("/shop", "/"),
            ("/shop?x=1", "/?x=1"),
            ("/shop/", "/"),
            ("/shopping", "/shopping"),
            ("/v1/orders", "/v1/orders"),
            ("http://localhost/shop/docs", "http://localhost/docs"),
        ] {
            let mut uri: Uri = before.parse().unwrap();
            remove_prefix(&mut uri, "/shop");
            assert_eq!(uri.to_string(), after, "{before}");
        }
        for (location, seen) in
            [("/v1/orders/7", "/shop/v1/orders/7"), ("https://bank.example/", "https://bank.example/")]
        {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static(location));
            add_prefix(&mut headers, None);
            assert_eq!(headers[LOCATION], location);
            add_prefix(&mut headers, Some("/shop"));
            assert_eq!(headers[LOCATION], seen);
        }
    }
}
