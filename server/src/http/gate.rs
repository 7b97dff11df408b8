//! The drain gate: passes requests from the network and from the lab to the running shop. While the shop is rebuilt, the gate
//! is closed: it waits for requests in flight, and the address answers new ones with an error.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use storefront_api::{Health, IDEMPOTENCY_KEY_HEADER, POSITION_HEADER};
use tokio::sync::watch;

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::interface::{Interface, complete};
use crate::http::principal::Principal;
use crate::http::request_id::RequestId;
use crate::lab::LocalResponse;
use crate::{clock, random};

/// Maximum size of a response that [`Gate::send`] reads.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// The gate, initially closed.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    running: RwLock<Option<Interface>>,
    /// Number of requests in flight.
    busy: watch::Sender<usize>,
    is_draining: AtomicBool,
}

/// Marks a request of a server that stops soon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draining;

impl Gate {
    /// Opens the gate: requests go to this shop from now on.
    pub(crate) fn open(&self, running: Interface) {
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    /// Lets readiness say that the server stops soon, while everything is answered as before.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Answers a request, with an error while the gate is closed.
    pub(crate) async fn answer(&self, mut request: Request) -> Response {
        let _in_flight = InFlightGuard::begin(&self.busy);
        if self.is_draining.load(Ordering::Relaxed) {
            request.extensions_mut().insert(Draining);
        }
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner).clone();
        match running {
            Some(running) => running.answer(request).await,
            None => complete(&RequestId::of(request.headers()), closed(&request)),
        }
    }

    /// Closes the gate and waits until at most `left` requests are in flight; returns `false` when that takes longer than
    /// `limit`.
    pub(crate) async fn close(&self, left: usize, limit: Duration) -> bool {
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = None;
        let mut busy = self.busy.subscribe();
        clock::timeout(limit, busy.wait_for(|busy| *busy <= left)).await.is_some()
    }

    /// Sends a request to the shop without a network: a GET without a body, or a write with a body and a new idempotency key.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> LocalResponse {
        let request = Request::builder().method(method).uri(path).extension(Principal::Shop);
        let request = match body {
            Some(body) => {
                let key = random::id().to_string();
                let request = request.header(CONTENT_TYPE, "application/json").header(IDEMPOTENCY_KEY_HEADER, key);
                request.body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        };
        let response = match request {
            Ok(request) => self.answer(request).await,
            Err(_) => ApiError::internal().into_response(),
        };
        let status = response.status().as_u16();
        let position = response.headers().get(POSITION_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes: Bytes = axum::body::to_bytes(response.into_body(), MAX_RESPONSE_BYTES).await.unwrap_or_default();
        LocalResponse { status, position, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }
}

/// Answers while there is no shop: the process runs, and nothing else is known.
fn closed(request: &Request) -> Response {
    if request.method() == Method::GET && request.uri().path() == "/health/live" {
        return Json(Health { status: "live".to_owned() }).into_response();
    }
    let detail = "The shop is being started over, or is closing. Try again shortly, and read everything anew.";
    ApiError::new(ErrorCode::ShopClosed, detail).into_response()
}

/// Counts a request as in flight until it is answered or its client disconnects.
struct InFlightGuard<'a>(&'a watch::Sender<usize>);

impl<'a> InFlightGuard<'a> {
    fn begin(busy: &'a watch::Sender<usize>) -> Self {
        busy.send_modify(|busy| *busy += 1);
        Self(busy)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|busy| *busy -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;

    use super::*;
    use crate::config::Config;
    use crate::http::origin::Access;
    use crate::http::rate_limit::RateLimiter;
    use crate::http::route_names::RouteNames;
    use crate::http::traffic::Traffic;
    use crate::identity::Identity;

    #[tokio::test]
    async fn a_gate_lets_requests_in_while_it_is_open_and_waits_for_those_in_flight() {
        let gate = Arc::new(Gate::default());
        assert_eq!(gate.send("GET", "/", None).await.body["code"], "shop_closed");
        assert_eq!(gate.send("GET", "/health/live", None).await.status, 200, "the process runs");
        let request = Request::builder().uri("/").header("x-request-id", "mine").body(Body::empty()).unwrap();
        let closed = gate.answer(request).await;
        let header = |name: &str| closed.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            ["x-request-id", "x-content-type-options", "cache-control"].map(header),
            ["mine", "nosniff", "no-cache"]
        );
        let (go, gone) = watch::channel(false);
        let waits = move || {
            let mut gone = gone.clone();
            async move { gone.wait_for(|gone| *gone).await.map(|_| "done").unwrap_or("lost") }
        };
        let config = Config::in_memory(String::new(), String::new(), String::new());
        let (access, traffic) = (Arc::new(Access::from_config(&config)), Arc::new(Traffic::new(clock::now())));
        let routes = Router::new().route("/wait", axum::routing::get(waits));
        let limiter = Arc::new(RateLimiter::from_config(&config));
        gate.open(Interface::new(
            routes,
            RouteNames::default(),
            access,
            limiter,
            traffic,
            Arc::new(Identity::for_tests()),
        ));
        assert_eq!(gate.send("GET", "/elsewhere", None).await.status, 404);
        let request_task = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.send("GET", "/wait", None).await.status }
        });
        let mut busy = gate.busy.subscribe();
        busy.wait_for(|busy| *busy == 1).await.unwrap();
        assert!(!gate.close(0, Duration::from_millis(1)).await, "somebody is inside");
        assert!(gate.close(1, Duration::from_secs(60)).await);
        go.send_replace(true);
        assert!(gate.close(0, Duration::from_secs(60)).await);
        assert_eq!(request_task.await.unwrap(), 200);
    }
}
