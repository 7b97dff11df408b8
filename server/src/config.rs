//! The server's configuration: a typed value for every option. `main` fills it from options and the environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use storefront_api::{Currency, EmailAddress, Seller, VatRate};

use crate::accepted_hosts::{HostName, WebOrigin};
pub use crate::config_values::Quota;
use crate::config_values::{BASKET_LIFE, DEFAULT_VAT_RATE, RATE_LIMIT, RESERVATION_LIFE, SIGN_IN_LIMIT};

/// The published key of the stub card gateway; not a secret.
const STUB_CARD_KEY: &str = "sk_test_storefront";

/// All settings of a server.
#[derive(Clone)]
pub struct Config {
    /// Address to listen on; port 0 selects a free port.
    pub listen: SocketAddr,
    /// Where the log is kept.
    pub store: StoreChoice,
    /// Base URL of the product service.
    pub products_url: String,
    /// Base URL of the card gateway.
    pub card_gateway_url: String,
    /// Secret key of the card gateway.
    pub card_gateway_key: Secret,
    /// Secret with which the card gateway signs its webhooks; without it, webhooks are refused.
    pub card_webhook_secret: Option<Secret>,
    /// URL to which the cardholder returns from the bank's page; `None` for the server's own.
    pub card_return_url: Option<String>,
    /// URL of the mail server, such as `smtp://127.0.0.1:7025`; it may contain a password.
    pub mail_url: Secret,
    /// Sender address of mails.
    pub mail_from: String,
    /// The seller named on every new invoice.
    pub seller: Seller,
    /// Source of fonts for invoices, in addition to the bundled one.
    pub fonts: FontSource,
    /// The one currency of the shop.
    pub currency: Currency,
    /// VAT rate of products for which the product service gives none; without it they are not sold.
    pub default_vat_rate: Option<VatRate>,
    /// How long a price stays valid while the product service is unreachable.
    pub quote_life: Duration,
    /// How long stock stays reserved for an unpaid order.
    pub reservation_life: Duration,
    /// How long a basket lives after its last change.
    pub basket_life: Duration,
    /// Lifetime of a lease on the log, 1 ms to 1 h: after it, other servers take over the work of one that stopped
    /// renewing.
    pub lease_ttl: Duration,
    /// Maximum duration of one card gateway call; after it the outcome is unknown.
    pub card_gateway_timeout: Duration,
    /// Number of attempts to send a mail before it is parked, at least 1.
    pub mail_attempts: u32,
    /// Wallets, spending limits and vouchers.
    pub terms: Terms,
    /// Number of events per batch of a view rebuild.
    pub rebuild_batch: usize,
    /// Pause of a view rebuild after each batch, which leaves capacity for other work.
    pub rebuild_pause: Duration,
    /// Whether new products get a demo stock.
    pub demo_stock: bool,
    /// Base URL of the stubs that the workshop lab controls, such as `http://127.0.0.1:7071`; `None` for no lab.
    pub lab: Option<String>,
    /// Pause of a lab scenario after each message, so that an audience can follow.
    pub lab_pause: Duration,
    /// Whether everything but what is public needs a session (secured mode); otherwise everyone may do everything (open
    /// mode).
    pub secured: bool,
    /// Mail address of the first operator, who gets an account when a secured shop opens and the address has none.
    pub operator_email: EmailAddress,
    /// Whether open mode (everyone may do everything) may listen beyond this machine.
    pub open_to_network: bool,
    /// File with the keys that sign the tokens of sessions; `None` for one beside the log, and for a log in a database or
    /// in memory, keys that end with the server.
    pub key_file: Option<PathBuf>,
    /// Certificate and key of the listener; `None` for connections that are not encrypted.
    pub tls: Option<TlsFiles>,
    /// Whether an encrypted server also listens on a free loopback port without encryption, for programs of this machine.
    pub plain_loopback: bool,
    /// Limits on the number and the idle time of connections.
    pub connections: ConnectionLimits,
    /// How long a stopping server still answers, with a readiness that says no, before it takes no new connections.
    pub drain: Duration,
    /// Maximum number of long-polling requests (`wait=…`); more are refused.
    pub waiting_requests: usize,
    /// Accepted `Host` names, in addition to the listen address and the loopback names.
    pub hosts: Vec<HostName>,
    /// Foreign web origins with full access (CORS).
    pub allow_origins: Vec<WebOrigin>,
    /// Reverse proxies whose `Forwarded` and `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The path under which a proxy shows the server, such as `/shop`.
    pub path_prefix: Option<String>,
    /// Limit on the requests of an address, or of an account once somebody is signed in; `None` for none.
    pub rate_limit: Option<Quota>,
    /// Further limit on the requests that look at a password; `None` for none.
    pub sign_in_limit: Option<Quota>,
    /// Whether webhooks may be sent to private networks and without encryption in secured mode too; in open mode they may.
    pub webhook_allow_private: bool,
}

/// Shows the listen address only: URLs of other systems may contain passwords.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl Config {
    /// Returns the given key, or the stub's published key for a gateway on this machine.
    ///
    /// # Errors
    /// When no key was given for a gateway on another machine; the text says what to do.
    pub fn card_gateway_key(given: Option<Secret>, card_gateway_url: &str) -> Result<Secret, String> {
        match given.filter(|key| !key.is_blank()) {
            Some(key) => Ok(key),
            None if is_on_this_machine(card_gateway_url) => Ok(Secret::new(STUB_CARD_KEY)),
            None => Err("a card gateway on another machine wants its secret key: give it with --card-gateway-key or \
                         STOREFRONT_CARD_GATEWAY_KEY"
                .to_owned()),
        }
    }

    /// Settings for an in-memory shop on a free port, with the given external systems.
    pub fn in_memory(products_url: String, card_gateway_url: String, mail_url: String) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            store: StoreChoice::Memory,
            products_url,
            card_gateway_url,
            card_gateway_key: Secret::new(STUB_CARD_KEY),
            card_webhook_secret: None,
            card_return_url: None,
            mail_url: Secret::new(mail_url),
            mail_from: "Storefront <shop@storefront.example>".to_owned(),
            seller: demo_seller(),
            fonts: FontSource::System,
            currency: Currency::EUR,
            default_vat_rate: Some(DEFAULT_VAT_RATE),
            quote_life: Duration::from_secs(300),
            reservation_life: RESERVATION_LIFE,
            basket_life: BASKET_LIFE,
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
            secured: false,
            operator_email: first_operator(),
            key_file: None,
            tls: None,
            plain_loopback: false,
            connections: ConnectionLimits::default(),
            hosts: Vec::new(),
            allow_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            path_prefix: None,
            rate_limit: Some(RATE_LIMIT),
            sign_in_limit: Some(SIGN_IN_LIMIT),
            webhook_allow_private: false,
            drain: Duration::ZERO,
            waiting_requests: 4096,
        }
    }
}

/// The files of a TLS certificate, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the server, and the intermediate ones after it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Limits on the number and the idle time of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Maximum number of open connections; `None` derives it from the limit of open files, at most 10,000.
    pub max: Option<usize>,
    /// A connection is closed when no complete request head arrives within this time.
    pub head_timeout: Duration,
    /// A client that takes nothing of its answer for so long is cut off.
    pub write_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { max: None, head_timeout: Duration::from_secs(30), write_timeout: Duration::from_secs(60) }
    }
}

/// Where the fonts of PDF documents come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FontSource {
    /// The fonts installed on the system.
    System,
    /// A folder, searched recursively.
    Folder(PathBuf),
}

/// Default mail address of the first operator.
pub const OPERATOR_EMAIL: &str = "operator@storefront.example";

#[expect(clippy::expect_used, reason = "the constant is a mail address")]
fn first_operator() -> EmailAddress {
    OPERATOR_EMAIL.parse().expect("a mail address")
}

/// The seller of a shop without a configured one; recognizably not a real company.
pub fn demo_seller() -> Seller {
    Seller {
        name: DEMO_SELLER_NAME.to_owned(),
        address: address_lines(DEMO_SELLER_ADDRESS),
        vat_id: Some(DEMO_SELLER_VAT_ID.to_owned()),
    }
}

/// Default name of the seller.
pub const DEMO_SELLER_NAME: &str = "Storefront (demo, no real company)";
/// Default address of the seller; `;` separates the lines.
pub const DEMO_SELLER_ADDRESS: &str = "1 Example Street; 12345 Example Town; Germany";
/// Default VAT id of the seller; no real one has these digits.
pub const DEMO_SELLER_VAT_ID: &str = "DE000000000";

/// Splits an address at its semicolons into lines.
pub fn address_lines(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Terms for customers. All amounts are in minor units of the shop's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Balance of a new customer's wallet.
    pub opening_balance: i64,
    /// Default limit on the unit price that a customer may buy at.
    pub spending_limit: i64,
    /// A shipped order with a total above this earns a voucher.
    pub voucher_threshold: i64,
    /// Amount of that voucher; 0 for no vouchers.
    pub voucher_amount: i64,
}

impl Default for Terms {
    fn default() -> Self {
        Self { opening_balance: 0, spending_limit: 1_000_000, voucher_threshold: 10_000, voucher_amount: 500 }
    }
}

/// Storage of the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// In memory; lost when the process ends.
    Memory,
    /// In a SQLite file.
    File(PathBuf),
    /// In the PostgreSQL database at this URL, which may contain a password.
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
            // Only the scheme is shown: a mistyped URL may contain a password.
            _ => {
                let scheme = text.split(':').next().filter(|scheme| scheme.len() < text.len()).unwrap_or_default();
                Err(format!(
                    "{scheme:?} is no kind of store: use sqlite:PATH, sqlite::memory: or postgres://USER@HOST/NAME"
                ))
            }
        }
    }
}

/// A text that `Debug` does not reveal.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Marks a text as secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty or only whitespace.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
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

/// Parses a listen address: `ADDRESS:PORT` or `NAME:PORT`; `localhost:PORT`, `:PORT` and `PORT` mean this machine only.
///
/// # Errors
/// The accepted forms.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    if let Ok(port) = port.parse() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let wrong = |why: &dyn std::fmt::Display| format!("use ADDRESS:PORT, localhost:PORT, :PORT or PORT ({why})");
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let found = text.to_socket_addrs().map_err(|error| wrong(&error))?.next();
    found.ok_or_else(|| wrong(&"this name has no address"))
}

/// Parses a switch in an environment variable: `1`, `true`, `yes` or `on`; `0`, `false`, `no`, `off` or empty.
///
/// # Errors
/// The accepted forms.
pub fn parse_switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("use 1, true, yes or on, or 0, false, no or off".to_owned()),
    }
}

/// Whether the host of a URL is `localhost` or a loopback address.
fn is_on_this_machine(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host: Option<HostName> = host.parse().ok();
    host.is_some_and(|host| {
        let ip = host.name().trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host.name() == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_listen_may_be_said_in_several_ways() {
        for this_machine in ["127.0.0.1:7070", "localhost:7070", ":7070", "7070"] {
            assert_eq!(listen_address(this_machine), Ok(SocketAddr::from(([127, 0, 0, 1], 7070))), "{this_machine}");
        }
        assert_eq!(listen_address("0.0.0.0:0").unwrap().ip(), IpAddr::from([0, 0, 0, 0]));
        assert!(listen_address("[::1]:7070").unwrap().is_ipv6());
        for wrong in ["", "somewhere", "70700", "127.0.0.1", "localhost:", "localhost:x", ":x"] {
            assert!(listen_address(wrong).unwrap_err().contains("use ADDRESS:PORT"), "{wrong:?}");
        }
    }

    #[test]
    fn a_switch_may_be_said_in_several_ways() {
        for on in ["1", "true", "yes", "on", "TRUE", " on "] {
            assert_eq!(parse_switch(on), Ok(true), "{on:?}");
        }
        for off in ["0", "false", "no", "off", ""] {
            assert_eq!(parse_switch(off), Ok(false), "{off:?}");
        }
        assert!(parse_switch("perhaps").is_err());
    }

    #[test]
    fn a_gateway_elsewhere_has_no_key_by_default() {
        let key = |given: Option<&str>, url| Config::card_gateway_key(given.map(Secret::new), url);
        for stub in ["http://127.0.0.1:7071/card-gateway", "http://localhost/x", "http://[::1]:7071"] {
            assert_eq!(key(None, stub).unwrap().reveal(), STUB_CARD_KEY, "{stub}");
        }
        for elsewhere in
            ["https://gateway.example", "http://localhost.example", "http://127.0.0.1@gateway.example/", "", "x"]
        {
            assert!(key(None, elsewhere).is_err() && key(Some(" "), elsewhere).is_err(), "{elsewhere}");
            assert_eq!(key(Some("sk_live"), elsewhere).unwrap().reveal(), "sk_live");
        }
    }

    #[test]
    fn the_debug_text_of_a_configuration_holds_no_secret() {
        let url = |system: &str| format!("{system}://shop:hunter2@there");
        let mut config = Config::in_memory(url("http"), url("https"), url("smtp"));
        config.card_gateway_key = Secret::new("hunter2");
        config.card_webhook_secret = Some(Secret::new("hunter2"));
        config.store = "postgres://shop:hunter2@there/shop?password=hunter2".parse().unwrap();
        let said = format!("{config:?} {config:#?} {:?} {:?}", config.store, config.mail_url);
        assert!(!said.contains("hunter2"), "{said}");
        for wrong in ["postgre://shop:hunter2@there/shop", "hunter2"] {
            assert!(!wrong.parse::<StoreChoice>().unwrap_err().contains("hunter2"), "{wrong}");
        }
    }
}
