//! What the server is told from outside: the one place that reads options and the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use storefront_api::Currency;

/// Everything that the server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the log is kept.
    pub store: StoreChoice,
    /// Base URL of the product service.
    pub products_url: String,
    /// Base URL of the card gateway.
    pub card_gateway_url: String,
    /// Secret key of the card gateway.
    pub card_gateway_key: Secret,
    /// Secret with which the card gateway signs its news.
    pub card_webhook_secret: Secret,
    /// Where to hand mail in, such as `smtp://127.0.0.1:7025`.
    pub mail_url: String,
    /// The address that mail comes from.
    pub mail_from: String,
    /// The one currency of the shop.
    pub currency: Currency,
    /// For how long a price is good while the product service cannot be asked.
    pub quote_life: Duration,
    /// For how long stock is promised to an order that is not paid.
    pub reservation_life: Duration,
    /// After how long without a change a basket is over.
    pub basket_life: Duration,
    /// How long the others on one log wait for a sign of life before they take over what a server was at: 1 ms to 1 h.
    pub lease_ttl: Duration,
    /// How long one call of the card gateway may take before its outcome counts as unknown.
    pub card_gateway_timeout: Duration,
    /// How often a mail is handed in to a mail server that cannot take it, before it waits for somebody to look; at least 1.
    pub mail_attempts: u32,
    /// Wallets, spending limits and vouchers.
    pub terms: Terms,
    /// How many events a rebuild of a view takes in at once.
    pub rebuild_batch: usize,
    /// How long a rebuild of a view rests after each batch, which leaves room for others.
    pub rebuild_pause: Duration,
    /// Whether products that the shop has never seen get a demo stock.
    pub demo_stock: bool,
    /// The workshop lab: base URL of the stubs around the shop, such as `http://127.0.0.1:7071`; `None` for no lab.
    pub lab: Option<String>,
    /// How long a scenario of the lab rests after each thing that it tells, so that a room can follow.
    pub lab_pause: Duration,
    /// Whether open mode (everyone may do everything) may listen beyond this machine.
    pub open_to_network: bool,
    /// How many connections are kept, and for how long.
    pub connections: ConnectionLimits,
}

impl Config {
    /// A shop in memory on a free port, with the given systems around it.
    pub fn in_memory(products_url: String, card_gateway_url: String, mail_url: String) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            store: StoreChoice::Memory,
            products_url,
            card_gateway_url,
            card_gateway_key: Secret::new("sk_test_storefront"),
            card_webhook_secret: Secret::new("whsec_storefront"),
            mail_url,
            mail_from: "Storefront <shop@storefront.example>".to_owned(),
            currency: Currency::EUR,
            quote_life: Duration::from_secs(300),
            reservation_life: Duration::from_secs(15 * 60),
            basket_life: Duration::from_secs(24 * 3600),
            lease_ttl: Duration::from_secs(5),
            card_gateway_timeout: Duration::from_secs(10),
            mail_attempts: 50,
            terms: Terms::default(),
            rebuild_batch: 1000,
            rebuild_pause: Duration::ZERO,
            demo_stock: true,
            lab: None,
            lab_pause: Duration::from_millis(1500),
            open_to_network: false,
            connections: ConnectionLimits::default(),
        }
    }
}

/// How many connections are kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How many at most; `None` for as many as the system's limit of open files allows, at most 10,000.
    pub max: Option<usize>,
    /// A connection on which no request has begun for so long is closed: one that is silent, slow or idle.
    pub head_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { max: None, head_timeout: Duration::from_secs(30) }
    }
}

/// What customers get and may spend; all in minor units of the shop's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What a new customer's wallet has in it.
    pub opening_balance: i64,
    /// The highest price of one piece that a customer may buy for whom none was set.
    pub spending_limit: i64,
    /// An order that is sent brings its customer a voucher when it cost more than this.
    pub voucher_threshold: i64,
    /// What that voucher takes off; 0 for no vouchers.
    pub voucher_amount: i64,
}

impl Default for Terms {
    fn default() -> Self {
        Self { opening_balance: 0, spending_limit: 1_000_000, voucher_threshold: 10_000, voucher_amount: 500 }
    }
}

/// Where the log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// In memory, gone with the process.
    Memory,
    /// In a SQLite file.
    File(PathBuf),
    /// In a PostgreSQL database with this URL, which may hold a password.
    Postgres(Secret),
}

impl FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Secret::new(text)));
        }
        match text.strip_prefix("sqlite:") {
            Some(":memory:" | "//:memory:") => Ok(Self::Memory),
            Some(path) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            _ => Err(format!("{text:?} is not a store: use sqlite:PATH, sqlite::memory: or postgres://USER@HOST/NAME")),
        }
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}
