//! What every handler of a request needs: the log, the views, and what is known of the product service.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use storefront_api::{Currency, Money, Timestamp};
use storefront_eventlog::Position;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::catalogue::picture_cache::Pictures;
use crate::catalogue::sync::Assortment;
use crate::config::{Secret, Terms};
use crate::documents::FontShelf;
use crate::http::order_watch::OrderWatch;
use crate::http::origin::Access;
use crate::integrations::ports::Cards;
use crate::integrations::product_service::ProductService;
use crate::lab::Lab;
use crate::operations::progress::Progress;
use crate::store::aggregates::Store;
use crate::store::log_health::LogHealth;
use crate::views::Views;

/// The running shop, as requests see it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) store: Store,
    pub(crate) log_health: LogHealth,
    pub(crate) views: Views,
    pub(crate) products: Arc<ProductService>,
    pub(crate) assortment: Arc<Assortment>,
    pub(crate) pictures: Arc<Pictures>,
    /// What documents are set in.
    pub(crate) fonts: FontShelf,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) running: Running,
    /// The workshop lab, where there is one.
    pub(crate) lab: Option<Arc<Lab>>,
    /// Who waits for which order.
    pub(crate) order_watch: OrderWatch,
    /// How far the processes are.
    pub(crate) progress: Progress,
    /// What was asked of the server so far.
    pub(crate) traffic: Arc<Traffic>,
    /// Where the log stood when the shop was opened; before the views have come there they are not fit to be shown.
    pub(crate) opened_at: Position,
    /// What was confirmed up to here gets no invoice: the shop wrote none then.
    pub(crate) before_invoices: Position,
    /// Another one since each time that the log was set back.
    pub(crate) epoch: Option<Uuid>,
    /// What an operator should know of a log that was set back.
    pub(crate) set_back: Option<String>,
    /// The id of the log's first event, once it is known.
    pub(crate) log_id: Arc<OnceLock<Uuid>>,
    /// Whether other servers may use the same log and views.
    pub(crate) shared_log: bool,
    /// The card gateway, for questions about what it has told.
    pub(crate) cards: Arc<dyn Cards>,
    pub(crate) card_webhook_secret: Option<Secret>,
    /// The one currency of the shop.
    pub(crate) currency: Currency,
    pub(crate) terms: Terms,
    /// Whose web pages may ask, and under which names.
    pub(crate) access: Arc<Access>,
    /// Ends waiting requests when the server is told to stop.
    pub(crate) stop: CancellationToken,
}

impl Shop {
    /// An amount of minor units of the shop's currency.
    pub(crate) fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.currency)
    }
}

/// When the product service was heard last.
#[derive(Debug)]
pub(crate) struct Freshness {
    connected: AtomicBool,
    last_heard_ms: AtomicI64,
    quote_life_ms: i64,
}

impl Freshness {
    pub(crate) fn new(quote_life: Duration) -> Self {
        Self {
            connected: AtomicBool::new(false),
            last_heard_ms: AtomicI64::new(i64::MIN / 2),
            quote_life_ms: i64::try_from(quote_life.as_millis()).unwrap_or(i64::MAX / 2),
        }
    }

    /// The product service has just told all that it knows.
    pub(crate) fn heard(&self, now: Timestamp) {
        self.last_heard_ms.store(now.unix_ms(), Ordering::Relaxed);
        self.connected.store(true, Ordering::Relaxed);
    }

    /// The product service cannot be asked.
    pub(crate) fn lost(&self) {
        self.connected.store(false, Ordering::Relaxed);
    }

    /// Whether what the shop knows may be out of date.
    pub(crate) fn stale(&self) -> bool {
        !self.connected.load(Ordering::Relaxed)
    }

    /// Whether the shop may still sell at the prices that it knows.
    pub(crate) fn prices_are_good(&self, now: Timestamp) -> bool {
        !self.stale() || now.unix_ms() - self.last_heard_ms.load(Ordering::Relaxed) <= self.quote_life_ms
    }
}

/// The idempotency keys of requests that are running now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<HashSet<String>>>);

/// Holds a key while its request runs.
#[derive(Debug)]
pub(crate) struct Claim {
    running: Running,
    key: String,
}

impl Running {
    /// Claims a key; `None` while another request has it.
    pub(crate) fn claim(&self, key: &str) -> Option<Claim> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        free.then(|| Claim { running: self.clone(), key: key.to_owned() })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// How many requests were answered, by the class of their status, and how many of the card gateway's news contradict
/// what was asked for, since the server was started.
#[derive(Debug)]
pub(crate) struct Traffic {
    started: Timestamp,
    /// 1xx, 2xx, 3xx, 4xx, 5xx.
    answered: [AtomicU64; 5],
    contradictions: AtomicU64,
}

impl Traffic {
    pub(crate) fn new(started: Timestamp) -> Self {
        Self { started, answered: Default::default(), contradictions: AtomicU64::new(0) }
    }

    /// The card gateway told of other money than was asked for.
    pub(crate) fn contradicted(&self) {
        self.contradictions.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it did.
    pub(crate) fn contradictions(&self) -> u64 {
        self.contradictions.load(Ordering::Relaxed)
    }

    /// A request was answered with a status.
    pub(crate) fn answered(&self, status: u16) {
        if let Some(count) = usize::from(status / 100).checked_sub(1).and_then(|class| self.answered.get(class)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many requests got each class of status: `(1, …)` for 1xx to `(5, …)` for 5xx.
    pub(crate) fn by_class(&self) -> impl Iterator<Item = (usize, u64)> {
        self.answered.iter().enumerate().map(|(class, count)| (class + 1, count.load(Ordering::Relaxed)))
    }

    /// For how long the server has been running, in milliseconds.
    pub(crate) fn uptime_ms(&self, now: Timestamp) -> i64 {
        (now.unix_ms() - self.started.unix_ms()).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_second(second: i64) -> Timestamp {
        Timestamp::from_unix_ms(second * 1000)
    }

    #[test]
    fn prices_are_unknown_until_the_product_service_has_spoken() {
        let freshness = Freshness::new(Duration::from_secs(300));
        assert!(freshness.stale());
        assert!(!freshness.prices_are_good(at_second(0)));
    }

    #[test]
    fn prices_are_good_for_as_long_as_a_quote_lives_after_the_last_word() {
        let freshness = Freshness::new(Duration::from_secs(300));
        freshness.heard(at_second(1000));
        assert!(!freshness.stale());
        assert!(freshness.prices_are_good(at_second(999_999)), "while the service is followed, nothing is too old");
        freshness.lost();
        assert!(freshness.stale());
        assert!(freshness.prices_are_good(at_second(1300)));
        assert!(!freshness.prices_are_good(at_second(1301)));
        freshness.heard(at_second(2000));
        assert!(!freshness.stale());
    }

    #[test]
    fn a_key_belongs_to_one_request_at_a_time() {
        let running = Running::default();
        let claim = running.claim("a").expect("it is free");
        assert!(running.claim("a").is_none());
        assert!(running.claim("b").is_some());
        drop(claim);
        assert!(running.claim("a").is_some());
    }

    #[test]
    fn requests_are_counted_by_the_class_of_their_status() {
        let traffic = Traffic::new(at_second(10));
        for status in [200, 202, 304, 404, 503, 999] {
            traffic.answered(status);
        }
        assert_eq!(traffic.by_class().collect::<Vec<_>>(), [(1, 0), (2, 2), (3, 1), (4, 1), (5, 1)]);
        assert_eq!(traffic.uptime_ms(at_second(13)), 3000);
    }
}
