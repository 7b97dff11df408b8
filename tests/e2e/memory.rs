//! What a server keeps in memory for each request that waits, and for each reader that does not read until it is cut off.
//!
//! The figure is a slope. One server sees a few of them, which pays for what is needed once, then more, then many; its memory
//! with many less that with fewer, divided by how many more there were, is what each takes. Memory that the allocator keeps
//! from one round is used in the next, so it is on both sides. Each kind has a server of its own.

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use storefront_api::AddItem;
use storefront_client::{Client, IdempotencyKey};
use storefront_mocks::{Mocks, MocksConfig, ProductPatch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::crash::product_in_stock;
use crate::programs::ServerProcess;
use crate::world::{WAIT_TIMEOUT, an_order, eventually};

/// How many requests wait at once, in turn; and how many readers do not read.
const POLL_COUNTS: [u64; 3] = [20, 200, 2000];
const READER_COUNTS: [u64; 3] = [5, 20, 80];
/// Maximum memory of a request that waits, its connection included, of which hyper keeps two buffers of 8 KiB. It is the same
/// in a build without optimization.
const MAX_POLL_BYTES: u64 = 32 * 1024;
/// Maximum memory of a reader that does not read. Without optimization it may take twice as much.
const MAX_READER_BYTES: u64 = if cfg!(debug_assertions) { 128 } else { 64 } * 1024;
/// More than the buffers of a connection hold on both sides.
const BACKLOG_EVENTS: u64 = 400;

/// A server at rest, and an order in it.
struct Fixture {
    server: ServerProcess,
    client: Client,
    order: storefront_api::Order,
    mocks: Mocks,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn open() -> Self {
        let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("shop.db").display());
        let server = ServerProcess::start_with(&mocks, &store, &["--write-timeout-s", "1"]);
        let client = Client::new(&server.url).unwrap();
        let product = product_in_stock(&client).await.id;
        let add = AddItem { product_id: product, quantity: 1 };
        let order = client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap().value;
        let fixture = Self { server, client, order, mocks, _folder: folder };
        fixture.wait_until_idle().await;
        fixture
    }

    async fn wait_until_idle(&self) {
        eventually("the server has come to rest", || async {
            let idle = |process: &storefront_api::Process| process.lag == 0 && process.unfinished == 0;
            let views = self.client.views().await.ok()?;
            let processes = self.client.processes().await.ok()?;
            (processes.items.iter().all(idle) && views.items.iter().all(|view| view.lag == 0)).then_some(())
        })
        .await;
    }

    /// A figure of the server's memory, in bytes.
    fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(self.file("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim_matches([':', '\t', ' ', 'k', 'B']).parse::<u64>().unwrap() * 1024
    }

    /// The server's memory once it was the same ten times in a row, in bytes.
    async fn memory_at_rest(&self) -> u64 {
        let (mut last, mut times) = (0, 0);
        eventually("the server's memory has come to rest", || {
            let bytes = self.memory("VmRSS");
            times = if bytes == last { times + 1 } else { 1 };
            last = bytes;
            std::future::ready((times == 10).then_some(bytes))
        })
        .await
    }

    /// The most memory that the server takes is counted from now on.
    fn reset_peak(&self) {
        fs::write(self.file("clear_refs"), "5").unwrap();
    }

    /// How many files and sockets the server has open.
    fn open_files(&self) -> usize {
        fs::read_dir(self.file("fd")).unwrap().count()
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.server.pid().as_raw_nonzero())
    }

    /// Sends a request so many times, each on a connection of its own.
    async fn send(&self, path: &str, header: &str, count: u64) -> Vec<TcpStream> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n");
        let mut streams = Vec::new();
        for _ in 0..count {
            let mut stream = TcpStream::connect(self.server.url.trim_start_matches("http://")).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            streams.push(stream);
        }
        streams
    }

    /// The connections of a round are closed on the server's side too.
    async fn wait_for_closed_connections(&self, open_before: usize) {
        eventually("the server has closed its connections", || async {
            (self.open_files() <= open_before).then_some(())
        })
        .await;
    }
}

/// Lets this process have so many files and sockets open, where it may have fewer.
fn allow_open_files(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(count), ..limit }).unwrap();
    }
}

/// Waits for the beginning of the answer to each.
async fn wait_for_responses(streams: &mut [TcpStream]) {
    for stream in streams {
        let mut first = [0; 9];
        tokio::time::timeout(WAIT_TIMEOUT, stream.read_exact(&mut first)).await.expect("it is answered").unwrap();
        assert_eq!(&first, b"HTTP/1.1 ");
    }
}

/// What each takes, of which the server had so many at once in turn.
fn assert_each_below(what: &str, counts: [u64; 3], bytes: [u64; 3], max: u64) {
    let each = bytes[2].saturating_sub(bytes[1]) / (counts[2] - counts[1]);
    eprintln!("{what}: {each} bytes each");
    assert!(each <= max, "{what}: {each} bytes each; with {counts:?} the server takes {bytes:?} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_takes_less_than_32_kb() {
    allow_open_files(2 * POLL_COUNTS[2]);
    for what in ["events", "an order", "a timeline"] {
        let fixture = Fixture::open().await;
        let (order, version) = (fixture.order.id, fixture.order.version);
        let head = fixture.client.readiness().await.unwrap().head;
        let (path, header) = match what {
            "events" => (format!("/v1/events?after={head}&wait=30"), String::new()),
            "an order" => (format!("/v1/orders/{order}?wait=30"), format!("If-None-Match: \"{version}\"\r\n")),
            _ => (format!("/v1/orders/{order}/timeline?after={head}&wait=30"), String::new()),
        };
        let open_before = fixture.open_files();
        let mut bytes = [0; 3];
        for (count, bytes) in POLL_COUNTS.into_iter().zip(&mut bytes) {
            let streams = fixture.send(&path, &header, count).await;
            eventually("the server has all connections", || async {
                (fixture.open_files() >= open_before + streams.len()).then_some(())
            })
            .await;
            *bytes = fixture.memory_at_rest().await;
            for stream in &streams {
                let first = stream.try_read(&mut [0]).unwrap_err();
                assert_eq!(first.kind(), io::ErrorKind::WouldBlock, "all wait at the same time");
            }
            drop(streams);
            fixture.wait_for_closed_connections(open_before).await;
        }
        assert_each_below(what, POLL_COUNTS, bytes, MAX_POLL_BYTES);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_takes_less_than_64_kb_and_is_cut_off() {
    let fixture = Fixture::open().await;
    // As long as a description may be, and longer in bytes than in characters.
    let text = "étagère ".repeat(240);
    let before = fixture.client.readiness().await.unwrap().head;
    let ids: Vec<String> = fixture.mocks.products().list().into_iter().map(|product| product.id).collect();
    for (turn, id) in (0..BACKLOG_EVENTS).zip(ids.iter().cycle()) {
        let patch = ProductPatch { description: Some(format!("{turn} {text}")), ..ProductPatch::default() };
        fixture.mocks.products().change(id, patch).unwrap();
    }
    eventually("the log has grown", || async {
        (fixture.client.readiness().await.ok()?.head >= before + BACKLOG_EVENTS).then_some(())
    })
    .await;
    fixture.wait_until_idle().await;
    let open_before = fixture.open_files();
    let mut peaks = [0; 3];
    for (count, peak) in READER_COUNTS.into_iter().zip(&mut peaks) {
        fixture.reset_peak();
        let mut readers = fixture.send("/v1/events?after=0", "Accept: text/event-stream\r\n", count).await;
        wait_for_responses(&mut readers).await;
        fixture.wait_for_closed_connections(open_before).await;
        *peak = fixture.memory("VmHWM");
        for mut reader in readers {
            let mut rest = Vec::new();
            // What was on its way comes, and then an end or a reset.
            let _cut_off = tokio::time::timeout(WAIT_TIMEOUT, reader.read_to_end(&mut rest)).await.expect("it ends");
            let last = format!("{} {text}", BACKLOG_EVENTS - 1);
            assert!(!String::from_utf8_lossy(&rest).contains(&last), "the backlog is longer than the buffers");
        }
    }
    assert_each_below("a reader", READER_COUNTS, peaks, MAX_READER_BYTES);
}
