//! The card gateway stub: the published PaymentIntents HTTP shape, test cards, idempotency keys and signed webhooks.
//!
//! Each POST runs to its end even if the client disconnects, as at a real gateway: a lost response is not a lost
//! charge. The changed objects and the response stored for the idempotency key are one line of the state file, so both
//! are there or neither.

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
pub(crate) use routes::{fault_response, router};
pub use webhooks::WebhookTarget;

use crate::{
    fault_switches::{FaultSwitch, lock},
    journal::{Journal, JournalEntry},
};
use errors::ApiError;
use objects::PaymentMethod;
use operations::Operation;
use outcome::{OperationContext, Outcome};
use params::Params;
use webhooks::{Event, Webhooks};

/// Maximum number of intents, charges, refunds, disputes, payment methods and stored responses, each; the oldest are
/// dropped first.
const MAX_OBJECTS: usize = 20_000;

/// Handle to the card gateway inside the process. Cheap to clone; all clones share one gateway.
#[derive(Clone)]
pub struct CardGateway {
    state: Arc<Mutex<GatewayState>>,
    charges: Arc<watch::Sender<u64>>,
    webhooks: Webhooks,
    journal: Journal,
    settings: Arc<Settings>,
}

pub(crate) struct Settings {
    pub(crate) secret_key: String,
    pub(crate) publishable_key: String,
    pub(crate) slow_card_ms: u64,
    pub(crate) base_url: String,
    pub(crate) faults: FaultSwitch,
    pub(crate) shutdown: CancellationToken,
}

/// All objects of the gateway by id. Ids sort by creation time.
#[derive(Default)]
pub(crate) struct GatewayState {
    intents: BTreeMap<String, PaymentIntent>,
    charges: BTreeMap<String, Charge>,
    refunds: BTreeMap<String, Refund>,
    disputes: BTreeMap<String, Dispute>,
    methods: BTreeMap<String, PaymentMethod>,
    responses: HashMap<String, StoredResponse>,
    response_order: VecDeque<String>,
    /// Idempotency keys of running requests.
    running: HashSet<String>,
}

/// The response to a request, stored under its idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredResponse {
    key: String,
    fingerprint: String,
    status: u16,
    body: String,
}

/// A line of the state file: the objects that one request changed, and its response.
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
    answer: Option<StoredResponse>,
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
        let mut state = GatewayState::default();
        for entry in entries {
            state.apply(entry);
        }
        let webhooks = Webhooks::start(settings.faults.clone(), settings.shutdown.clone());
        CardGateway {
            charges: Arc::new(watch::Sender::new(0)),
            state: Arc::new(Mutex::new(state)),
            webhooks,
            journal: Journal::default(),
            settings: Arc::new(settings),
        }
    }

    /// The entries from which the gateway can be loaded again.
    pub(crate) fn entries(&self) -> Vec<CardEntry> {
        let state = lock(&self.state);
        let none = CardEntry::default;
        let mut entries: Vec<CardEntry> = Vec::new();
        entries.extend(state.intents.values().map(|intent| CardEntry { intents: vec![intent.clone()], ..none() }));
        entries.extend(state.charges.values().map(|charge| CardEntry { charges: vec![charge.clone()], ..none() }));
        entries.extend(state.refunds.values().map(|refund| CardEntry { refunds: vec![refund.clone()], ..none() }));
        entries.extend(state.disputes.values().map(|dispute| CardEntry { disputes: vec![dispute.clone()], ..none() }));
        entries.extend(state.methods.values().map(|method| CardEntry { methods: vec![method.clone()], ..none() }));
        let responses = state.response_order.iter().filter_map(|key| state.responses.get(key));
        entries.extend(responses.map(|answer| CardEntry { answer: Some(answer.clone()), ..none() }));
        entries
    }

    pub(crate) fn with_journal(self, journal: Journal) -> CardGateway {
        CardGateway { journal, ..self }
    }

    /// Deletes all objects. Running requests keep their idempotency keys.
    pub(crate) fn reset(&self) {
        let mut state = lock(&self.state);
        let running = std::mem::take(&mut state.running);
        *state = GatewayState { running, ..GatewayState::default() };
    }

    /// Sets the target of webhooks; `None` sends none.
    pub fn send_webhooks_to(&self, target: Option<WebhookTarget>) {
        self.webhooks.set_target(target);
    }

    /// All attempts to take money, successful or not, oldest first.
    pub fn charges(&self) -> Vec<Charge> {
        lock(&self.state).charges.values().cloned().collect()
    }

    /// The successful charges with this value under this metadata key.
    pub fn paid_charges_with(&self, metadata_key: &str, value: &str) -> Vec<Charge> {
        let belongs = |charge: &Charge| charge.paid && charge.metadata.get(metadata_key).is_some_and(|v| v == value);
        self.charges().into_iter().filter(belongs).collect()
    }

    /// All payment intents, oldest first.
    pub fn intents(&self) -> Vec<PaymentIntent> {
        lock(&self.state).intents.values().cloned().collect()
    }

    /// All refunds, oldest first.
    pub fn refunds(&self) -> Vec<Refund> {
        lock(&self.state).refunds.values().cloned().collect()
    }

    /// All disputes, oldest first.
    pub fn disputes(&self) -> Vec<Dispute> {
        lock(&self.state).disputes.values().cloned().collect()
    }

    /// Waits until `wanted` accepts the charges, and returns them; after `timeout` returns them as they are.
    pub async fn wait_for_charges(&self, is_done: impl Fn(&[Charge]) -> bool, timeout: Duration) -> Vec<Charge> {
        let mut news = self.charges.subscribe();
        let satisfied = async {
            // The sender lives as long as `self`, so the wait cannot fail.
            while !is_done(&self.charges()) && news.changed().await.is_ok() {}
        };
        let _ = tokio::time::timeout(timeout, satisfied).await;
        self.charges()
    }

    /// Runs a POST at most once per idempotency key, and to its end. `path` distinguishes endpoints.
    ///
    /// # Errors
    /// The response when the operation did not begin; such a response is not stored for the key.
    pub(crate) async fn post(
        &self,
        operation: Operation,
        params: Params,
        path: &str,
        key: Option<String>,
    ) -> Result<PostResponse, ApiError> {
        let fingerprint = params.fingerprint(path);
        let claim = match &key {
            None => None,
            Some(key) => match self.claim(key, &fingerprint)? {
                Claim::New(running) => Some(running),
                Claim::Stored(answer) => return PostResponse::replayed(&answer),
            },
        };
        let gateway = self.clone();
        let run = async move {
            gateway.wait_if_slow(&operation, &params).await?;
            gateway.perform(&operation, &params, key.map(|key| (key, fingerprint)), claim)
        };
        // Runs in a task of its own, so that it finishes even if the client disconnects.
        tokio::spawn(run).await.unwrap_or_else(|_| Err(shutting_down()))
    }

    /// Waits for the configured delay if the card is a slow one.
    async fn wait_if_slow(&self, operation: &Operation, params: &Params) -> Result<(), ApiError> {
        if !operations::is_slow(&lock(&self.state), operation, params) {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(self.settings.slow_card_ms)) => Ok(()),
            () = self.settings.shutdown.cancelled() => Err(shutting_down()),
        }
    }

    fn perform(
        &self,
        operation: &Operation,
        params: &Params,
        key: Option<(String, String)>,
        claim: Option<KeyGuard>,
    ) -> Result<PostResponse, ApiError> {
        let context = OperationContext {
            now: jiff::Timestamp::now().as_second(),
            decline_all: self.settings.faults.get().decline,
            base_url: self.settings.base_url.clone(),
        };
        let mut state = lock(&self.state);
        let Outcome { status, body, changed, events } = operations::perform(&state, operation, params, &context)?;
        let body = body.to_string();
        let idempotency_key = key.as_ref().map(|(key, _)| key.clone());
        let answer = key.map(|(key, fingerprint)| StoredResponse {
            key,
            fingerprint,
            status: status.as_u16(),
            body: body.clone(),
        });
        let entry = CardEntry { answer, ..changed };
        let has_charges = !entry.charges.is_empty();
        self.journal.append(&entry);
        state.apply(entry);
        drop(state);
        drop(claim);
        for (kind, object) in events {
            self.webhooks.enqueue(Event {
                kind,
                object,
                idempotency_key: idempotency_key.clone(),
                created: context.now,
            });
        }
        if has_charges {
            self.charges.send_modify(|count| *count += 1);
        }
        Ok(PostResponse { status, body, replayed: false })
    }

    fn claim(&self, key: &str, fingerprint: &str) -> Result<Claim, ApiError> {
        let mut state = lock(&self.state);
        if let Some(answer) = state.responses.get(key) {
            if answer.fingerprint == fingerprint {
                return Ok(Claim::Stored(answer.clone()));
            }
            let detail = format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                 Try a key other than '{key}' if you meant to make a different request."
            );
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "idempotency_error", detail));
        }
        if !state.running.insert(key.to_owned()) {
            let detail = format!("Another request with the idempotency key '{key}' is still running.");
            let error = ApiError::new(StatusCode::CONFLICT, "idempotency_error", detail);
            return Err(error.code("idempotency_key_in_use"));
        }
        Ok(Claim::New(KeyGuard { state: Arc::clone(&self.state), key: key.to_owned() }))
    }
}

pub(crate) struct PostResponse {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    pub(crate) replayed: bool,
}

impl PostResponse {
    fn replayed(answer: &StoredResponse) -> Result<PostResponse, ApiError> {
        let status = StatusCode::from_u16(answer.status).map_err(|_| shutting_down())?;
        Ok(PostResponse { status, body: answer.body.clone(), replayed: true })
    }
}

enum Claim {
    New(KeyGuard),
    Stored(StoredResponse),
}

/// Marks an idempotency key as in use until dropped.
struct KeyGuard {
    state: Arc<Mutex<GatewayState>>,
    key: String,
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        lock(&self.state).running.remove(&self.key);
    }
}

fn shutting_down() -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "api_error", "The gateway is shutting down. Nothing was charged.")
}

impl GatewayState {
    fn apply(&mut self, entry: CardEntry) {
        self.intents.extend(entry.intents.into_iter().map(|intent| (intent.id.clone(), intent)));
        self.charges.extend(entry.charges.into_iter().map(|charge| (charge.id.clone(), charge)));
        self.refunds.extend(entry.refunds.into_iter().map(|refund| (refund.id.clone(), refund)));
        self.disputes.extend(entry.disputes.into_iter().map(|dispute| (dispute.id.clone(), dispute)));
        self.methods.extend(entry.methods.into_iter().map(|method| (method.id.clone(), method)));
        if let Some(answer) = entry.answer {
            self.response_order.push_back(answer.key.clone());
            self.responses.insert(answer.key.clone(), answer);
        }
        drop_oldest(&mut self.intents);
        drop_oldest(&mut self.charges);
        drop_oldest(&mut self.refunds);
        drop_oldest(&mut self.disputes);
        drop_oldest(&mut self.methods);
        if self.response_order.len() > MAX_OBJECTS
            && let Some(key) = self.response_order.pop_front()
        {
            self.responses.remove(&key);
        }
    }
}

fn drop_oldest<T>(objects: &mut BTreeMap<String, T>) {
    if objects.len() > MAX_OBJECTS {
        objects.pop_first();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;
    use crate::fault_switches::Stub;

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
        assert!(matches!(gateway.claim("key", "print"), Ok(Claim::New(_))));
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut objects: BTreeMap<String, ()> = (0..=MAX_OBJECTS).map(|n| (format!("{n:06}"), ())).collect();
        drop_oldest(&mut objects);
        assert_eq!((objects.len(), objects.first_key_value()), (MAX_OBJECTS, Some((&"000001".to_owned(), &()))));
    }
}
