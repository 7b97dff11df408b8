//! Serves HTTP/1.1 on a listener within limits. A connection without a request is closed after a timeout, or earlier
//! when its slot is needed. When requests occupy all slots, extra connections can only read health and metrics; other
//! requests on them are refused.
//!
//! Knows nothing of the shop: it passes requests to the gate.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::lingering_stream::LingeringStream;
use crate::config::ConnectionLimits;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::gate::Gate;
use crate::http::interface::complete;
use crate::http::origin::Endpoints;
use crate::http::request_id::RequestId;

/// Open files reserved for the log, the views and connections to other systems.
const RESERVED_FILES: usize = 96;
const MIN_CONNECTIONS: usize = 16;
const MAX_CONNECTIONS: usize = 10_000;
/// Number of extra connections beyond the limit, for health and metrics only.
const HEALTH_CONNECTIONS: usize = 16;
/// Maximum size of the head of a request, and of what is made ready of an answer before a client takes it.
const BUFFER_BYTES: usize = 16 * 1024;
/// What the system is asked to hold of an answer that a client does not take; Linux doubles it.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// Pause after the system failed to accept a connection.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Maximum time for an evicted connection to finish sending its last response.
const EVICTION_TIMEOUT: Duration = Duration::from_secs(1);
/// Minimum interval between warnings about the connection limit.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Serves until `stop`, and then until the requests in flight are answered. `open_files` is the process's limit of open
/// files and sockets.
pub(crate) async fn serve(
    listener: TcpListener,
    gate: Arc<Gate>,
    limits: ConnectionLimits,
    open_files: usize,
    stop: CancellationToken,
) {
    let possible =
        open_files.saturating_sub(RESERVED_FILES + HEALTH_CONNECTIONS).clamp(MIN_CONNECTIONS, MAX_CONNECTIONS);
    let limit = limits.max.unwrap_or(possible);
    if limit > possible {
        warn!(limit, open_files, "more connections are allowed than the limit of open files (ulimit -n) has room for");
    }
    let connections = Arc::new(Connections::new(limit));
    let mut builder = http1::Builder::new();
    // The timeout runs from the moment a connection waits for a head, so it ends silent, slow and idle connections.
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head_timeout).max_buf_size(BUFFER_BYTES);
    let tasks = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &connections)).await {
        let Some((stream, endpoints, slot)) = accepted else { continue };
        let (builder, gate, stop) = (builder.clone(), gate.clone(), stop.clone());
        let stream = LingeringStream::new(stream, limits.write_timeout);
        tasks.spawn(serve_connection(builder, stream, endpoints, slot, gate, stop));
    }
    drop(listener);
    connections.close_idle();
    tasks.close();
    tasks.wait().await;
}

/// Waits for a free slot and accepts a connection; returns `None` when accepting fails.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Connections>,
) -> Option<(TcpStream, Endpoints, ConnectionSlot)> {
    connections.wait_for_room().await;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Responses are small, and clients wait for them.
            let _only_slower = stream.set_nodelay(true);
            let _only_larger = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES);
            let local = stream.local_addr().ok()?;
            Some((stream, Endpoints { local, peer }, connections.admit()))
        }
        Err(error) => {
            debug!(%error, "accepting a connection failed");
            if is_system_limit(&error) {
                connections.make_room(&error.to_string());
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
            None
        }
    }
}

/// Whether accepting failed for lack of descriptors or memory, and not because the client disconnected.
fn is_system_limit(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn serve_connection(
    builder: http1::Builder,
    (stream, linger): (LingeringStream, Arc<AtomicBool>),
    endpoints: Endpoints,
    slot: ConnectionSlot,
    gate: Arc<Gate>,
    stop: CancellationToken,
) {
    let (evicted, slot) = (slot.evicted.clone(), Arc::new(slot));
    let service =
        service_fn(move |request| handle_request(request, gate.clone(), endpoints, slot.clone(), linger.clone()));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = evicted.cancelled() => close_soon(connection).await,
            }
        }
        () = evicted.cancelled() => close_soon(connection).await,
    };
    if let Err(error) = ended {
        debug!(%error, peer = %endpoints.peer, "a connection failed");
    }
}

/// Closes a connection without a request, and lets it finish sending its last response.
async fn close_soon<S>(mut connection: Pin<&mut http1::Connection<TokioIo<LingeringStream>, S>>) -> hyper::Result<()>
where
    S: hyper::service::HttpService<Incoming, ResBody = ResponseBody>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    connection.as_mut().graceful_shutdown();
    tokio::time::timeout(EVICTION_TIMEOUT, connection).await.unwrap_or(Ok(()))
}

async fn handle_request(
    request: Request<Incoming>,
    gate: Arc<Gate>,
    endpoints: Endpoints,
    slot: Arc<ConnectionSlot>,
    linger: Arc<AtomicBool>,
) -> Result<Response<ResponseBody>, Infallible> {
    let busy = BusyGuard::begin(&slot);
    let body_read = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    let is_health = matches!(request.uri().path(), "/health/live" | "/health/ready" | "/metrics");
    let mut response = if slot.for_health_only && !is_health {
        slot.connections.update_counts(|counts| counts.refused += 1);
        let detail = "The server has as many requests to answer as it can. Try again shortly.";
        let refusal = ApiError::new(ErrorCode::TooManyConnections, detail).into_response();
        complete(&RequestId::of(request.headers()), refusal)
    } else {
        let body_read = body_read.clone();
        let mut request = request.map(|body| Body::new(RequestBody { body, body_read }));
        request.extensions_mut().insert(endpoints);
        gate.answer(request).await
    };
    // The unread rest of a body would be parsed as the next request, so the connection closes; closing at once would reset
    // it before a client that still sends has read the response.
    let unread = !body_read.load(Ordering::Relaxed);
    linger.store(unread, Ordering::Relaxed);
    if unread || slot.for_health_only {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| ResponseBody { body, _busy: busy }))
}

/// The open connections, up to a limit.
#[derive(Debug)]
struct Connections {
    limit: usize,
    open: Mutex<OpenConnections>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct OpenConnections {
    count: usize,
    /// Connections without a request, in the order in which they became idle, with the token that closes each.
    idle: BTreeMap<u64, CancellationToken>,
    next: u64,
    counts: Counts,
    last_warning: Option<Instant>,
}

/// Counts since the last warning.
#[derive(Debug, Default)]
struct Counts {
    evicted: u64,
    refused: u64,
}

impl Connections {
    fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::default(), ended: Notify::new() }
    }

    /// Waits until one more connection may be open.
    async fn wait_for_room(&self) {
        loop {
            // Register for the notification before checking.
            let ended = self.ended.notified();
            if self.open().count < self.limit + HEALTH_CONNECTIONS {
                return;
            }
            ended.await;
        }
    }

    /// Gives a new connection a slot. When all slots are taken, the connection that has been idle longest is evicted;
    /// when none is idle, the new connection can only read health and metrics.
    fn admit(self: &Arc<Self>) -> ConnectionSlot {
        let mut open = self.open();
        let full = open.count >= self.limit;
        let for_health_only = full && open.idle.is_empty();
        if full {
            open.evict();
            open.warn(self.limit, "as many connections are open as may be");
        }
        open.count += 1;
        drop(open);
        let slot = ConnectionSlot {
            connections: self.clone(),
            for_health_only,
            evicted: CancellationToken::new(),
            idle_number: Mutex::new(None),
        };
        slot.mark_idle();
        slot
    }

    /// Evicts the connection that has been idle longest, because the system refused another one.
    fn make_room(&self, why: &str) {
        let mut open = self.open();
        open.evict();
        open.warn(self.limit, why);
    }

    /// Closes all connections without a complete request head.
    fn close_idle(&self) {
        self.open().idle.values().for_each(CancellationToken::cancel);
    }

    fn update_counts(&self, update: impl FnOnce(&mut Counts)) {
        let mut open = self.open();
        update(&mut open.counts);
        open.warn(self.limit, "as many connections are open as may be");
    }

    fn open(&self) -> std::sync::MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnections {
    fn evict(&mut self) {
        if let Some((_, longest)) = self.idle.pop_first() {
            longest.cancel();
            self.counts.evicted += 1;
        }
    }

    fn warn(&mut self, limit: usize, why: &str) {
        if self.last_warning.is_some_and(|last| last.elapsed() < WARNING_INTERVAL) {
            return;
        }
        self.last_warning = Some(Instant::now());
        let Counts { evicted, refused } = std::mem::take(&mut self.counts);
        warn!(
            limit,
            open = self.count,
            closed_without_request = evicted,
            refused,
            "{why}; see --max-connections and the limit of open files (ulimit -n)"
        );
    }
}

/// The slot of an open connection; freed on drop.
#[derive(Debug)]
struct ConnectionSlot {
    connections: Arc<Connections>,
    for_health_only: bool,
    /// Cancelled to close the connection.
    evicted: CancellationToken,
    /// Key in `OpenConnections::idle` while the connection has no request.
    idle_number: Mutex<Option<u64>>,
}

impl ConnectionSlot {
    /// Registers the connection as idle: it may be evicted.
    fn mark_idle(&self) {
        let mut open = self.connections.open();
        let number = open.next;
        open.next += 1;
        open.idle.insert(number, self.evicted.clone());
        *self.idle_number.lock().unwrap_or_else(PoisonError::into_inner) = Some(number);
    }

    fn mark_busy(&self) {
        let number = self.idle_number.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(number) = number {
            self.connections.open().idle.remove(&number);
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.mark_busy();
        self.connections.open().count -= 1;
        self.connections.ended.notify_one();
    }
}

/// Marks a connection as busy, which protects it from eviction, until dropped.
struct BusyGuard(Arc<ConnectionSlot>);

impl BusyGuard {
    fn begin(slot: &Arc<ConnectionSlot>) -> Self {
        slot.mark_busy();
        Self(slot.clone())
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.mark_idle();
    }
}

/// The body of a request; sets `body_read` when it was read to its end.
struct RequestBody {
    body: Incoming,
    body_read: Arc<AtomicBool>,
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.body_read.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response; keeps its connection busy until it is sent.
struct ResponseBody {
    body: Body,
    _busy: BusyGuard,
}

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_slot(connections: &Arc<Connections>) -> Arc<ConnectionSlot> {
        Arc::new(connections.admit())
    }

    #[test]
    fn whoever_waited_longest_without_a_request_makes_room() {
        let connections = Arc::new(Connections::new(2));
        let (first, second) = (a_slot(&connections), a_slot(&connections));
        let busy = BusyGuard::begin(&first);
        let third = a_slot(&connections);
        assert!(!third.for_health_only);
        assert!(second.evicted.is_cancelled() && !first.evicted.is_cancelled() && !third.evicted.is_cancelled());
        drop((second, busy));
        assert_eq!(connections.open().count, 2);
        let fourth = a_slot(&connections);
        assert!(third.evicted.is_cancelled() && !first.evicted.is_cancelled(), "the first has waited for less time");
        drop((first, third, fourth));
        let left = connections.open();
        assert_eq!((left.count, left.idle.len()), (0, 0));
    }

    #[tokio::test]
    async fn when_all_are_busy_some_places_are_left_for_health_and_then_one_waits() {
        let connections = Arc::new(Connections::new(1));
        let busy = BusyGuard::begin(&a_slot(&connections));
        let mut crowd = Vec::new();
        for _ in 0..HEALTH_CONNECTIONS {
            connections.wait_for_room().await;
            let slot = a_slot(&connections);
            assert!(slot.for_health_only);
            crowd.push(BusyGuard::begin(&slot));
        }
        let mut room = pin!(connections.wait_for_room());
        assert!(futures_util::poll!(room.as_mut()).is_pending());
        drop(crowd.pop());
        room.await;
        drop((crowd, busy));
        assert!(!a_slot(&connections).for_health_only);
    }
}
