//! The card gateway: the published PaymentIntents HTTP shape, its test cards, idempotency keys and signed webhooks.
//!
//! Each POST runs to its end even if the client has gone, as it would at a real gateway: a lost answer is not a lost
//! charge. Objects and the answer kept for the key go into the state file as one line, so both are there or neither.

mod currencies;
mod disputes;
mod errors;
mod methods;
mod objects;
mod operations;
mod outcome;
mod params;
mod refunds;
mod routes;
mod test_cards;
mod webhooks;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use objects::{BalanceTransaction, Charge, Dispute, IntentStatus, Metadata, PaymentIntent, Refund};
pub(crate) use routes::{broken, router};
pub use webhooks::WebhookTarget;

use crate::{
    faults::{FaultSwitch, locked},
    journal::{Journal, JournalEntry},
};
use errors::ApiError;
use objects::PaymentMethod;
use operations::Operation;
use outcome::{OperationContext, Outcome};
use params::Params;
use webhooks::{Event, Webhooks};

/// The most intents, charges, refunds, disputes, payment methods and answers that are kept, each; the oldest go first.
const MAX_KEPT: usize = 20_000;

/// The card gateway, as seen from inside the process. Cheap to clone; all clones are the same gateway.
#[derive(Clone)]
pub struct CardGateway {
    books: Arc<Mutex<Books>>,
    charges: Arc<watch::Sender<u64>>,
    webhooks: Webhooks,
    journal: Journal,
    settings: Arc<Settings>,
}

/// What a gateway is started with.
pub(crate) struct Settings {
    pub(crate) secret_key: String,
    pub(crate) publishable_key: String,
    pub(crate) slow_card_ms: u64,
    pub(crate) base_url: String,
    pub(crate) faults: FaultSwitch,
    pub(crate) shutdown: CancellationToken,
}

/// All that the gateway knows, by id (and so by time).
#[derive(Default)]
pub(crate) struct Books {
    intents: BTreeMap<String, PaymentIntent>,
    charges: BTreeMap<String, Charge>,
    refunds: BTreeMap<String, Refund>,
    disputes: BTreeMap<String, Dispute>,
    methods: BTreeMap<String, PaymentMethod>,
    answers: HashMap<String, Answer>,
    answer_order: VecDeque<String>,
    /// Keys of requests that are running now.
    running: HashSet<String>,
}

/// The answer to a request, kept under its idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    key: String,
    fingerprint: String,
    status: u16,
    body: String,
}

/// A line of the state file: what one request left behind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CardEntry {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    intents: Vec<PaymentIntent>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    charges: Vec<Charge>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<Refund>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disputes: Vec<Dispute>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<PaymentMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
}

impl JournalEntry for CardEntry {
    const STUB: &'static str = "card";
}

impl fmt::Debug for CardGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardGateway").field("charges", &self.charges().len()).finish_non_exhaustive()
    }
}

impl CardGateway {
    pub(crate) fn load(entries: Vec<CardEntry>, settings: Settings) -> CardGateway {
        let mut books = Books::default();
        for entry in entries {
            books.apply(entry);
        }
        let webhooks = Webhooks::start(settings.faults.clone(), settings.shutdown.clone());
        CardGateway {
            charges: Arc::new(watch::Sender::new(0)),
            books: Arc::new(Mutex::new(books)),
            webhooks,
            journal: Journal::default(),
            settings: Arc::new(settings),
        }
    }

    /// What has to be in a state file to get these books again.
    pub(crate) fn entries(&self) -> Vec<CardEntry> {
        let books = locked(&self.books);
        let none = CardEntry::default;
        let mut entries: Vec<CardEntry> = Vec::new();
        entries.extend(books.intents.values().map(|intent| CardEntry { intents: vec![intent.clone()], ..none() }));
        entries.extend(books.charges.values().map(|charge| CardEntry { charges: vec![charge.clone()], ..none() }));
        entries.extend(books.refunds.values().map(|refund| CardEntry { refunds: vec![refund.clone()], ..none() }));
        entries.extend(books.disputes.values().map(|dispute| CardEntry { disputes: vec![dispute.clone()], ..none() }));
        entries.extend(books.methods.values().map(|method| CardEntry { methods: vec![method.clone()], ..none() }));
        let answers = books.answer_order.iter().filter_map(|key| books.answers.get(key));
        entries.extend(answers.map(|answer| CardEntry { answer: Some(answer.clone()), ..none() }));
        entries
    }

    pub(crate) fn writing_to(self, journal: Journal) -> CardGateway {
        CardGateway { journal, ..self }
    }

    /// Forgets everything that ever happened here.
    pub(crate) fn start_over(&self) {
        let mut books = locked(&self.books);
        let running = std::mem::take(&mut books.running);
        *books = Books { running, ..Books::default() };
    }

    /// From now on, events go to this target; with `None`, to nobody.
    pub fn send_webhooks_to(&self, target: Option<WebhookTarget>) {
        self.webhooks.send_to(target);
    }

    /// All attempts to take money, successful or not, oldest first.
    pub fn charges(&self) -> Vec<Charge> {
        locked(&self.books).charges.values().cloned().collect()
    }

    /// The charges that took money and whose metadata has this value under this key.
    pub fn paid_charges_with(&self, metadata_key: &str, value: &str) -> Vec<Charge> {
        let wanted = |charge: &Charge| charge.paid && charge.metadata.get(metadata_key).is_some_and(|v| v == value);
        self.charges().into_iter().filter(wanted).collect()
    }

    /// All payment intents, oldest first.
    pub fn intents(&self) -> Vec<PaymentIntent> {
        locked(&self.books).intents.values().cloned().collect()
    }

    /// All refunds, oldest first.
    pub fn refunds(&self) -> Vec<Refund> {
        locked(&self.books).refunds.values().cloned().collect()
    }

    /// All disputes, oldest first.
    pub fn disputes(&self) -> Vec<Dispute> {
        locked(&self.books).disputes.values().cloned().collect()
    }

    /// Waits until the charges are as wanted, and returns them; after `timeout` it returns them as they are.
    pub async fn wait_for_charges(&self, wanted: impl Fn(&[Charge]) -> bool, timeout: Duration) -> Vec<Charge> {
        let mut news = self.charges.subscribe();
        let satisfied = async {
            // The sender lives as long as `self`, so waiting cannot fail.
            while !wanted(&self.charges()) && news.changed().await.is_ok() {}
        };
        let _ = tokio::time::timeout(timeout, satisfied).await;
        self.charges()
    }

    /// Runs a POST: at most once per idempotency key, and to its end. `path` tells endpoints apart.
    ///
    /// # Errors
    /// What the gateway answers when it did not begin: such an answer is not kept for the key.
    pub(crate) async fn post(
        &self,
        operation: Operation,
        params: Params,
        path: &str,
        key: Option<String>,
    ) -> Result<Posted, ApiError> {
        let fingerprint = params.fingerprint(path);
        let claim = match &key {
            None => None,
            Some(key) => match self.claim(key, &fingerprint)? {
                Claim::Fresh(running) => Some(running),
                Claim::Answered(answer) => return Posted::replayed(&answer),
            },
        };
        let gateway = self.clone();
        let run = async move {
            gateway.take_time(&operation, &params).await?;
            gateway.perform(&operation, &params, key.map(|key| (key, fingerprint)), claim)
        };
        // A task of its own: the client may go away, the charge goes on.
        tokio::spawn(run).await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Waits if the card is a slow one.
    async fn take_time(&self, operation: &Operation, params: &Params) -> Result<(), ApiError> {
        if !operations::is_slow(&locked(&self.books), operation, params) {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(self.settings.slow_card_ms)) => Ok(()),
            () = self.settings.shutdown.cancelled() => Err(stopped()),
        }
    }

    fn perform(
        &self,
        operation: &Operation,
        params: &Params,
        key: Option<(String, String)>,
        claim: Option<Running>,
    ) -> Result<Posted, ApiError> {
        let context = OperationContext {
            now: jiff::Timestamp::now().as_second(),
            decline_all: self.settings.faults.get().decline,
            base_url: self.settings.base_url.clone(),
        };
        let mut books = locked(&self.books);
        let Outcome { status, body, changed, events } = operations::perform(&books, operation, params, &context)?;
        let body = body.to_string();
        let idempotency_key = key.as_ref().map(|(key, _)| key.clone());
        let answer =
            key.map(|(key, fingerprint)| Answer { key, fingerprint, status: status.as_u16(), body: body.clone() });
        let entry = CardEntry { answer, ..changed };
        let has_charges = !entry.charges.is_empty();
        self.journal.append(&entry);
        books.apply(entry);
        drop(books);
        drop(claim);
        for (kind, object) in events {
            self.webhooks.tell(Event { kind, object, idempotency_key: idempotency_key.clone(), created: context.now });
        }
        if has_charges {
            self.charges.send_modify(|count| *count += 1);
        }
        Ok(Posted { status, body, replayed: false })
    }

    fn claim(&self, key: &str, fingerprint: &str) -> Result<Claim, ApiError> {
        let mut books = locked(&self.books);
        if let Some(answer) = books.answers.get(key) {
            if answer.fingerprint == fingerprint {
                return Ok(Claim::Answered(answer.clone()));
            }
            let detail = format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                 Try a key other than '{key}' if you meant to make a different request."
            );
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "idempotency_error", detail));
        }
        if !books.running.insert(key.to_owned()) {
            let detail = format!("Another request with the idempotency key '{key}' is still running.");
            let error = ApiError::new(StatusCode::CONFLICT, "idempotency_error", detail);
            return Err(error.code("idempotency_key_in_use"));
        }
        Ok(Claim::Fresh(Running { books: Arc::clone(&self.books), key: key.to_owned() }))
    }
}

/// What to answer to a POST.
pub(crate) struct Posted {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    pub(crate) replayed: bool,
}

impl Posted {
    fn replayed(answer: &Answer) -> Result<Posted, ApiError> {
        let status = StatusCode::from_u16(answer.status).map_err(|_| stopped())?;
        Ok(Posted { status, body: answer.body.clone(), replayed: true })
    }
}

enum Claim {
    Fresh(Running),
    Answered(Answer),
}

/// A key in use; free again when this is dropped.
struct Running {
    books: Arc<Mutex<Books>>,
    key: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        locked(&self.books).running.remove(&self.key);
    }
}

fn stopped() -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "api_error", "The gateway is shutting down. Nothing was charged.")
}

impl Books {
    fn apply(&mut self, entry: CardEntry) {
        self.intents.extend(entry.intents.into_iter().map(|intent| (intent.id.clone(), intent)));
        self.charges.extend(entry.charges.into_iter().map(|charge| (charge.id.clone(), charge)));
        self.refunds.extend(entry.refunds.into_iter().map(|refund| (refund.id.clone(), refund)));
        self.disputes.extend(entry.disputes.into_iter().map(|dispute| (dispute.id.clone(), dispute)));
        self.methods.extend(entry.methods.into_iter().map(|method| (method.id.clone(), method)));
        if let Some(answer) = entry.answer {
            self.answer_order.push_back(answer.key.clone());
            self.answers.insert(answer.key.clone(), answer);
        }
        forget_oldest(&mut self.intents);
        forget_oldest(&mut self.charges);
        forget_oldest(&mut self.refunds);
        forget_oldest(&mut self.disputes);
        forget_oldest(&mut self.methods);
        if self.answer_order.len() > MAX_KEPT
            && let Some(key) = self.answer_order.pop_front()
        {
            self.answers.remove(&key);
        }
    }
}

fn forget_oldest<T>(objects: &mut BTreeMap<String, T>) {
    if objects.len() > MAX_KEPT {
        objects.pop_first();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;
    use crate::faults::Stub;

    fn gateway() -> CardGateway {
        let settings = Settings {
            secret_key: "sk".to_owned(),
            publishable_key: "pk".to_owned(),
            slow_card_ms: 1,
            base_url: "http://gateway.example".to_owned(),
            faults: FaultSwitch::new(Stub::Cards),
            shutdown: CancellationToken::new(),
        };
        CardGateway::load(Vec::new(), settings)
    }

    fn slow_payment() -> Params {
        let pairs = [("amount", "2499"), ("currency", "eur"), ("payment_method", "pm_card_slow"), ("confirm", "true")];
        Params::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    }

    #[tokio::test]
    async fn a_charge_goes_on_when_the_merchant_hangs_up() {
        let gateway = gateway();
        {
            let mut posting = Box::pin(gateway.post(Operation::Create, slow_payment(), "x", Some("key".to_owned())));
            let first_look = std::future::poll_fn(|cx| Poll::Ready(posting.as_mut().poll(cx).is_ready()));
            assert!(!first_look.await);
        }
        let charges = gateway.wait_for_charges(|charges| !charges.is_empty(), Duration::from_secs(20)).await;
        assert_eq!(charges.len(), 1);
        let again = gateway.post(Operation::Create, slow_payment(), "x", Some("key".to_owned())).await;
        assert!(again.is_ok_and(|posted| posted.replayed));
    }

    #[tokio::test]
    async fn a_key_in_use_is_refused_until_the_first_request_ends() {
        let gateway = gateway();
        let claim = gateway.claim("key", "print");
        assert!(gateway.claim("key", "print").is_err_and(|error| error.status() == StatusCode::CONFLICT));
        drop(claim);
        assert!(matches!(gateway.claim("key", "print"), Ok(Claim::Fresh(_))));
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut objects: BTreeMap<String, ()> = (0..=MAX_KEPT).map(|n| (format!("{n:06}"), ())).collect();
        forget_oldest(&mut objects);
        assert_eq!((objects.len(), objects.first_key_value()), (MAX_KEPT, Some((&"000001".to_owned(), &()))));
    }
}
