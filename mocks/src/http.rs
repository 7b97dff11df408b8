//! The HTTP listener that all stubs share: its connections and their limits. `faults` has the faults of whole requests.
//!
//! Knows nothing of products, cards or mail: the stubs bring their routers. Can close a connection without a response,
//! which an ordinary handler cannot.

pub(crate) mod faults;

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Json, Router,
    body::HttpBody as _,
    extract::{ConnectInfo, DefaultBodyLimit, Request, connect_info::Connected},
    http::{HeaderValue, StatusCode, header::CONNECTION},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    serve::{IncomingStream, Listener},
};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    fault_switches::lock,
    origin::{self, HostNames},
};

/// Maximum size of a request body in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// Maximum duration of a long poll, in seconds.
pub(crate) const MAX_WAIT_S: u64 = 30;

/// Limits of the listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Maximum number of open connections; others wait until one has ended.
    connections: usize,
    /// Timeout for the head of a request, from when the connection is idle.
    head_timeout: Duration,
}

pub(crate) const LIMITS: Limits = Limits { connections: 512, head_timeout: Duration::from_secs(30) };

/// Limits for reading the rest of an unwanted request before a connection is closed.
const LINGER_TIMEOUT: Duration = Duration::from_secs(3);
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// Serves the router until the token is cancelled, then finishes running requests.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    names: HostNames,
    shutdown: CancellationToken,
    limits: Limits,
) -> io::Result<()> {
    let app = router
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(names, origin::layer))
        .layer(middleware::from_fn(keep_open_for_response))
        .into_make_service_with_connect_info::<Connection>();
    let permits = Arc::new(Semaphore::new(limits.connections));
    let listener = CuttableListener { listener, permits, head_timeout: limits.head_timeout };
    axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

/// Keeps a connection open after an error response, because the client may still be sending its body and would lose the
/// response. Also suspends the head timeout while a request is handled.
async fn keep_open_for_response(
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let has_body = !request.body().is_end_stream();
    connection.set_idle_since(None);
    let mut response = next.run(request).await;
    connection.set_idle_since(Some(Instant::now()));
    if has_body && response.status().is_client_error() {
        connection.linger();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// An error of all stubs but the card gateway, which has its own form: `{"error":"code","detail":"A sentence."}`.
pub(crate) fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    (status, Json(json!({ "error": code, "detail": detail }))).into_response()
}

/// 404 for an unknown path.
pub(crate) async fn no_such_route(request: Request) -> Response {
    problem(StatusCode::NOT_FOUND, "unknown_route", &format!("There is nothing at {}.", request.uri().path()))
}

/// 405 for an unsupported method.
pub(crate) async fn no_such_method(request: Request) -> Response {
    let detail = format!("{} is not something that {} can do.", request.method(), request.uri().path());
    problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &detail)
}

/// The connection of a request, which can be cut.
#[derive(Clone)]
pub(crate) struct Connection(Arc<ConnectionState>);

struct ConnectionState {
    cut: AtomicBool,
    linger: AtomicBool,
    /// Start of waiting for the head of a request; `None` while a request is handled.
    idle_since: Mutex<Option<Instant>>,
    local: Option<SocketAddr>,
}

impl Connection {
    fn new(stream: &TcpStream) -> Connection {
        let local = stream.local_addr().ok();
        let idle_since = Mutex::new(Some(Instant::now()));
        Connection(Arc::new(ConnectionState {
            cut: AtomicBool::new(false),
            linger: AtomicBool::new(false),
            idle_since,
            local,
        }))
    }

    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.0.local
    }

    /// Cuts the connection: the handler's response never reaches the client.
    fn cut(&self) -> Response {
        self.0.cut.store(true, Ordering::Release);
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }

    fn is_cut(&self) -> bool {
        self.0.cut.load(Ordering::Acquire)
    }

    fn set_idle_since(&self, since: Option<Instant>) {
        *lock(&self.0.idle_since) = since;
    }

    /// Reads and drops the rest of the request before the connection is closed.
    fn linger(&self) {
        self.0.linger.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Connection {
        stream.io().connection.clone()
    }
}

/// A TCP listener whose connections a handler can cut.
struct CuttableListener {
    listener: TcpListener,
    permits: Arc<Semaphore>,
    head_timeout: Duration,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        // The semaphore is never closed.
        let permit = self.permits.clone().acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        // Responses are small; without this each could wait for a delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY for this connection");
        }
        let connection = Connection::new(&stream);
        let head_timeout = self.head_timeout;
        let head_until = Box::pin(tokio::time::sleep(head_timeout));
        let (linger_until, dropped_bytes) = (None, 0);
        (
            CuttableStream {
                stream,
                connection,
                head_timeout,
                head_until,
                linger_until,
                dropped_bytes,
                _permit: permit,
            },
            peer,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

struct CuttableStream {
    stream: TcpStream,
    connection: Connection,
    head_timeout: Duration,
    /// Timer of the head timeout.
    head_until: Pin<Box<Sleep>>,
    linger_until: Option<Pin<Box<Sleep>>>,
    dropped_bytes: usize,
    _permit: Option<OwnedSemaphorePermit>,
}

impl CuttableStream {
    fn check(&self) -> io::Result<()> {
        if self.connection.is_cut() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        let (timeout, since) = (self.head_timeout, *lock(&self.connection.0.idle_since));
        // Also runs while a request is handled: nothing would start it when the response is sent.
        while self.head_until.as_mut().poll(cx).is_ready() {
            let until = since.unwrap_or_else(Instant::now) + timeout;
            if until <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.head_until.as_mut().reset(until);
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger_until.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            if !self.connection.0.linger.load(Ordering::Acquire) {
                return Poll::Ready(Ok(()));
            }
        }
        let until = self.linger_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER_TIMEOUT)));
        if until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut dropped = [0; 16 * 1024];
        while self.dropped_bytes < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            self.dropped_bytes += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use axum::routing::get;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    /// Starts a server that responds after four times the head timeout.
    async fn stub(limits: Limits) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let respond_slowly = move || async move {
            tokio::time::sleep(4 * limits.head_timeout).await;
            "done"
        };
        let router = Router::new().route("/", get(respond_slowly));
        tokio::spawn(serve(listener, router, HostNames::default(), stop.clone(), limits));
        (address, stop)
    }

    async fn read_until_closed(mut stream: TcpStream) -> String {
        let mut read = Vec::new();
        // The connection may also end with a reset.
        let _end = stream.read_to_end(&mut read).await;
        String::from_utf8(read).unwrap()
    }

    #[tokio::test]
    async fn a_connection_without_a_request_is_closed_and_one_that_waits_for_its_answer_is_not() {
        let (address, _stop) = stub(Limits { connections: 8, head_timeout: Duration::from_millis(60) }).await;
        let silent = TcpStream::connect(address).await.unwrap();
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(&REQUEST[..20]).await.unwrap();
        let mut patient = TcpStream::connect(address).await.unwrap();
        patient.write_all(REQUEST).await.unwrap();
        assert_eq!((read_until_closed(silent).await, read_until_closed(slow).await), (String::new(), String::new()));
        let response = read_until_closed(patient).await;
        assert!(response.starts_with("HTTP/1.1 200 OK") && response.ends_with("done"), "{response}");
    }

    #[tokio::test]
    async fn beyond_the_limit_a_connection_waits_until_another_has_ended() {
        let (address, _stop) = stub(Limits { connections: 1, head_timeout: Duration::from_millis(60) }).await;
        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(REQUEST).await.unwrap();
        assert_eq!(read_until_closed(first).await, "", "it is closed because it sends nothing");
        assert!(read_until_closed(second).await.starts_with("HTTP/1.1 200 OK"), "and the second gets its turn");
    }
}
