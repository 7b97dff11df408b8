//! The clients of a run: commands with keys, some of them sent twice; reads; whole purchases.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use serde_json::{Value, json};
use storefront_api::{ACTOR_HEADER, IDEMPOTENCY_KEY_HEADER, IDEMPOTENT_REPLAYED_HEADER, OrderId, POSITION_HEADER};

use super::record::{Attempt, Outcome, Read, Recorder, State};
use super::seeded_rng::SeededRng;
use crate::world::{DECLINED, VISA, an_order, card, checkout};

/// Timeout of a request; its outcome is unknown then.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(4);
/// Maximum number of times that a request without a response is sent with its key.
const MAX_ATTEMPTS: u64 = 6;
/// Timeout of a purchase after the end of the run.
const PURCHASE_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum number of commands to a shared basket before a new one replaces it, because a line has at most 99 pieces.
const MAX_COMMANDS_PER_BASKET: u64 = 60;

/// What all clients share.
pub(super) struct RunContext {
    pub(super) http: reqwest::Client,
    /// URLs of the servers, which stay the same over restarts.
    pub(super) urls: Vec<String>,
    pub(super) products: Vec<String>,
    pub(super) recorder: Recorder,
    /// End of the run.
    pub(super) until: Instant,
    /// Baskets that several writers change at once.
    baskets: Vec<tokio::sync::Mutex<(OrderId, u64)>>,
}

impl RunContext {
    pub(super) fn new(urls: Vec<String>, products: Vec<String>, until: Instant) -> Self {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(RESPONSE_TIMEOUT).build().unwrap();
        let baskets = (0..3).map(|_| tokio::sync::Mutex::new((an_order(), 0))).collect();
        Self { http, urls, products, recorder: Recorder::new(), until, baskets }
    }

    pub(super) fn is_open(&self) -> bool {
        Instant::now() < self.until
    }

    async fn basket(&self, index: usize) -> OrderId {
        let mut basket = self.baskets[index].lock().await;
        if basket.1 >= MAX_COMMANDS_PER_BASKET {
            *basket = (an_order(), 0);
        }
        basket.1 += 1;
        basket.0
    }
}

#[derive(Clone)]
struct Command {
    method: Method,
    path: String,
    body: Value,
    stream: String,
    may_change_nothing: bool,
}

fn order_command(order: OrderId, method: Method, path: &str, body: Value) -> Command {
    let may_change_nothing = method == Method::PUT;
    let path = format!("/v1/orders/{order}/{path}");
    Command { method, path, body, stream: format!("order-{order}"), may_change_nothing }
}

fn stock_command(product: &str, method: Method, path: &str, body: Value) -> Command {
    let may_change_nothing = method == Method::PUT;
    Command {
        method,
        path: format!("/v1/stock/{product}{path}"),
        body,
        stream: format!("stock-{product}"),
        may_change_nothing,
    }
}

/// A client with its own random choices.
pub(super) struct WorkloadClient {
    run: Arc<RunContext>,
    rng: SeededRng,
    name: String,
    sent: u64,
}

impl WorkloadClient {
    pub(super) fn new(run: &Arc<RunContext>, seed: u64, name: String) -> Self {
        Self { run: run.clone(), rng: SeededRng::new(seed, &name), name, sent: 0 }
    }

    /// Changes shared baskets and stock, and reads its own writes.
    pub(super) async fn run_writer(mut self) {
        while self.run.is_open() {
            let command = self.choose_command().await;
            let stream = command.stream.clone();
            let written = self.send(command).await;
            if let Some((position, _)) = written.filter(|_| self.rng.one_in(2)) {
                self.read(&stream, Some(position)).await;
            }
            self.pause().await;
        }
    }

    async fn choose_command(&mut self) -> Command {
        let product = self.choose_product();
        match self.rng.below(10) {
            0 => {
                let quantity = 1 + self.rng.below(20);
                stock_command(&product, Method::POST, "/receive", json!({"quantity": quantity}))
            }
            1 => {
                let on_hand = 400 + self.rng.below(3);
                stock_command(&product, Method::PUT, "", json!({"on_hand": on_hand, "reason": "stocktaking"}))
            }
            2..4 => {
                let index = self.rng.index(self.run.baskets.len());
                let quantity = 1 + self.rng.below(9);
                let basket = self.run.basket(index).await;
                order_command(basket, Method::PUT, &format!("items/{product}"), json!({"quantity": quantity}))
            }
            _ => {
                let index = self.rng.index(self.run.baskets.len());
                let basket = self.run.basket(index).await;
                order_command(basket, Method::POST, "items", json!({"product_id": product, "quantity": 1}))
            }
        }
    }

    fn choose_product(&mut self) -> String {
        let index = self.rng.index(self.run.products.len());
        self.run.products[index].clone()
    }

    /// Reads what others change.
    pub(super) async fn run_reader(mut self) {
        while self.run.is_open() {
            if self.rng.one_in(3) {
                let product = self.choose_product();
                self.read(&format!("stock-{product}"), None).await;
            } else {
                let index = self.rng.index(self.run.baskets.len());
                let basket = self.run.baskets[index].lock().await.0;
                self.read(&format!("order-{basket}"), None).await;
            }
            self.pause().await;
        }
    }

    /// Fills and buys its own baskets one after another, and cancels some of them.
    pub(super) async fn run_shopper(mut self) {
        loop {
            self.buy().await;
            if !self.run.is_open() {
                return;
            }
            self.pause().await;
        }
    }

    async fn buy(&mut self) {
        let order = an_order();
        for _ in 0..=self.rng.below(2) {
            let product = self.choose_product();
            let quantity = 1 + self.rng.below(2);
            let add = order_command(order, Method::POST, "items", json!({"product_id": product, "quantity": quantity}));
            if self.send(add).await.is_none() {
                return;
            }
        }
        let token = if self.rng.one_in(6) { DECLINED } else { VISA };
        for token in [token, VISA] {
            let Some(basket) = self.read_until(order, |status| status == "in_progress").await else { return };
            let Ok(basket) = serde_json::from_value(basket) else { return };
            let body = serde_json::to_value(checkout(&basket, card(token))).unwrap();
            let bought = self.send(order_command(order, Method::POST, "checkout", body)).await.is_some();
            if bought && self.rng.one_in(10) {
                self.cancel(order).await;
            }
            let Some(now) = self.read_until(order, |status| status != "checked_out").await else { return };
            if now["status"] != "in_progress" {
                break;
            }
        }
        if self.rng.one_in(5) {
            self.cancel(order).await;
        }
    }

    async fn cancel(&mut self, order: OrderId) {
        self.send(order_command(order, Method::POST, "cancel", json!({"reason": "changed my mind"}))).await;
    }

    /// Reads an order until it has a wanted status; `None` after a timeout.
    async fn read_until(&mut self, order: OrderId, is_done: impl Fn(&str) -> bool) -> Option<Value> {
        let deadline = self.run.until + PURCHASE_TIMEOUT;
        while Instant::now() < deadline {
            let order = self.read(&format!("order-{order}"), None).await;
            if let Some(order) = order.filter(|order| order["status"].as_str().is_some_and(&is_done)) {
                return Some(order);
            }
            self.pause().await;
        }
        None
    }

    /// Sends a command with its own key until there is a response, sometimes twice at once, or again after the
    /// response. Returns position and body of an acknowledgement.
    async fn send(&mut self, command: Command) -> Option<(u64, Value)> {
        self.sent += 1;
        let key = format!("{}-{}", self.name, self.sent);
        let mode = self.rng.below(8);
        for _ in 0..MAX_ATTEMPTS {
            let (server, other) = (self.choose_server(), self.choose_server());
            let outcome = if mode == 0 {
                let both = tokio::join!(self.attempt(&key, &command, server), self.attempt(&key, &command, other));
                [both.0, both.1].into_iter().min_by_key(|outcome| match outcome {
                    Outcome::Acknowledged { .. } => 0,
                    Outcome::Unknown { .. } => 1,
                    Outcome::Refused { .. } => 2,
                })?
            } else {
                self.attempt(&key, &command, server).await
            };
            match outcome {
                Outcome::Acknowledged { position, body, .. } => {
                    if mode == 1 {
                        self.attempt(&key, &command, other).await;
                    }
                    return Some((position, body));
                }
                // The running request may be an earlier attempt without a response.
                Outcome::Refused { code } if code != "request_in_progress" => return None,
                Outcome::Refused { .. } | Outcome::Unknown { .. } => {}
            }
            if Instant::now() > self.run.until + PURCHASE_TIMEOUT {
                return None;
            }
            self.pause().await;
            self.pause().await;
        }
        None
    }

    fn choose_server(&mut self) -> usize {
        self.rng.index(self.run.urls.len())
    }

    async fn attempt(&self, key: &str, command: &Command, server: usize) -> Outcome {
        let Command { method, path, body, stream, may_change_nothing } = command.clone();
        let recorder = &self.run.recorder;
        let url = format!("{}{path}", self.run.urls[server]);
        let request = self.run.http.request(method, url).header(IDEMPOTENCY_KEY_HEADER, key).header(ACTOR_HEADER, key);
        let began = recorder.now();
        let outcome = match request.json(&body).send().await {
            Ok(response) => outcome(response).await,
            Err(error) => Outcome::Unknown { why: error.to_string() },
        };
        let (ended, key) = (recorder.now(), key.to_owned());
        recorder.attempt(Attempt { key, stream, may_change_nothing, server, began, ended, outcome: outcome.clone() });
        outcome
    }

    /// Reads an order, or the stock of a product at least at a position, at any server. Returns the body.
    async fn read(&mut self, stream: &str, min_position: Option<u64>) -> Option<Value> {
        let server = self.choose_server();
        let url = &self.run.urls[server];
        let (request, min_position) = match stream.split_once('-')? {
            ("order", id) => (self.run.http.get(format!("{url}/v1/orders/{id}")), None),
            (_, product) => {
                let request = self.run.http.get(format!("{url}/v1/stock/{product}"));
                (request.query(&[("min_position", min_position)]), min_position)
            }
        };
        let began = self.run.recorder.now();
        let body = match request.send().await {
            Ok(response) if response.status() == 404 => Some(Value::Null),
            Ok(response) if response.status().is_success() => response.json::<Value>().await.ok(),
            Ok(_) | Err(_) => None,
        };
        let ended = self.run.recorder.now();
        let seen = body.as_ref().and_then(|body| match body {
            Value::Null => Some(State { version: 0, pieces: 0 }),
            body => State::from_body(body),
        });
        self.run.recorder.read(Read { stream: stream.to_owned(), server, min_position, began, ended, seen });
        body.filter(|body| !body.is_null())
    }

    async fn pause(&mut self) {
        let pause_ms = 20 + self.rng.below(80);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
}

/// The outcome of a response. After a server error, the write may have been done.
async fn outcome(response: Response) -> Outcome {
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let position = header(POSITION_HEADER).and_then(|position| position.parse().ok());
    let replayed = header(IDEMPOTENT_REPLAYED_HEADER).is_some();
    let body = match response.json::<Value>().await {
        Ok(body) => body,
        Err(error) => return Outcome::Unknown { why: error.to_string() },
    };
    if status.is_server_error() {
        return Outcome::Unknown { why: body["code"].to_string() };
    }
    if status.is_client_error() {
        return Outcome::Refused { code: body["code"].as_str().unwrap_or_default().to_owned() };
    }
    match (position, State::from_body(&body)) {
        (Some(position), Some(state)) => Outcome::Acknowledged { position, state, replayed, body },
        (position, state) => panic!("an answer without its position or version: {position:?} {state:?} {body}"),
    }
}
