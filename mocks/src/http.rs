//! The HTTP listener that all stubs share: serving, faults that concern whole requests, and the fault routes.
//!
//! It knows nothing of products, cards or mail. The stubs bring their routers; this module puts them behind their
//! prefixes and can close a connection without answering, which an ordinary handler cannot.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State, connect_info::Connected},
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
    serve::{IncomingStream, Listener},
};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::faults::{FaultSwitch, Faults, Stub};

/// The largest request body that is read, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The longest that a long poll may be parked, in seconds.
pub(crate) const MAX_WAIT_S: u64 = 30;

/// Serves the router until the token is cancelled, then finishes the requests that are running.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    let app = router.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).into_make_service_with_connect_info::<Line>();
    axum::serve(CuttableListener(listener), app).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

/// Puts a stub's routes behind its fault switch. `broken` makes the answer of a request that is to fail.
pub(crate) fn with_faults(router: Router, switch: &FaultSwitch, broken: fn() -> Response) -> Router {
    let gate = Gate { switch: switch.clone(), broken };
    router.layer(middleware::from_fn_with_state(gate, pass_the_gate))
}

#[derive(Clone)]
struct Gate {
    switch: FaultSwitch,
    broken: fn() -> Response,
}

async fn pass_the_gate(
    State(gate): State<Gate>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
    next: Next,
) -> Response {
    let is_write = request.method() == Method::POST;
    let answer = async {
        let latency_ms = gate.switch.get().latency_ms;
        if latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        }
        if gate.switch.strikes() {
            return (gate.broken)();
        }
        let answer = next.run(request).await;
        if is_write {
            gate.switch.answers_may_go().await;
        }
        answer
    };
    tokio::select! {
        biased;
        () = gate.switch.outage() => line.cut(),
        response = answer => {
            if gate.switch.get().lose_answers && is_write { line.cut() } else { response }
        }
    }
}

/// `GET|PUT /faults/{stub}`: what is broken on purpose, and the switch for it.
pub(crate) fn fault_routes(switches: [FaultSwitch; 3]) -> Router {
    Router::new()
        .route("/faults/{stub}", get(show_faults).put(set_faults).fallback(no_such_method))
        .with_state(Arc::new(switches))
}

type Switches = State<Arc<[FaultSwitch; 3]>>;

async fn show_faults(State(switches): Switches, Path(stub): Path<String>) -> Response {
    match find_switch(&switches, &stub) {
        Ok(switch) => Json(switch.get()).into_response(),
        Err(detail) => problem(StatusCode::NOT_FOUND, "unknown_stub", &detail),
    }
}

async fn set_faults(State(switches): Switches, Path(stub): Path<String>, body: Bytes) -> Response {
    let switch = match find_switch(&switches, &stub) {
        Ok(switch) => switch,
        Err(detail) => return problem(StatusCode::NOT_FOUND, "unknown_stub", &detail),
    };
    let faults: Faults = match serde_json::from_slice(&body) {
        Ok(faults) => faults,
        Err(error) if error.is_data() => {
            let detail = format!("These are not faults: {error}.");
            return problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_faults", &detail);
        }
        Err(error) => {
            return problem(StatusCode::BAD_REQUEST, "bad_json", &format!("This is not JSON: {error}."));
        }
    };
    if let Err(detail) = faults.check(switch.stub()) {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_faults", &detail);
    }
    switch.set(faults);
    tracing::info!(stub = %switch.stub(), ?faults, "faults switched");
    Json(switch.get()).into_response()
}

fn find_switch<'a>(switches: &'a [FaultSwitch; 3], name: &str) -> Result<&'a FaultSwitch, String> {
    let stub: Stub = name.parse()?;
    switches.iter().find(|switch| switch.stub() == stub).ok_or_else(|| format!("There is no stub `{name}`."))
}

/// The error form of everything but the card gateway, which has its own: `{"error":"code","detail":"A sentence."}`.
pub(crate) fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    (status, Json(json!({ "error": code, "detail": detail }))).into_response()
}

/// 404 for a path that nobody serves.
pub(crate) async fn no_such_route(request: Request) -> Response {
    problem(StatusCode::NOT_FOUND, "unknown_route", &format!("There is nothing at {}.", request.uri().path()))
}

/// 405 for a method that a path does not have.
pub(crate) async fn no_such_method(request: Request) -> Response {
    let detail = format!("{} is not something that {} can do.", request.method(), request.uri().path());
    problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &detail)
}

/// The connection a request came in on, which can be cut.
#[derive(Clone, Default)]
pub(crate) struct Line(Arc<AtomicBool>);

impl Line {
    /// Cuts the connection: whatever the handler returns afterwards never reaches the client.
    fn cut(&self) -> Response {
        self.0.store(true, Ordering::Release);
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Line {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Line {
        stream.io().line.clone()
    }
}

/// A TCP listener whose connections can be cut from inside a handler.
struct CuttableListener(TcpListener);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        // Answers are small and awaited; without this each could wait for a delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY for this connection");
        }
        (CuttableStream { stream, line: Line::default() }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

struct CuttableStream {
    stream: TcpStream,
    line: Line,
}

impl CuttableStream {
    fn check(&self) -> io::Result<()> {
        if self.line.is_cut() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
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
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
