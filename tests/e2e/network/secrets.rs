//! Secrets in files: they are used, and no output of the server shows them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use storefront_client::Client;
use storefront_mocks::{Mocks, MocksConfig};

use crate::crash::{a_checkout, product_in_stock, wait_for_event};
use crate::programs::program;

const KEY: &str = "sk_hunter2_of_the_gateway";
const WEBHOOK: &str = "whsec_hunter2_of_the_webhooks";
const MAIL_PASSWORD: &str = "hunter2_of_the_mail";

/// A server that reads its secrets from files, with its log in a further one.
fn command(folder: &Path, mocks: &Mocks) -> Command {
    let file = |name: &str, content: String| {
        fs::write(folder.join(name), content).unwrap();
        folder.join(name)
    };
    let key = file("key", format!("{KEY}\n"));
    let webhook = file("webhook", WEBHOOK.to_owned());
    let mail = file("mail", format!("smtp://shop:{MAIL_PASSWORD}@{}\r\n", mocks.smtp_addr()));
    let store = file("store", format!("sqlite:{}", folder.join("shop.db").display()));
    let mut command = Command::new(program("storefront-server"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--demo-stock"]);
    command.args(["--products", &mocks.products_url(), "--card-gateway", &mocks.card_gateway_url()]);
    command.arg("--card-gateway-key-file").arg(key).arg("--card-webhook-secret-file").arg(webhook);
    command.arg("--mail-file").arg(mail).env("STOREFRONT_STORE_FILE", store);
    command.env("STOREFRONT_LOG", "trace").stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(fs::File::create(folder.join("stderr")).unwrap());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_read_from_files_and_neither_log_nor_process_list_nor_metrics_shows_them() {
    let mocks = Mocks::start(MocksConfig { card_key: KEY.to_owned(), ..MocksConfig::default() }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), &mocks).spawn().unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    let mut url = String::new();
    printed.read_line(&mut url).unwrap();
    let url = url.trim();
    let client = Client::new(url).unwrap();
    let product = product_in_stock(&client).await;
    let order = a_checkout(&client, &product).await;
    // The gateway takes the payment only under its key.
    wait_for_event(&client, order, "order.confirmed").await;
    wait_for_event(&client, order, "email.requested").await;
    let mut shown = vec![("stdout", url.to_owned())];
    for path in ["/metrics", "/health/ready", "/openapi.json", "/v1/export", "/v1/processes", "/v1/product-service"] {
        shown.push((path, reqwest::get(format!("{url}{path}")).await.unwrap().text().await.unwrap()));
    }
    let of_process = |name: &str| fs::read(format!("/proc/{}/{name}", child.id())).unwrap();
    for name in ["cmdline", "environ"] {
        shown.push((name, String::from_utf8_lossy(&of_process(name)).into_owned()));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    let log = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(log.contains("the shop is open") && log.contains("TRACE"), "{log}");
    shown.push(("log", log));
    for (place, text) in &shown {
        let line = text.lines().find(|line| line.contains("hunter2"));
        assert_eq!(line, None, "{place} shows a secret");
    }
}

#[test]
fn a_secret_given_twice_or_in_a_file_that_holds_none_is_a_usage_error_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, missing) = (folder.path().join("key"), folder.path().join("missing"));
    fs::write(&file, "hunter2\nhunter2\n").unwrap();
    for (arguments, variable, says) in [
        (["--card-gateway-key-file", file.to_str().unwrap()], None, "--card-gateway-key-file: "),
        (["--store-file", missing.to_str().unwrap()], None, "--store-file: "),
        (["--mail-file", file.to_str().unwrap()], Some("STOREFRONT_MAIL"), "STOREFRONT_MAIL_FILE"),
    ] {
        let mut command = Command::new(program("storefront-server"));
        command.args(["serve", "--listen", "192.0.2.1:1"]).args(arguments).stdin(Stdio::null());
        if let Some(variable) = variable {
            command.env(variable, "smtp://shop:hunter2@127.0.0.1:1");
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says) && !said.contains("hunter2"), "{said}");
    }
}
