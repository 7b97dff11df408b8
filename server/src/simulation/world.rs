//! Everything that outlives a server: the log, the systems around the shop, and who keeps a server running.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storefront_api::OrderId;
use storefront_eventlog::{Append, Appended, Recorded};

use super::bell::Bell;
use super::fate;
use super::invariants;
use super::log::Log;
use super::outside::{Bank, Catalogue};
use super::scenes::Scene;
use super::server::Server;
use crate::clock;
use crate::http::webhooks;
use crate::integrations::card_webhooks::Webhook;
use crate::integrations::mailer::Mail;

/// What one run is about.
pub(super) struct World {
    pub(super) log: Log,
    bank: Mutex<Bank>,
    catalogue: Mutex<Catalogue>,
    mails: Mutex<Vec<Mail>>,
    mail_down: AtomicBool,
    refusing: AtomicBool,
    news: AtomicU64,
    /// News that are on their way.
    on_their_way: AtomicU64,
    /// The newest news that were heard of each payment.
    heard: Mutex<BTreeMap<String, Vec<i64>>>,
    server: Mutex<Option<Arc<Server>>>,
    /// Rings when a server was started or died.
    changed: Bell,
    /// Orders with an event in the log that nobody can read.
    pub(super) poisoned: Mutex<BTreeSet<OrderId>>,
}

impl World {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            log: Log::new(),
            bank: Mutex::default(),
            catalogue: Mutex::default(),
            mails: Mutex::default(),
            mail_down: AtomicBool::new(false),
            refusing: AtomicBool::new(false),
            news: AtomicU64::new(0),
            on_their_way: AtomicU64::new(0),
            heard: Mutex::default(),
            server: Mutex::default(),
            changed: Bell::default(),
            poisoned: Mutex::default(),
        })
    }

    /// Keeps a server running: when one has died, another is started after a while.
    pub(super) async fn keep_a_server(self: Arc<Self>) {
        for number in 1_u32.. {
            let server = Server::start(self.clone(), number);
            *lock(&self.server) = Some(server.clone());
            self.changed.rings();
            self.changed.until(|| (!server.is_alive()).then_some(())).await;
            *lock(&self.server) = None;
            let away = if fate::one_of(10) == 0 { fate::between(0..600_000) } else { fate::between(0..5000) };
            fate::pass(Duration::from_millis(away)).await;
        }
    }

    /// The server that runs, once there is one.
    pub(super) async fn server(&self) -> Arc<Server> {
        self.changed.until(|| self.running()).await
    }

    /// The server that runs now, if one does.
    pub(super) fn running(&self) -> Option<Arc<Server>> {
        lock(&self.server).clone()
    }

    pub(super) fn server_died(&self) {
        invariants::mark_what_the_crash_cut(self);
        self.changed.rings();
    }

    /// Whether a server runs whose processes have nothing to do but what nobody can do.
    pub(super) fn is_idle(&self) -> bool {
        let poisoned = lock(&self.poisoned).len();
        let done = |server: Arc<Server>| server.progress.all().iter().all(|(_, at)| at.unfinished <= poisoned);
        self.running().is_some_and(done)
    }

    /// Lets go of the servers, which hold the world.
    pub(super) fn end(&self) {
        *lock(&self.server) = None;
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
        fate::tell(|| format!("a mail to {} is taken in: {} ({})", mail.to, mail.subject, mail.message_id));
        lock(&self.mails).push(mail);
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
        self.news.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn news_are_on_their_way(&self) -> bool {
        self.on_their_way.load(Ordering::Relaxed) > 0
    }

    /// Brings news of the card gateway to whichever server runs, again and again until it takes them.
    pub(super) async fn delivers(self: Arc<Self>, webhook: Webhook, delay: Duration) {
        self.on_their_way.fetch_add(1, Ordering::Relaxed);
        fate::pass(delay).await;
        for attempt in 1..=200 {
            let server = self.server().await;
            let taken = clock::timeout(Duration::from_secs(10), webhooks::take(&server.store(), webhook.clone())).await;
            if matches!(taken, Some(Ok(()))) {
                fate::tell(|| format!("news {} ({:?}) are taken at attempt {attempt}", webhook.id, webhook.news));
                self.note_heard(&webhook);
                self.on_their_way.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            fate::pass(Duration::from_millis(fate::between(100..20_000))).await;
        }
        panic!("news {webhook:?} are never taken");
    }

    fn note_heard(&self, webhook: &Webhook) {
        let mut heard = lock(&self.heard);
        let heard = heard.entry(format!("{:?}", webhook.payment_id)).or_default();
        if heard.contains(&webhook.created_unix_s) {
            fate::mark(Scene::DuplicateWebhook);
        } else if heard.iter().any(|earlier| *earlier > webhook.created_unix_s) {
            fate::mark(Scene::WebhooksOutOfOrder);
        }
        heard.push(webhook.created_unix_s);
    }

    pub(super) fn tell_append(&self, append: &Append, appended: &Appended) {
        for part in &append.streams {
            for event in &part.events {
                let (at, data) = (appended.position, event.data.as_str());
                fate::tell(|| format!("#…{at} {} {} by {}: {data}", part.stream, event.kind, event.actor));
            }
        }
    }

    pub(super) fn events(&self) -> Vec<Recorded> {
        self.log.events()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
