//! What a server keeps in memory for each request that waits and each reader that does not read.

use std::fs;
use std::time::Duration;

use storefront_api::AddItem;
use storefront_client::{Client, IdempotencyKey};
use storefront_mocks::{Mocks, MocksConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::crash::a_product_with_plenty;
use crate::programs::ServerProcess;
use crate::world::{SOON, an_order, eventually};

/// How many wait at once.
const WAITING: u64 = 400;
/// Maximum of memory for each request that waits.
const MAX_POLL_BYTES: u64 = 16 * 1024;
/// Maximum of memory for each reader of the event stream.
const MAX_READER_BYTES: u64 = 64 * 1024;
/// What the server needs beside, such as to answer all at once.
const SLACK_BYTES: u64 = 10 * 1024 * 1024;

/// A figure of a process's memory, in bytes.
fn memory(server: &ServerProcess, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid().as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_matches([':', '\t', ' ', 'k', 'B']).parse::<u64>().unwrap() * 1024
}

/// The most of memory that the process takes is counted from now on.
fn begin_to_count(server: &ServerProcess) -> u64 {
    fs::write(format!("/proc/{}/clear_refs", server.pid().as_raw_nonzero()), "5").unwrap();
    memory(server, "VmRSS")
}

/// So many send a request, each on a connection of its own, and wait for the beginning of the answer.
async fn ask(address: &str, request: &str, count: u64) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    for stream in &mut streams {
        let mut first = [0; 9];
        tokio::time::timeout(SOON, stream.read_exact(&mut first)).await.expect("it is answered").unwrap();
        assert_eq!(&first, b"HTTP/1.1 ");
    }
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_takes_less_than_16_kb_and_a_reader_that_does_not_read_less_than_64_kb() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(&mocks, &folder.path().join("shop.db"));
    let client = Client::new(&server.url).unwrap();
    let product = a_product_with_plenty(&client).await.id;
    let add = AddItem { product_id: product, quantity: 1 };
    let order = client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap().value;
    eventually("the server has come to rest", || async {
        let idle = |process: &storefront_api::Process| process.lag == 0 && process.unfinished == 0;
        client.processes().await.unwrap().items.iter().all(idle).then_some(())
    })
    .await;
    let head = client.readiness().await.unwrap().head;
    let address = server.url.trim_start_matches("http://").to_owned();
    let get = |path: String, header: String| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n");
    let known = format!("If-None-Match: \"{}\"\r\n", order.version);
    let polls = [
        ("events", get(format!("/v1/events?after={head}&wait=3"), String::new())),
        ("an order", get(format!("/v1/orders/{}?wait=3", order.id), known)),
        ("a timeline", get(format!("/v1/orders/{}/timeline?after={head}&wait=3", order.id), String::new())),
    ];
    for (what, request) in polls {
        let before = begin_to_count(&server);
        // Each has waited when it is answered, and the most of memory is remembered.
        let streams = ask(&address, &request, WAITING).await;
        let each = memory(&server, "VmHWM").saturating_sub(before + SLACK_BYTES) / WAITING;
        println!("{what}: {} bytes each", memory(&server, "VmHWM").saturating_sub(before) / WAITING);
        assert!(each <= MAX_POLL_BYTES, "{what}: {each} bytes each");
        drop(streams);
    }
    let before = begin_to_count(&server);
    let follow = get("/v1/events?after=0".to_owned(), "Accept: text/event-stream\r\n".to_owned());
    let readers = ask(&address, &follow, WAITING / 4).await;
    // The server sends what it can of the log, and keeps the rest back.
    tokio::time::timeout(Duration::from_secs(30), client.readiness()).await.unwrap().unwrap();
    let grown = memory(&server, "VmHWM").saturating_sub(before);
    println!("a reader: {} bytes each", grown / (WAITING / 4));
    let each = grown.saturating_sub(SLACK_BYTES) / (WAITING / 4);
    assert!(each <= MAX_READER_BYTES, "a reader: {each} bytes each");
    drop(readers);
}
