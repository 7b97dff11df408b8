//! What outsiders learn of a secured shop, and what its operator learns when it is opened without security.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use storefront_client::IdempotencyKey;
use storefront_mocks::{Mocks, MocksConfig, Stub};

use crate::programs::{program, serve_arguments};
use crate::secured::signed_in_operator;
use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_operators_why_and_others_only_that_there_is_something() {
    let world = World::open_with(|config| config.secured = true).await;
    let operator = signed_in_operator(&world).await;
    world.set_outage(Stub::Products, true);
    operator.pause_process("mail", &IdempotencyKey::new()).await.unwrap();
    let reasons = eventually("the operator reads what is paused", || async {
        let ready = operator.readiness().await.unwrap();
        ready.reasons.iter().any(|reason| reason.contains("The process mail is paused")).then_some(ready)
    })
    .await;
    assert!(reasons.ready, "{reasons:?}");
    let outside = world.client.readiness().await.unwrap();
    assert_eq!((outside.ready, outside.reasons), (true, vec!["Something needs a look by an operator.".to_owned()]));
}

/// Starts a server on a log, waits until it is open, ends it, and returns what it logged.
fn log_of_a_start(folder: &Path, mocks: &Mocks, options: &[&str]) -> String {
    let store = format!("sqlite:{}", folder.join("shop.db").display());
    let mut command = Command::new(program("storefront-server"));
    command.args(serve_arguments("127.0.0.1:0", mocks, &store)).args(options);
    command.env("STOREFRONT_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::piped());
    let log = folder.join("stderr");
    let mut child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    assert!(url.starts_with("http://"), "{}", fs::read_to_string(&log).unwrap());
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap();
    fs::read_to_string(log).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_an_operator_that_is_opened_without_security_is_warned_of() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let warning = "this log has an operator, and the shop is open";
    assert!(!log_of_a_start(folder.path(), &mocks, &[]).contains(warning));
    assert!(!log_of_a_start(folder.path(), &mocks, &["--secured"]).contains(warning));
    assert!(log_of_a_start(folder.path(), &mocks, &[]).contains(warning));
}
