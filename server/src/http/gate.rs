//! The way into the shop, for requests from the network and for the shop's own lab. It can be closed for the moment in which
//! the shop is put together anew, while the address goes on answering.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use storefront_api::{IDEMPOTENCY_KEY_HEADER, POSITION_HEADER};
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::lab::LocalResponse;
use crate::{clock, random};

/// The longest answer that the shop reads from itself.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// The door, at first closed.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    running: RwLock<Option<Router>>,
    /// How many requests are being answered.
    busy: watch::Sender<usize>,
}

impl Gate {
    /// Everything that the network asks goes through the door.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(dispatch).with_state(Arc::clone(self))
    }

    /// From now on requests are answered inside.
    pub(crate) fn open(&self, running: Router) {
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    /// Nobody enters any more. Answers when so few are left inside; `false` when that takes longer than the limit.
    pub(crate) async fn close(&self, left: usize, limit: Duration) -> bool {
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = None;
        let mut busy = self.busy.subscribe();
        clock::timeout(limit, busy.wait_for(|busy| *busy <= left)).await.is_some()
    }

    /// Asks the shop as a client would, without a network: a GET without a body, or a write with one under a key of its own.
    pub(crate) async fn ask(self: &Arc<Self>, method: &str, path: &str, body: Option<&Value>) -> LocalResponse {
        let request = Request::builder().method(method).uri(path);
        let request = match body {
            Some(body) => {
                let key = random::id().to_string();
                let request = request.header(CONTENT_TYPE, "application/json").header(IDEMPOTENCY_KEY_HEADER, key);
                request.body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        };
        let response = match request {
            Ok(request) => dispatch(State(Arc::clone(self)), request).await,
            Err(_) => ApiError::internal().into_response(),
        };
        let status = response.status().as_u16();
        let position = response.headers().get(POSITION_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes: Bytes = axum::body::to_bytes(response.into_body(), MAX_RESPONSE_BYTES).await.unwrap_or_default();
        LocalResponse { status, position, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }
}

async fn dispatch(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let _visit = InFlightGuard::begin(&gate.busy);
    let running = gate.running.read().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(running) = running else {
        let detail = "The shop is being started over, or is closing. Try again shortly, and read everything anew.";
        return ApiError::new(ErrorCode::ShopClosed, detail).into_response();
    };
    let Ok(response) = running.oneshot(request).await;
    response
}

/// A request that is being answered, or whose client has not gone away yet.
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
    use super::*;

    #[tokio::test]
    async fn a_door_lets_requests_in_while_it_is_open_and_waits_for_those_inside() {
        let gate = Arc::new(Gate::default());
        assert_eq!(gate.ask("GET", "/", None).await.body["code"], "shop_closed");
        let (go, gone) = watch::channel(false);
        let waits = move || {
            let mut gone = gone.clone();
            async move { gone.wait_for(|gone| *gone).await.map(|_| "done").unwrap_or("lost") }
        };
        gate.open(Router::new().route("/wait", axum::routing::get(waits)));
        assert_eq!(gate.ask("GET", "/elsewhere", None).await.status, 404);
        let request_task = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.ask("GET", "/wait", None).await.status }
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
