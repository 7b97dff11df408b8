//! Everything that outlives a server: the log, the external systems, and the supervision that restarts servers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storefront_api::OrderId;
use storefront_eventlog::{Append, AppendError, Appended, Recorded};
use tokio::sync::oneshot;

use super::coverage::Coverage;
use super::fair_notify::FairNotify;
use super::gateway::{Gateway, GatewayState};
use super::invariants;
use super::log::Log;
use super::product_service::Catalogue;
use super::rng_clock;
use super::script::Script;
use super::server::Server;
use crate::clock;
use crate::config::Config;
use crate::integrations::card_webhooks::Webhook;
use crate::integrations::mailer::Mail;
use crate::operations::progress::ProcessStatus;
use crate::payments::gateway_events;

/// The world of one run.
pub(super) struct World {
    pub(super) log: Log,
    gateway: Mutex<GatewayState>,
    catalogue: Mutex<Catalogue>,
    mails: Mutex<Vec<Mail>>,
    mail_down: AtomicBool,
    refusing: AtomicBool,
    webhook_count: AtomicU64,
    /// Number of webhooks and refunds that are not finished.
    pending: AtomicU64,
    /// Webhooks that are sent with the next answer of the gateway, and the first delivery attempts that it waits for.
    pub(super) held: Mutex<Vec<Webhook>>,
    pub(super) first_attempts: Mutex<Vec<oneshot::Receiver<()>>>,
    /// The script of the run; `None` when its course is random.
    pub(super) script: Option<Script>,
    /// Requests that the external systems should never have received.
    pub(super) breaches: Mutex<Vec<String>>,
    /// Times of the delivered webhooks of each payment.
    delivered: Mutex<BTreeMap<String, Vec<i64>>>,
    /// The configuration of every server.
    pub(super) config: Config,
    /// Whether several servers share the log.
    pub(super) shared: bool,
    servers: Mutex<Vec<Arc<Server>>>,
    /// Number of servers started so far.
    started: AtomicU32,
    /// Notifies of the start and the crash of a server.
    changed: FairNotify,
    /// Number of acknowledged refunds of each order.
    refunds: Mutex<BTreeMap<OrderId, u32>>,
    /// Orders with an unreadable event.
    pub(super) unreadable_orders: Mutex<BTreeSet<OrderId>>,
}

impl World {
    /// A world without servers; in a third of the runs, two servers will share its log.
    pub(super) fn new() -> Arc<Self> {
        let config = config();
        Self::with(config, rng_clock::random_below(3) == 0, None)
    }

    /// A world whose log two servers share.
    pub(super) fn of_several_servers() -> Arc<Self> {
        Self::with(config(), true, None)
    }

    /// A world for one server at a time, with a scripted course.
    pub(super) fn scripted(config: Config, script: Script) -> Arc<Self> {
        Self::with(config, false, Some(script))
    }

    fn with(config: Config, shared: bool, script: Option<Script>) -> Arc<Self> {
        Arc::new(Self {
            config,
            shared,
            script,
            log: Log::new(),
            gateway: Mutex::default(),
            catalogue: Mutex::default(),
            mails: Mutex::default(),
            mail_down: AtomicBool::new(false),
            refusing: AtomicBool::new(false),
            webhook_count: AtomicU64::new(0),
            pending: AtomicU64::new(0),
            held: Mutex::default(),
            first_attempts: Mutex::default(),
            breaches: Mutex::default(),
            delivered: Mutex::default(),
            servers: Mutex::default(),
            started: AtomicU32::new(0),
            changed: FairNotify::default(),
            refunds: Mutex::default(),
            unreadable_orders: Mutex::default(),
        })
    }

    /// Keeps a server running: after a crash, another is started with a delay.
    pub(super) async fn keep_a_server(self: Arc<Self>) {
        loop {
            let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
            let server = Server::start(self.clone(), number);
            lock(&self.servers).push(server.clone());
            self.changed.notify();
            self.changed.until(|| (!server.is_alive()).then_some(())).await;
            lock(&self.servers).retain(|running| running.number != number);
            let away = match &self.script {
                Some(_) => 500,
                None if rng_clock::random_below(10) == 0 => rng_clock::between(0..600_000),
                None => rng_clock::between(0..5000),
            };
            rng_clock::sleep(Duration::from_millis(away)).await;
        }
    }

    /// A random running server; waits until there is one.
    pub(super) async fn server(&self) -> Arc<Server> {
        let running = self.changed.until(|| Some(self.running()).filter(|running| !running.is_empty())).await;
        rng_clock::pick(&running)
    }

    pub(super) fn running(&self) -> Vec<Arc<Server>> {
        lock(&self.servers).clone()
    }

    pub(super) fn server_died(&self) {
        invariants::mark_what_the_crash_cut(self);
        self.changed.notify();
    }

    /// The status of each process, from the server on which it runs.
    pub(super) fn process_statuses(&self) -> BTreeMap<&'static str, ProcessStatus> {
        let told = self.running().into_iter().flat_map(|server| server.progress.all());
        told.filter(|(_, status)| !status.runs_elsewhere).collect()
    }

    /// Whether every process runs on a server and has handled everything.
    pub(super) fn is_idle(&self) -> bool {
        let process_statuses = self.process_statuses();
        let known = self.running().first().map_or(0, |server| server.progress.all().len());
        known > 0 && process_statuses.len() == known && process_statuses.values().all(|status| status.unfinished == 0)
    }

    /// Drops the servers, which hold references to the world.
    pub(super) fn end(&self) {
        lock(&self.servers).clear();
    }

    pub(super) fn gateway(&self) -> MutexGuard<'_, GatewayState> {
        lock(&self.gateway)
    }

    pub(super) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        lock(&self.catalogue)
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        lock(&self.mails).clone()
    }

    pub(super) fn receive_mail(&self, mail: Mail) {
        rng_clock::trace(|| format!("a mail to {} is taken in: {} ({})", mail.to, mail.subject, mail.message_id));
        lock(&self.mails).push(mail);
        rng_clock::mark_change();
    }

    pub(super) fn refund_was_acknowledged(&self, id: OrderId) {
        *lock(&self.refunds).entry(id).or_default() += 1;
    }

    pub(super) fn refunds_of(&self, id: OrderId) -> u32 {
        lock(&self.refunds).get(&id).copied().unwrap_or_default()
    }

    pub(super) fn mail_is_down(&self) -> bool {
        self.mail_down.load(Ordering::Relaxed)
    }

    pub(super) fn set_mail_down(&self, down: bool) {
        self.mail_down.store(down, Ordering::Relaxed);
    }

    pub(super) fn refuses_writes(&self) -> bool {
        self.refusing.load(Ordering::Relaxed)
    }

    pub(super) fn set_refusing(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::Relaxed);
    }

    pub(super) fn next_webhook_number(&self) -> u64 {
        self.webhook_count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a pending webhook or refund.
    pub(super) fn begin_pending(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end_pending(&self) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn has_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed) > 0
    }

    /// Delivers a webhook to a running server, until it is accepted. `attempted` is notified of the first attempt.
    pub(super) async fn deliver(self: Arc<Self>, webhook: Webhook, attempted: Option<oneshot::Sender<()>>) {
        let mut attempted = attempted;
        // Enough for some hours: a clock that was set back may delay a payment by one.
        for attempt in 1..=200 {
            let server = self.server().await;
            let taken = clock::timeout(
                Duration::from_secs(10),
                gateway_events::record(&server.store(), &Gateway(server.clone()), webhook.clone()),
            )
            .await;
            if let Some(waits) = attempted.take() {
                // The receiver may be gone.
                let _ = waits.send(());
            }
            if matches!(taken, Some(Ok(_))) {
                rng_clock::mark_change();
                rng_clock::trace(|| {
                    format!("news {} ({:?}) are taken at attempt {attempt}", webhook.id, webhook.event)
                });
                self.note_delivered(&webhook);
                self.end_pending();
                return;
            }
            rng_clock::sleep(Duration::from_millis(rng_clock::between(100..20_000))).await;
        }
        panic!("news {webhook:?} are never taken");
    }

    fn note_delivered(&self, webhook: &Webhook) {
        let mut delivered = lock(&self.delivered);
        let delivered = delivered.entry(format!("{:?}", webhook.payment_id)).or_default();
        if delivered.contains(&webhook.created_unix_s) {
            rng_clock::mark(Coverage::DuplicateWebhook);
        } else if delivered.iter().any(|earlier| *earlier > webhook.created_unix_s) {
            rng_clock::mark(Coverage::WebhooksOutOfOrder);
        }
        delivered.push(webhook.created_unix_s);
    }

    /// Appends to the log.
    pub(super) fn append(&self, append: &Append) -> Result<Appended, AppendError> {
        let outcome = self.log.append(append);
        if let Ok(appended) = &outcome {
            rng_clock::mark_change();
            self.trace_append(append, appended);
        }
        outcome
    }

    fn trace_append(&self, append: &Append, appended: &Appended) {
        for part in &append.streams {
            for event in &part.events {
                let (at, data) = (appended.position, event.data.as_str());
                rng_clock::trace(|| format!("#…{at} {} {} by {}: {data}", part.stream, event.kind, event.actor));
            }
        }
    }

    pub(super) fn events(&self) -> Vec<Recorded> {
        self.log.events()
    }
}

/// The default configuration, with short lives of reservations and idle baskets in some runs.
fn config() -> Config {
    let usual = Config::in_memory(String::new(), String::new(), String::new());
    let seconds = |range| Duration::from_secs(rng_clock::between(range));
    Config {
        demo_stock: false,
        reservation_life: if rng_clock::random_below(3) == 0 { seconds(2..40) } else { usual.reservation_life },
        basket_life: if rng_clock::random_below(4) == 0 { seconds(60..300) } else { usual.basket_life },
        // Longer than the default, so that a run has fewer renewals.
        lease_ttl: Duration::from_secs(15),
        ..usual
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
