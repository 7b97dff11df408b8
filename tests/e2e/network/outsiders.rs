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

/// Starts a server on a log, waits until it is open, asks it something, ends it, and returns what it logged.
async fn log_of<F: Future<Output = ()>>(
    folder: &Path,
    mocks: &Mocks,
    options: &[&str],
    ask: impl FnOnce(String) -> F,
) -> String {
    let store = format!("sqlite:{}", folder.join("shop.db").display());
    let mut command = Command::new(program("storefront-server"));
    command.args(serve_arguments("127.0.0.1:0", mocks, &store)).args(options);
    command.env_remove("STOREFRONT_LOG").stdin(Stdio::null()).stdout(Stdio::piped());
    let log = folder.join("stderr");
    let mut child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    let mut url = String::new();
    // Kept until the end, because the server prints more.
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    printed.read_line(&mut url).unwrap();
    assert!(url.starts_with("http://"), "{}", fs::read_to_string(&log).unwrap());
    ask(url.trim().to_owned()).await;
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap();
    fs::read_to_string(log).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_an_operator_that_is_opened_without_security_is_warned_of() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let warning = "this log has an operator, and the shop is open";
    for (options, warned) in [(&[][..], false), (&["--secured"], false), (&[], true)] {
        let log = log_of(folder.path(), &mocks, options, |_| std::future::ready(())).await;
        assert_eq!(log.contains(warning), warned, "{options:?}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_logged_with_the_route_and_without_password_and_token() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let token = format!("st1.AAAA.{}.BBBB", "C".repeat(56));
    let log = log_of(folder.path(), &mocks, &["--secured"], |url| async move {
        let http = reqwest::Client::new();
        let order = http.get(format!("{url}/v1/orders/0195500d-0000-7000-8000-00000000beef"));
        for request in [order.try_clone().unwrap(), order.bearer_auth(token)] {
            assert_eq!(request.send().await.unwrap().status(), reqwest::StatusCode::UNAUTHORIZED);
        }
        let sign_in = serde_json::json!({"email": "ada@example.com", "password": "coffee at five"});
        let sign_in = http.post(format!("{url}/v1/sessions")).header("idempotency-key", "1").json(&sign_in);
        assert_eq!(sign_in.send().await.unwrap().status(), reqwest::StatusCode::UNAUTHORIZED);
    })
    .await;
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("refused")).collect();
    let parts = [
        ["method=GET ", "route=\"/v1/orders/{id}\"", "who=\"nobody\""],
        ["method=GET ", "route=\"/v1/orders/{id}\"", "who=\"invalid session\""],
        ["method=POST ", "route=\"/v1/sessions\"", "who=\"nobody\""],
    ];
    assert_eq!(refused.len(), parts.len(), "{log}");
    for (line, parts) in refused.iter().zip(parts) {
        assert!(line.contains("status=401") && parts.iter().all(|part| line.contains(part)), "{line}");
    }
    for secret in ["CCCC", "coffee", "ada@"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_to_somebody_is_kept_nowhere_on_the_way() {
    let world = World::open_with(|config| config.secured = true).await;
    let guest = world.client.begin_as_guest().await.unwrap().token.0;
    let http = reqwest::Client::new();
    for path in ["/v1/orders", "/v1/products"] {
        let request = http.get(format!("{}{path}", world.server.url())).bearer_auth(&guest);
        let answer = request.send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    }
    let answer = http.get(format!("{}/v1/products", world.server.url())).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-cache");
}
