//! `server/QUICKSTART.md` and the programs in `server/examples` do what they say: each snippet is run as it stands in the
//! document, and each program is killed while it reads.

mod tools;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use storefront_api::{Cancel, EventQuery, OrderListQuery, OrderStatus, ProductId};
use storefront_client::{Client, IdempotencyKey};

use self::tools::search_path;
use crate::programs::program;
use crate::world::{DECLINED, VISA, World, eventually};

/// Timeout of all snippets of a language.
const SNIPPETS_TIMEOUT: Duration = Duration::from_secs(60);

/// The languages of the snippets: of the code block, what runs it, and the ending of its files.
const BASH: (&str, &[&str], &str) = ("bash", &["bash", "-e", "-u", "-o", "pipefail"], "sh");
const PYTHON: (&str, &[&str], &str) = ("python", &["python3"], "py");
const TYPESCRIPT: (&str, &[&str], &str) = ("typescript", &["node"], "ts");

/// The language of the one block that starts the shop.
const START: &str = "sh";

/// How often a consumer is killed.
const KILLS: u32 = 6;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn quickstart() -> String {
    fs::read_to_string(root().join("server/QUICKSTART.md")).unwrap()
}

/// The lines of a document with the language of the code block in which they stand.
fn lines_with_language(document: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    document.lines().scan(None, |language, line| {
        let Some(fence) = line.strip_prefix("```") else { return Some((line, *language)) };
        *language = if language.is_some() { None } else { Some(fence) };
        Some(("", None))
    })
}

/// All snippets of a language as one program. Each stands at its lines of the document, so that an error names them.
fn snippets(document: &str, language: &str) -> String {
    let lines = lines_with_language(document);
    lines.map(|(line, of)| if of == Some(language) { format!("{line}\n") } else { "\n".to_owned() }).collect()
}

/// The shop of the quickstart, started by the command that stands there; killed on drop.
struct Shop {
    process: Child,
    _output: BufReader<ChildStdout>,
    client: Client,
    url: String,
}

impl Shop {
    async fn start() -> Self {
        let start = snippets(&quickstart(), START);
        let arguments =
            start.trim().strip_prefix("cargo run -- ").expect("one block starts the shop by `cargo run --`");
        let mut command = Command::new(program("storefront"));
        command.args(arguments.split_whitespace()).args(["--listen", "127.0.0.1:0"]).env_remove("STOREFRONT_SERVER");
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let url = line.split_whitespace().last().unwrap_or_default().to_owned();
        let client = Client::new(&url).unwrap();
        let shop = Self { process, _output: output, client, url };
        let mug = ProductId::from_foreign("enamel-mug").unwrap();
        eventually("there are mugs", || async {
            shop.client.product(&mug).await.unwrap().filter(|product| product.available > 1)
        })
        .await;
        shop
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs all snippets of a language against a fresh shop, and returns what they print.
async fn run_snippets((language, interpreter, ending): (&str, &[&str], &str)) -> (Shop, String) {
    let path = tokio::task::spawn_blocking(search_path).await.unwrap();
    let shop = Shop::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("quickstart.{ending}"));
    fs::write(&file, snippets(&quickstart(), language)).unwrap();
    let mut command = tokio::process::Command::new(interpreter[0]);
    command.args(&interpreter[1..]).arg(&file).current_dir(root()).stdin(Stdio::null()).kill_on_drop(true);
    command.env("PATH", path).env("STOREFRONT_SERVER", &shop.url).env("TMPDIR", folder.path()).env("no_proxy", "*");
    let output = tokio::time::timeout(SNIPPETS_TIMEOUT, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("the snippets in {language} do not end")).unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the snippets in {language} fail:\n{printed}\n{complaints}");
    (shop, printed)
}

/// What is printed in each language; and that one order was bought.
async fn assert_bought_and_followed(shop: &Shop, printed: &str) {
    for part in ["enamel-mug", "1900", "order.checked_out", "payment.succeeded", "invalid_values"] {
        assert!(printed.contains(part), "{part} is missing:\n{printed}");
    }
    assert!(printed.contains("the outcome is order.confirmed"), "{printed}");
    assert_eq!(counts_of_lists(&shop.client).await, BTreeMap::from([("confirmed".to_owned(), 1)]), "{printed}");
}

#[test]
fn every_snippet_of_the_quickstart_is_in_a_language_in_which_it_is_run() {
    let document = quickstart();
    let mut counts = BTreeMap::new();
    let mut before = None;
    for (_, language) in lines_with_language(&document) {
        if let Some(language) = language.filter(|_| before.is_none()) {
            *counts.entry(language).or_insert(0) += 1;
        }
        before = language;
    }
    // The projection of Python and TypeScript is run from its file, by a snippet for the shell.
    assert_eq!(counts, BTreeMap::from([(START, 1), (BASH.0, 7), (PYTHON.0, 5), (TYPESCRIPT.0, 5)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_with_curl_buys_follows_and_projects() {
    let (shop, printed) = run_snippets(BASH).await;
    assert_bought_and_followed(&shop, &printed).await;
    let projected = printed.lines().filter(|line| line.replace(' ', "") == r#"{"confirmed":1}"#).count();
    // Twice by the shell, and once each by the programs in Python and TypeScript.
    assert_eq!(projected, 4, "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_in_python_buys_and_follows() {
    let (shop, printed) = run_snippets(PYTHON).await;
    assert_bought_and_followed(&shop, &printed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_in_typescript_buys_and_follows() {
    let (shop, printed) = run_snippets(TYPESCRIPT).await;
    assert_bought_and_followed(&shop, &printed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_projection_in_python_survives_kills_and_a_shop_that_starts_over() {
    survives_kills_and_a_reset(PYTHON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_projection_in_typescript_survives_kills_and_a_shop_that_starts_over() {
    survives_kills_and_a_reset(TYPESCRIPT).await;
}

/// An example that counts orders by their state; killed on drop.
struct Consumer(Child);

impl Consumer {
    fn start((_, interpreter, ending): (&str, &[&str], &str), url: &str, file: &Path) -> Self {
        let mut command = Command::new(interpreter[0]);
        command.args(&interpreter[1..]).arg(root().join("server/examples/orders_by_state").with_extension(ending));
        command.arg(file).env("PATH", search_path()).env("STOREFRONT_SERVER", url).env("no_proxy", "*");
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn survives_kills_and_a_reset(language: (&str, &[&str], &str)) {
    tokio::task::spawn_blocking(search_path).await.unwrap();
    let world = World::open_lab_with(|_| {}).await;
    let file = world.folder.path().join("orders.json");
    let product = world.product_with(200).await.id;
    let url = world.server.url();

    // Killed while orders come in, each time when it has read something new.
    let kill = async {
        let mut read = 0;
        for _ in 0..KILLS {
            let _consumer = Consumer::start(language, &url, &file);
            read = eventually("the consumer reads on", || async {
                projection(&file).and_then(|now| now["after"].as_u64()).filter(|after| *after > read)
            })
            .await;
            buy_in_all_ways(&world, &product).await;
        }
    };
    let buy = async {
        for _ in 0..KILLS {
            buy_in_all_ways(&world, &product).await;
        }
    };
    tokio::join!(kill, buy);

    // A restart keeps what it has: also this order, of which the log tells nothing.
    world.wait_until_idle().await;
    let mut kept = projection(&file).expect("it was read");
    kept["orders"]["an-order-of-before"] = json!("a state of before");
    fs::write(&file, kept.to_string()).unwrap();
    let _consumer = Consumer::start(language, &url, &file);
    let mut counts = counts_of_lists(&world.client).await;
    assert_eq!(counts.len(), 3, "{counts:?}");
    counts.insert("a state of before".to_owned(), 1);
    wait_for_counts(&file, &counts).await;

    // A shop that is started over has another log.
    world.client.reset_shop().await.unwrap();
    eventually("there is a log again", || async {
        world.client.events(&EventQuery::default()).await.ok().and_then(|page| page.log)
    })
    .await;
    world.wait_for_catalogue().await;
    let product = world.product_with(5).await.id;
    world.a_basket(&product, 1).await;
    wait_for_counts(&file, &BTreeMap::from([("in_progress".to_owned(), 1)])).await;
}

/// A basket that stays, one that is bought, one whose card is declined, and one that is bought and cancelled.
async fn buy_in_all_ways(world: &World, product: &ProductId) {
    world.a_basket(product, 1).await;
    for token in [VISA, DECLINED] {
        let basket = world.a_basket(product, 1).await;
        world.buy(&basket, token).await.unwrap();
    }
    let basket = world.a_basket(product, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    let order = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let cancel = Cancel { reason: "by mistake".to_owned() };
    world.client.cancel(order.id, &cancel, &IdempotencyKey::new()).await.unwrap();
}

/// What a consumer has in its file.
fn projection(file: &Path) -> Option<Value> {
    let text = fs::read_to_string(file).ok()?;
    Some(serde_json::from_str(&text).expect("the file is whole at any moment"))
}

async fn wait_for_counts(file: &Path, wanted: &BTreeMap<String, u64>) {
    eventually(&format!("the consumer counts {wanted:?}"), || async {
        projection(file).filter(|now| counts_of(now) == *wanted)
    })
    .await;
}

/// How many orders of a projection are in which state.
fn counts_of(projection: &Value) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for state in projection["orders"].as_object().unwrap().values() {
        *counts.entry(state.as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    counts
}

/// How many orders the shop lists in which state.
async fn counts_of_lists(client: &Client) -> BTreeMap<String, u64> {
    let head = client.readiness().await.unwrap().head;
    let mut counts = BTreeMap::new();
    for state in ["in_progress", "checked_out", "confirmed", "shipped", "delivered", "cancelled", "expired"] {
        let status = serde_json::from_value(json!(state)).unwrap();
        let query = OrderListQuery { status: Some(status), min_position: Some(head), ..OrderListQuery::default() };
        let total = client.orders(&query).await.unwrap().total;
        if total > 0 {
            counts.insert(state.to_owned(), total);
        }
    }
    counts
}
