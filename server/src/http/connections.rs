//! Serves HTTP/1.1 on a listener within limits, encrypted where it has a certificate. A connection without a request is closed after a timeout, or earlier
//! when its slot is needed. When requests occupy all slots, extra connections can only read health and metrics; other
//! requests on them are refused.
//!
//! Knows nothing of the shop: it passes requests to the gate.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::connection_slots::{BusyGuard, ConnectionSlot, Connections, HEALTH_CONNECTIONS};
use super::lingering_stream::LingeringStream;
use super::tls::Tls;
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
/// Maximum size of the head of a request, and of what is made ready of an answer before a client takes it.
const BUFFER_BYTES: usize = 16 * 1024;
/// What the system is asked to hold of an answer that a client does not take; Linux doubles it.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// Pause after the system failed to accept a connection.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Maximum time for an evicted connection to finish sending its last response.
const EVICTION_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum time of a TLS handshake; less where the time for the head of a request is less.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What all connections of a listener share.
struct Listening {
    builder: http1::Builder,
    gate: Arc<Gate>,
    tls: Option<Arc<Tls>>,
    limits: ConnectionLimits,
    stop: CancellationToken,
}

/// Serves until `stop`, and then until the requests in flight are answered. `open_files` is the process's limit of open
/// files and sockets.
pub(crate) async fn serve(
    listener: TcpListener,
    gate: Arc<Gate>,
    tls: Option<Arc<Tls>>,
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
    let listening = Arc::new(Listening { builder, gate, tls, limits, stop });
    let tasks = TaskTracker::new();
    while let Some(accepted) = listening.stop.run_until_cancelled(accept(&listener, &connections)).await {
        let Some((stream, endpoints, slot)) = accepted else { continue };
        tasks.spawn(begin_connection(listening.clone(), stream, endpoints, slot));
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
            Some((stream, Endpoints { local, peer, is_encrypted: false }, connections.admit()))
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

/// Does the handshake, where the listener is encrypted, and serves the connection.
async fn begin_connection(listening: Arc<Listening>, stream: TcpStream, endpoints: Endpoints, slot: ConnectionSlot) {
    let (stream, linger) = LingeringStream::new(stream, listening.limits.write_timeout);
    let Some(tls) = listening.tls.clone() else {
        // Boxed, so that a connection without encryption takes no room for one with it.
        return Box::pin(serve_connection(&listening, stream, linger, endpoints, slot)).await;
    };
    slot.mark_handshake();
    let limit = HANDSHAKE_TIMEOUT.min(listening.limits.head_timeout);
    let handshake = Box::pin(async {
        tokio::select! {
            accepted = tokio::time::timeout(limit, tls.accept(stream, &linger)) => Some(accepted),
            () = slot.evicted.cancelled() => None,
        }
    });
    match handshake.await {
        Some(Ok(Ok(stream))) => {
            slot.mark_idle();
            let endpoints = Endpoints { is_encrypted: true, ..endpoints };
            Box::pin(serve_connection(&listening, stream, linger, endpoints, slot)).await;
        }
        Some(Ok(Err(failure))) => tls.report_failure(endpoints.peer, &failure),
        Some(Err(elapsed)) => tls.report_failure(endpoints.peer, &elapsed),
        None => {}
    }
}

async fn serve_connection(
    listening: &Listening,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    linger: Arc<AtomicBool>,
    endpoints: Endpoints,
    slot: ConnectionSlot,
) {
    let (gate, stop) = (listening.gate.clone(), &listening.stop);
    let (evicted, slot) = (slot.evicted.clone(), Arc::new(slot));
    let service =
        service_fn(move |request| handle_request(request, gate.clone(), endpoints, slot.clone(), linger.clone()));
    let mut connection = pin!(listening.builder.serve_connection(TokioIo::new(stream), service));
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
async fn close_soon<I, S>(mut connection: Pin<&mut http1::Connection<TokioIo<I>, S>>) -> hyper::Result<()>
where
    I: AsyncRead + AsyncWrite + Unpin,
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
        slot.count_refused();
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
