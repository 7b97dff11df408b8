//! Helpers that speak of shops, cards and mails, so that tests need not speak of HTTP.

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

/// Long enough that only a real failure takes it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn stubs() -> Mocks {
    stubs_with(MocksConfig { slow_card_ms: 1, ..MocksConfig::default() }).await
}

pub(crate) async fn stubs_with(config: MocksConfig) -> Mocks {
    Mocks::start(config).await.unwrap()
}

pub(crate) fn http() -> reqwest::Client {
    // The first test to come here installs it; for the others it is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

pub(crate) async fn get(url: &str) -> (StatusCode, Value) {
    answer(http().get(url).send().await.unwrap()).await
}

pub(crate) async fn send(method: Method, url: &str, body: &str) -> (StatusCode, Value) {
    answer(http().request(method, url).body(body.to_owned()).send().await.unwrap()).await
}

pub(crate) async fn answer(response: Response) -> (StatusCode, Value) {
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
        answer(self.try_post(path, form, None).await.unwrap()).await
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
        answer(request.send().await.unwrap()).await
    }

    /// Tries to take 24.99 from a card at once.
    pub(crate) async fn charge(&self, card: &str) -> (StatusCode, Value) {
        self.post("/v1/payment_intents", &payment(card)).await
    }

    /// A payment that went through; returns the intent's id.
    pub(crate) async fn paid(&self) -> String {
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
pub(crate) struct Postman {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Postman {
    /// Connects and returns the server's greeting too.
    pub(crate) async fn connect(addr: SocketAddr) -> (Postman, String) {
        let (reader, writer) = TcpStream::connect(addr).await.unwrap().into_split();
        let mut postman = Postman { reader: BufReader::new(reader), writer };
        let greeting = postman.hear().await;
        (postman, greeting)
    }

    /// Connects and says hello.
    pub(crate) async fn greeted(addr: SocketAddr) -> Postman {
        let (mut postman, greeting) = Postman::connect(addr).await;
        assert!(greeting.starts_with("220 "), "{greeting}");
        assert!(postman.say("EHLO shop.example.org").await.starts_with("250"));
        postman
    }

    /// Says a line and returns the answer, with its lines joined by `\n`.
    pub(crate) async fn say(&mut self, line: &str) -> String {
        self.write(&format!("{line}\r\n")).await;
        self.hear().await
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer; empty when the server has closed the connection.
    pub(crate) async fn hear(&mut self) -> String {
        let mut lines: Vec<String> = Vec::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(PATIENCE, self.reader.read_line(&mut line)).await;
            if read.expect("the server says nothing").unwrap_or(0) == 0 {
                return lines.join("\n");
            }
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line.trim_end().to_owned());
            if is_last {
                return lines.join("\n");
            }
        }
    }

    /// Hands over a whole mail, with its dots stuffed, and returns the last answer.
    pub(crate) async fn deliver(&mut self, to: &str, mail: &str) -> String {
        assert!(self.say("MAIL FROM:<shop@example.org>").await.starts_with("250"));
        assert!(self.say(&format!("RCPT TO:<{to}>")).await.starts_with("250"));
        assert!(self.say("DATA").await.starts_with("354"));
        let stuffed: String = mail
            .lines()
            .map(|line| if line.starts_with('.') { format!(".{line}\r\n") } else { format!("{line}\r\n") })
            .collect();
        self.write(&stuffed).await;
        self.say(".").await
    }
}
