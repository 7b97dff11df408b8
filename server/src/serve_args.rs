//! The options of `storefront-server serve`, and the configuration that they make.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use color_eyre::eyre::Result;
use storefront_api::{Currency, EmailAddress, Seller, text};
use storefront_server::config::{
    DEMO_SELLER_ADDRESS, DEMO_SELLER_NAME, DEMO_SELLER_VAT_ID, FontSource, OPERATOR_EMAIL, address_lines,
};
use storefront_server::maintenance::ToolError;
use storefront_server::{
    Config, ConnectionLimits, DefaultVatRate, HostName, RateLimit, Secret, Terms, TlsFiles, WebOrigin,
    parse_default_vat_rate, parse_life, parse_rate_limit,
};

use crate::secret_args::{StoreArgs, secret};

/// Where mail is handed in when no option says it.
const DEFAULT_MAIL: &str = "smtp://127.0.0.1:7025";

/// The options of `serve`.
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; localhost:PORT, :PORT and PORT are this machine alone.
    #[arg(long, env = "STOREFRONT_LISTEN", hide_env_values = true, default_value = "127.0.0.1:7070", value_name = "ADDR", value_parser = storefront_server::listen_address)]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    store: StoreArgs,
    /// Base URL of the product service.
    #[arg(
        long,
        env = "STOREFRONT_PRODUCTS",
        hide_env_values = true,
        default_value = "http://127.0.0.1:7071/products-service",
        value_name = "URL"
    )]
    products: String,
    /// Base URL of the card gateway.
    #[arg(
        long,
        env = "STOREFRONT_CARD_GATEWAY",
        hide_env_values = true,
        default_value = "http://127.0.0.1:7071/card-gateway",
        value_name = "URL"
    )]
    card_gateway: String,
    /// Secret key of the card gateway [default: that of the stub, for a gateway on this machine]
    #[arg(long, env = "STOREFRONT_CARD_GATEWAY_KEY", hide_env_values = true, value_name = "KEY")]
    card_gateway_key: Option<Secret>,
    /// A file with the secret key of the card gateway.
    #[arg(long, env = "STOREFRONT_CARD_GATEWAY_KEY_FILE", hide_env_values = true, value_name = "PATH")]
    card_gateway_key_file: Option<PathBuf>,
    /// Secret with which the card gateway signs its webhooks to /v1/webhooks/card-gateway; without it they are refused.
    #[arg(long, env = "STOREFRONT_CARD_WEBHOOK_SECRET", hide_env_values = true, value_name = "SECRET")]
    card_webhook_secret: Option<Secret>,
    /// A file with the secret of the webhooks.
    #[arg(long, env = "STOREFRONT_CARD_WEBHOOK_SECRET_FILE", hide_env_values = true, value_name = "PATH")]
    card_webhook_secret_file: Option<PathBuf>,
    /// The URL to which the cardholder's browser returns from the bank; without it, this server's own page.
    #[arg(long, env = "STOREFRONT_CARD_RETURN_URL", hide_env_values = true, value_name = "URL")]
    card_return_url: Option<String>,
    /// Where to hand in mail: smtp://USER:PASSWORD@HOST:PORT, or smtps:// for TLS [default: smtp://127.0.0.1:7025]
    #[arg(long, env = "STOREFRONT_MAIL", hide_env_values = true, value_name = "URL")]
    mail: Option<Secret>,
    /// A file with what --mail takes.
    #[arg(long, env = "STOREFRONT_MAIL_FILE", hide_env_values = true, value_name = "PATH")]
    mail_file: Option<PathBuf>,
    /// The address that mail comes from.
    #[arg(
        long,
        env = "STOREFRONT_MAIL_FROM",
        hide_env_values = true,
        default_value = "Storefront <shop@storefront.example>",
        value_name = "ADDRESS"
    )]
    mail_from: String,
    /// Who sells: the name on every invoice.
    #[arg(long, env = "STOREFRONT_SELLER_NAME", hide_env_values = true, default_value = DEMO_SELLER_NAME, value_parser = parse_seller_text, value_name = "NAME")]
    seller_name: String,
    /// The seller's address on every invoice, with semicolons between its lines.
    #[arg(long, env = "STOREFRONT_SELLER_ADDRESS", hide_env_values = true, default_value = DEMO_SELLER_ADDRESS, value_parser = parse_seller_text, value_name = "LINES")]
    seller_address: String,
    /// The seller's VAT identification number on every invoice; empty where there is none.
    #[arg(long, env = "STOREFRONT_SELLER_VAT_ID", hide_env_values = true, default_value = DEMO_SELLER_VAT_ID, value_parser = parse_vat_id, value_name = "ID")]
    seller_vat_id: String,
    /// A folder with fonts for invoices as PDF, in place of the system's; Latin, Greek, Cyrillic, Arabic and Hebrew
    /// need none.
    #[arg(long, env = "STOREFRONT_FONTS", hide_env_values = true, value_name = "FOLDER")]
    fonts: Option<PathBuf>,
    /// The one currency of the shop.
    #[arg(long, env = "STOREFRONT_CURRENCY", hide_env_values = true, default_value = "EUR", value_name = "CODE")]
    currency: Currency,
    /// The VAT of products of which the product service names none, in percent; none keeps them from being sold.
    #[arg(
        long,
        env = "STOREFRONT_DEFAULT_VAT_RATE",
        hide_env_values = true,
        default_value = "19",
        value_parser = parse_default_vat_rate,
        value_name = "PERCENT"
    )]
    default_vat_rate: DefaultVatRate,
    /// For how long stock is promised to an order that is not paid, such as 90 (seconds), 15m or 1h.
    #[arg(
        long,
        alias = "reservation-life-s",
        env = "STOREFRONT_RESERVATION_LIFE",
        hide_env_values = true,
        default_value = "15m",
        value_parser = parse_life,
        value_name = "TIME"
    )]
    reservation_life: Duration,
    /// After how long without a change a basket is over, such as 12h or 7d.
    #[arg(
        long,
        alias = "basket-life-s",
        env = "STOREFRONT_BASKET_LIFE",
        hide_env_values = true,
        default_value = "24h",
        value_parser = parse_life,
        value_name = "TIME"
    )]
    basket_life: Duration,
    /// For how many seconds a price is good while the product service cannot be asked.
    #[arg(
        long,
        env = "STOREFRONT_QUOTE_LIFE_S",
        hide_env_values = true,
        default_value_t = 300,
        value_name = "SECONDS"
    )]
    quote_life_s: u32,
    /// After how many milliseconds without a renewed lease other servers on the same log take over this one's work.
    #[arg(
        long,
        env = "STOREFRONT_LEASE_MS", hide_env_values = true,
        default_value_t = 5000,
        value_parser = clap::value_parser!(u32).range(100..=3_600_000),
        value_name = "MILLISECONDS"
    )]
    lease_ms: u32,
    /// How often sending a mail is attempted before it is parked for an operator.
    #[arg(
        long,
        env = "STOREFRONT_MAIL_ATTEMPTS", hide_env_values = true,
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..),
        value_name = "TIMES"
    )]
    mail_attempts: u32,
    /// What a new customer's wallet has in it, in minor units such as cents.
    #[arg(long, env = "STOREFRONT_OPENING_BALANCE", hide_env_values = true, default_value_t = 0, value_name = "AMOUNT", value_parser = clap::value_parser!(i64).range(0..))]
    opening_balance: i64,
    /// The highest price of one piece that a customer may buy for whom none was set, in minor units.
    #[arg(long, env = "STOREFRONT_SPENDING_LIMIT", hide_env_values = true, default_value_t = 1_000_000, value_name = "AMOUNT", value_parser = clap::value_parser!(i64).range(0..))]
    spending_limit: i64,
    /// An order that is sent brings its customer a voucher when it cost more than this, in minor units.
    #[arg(long, env = "STOREFRONT_VOUCHER_THRESHOLD", hide_env_values = true, default_value_t = 10_000, value_name = "AMOUNT", value_parser = clap::value_parser!(i64).range(0..))]
    voucher_threshold: i64,
    /// What that voucher takes off, in minor units; 0 for no vouchers.
    #[arg(long, env = "STOREFRONT_VOUCHER_AMOUNT", hide_env_values = true, default_value_t = 500, value_name = "AMOUNT", value_parser = clap::value_parser!(i64).range(0..))]
    voucher_amount: i64,
    /// For how many milliseconds a rebuild of a view rests after each 1000 events, to leave room for others.
    #[arg(long, env = "STOREFRONT_REBUILD_PAUSE_MS", hide_env_values = true, default_value_t = 0, value_name = "MS")]
    rebuild_pause_ms: u32,
    /// Give products that the shop has never seen a demo stock.
    #[arg(long, env = "STOREFRONT_DEMO_STOCK", hide_env_values = true, value_parser = storefront_server::parse_switch)]
    demo_stock: bool,
    /// Open a workshop lab with the stubs at this address, such as http://127.0.0.1:7071 (storefront-mocks): faults,
    /// scenarios and starting over, for everyone who reaches the server. Never for a shop that is real.
    #[arg(long, env = "STOREFRONT_LAB", hide_env_values = true, value_name = "URL")]
    lab: Option<String>,
    /// For how many milliseconds a scenario of the lab rests after each thing that it tells, so that a room can follow.
    #[arg(long, env = "STOREFRONT_LAB_PAUSE_MS", hide_env_values = true, default_value_t = 1500, value_parser = clap::value_parser!(u32).range(..=60_000), value_name = "MS")]
    lab_pause_ms: u32,
    /// Let people in who sign in: everything but the catalogue, its pictures, health, signing in and the description of the
    /// interface needs a session. The first start prints a one-time password of the operator.
    #[arg(long, env = "STOREFRONT_SECURED", hide_env_values = true, value_parser = storefront_server::parse_switch)]
    pub(crate) secured: bool,
    /// In secured mode, also send webhooks to private networks and without encryption. Without it they go to https:// and
    /// to addresses of the public internet only. Open mode sends anywhere.
    #[arg(long, env = "STOREFRONT_WEBHOOK_ALLOW_PRIVATE", hide_env_values = true, value_parser = storefront_server::parse_switch)]
    webhook_allow_private: bool,
    /// The mail address of the first operator.
    #[arg(long, env = "STOREFRONT_OPERATOR_EMAIL", hide_env_values = true, default_value = OPERATOR_EMAIL, value_name = "ADDRESS")]
    operator_email: EmailAddress,
    /// Let other machines in although everyone may do everything.
    #[arg(long, env = "STOREFRONT_OPEN_TO_NETWORK", hide_env_values = true, value_parser = storefront_server::parse_switch)]
    pub(crate) open_to_network: bool,
    /// The file with the keys that sign the tokens of sessions; it is made when it is not there. Servers on one PostgreSQL
    /// need the same keys [default: beside a SQLite log; otherwise keys that end with the server]
    #[arg(long, env = "STOREFRONT_KEY_FILE", hide_env_values = true, value_name = "PATH")]
    key_file: Option<PathBuf>,
    /// Encrypt connections with the certificate in this file (PEM, intermediate certificates after it). It is read again
    /// when it changes.
    #[arg(long, env = "STOREFRONT_TLS_CERT", hide_env_values = true, value_name = "PATH", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The file with the private key of that certificate (PEM).
    #[arg(long, env = "STOREFRONT_TLS_KEY", hide_env_values = true, value_name = "PATH", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A name under which the server is asked, such as shop.example, beside its address and localhost; may be given
    /// several times. Under other names it answers nothing, so that no web page reaches it by a name of its own.
    #[arg(
        long = "host",
        env = "STOREFRONT_HOST",
        hide_env_values = true,
        value_name = "NAME[:PORT]",
        value_delimiter = ','
    )]
    hosts: Vec<HostName>,
    /// An origin whose web pages may do everything here, such as https://front.example (CORS); may be given several
    /// times.
    #[arg(
        long = "allow-origin",
        env = "STOREFRONT_ALLOW_ORIGIN",
        hide_env_values = true,
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    allow_origins: Vec<WebOrigin>,
    /// The address of a reverse proxy on another machine, which is believed about the client: its address, the name under
    /// which the server is asked, and the path (Forwarded, X-Forwarded-For, -Host and -Prefix); may be given several times.
    /// For a proxy on this machine use --host.
    #[arg(long = "trusted-proxy", env = "STOREFRONT_TRUSTED_PROXY", hide_env_values = true, value_name = "IP", value_delimiter = ',', value_parser = parse_proxy)]
    trusted_proxies: Vec<IpAddr>,
    /// The path under which a reverse proxy shows the server, such as /shop, whether it takes it off or not.
    #[arg(long, env = "STOREFRONT_PATH_PREFIX", hide_env_values = true, value_name = "PATH", value_parser = parse_path_prefix)]
    path_prefix: Option<String>,
    /// How many requests an address may send in a time, or an account once somebody is signed in; none for no limit.
    /// Addresses of this machine are not counted.
    #[arg(long, env = "STOREFRONT_RATE_LIMIT", hide_env_values = true, default_value = "6000/1m", value_name = "NUMBER/TIME", value_parser = parse_rate_limit)]
    rate_limit: RateLimit,
    /// How many of them may sign in, register, or try a password otherwise.
    #[arg(long, env = "STOREFRONT_SIGN_IN_LIMIT", hide_env_values = true, default_value = "60/10m", value_name = "NUMBER/TIME", value_parser = parse_rate_limit)]
    sign_in_limit: RateLimit,
    /// How many connections are open at once at most [default: what the limit of open files allows, at most 10000]
    #[arg(long, env = "STOREFRONT_MAX_CONNECTIONS", hide_env_values = true, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,
    /// For how many seconds a server that is told to stop still answers, while readiness is 503 so that a load balancer
    /// sends nothing more; a second signal ends it.
    #[arg(long, env = "STOREFRONT_DRAIN", hide_env_values = true, default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=3600))]
    drain: u32,
    /// After how many seconds without a request a connection is closed.
    #[arg(long, env = "STOREFRONT_HEAD_TIMEOUT_S", hide_env_values = true, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    head_timeout_s: u32,
    /// After how many seconds a client that takes nothing of its answer is cut off.
    #[arg(long, env = "STOREFRONT_WRITE_TIMEOUT_S", hide_env_values = true, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    write_timeout_s: u32,
}

fn parse_path_prefix(text: &str) -> Result<String, String> {
    let usable = storefront_server::is_path_prefix(text);
    if usable { Ok(text.to_owned()) } else { Err("use a path without a slash at its end, such as /shop".to_owned()) }
}

/// Refuses loopback addresses: browsers on this machine connect from the same address as a proxy on it.
fn parse_proxy(text: &str) -> Result<IpAddr, String> {
    let ip: IpAddr = text.parse().map_err(|_| "use the address of a proxy, such as 10.0.0.2".to_owned())?;
    let loopback = "every browser on this machine comes from there too: name the proxy's host with --host instead";
    if ip.is_loopback() { Err(loopback.to_owned()) } else { Ok(ip.to_canonical()) }
}

/// The configuration of the server.
///
/// # Errors
/// When an option makes no sense, without the secrets in it.
pub(crate) fn to_config(args: ServeArgs) -> Result<Config> {
    let card_gateway_key = secret("--card-gateway-key", args.card_gateway_key, args.card_gateway_key_file.as_deref())?;
    let card_gateway_key = Config::card_gateway_key(card_gateway_key, &args.card_gateway).map_err(ToolError::Usage)?;
    let card_webhook_secret =
        secret("--card-webhook-secret", args.card_webhook_secret, args.card_webhook_secret_file.as_deref())?;
    let mail = secret("--mail", args.mail, args.mail_file.as_deref())?;
    Ok(Config {
        listen: args.listen,
        store: args.store.store()?,
        card_gateway_key,
        card_webhook_secret,
        card_return_url: args.card_return_url,
        mail_url: mail.unwrap_or_else(|| Secret::new(DEFAULT_MAIL)),
        hosts: args.hosts,
        allow_origins: args.allow_origins,
        trusted_proxies: args.trusted_proxies,
        path_prefix: args.path_prefix,
        rate_limit: args.rate_limit.0,
        sign_in_limit: args.sign_in_limit.0,
        mail_from: args.mail_from,
        seller: Seller {
            name: args.seller_name,
            address: address_lines(&args.seller_address),
            vat_id: Some(args.seller_vat_id).filter(|id| !id.is_empty()),
        },
        fonts: args.fonts.map_or(FontSource::System, FontSource::Folder),
        currency: args.currency,
        default_vat_rate: args.default_vat_rate.0,
        quote_life: Duration::from_secs(args.quote_life_s.into()),
        reservation_life: args.reservation_life,
        basket_life: args.basket_life,
        lease_ttl: Duration::from_millis(args.lease_ms.into()),
        mail_attempts: args.mail_attempts,
        terms: Terms {
            opening_balance: args.opening_balance,
            spending_limit: args.spending_limit,
            voucher_threshold: args.voucher_threshold,
            voucher_amount: args.voucher_amount,
        },
        rebuild_pause: Duration::from_millis(args.rebuild_pause_ms.into()),
        demo_stock: args.demo_stock,
        lab: args.lab,
        lab_pause: Duration::from_millis(args.lab_pause_ms.into()),
        open_to_network: args.open_to_network,
        secured: args.secured,
        webhook_allow_private: args.webhook_allow_private,
        operator_email: args.operator_email,
        key_file: args.key_file,
        tls: args.tls_cert.zip(args.tls_key).map(|(certificate, key)| TlsFiles { certificate, key }),
        drain: Duration::from_secs(args.drain.into()),
        connections: ConnectionLimits {
            max: args.max_connections.map(|max| max as usize),
            head_timeout: Duration::from_secs(args.head_timeout_s.into()),
            write_timeout: Duration::from_secs(args.write_timeout_s.into()),
        },
        ..Config::in_memory(args.products, args.card_gateway, String::new())
    })
}

fn parse_seller_text(text: &str) -> Result<String, text::BadText> {
    text::check_line(text, 300).map(|()| text.to_owned())
}

/// An empty text stands for a seller without a VAT id.
fn parse_vat_id(text: &str) -> Result<String, text::BadText> {
    if text.is_empty() { Ok(String::new()) } else { text::check_line(text, 40).map(|()| text.to_owned()) }
}
