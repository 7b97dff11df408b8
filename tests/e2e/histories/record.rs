//! The records of a run: each request with its times and outcome, and the events of each follower.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use storefront_api::Event;

/// The state of a stream in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// 0 for a missing stream.
    pub(super) version: u64,
    /// Pieces of an order, or on hand of a product.
    pub(super) pieces: i64,
}

impl State {
    /// Reads the state from the body of an order or of a stock item.
    pub(super) fn from_body(body: &Value) -> Option<Self> {
        let version = body["version"].as_u64()?;
        let pieces = match body["on_hand"].as_i64() {
            Some(on_hand) => on_hand,
            None => body["items"].as_array()?.iter().filter_map(|item| item["quantity"].as_i64()).sum(),
        };
        Some(Self { version, pieces })
    }
}

/// The outcome of an attempt to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Acknowledged {
        position: u64,
        state: State,
        /// Whether it is the stored response of an earlier attempt.
        replayed: bool,
        body: Value,
    },
    /// It had no effect.
    Refused { code: String },
    /// It may have had an effect, or may have it later.
    Unknown { why: String },
}

/// A write request. Repeats with the same key are further attempts.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// The idempotency key, which is also the actor of the events.
    pub(super) key: String,
    pub(super) stream: String,
    /// Whether the request sets a state that may be set already.
    pub(super) may_change_nothing: bool,
    pub(super) server: usize,
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) stream: String,
    pub(super) server: usize,
    /// The minimum position; reads of orders are always current.
    pub(super) min_position: Option<u64>,
    pub(super) began: Duration,
    pub(super) ended: Duration,
    /// `None` without a response.
    pub(super) seen: Option<State>,
}

/// The events of a follower in the order of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Feed {
    pub(super) follower: String,
    pub(super) events: Vec<Event>,
    /// Number of resets.
    pub(super) resets: usize,
    /// Number of requests.
    pub(super) resumed: usize,
}

/// The records of a run and its final state.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) attempts: Vec<Attempt>,
    pub(super) reads: Vec<Read>,
    pub(super) feeds: Vec<Feed>,
    /// The log at the end.
    pub(super) log: Vec<Event>,
    /// Successful charges by order: captured and refunded amount of each.
    pub(super) charges: BTreeMap<String, Vec<(i64, i64)>>,
    /// The message ids in the mailbox.
    pub(super) mails: Vec<String>,
    /// Pieces on hand by stream of stock, as the server shows them at the end.
    pub(super) final_stock: BTreeMap<String, i64>,
}

/// Collects the records of all clients. Times count from its creation.
pub(super) struct Recorder {
    created: Instant,
    attempts: Mutex<Vec<Attempt>>,
    reads: Mutex<Vec<Read>>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self { created: Instant::now(), attempts: Mutex::default(), reads: Mutex::default() }
    }

    pub(super) fn now(&self) -> Duration {
        self.created.elapsed()
    }

    pub(super) fn attempt(&self, attempt: Attempt) {
        self.attempts.lock().unwrap().push(attempt);
    }

    pub(super) fn read(&self, read: Read) {
        self.reads.lock().unwrap().push(read);
    }

    /// The attempts and the reads so far.
    pub(super) fn records(&self) -> (Vec<Attempt>, Vec<Read>) {
        (self.attempts.lock().unwrap().clone(), self.reads.lock().unwrap().clone())
    }
}
