//! Everything that outlives a server: the log, the systems around the shop, and who keeps a server running.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storefront_api::OrderId;
use storefront_eventlog::{Append, AppendError, Appended, Recorded};
use tokio::sync::oneshot;

use super::coverage::Coverage;
use super::fair_notify::FairNotify;
use super::gateway::{Bank, Gateway};
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

/// What one run is about.
pub(super) struct World {
    pub(super) log: Log,
    bank: Mutex<Bank>,
    catalogue: Mutex<Catalogue>,
    mails: Mutex<Vec<Mail>>,
    mail_down: AtomicBool,
    refusing: AtomicBool,
    webhook_count: AtomicU64,
    /// Events that are on their way.
    on_their_way: AtomicU64,
    /// Events that leave the gateway with the answer to the next call; and who waits for the first attempt of others.
    pub(super) held: Mutex<Vec<Webhook>>,
    pub(super) first_attempts: Mutex<Vec<oneshot::Receiver<()>>>,
    /// What is fixed in this run rather than drawn.
    pub(super) script: Option<Script>,
    /// What the systems around the shop should never have been asked to do.
    pub(super) breaches: Mutex<Vec<String>>,
    /// The newest news that were heard of each payment.
    heard: Mutex<BTreeMap<String, Vec<i64>>>,
    /// What every server is told.
    pub(super) config: Config,
    /// Whether several servers share the log.
    pub(super) shared: bool,
    /// The servers that run.
    servers: Mutex<Vec<Arc<Server>>>,
    /// How many servers were ever started.
    started: AtomicU32,
    /// Rings when a server was started or died.
    changed: FairNotify,
    /// How many refunds of each order the shop has acknowledged.
    refunds: Mutex<BTreeMap<OrderId, u32>>,
    /// Orders with an event in the log that nobody can read.
    pub(super) poisoned: Mutex<BTreeSet<OrderId>>,
}

impl World {
    /// A world without servers; perhaps several are to share its log.
    pub(super) fn new() -> Arc<Self> {
        let config = config();
        Self::with(config, rng_clock::one_of(3) == 0, None)
    }

    /// A world whose log two servers share.
    pub(super) fn of_several_servers() -> Arc<Self> {
        Self::with(config(), true, None)
    }

    /// A world for one server at a time, in which a script fixes what is drawn elsewhere.
    pub(super) fn scripted(config: Config, script: Script) -> Arc<Self> {
        Self::with(config, false, Some(script))
    }

    fn with(config: Config, shared: bool, script: Option<Script>) -> Arc<Self> {
        Arc::new(Self {
            config,
            shared,
            script,
            log: Log::new(),
            bank: Mutex::default(),
            catalogue: Mutex::default(),
            mails: Mutex::default(),
            mail_down: AtomicBool::new(false),
            refusing: AtomicBool::new(false),
            webhook_count: AtomicU64::new(0),
            on_their_way: AtomicU64::new(0),
            held: Mutex::default(),
            first_attempts: Mutex::default(),
            breaches: Mutex::default(),
            heard: Mutex::default(),
            servers: Mutex::default(),
            started: AtomicU32::new(0),
            changed: FairNotify::default(),
            refunds: Mutex::default(),
            poisoned: Mutex::default(),
        })
    }

    /// Keeps a server running: when one has died, another is started after a while.
    pub(super) async fn keep_a_server(self: Arc<Self>) {
        loop {
            let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
            let server = Server::start(self.clone(), number);
            lock(&self.servers).push(server.clone());
            self.changed.rings();
            self.changed.until(|| (!server.is_alive()).then_some(())).await;
            lock(&self.servers).retain(|running| running.number != number);
            let away = match &self.script {
                Some(_) => 500,
                None if rng_clock::one_of(10) == 0 => rng_clock::between(0..600_000),
                None => rng_clock::between(0..5000),
            };
            rng_clock::pass(Duration::from_millis(away)).await;
        }
    }

    /// One of the servers that run, once there is one.
    pub(super) async fn server(&self) -> Arc<Server> {
        let running = self.changed.until(|| Some(self.running()).filter(|running| !running.is_empty())).await;
        rng_clock::pick(&running)
    }

    /// The servers that run now.
    pub(super) fn running(&self) -> Vec<Arc<Server>> {
        lock(&self.servers).clone()
    }

    pub(super) fn server_died(&self) {
        invariants::mark_what_the_crash_cut(self);
        self.changed.rings();
    }

    /// Where each process stands, as told by the server on which it runs.
    pub(super) fn standings(&self) -> BTreeMap<&'static str, ProcessStatus> {
        let told = self.running().into_iter().flat_map(|server| server.progress.all());
        told.filter(|(_, standing)| !standing.runs_elsewhere).collect()
    }

    /// Whether every process runs somewhere, and has nothing left to do.
    pub(super) fn is_idle(&self) -> bool {
        let standings = self.standings();
        let known = self.running().first().map_or(0, |server| server.progress.all().len());
        known > 0 && standings.len() == known && standings.values().all(|standing| standing.unfinished == 0)
    }

    /// Lets go of the servers, which hold the world.
    pub(super) fn end(&self) {
        lock(&self.servers).clear();
    }

    pub(super) fn bank(&self) -> MutexGuard<'_, Bank> {
        lock(&self.bank)
    }

    pub(super) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        lock(&self.catalogue)
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        lock(&self.mails).clone()
    }

    pub(super) fn takes_mail(&self, mail: Mail) {
        rng_clock::tell(|| format!("a mail to {} is taken in: {} ({})", mail.to, mail.subject, mail.message_id));
        lock(&self.mails).push(mail);
        rng_clock::changes();
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

    pub(super) fn next_news(&self) -> u64 {
        self.webhook_count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Something has begun at the gateway that will come to an end.
    pub(super) fn begins_something(&self) {
        self.on_their_way.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ends_something(&self) {
        self.on_their_way.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn news_are_on_their_way(&self) -> bool {
        self.on_their_way.load(Ordering::Relaxed) > 0
    }

    /// Brings news of the card gateway to whichever server runs, again and again until it takes them. Whoever waits for the
    /// first attempt hears of it.
    pub(super) async fn delivers(self: Arc<Self>, webhook: Webhook, attempted: Option<oneshot::Sender<()>>) {
        let mut attempted = attempted;
        // For some hours: a clock that was set back may hold a payment up for one.
        for attempt in 1..=200 {
            let server = self.server().await;
            let taken = clock::timeout(
                Duration::from_secs(10),
                gateway_events::record(&server.store(), &Gateway(server.clone()), webhook.clone()),
            )
            .await;
            if let Some(waits) = attempted.take() {
                // Nobody may wait any more.
                let _ = waits.send(());
            }
            if matches!(taken, Some(Ok(_))) {
                rng_clock::changes();
                rng_clock::tell(|| format!("news {} ({:?}) are taken at attempt {attempt}", webhook.id, webhook.event));
                self.note_heard(&webhook);
                self.ends_something();
                return;
            }
            rng_clock::pass(Duration::from_millis(rng_clock::between(100..20_000))).await;
        }
        panic!("news {webhook:?} are never taken");
    }

    fn note_heard(&self, webhook: &Webhook) {
        let mut heard = lock(&self.heard);
        let heard = heard.entry(format!("{:?}", webhook.payment_id)).or_default();
        if heard.contains(&webhook.created_unix_s) {
            rng_clock::mark(Coverage::DuplicateWebhook);
        } else if heard.iter().any(|earlier| *earlier > webhook.created_unix_s) {
            rng_clock::mark(Coverage::WebhooksOutOfOrder);
        }
        heard.push(webhook.created_unix_s);
    }

    /// An append comes to the log.
    pub(super) fn lands(&self, append: &Append) -> Result<Appended, AppendError> {
        let outcome = self.log.append(append);
        if let Ok(appended) = &outcome {
            rng_clock::changes();
            self.tell_append(append, appended);
        }
        outcome
    }

    fn tell_append(&self, append: &Append, appended: &Appended) {
        for part in &append.streams {
            for event in &part.events {
                let (at, data) = (appended.position, event.data.as_str());
                rng_clock::tell(|| format!("#…{at} {} {} by {}: {data}", part.stream, event.kind, event.actor));
            }
        }
    }

    pub(super) fn events(&self) -> Vec<Recorded> {
        self.log.events()
    }
}

/// As usual, but that goods are not kept for long in some shops, and idle baskets neither.
fn config() -> Config {
    let usual = Config::in_memory(String::new(), String::new(), String::new());
    let seconds = |range| Duration::from_secs(rng_clock::between(range));
    Config {
        demo_stock: false,
        reservation_life: if rng_clock::one_of(3) == 0 { seconds(2..40) } else { usual.reservation_life },
        basket_life: if rng_clock::one_of(4) == 0 { seconds(60..300) } else { usual.basket_life },
        // Longer than usual, so that a run has fewer renewals in it.
        lease_ttl: Duration::from_secs(15),
        ..usual
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
