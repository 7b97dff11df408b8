//! Sends the events of the log to the webhook endpoints. Each endpoint has a process of its own, `webhook-{id}`, with its own
//! lease and checkpoint; it starts and stops as the endpoints change.
//!
//! At least once, under the same id, and in order within one order: an event that fails holds back only those of its order at
//! that endpoint. The checkpoint is written once the endpoint has acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use storefront_api::{Timestamp, WebhookEndpointId};
use storefront_domain::process::{self, Process, ProcessCommand};
use storefront_domain::webhook::{self, Endpoint, Endpoints, WebhookCommand, WebhookEvent};
use storefront_eventlog::{Append, Filter, Position, Recorded};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::backoff::Backoff;
use crate::integrations::webhook_sender::{Webhook, WebhookSender};
use crate::operations::progress::Progress;
use crate::processes::engine::lease_runner::LeaseConfig;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner::{self, Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, execute, retry_on_conflict};
use crate::store::{streams, webhook_secrets, wire_event};
use crate::{clock, random};

/// Pauses after the log has failed.
const LOG_BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
/// Pauses after each attempt, in seconds: the example of the specification. The last one is repeated.
const RETRY_PAUSES_S: [u64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Maximum number of webhooks on their way to one endpoint.
const MAX_SENDING: usize = 8;
/// An endpoint that took nothing for so long is disabled.
const MAX_FAILING_MS: i64 = 5 * 24 * 60 * 60 * 1000;
/// The status by which an endpoint says that it wants no more.
const GONE: u16 = 410;

/// What the processes of the endpoints are started with.
pub(crate) struct WebhookProcesses {
    pub(crate) store: Store,
    pub(crate) lease_config: LeaseConfig,
    pub(crate) progress: Progress,
    pub(crate) sender: WebhookSender,
}

/// A process that runs, and what it was started for.
struct Running {
    endpoint: Endpoint,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl WebhookProcesses {
    /// Runs a process for each endpoint that is enabled, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut running = BTreeMap::new();
        let mut failures = 0;
        while !stop.is_cancelled() {
            let changed = stop.run_until_cancelled(self.follow(&mut running, &stop)).await;
            if let Some(Err(failure)) = changed {
                failures += 1;
                warn!(error = %failure, "cannot read the webhook endpoints; retrying");
                stop.run_until_cancelled(clock::sleep(LOG_BACKOFF.pause(failures))).await;
            }
        }
        for (_, Running { task, .. }) in running {
            // A process that was aborted has nothing to end.
            let _ended = task.await;
        }
    }

    /// Starts and stops processes as the log says, until it cannot be read.
    async fn follow(
        &self,
        running: &mut BTreeMap<WebhookEndpointId, Running>,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let stream = streams::webhook_endpoints();
        let filter = Filter { streams: vec![stream.as_str().to_owned()], ..Filter::default() };
        let mut after = self.store.head().await?;
        loop {
            let (endpoints, _) = aggregates::load::<WebhookEvent>(&self.store, &stream).await?;
            self.apply(&endpoints, running, stop).await;
            loop {
                let page = self.store.follow(after, 100, &filter).await?;
                after = page.next_after;
                if !page.events.is_empty() {
                    break;
                }
            }
        }
    }

    async fn apply(
        &self,
        endpoints: &Endpoints,
        running: &mut BTreeMap<WebhookEndpointId, Running>,
        stop: &CancellationToken,
    ) {
        let is_current = |endpoint: &Endpoint| endpoint.enabled && endpoints.find(endpoint.id) == Some(endpoint);
        let over: Vec<_> = running.extract_if(.., |_, running| !is_current(&running.endpoint)).collect();
        for (id, Running { stop, task, .. }) in over {
            stop.cancel();
            // A process that was aborted has nothing to end.
            let _ended = task.await;
            self.progress.remove(process_name(id));
        }
        for endpoint in endpoints.0.iter().filter(|endpoint| endpoint.enabled) {
            running.entry(endpoint.id).or_insert_with(|| self.start(endpoint.clone(), stop.child_token()));
        }
    }

    fn start(&self, endpoint: Endpoint, stop: CancellationToken) -> Running {
        let subscription = Subscription { name: process_name(endpoint.id), types: &["*"] };
        let (store, lease_config, progress) = (self.store.clone(), self.lease_config.clone(), self.progress.clone());
        let line = Arc::new(Line {
            endpoint: endpoint.clone(),
            name: subscription.name,
            sender: self.sender.clone(),
            slots: Semaphore::new(MAX_SENDING),
            failing_since: Mutex::default(),
        });
        let ends = stop.clone();
        let task = tokio::spawn(async move {
            if ends.run_until_cancelled(line.record_start(&store)).await.is_none() {
                return;
            }
            let handle = move |store, delivery| deliver(store, line.clone(), delivery);
            runner::run(store, lease_config, subscription, progress, ends, handle).await;
        });
        Running { endpoint, stop, task: AbortOnDropHandle::new(task) }
    }
}

/// The name of the process of an endpoint. Names live as long as the program; there is one for each endpoint that it has seen.
fn process_name(id: WebhookEndpointId) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let name = format!("webhook-{id}");
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name.as_str()) {
        return known;
    }
    let name: &'static str = name.leak();
    names.insert(name);
    name
}

/// What deliveries to one endpoint share.
struct Line {
    endpoint: Endpoint,
    name: &'static str,
    sender: WebhookSender,
    slots: Semaphore,
    /// Since when nothing was acknowledged, although something was sent.
    failing_since: Mutex<Option<Timestamp>>,
}

impl Line {
    /// Records the position after which this process acts, once; see [`crate::processes::engine::start_positions`].
    async fn record_start(&self, store: &Store) {
        let cause = Cause { correlation_id: self.name.to_owned(), causation_id: None, actor: "shop".to_owned() };
        let introduce = ProcessCommand::Introduce { after: self.endpoint.after };
        let mut failures = 0;
        loop {
            let recorded = retry_on_conflict(|| async {
                let mut batch = AppendBuilder::new(clock::now(), cause.clone());
                let decide = |process: &Process| process::decide(process, introduce.clone());
                batch.decide(store, streams::process(self.name), decide).await?;
                batch.append_if_any(store, None).await
            });
            match recorded.await {
                Ok(_) => return,
                Err(failure) => {
                    warn!(process = self.name, error = %failure, "cannot record a start position; retrying")
                }
            }
            failures += 1;
            clock::sleep(LOG_BACKOFF.pause(failures)).await;
        }
    }

    fn note_success(&self) {
        *self.failing_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Notes a failure; returns whether the endpoint took nothing for too long.
    fn note_failure(&self, now: Timestamp) -> bool {
        let mut since = self.failing_since.lock().unwrap_or_else(PoisonError::into_inner);
        now.unix_ms() - since.get_or_insert(now).unix_ms() >= MAX_FAILING_MS
    }

    async fn disable(&self, store: &Store, recorded: &Recorded, reason: &str) -> Result<(), Failure> {
        let cause = Cause { correlation_id: self.name.to_owned(), ..Cause::event(recorded, self.name) };
        let (id, reason) = (self.endpoint.id, reason.to_owned());
        let decide = |endpoints: &Endpoints| match endpoints.find(id) {
            Some(_) => webhook::decide(endpoints, WebhookCommand::Disable { id, reason: reason.clone() }),
            None => Ok(vec![]),
        };
        warn!(process = self.name, reason, "a webhook endpoint is disabled");
        execute(store, &streams::webhook_endpoints(), &cause, None, decide).await.map(drop)
    }
}

async fn deliver(store: Store, line: Arc<Line>, delivery: Delivery) -> Result<(), HandlerError> {
    let recorded = &delivery.recorded;
    if !line.endpoint.wants(recorded.kind()) {
        return Ok(());
    }
    // It is never closed.
    let _slot = line.slots.acquire().await;
    let now = clock::now();
    let secrets = webhook_secrets::find(&store, &line.endpoint.secret_ids(now)).await.map_err(Failure::from)?;
    if secrets.is_empty() {
        let detail = "its secret is not here; POST /v1/webhook-endpoints/{id}/secret/rotate makes another".to_owned();
        return Err(HandlerError::Unavailable { detail, pause: pause(delivery.attempt, random::bits()) });
    }
    let current = as_it_reads_now(&store, recorded).await?;
    let body = wire_event::cloud_event(&current, "").and_then(|event| serde_json::to_string(&event));
    let webhook = Webhook {
        url: line.endpoint.settings.url.clone(),
        id: recorded.id.to_string(),
        timestamp_unix_s: now.unix_ms() / 1000,
        body: body.map_err(Failure::Json)?,
    };
    let (detail, wanted) = match line.sender.send(&webhook, &secrets).await {
        Ok(answer) if (200..300).contains(&answer.status) => {
            line.note_success();
            return Ok(acknowledge(&store, &delivery).await?);
        }
        Ok(answer) => (format!("it answered {}", answer.status), answer.retry_after),
        Err(detail) => (detail, None),
    };
    if detail == format!("it answered {GONE}") {
        line.disable(&store, recorded, "it answered 410 Gone").await?;
    } else if line.note_failure(clock::now()) {
        line.disable(&store, recorded, &format!("nothing was delivered for 5 days; at last, {detail}")).await?;
    }
    let longest = Duration::from_secs(RETRY_PAUSES_S[RETRY_PAUSES_S.len() - 1]);
    let pause = pause(delivery.attempt, random::bits()).max(wanted.unwrap_or_default()).min(longest);
    Err(HandlerError::Unavailable { detail, pause })
}

/// An event as it reads now: while it waited, somebody in it may have been erased.
async fn as_it_reads_now(store: &Store, recorded: &Arc<Recorded>) -> Result<Arc<Recorded>, Failure> {
    let before = Position(recorded.position.0.saturating_sub(1));
    let page = store.read_all(before, 1, &Filter::default()).await?;
    let current = page.events.into_iter().find(|event| event.id == recorded.id);
    Ok(current.unwrap_or_else(|| Arc::clone(recorded)))
}

async fn acknowledge(store: &Store, delivery: &Delivery) -> Result<(), Failure> {
    if delivery.checkpoint.position == Position(0) {
        return Ok(());
    }
    let append = Append { checkpoints: vec![delivery.checkpoint.clone()], ..Append::default() };
    store.append(append).await.map(drop).map_err(Failure::Append)
}

/// The pause after attempt number `attempt` (from 1): the one of the schedule, less a random share of a fifth, so that what failed
/// together is not sent again together.
fn pause(attempt: u32, random: u32) -> Duration {
    let at = (attempt.max(1) as usize - 1).min(RETRY_PAUSES_S.len() - 1);
    let scheduled = Duration::from_secs(RETRY_PAUSES_S[at]);
    scheduled - scheduled / 5 * (random >> 16) / (1 << 16)
}

#[cfg(test)]
mod tests {
    use mockito::Matcher;
    use storefront_api::{CustomerId, Role, WebhookSecretId};
    use storefront_domain::customer::{Account, CustomerEvent, PasswordHash};
    use storefront_domain::webhook::Settings;
    use storefront_eventlog::SqliteStore;
    use uuid::Uuid;

    use super::*;
    use crate::integrations::webhook_targets::TargetRules;
    use crate::store::personal_data::ProtectedLog;
    use crate::testing::{at_second, write};

    fn line(url: String, secret_id: WebhookSecretId) -> Arc<Line> {
        let settings = Settings { url, event_types: Vec::new(), description: None };
        let id = WebhookEndpointId(Uuid::from_u128(1));
        let endpoint = Endpoint {
            id,
            settings,
            secret_id,
            old_secret: None,
            after: 0,
            enabled: true,
            disabled_reason: None,
            created_at: at_second(0),
        };
        Arc::new(Line {
            endpoint,
            name: process_name(id),
            sender: WebhookSender::new(TargetRules::Any),
            slots: Semaphore::new(MAX_SENDING),
            failing_since: Mutex::default(),
        })
    }

    #[tokio::test]
    async fn who_is_erased_while_an_event_waits_is_not_sent() {
        let log = ProtectedLog::new(Arc::new(SqliteStore::in_memory().unwrap()));
        let store = Store::protected(&log, true);
        let customer = streams::customer(CustomerId(Uuid::from_u128(2)));
        let account = Account {
            email: "ada@example.com".to_owned(),
            name: "Ada Lovelace".to_owned(),
            password: PasswordHash("hash".to_owned()),
            must_change: false,
            role: Role::Customer,
        };
        let registered = CustomerEvent::Registered { account: Some(account) };
        write(&store, at_second(1), "request", customer.clone(), &[registered]).await;
        let (secret_id, _) = webhook_secrets::make(&store).await.unwrap();
        let mut server = mockito::Server::new_async().await;
        let line = line(server.url(), secret_id);
        let waiting = Arc::clone(&store.read_all(Position(0), 1, &Filter::default()).await.unwrap().events[0]);
        let deliver = || deliver(store.clone(), line.clone(), Delivery::first(waiting.clone(), line.name));

        let away = server.mock("POST", "/").match_body(Matcher::Regex("Ada Lovelace".to_owned())).with_status(500);
        let away = away.expect(1).create_async().await;
        assert!(matches!(deliver().await, Err(HandlerError::Unavailable { .. })));
        away.assert_async().await;

        log.erase(&[customer], &[]).await.unwrap();
        let erased = server.mock("POST", "/").match_body(Matcher::Regex(r"\(erased\)".to_owned())).with_status(204);
        let erased = erased.expect(1).create_async().await;
        assert!(deliver().await.is_ok());
        erased.assert_async().await;
        away.assert_async().await;
    }

    #[test]
    fn the_pauses_are_those_of_the_schedule_less_a_fifth_at_most() {
        for attempt in [1, 2, 3, 9, 10, u32::MAX] {
            let scheduled = RETRY_PAUSES_S[(attempt as usize - 1).min(8)];
            assert_eq!(pause(attempt, 0), Duration::from_secs(scheduled), "{attempt}");
            let least = pause(attempt, u32::MAX);
            assert!(
                least > Duration::from_secs(scheduled * 4 / 5) && least < Duration::from_secs(scheduled),
                "{least:?}"
            );
        }
        let days: u64 = RETRY_PAUSES_S.iter().sum::<u64>() / (24 * 60 * 60);
        assert_eq!(days, 3);
    }
}
