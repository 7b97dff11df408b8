//! Offline tools on a log, run as programs: export, import, check, backup; and the export over HTTP.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use storefront_api::{AddItem, EventQuery, Order, OrderStatus};
use storefront_client::{Client, IdempotencyKey};
use storefront_mocks::{Mocks, MocksConfig};
use storefront_server::Server;
use tempfile::TempDir;

use crate::crash::product_in_stock;
use crate::postgres::postgres_url;
use crate::postgres_server;
use crate::programs::{ServerProcess, program, run};
use crate::world::{VISA, World, an_order, config};

/// A history that the shop wrote when every event had its first shape: orders delivered, declined and refunded, paid after a
/// lost answer, and still open.
const RECORDED_LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/recorded/first_shapes.jsonl");
/// The orders as that shop showed them then.
const RECORDED_ORDERS: &str = include_str!("recorded/first_shapes.orders.json");

/// A folder with a log of the recorded history in it.
fn a_log() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    assert_eq!(run_successfully(&["import", RECORDED_LOG, "--store", &sqlite(&path)]), "80 events imported\n");
    (folder, path)
}

fn sqlite(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn tool(arguments: &[&str]) -> Output {
    run("storefront-server", arguments)
}

/// Runs a tool that must succeed; what it printed.
#[track_caller]
fn run_successfully(arguments: &[&str]) -> String {
    let output = tool(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a tool that must be refused; the one line that it said.
#[track_caller]
fn run_refused(code: i32, arguments: &[&str]) -> String {
    refusal(code, &tool(arguments))
}

#[track_caller]
fn refusal(code: i32, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.lines().count()), (Some(code), 1), "{said}");
    assert!(output.stdout.is_empty());
    said
}

fn files_in(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_in_old_shapes_is_read_as_it_was_and_nothing_in_it_happens_again() {
    let (folder, _path) = a_log();
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let server = Server::start(config(&mocks, &folder)).await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    let then: Vec<serde_json::Value> = serde_json::from_str(RECORDED_ORDERS).unwrap();
    let mut statuses = Vec::new();
    for then in &then {
        let id = then["id"].as_str().unwrap();
        let version = then["version"].as_u64().unwrap();
        let now = client.order_at_version(id.parse().unwrap(), version).await.unwrap().expect("the order is there");
        statuses.push(now.status);
        assert_says_all_of(&serde_json::to_value(&now).unwrap(), then, id);
    }
    assert_eq!(
        statuses,
        [OrderStatus::Delivered, OrderStatus::Cancelled, OrderStatus::Confirmed, OrderStatus::InProgress]
    );
    crate::world::eventually("the processes have looked at it all", || async {
        let processes = reqwest::get(format!("{}/v1/processes", server.url())).await.unwrap();
        let processes: serde_json::Value = processes.json().await.unwrap();
        let processes = processes["items"].as_array().unwrap();
        let through =
            |process: &serde_json::Value| process["position"].as_u64() >= Some(80) && process["unfinished"] == 0;
        (processes.len() >= 4 && processes.iter().all(through)).then_some(())
    })
    .await;
    for then in &then {
        assert_eq!(mocks.card_gateway().paid_charges_with("order_id", then["id"].as_str().unwrap()), []);
    }
    assert_eq!(mocks.mailbox().messages().len(), 0, "no mail is sent again");
    let query = EventQuery { after: Some(80), limit: Some(1000), ..EventQuery::default() };
    let since = client.events(&query).await.unwrap().events;
    // A price that the product service has changed since does reach an open basket.
    let about_the_past = ["invoice.", "order.invoiced", "register.", "voucher.", "email.", "payment.", "checkout."];
    let acted: Vec<_> =
        since.iter().filter(|event| about_the_past.iter().any(|it| event.kind.starts_with(it))).collect();
    assert!(acted.is_empty(), "processes that are newer than this log leave it as it is: {acted:?}");
    let of_stock = since.iter().filter(|event| event.kind.starts_with("stock."));
    let of_stock: Vec<_> = of_stock.map(|event| (event.kind.as_str(), &event.data["order_id"])).collect();
    assert_eq!(of_stock, [("stock.settled", &then[0]["id"])], "goods that were sent are settled at last");
    server.shutdown().await;
}

/// Today's answer may say more than one of then.
fn assert_says_all_of(now: &serde_json::Value, then: &serde_json::Value, at: &str) {
    match (now, then) {
        (serde_json::Value::Object(now), serde_json::Value::Object(then)) => {
            for (name, then) in then {
                assert_says_all_of(now.get(name).unwrap_or(&serde_json::Value::Null), then, &format!("{at}/{name}"));
            }
        }
        (serde_json::Value::Array(now), serde_json::Value::Array(then)) => {
            assert_eq!(now.len(), then.len(), "{at}");
            for (index, (now, then)) in now.iter().zip(then).enumerate() {
                assert_says_all_of(now, then, &format!("{at}/{index}"));
            }
        }
        (now, then) => assert_eq!(now, then, "{at}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_from_sqlite_to_postgres_and_back_and_its_export_stays_the_same_byte_for_byte() {
    let (folder, path) = a_log();
    let recorded = std::fs::read_to_string(RECORDED_LOG).unwrap();
    let postgres = postgres_url(&postgres_server::create_database().await);
    let (first, second) = (folder.path().join("first.jsonl"), folder.path().join("second.jsonl"));
    let (first, second) = (first.to_str().unwrap().to_owned(), second.to_str().unwrap().to_owned());
    let back = sqlite(&folder.path().join("back.db"));
    let exports = tokio::task::spawn_blocking(move || {
        assert_eq!(run_successfully(&["export", "--store", &sqlite(&path), "--out", &first]), "80 events exported\n");
        assert_eq!(run_successfully(&["import", &first, "--store", &postgres]), "80 events imported\n");
        let checked = run_successfully(&["check", "--store", &postgres]);
        assert!(checked.starts_with("80 events in 21 streams: all sound\nthe hash at position 80: "), "{checked}");
        assert_eq!(run_successfully(&["export", "--store", &postgres, "--out", &second]), "80 events exported\n");
        assert_eq!(run_successfully(&["import", &second, "--store", &back]), "80 events imported\n");
        let printed = run_successfully(&["export", "--store", &back]);
        let output = run_refused(1, &["import", &first, "--store", &postgres]);
        assert!(output.contains("needs an empty log") && output.contains("position 80"), "{output}");
        let output = run_refused(2, &["backup", "anywhere", "--store", &postgres]);
        assert!(output.contains("pg_dump") && output.contains("export"), "{output}");
        [std::fs::read_to_string(first).unwrap(), std::fs::read_to_string(second).unwrap(), printed]
    });
    let exports = exports.await.unwrap();
    assert!(exports.iter().all(|export| *export == exports[0]), "an export differs from another");
    assert!(without_hashes(&exports[0]) == recorded, "an export differs from what was imported");
    drop(folder);
}

/// The lines of an export as an older program wrote them.
fn without_hashes(export: &str) -> String {
    let line = |line: &str| {
        let (event, hash) = line.split_once(",\"hash\":\"").unwrap();
        assert_eq!(hash.len(), 66, "{hash}");
        format!("{event}}}\n")
    };
    export.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_proven_by_the_hash_that_the_server_returned_and_a_changed_one_is_not() {
    let world = World::open().await;
    let product = world.product_with(1).await;
    world.a_basket(&product.id, 1).await;
    let store = sqlite(&world.folder.path().join("shop.db"));
    let proof = world.folder.path().join("proof.json");
    let (wanted, event) = loop {
        let query = EventQuery { limit: Some(1000), ..EventQuery::default() };
        let page = world.client.events(&query).await.unwrap();
        let (event, hash) = (page.events[2].clone(), page.hash.unwrap());
        let (store, proof, id) = (store.clone(), proof.clone(), event.id.to_string());
        let written = tokio::task::spawn_blocking(move || {
            let text = run_successfully(&["prove", &id, "--store", &store]);
            std::fs::write(proof, &text).unwrap();
            text
        });
        // The shop may have gone on meanwhile.
        if written.await.unwrap().contains(&hash.hash) {
            break (hash, event);
        }
    };
    let health: serde_json::Value =
        reqwest::get(format!("{}/health/ready", world.server.url())).await.unwrap().json().await.unwrap();
    assert!(health["hash"]["position"].as_u64().unwrap() >= wanted.position);
    tokio::task::spawn_blocking(move || {
        let file = proof.to_str().unwrap();
        let output = run_successfully(&["verify-proof", file, "--hash", &wanted.hash]);
        assert!(
            output.contains(&event.id.to_string()) && output.contains("stands at position 3 of the log"),
            "{output}"
        );
        let other = "0".repeat(64);
        let output = run_refused(1, &["verify-proof", file, "--hash", &other]);
        assert!(output.contains("proves nothing: it is of a log with the hash"), "{output}");
        let forged = std::fs::read_to_string(file).unwrap().replacen("\"position\":3", "\"position\":2", 1);
        std::fs::write(file, forged).unwrap();
        let output = run_refused(1, &["verify-proof", file]);
        assert!(output.contains("does not lead to the hash of the log"), "{output}");
        let output = run_refused(1, &["prove", "4711", "--store", &store]);
        assert!(output.contains("there is no such event"), "{output}");
        let output = run_refused(2, &["prove", "socks", "--store", &store]);
        assert!(output.contains("neither an event's id nor its position"), "{output}");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_log_is_reported_and_left_as_it_is() {
    let address = postgres_server::create_database().await;
    let url = postgres_url(&address);
    let output =
        tokio::task::spawn_blocking(move || ["export", "check"].map(|tool| run_refused(1, &[tool, "--store", &url])));
    for output in output.await.unwrap() {
        assert!(output.contains("the database has no event log in it"), "{output}");
    }
    let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let schemas = client.query("SELECT FROM pg_namespace WHERE nspname = 'eventlog'", &[]).await.unwrap();
    assert_eq!(schemas.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_exported_checked_and_backed_up_beside_the_server_that_has_it_open() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(1).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    let confirmed = world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let (store, folder) = (sqlite(&world.folder.path().join("shop.db")), world.folder.path().to_owned());
    let copy = folder.join("copy.db");
    let (copied, kept) = (sqlite(&copy), copy.clone());
    let (beside, backed_up) = tokio::task::spawn_blocking(move || {
        let checked = run_successfully(&["check", "--store", &store]);
        assert!(
            checked.starts_with("the file: all sound\n") && checked.contains("streams: all sound\nthe hash at"),
            "{checked}"
        );
        let beside = run_successfully(&["export", "--store", &store]);
        let output = run_successfully(&["backup", kept.to_str().unwrap(), "--store", &store]);
        assert!(output.starts_with("backed up to "), "{output}");
        let output = run_refused(1, &["backup", kept.to_str().unwrap(), "--store", &store]);
        assert!(output.contains("is there already"), "{output}");
        let output = run_refused(1, &["import", RECORDED_LOG, "--store", &store]);
        assert!(output.contains("is in use by another program"), "{output}");
        (beside, run_successfully(&["export", "--store", &copied]))
    })
    .await
    .unwrap();

    let mut served = Vec::new();
    let count = world.client.export(|piece| served.write_all(piece)).await.unwrap();
    // After the events come the keys of their personal data.
    let events = |exported: &str| {
        exported.split_inclusive('\n').filter(|line| line.starts_with("{\"position\"")).collect::<String>()
    };
    let served = events(&String::from_utf8(served).unwrap());
    assert_eq!(served.lines().count() as u64, count);
    assert_eq!(count, world.head().await);
    assert!(beside.contains("{\"data_key\""), "it has keys");
    assert!(
        served.starts_with(&events(&beside)) && served.starts_with(&events(&backed_up)),
        "all three are the same log"
    );
    assert!(beside.lines().any(|line| line.contains("order.confirmed")));

    assert_eq!(world.client.order(basket.id).await.unwrap().unwrap(), confirmed, "the server works on");
    let second = TempDir::new().unwrap();
    std::fs::copy(copy, second.path().join("shop.db")).unwrap();
    let restored = Server::start(config(&world.mocks, &second)).await.unwrap();
    let order: Order = Client::new(&restored.url()).unwrap().order(basket.id).await.unwrap().unwrap();
    assert_eq!((order.status, order.number), (confirmed.status, confirmed.number));
    restored.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_server_that_was_killed_is_read_with_all_that_was_acknowledged() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let server = ServerProcess::start(&mocks, &path);
    let client = Client::new(&server.url).unwrap();
    let product = product_in_stock(&client).await;
    let add = AddItem { product_id: product.id, quantity: 1 };
    let written = client.add_item(an_order(), &add, &IdempotencyKey::new()).await.unwrap();
    server.kill();
    assert!(folder.path().join("shop.db-wal").exists(), "it had no time to fold its write-ahead log");
    let store = sqlite(&path);
    let exported = run_successfully(&["export", "--store", &store]);
    let acknowledged = format!("\"stream\":\"order-{}\",\"version\":2", written.value.id);
    assert!(exported.lines().nth(written.position.unwrap() as usize - 1).unwrap().contains(&acknowledged));
    assert!(run_successfully(&["check", "--store", &store]).contains("streams: all sound\n"));
    let server = ServerProcess::start(&mocks, &path);
    let order = Client::new(&server.url).unwrap().order(written.value.id).await.unwrap().unwrap();
    assert_eq!(order.version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_over_http_can_be_imported_and_ends_at_the_head_of_when_it_began() {
    let world = World::open().await;
    let mut lines = Vec::new();
    let head = world.head().await;
    let product = world.product_with(3).await;
    let response = reqwest::get(format!("{}/v1/export", world.server.url())).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let due: u64 = response.headers()["storefront-position"].to_str().unwrap().parse().unwrap();
    // Written after the answer has begun.
    world.a_basket(&product.id, 1).await;
    let output = response.text().await.unwrap().lines().count() as u64;
    assert!(head < due && due < world.head().await);
    assert_eq!(output, due);

    world.client.export(|piece| lines.write_all(piece)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder.path().join("copy.db"));
    let (printed, lines) = tokio::task::spawn_blocking(move || {
        let mut import = Command::new(program("storefront-server"));
        import.args(["import", "-", "--store", &store]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut import = import.spawn().unwrap();
        import.stdin.take().unwrap().write_all(&lines).unwrap();
        assert!(import.wait().unwrap().success());
        (run_successfully(&["export", "--store", &store]), lines)
    })
    .await
    .unwrap();
    assert!(printed.as_bytes() == lines);
}

#[test]
fn an_import_that_fails_says_where_and_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = std::fs::read_to_string(RECORDED_LOG).unwrap();
    let lines = folder.path().join("log.jsonl");
    std::fs::write(&lines, recorded.replacen("\"position\":7,", "\"position\":8,", 1)).unwrap();
    let store = sqlite(&folder.path().join("shop.db"));
    let output = run_refused(1, &["import", lines.to_str().unwrap(), "--store", &store]);
    assert!(output.contains("line 7: position 8 stands where 7 is due; nothing was kept"), "{output}");
    std::fs::write(&lines, &recorded[..recorded.len() - 100]).unwrap();
    let output = run_refused(1, &["import", lines.to_str().unwrap(), "--store", &store]);
    assert!(output.contains("line 80: ") && output.contains("the export was cut off"), "{output}");
    let output = run_refused(1, &["import", "/no/such/file", "--store", &store]);
    assert!(output.contains("/no/such/file cannot be read"), "{output}");
    assert_eq!(files_in(folder.path()), ["log.jsonl"]);
}

#[test]
fn an_import_that_is_killed_leaves_no_log_and_the_next_one_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let recorded = std::fs::read_to_string(RECORDED_LOG).unwrap();
    let mut import = Command::new(program("storefront-server"));
    import.args(["import", "-", "--store", &sqlite(&path)]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut import = import.spawn().unwrap();
    import.stdin.as_mut().unwrap().write_all(&recorded.as_bytes()[..recorded.len() / 2]).unwrap();
    let partial = folder.path().join("shop.db-partial");
    while !partial.exists() {
        assert!(import.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let output = run_refused(1, &["import", RECORDED_LOG, "--store", &sqlite(&path)]);
    assert!(output.contains("is in use by another program"), "{output}");
    import.kill().unwrap();
    import.wait().unwrap();
    assert!(!path.exists(), "half an import has the name of a log");
    let output = run_refused(1, &["check", "--store", &sqlite(&path)]);
    assert!(output.contains("is not there"), "{output}");
    assert_eq!(run_successfully(&["import", RECORDED_LOG, "--store", &sqlite(&path)]), "80 events imported\n");
    assert_eq!(files_in(folder.path()), ["shop.db", "shop.db-lock"]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_and_its_tools_write_is_for_nobody_else_to_read_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let within = folder.path().join("data");
    let path = within.join("shop.db");
    let server = ServerProcess::start(&mocks, &path);
    product_in_stock(&Client::new(&server.url).unwrap()).await;
    let [copy, lines] = ["copy.db", "lines.jsonl"].map(|name| within.join(name).to_str().unwrap().to_owned());
    run_successfully(&["backup", &copy, "--store", &sqlite(&path)]);
    run_successfully(&["export", "--out", &lines, "--store", &sqlite(&path)]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&within), 0o700);
    let files = files_in(&within);
    assert!(files.iter().any(|name| name == "shop.db-views") && files.iter().any(|name| name == "shop.db-wal"));
    for name in files {
        assert_eq!(mode(&within.join(&name)), 0o600, "{name}");
    }
    server.kill();
}

#[test]
fn an_export_that_has_nothing_to_read_or_nowhere_to_go_is_refused_and_leaves_nothing() {
    let (folder, path) = a_log();
    let missing = folder.path().join("missing.db");
    for tool in [&["export"][..], &["check"], &["backup", "copy"]] {
        let output = run_refused(1, &[tool, &["--store", &sqlite(&missing)]].concat());
        assert!(output.contains("missing.db is not there"), "{output}");
    }
    let output = run_refused(1, &["export", "--store", &sqlite(&path), "--out", path.to_str().unwrap()]);
    assert!(output.contains("is there already: choose another name"), "{output}");
    let output = run_refused(1, &["export", "--store", &sqlite(&path), "--out", "/no/such/folder/log.jsonl"]);
    assert!(output.contains("/no/such/folder/log.jsonl cannot be written"), "{output}");
    for tool in [&["export"][..], &["check"], &["backup", "copy"], &["import", RECORDED_LOG]] {
        let output = run_refused(2, &[tool, &["--store", "sqlite::memory:"]].concat());
        assert!(output.contains("sqlite::memory: keeps nothing"), "{output}");
    }
    assert_eq!(files_in(folder.path()), ["shop.db", "shop.db-lock"]);
}

#[test]
fn a_check_reports_everything_that_is_wrong_with_a_log_also_by_its_exit_code() {
    let (_folder, path) = a_log();
    let tampering = "DROP TRIGGER events_are_never_changed; DROP TRIGGER events_are_never_deleted;
        UPDATE events SET schema_version = 9 WHERE position = 1;
        DELETE FROM events WHERE position = 3;
        UPDATE events SET data = '{}' WHERE position = 4;
        UPDATE events SET stream = 'nobody-knows' WHERE position = 6;";
    Connection::open(&path).unwrap().execute_batch(tampering).unwrap();
    let output = tool(&["check", "--store", &sqlite(&path)]);
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).unwrap();
    for finding in [
        "the file: all sound",
        "79 events in ",
        "- position 1: product.listed has schema version 9, and this program knows up to 2: a newer version of the program \
         wrote it, and can read it",
        "- position 3 is missing: 4 comes next",
        "- position 4: the data of stock.received does not fit: missing field `quantity`",
        "- position 6: no events of this program stand in streams nobody-…",
    ] {
        assert!(printed.contains(finding), "{finding:?} is missing in:\n{printed}");
    }
}

#[test]
fn the_help_of_the_tools_says_what_they_do_and_what_they_leave_alone() {
    for (tool, words) in [
        ("export", &["byte for byte", "--out", "--store", "STOREFRONT_STORE", "must not be there yet"][..]),
        ("import", &["must be empty", "standard input", "not part of an export"]),
        ("check", &["Exit code 1", "every event", "A server may have the log open"]),
        ("backup", &["pg_dump", "while a server writes"]),
    ] {
        let help = run_successfully(&[tool, "--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(help.contains(word), "{tool}: {word:?} is missing in:\n{help}");
        }
        assert_eq!(run("storefront-server", [tool, "--no-such-option"]).status.code(), Some(2));
    }
}
