//! Serving HTTP/1.1 on a listener, within limits: a connection that sends no request is closed after a while, and earlier
//! when its place is needed; when every place is taken by a request, health is still answered and others are told so.
//!
//! Knows nothing of the shop: it hands requests to the router.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
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
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::stream::LingeringStream;
use crate::config::ConnectionLimits;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;

/// Open files that are left for the log, the views and connections to other systems.
const OTHER_FILES: usize = 96;
const FEWEST_CONNECTIONS: usize = 16;
const MOST_CONNECTIONS: usize = 10_000;
/// Connections beyond the limit whose requests are answered if they ask for health, and refused otherwise.
const HEALTH_CONNECTIONS: usize = 16;
/// Maximum size of the head of a request, and of what is made ready of an answer before a client takes it.
const BUFFER_BYTES: usize = 16 * 1024;
/// What the system is asked to hold of an answer that a client does not take; Linux doubles it.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// The system is not asked for a connection so soon after it refused one.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// A connection that is closed to make room may send what it has still to send for so long.
const EVICTION_TIMEOUT: Duration = Duration::from_secs(1);
/// What goes wrong with many connections is told so often at most.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoints {
    /// The address that the client connected to.
    pub(crate) local: SocketAddr,
    /// The client's own.
    pub(crate) peer: SocketAddr,
}

/// Serves until it is told to stop, and then until the requests that run are answered. `open_files` is how many files and
/// sockets the process may have open.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    open_files: usize,
    stop: CancellationToken,
) {
    let possible =
        open_files.saturating_sub(OTHER_FILES + HEALTH_CONNECTIONS).clamp(FEWEST_CONNECTIONS, MOST_CONNECTIONS);
    let limit = limits.max.unwrap_or(possible);
    if limit > possible {
        warn!(limit, open_files, "more connections are allowed than the limit of open files (ulimit -n) has room for");
    }
    let connections = Arc::new(Connections::new(limit));
    let mut builder = http1::Builder::new();
    // Runs from the moment a connection waits for a head, so it ends silent, slow and idle ones alike.
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head_timeout).max_buf_size(BUFFER_BYTES);
    let tasks = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &connections)).await {
        let Some((stream, endpoints, place)) = accepted else { continue };
        let (builder, router, stop) = (builder.clone(), router.clone(), stop.clone());
        let stream = LingeringStream::new(stream, limits.write_timeout);
        tasks.spawn(serve_connection(builder, stream, endpoints, place, router, stop));
    }
    drop(listener);
    connections.end_waiting();
    tasks.close();
    tasks.wait().await;
}

/// The next connection, once there is room for it; `None` when the system has none to give.
async fn accept(listener: &TcpListener, connections: &Arc<Connections>) -> Option<(TcpStream, Endpoints, Place)> {
    connections.room().await;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small and waited for.
            let _only_slower = stream.set_nodelay(true);
            let _only_larger = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES);
            let local = stream.local_addr().ok()?;
            Some((stream, Endpoints { local, peer }, connections.admit()))
        }
        Err(error) => {
            debug!(%error, "no connection");
            if is_about_the_system(&error) {
                connections.make_room(&error.to_string());
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
            None
        }
    }
}

/// Whether accepting failed for want of descriptors or memory, and not because a client went away.
fn is_about_the_system(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn serve_connection(
    builder: http1::Builder,
    (stream, linger): (LingeringStream, Arc<AtomicBool>),
    endpoints: Endpoints,
    place: Place,
    router: Router,
    stop: CancellationToken,
) {
    let (evicted, place) = (place.evicted.clone(), Arc::new(place));
    let service = service_fn(move |request| answer(request, router.clone(), endpoints, place.clone(), linger.clone()));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = evicted.cancelled() => end_soon(connection).await,
            }
        }
        () = evicted.cancelled() => end_soon(connection).await,
    };
    if let Err(error) = ended {
        debug!(%error, peer = %endpoints.peer, "a connection ended early");
    }
}

/// Ends a connection without a request; the end of its last answer may be on its way still.
async fn end_soon<S>(mut connection: Pin<&mut http1::Connection<TokioIo<LingeringStream>, S>>) -> hyper::Result<()>
where
    S: hyper::service::HttpService<Incoming, ResBody = Counted>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    connection.as_mut().graceful_shutdown();
    tokio::time::timeout(EVICTION_TIMEOUT, connection).await.unwrap_or(Ok(()))
}

async fn answer(
    request: Request<Incoming>,
    router: Router,
    endpoints: Endpoints,
    place: Arc<Place>,
    linger: Arc<AtomicBool>,
) -> Result<Response<Counted>, Infallible> {
    let busy = Busy::begin(&place);
    let body_read = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    let is_health = matches!(request.uri().path(), "/health/live" | "/health/ready" | "/metrics");
    let mut response = if place.for_health_only && !is_health {
        place.connections.note(|counts| counts.refused += 1);
        let detail = "The server has as many requests to answer as it can. Try again shortly.";
        ApiError::new(ErrorCode::TooManyConnections, detail).into_response()
    } else {
        let body_read = body_read.clone();
        let mut request = request.map(|body| Body::new(Watched { body, body_read }));
        request.extensions_mut().insert(endpoints);
        let Ok(response) = router.oneshot(request).await;
        response
    };
    // The rest of a body that nobody read would be taken for the next request, and closing at once would take the answer
    // away from a client that still sends.
    let unread = !body_read.load(Ordering::Relaxed);
    linger.store(unread, Ordering::Relaxed);
    if unread || place.for_health_only {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Counted { body, _busy: busy }))
}

/// The connections that are open, up to a limit.
#[derive(Debug)]
struct Connections {
    limit: usize,
    open: Mutex<Open>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Open {
    count: usize,
    /// Those without a request, by when they began to wait, with what ends each.
    waiting: BTreeMap<u64, CancellationToken>,
    next: u64,
    counts: Counts,
    last_warning: Option<Instant>,
}

/// What happened since the last warning.
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
    async fn room(&self) {
        loop {
            // First the notification, then the look.
            let ended = self.ended.notified();
            if self.open().count < self.limit + HEALTH_CONNECTIONS {
                return;
            }
            ended.await;
        }
    }

    /// Gives a connection its place. Where all are taken, the one that has waited longest without a request gives up its
    /// own; where all are busy, the new one may only ask for health.
    fn admit(self: &Arc<Self>) -> Place {
        let mut open = self.open();
        let full = open.count >= self.limit;
        let for_health_only = full && open.waiting.is_empty();
        if full {
            open.evict();
            open.warn(self.limit, "as many connections are open as may be");
        }
        open.count += 1;
        drop(open);
        let place = Place {
            connections: self.clone(),
            for_health_only,
            evicted: CancellationToken::new(),
            waits_as: Mutex::new(None),
        };
        place.wait();
        place
    }

    /// Ends the connection that has waited longest without a request, because the system refuses another one.
    fn make_room(&self, why: &str) {
        let mut open = self.open();
        open.evict();
        open.warn(self.limit, why);
    }

    /// Ends all without a request, also those that have sent the beginning of one.
    fn end_waiting(&self) {
        self.open().waiting.values().for_each(CancellationToken::cancel);
    }

    fn note(&self, count: impl FnOnce(&mut Counts)) {
        let mut open = self.open();
        count(&mut open.counts);
        open.warn(self.limit, "as many connections are open as may be");
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn evict(&mut self) {
        if let Some((_, longest)) = self.waiting.pop_first() {
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

/// The place of an open connection.
#[derive(Debug)]
struct Place {
    connections: Arc<Connections>,
    for_health_only: bool,
    /// Ends the connection.
    evicted: CancellationToken,
    /// Its number among those that wait for a request.
    waits_as: Mutex<Option<u64>>,
}

impl Place {
    /// No request is being answered any more.
    fn wait(&self) {
        let mut open = self.connections.open();
        let number = open.next;
        open.next += 1;
        open.waiting.insert(number, self.evicted.clone());
        *self.waits_as.lock().unwrap_or_else(PoisonError::into_inner) = Some(number);
    }

    fn wait_no_more(&self) {
        let number = self.waits_as.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(number) = number {
            self.connections.open().waiting.remove(&number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.wait_no_more();
        self.connections.open().count -= 1;
        self.connections.ended.notify_one();
    }
}

/// A request that is being answered: its connection is not closed to make room.
struct Busy(Arc<Place>);

impl Busy {
    fn begin(place: &Arc<Place>) -> Self {
        place.wait_no_more();
        Self(place.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.wait();
    }
}

/// The body of a request, which tells when it was read to its end.
struct Watched {
    body: Incoming,
    body_read: Arc<AtomicBool>,
}

impl hyper::body::Body for Watched {
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

/// The body of an answer: until it is sent, its connection is busy.
struct Counted {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for Counted {
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

    fn a_place(connections: &Arc<Connections>) -> Arc<Place> {
        Arc::new(connections.admit())
    }

    #[test]
    fn whoever_waited_longest_without_a_request_makes_room() {
        let connections = Arc::new(Connections::new(2));
        let (first, second) = (a_place(&connections), a_place(&connections));
        let busy = Busy::begin(&first);
        let third = a_place(&connections);
        assert!(!third.for_health_only);
        assert!(second.evicted.is_cancelled() && !first.evicted.is_cancelled() && !third.evicted.is_cancelled());
        drop((second, busy));
        assert_eq!(connections.open().count, 2);
        let fourth = a_place(&connections);
        assert!(third.evicted.is_cancelled() && !first.evicted.is_cancelled(), "the first has waited for less time");
        drop((first, third, fourth));
        let left = connections.open();
        assert_eq!((left.count, left.waiting.len()), (0, 0));
    }

    #[tokio::test]
    async fn when_all_are_busy_some_places_are_left_for_health_and_then_one_waits() {
        let connections = Arc::new(Connections::new(1));
        let busy = Busy::begin(&a_place(&connections));
        let mut crowd = Vec::new();
        for _ in 0..HEALTH_CONNECTIONS {
            connections.room().await;
            let place = a_place(&connections);
            assert!(place.for_health_only);
            crowd.push(Busy::begin(&place));
        }
        let mut room = pin!(connections.room());
        assert!(futures_util::poll!(room.as_mut()).is_pending());
        drop(crowd.pop());
        room.await;
        drop((crowd, busy));
        assert!(!a_place(&connections).for_health_only);
    }
}
