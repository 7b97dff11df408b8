//! Commands: load → decide → append, repeated on a conflict. Every command changes the log through these functions.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storefront_api::{CustomerId, PaymentId, ProductId, Timestamp};
use storefront_domain::{
    api_key::ApiKeyError,
    customer::CustomerError,
    email::EmailError,
    invoice::InvoiceError,
    login::LoginError,
    order::OrderError,
    payment::{self, PaymentCommand, PaymentError},
    process::{self, Process, ProcessCommand, ProcessError},
    stock::{self, Stock, StockCommand, StockError},
    voucher::VoucherError,
    wallet::WalletError,
    webhook::WebhookError,
    withdrawals::WithdrawalsError,
};
use storefront_eventlog::{
    AppendError, Checkpoint, JsonText, Position, StoreError, StoredResponse, StreamName, Version,
};

use crate::backoff::Backoff;
use crate::clock;
use crate::store::aggregates;
use crate::store::aggregates::{AggregateEvent, AppendBuilder, Cause, LoadError, Store};
use crate::store::streams;

/// Maximum number of attempts of a command. Each conflict means that another command succeeded.
const MAX_ATTEMPTS: u32 = 40;

/// Pauses between attempts, with jitter so that competing commands take turns; about one second in all.
const CONFLICT_BACKOFF: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(50));

/// Who issues a command, why, and under which conditions.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) cause: Cause,
    /// The customer who issues the command, or the guest with a session; `None` for a guest without one.
    pub(crate) customer_id: Option<CustomerId>,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) condition: Condition,
}

/// A condition on the version of the stream that a command changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Always holds.
    Any,
    /// The stream has events.
    Exists,
    /// The version is one of these.
    OneOf(Vec<u64>),
}

impl Condition {
    pub(crate) fn check(&self, version: Version) -> Result<(), Failure> {
        let holds = match self {
            Self::Any => true,
            Self::Exists => version.0 > 0,
            Self::OneOf(wanted) => wanted.contains(&version.0),
        };
        if holds { Ok(()) } else { Err(Failure::VersionMismatch { current: version.0 }) }
    }
}

/// The idempotency key of a command, with a fingerprint of its request.
#[derive(Clone, Debug)]
pub(crate) struct Idempotency {
    pub(crate) key: String,
    pub(crate) fingerprint: String,
    /// Fingerprint of the body's bytes. Replies were stored with it before bodies were compared as JSON.
    pub(crate) fingerprint_of_bytes: String,
}

/// A response as it is stored under its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
    /// The version of the changed stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    pub(crate) body: serde_json::Value,
}

/// The result of a command that took effect now or earlier.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) reply: Reply,
    pub(crate) position: Position,
    pub(crate) replayed: bool,
}

/// Why a command did not take effect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    Stock(#[from] StockError),
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Email(#[from] EmailError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Wallet(#[from] WalletError),
    #[error(transparent)]
    Voucher(#[from] VoucherError),
    #[error(transparent)]
    Invoice(#[from] InvoiceError),
    #[error(transparent)]
    Withdrawals(#[from] WithdrawalsError),
    #[error(transparent)]
    Customer(#[from] CustomerError),
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error(transparent)]
    ApiKey(#[from] ApiKeyError),
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    #[error("the version is {current}, not the one that was asked for")]
    VersionMismatch { current: u64 },
    #[error("the key was used for another request")]
    KeyReused,
    #[error("the log is busy")]
    Busy,
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Append(AppendError),
    /// The views' database does not answer; the command may be sent again.
    #[error("{0}")]
    ViewsUnavailable(String),
    /// A row of a view cannot be read.
    #[error("{0}")]
    ViewsUnreadable(String),
    #[error("an answer could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Load(error.into())
    }
}

/// Changes the stock of a product.
pub(crate) async fn change_stock(
    store: &Store,
    id: &ProductId,
    context: &Context,
    command: &StockCommand,
    reply: impl Fn(&Stock, Version) -> Result<Reply, serde_json::Error> + Send + Sync,
) -> Result<Done, Failure> {
    let decide = |stock: &Stock| stock::decide(stock, command.clone());
    execute_with_reply(store, &streams::stock(id), context, decide, |_, stock, version| reply(stock, version)).await
}

/// Appends an operator's command to the stream of a process, which receives it with the log. `reply` receives the
/// process before and after.
pub(crate) async fn append_process_command(
    store: &Store,
    name: &'static str,
    context: &Context,
    command: &ProcessCommand,
    reply: impl Fn(&Process, &Process) -> Result<Reply, serde_json::Error> + Send + Sync,
) -> Result<Done, Failure> {
    let decide = |process: &Process| process::decide(process, command.clone());
    execute_with_reply(store, &streams::process(name), context, decide, |before, after, _| reply(before, after)).await
}

/// Retries a parked sequence of a process; does nothing if it is not parked.
pub(crate) async fn retry_if_parked(
    store: &Store,
    name: &'static str,
    sequence: &str,
    cause: &Cause,
) -> Result<(), Failure> {
    let retry = ProcessCommand::Retry { sequence: sequence.to_owned() };
    let decide = |process: &Process| match process::decide(process, retry.clone()) {
        Err(ProcessError::NotParked | ProcessError::RetriedAlready) => Ok(vec![]),
        decided => decided,
    };
    execute(store, &streams::process(name), cause, None, decide).await?;
    Ok(())
}

/// Records the outcome of a payment on behalf of `actor`. Returns `false` and appends nothing when it is recorded
/// already.
pub(crate) async fn record_payment(
    store: &Store,
    id: PaymentId,
    outcome: &PaymentCommand,
    actor: &str,
) -> Result<bool, Failure> {
    let stream = streams::payment(id);
    let requested = store.read_stream(&stream, Version(1), 1).await?;
    let requested = requested.first().ok_or(PaymentError::NotFound)?;
    let cause = Cause {
        correlation_id: requested.correlation_id().to_owned(),
        causation_id: Some(requested.id.to_string()),
        actor: actor.to_owned(),
    };
    execute(store, &stream, &cause, None, |payment| payment::decide(payment, outcome.clone())).await
}

/// Loads the state of a stream, decides, and appends the decided events; all that again on a conflict. A `checkpoint`
/// commits with the events. Returns `false` when there was nothing to append.
pub(crate) async fn execute<E: AggregateEvent, R: Into<Failure>>(
    store: &Store,
    stream: &StreamName,
    cause: &Cause,
    checkpoint: Option<&Checkpoint>,
    decide: impl Fn(&E::State) -> Result<Vec<E>, R> + Send + Sync,
) -> Result<bool, Failure> {
    retry_on_conflict(|| async {
        let change = decide_change(store, stream, &Condition::Any, cause, &decide).await?;
        change.batch.append_if_any(store, checkpoint).await
    })
    .await
}

/// As [`execute`], for a command with a condition and a reply. `reply` receives the state before and after, and the
/// version after.
pub(crate) async fn execute_with_reply<E: AggregateEvent, R: Into<Failure>, J: Into<Failure>>(
    store: &Store,
    stream: &StreamName,
    context: &Context,
    decide: impl Fn(&E::State) -> Result<Vec<E>, R> + Send + Sync,
    reply: impl Fn(&E::State, &E::State, Version) -> Result<Reply, J> + Send + Sync,
) -> Result<Done, Failure> {
    retry_on_conflict(|| async {
        let change = decide_change(store, stream, &context.condition, &context.cause, &decide).await?;
        let reply = reply(&change.before, &change.after(), change.version).map_err(Into::into)?;
        append_with_reply(store, change.batch, context, reply).await
    })
    .await
}

/// A decided change of one stream, and the append that makes it.
pub(crate) struct Change<E: AggregateEvent> {
    pub(crate) before: Arc<E::State>,
    events: Vec<E>,
    now: Timestamp,
    /// The version of the stream after the change.
    pub(crate) version: Version,
    /// Holds the events. More may be added, to be appended with them.
    pub(crate) batch: AppendBuilder,
}

impl<E: AggregateEvent> Change<E> {
    pub(crate) fn new(
        stream: StreamName,
        before: Arc<E::State>,
        version: Version,
        events: Vec<E>,
        cause: &Cause,
    ) -> Self {
        let now = clock::now();
        let mut batch = AppendBuilder::new(now, cause.clone());
        batch.add(stream, version, &events);
        Self { before, version: Version(version.0 + events.len() as u64), events, now, batch }
    }

    /// The events that make the change.
    pub(crate) fn events(&self) -> &[E] {
        &self.events
    }

    /// The state after the change.
    pub(crate) fn after(&self) -> E::State {
        self.events.iter().fold(E::State::clone(&self.before), |state, event| E::evolve(state, event, self.now))
    }
}

/// Loads a stream, checks the condition on its version, and decides. For commands that add more to the append than
/// [`execute_with_reply`] does, within [`retry_on_conflict`].
pub(crate) async fn decide_change<E: AggregateEvent, R: Into<Failure>>(
    store: &Store,
    stream: &StreamName,
    condition: &Condition,
    cause: &Cause,
    decide: impl Fn(&E::State) -> Result<Vec<E>, R> + Send,
) -> Result<Change<E>, Failure> {
    let (before, version) = aggregates::load::<E>(store, stream).await?;
    condition.check(version)?;
    let events = decide(&before).map_err(Into::into)?;
    Ok(Change::new(stream.clone(), before, version, events, cause))
}

/// Decides several commands one after another, each on the state after those before it.
///
/// # Errors
/// The first refusal.
pub(crate) fn decide_all<S: Clone, C, E, R>(
    state: &S,
    commands: impl IntoIterator<Item = C>,
    decide: impl Fn(&S, C) -> Result<Vec<E>, R>,
    evolve: impl Fn(S, &E) -> S,
) -> Result<Vec<E>, R> {
    let (mut state, mut events) = (state.clone(), Vec::new());
    for command in commands {
        let decided = decide(&state, command)?;
        state = decided.iter().fold(state, &evolve);
        events.extend(decided);
    }
    Ok(events)
}

impl AppendBuilder {
    /// Loads a stream, decides, and adds the decided events.
    pub(crate) async fn decide<E: AggregateEvent, R: Into<Failure>>(
        &mut self,
        store: &Store,
        stream: StreamName,
        decide: impl FnOnce(&E::State) -> Result<Vec<E>, R> + Send,
    ) -> Result<(), Failure> {
        let (state, version) = aggregates::load::<E>(store, &stream).await?;
        self.add(stream, version, &decide(&state).map_err(Into::into)?);
        Ok(())
    }

    /// Appends what was added, with a checkpoint. Returns `false` when no stream would be written or checked; then
    /// nothing is written.
    pub(crate) async fn append_if_any(
        mut self,
        store: &Store,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<bool, Failure> {
        if self.is_empty() {
            return Ok(false);
        }
        checkpoint.into_iter().for_each(|checkpoint| self.checkpoint(checkpoint.clone()));
        self.append_to(store).await.map_err(Failure::Append)?;
        Ok(true)
    }
}

/// Runs `attempt` until it has no conflict, up to [`MAX_ATTEMPTS`] times.
pub(crate) async fn retry_on_conflict<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    for attempt_number in 1.. {
        match attempt().await {
            Err(Failure::Append(AppendError::Conflict { .. })) if attempt_number < MAX_ATTEMPTS => {}
            Err(Failure::Append(AppendError::Conflict { .. } | AppendError::Busy)) => return Err(Failure::Busy),
            other => return other,
        }
        clock::sleep(CONFLICT_BACKOFF.pause(attempt_number)).await;
    }
    Err(Failure::Busy)
}

/// Returns the reply stored under an idempotency key, if the command has taken effect before.
pub(crate) async fn stored_reply(store: &Store, idempotency: &Idempotency) -> Result<Option<Done>, Failure> {
    match store.answer(&idempotency.key).await? {
        Some((answer, position)) => replay(idempotency, &answer, position).map(Some),
        None => Ok(None),
    }
}

/// Stores the reply to a command that has taken effect already.
pub(crate) async fn store_reply(store: &Store, context: &Context, reply: Reply) -> Result<Done, Failure> {
    append_with_reply(store, AppendBuilder::new(clock::now(), context.cause.clone()), context, reply).await
}

/// Appends the events of a command, with its reply under its idempotency key. If the key is taken, returns the stored
/// reply.
pub(crate) async fn append_with_reply(
    store: &Store,
    batch: AppendBuilder,
    context: &Context,
    reply: Reply,
) -> Result<Done, Failure> {
    let mut append = batch.into_append();
    if let Some(Idempotency { key, fingerprint, .. }) = &context.idempotency {
        append.answer = Some(StoredResponse {
            key: key.clone(),
            fingerprint: fingerprint.clone(),
            body: JsonText::of(&reply)?,
            time_ms: clock::now().unix_ms(),
        });
    }
    if append.answer.is_none() && append.streams.is_empty() {
        return Ok(Done { reply, position: store.head().await?, replayed: false });
    }
    match (store.append(append).await, &context.idempotency) {
        (Ok(appended), _) => Ok(Done { reply, position: appended.position, replayed: false }),
        (Err(AppendError::AlreadyAnswered { answer, position }), Some(idempotency)) => {
            replay(idempotency, &answer, position)
        }
        (Err(error), _) => Err(Failure::Append(error)),
    }
}

fn replay(idempotency: &Idempotency, answer: &StoredResponse, position: Position) -> Result<Done, Failure> {
    if ![&idempotency.fingerprint, &idempotency.fingerprint_of_bytes].contains(&&answer.fingerprint) {
        return Err(Failure::KeyReused);
    }
    Ok(Done { reply: answer.body.parse()?, position, replayed: true })
}
