//! What is written down during a run: each request with its time and its answer, and what each follower was told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use storefront_api::Event;

/// What an answer shows of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// 0 where there is no such stream yet.
    pub(super) version: u64,
    /// The pieces of an order, or what is on hand of a product.
    pub(super) pieces: i64,
}

impl State {
    /// The state that the body of an order or of a stock item shows.
    pub(super) fn of(body: &Value) -> Option<Self> {
        let version = body["version"].as_u64()?;
        let pieces = match body["on_hand"].as_i64() {
            Some(on_hand) => on_hand,
            None => body["items"].as_array()?.iter().filter_map(|item| item["quantity"].as_i64()).sum(),
        };
        Some(Self { version, pieces })
    }
}

/// What came of an attempt to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It took effect.
    Acknowledged {
        position: u64,
        state: State,
        /// This is the stored answer of an earlier attempt.
        replayed: bool,
        body: Value,
    },
    /// It did not take effect.
    Refused { code: String },
    /// It may have taken effect, or may do so later.
    Unknown { why: String },
}

/// A request that is to change something, sent once. The same request may be sent again under its key.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// The idempotency key, which is also the actor of the events.
    pub(super) key: String,
    pub(super) stream: String,
    /// The request asks for a state, which may be there already.
    pub(super) may_change_nothing: bool,
    pub(super) server: usize,
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) outcome: Outcome,
}

/// A request that is to change nothing.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) stream: String,
    pub(super) server: usize,
    /// The position that the answer is to include; an order is always to be current.
    pub(super) min_position: Option<u64>,
    pub(super) began: Duration,
    pub(super) ended: Duration,
    /// `None` where no answer came.
    pub(super) seen: Option<State>,
}

/// What a follower of the log was told, in the order in which it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Feed {
    pub(super) follower: String,
    pub(super) events: Vec<Event>,
    /// How often it was told that the log is another one.
    pub(super) resets: usize,
    /// How often it went on at a server after a request had ended or failed.
    pub(super) resumed: usize,
}

/// A run, and what is there at its end.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) attempts: Vec<Attempt>,
    pub(super) reads: Vec<Read>,
    pub(super) feeds: Vec<Feed>,
    /// The log, read when everything has settled.
    pub(super) log: Vec<Event>,
    /// By order: what each charge that succeeded took, and what of it went back.
    pub(super) charges: BTreeMap<String, Vec<(i64, i64)>>,
    /// The message ids in the mailbox.
    pub(super) mails: Vec<String>,
    /// What each stream of stock has on hand as the server shows it at the end.
    pub(super) final_stock: BTreeMap<String, i64>,
}

/// Takes down what clients do. Times count from its creation.
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
