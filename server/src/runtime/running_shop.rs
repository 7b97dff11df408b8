//! One running shop: one log, its views, the processes, and the state of the HTTP handlers.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use storefront_api::{Money, Password, Timestamp};
use storefront_eventlog::StoreError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;
use uuid::Uuid;

use crate::catalogue::basket_lookup::BasketLookup;
use crate::catalogue::freshness::Freshness;
use crate::catalogue::picture_cache::PictureCache;
use crate::catalogue::sync::CatalogueSync;
use crate::clock;
use crate::config::{Config, StoreChoice};
use crate::documents::LazyFonts;
use crate::http::idempotency::InFlightKeys;
use crate::http::order_watch::OrderWatch;
use crate::http::origin::Access;
use crate::http::rate_limit::RateLimiter;
use crate::http::state::{Shop, ShopState};
use crate::http::traffic::Traffic;
use crate::identity::Identity;
use crate::identity::accounts::{self, SignInError};
use crate::identity::log_follower::LogFollower;
use crate::identity::passwords::Passwords;
use crate::integrations::lab_stubs::LabStubs;
use crate::integrations::product_service::ProductService;
use crate::lab::{Lab, ShopControl};
use crate::operations::progress::Progress;
use crate::payments::unmatched_charges::Reconciliation;
use crate::processes::engine::start_positions;
use crate::processes::issue_invoices_and_credit_notes;
use crate::runtime::compose::{StartError, Systems, bad_address, open_log, open_views, signing_keys, webhook_rules};
use crate::runtime::workers::{WorkerSet, Workers};
use crate::store::aggregates::Store;
use crate::store::log_health::{LogHealth, SetBack};
use crate::store::order_owners::OrderOwners;
use crate::store::personal_data::ProtectedLog;
use crate::views::engine;
use crate::views::{RebuildPace, Views};

/// Maximum time for requests and processes to end when they are stopped.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the log of a shop, and watches its health.
async fn open_store(choice: &StoreChoice, log_health: &LogHealth) -> Result<(ProtectedLog, Store), StoreError> {
    let log = ProtectedLog::new(log_health.watch(open_log(choice).await?));
    let store = Store::protected(&log, !is_shared(choice));
    Ok((log, store))
}

/// Whether other servers may use the same log. A log in a file is locked for this one.
fn is_shared(choice: &StoreChoice) -> bool {
    matches!(choice, StoreChoice::Postgres(_))
}

/// Reads the log's clock at intervals, without end.
async fn follow_clock(log_health: LogHealth, store: Store) {
    loop {
        clock::sleep(clock::FOLLOW_INTERVAL).await;
        // `LogHealth` records a failure, and the next read follows.
        let _noted = log_health.follow_clock(&store).await;
    }
}

/// Reads the signing keys, the API keys, and the sessions that ended of late; what changes from now on is followed until `stop`.
async fn open_identity(
    config: &Config,
    passwords: Passwords,
    store: &Store,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Arc<Identity>, StartError> {
    let keys = signing_keys(config)?;
    let follower = LogFollower::default();
    let known_up_to = follower.load(store).await.map_err(|failure| StartError::Log(failure.to_string()))?;
    tasks.spawn(follower.clone().follow(store.clone(), known_up_to, stop.clone()));
    let LogFollower { ended, api_keys } = follower;
    Ok(Arc::new(Identity { passwords, keys, ended, api_keys }))
}

/// Loads the fonts beside the start, which need not wait for them.
fn load_fonts(config: &Config) -> LazyFonts {
    let fonts = LazyFonts::new(config.fonts.clone());
    let preloaded = fonts.clone();
    tokio::task::spawn_blocking(move || {
        preloaded.get();
        if let Some(missing) = preloaded.missing() {
            warn!("{missing}");
        }
    });
    fonts
}

/// A log that was set back, and the state of the shop that was open on it.
pub(crate) struct LogSetBack {
    pub(crate) how: SetBack,
    /// The epoch of the log before.
    pub(crate) epoch: Option<Uuid>,
    pub(crate) noticed_at: Timestamp,
}

impl LogSetBack {
    /// Returns what an operator should know.
    fn sentence(&self) -> String {
        let SetBack { known, head } = self.how;
        format!(
            "The database was set back at {}: the log had come to {known} and went on after {head}. What was written between \
             is gone, also orders that were paid: GET /v1/payments/unmatched names the card gateway's charges for them. This \
             is told until the server is started anew.",
            self.noticed_at
        )
    }
}

pub(crate) struct RunningShop {
    store: Store,
    views: Views,
    workers: Arc<Workers>,
    tasks: TaskTracker,
    stop: CancellationToken,
    pub(crate) lab: Option<Arc<Lab>>,
    pub(crate) log_health: LogHealth,
    /// The epoch of the log when it was opened.
    pub(crate) epoch: Option<Uuid>,
    identity: Arc<Identity>,
}

impl RunningShop {
    /// See [`accounts::ensure_operator`].
    ///
    /// # Errors
    /// When the address of the operator belongs to a customer, or the log fails.
    pub(crate) async fn ensure_operator(&self, config: &Config) -> Result<Option<Password>, StartError> {
        let email = &config.operator_email;
        let balance = Money::new(config.terms.opening_balance, config.currency);
        match accounts::ensure_operator(&self.store, &self.identity.passwords, email, balance).await {
            Ok(password) => Ok(password),
            Err(SignInError::Refused) => Err(StartError::Operator(email.to_string())),
            Err(failure) => Err(StartError::Log(failure.to_string())),
        }
    }

    /// Warns of an open shop on a log that was a secured shop's: everyone who reaches it may act as its operator.
    ///
    /// # Errors
    /// When the log fails.
    pub(crate) async fn warn_of_operator_in_open_mode(&self, config: &Config) -> Result<(), StartError> {
        if accounts::is_operator(&self.store, &config.operator_email).await? {
            warn!(
                operator = %config.operator_email,
                "this log has an operator, and the shop is open: everyone who reaches it may do everything without signing \
                 in; say --secured if that is not meant"
            );
        }
        Ok(())
    }

    /// Opens the log and starts views and processes. Returns the shop and the state of its HTTP handlers. The
    /// external systems need not be reachable yet. `set_back` describes a log that was set back under the previous
    /// shop.
    ///
    /// # Errors
    /// See [`StartError`]; nothing runs then.
    pub(crate) async fn open(
        config: &Config,
        stop: CancellationToken,
        runtime: &Weak<dyn ShopControl>,
        set_back: Option<&LogSetBack>,
    ) -> Result<(Self, Shop), StartError> {
        let products = ProductService::new(&config.products_url, config.currency, config.default_vat_rate);
        let products = Arc::new(products.map_err(bad_address)?);
        let systems = Systems::new(config, products.clone())?;
        let stubs = config.lab.as_deref().map(|url| LabStubs::new(url, config.card_gateway_key.reveal())).transpose();
        let stubs = stubs.map_err(bad_address)?;
        let log_health = LogHealth::default();
        let (protected_log, store) = open_store(&config.store, &log_health).await?;
        if let Some(set_back) = set_back {
            store.begin_epoch(set_back.epoch).await?;
        }
        let epoch = store.epoch().await?;
        log_health.follow_clock(&store).await?;
        let pace = RebuildPace { batch: config.rebuild_batch, pause: config.rebuild_pause };
        let views = open_views(&config.store, &store, pace).await?;
        start_positions::record_start_positions(&store).await?;
        let before_invoices =
            start_positions::start_position(&store, issue_invoices_and_credit_notes::SUBSCRIPTION.name).await?;
        let opened_at = store.head().await?;
        let tasks = TaskTracker::new();
        tasks.spawn(stop.clone().run_until_cancelled_owned(follow_clock(log_health.clone(), store.clone())));
        let freshness = Arc::new(Freshness::new(config.quote_life));
        tasks.spawn(engine::run(views.clone(), stop.clone()));
        let progress = Progress::default();
        let basket_lookup: Arc<dyn BasketLookup> = Arc::new(views.clone());
        let catalogue_sync = Arc::new(CatalogueSync::new(
            store.clone(),
            systems.products.clone(),
            freshness.clone(),
            basket_lookup.clone(),
        ));
        let cards = systems.cards.clone();
        let workers = Arc::new(Workers {
            config: config.clone(),
            store: store.clone(),
            protected_log: protected_log.clone(),
            passwords: Passwords::default(),
            progress: progress.clone(),
            basket_lookup,
            systems,
            freshness: freshness.clone(),
            catalogue_sync: catalogue_sync.clone(),
            stop: stop.clone(),
            worker_set: Mutex::new(WorkerSet::default()),
        });
        workers.start_all();
        let lab = stubs.map(|stubs| {
            Arc::new(Lab {
                stubs,
                pause: config.lab_pause,
                shop: runtime.clone(),
                workers: workers.clone(),
                store: store.clone(),
                tasks: tasks.clone(),
                stop: stop.clone(),
                runs: Mutex::default(),
            })
        });
        let reconciliation = Reconciliation::new(store.clone(), cards.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(reconciliation.clone().run(set_back.is_some())));
        let identity = open_identity(config, workers.passwords.clone(), &store, &tasks, &stop).await?;
        let order_owners = OrderOwners::default();
        let order_watch = OrderWatch::new(config.waiting_requests, order_owners.clone());
        tasks.spawn(order_watch.clone().run(store.clone(), stop.clone()));
        let shop = ShopState {
            protected_log,
            store: store.clone(),
            log_health: log_health.clone(),
            epoch,
            set_back: set_back.map(LogSetBack::sentence),
            views: views.clone(),
            picture_cache: Arc::new(PictureCache::new(products.clone(), freshness.clone())),
            fonts: load_fonts(config),
            products,
            catalogue_sync,
            freshness,
            in_flight_keys: InFlightKeys::default(),
            identity: identity.clone(),
            secured: config.secured,
            lab: lab.clone(),
            order_watch,
            order_owners,
            progress,
            traffic: Arc::new(Traffic::new(clock::now())),
            opened_at,
            before_invoices,
            log_id: Arc::default(),
            shared_log: is_shared(&config.store),
            cards,
            reconciliation,
            card_webhook_secret: config.card_webhook_secret.clone(),
            currency: config.currency,
            terms: config.terms,
            access: Arc::new(Access::from_config(config)),
            rate_limiter: Arc::new(RateLimiter::from_config(config)),
            webhook_rules: webhook_rules(config),
            stop: stop.clone(),
        };
        Ok((Self { store, views, workers, tasks, stop, lab, log_health, epoch, identity }, shop.into()))
    }

    /// Ends waiting requests and stops all tasks.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Stops the processes and closes the log, once `requests` are finished; takes at most [`SHUTDOWN_TIMEOUT`].
    pub(crate) async fn close(self, requests: impl Future<Output = ()>) {
        self.stop();
        self.tasks.close();
        let end = async {
            requests.await;
            self.tasks.wait().await;
            self.workers.wait_until_ended().await;
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, end).await.is_err() {
            warn!("some requests did not finish in time");
        }
        self.views.close().await;
        self.store.close().await;
    }
}
