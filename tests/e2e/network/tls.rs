//! TLS of the server: certificates, versions, reload, and clients that do not speak it.

use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::StatusCode;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use storefront_mocks::{Mocks, MocksConfig};
use storefront_server::{ConnectionLimits, Server};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::authority::{Authority, Handshake, client, connect};
use crate::programs::{ServerProcess, program, serve_arguments};
use crate::world::{self, WAIT_TIMEOUT, eventually};

static ONLY_1_2: &[&SupportedProtocolVersion] = &[&TLS12];
static ONLY_1_3: &[&SupportedProtocolVersion] = &[&TLS13];

/// An encrypted server in this process, under the name `localhost`.
struct Encrypted {
    server: Server,
    authority: Authority,
    folder: TempDir,
    _mocks: Mocks,
}

impl Encrypted {
    async fn open(limits: ConnectionLimits) -> Self {
        let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("the authority of a test");
        let mut config = world::config(&mocks, &folder);
        config.tls = Some(authority.files(folder.path(), &["localhost"]));
        config.connections = limits;
        let server = Server::start(config).await.unwrap();
        assert!(server.url().starts_with("https://localhost:"), "{}", server.url());
        Self { server, authority, folder, _mocks: mocks }
    }

    fn live(&self) -> String {
        format!("{}/health/live", self.server.url())
    }
}

/// Sends bytes, and reads until the server closes the connection.
async fn send_raw(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ended = tokio::time::timeout(WAIT_TIMEOUT, stream.read_to_end(&mut answer)).await.expect("it is closed");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_tls_are_spoken_with_http_1_1_and_nothing_older_or_newer() {
    let shop = Encrypted::open(ConnectionLimits::default()).await;
    for versions in [ONLY_1_2, ONLY_1_3] {
        for (protocols, agreed) in [(&[][..], None), (&["h2", "http/1.1"], Some(&b"http/1.1"[..]))] {
            let wanted = Handshake { authority: &shop.authority, versions, protocols };
            let mut stream = connect(shop.server.address(), wanted).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
            stream
                .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        }
    }
    let wanted = Handshake { authority: &shop.authority, versions: ONLY_1_3, protocols: &["h2"] };
    assert!(connect(shop.server.address(), wanted).await.is_err(), "HTTP/2 is not spoken");
    let stranger = Authority::new("another authority");
    assert!(client(&[&stranger]).get(shop.live()).send().await.is_err());
    assert_eq!(client(&[&shop.authority]).get(shop.live()).send().await.unwrap().status(), StatusCode::OK);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_encrypted_is_told_so_and_garbage_is_closed() {
    let shop = Encrypted::open(ConnectionLimits::default()).await;
    for request in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], b"G", b"POST /v1/customers HTTP/1.1\r\n"] {
        let answer = String::from_utf8(send_raw(&shop.server, request).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.ends_with("not http://."), "{answer}");
    }
    // A record of a handshake that is none, of TLS 1.0 alone, of another kind, and no record.
    for garbage in
        [&b"\x16\x03\x01\x00\x05hello"[..], b"\x16\x03\x01\xff\xff", b"\x17\x03\x03\x00\x01x", b"\0\0\0\0\0\0\0\0"]
    {
        let mut stream = TcpStream::connect(shop.server.address()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ended = tokio::time::timeout(WAIT_TIMEOUT, stream.read_to_end(&mut answer)).await.expect("it is closed");
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    assert_eq!(client(&[&shop.authority]).get(shop.live()).send().await.unwrap().status(), StatusCode::OK);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_never_end_lock_nobody_out_and_are_closed_in_time() {
    let limits = ConnectionLimits { max: Some(8), ..ConnectionLimits::default() };
    let shop = Encrypted::open(limits).await;
    let http = client(&[&shop.authority]);
    let mut slow = Vec::new();
    for number in 0..40 {
        let mut stream = TcpStream::connect(shop.server.address()).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
        }
        slow.push(stream);
        if number % 10 == 9 {
            // One whose own handshake was closed to make room asks again.
            eventually("somebody gets through", || async {
                let answer = http.get(shop.live()).send().await.ok()?;
                (answer.status() == StatusCode::OK).then_some(())
            })
            .await;
        }
    }
    drop(slow);
    shop.server.shutdown().await;
    let limits = ConnectionLimits { head_timeout: Duration::from_millis(200), ..ConnectionLimits::default() };
    let shop = Encrypted::open(limits).await;
    assert!(!send_raw(&shop.server, b"\x16\x03\x01\x02\x00\x01").await.starts_with(b"HTTP"));
    assert_eq!(send_raw(&shop.server, b"").await, b"");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_while_clients_come_and_none_of_them_fails() {
    let shop = Encrypted::open(ConnectionLimits::default()).await;
    let renewed = Authority::new("the next authority");
    let http = client(&[&shop.authority, &renewed]);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut shoppers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (http, url, stopped) = (http.clone(), shop.live(), stopped.clone());
        shoppers.spawn(async move {
            let mut answered = 0_u32;
            while !*stopped.borrow() {
                assert_eq!(http.get(&url).send().await.unwrap().status(), StatusCode::OK);
                answered += 1;
            }
            answered
        });
    }
    // The key comes after the certificate, so that for a while they do not fit.
    let (certificate, key) = renewed.certify(&["localhost"], |_| {});
    fs::write(shop.folder.path().join("cert.pem"), certificate).unwrap();
    assert_eq!(client(&[&shop.authority]).get(shop.live()).send().await.unwrap().status(), StatusCode::OK);
    fs::write(shop.folder.path().join("key.pem"), key).unwrap();
    let new_only = client(&[&renewed]);
    eventually("the new certificate is shown", || async { new_only.get(shop.live()).send().await.ok() }).await;
    assert!(client(&[&shop.authority]).get(shop.live()).send().await.is_err(), "the old one is gone");
    stop.send_replace(true);
    let answered: u32 = shoppers.join_all().await.into_iter().sum();
    assert!(answered > 0);
    shop.server.shutdown().await;
}

/// Starts a server with these options, and returns its exit code and what it wrote; one that listens is killed.
fn start(folder: &TempDir, options: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(program("storefront-server"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--store", "sqlite::memory:"]).args(options);
    command.env("STOREFRONT_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::piped());
    let log = folder.path().join("stderr");
    let mut child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let code = if line.is_empty() { child.wait().unwrap().code() } else { None };
    let _ended = child.kill();
    child.wait().unwrap();
    (code, line, fs::read_to_string(log).unwrap())
}

#[test]
fn a_certificate_that_cannot_be_used_ends_the_start_and_one_that_expired_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("the authority of a test");
    let files = authority.files(folder.path(), &["localhost"]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (cert, key, other, missing) = (path("cert.pem"), path("key.pem"), path("other.pem"), path("missing.pem"));
    fs::write(&other, authority.certify(&["localhost"], |_| {}).1).unwrap();
    for (options, code, says) in [
        (&["--tls-cert", &cert][..], 2, "--tls-key"),
        (&["--tls-key", &key], 2, "--tls-cert"),
        (&["--tls-cert", &cert, "--tls-key", &missing], 1, "missing.pem: No such file"),
        (&["--tls-cert", &missing, "--tls-key", &key], 1, "missing.pem: No such file"),
        (&["--tls-cert", &cert, "--tls-key", &other], 1, "is not the key of the certificate"),
        (&["--tls-cert", &key, "--tls-key", &key], 1, "it has no certificate in PEM"),
    ] {
        let (ended, _, said) = start(&folder, options);
        assert!(ended == Some(code) && said.contains(says), "{options:?}: {ended:?} {said}");
    }
    let options = ["--tls-cert", &cert, "--tls-key", &key];
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
    let (_, url, said) = start(&folder, &options);
    assert!(url.starts_with("https://localhost:") && !said.contains("certificate"), "{url} {said}");
    let (expired, its_key) = authority.certify(&["shop.example"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    fs::write(&files.certificate, expired).unwrap();
    fs::write(&files.key, its_key).unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, url, said) = start(&folder, &options);
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    for warning in
        ["the certificate has expired", "everybody on this machine may use the private key", "valid for no name"]
    {
        assert!(said.contains(warning), "{warning} is missing in {said}");
    }
    let (_, url, said) = start(&folder, &[&options[..], &["--host", "shop.example"]].concat());
    assert!(url.starts_with("https://shop.example:") && !said.contains("valid for no name"), "{url} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_buys_over_tls_and_believes_the_authorities_of_its_environment_alone() {
    let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("the authority of a test");
    let files = authority.files(folder.path(), &["localhost"]);
    let store = format!("sqlite:{}", folder.path().join("shop.db").display());
    let mut command = Command::new(program("storefront-server"));
    command.args(serve_arguments("127.0.0.1:0", &mocks, &store));
    command.arg("--tls-cert").arg(&files.certificate).arg("--tls-key").arg(&files.key);
    let server = ServerProcess::spawn(command);
    let demo = |authority: Option<&std::path::Path>| {
        let mut command = Command::new(program("storefront"));
        command.args(["demo", "--server", &server.url]).stdin(Stdio::null()).env_remove("SSL_CERT_FILE");
        command.envs(authority.map(|path| ("SSL_CERT_FILE", path))).output().unwrap()
    };
    let http = client(&[&authority]);
    eventually("the catalogue is there", || async {
        let page = http.get(format!("{}/v1/products?in_stock=true", server.url)).send().await.unwrap();
        (page.json::<serde_json::Value>().await.unwrap()["total"].as_u64()? > 5).then_some(())
    })
    .await;
    let bought = demo(Some(&authority.file(folder.path())));
    assert_eq!(bought.status.code(), Some(0), "{}", String::from_utf8_lossy(&bought.stderr));
    let refused = demo(None);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("certificate"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn storefront_serve_is_encrypted_too_and_still_hears_from_its_own_card_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("the authority of a test");
    let files = authority.files(folder.path(), &["localhost"]);
    let mut command = Command::new(program("storefront"));
    command.args(["serve", "--ephemeral", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
    command.arg("--tls-cert").arg(&files.certificate).arg("--tls-key").arg(&files.key);
    let mut shop = command.spawn().unwrap();
    let mut printed = BufReader::new(shop.stdout.take().unwrap());
    let mut line = String::new();
    printed.read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("The shop is open at ").unwrap().to_owned();
    assert!(url.starts_with("https://localhost:"), "{url}");
    let mut demo = Command::new(program("storefront"));
    demo.args(["demo", "--scenario", "webhooks", "--server", &url]).stdin(Stdio::null());
    let played = demo.env("SSL_CERT_FILE", authority.file(folder.path())).output().unwrap();
    assert_eq!(played.status.code(), Some(0), "{}", String::from_utf8_lossy(&played.stderr));
    let metrics = client(&[&authority]).get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
    let webhooks = metrics.lines().filter(|line| line.starts_with("storefront_webhooks_total"));
    assert!(webhooks.clone().any(|line| !line.ends_with(" 0")), "{metrics}");
    assert!(Command::new("kill").args(["-TERM", &shop.id().to_string()]).status().unwrap().success());
    assert!(shop.wait().unwrap().success());
    let mut rest = String::new();
    printed.read_to_string(&mut rest).unwrap();
    assert!(rest.contains(&format!("storefront --server {url}")), "{rest}");
}
