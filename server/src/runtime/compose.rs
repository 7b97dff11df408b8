//! Builds the parts of a shop from its configuration: the log, the views, the clients of external systems, and the
//! processes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use storefront_api::Money;
use storefront_eventlog::{EventStore, PostgresStore, SqliteStore, StoreError, Timer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalogue::basket_lookup::BasketLookup;
use crate::catalogue::freshness::Freshness;
use crate::catalogue::sync::CatalogueSync;
use crate::config::{Config, StoreChoice};
use crate::identity::passwords::Passwords;
use crate::identity::signing_keys::SigningKeys;
use crate::integrations::card_gateway::CardGateway;
use crate::integrations::mailer::{Mailer, MailerConfig};
use crate::integrations::ports::{MailSender, PaymentGateway, Products};
use crate::integrations::product_service::ProductService;
use crate::integrations::webhook_sender::WebhookSender;
use crate::integrations::webhook_targets::TargetRules;
use crate::operations::progress::Progress;
use crate::processes::deliver_webhooks::WebhookProcesses;
use crate::processes::engine::lease_runner::LeaseConfig;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner;
use crate::processes::engine::timers::Timers;
use crate::processes::{
    ask_about_pending_refunds, ask_what_became_of_authentications as authentications, check_out_orders,
    end_idle_baskets, erase_personal_data, follow_the_product_service, give_back_the_voucher_of_a_refunded_order,
    give_back_what_is_not_paid_in_time, issue_a_voucher_when_a_large_order_ships as issue_vouchers,
    issue_invoices_and_credit_notes, pay_from_wallets, put_demo_stock_on_the_shelf, reprice_open_baskets, send_mail,
    take_payments, tell_customers_what_came_of_their_orders as notices, tell_operators_of_money_that_needs_a_look,
};
use crate::random;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::Failure;
use crate::store::document_numbers::DocumentNumbers;
use crate::store::personal_data::ProtectedLog;
use crate::views::engine;
use crate::views::{FeedError, RebuildPace, ViewStore, ViewStoreError, Views};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The configured address that cannot be used.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// In open mode everyone on the network may do everything, and that was not confirmed.
    #[error(
        "{0} can be reached from other machines, and in open mode everyone may do everything: listen on 127.0.0.1, \
         say --secured so that people sign in, or say --open-to-network if you mean it"
    )]
    OpenToNetwork(SocketAddr),
    /// Another server has the event log open.
    #[error("{why}. It is at {url}: join it with `storefront --server {url}`")]
    RunsAlready {
        /// The error of the event log.
        why: StoreError,
        /// The URL of that server.
        url: String,
    },
    /// The event log cannot be opened.
    #[error(transparent)]
    Store(StoreError),
    /// The event log cannot be read or written.
    #[error("the event log does not do its work: {0}")]
    Log(String),
    /// The database of the views cannot be opened.
    #[error("{0}")]
    Views(String),
    /// The mail address of the first operator has an account that is not an operator's.
    #[error("{0} has the account of a customer: name another address for the operator with --operator-email")]
    Operator(String),
    /// The file of the signing keys cannot be used.
    #[error("{0}")]
    Keys(String),
    /// The certificate of the listener or its key cannot be used.
    #[error("{0}")]
    Tls(String),
    /// The configured address of an external system is invalid.
    #[error("{0}")]
    Address(String),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Return URL of a card authentication when none is configured and no server listens.
const NO_RETURN_URL: &str = "http://127.0.0.1/v1/payments/return";

/// The external systems as the processes reach them.
pub(crate) struct Systems {
    pub(crate) products: Arc<dyn Products>,
    pub(crate) cards: Arc<dyn PaymentGateway>,
    pub(crate) mail: Arc<dyn MailSender>,
}

impl Systems {
    pub(crate) fn new(config: &Config, products: Arc<ProductService>) -> Result<Self, StartError> {
        let cards = CardGateway::new(
            &config.card_gateway_url,
            config.card_gateway_key.reveal(),
            config.card_gateway_timeout,
            config.card_return_url.as_deref().unwrap_or(NO_RETURN_URL),
        )
        .map_err(bad_address)?;
        let mail =
            Mailer::new(&MailerConfig { server: config.mail_url.reveal().to_owned(), from: config.mail_from.clone() })
                .map_err(bad_address)?;
        Ok(Self { products, cards: Arc::new(cards), mail: Arc::new(mail) })
    }
}

pub(crate) fn bad_address(error: impl std::fmt::Display) -> StartError {
    StartError::Address(error.to_string())
}

/// The keys that sign tokens: of the configured file, else of the file beside the log, else new ones.
pub(crate) fn signing_keys(config: &Config) -> Result<SigningKeys, StartError> {
    let file = config.key_file.clone().or_else(|| key_file_beside_log(&config.store));
    file.map_or_else(|| Ok(SigningKeys::random()), |path| SigningKeys::of_file(&path))
        .map_err(|failure| StartError::Keys(failure.to_string()))
}

fn key_file_beside_log(store: &StoreChoice) -> Option<PathBuf> {
    match store {
        StoreChoice::File(path) => {
            let mut keys = path.clone().into_os_string();
            keys.push("-keys");
            Some(keys.into())
        }
        StoreChoice::Memory | StoreChoice::Postgres(_) => None,
    }
}

/// To which addresses webhooks may be sent.
pub(crate) fn webhook_rules(config: &Config) -> TargetRules {
    if config.webhook_allow_private || !config.secured { TargetRules::Any } else { TargetRules::Public }
}

/// Opens the configured log.
pub(crate) async fn open_log(choice: &StoreChoice) -> Result<Arc<dyn EventStore>, StoreError> {
    Ok(match choice {
        StoreChoice::Memory => Arc::new(SqliteStore::in_memory()?),
        StoreChoice::File(path) => Arc::new(SqliteStore::open(path)?),
        StoreChoice::Postgres(url) => Arc::new(PostgresStore::connect(url.reveal()).await?),
    })
}

/// The lease holder of this server. A log in memory or in a file belongs to this server alone; with a fixed holder
/// name it regains its leases at once after it was killed.
pub(crate) fn lease_config(config: &Config) -> LeaseConfig {
    let holder = match config.store {
        StoreChoice::Memory | StoreChoice::File(_) => "the only server".to_owned(),
        StoreChoice::Postgres(_) => format!("server {}", random::id()),
    };
    LeaseConfig { holder, lease_ttl: config.lease_ttl }
}

/// Opens the views in the database of the log, or beside its file.
pub(crate) async fn open_views(choice: &StoreChoice, log: &Store, pace: RebuildPace) -> Result<Views, StartError> {
    let store = match choice {
        StoreChoice::Memory => ViewStore::in_memory(),
        StoreChoice::File(path) => {
            let mut views_path = path.clone().into_os_string();
            views_path.push("-views");
            ViewStore::open(views_path.as_ref())
        }
        StoreChoice::Postgres(url) => ViewStore::connect(url.reveal()).await,
    };
    Ok(Views::new(log.clone(), store?, pace))
}

/// Rebuilds a view from its log while no server runs. Returns the position that the view has reached.
///
/// # Errors
/// See [`StartError`]; also when there is no such view.
pub async fn rebuild_view(choice: &StoreChoice, name: &str) -> Result<u64, StartError> {
    let log = Store::protected(&ProtectedLog::new(open_log(choice).await?), false);
    let views = open_views(choice, &log, RebuildPace { batch: 10_000, pause: Duration::ZERO }).await?;
    let rebuilt = engine::rebuild_offline(&views, name).await;
    views.close().await;
    log.close().await;
    rebuilt?.map(|position| position.0).ok_or_else(|| {
        let known: Vec<&str> = Views::names().collect();
        StartError::Views(format!("there is no view {name:?}; there are {}", known.join(", ")))
    })
}

impl From<Failure> for StartError {
    fn from(error: Failure) -> Self {
        Self::Log(error.to_string())
    }
}

impl From<ViewStoreError> for StartError {
    fn from(error: ViewStoreError) -> Self {
        Self::Views(error.to_string())
    }
}

impl From<FeedError> for StartError {
    fn from(error: FeedError) -> Self {
        Self::Views(error.to_string())
    }
}

/// What every process is started with.
pub(crate) struct ProcessContext<'a> {
    pub(crate) store: &'a Store,
    /// The log behind `store`.
    pub(crate) protected_log: &'a ProtectedLog,
    pub(crate) passwords: &'a Passwords,
    pub(crate) progress: &'a Progress,
    pub(crate) lease_config: LeaseConfig,
    pub(crate) tasks: &'a TaskTracker,
    pub(crate) stop: &'a CancellationToken,
    /// Ends every process immediately, as a crash would.
    pub(crate) killed: &'a CancellationToken,
}

impl ProcessContext<'_> {
    fn start<H, F, E>(&self, subscription: runner::Subscription, handle: H)
    where
        H: Fn(Store, runner::Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<HandlerError> + Send + 'static,
    {
        let (store, progress, stop) = (self.store.clone(), self.progress.clone(), self.stop.clone());
        self.spawn(runner::run(store, self.lease_config.clone(), subscription, progress, stop, handle));
    }

    fn start_timers<J, F>(&self, timers: Timers, handle_timer: J)
    where
        J: Fn(Store, Timer) -> F + Send + Sync + 'static,
        F: Future<Output = Result<AppendBuilder, Failure>> + Send + 'static,
    {
        self.spawn(timers.run(self.store.clone(), self.lease_config.clone(), self.stop.clone(), handle_timer));
    }

    /// Starts the processes of the webhook endpoints.
    pub(crate) fn start_webhooks(&self, sender: WebhookSender) {
        let (store, progress) = (self.store.clone(), self.progress.clone());
        let processes = WebhookProcesses { store, lease_config: self.lease_config.clone(), progress, sender };
        self.spawn(processes.run(self.stop.clone()));
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let until_killed = self.killed.clone().run_until_cancelled_owned(work);
        self.tasks.spawn(until_killed);
    }
}

/// Starts all processes and the timers of those that have any.
pub(crate) fn start_processes(
    config: &Config,
    context: &ProcessContext<'_>,
    basket_lookup: &Arc<dyn BasketLookup>,
    systems: &Systems,
    freshness: &Arc<Freshness>,
    catalogue_sync: &Arc<CatalogueSync>,
) {
    let life = config.reservation_life;
    context
        .start(check_out_orders::SUBSCRIPTION, move |store, delivery| check_out_orders::handle(store, life, delivery));
    let cards = systems.cards.clone();
    context.start(take_payments::SUBSCRIPTION, move |store, delivery| {
        take_payments::handle(store, cards.clone(), life, delivery)
    });
    let timers = Timers::new(authentications::SUBSCRIPTION.name);
    let cards = systems.cards.clone();
    context
        .start_timers(timers.clone(), move |store, timer| authentications::handle_timer(store, cards.clone(), timer));
    context.start(authentications::SUBSCRIPTION, move |store, delivery| {
        authentications::handle(store, timers.clone(), delivery)
    });
    context.start(pay_from_wallets::SUBSCRIPTION, pay_from_wallets::handle);
    let money = |amount| Money::new(amount, config.currency);
    let terms = issue_vouchers::Terms {
        threshold: money(config.terms.voucher_threshold),
        amount: money(config.terms.voucher_amount),
    };
    let new_code: issue_vouchers::CodeSource = Arc::new(issue_vouchers::random_code);
    context.start(issue_vouchers::SUBSCRIPTION, move |store, delivery| {
        issue_vouchers::handle(store, terms.clone(), new_code.clone(), delivery)
    });
    let numbers = DocumentNumbers::default();
    let seller = Arc::new(config.seller.clone());
    context.start(issue_invoices_and_credit_notes::SUBSCRIPTION, move |store, delivery| {
        issue_invoices_and_credit_notes::handle(store, numbers.clone(), seller.clone(), delivery)
    });
    context.start(notices::SUBSCRIPTION, notices::handle);
    let (mail, passwords, attempts) = (systems.mail.clone(), context.passwords.clone(), config.mail_attempts);
    context.start(send_mail::SUBSCRIPTION, move |store, delivery| {
        send_mail::handle(store, mail.clone(), passwords.clone(), attempts, delivery)
    });
    let baskets = basket_lookup.clone();
    context.start(reprice_open_baskets::SUBSCRIPTION, move |store, delivery| {
        reprice_open_baskets::handle(store, baskets.clone(), delivery)
    });
    let (log, orders) = (context.protected_log.clone(), basket_lookup.clone());
    context.start(erase_personal_data::SUBSCRIPTION, move |store, delivery| {
        erase_personal_data::handle(store, log.clone(), orders.clone(), delivery)
    });
    context.start(
        give_back_the_voucher_of_a_refunded_order::SUBSCRIPTION,
        give_back_the_voucher_of_a_refunded_order::handle,
    );
    context.start(
        tell_operators_of_money_that_needs_a_look::SUBSCRIPTION,
        tell_operators_of_money_that_needs_a_look::handle,
    );
    start_deadline_processes(config, context, &systems.cards);
    if config.demo_stock {
        context.start(put_demo_stock_on_the_shelf::SUBSCRIPTION, put_demo_stock_on_the_shelf::handle);
    }
    let (sync, stop) = (catalogue_sync.clone(), context.stop.clone());
    let (store, lease_config) = (context.store.clone(), context.lease_config.clone());
    context.spawn(follow_the_product_service::run(store, lease_config, sync, freshness.clone(), stop));
}

/// Starts the processes that act when a time is over.
fn start_deadline_processes(config: &Config, context: &ProcessContext<'_>, cards: &Arc<dyn PaymentGateway>) {
    let (cards, timers) = (cards.clone(), Timers::new(ask_about_pending_refunds::SUBSCRIPTION.name));
    context.start_timers(timers.clone(), move |store, timer| {
        ask_about_pending_refunds::handle_timer(store, cards.clone(), timer)
    });
    context.start(ask_about_pending_refunds::SUBSCRIPTION, move |store, delivery| {
        ask_about_pending_refunds::handle(store, timers.clone(), delivery)
    });
    let (life, timers) = (config.reservation_life, Timers::new(give_back_what_is_not_paid_in_time::SUBSCRIPTION.name));
    context.start_timers(timers.clone(), give_back_what_is_not_paid_in_time::handle_timer);
    context.start(give_back_what_is_not_paid_in_time::SUBSCRIPTION, move |store, delivery| {
        give_back_what_is_not_paid_in_time::handle(store, life, timers.clone(), delivery)
    });
    let (life, timers) = (config.basket_life, Timers::new(end_idle_baskets::SUBSCRIPTION.name));
    context.start_timers(timers.clone(), move |store, timer| end_idle_baskets::handle_timer(store, life, timer));
    context.start(end_idle_baskets::SUBSCRIPTION, move |store, delivery| {
        end_idle_baskets::handle(store, life, timers.clone(), delivery)
    });
}
