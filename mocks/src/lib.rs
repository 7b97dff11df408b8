//! Stubs of the external systems around the shop, so that it can be tried, tested and broken on purpose without them:
//!
//! - [`products`](ProductService): the product service, with a demo range of our own in words and pictures;
//! - [`cards`](CardGateway): a card gateway with the published PaymentIntents HTTP shape, its test cards and webhooks;
//! - [`mail`](Mailbox): an SMTP server that keeps every mail and shows it over HTTP.
//!
//! One HTTP listener serves all three under prefixes; [`Mocks`] starts it together with the SMTP listener, inside any
//! process. Each stub has [fault switches](Faults). The crate does not know the shop and depends on no other crate of
//! the workspace. It uses no processor time while idle: every wait is for a notification, never a poll.
//!
//! Items whose names say everything, and the fields of the published objects of the card gateway, have no doc comment.

#![allow(missing_docs, reason = "an item whose name says everything needs no comment")]

mod cards;
mod fault_switches;
mod http;
mod journal;
mod mail;
mod origin;
mod products;
mod reset;

use std::{
    fmt::Display,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use axum::{Router, routing::get};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use cards::{
    BalanceTransaction, CardGateway, Charge, Dispute, IntentStatus, Metadata, PaymentIntent, Refund, WebhookTarget,
};
pub use fault_switches::{FaultSwitch, Faults, MAX_LATENCY_MS, Stub};
pub use mail::{Attachment, MAX_MAILS, Mail, Mailbox};
pub use products::{Change, ChangeKind, NewProduct, Product, ProductError, ProductPatch, ProductService};

use cards::CardEntry;
use journal::Journal;
use mail::MailEntry;
use products::ProductEntry;
use serde::Deserialize;

const PRODUCTS_PREFIX: &str = "/products-service";
const CARDS_PREFIX: &str = "/card-gateway";
const MAILBOX_PREFIX: &str = "/mailbox";

/// Timeout for running requests at shutdown, in seconds.
const SHUTDOWN_TIMEOUT_S: u64 = 5;

/// Configuration of the stubs. The default suits tests: free ports, no state file, demo products.
#[derive(Clone)]
pub struct MocksConfig {
    /// HTTP listen address; port 0 takes a free one.
    pub http: SocketAddr,
    /// SMTP listen address; port 0 takes a free one.
    pub smtp: SocketAddr,
    /// Target of the card gateway's webhooks. Can be set later, see [`CardGateway::send_webhooks_to`].
    pub webhook: Option<WebhookTarget>,
    /// Host names of the stubs, beside their address and the names of this machine.
    pub hosts: Vec<String>,
    pub card_key: String,
    /// The card gateway's publishable key, which only allows exchanging a card number for a token.
    pub card_publishable_key: String,
    /// Delay of the slow test card, in milliseconds.
    pub slow_card_ms: u64,
    /// Whether the product service starts with the demo products.
    pub demo_products: bool,
    /// File for payments, mails and products between runs; `None` keeps nothing.
    pub state_file: Option<PathBuf>,
}

/// Shows the addresses only, because the other fields contain keys.
impl std::fmt::Debug for MocksConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MocksConfig").field("http", &self.http).field("smtp", &self.smtp).finish_non_exhaustive()
    }
}

impl Default for MocksConfig {
    fn default() -> MocksConfig {
        MocksConfig {
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            smtp: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            webhook: None,
            hosts: Vec::new(),
            card_key: "sk_test_storefront".to_owned(),
            card_publishable_key: "pk_test_storefront".to_owned(),
            slow_card_ms: 3_000,
            demo_products: true,
            state_file: None,
        }
    }
}

/// The running stubs. Dropping it stops them without waiting; [`Mocks::shutdown`] waits.
#[derive(Debug)]
pub struct Mocks {
    http_addr: SocketAddr,
    smtp_addr: SocketAddr,
    products: ProductService,
    cards: CardGateway,
    mailbox: Mailbox,
    switches: [FaultSwitch; 3],
    tasks: JoinSet<()>,
    stop: DropGuard,
}

impl Mocks {
    /// Starts all three stubs. They serve when this returns.
    ///
    /// # Errors
    /// When an address cannot be bound, or the state file cannot be read or written.
    pub async fn start(config: MocksConfig) -> io::Result<Mocks> {
        let http = TcpListener::bind(config.http).await.map_err(with_context(format!("HTTP on {}", config.http)))?;
        let smtp = TcpListener::bind(config.smtp).await.map_err(with_context(format!("SMTP on {}", config.smtp)))?;
        let (http_addr, smtp_addr) = (http.local_addr()?, smtp.local_addr()?);
        let switches = Stub::ALL.map(FaultSwitch::new);
        let [product_faults, card_faults, mail_faults] = switches.clone();
        let stop = CancellationToken::new();
        let card_settings = cards::Settings {
            secret_key: config.card_key.clone(),
            publishable_key: config.card_publishable_key.clone(),
            slow_card_ms: config.slow_card_ms,
            base_url: format!("http://{http_addr}{CARDS_PREFIX}"),
            faults: card_faults.clone(),
            shutdown: stop.clone(),
        };
        let (products, cards, mailbox, journal) = load_stubs(&config, card_settings)?;
        cards.send_webhooks_to(config.webhook);

        let reset_targets = reset::ResetTargets {
            products: products.clone(),
            cards: cards.clone(),
            mailbox: mailbox.clone(),
            switches: switches.clone(),
            journal,
            demo_products: config.demo_products,
        };
        let product_routes = products::router(products.clone(), stop.clone());
        let card_routes = cards::router(cards.clone());
        let router = Router::new()
            .route("/", get(front_page))
            .nest(PRODUCTS_PREFIX, http::faults::with_faults(product_routes, &product_faults, products::fault_response))
            .nest(CARDS_PREFIX, http::faults::with_faults(card_routes, &card_faults, cards::fault_response))
            .nest(MAILBOX_PREFIX, mail::router(mailbox.clone(), stop.clone()))
            .merge(http::faults::fault_routes(switches.clone()))
            .merge(reset::router(reset_targets))
            .fallback(http::no_such_route);

        let mut tasks = JoinSet::new();
        tasks.spawn(mail::serve_smtp(smtp, mailbox.clone(), mail_faults, stop.clone()));
        let (http_stop, names) = (stop.clone(), origin::HostNames(config.hosts.into()));
        tasks.spawn(async move {
            if let Err(error) = http::serve(http, router, names, http_stop, http::LIMITS).await {
                tracing::error!(%error, "the stubs' HTTP listener failed");
            }
        });
        Ok(Mocks { http_addr, smtp_addr, products, cards, mailbox, switches, tasks, stop: stop.drop_guard() })
    }

    /// Base URL of the product service: `/v1/product` comes below it.
    pub fn products_url(&self) -> String {
        self.url(PRODUCTS_PREFIX)
    }

    /// Base URL of the card gateway: `/v1/payment_intents` comes below it.
    pub fn card_gateway_url(&self) -> String {
        self.url(CARDS_PREFIX)
    }

    /// Base URL of the mailbox: `/v1/messages` comes below it.
    pub fn mailbox_url(&self) -> String {
        self.url(MAILBOX_PREFIX)
    }

    /// Base URL of the fault switches: `/products`, `/cards` and `/mail` come below it.
    pub fn faults_url(&self) -> String {
        self.url("/faults")
    }

    /// Base URL of all stubs.
    pub fn base_url(&self) -> String {
        self.url("")
    }

    fn url(&self, prefix: &str) -> String {
        format!("http://{}{prefix}", self.http_addr)
    }

    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp_addr
    }

    pub fn products(&self) -> &ProductService {
        &self.products
    }

    pub fn card_gateway(&self) -> &CardGateway {
        &self.cards
    }

    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    pub fn faults(&self, stub: Stub) -> &FaultSwitch {
        match stub {
            Stub::Products => &self.switches[0],
            Stub::Cards => &self.switches[1],
            Stub::Mail => &self.switches[2],
        }
    }

    /// Stops listening and waits for running requests, at most five seconds; long polls return at once.
    pub async fn shutdown(self) {
        let Mocks { mut tasks, stop, .. } = self;
        stop.disarm().cancel();
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(SHUTDOWN_TIMEOUT_S), all).await.is_err() {
            tracing::warn!("some requests to the stubs did not finish in time");
        }
    }
}

/// A line of the state file; the names are those of `JournalEntry::STUB`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredEntry {
    Product(ProductEntry),
    Card(Box<CardEntry>),
    Mail(MailEntry),
}

/// Loads the stubs from the state file, if there is one, and opens it for appending.
fn load_stubs(
    config: &MocksConfig,
    card_settings: cards::Settings,
) -> io::Result<(ProductService, CardGateway, Mailbox, Journal)> {
    let (mut product_entries, mut card_entries, mut mail_entries) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(path) = &config.state_file {
        for entry in journal::read(path).map_err(with_context(path.display()))? {
            match entry {
                StoredEntry::Product(entry) => product_entries.push(entry),
                StoredEntry::Card(entry) => card_entries.push(*entry),
                StoredEntry::Mail(entry) => mail_entries.push(entry),
            }
        }
    }
    let products = ProductService::load(product_entries, config.demo_products);
    let cards = CardGateway::load(card_entries, card_settings);
    let mailbox = Mailbox::load(mail_entries);
    let Some(path) = &config.state_file else { return Ok((products, cards, mailbox, Journal::default())) };
    let lines = reset::state_file_lines(&products, &cards, &mailbox);
    let journal = journal::replace(path, lines).map_err(with_context(path.display()))?;
    let (products, cards) = (products.with_journal(journal.clone()), cards.with_journal(journal.clone()));
    Ok((products, cards, mailbox.with_journal(journal.clone()), journal))
}

/// Prepends the subject of an error to its text.
fn with_context(what: impl Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{what}: {error}"))
}

async fn front_page() -> &'static str {
    "Stand-ins for the systems around the shop.

Product service   /products-service/v1/product        GET POST
                  /products-service/v1/product/{id}   GET PATCH
                  /products-service/v1/product/{id}/picture   GET PUT DELETE
                  /products-service/v1/changes?after=N&wait=S   GET
Card gateway      /card-gateway/v1/payment_intents    GET POST   (with a key)
                  /card-gateway/v1/payment_intents/{id}   GET, POST confirm, capture, cancel
                  /card-gateway/v1/refunds            GET POST
                  /card-gateway/v1/charges            GET
                  /card-gateway/v1/payment_methods    POST
Mailbox           /mailbox/v1/messages?to=&after=N&wait=S   GET DELETE
Faults            /faults/{products|cards|mail}       GET PUT
First day         /reset                              POST
"
}
