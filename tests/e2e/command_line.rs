//! What the programs say on the command line: help, refusals in one line, exit codes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use storefront_api::Event;
use storefront_client::Client;

use crate::programs::{program, run};
use crate::world::{VISA, World};

#[test]
fn a_wrong_option_is_a_usage_error() {
    for program in ["storefront", "storefront-server", "storefront-mocks"] {
        let output = run(program, ["--no-such-option"]);
        assert_eq!(output.status.code(), Some(2), "{program}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--no-such-option"), "{program}");
    }
}

/// A value that stands in no program, and its variables.
const SECRET: &str = "hunter2-of-the-environment";

#[test]
fn no_help_shows_what_stands_in_the_environment() {
    let mut seen = 0;
    for program_name in ["storefront", "storefront-server", "storefront-mocks"] {
        let help = |arguments: &[String], variables: &[String]| {
            let mut command = Command::new(program(program_name));
            command.args(arguments).envs(variables.iter().map(|name| (name, SECRET)));
            let output = command.stdin(Stdio::null()).output().unwrap();
            text(&output.stdout) + &text(&output.stderr)
        };
        let mut lines = vec![vec!["--help".to_owned()]];
        let top = help(&lines[0], &[]);
        let commands = top.split_once("Commands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap_or_default());
        for command in commands.unwrap_or_default().lines().filter_map(|line| line.split_whitespace().next()) {
            lines.push(vec![command.to_owned(), "--help".to_owned()]);
            lines.push(vec![command.to_owned(), "-h".to_owned()]);
        }
        for line in lines {
            let plain = help(&line, &[]);
            let named = plain.split("[env: ").skip(1);
            let variables: Vec<String> = named
                .map(|rest| rest.chars().take_while(|letter| letter.is_ascii_uppercase() || *letter == '_').collect())
                .collect();
            assert!(
                !help(&line, &variables).contains(SECRET),
                "{program_name} {line:?} shows a variable of {variables:?}"
            );
            seen += variables.len();
        }
    }
    assert!(seen > 40, "only {seen} variables were found");
}

#[test]
fn no_refusal_and_no_log_line_shows_a_password() {
    let password = "hunter2";
    let elsewhere = format!("there:{password}@127.0.0.1:1/shop");
    for (option, scheme) in [
        ("--store", "postgres"),
        ("--store", "postgre"),
        ("--mail", "smtpx"),
        ("--mail", "smtp"),
        ("--products", "ftp"),
        ("--products", "http"),
        ("--card-gateway", "http"),
        ("--lab", "http"),
    ] {
        let mut command = Command::new(program("storefront-server"));
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--store",
            "sqlite::memory:",
            "--card-gateway-key",
            password,
        ]);
        if option == "--store" {
            command.arg("--store").arg(format!("{scheme}://{elsewhere}"));
        } else {
            // One that is taken must not start: it would run for ever.
            command.args(["--listen", "192.0.2.1:1"]).arg(option).arg(format!("{scheme}://{elsewhere}"));
        }
        let output = command.env("STOREFRONT_LOG", "trace").stdin(Stdio::null()).output().unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!output.status.success() && !said.is_empty(), "{option} {scheme}");
        assert!(!said.contains(password), "{option} {scheme}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_gateway_wants_its_own_secrets() {
    let refused =
        run("storefront-server", ["serve", "--listen", "127.0.0.1:0", "--card-gateway", "https://gateway.example"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("--card-gateway-key"), "{}", text(&refused.stderr));
    let world = World::open_with(|config| config.card_webhook_secret = None).await;
    let url = format!("{}/v1/webhooks/card-gateway", world.server.url());
    let forged =
        reqwest::Client::new().post(url).header("stripe-signature", "t=1,v1=00").body("{}").send().await.unwrap();
    assert_eq!(forged.status().as_u16(), 503);
    assert_eq!(forged.json::<serde_json::Value>().await.unwrap()["code"], "webhook_secret_missing");
}

#[test]
fn a_switch_and_an_address_may_be_said_as_people_say_them() {
    let server = |variables: &[(&str, &str)], listen: &str| {
        let mut command = Command::new(program("storefront-server"));
        command.args(["serve", "--store", "sqlite::memory:", "--listen", listen]).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Serve(command.spawn().unwrap())
    };
    for (variables, listen, begins) in [
        (
            &[("STOREFRONT_DEMO_STOCK", "1"), ("STOREFRONT_OPEN_TO_NETWORK", "no")][..],
            "localhost:0",
            "http://127.0.0.1:",
        ),
        (&[("STOREFRONT_DEMO_STOCK", "yes"), ("STOREFRONT_OPEN_TO_NETWORK", "")], ":0", "http://127.0.0.1:"),
        (&[("STOREFRONT_OPEN_TO_NETWORK", "on")], "0.0.0.0:0", "http://127.0.0.1:"),
        (&[], "0", "http://127.0.0.1:"),
    ] {
        let mut serving = server(variables, listen);
        let mut line = String::new();
        BufReader::new(serving.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with(begins), "{variables:?} {listen}: {line}");
    }
    let mut refused = server(&[("STOREFRONT_DEMO_STOCK", "perhaps")], ":0");
    assert_eq!(refused.0.wait().unwrap().code(), Some(2));
}

#[test]
fn a_store_that_cannot_be_is_refused_in_a_line() {
    let output = run("storefront-server", ["serve", "--store", "oracle:thing"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("sqlite:PATH"));
    let output = run("storefront-server", ["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:/dev/null/shop.db"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("event log"));
}

#[test]
fn open_mode_refuses_the_network_unless_asked_for_by_name() {
    let output = run("storefront-server", ["serve", "--listen", "0.0.0.0:0", "--store", "sqlite::memory:"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--open-to-network"));
}

#[test]
fn the_printed_interface_is_the_served_one() {
    let output = run("storefront-server", ["openapi"]);
    assert!(output.status.success());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in ["/v1/products", "/v1/orders/{id}/checkout", "/v1/events", "/health/ready"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn the_help_names_every_command_and_option() {
    let output = run("storefront", ["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for word in [
        "serve",
        "demo",
        "events",
        "replay",
        "config",
        "completions",
        "man",
        "--config",
        "--server",
        "--ephemeral",
        "--data",
        "--debug",
    ] {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
    assert_eq!(run("storefront", ["--version"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_of_rebuild_names_every_view() {
    let world = World::open().await;
    let views = world.client.views().await.unwrap().items;
    assert!(!views.is_empty());
    let help = text(&run("storefront-server", ["rebuild", "--help"]).stdout);
    for view in views {
        assert!(help.contains(&view.name), "{} is missing in:\n{help}", view.name);
    }
}

#[test]
fn the_printed_configuration_can_be_used_and_a_bad_one_is_refused_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let path = file.to_str().unwrap();
    let printed = run("storefront", ["config"]);
    assert_eq!(printed.status.code(), Some(0));
    assert!(text(&printed.stdout).contains("[keys.shop]"));
    let replay = folder.path().join("none.jsonl");
    let replay = replay.to_str().unwrap();
    std::fs::write(&file, &printed.stdout).unwrap();
    let taken = run("storefront", ["replay", replay, "--config", path]);
    assert_eq!(taken.status.code(), Some(1), "the configuration is fine, the file to play is missing");
    assert!(one_line(&taken).contains("none.jsonl"));
    std::fs::write(&file, "[keys.basket]\nremove = [\"q\"]\n").unwrap();
    let refused = run("storefront", ["replay", replay, "--config", path]);
    assert_eq!(refused.status.code(), Some(2));
    let said = one_line(&refused);
    assert!(
        said.contains("config.toml") && said.contains("basket.remove") && said.contains("everywhere.quit"),
        "{said}"
    );
    let missing = run("storefront", ["replay", replay, "--config", "/nowhere/config.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(one_line(&missing).contains("/nowhere/config.toml"));
}

#[test]
fn shells_and_manuals_are_served() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run("storefront", ["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(text(&output.stdout).contains("replay"), "{shell}");
    }
    let manual = run("storefront", ["man"]);
    assert!(text(&manual.stdout).contains(".TH storefront 1"), "{}", text(&manual.stdout));
    assert_eq!(run("storefront", ["completions", "abacus"]).status.code(), Some(2));
}

#[test]
fn without_a_terminal_one_line_says_what_works_without() {
    let output = run("storefront", ["--ephemeral"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = one_line(&output);
    assert!(said.contains("storefront demo") && said.contains("storefront serve"), "{said}");
}

#[test]
fn options_that_make_no_sense_together_are_usage_errors() {
    for arguments in [
        &["--server", "http://127.0.0.1:1", "--ephemeral"][..],
        &["serve", "--server", "http://127.0.0.1:1"],
        &["serve", "--listen", "somewhere"],
        &["demo", "--server", "not-an-address"],
        &["events", "--order", "seven"],
        &["replay"],
        &["replay", "order.jsonl", "--speed", "0"],
        &["replay", "order.jsonl", "--speed", "fast"],
        &["dance"],
    ] {
        let output = run("storefront", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_shop_that_is_not_there_is_told_in_one_line() {
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
fn the_log_file_tells_what_happens_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let output = run("storefront", ["demo", "--debug", "--data", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let log = std::fs::read_to_string(folder.path().join("storefront.log")).unwrap();
    assert!(log.contains("/checkout"), "{log}");
    for secret in [VISA, "@example.com", "Lindenweg", "sk_test", "whsec"] {
        assert!(!log.contains(secret), "{secret} stands in:\n{log}");
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

/// A shop without a screen. It is killed when this is dropped.
struct Serve(Child);

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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

#[test]
fn a_variable_that_is_empty_or_about_a_shop_elsewhere_stands_in_nobodys_way() {
    for (arguments, name, value) in [
        (&["config"][..], "STOREFRONT_SERVER", ""),
        (&["completions", "bash"], "STOREFRONT_DATA", ""),
        (&["config"], "STOREFRONT_CONFIG", ""),
        (&["completions", "zsh"], "STOREFRONT_AS", ""),
        (&["demo"], "STOREFRONT_SERVER", ""),
        (&["events", "--ephemeral"], "STOREFRONT_SERVER", "http://127.0.0.1:1"),
    ] {
        let mut command = Command::new(program("storefront"));
        let output = command.args(arguments).env(name, value).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?} {name}={value}: {}", text(&output.stderr));
    }
}

#[test]
fn whoever_stops_reading_is_no_panic_and_a_full_disk_is_a_failure() {
    for arguments in [&["completions", "bash"][..], &["man"], &["config"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(program("storefront")).args(arguments).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{arguments:?}");
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(program("storefront")).args(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        one_line(&output);
    }
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

/// Starts the client without a terminal.
fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(program("storefront"));
    command.args(arguments).env_remove("STOREFRONT_SERVER").env_remove("STOREFRONT_DATA");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The one line that was said on the standard error.
fn one_line(output: &Output) -> String {
    let said = text(&output.stderr);
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    said
}
