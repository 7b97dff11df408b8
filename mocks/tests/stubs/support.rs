//! Clients of the stubs for tests: a merchant of the card gateway, and an SMTP client.

use std::{net::SocketAddr, time::Duration};

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use storefront_mocks::{Mocks, MocksConfig};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Timeout of every wait; only a failure reaches it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) async fn stubs() -> Mocks {
    stubs_with(MocksConfig { slow_card_ms: 1, ..MocksConfig::default() }).await
}

pub(crate) async fn stubs_with(config: MocksConfig) -> Mocks {
    Mocks::start(config).await.unwrap()
}

pub(crate) fn http() -> reqwest::Client {
    // Fails when another test has installed the provider, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap()
}

pub(crate) async fn get(url: &str) -> (StatusCode, Value) {
    status_and_body(http().get(url).send().await.unwrap()).await
}

pub(crate) async fn send(method: Method, url: &str, body: &str) -> (StatusCode, Value) {
    status_and_body(http().request(method, url).body(body.to_owned()).send().await.unwrap()).await
}

pub(crate) async fn status_and_body(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A merchant with the right key.
pub(crate) struct Merchant {
    base_url: String,
    key: String,
    http: reqwest::Client,
}

pub(crate) fn merchant(mocks: &Mocks) -> Merchant {
    merchant_with_key(mocks, "sk_test_storefront")
}

pub(crate) fn merchant_with_key(mocks: &Mocks, key: &str) -> Merchant {
    Merchant { base_url: mocks.card_gateway_url(), key: key.to_owned(), http: http() }
}

impl Merchant {
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        status_and_body(self.try_post(path, form, None).await.unwrap()).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, form: &[(&str, &str)], key: &str) -> Response {
        self.try_post(path, form, Some(key)).await.unwrap()
    }

    pub(crate) async fn try_post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        idempotency_key: Option<&str>,
    ) -> reqwest::Result<Response> {
        let request = self.http.post(format!("{}{path}", self.base_url)).bearer_auth(&self.key).form(form);
        match idempotency_key {
            Some(key) => request.header("Idempotency-Key", key).send().await,
            None => request.send().await,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = self.http.get(format!("{}{path}", self.base_url)).bearer_auth(&self.key);
        status_and_body(request.send().await.unwrap()).await
    }

    /// Charges 24.99 to a card.
    pub(crate) async fn charge(&self, card: &str) -> (StatusCode, Value) {
        self.post("/v1/payment_intents", &payment(card)).await
    }

    /// Makes a payment that succeeds, and returns the id of its intent.
    pub(crate) async fn pay(&self) -> String {
        let (status, intent) = self.charge("pm_card_visa").await;
        assert_eq!((status, &intent["status"]), (StatusCode::OK, &Value::from("succeeded")));
        intent["id"].as_str().unwrap().to_owned()
    }
}

/// The form of a payment of 24.99 that is confirmed at once.
pub(crate) fn payment(card: &str) -> [(&'static str, &str); 5] {
    [
        ("amount", "2499"),
        ("currency", "eur"),
        ("payment_method", card),
        ("confirm", "true"),
        ("metadata[order_id]", "order-1"),
    ]
}

/// A client that speaks SMTP line by line.
pub(crate) struct SmtpClient {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl SmtpClient {
    /// Connects, and returns the client and the server's greeting.
    pub(crate) async fn connect(addr: SocketAddr) -> (SmtpClient, String) {
        let (reader, writer) = TcpStream::connect(addr).await.unwrap().into_split();
        let mut client = SmtpClient { reader: BufReader::new(reader), writer };
        let greeting = client.read_reply().await;
        (client, greeting)
    }

    /// Connects, and completes the greeting with `EHLO`.
    pub(crate) async fn connect_and_greet(addr: SocketAddr) -> SmtpClient {
        let (mut client, greeting) = SmtpClient::connect(addr).await;
        assert!(greeting.starts_with("220 "), "{greeting}");
        assert!(client.send_line("EHLO shop.example.org").await.starts_with("250"));
        client
    }

    /// Sends a line and returns the reply, with its lines joined by `\n`.
    pub(crate) async fn send_line(&mut self, line: &str) -> String {
        self.write(&format!("{line}\r\n")).await;
        self.read_reply().await
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads the next reply; empty when the server has closed the connection.
    pub(crate) async fn read_reply(&mut self) -> String {
        let mut lines: Vec<String> = Vec::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(TIMEOUT, self.reader.read_line(&mut line)).await;
            if read.expect("the server sends no reply").unwrap_or(0) == 0 {
                return lines.join("\n");
            }
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line.trim_end().to_owned());
            if is_last {
                return lines.join("\n");
            }
        }
    }

    /// Sends a whole mail with dot stuffing, and returns the last reply.
    pub(crate) async fn deliver(&mut self, to: &str, mail: &str) -> String {
        assert!(self.send_line("MAIL FROM:<shop@example.org>").await.starts_with("250"));
        assert!(self.send_line(&format!("RCPT TO:<{to}>")).await.starts_with("250"));
        assert!(self.send_line("DATA").await.starts_with("354"));
        let stuffed: String = mail
            .lines()
            .map(|line| if line.starts_with('.') { format!(".{line}\r\n") } else { format!("{line}\r\n") })
            .collect();
        self.write(&stuffed).await;
        self.send_line(".").await
    }
}
