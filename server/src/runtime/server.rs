//! The composition root: builds the shop from its configuration, starts it, and ends it in order.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use storefront_api::Money;
use storefront_eventlog::{PostgresStore, SqliteStore, StoreError, Timer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::catalogue::basket_lookup::BasketLookup;
use crate::catalogue::freshness::Freshness;
use crate::catalogue::sync::CatalogueSync;
use crate::config::{Config, StoreChoice};
use crate::http::connections;
use crate::integrations::card_gateway::CardGateway;
use crate::integrations::mailer::{Mailer, MailerConfig};
use crate::integrations::ports::{MailSender, PaymentGateway, Products};
use crate::integrations::product_service::ProductService;
use crate::operations::progress::Progress;
use crate::processes::engine::lease_runner::LeaseConfig;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner;
use crate::processes::engine::timers::Timers;
use crate::processes::{
    ask_about_pending_refunds, ask_what_became_of_authentications as authentications, check_out_orders,
    end_idle_baskets, follow_the_product_service, give_back_the_voucher_of_a_refunded_order,
    give_back_what_is_not_paid_in_time, issue_a_voucher_when_a_large_order_ships as issue_vouchers,
    issue_invoices_and_credit_notes, pay_from_wallets, put_demo_stock_on_the_shelf, reprice_open_baskets, send_mail,
    take_payments, tell_customers_what_came_of_their_orders as notices, tell_operators_of_money_that_needs_a_look,
};
use crate::random;
use crate::runtime::open_files;
use crate::runtime::restart::Runtime;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::Failure;
use crate::views::engine;
use crate::views::{FeedError, RebuildPace, ViewStore, ViewStoreError, Views};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Open mode would let everyone on the network do everything.
    #[error(
        "{0} can be reached from other machines, and in open mode everyone may do everything: listen on 127.0.0.1, \
         or say --open-to-network if you mean it"
    )]
    OpenToNetwork(SocketAddr),
    /// Another server has the event log open.
    #[error("{why}. It is at {url}: join it with `storefront --server {url}`")]
    RunsAlready {
        /// What the log says.
        why: StoreError,
        /// Where that server is.
        url: String,
    },
    /// The event log cannot be opened.
    #[error(transparent)]
    Store(StoreError),
    /// What stands in the event log cannot be read, or nothing can be written into it.
    #[error("the event log does not do its work: {0}")]
    Log(String),
    /// The database of the views cannot be opened.
    #[error("{0}")]
    Views(String),
    /// The address of a system around the shop makes no sense.
    #[error("{0}")]
    Address(String),
}

/// A running server. Dropping it without [`Server::shutdown`] leaves it running until the runtime ends.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    runtime: RuntimeHandle,
    _note: Option<AddressNote>,
}

/// Hides the shop's insides from `Debug`.
struct RuntimeHandle(Arc<Runtime>);

impl std::fmt::Debug for RuntimeHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime(…)")
    }
}

impl Server {
    /// Opens the log, starts views and processes, and listens. The systems around the shop need not be there yet.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        if !config.listen.ip().is_loopback() && !config.open_to_network {
            return Err(StartError::OpenToNetwork(config.listen));
        }
        let default_vat_rate = config.default_vat_rate;
        let address = config.listen;
        let subscription = TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
        let address = subscription.local_addr().map_err(|source| StartError::Listen { address, source })?;
        config.listen = address;
        config.card_return_url.get_or_insert_with(|| format!("http://{address}/v1/payments/return"));
        let stop = CancellationToken::new();
        let connection_limits = config.connections;
        let log = match &config.store {
            StoreChoice::File(path) => Some(path.clone()),
            StoreChoice::Memory | StoreChoice::Postgres(_) => None,
        };
        let lacks_webhook_secret = config.card_webhook_secret.is_none();
        let runtime = Runtime::open(config, stop.clone()).await.map_err(|error| runs_already(error, log.as_deref()))?;
        if lacks_webhook_secret {
            warn!(
                "no webhook secret: news of the card gateway are refused, and outcomes are learnt by asking alone; give \
                 --card-webhook-secret or STOREFRONT_CARD_WEBHOOK_SECRET"
            );
        }
        let note = log.map(|path| AddressNote::write(&path, &join_url(address)));
        let open_files = open_files::raise_limit();
        let serving =
            connections::serve(subscription, runtime.gate.router(), connection_limits, open_files, stop.clone());
        let serving = tokio::spawn(serving);
        match default_vat_rate {
            Some(rate) => {
                info!(%rate, "products of which the product service names no VAT rate are sold at the default rate")
            }
            None => info!("products of which the product service names no VAT rate are not sold"),
        }
        info!(%address, "the shop is open");
        Ok(Self { address, stop, serving, runtime: RuntimeHandle(runtime), _note: note })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, for this machine.
    pub fn url(&self) -> String {
        format!("http://{}", with_ip(self.address, IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }

    /// Its base URL for those who join: where it listens on every address, one that other machines on the same network reach.
    pub fn join_url(&self) -> String {
        join_url(self.address)
    }

    /// Takes no new requests, finishes those that run, ends the processes and closes the log; within ten seconds.
    pub async fn shutdown(self) {
        self.stop.cancel();
        let serving = async { drop(self.serving.await) };
        self.runtime.0.close(serving).await;
    }
}

fn join_url(address: SocketAddr) -> String {
    format!("http://{}", with_ip(address, network_ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))))
}

/// An address with another IP where its own stands for all of the machine's.
fn with_ip(address: SocketAddr, ip: IpAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::new(ip, address.port()) } else { address }
}

/// The IP under which the network knows this machine: the one from which it would send to the outside. Nothing is sent; the
/// address asked about is one of those for documentation (RFC 5737).
fn network_ip() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}

/// Where a running server is, noted beside its log for whoever finds that in use. Gone with the server; what a killed one
/// leaves is read by nobody, because its log is free then.
#[derive(Debug)]
struct AddressNote(PathBuf);

impl AddressNote {
    fn write(log: &Path, url: &str) -> Self {
        let path = Self::path(log);
        if let Err(failure) = std::fs::write(&path, url) {
            warn!(error = %failure, "it could not be noted where the server is");
        }
        Self(path)
    }

    fn path(log: &Path) -> PathBuf {
        let mut path = log.as_os_str().to_owned();
        path.push("-address");
        path.into()
    }
}

impl Drop for AddressNote {
    fn drop(&mut self) {
        // Left behind, it says nothing wrong: the log is free.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where the server is that has a log in a file open, as far as it has said so.
pub fn running_at(log: &Path) -> Option<String> {
    let url = std::fs::read_to_string(AddressNote::path(log)).ok()?;
    url.starts_with("http://").then_some(url)
}

/// Says where the other server is when the log is in use.
fn runs_already(error: StartError, log: Option<&Path>) -> StartError {
    match (error, log.and_then(running_at)) {
        (StartError::Store(why @ StoreError::InUse(_)), Some(url)) => StartError::RunsAlready { why, url },
        (error, _) => error,
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
/// Where a card's owner comes back to when nobody knows where the shop listens.
const NO_RETURN_URL: &str = "http://127.0.0.1/v1/payments/return";

/// The systems around the shop, as the processes reach them.
pub(crate) struct Systems {
    pub(crate) products: Arc<dyn Products>,
    pub(crate) cards: Arc<dyn PaymentGateway>,
    pub(crate) mail: Arc<dyn MailSender>,
}

impl Systems {
    pub(crate) fn with(config: &Config, products: Arc<ProductService>) -> Result<Self, StartError> {
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

/// Opens the log where it was chosen to be.
pub(crate) async fn open_log(choice: &StoreChoice) -> Result<Store, StoreError> {
    Ok(match choice {
        StoreChoice::Memory => Arc::new(SqliteStore::in_memory()?),
        StoreChoice::File(path) => Arc::new(SqliteStore::open(path)?),
        StoreChoice::Postgres(url) => Arc::new(PostgresStore::connect(url.reveal()).await?),
    })
}

/// A log in memory or in a file is this server's alone. By always coming under the same name, it has its leases back at once
/// after it was killed.
pub(crate) fn lease_config(config: &Config) -> LeaseConfig {
    let holder = match config.store {
        StoreChoice::Memory | StoreChoice::File(_) => "the only server".to_owned(),
        StoreChoice::Postgres(_) => format!("server {}", random::id()),
    };
    LeaseConfig { holder, lease_ttl: config.lease_ttl }
}

/// Opens the views beside the log.
pub(crate) async fn open_views(choice: &StoreChoice, log: &Store, pace: RebuildPace) -> Result<Views, StartError> {
    let store = match choice {
        StoreChoice::Memory => ViewStore::in_memory(),
        StoreChoice::File(path) => {
            let mut beside = path.clone().into_os_string();
            beside.push("-views");
            ViewStore::open(beside.as_ref())
        }
        StoreChoice::Postgres(url) => ViewStore::connect(url.reveal()).await,
    };
    Ok(Views::new(log.clone(), store?, pace))
}

/// Rebuilds a view from its log while no server runs, and answers the position that it has come to.
///
/// # Errors
/// See [`StartError`]; also when there is no such view.
pub async fn rebuild_view(choice: &StoreChoice, name: &str) -> Result<u64, StartError> {
    let log = open_log(choice).await?;
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

/// What the processes run on.
pub(crate) struct ProcessContext<'a> {
    pub(crate) store: &'a Store,
    pub(crate) progress: &'a Progress,
    pub(crate) lease_config: LeaseConfig,
    pub(crate) tasks: &'a TaskTracker,
    pub(crate) stop: &'a CancellationToken,
    /// Ends everybody on the spot, as a crash would.
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

    fn act_on<J, F>(&self, timers: Timers, judge: J)
    where
        J: Fn(Store, Timer) -> F + Send + Sync + 'static,
        F: Future<Output = Result<AppendBuilder, Failure>> + Send + 'static,
    {
        self.spawn(timers.run(self.store.clone(), self.lease_config.clone(), self.stop.clone(), judge));
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let until_killed = self.killed.clone().run_until_cancelled_owned(work);
        self.tasks.spawn(until_killed);
    }
}

/// Starts everything that the shop does by itself.
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
    let timers = Timers::of(authentications::SUBSCRIPTION.name);
    let cards = systems.cards.clone();
    context.act_on(timers.clone(), move |store, timer| authentications::judge(store, cards.clone(), timer));
    context.start(authentications::SUBSCRIPTION, move |store, delivery| {
        authentications::handle(store, timers.clone(), delivery)
    });
    context.start(pay_from_wallets::SUBSCRIPTION, pay_from_wallets::handle);
    let money = |amount| Money::new(amount, config.currency);
    let terms = issue_vouchers::Terms {
        threshold: money(config.terms.voucher_threshold),
        amount: money(config.terms.voucher_amount),
    };
    let draw: issue_vouchers::Draw = Arc::new(issue_vouchers::random_code);
    context.start(issue_vouchers::SUBSCRIPTION, move |store, delivery| {
        issue_vouchers::handle(store, terms.clone(), draw.clone(), delivery)
    });
    let registers = issue_invoices_and_credit_notes::Registers::default();
    let seller = Arc::new(config.seller.clone());
    context.start(issue_invoices_and_credit_notes::SUBSCRIPTION, move |store, delivery| {
        issue_invoices_and_credit_notes::handle(store, registers.clone(), seller.clone(), delivery)
    });
    context.start(notices::SUBSCRIPTION, notices::handle);
    let (mail, attempts) = (systems.mail.clone(), config.mail_attempts);
    context.start(send_mail::SUBSCRIPTION, move |store, delivery| {
        send_mail::handle(store, mail.clone(), attempts, delivery)
    });
    let seen = basket_lookup.clone();
    context.start(reprice_open_baskets::SUBSCRIPTION, move |store, delivery| {
        reprice_open_baskets::handle(store, seen.clone(), delivery)
    });
    context.start(
        give_back_the_voucher_of_a_refunded_order::SUBSCRIPTION,
        give_back_the_voucher_of_a_refunded_order::handle,
    );
    context.start(
        tell_operators_of_money_that_needs_a_look::SUBSCRIPTION,
        tell_operators_of_money_that_needs_a_look::handle,
    );
    start_timers(config, context, &systems.cards);
    if config.demo_stock {
        context.start(put_demo_stock_on_the_shelf::SUBSCRIPTION, put_demo_stock_on_the_shelf::handle);
    }
    let (following, stop) = (catalogue_sync.clone(), context.stop.clone());
    let (store, lease_config) = (context.store.clone(), context.lease_config.clone());
    context.spawn(follow_the_product_service::run(store, lease_config, following, freshness.clone(), stop));
}

/// What ends by itself when its time is over.
fn start_timers(config: &Config, context: &ProcessContext<'_>, cards: &Arc<dyn PaymentGateway>) {
    let (cards, timers) = (cards.clone(), Timers::of(ask_about_pending_refunds::SUBSCRIPTION.name));
    context.act_on(timers.clone(), move |store, timer| ask_about_pending_refunds::judge(store, cards.clone(), timer));
    context.start(ask_about_pending_refunds::SUBSCRIPTION, move |store, delivery| {
        ask_about_pending_refunds::handle(store, timers.clone(), delivery)
    });
    let (life, timers) = (config.reservation_life, Timers::of(give_back_what_is_not_paid_in_time::SUBSCRIPTION.name));
    context.act_on(timers.clone(), give_back_what_is_not_paid_in_time::judge);
    context.start(give_back_what_is_not_paid_in_time::SUBSCRIPTION, move |store, delivery| {
        give_back_what_is_not_paid_in_time::handle(store, life, timers.clone(), delivery)
    });
    let (life, timers) = (config.basket_life, Timers::of(end_idle_baskets::SUBSCRIPTION.name));
    context.act_on(timers.clone(), move |store, timer| end_idle_baskets::judge(store, life, timer));
    context.start(end_idle_baskets::SUBSCRIPTION, move |store, delivery| {
        end_idle_baskets::handle(store, life, timers.clone(), delivery)
    });
}
