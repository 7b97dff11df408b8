//! Commands without a screen: `serve`, `demo`, `events`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use storefront_api::{Event, Password, ProductQuery, ReceiveStock, Scope, SignIn};
use storefront_client::{Client, IdempotencyKey};

use super::{Serve, one_line, start, text};
use crate::api_keys::{make, token};
use crate::programs::{program, run};
use crate::secured::Secured;
use crate::world::{VISA, World};

#[test]
fn a_shop_that_is_not_there_is_reported_in_one_line() {
    for command in ["demo", "events"] {
        let output = run("storefront", [command, "--server", "http://127.0.0.1:1"]);
        assert_eq!(output.status.code(), Some(1), "{command}");
        let said = one_line(&output);
        assert!(said.contains("http://127.0.0.1:1") && said.contains("cannot be reached"), "{said}");
    }
}

#[test]
fn a_demo_buys_something_and_prints_the_timeline() {
    let output = run("storefront", ["demo"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    for event in [("order", "checked_out"), ("stock", "reserved"), ("payment", "succeeded"), ("order", "confirmed")] {
        let said = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.windows(2).any(|pair| (pair[0], pair[1]) == event)
        };
        assert!(printed.lines().any(said), "{event:?} is missing in:\n{printed}");
    }
}

#[test]
fn every_scenario_of_the_demo_ends_as_it_says() {
    let refused = run("storefront", ["demo", "--scenario", "nonsense"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    let (_, names) = said.split_once("[possible values: ").expect("the scenarios are named");
    let names: Vec<&str> = names.split_once(']').unwrap().0.split(", ").collect();
    assert!(names.len() >= 5, "{names:?}");
    // Two at a time: each is a whole shop.
    for pair in names.chunks(2) {
        let started: Vec<(&str, Child)> =
            pair.iter().map(|name| (*name, start(&["demo", "--scenario", name]))).collect();
        for (name, demo) in started {
            let output = demo.wait_with_output().unwrap();
            let (printed, said) = (text(&output.stdout), text(&output.stderr));
            assert_eq!(output.status.code(), Some(0), "{name}: {said}\n{printed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_prints_where_it_is_and_ends_in_order() {
    let mut serve = Serve(start(&["serve", "--ephemeral", "--listen", "localhost:0", "--host", "shop.example"]));
    let mut line = String::new();
    let mut printed = BufReader::new(serve.0.stdout.take().unwrap());
    printed.read_line(&mut line).unwrap();
    let url = line.split_whitespace().last().unwrap_or_default();
    let answer = Client::new(url).unwrap().readiness().await;
    assert!(answer.is_ok(), "{line:?} does not answer: {answer:?}");
    for (host, status) in [("shop.example", 200), ("evil.test", 403)] {
        let live = reqwest::Client::new().get(format!("{url}/health/live")).header("host", host).send().await.unwrap();
        assert_eq!(live.status().as_u16(), status, "{host}");
    }
    kill_process(Pid::from_child(&serve.0), Signal::TERM).unwrap();
    assert_eq!(serve.0.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_printed_as_lines_and_as_json() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(3).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, storefront_api::OrderStatus::Confirmed).await;
    let (url, id) = (world.server.url(), basket.id.to_string());

    let output = run("storefront", ["events", "--json", "--server", &url]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let events: Vec<Event> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().zip(1..).all(|(event, position)| event.position == position), "positions are dense");
    assert!(events.iter().any(|event| event.kind == "order.confirmed"));

    let output = run("storefront", ["events", "--order", &id, "--server", &url]);
    assert_eq!(output.status.code(), Some(0));
    let printed = text(&output.stdout);
    assert!(printed.lines().next().is_some_and(|line| line.contains("started")), "{printed}");
    assert!(printed.contains("payment") && !printed.contains("listed"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_an_order_is_printed_by_the_number_that_everyone_sees() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(3).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    let order = world.wait_for_status(basket.id, storefront_api::OrderStatus::Confirmed).await;
    world.wait_until_idle().await;
    let (url, number) = (world.server.url(), order.number.unwrap());
    let by = |order: &str| run("storefront", ["events", "--json", "--order", order, "--server", &url]);
    let by_id = text(&by(&basket.id.to_string()).stdout);
    assert!(by_id.contains("order.confirmed"), "{by_id}");
    let bare = number.replace('-', "").to_lowercase().replace('0', "o").replace('1', "l");
    for written in [number.clone(), bare, number.to_lowercase()] {
        let output = by(&written);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), by_id.clone()), "{written}");
    }
    let nobody = by("MJVS-JTAY");
    assert_eq!(nobody.status.code(), Some(1));
    assert!(one_line(&nobody).contains("There is no order MJVS-JTAY"));
    assert_eq!(by("MJVS-JTAX").status.code(), Some(2), "a typing error is a usage error");
}

#[test]
fn nothing_that_a_terminal_acts_on_is_printed_into_files() {
    // With warnings in it: an address that nobody listens on is no place for news.
    let output = Command::new(program("storefront"))
        .args(["demo", "--scenario", "webhooks"])
        .env("RUST_LOG", "info")
        .env_remove("STOREFRONT_SERVER")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for printed in [&output.stdout, &output.stderr] {
        let printed = text(printed);
        assert!(!printed.chars().any(|letter| letter.is_control() && letter != '\n'), "{printed:?}");
    }
    assert!(text(&output.stderr).contains("INFO"), "something was logged: {}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_the_log_ends_when_nobody_reads_it_any_more() {
    let world = World::open().await;
    let mut child = start(&["events", "--follow", "--server", &world.server.url()]);
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    printed.read_line(&mut String::new()).unwrap();
    drop(printed);
    // Nothing happens in the shop that it would have to print.
    let ended = crate::world::eventually("it has ended", || {
        let ended = child.try_wait().unwrap();
        async move { ended }
    })
    .await;
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_says_where_the_running_shop_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut serve = Serve(start(&["serve", "--data", data, "--listen", "127.0.0.1:0"]));
    let mut line = String::new();
    // Whose output nobody reads any more, ends.
    let mut printed = BufReader::new(serve.0.stdout.take().unwrap());
    printed.read_line(&mut line).unwrap();
    let url = line.split_whitespace().last().unwrap_or_default().to_owned();
    let again = run("storefront", ["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    assert_eq!(again.status.code(), Some(1));
    let said = one_line(&again);
    assert!(said.contains(&format!("storefront --server {url}")), "{said}");
    let store = format!("sqlite:{}", folder.path().join("shop.db").display());
    let server = run("storefront-server", ["serve", "--store", &store, "--listen", "127.0.0.1:0"]);
    assert_eq!(server.status.code(), Some(1));
    let said = text(&server.stderr);
    assert!(said.contains("is in use") && said.contains(&format!("storefront --server {url}")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_joins_a_shop_that_is_open_to_the_network_and_only_such_a_one() {
    for program in ["storefront", "storefront-server"] {
        let refused = run(program, ["serve", "--listen", "0.0.0.0:0"]);
        assert_ne!(refused.status.code(), Some(0), "{program}");
        assert!(text(&refused.stderr).contains("--open-to-network"), "{program}: {}", text(&refused.stderr));
    }
    let mut serve = Serve(start(&["serve", "--ephemeral", "--open-to-network", "--listen", "127.0.0.1:0"]));
    let mut printed = BufReader::new(serve.0.stdout.take().unwrap());
    let mut join = None;
    let mut line = String::new();
    while printed.read_line(&mut line).unwrap() > 0 {
        join = join.or_else(|| line.trim().strip_prefix("to join").map(|rest| rest.trim().to_owned()));
        if line.starts_with("Ctrl-C") {
            break;
        }
        line.clear();
    }
    let join = join.expect("it says how to join");
    let url = join.strip_prefix("storefront --server ").expect("as a command");
    let answer = Client::new(url).unwrap().readiness().await;
    assert!(answer.is_ok(), "{join} does not answer: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_in_secured_mode_prints_the_operators_one_time_password_and_other_commands_refuse_it() {
    for command in [["demo", "--secured"], ["events", "--secured"]] {
        let refused = run("storefront", command);
        assert_eq!(refused.status.code(), Some(2), "{command:?}");
        assert!(text(&refused.stderr).contains("--secured is for"), "{command:?}: {}", text(&refused.stderr));
    }
    let mut serve = Serve(start(&["serve", "--ephemeral", "--secured", "--listen", "127.0.0.1:0"]));
    let mut printed = BufReader::new(serve.0.stdout.take().unwrap());
    let (mut url, mut operator) = (None, None);
    let mut line = String::new();
    while printed.read_line(&mut line).unwrap() > 0 {
        url = url.or_else(|| line.trim().strip_prefix("The shop is open at ").map(str::to_owned));
        operator = operator.or_else(|| line.trim().strip_prefix("operator").map(|rest| rest.trim().to_owned()));
        if line.starts_with("Ctrl-C") {
            break;
        }
        line.clear();
    }
    let operator = operator.expect("it says who the operator is");
    let (email, password) = operator.split_once(", one-time password ").expect("and the password");
    let client = Client::new(&url.unwrap()).unwrap();
    let sign_in = SignIn { email: email.to_owned(), password: Password(password.to_owned()) };
    let signed_in = client.sign_in(&sign_in, &IdempotencyKey::new()).await.unwrap().value;
    assert!(signed_in.must_change_password);
    assert!(client.statistics(None).await.is_err(), "everybody else is kept out");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_act_with_an_api_key_in_a_secured_shop_and_a_demo_buys_as_a_guest() {
    let shop = Secured::open().await;
    for product in shop.world.client.products(&ProductQuery::default()).await.unwrap().items {
        let receive = ReceiveStock { quantity: 20 };
        shop.operator.receive_stock(&product.id, &receive, &IdempotencyKey::new()).await.unwrap();
    }
    let url = shop.world.server.url();
    let bought = run("storefront", ["demo", "--server", &url]);
    assert_eq!(bought.status.code(), Some(0), "{}", text(&bought.stderr));
    assert!(text(&bought.stdout).contains("confirmed"), "{}", text(&bought.stdout));

    let refused = run("storefront", ["events", "--server", &url]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(one_line(&refused).contains("--api-key-file"), "{}", text(&refused.stderr));

    let created = make(&shop.operator, &[Scope::EventsRead]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{}\n", token(&created).0)).unwrap();
    let file = file.to_str().unwrap();
    let read = run("storefront", ["events", "--server", &url, "--api-key-file", file]);
    assert_eq!(read.status.code(), Some(0), "{}", text(&read.stderr));
    assert!(text(&read.stdout).contains("checked_out"), "{}", text(&read.stdout));

    shop.operator.revoke_api_key(created.id).await.unwrap();
    let refused = run("storefront", ["events", "--server", &url, "--api-key-file", file]);
    assert!(one_line(&refused).contains("does not take this API key"), "{}", text(&refused.stderr));
    assert!(!text(&refused.stderr).contains(&token(&created).0));
    std::fs::write(file, "\n").unwrap();
    let refused = run("storefront", ["events", "--server", &url, "--api-key-file", file]);
    assert!(one_line(&refused).contains("There is no API key in"), "{}", text(&refused.stderr));
}

#[test]
fn whoever_takes_no_output_can_still_end_what_prints() {
    let mut demo = start(&["events", "--follow", "--ephemeral", "--json"]);
    let mut printed = demo.stdout.take().unwrap();
    let mut begin = [0; 1];
    printed.read_exact(&mut begin).unwrap();
    // A pipe holds 64 kB, which the log of a new shop fills.
    let pid = Pid::from_child(&demo);
    let deadline = std::time::Instant::now() + crate::world::WAIT_TIMEOUT;
    loop {
        let _ended = kill_process(pid, Signal::INT);
        if demo.try_wait().unwrap().is_some() {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}
