//! Failures of the disk or the database of the log: the server reports them, writes nothing in part, and continues when
//! it can.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use reqwest::Response;
use rusqlite::Connection;
#[cfg(target_os = "linux")]
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use storefront_api::{OrderId, OrderStatus};
use storefront_client::Client;
use storefront_mocks::{Faults, Mocks, MocksConfig, Stub};
use storefront_server::{Secret, StoreChoice};
use tempfile::TempDir;

use crate::crash::{a_checkout, product_in_stock, wait_for_event};
use crate::database_link::{DatabaseLink, LinkState};
use crate::postgres_server;
use crate::programs::{ServerProcess, program, run, serve_arguments};
use crate::world::{World, an_order, eventually};

/// A shop whose log is about to fail, with an order whose payment is being taken.
struct Shop<'a> {
    url: String,
    client: Client,
    mocks: &'a Mocks,
    order: OrderId,
    /// What is put into a basket while the log fails.
    product: String,
    basket: OrderId,
}

impl<'a> Shop<'a> {
    async fn open_in_checkout(url: &str, mocks: &'a Mocks) -> Self {
        let client = Client::new(url).unwrap();
        let product = product_in_stock(&client).await;
        mocks.faults(Stub::Cards).set(Faults { latency_ms: 400, ..Faults::default() });
        let order = a_checkout(&client, &product).await;
        wait_for_event(&client, order, "payment.requested").await;
        Self { url: url.to_owned(), client, mocks, order, product: product.id.to_string(), basket: an_order() }
    }

    /// A command that is sent again and again under the same key.
    async fn add(&self) -> Response {
        let add = reqwest::Client::new().post(format!("{}/v1/orders/{}/items", self.url, self.basket));
        let body = json!({"product_id": self.product, "quantity": 1});
        add.header("idempotency-key", "once").json(&body).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        reqwest::get(format!("{}{path}", self.url)).await.unwrap()
    }

    /// Waits until the shop says that it is not ready, and why.
    async fn wait_for_unready(&self, reason: &str) {
        eventually(&format!("the shop is not ready: {reason}"), || async {
            let answer = self.get("/health/ready").await;
            let (status, readiness) = (answer.status(), answer.json::<Value>().await.unwrap());
            let message = readiness["reasons"].as_array().unwrap().iter().any(|message| message == reason);
            (status == 503 && readiness["ready"] == false && message).then_some(())
        })
        .await;
        assert_eq!(self.get("/health/live").await.status(), 200);
    }

    /// The log works again: what was asked for happens once, and what was begun is finished.
    async fn assert_recovered(&self) {
        eventually("the shop is ready again", || async {
            (self.get("/health/ready").await.status() == 200).then_some(())
        })
        .await;
        for replayed in [false, true] {
            let answer = self.add().await;
            assert!(answer.status().is_success(), "{}", answer.status());
            assert_eq!(answer.headers().contains_key("idempotency-replayed"), replayed);
        }
        assert_eq!(self.client.order(self.basket).await.unwrap().unwrap().items[0].quantity, 1);
        eventually("the order is confirmed", || async {
            let order = self.client.order(self.order).await.unwrap().unwrap();
            (order.status == OrderStatus::Confirmed).then_some(())
        })
        .await;
        let charges = self.mocks.card_gateway().paid_charges_with("order_id", &self.order.to_string());
        assert_eq!(charges.len(), 1, "{charges:?}");
    }
}

/// An answer that says that the log fails, when to ask again, and nothing that concerns nobody.
async fn assert_log_unavailable(answer: Response, trouble: &str) {
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "log_unavailable");
    assert_eq!(
        problem["detail"],
        format!(
            "The event log cannot be used: {trouble}. Try again shortly; a command under its Idempotency-Key takes effect \
             once."
        )
    );
}

const STORE_FAILURE_REASON: &str = "its disk or database does not do its work";

// Only Linux changes the limits of a process that runs.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_more_stops_writing_alone_and_the_shop_goes_on_when_there_is_room() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("shop.db");
    let server = ServerProcess::spawn(with_file_limit("unlimited", &mocks, &store));
    let shop = Shop::open_in_checkout(&server.url, &mocks).await;
    let written = std::fs::metadata(folder.path().join("shop.db-wal")).unwrap().len();
    let limit = |bytes| {
        prlimit(Some(server.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    };

    limit(Some(written));
    assert_log_unavailable(shop.add().await, STORE_FAILURE_REASON).await;
    let before = last_position(&shop).await;
    for _ in 0..3 {
        assert_log_unavailable(shop.add().await, STORE_FAILURE_REASON).await;
    }
    shop.wait_for_unready(&format!("The event log cannot be written: {STORE_FAILURE_REASON}.")).await;
    // The gateway keeps an intent by now. Its name could not be written down, so it is not confirmed.
    eventually("the gateway keeps the intent", || async { (!mocks.card_gateway().intents().is_empty()).then_some(()) })
        .await;
    let order = shop.order.to_string();
    assert!(
        mocks.card_gateway().paid_charges_with("order_id", &order).is_empty(),
        "nothing that is not recorded is charged"
    );
    assert_eq!(shop.get(&format!("/v1/orders/{}", shop.order)).await.status(), 200, "what is there can be read");
    assert_eq!(shop.get(&format!("/v1/orders/{}", shop.basket)).await.status(), 404, "nothing is half there");
    assert_eq!(last_position(&shop).await, before);
    assert_eq!(shop.client.readiness().await.unwrap().head, before);
    let checked = run("storefront-server", ["check", "--store", &format!("sqlite:{}", store.display())]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));

    limit(None);
    shop.assert_recovered().await;
}

#[cfg(target_os = "linux")]
async fn last_position(shop: &Shop<'_>) -> u64 {
    let page: Value = shop.get("/v1/events?after=0&limit=1").await.json().await.unwrap();
    page["head"].as_u64().unwrap()
}

/// A server whose files may grow so far (in blocks of the shell's), which is told and not killed when they would.
fn with_file_limit(blocks: &str, mocks: &Mocks, store: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" \"$@\"")]);
    command.arg(program("storefront-server"));
    command.args(serve_arguments("127.0.0.1:0", mocks, &format!("sqlite:{}", store.display())));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_at_the_start_is_reported_in_a_line_and_leaves_nothing_in_the_way() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("shop.db");
    let output = with_file_limit("4", &mocks, &store).stdin(Stdio::null()).output().unwrap();
    let message = refusal(&output);
    assert!(message.contains("shop.db cannot be made ready: disk I/O error"), "{message}");
    let server = ServerProcess::start(&mocks, &store);
    assert!(product_in_stock(&Client::new(&server.url).unwrap()).await.available >= 20);
}

/// What a server that did not start said: one line, and exit code 1.
#[track_caller]
fn refusal(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    said
}

fn serve(store: &str) -> Output {
    run("storefront-server", ["serve", "--listen", "127.0.0.1:0", "--store", store])
}

/// A log of the recorded history in a folder.
fn a_log() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let history = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/recorded/first_shapes.jsonl");
    let imported = run("storefront-server", ["import", history, "--store", &format!("sqlite:{}", path.display())]);
    assert!(imported.status.success());
    (folder, path)
}

#[test]
fn a_file_that_is_no_log_of_this_program_is_refused_in_a_line() {
    let (folder, path) = a_log();
    let message = |path: &Path| refusal(&serve(&format!("sqlite:{}", path.display())));
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 4711").unwrap();
    let newer = message(&path);
    assert!(newer.contains("was written by a newer version of this program (schema 4711; this one knows"), "{newer}");

    let foreign = folder.path().join("songs.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    assert!(message(&foreign).contains("songs.db is a database of another program"));

    let letter = folder.path().join("letter.txt");
    std::fs::write(&letter, "Dear shop, the socks do not fit me. ".repeat(100)).unwrap();
    assert!(message(&letter).contains("letter.txt is not an event log but some other file"));

    let message = refusal(&serve("postgres://shop:secret@127.0.0.1:1/shop"));
    assert!(message.contains("error connecting to server") && !message.contains("secret"), "{message}");
}

#[test]
fn a_file_that_may_not_be_written_is_refused_in_a_line() {
    let (folder, path) = a_log();
    let copy = folder.path().join("storefront-server");
    std::fs::copy(program("storefront-server"), &copy).unwrap();
    let store = format!("sqlite:{}", path.display());
    let as_nobody = |arguments: &[&str]| {
        let mut command = Command::new(&copy);
        command.args(arguments).stdin(Stdio::null());
        // Whoever is root may write everything.
        if rustix::process::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        command.output().unwrap()
    };
    let allow = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--store", &store];

    allow(&path, 0o444);
    allow(&folder.path().join("shop.db-lock"), 0o666);
    allow(folder.path(), 0o777);
    let message = refusal(&as_nobody(&serve));
    assert!(message.contains("shop.db is read-only"), "{message}");
    let checked = as_nobody(&["check", "--store", &store]);
    assert_eq!(checked.status.code(), Some(0), "it may be read: {}", String::from_utf8_lossy(&checked.stderr));

    allow(folder.path(), 0o555);
    allow(&folder.path().join("shop.db-lock"), 0o444);
    let message = refusal(&as_nobody(&serve));
    assert!(message.contains("shop.db cannot be written: Permission denied"), "{message}");
    let elsewhere = format!("sqlite:{}", folder.path().join("new/shop.db").display());
    let message = refusal(&as_nobody(&["serve", "--listen", "127.0.0.1:0", "--store", &elsewhere]));
    assert!(message.contains("shop.db cannot be created: Permission denied"), "{message}");
    allow(folder.path(), 0o755);
}

/// Which events stand on a page.
enum Page {
    First,
    Last,
}

/// Writes rubbish over a page of events, as a dying disk does. Where it is tells the page above it ("B-tree Pages" in SQLite's
/// description of its file format).
fn damage(path: &Path, which: Page) {
    const PAGE: usize = 4096;
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'events'";
    let root: u32 = Connection::open(path).unwrap().query_row(root, [], |row| row.get(0)).unwrap();
    let root = root as usize;
    let mut bytes = std::fs::read(path).unwrap();
    let above = &bytes[(root - 1) * PAGE..root * PAGE];
    assert_eq!(above[0], 5, "the events stand on several pages");
    let pointer = match which {
        Page::First => usize::from(u16::from_be_bytes([above[12], above[13]])),
        Page::Last => 8,
    };
    let page = u32::from_be_bytes(above[pointer..pointer + 4].try_into().unwrap()) as usize;
    bytes[(page - 1) * PAGE..page * PAGE].fill(0xAA);
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_reported_wherever_it_is_met_and_found_by_the_check() {
    let (_folder, path) = a_log();
    damage(&path, Page::First);
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let server = ServerProcess::start(&mocks, &path);
    let ready = eventually("the shop is not ready", || async {
        let answer = reqwest::get(format!("{}/health/ready", server.url)).await.unwrap();
        let damaged = answer.status() == 503;
        let readiness: Value = answer.json().await.unwrap();
        (damaged && readiness["reasons"][0].as_str().unwrap().contains("damaged")).then_some(readiness)
    })
    .await;
    let reason = ready["reasons"][0].as_str().unwrap();
    assert!(reason.contains("storefront-server check") && reason.contains("restore a backup"), "{reason}");
    let events = reqwest::get(format!("{}/v1/events", server.url)).await.unwrap();
    assert_log_unavailable(events, "it is damaged on disk").await;
    drop(server);

    let output = run("storefront-server", ["check", "--store", &format!("sqlite:{}", path.display())]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.starts_with("the file is damaged:\n- ") || printed.starts_with("the file cannot be read"),
        "{printed}"
    );
    assert!(printed.contains("the events cannot be read to their end"), "{printed}");

    // The end of the log, which is read at the start.
    let (_folder, path) = a_log();
    damage(&path, Page::Last);
    let message = refusal(&serve(&format!("sqlite:{}", path.display())));
    assert!(message.contains("shop.db is damaged: database disk image is malformed"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_program_is_an_error_for_those_who_ask_for_it_and_for_nobody_else() {
    let (_folder, path) = a_log();
    let tampering =
        "DROP TRIGGER events_are_never_changed; UPDATE events SET schema_version = 7 WHERE type = 'order.shipped'";
    Connection::open(&path).unwrap().execute_batch(tampering).unwrap();
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let server = ServerProcess::start(&mocks, &path);
    let orders: Vec<Value> = serde_json::from_str(include_str!("recorded/first_shapes.orders.json")).unwrap();
    for order in orders {
        let answer = reqwest::get(format!("{}/v1/orders/{}", server.url, order["id"].as_str().unwrap())).await.unwrap();
        if order["status"] != "delivered" {
            assert_eq!(answer.status(), 200);
            continue;
        }
        assert_eq!(answer.status(), 500);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "unreadable_event");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.ends_with(
            "cannot be read: order.shipped has schema version 7, and this program knows up to 1: a newer version of the \
             program wrote it, and can read it."
        ), "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_and_comes_back_costs_some_answers_and_no_order() {
    let address = postgres_server::create_database().await;
    let link = DatabaseLink::to(&address).await;
    let url = link.url.clone();
    let world = World::open_with(|config| {
        config.store = StoreChoice::Postgres(Secret::new(url));
        config.demo_stock = true;
    })
    .await;
    let shop = Shop::open_in_checkout(&world.server.url(), &world.mocks).await;
    link.set(LinkState::Cut);
    shop.wait_for_unready(&format!("The event log cannot be read: {STORE_FAILURE_REASON}.")).await;
    assert_log_unavailable(shop.get(&format!("/v1/orders/{}", shop.order)).await, STORE_FAILURE_REASON).await;
    assert_log_unavailable(shop.get("/v1/events").await, STORE_FAILURE_REASON).await;
    assert_log_unavailable(shop.add().await, STORE_FAILURE_REASON).await;
    // Lists are in the same database: they are away too, and that is no mistake of the shop's.
    for list in ["/v1/orders", "/v1/orders?q=ada", "/v1/invoices", "/v1/statistics", "/v1/views"] {
        let answer = shop.get(list).await;
        assert_eq!(answer.status(), 503, "{list}");
        assert!(answer.headers().contains_key("retry-after"), "{list}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "views_unavailable", "{list}");
    }
    link.set(LinkState::Open);
    shop.assert_recovered().await;
    world.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_our_name_that_is_not_ours_is_left_alone_and_reported_at_the_start() {
    let address = postgres_server::create_database().await;
    let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
        .batch_execute("CREATE SCHEMA views; CREATE TABLE views.generations (name text); INSERT INTO views.generations VALUES ('Ada')")
        .await
        .unwrap();
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::world::config(&mocks, &folder);
    config.store = crate::postgres::postgres_url(&address).parse().unwrap();
    let Err(refusal) = storefront_server::Server::start(config).await else { panic!("it is refused") };
    let refusal = refusal.to_string();
    assert!(refusal.contains("a schema named views with a table generations"), "{refusal}");
    let kept = client.query_one("SELECT name FROM views.generations", &[]).await.unwrap();
    assert_eq!(kept.get::<_, String>(0), "Ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_writes_wait_for_a_lock_in_vain_the_shop_is_not_ready() {
    let address = postgres_server::create_database().await;
    let store: StoreChoice = crate::postgres::postgres_url(&address).parse().unwrap();
    let world = World::open_with(|config| {
        config.store = store;
        config.demo_stock = true;
    })
    .await;
    let shop = Shop::open_in_checkout(&world.server.url(), &world.mocks).await;
    let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; SELECT position FROM eventlog.head FOR UPDATE").await.unwrap();
    assert_eq!(shop.add().await.status(), 503);
    let why = "The event log cannot be written: writes wait for too long, and the last one was given up.";
    shop.wait_for_unready(why).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    shop.assert_recovered().await;
}
