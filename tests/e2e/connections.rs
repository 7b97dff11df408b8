//! Connections: every answer arrives, and idle connections do not block active ones.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use storefront_mocks::{Mocks, MocksConfig};
use storefront_server::ConnectionLimits;

use crate::programs::{ServerProcess, program, serve_arguments};
use crate::world::{WAIT_TIMEOUT, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_still_sends_a_body_that_is_too_large_gets_its_answer() {
    let world = World::open().await;
    let address = world.server.address();
    let long = vec![b' '; 1_000_000];
    for (address, line, status) in
        [(address, "POST /v1/customers", 413), (address, "POST /v1/nothing", 404), (address, "PATCH /v1/products", 405)]
    {
        let body = long.clone();
        let tried = tokio::task::spawn_blocking(move || {
            for attempt in 0..50 {
                let answer = send_then_read(address, line, &body);
                assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}, attempt {attempt}: {answer:?}");
                assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
            }
        });
        tried.await.unwrap();
    }
}

/// Sends a request as an ordinary client does: all of it, and then it reads.
fn send_then_read(address: SocketAddr, line: &str, body: &[u8]) -> String {
    let mut stream = connect(address);
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    for chunk in body.chunks(8 * 1024) {
        if let Err(error) = stream.write_all(chunk) {
            return format!("broken off: {error}");
        }
    }
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) => answer,
        Err(error) => format!("no answer: {error}"),
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, WAIT_TIMEOUT).unwrap();
    stream.set_read_timeout(Some(WAIT_TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(WAIT_TIMEOUT)).unwrap();
    stream
}

/// Reads until the server closes the connection.
async fn read_until_closed(mut stream: TcpStream) -> Vec<u8> {
    let read = tokio::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        // A reset is an end too.
        match stream.read_to_end(&mut rest) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("the connection stays open"),
            _ => rest,
        }
    });
    read.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_no_request_begins_is_closed_and_one_that_waits_for_its_answer_is_not() {
    let head_timeout = Duration::from_millis(100);
    let world = World::open_with(|config| config.connections.head_timeout = head_timeout).await;
    let address = world.server.address();
    let polls = reqwest::get(format!("{}/v1/events?after={}&wait=1", world.server.url(), world.head().await));
    let silent = connect(address);
    let mut slow = connect(address);
    slow.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").unwrap();
    let mut idle = connect(address);
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(read_until_closed(silent).await, b"");
    assert_eq!(read_until_closed(slow).await, b"");
    assert!(read_until_closed(idle).await.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(polls.await.unwrap().status(), StatusCode::OK, "a long poll is no idle connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_lock_out_neither_health_nor_a_shopper() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("shop.db").display());
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256; exec \"$@\"", "sh"]).arg(program("storefront-server"));
    let server = ServerProcess::spawn({
        command.args(serve_arguments("127.0.0.1:0", &mocks, &store));
        command
    });
    let address: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
    let silent: Vec<TcpStream> = (0..221).map(|_| connect(address)).collect();
    for path in ["/health/live", "/health/ready", "/v1/events"] {
        // Each on a connection of its own, as somebody who comes new.
        let client = reqwest::Client::builder().timeout(WAIT_TIMEOUT).build().unwrap();
        eventually(&format!("{path} is answered"), || async {
            let answer = client.get(format!("{}{path}", server.url)).send().await.ok()?;
            (answer.status() == StatusCode::OK).then_some(())
        })
        .await;
    }
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_every_connection_is_busy_health_is_answered_and_others_are_asked_to_retry() {
    let limits = ConnectionLimits { max: Some(8), ..ConnectionLimits::default() };
    let world = World::open_with(|config| config.connections = limits).await;
    world.wait_until_idle().await;
    let events = format!("{}/v1/events?after={}&wait=30", world.server.url(), world.head().await);
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let mut polls = tokio::task::JoinSet::<()>::new();
    for _ in 0..8 {
        // One whose connection was closed to make room, before its request was there, asks again.
        let poll = http.get(&events);
        polls.spawn(async move {
            loop {
                let _ended = poll.try_clone().expect("it has no body").send().await;
            }
        });
    }
    let url = world.server.url();
    let refused = eventually("all places are taken", || async {
        let answer = http.get(format!("{url}/v1/products")).send().await.ok()?;
        (answer.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
    })
    .await;
    assert!(refused.headers().contains_key("retry-after"));
    for header in ["x-request-id", "x-content-type-options", "cache-control"] {
        assert!(refused.headers().contains_key(header), "{header}");
    }
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "too_many_connections");
    for path in ["/health/live", "/health/ready", "/metrics"] {
        assert_eq!(http.get(format!("{url}{path}")).send().await.unwrap().status(), StatusCode::OK, "{path}");
    }
    polls.abort_all();
    while polls.join_next().await.is_some() {}
    eventually("there is room again", || async {
        let answer = http.get(format!("{url}/v1/products")).send().await.ok()?;
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
}
