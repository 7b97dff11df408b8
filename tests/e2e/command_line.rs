//! The command line of the programs: help, errors in one line, exit codes.

mod line_mode;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

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
        said.contains("config.toml") && said.contains("basket.remove") && said.contains("everywhere.close"),
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
    let manual = text(&run("storefront", ["man"]).stdout);
    assert!(manual.contains(".TH storefront 1") && manual.contains("storefront serve"), "{manual}");
    assert!(!manual.contains("(1)\n"), "it names no page but itself: {manual}");
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
        &["demo", "--api-key-file", "key"],
        &["serve", "--api-key-file", "key"],
        &["dance"],
    ] {
        let output = run("storefront", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn the_log_file_has_what_happens_and_no_secret() {
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

/// A shop without a screen. It is killed when this is dropped.
struct Serve(Child);

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
