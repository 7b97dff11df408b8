//! `storefront-mocks`: the stubs alone, for a server that runs elsewhere. Starts them, prints where they are, and stops
//! on Ctrl-C or SIGTERM. Everything else is in the library.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use storefront_mocks::{Mocks, MocksConfig, WebhookTarget};
use tracing_subscriber::EnvFilter;

/// Stand-ins for the systems around the shop: product service, card gateway and mailbox.
///
/// Prints the address of each and runs until Ctrl-C. Break things on purpose with PUT /faults/products, /faults/cards
/// or /faults/mail, for example {"outage": true} or {"error_rate": 0.2, "latency_ms": 500}. POST /reset has them all begin
/// anew.
#[derive(Parser)]
#[command(name = "storefront-mocks", version)]
struct Options {
    /// Where the HTTP of all stubs is served
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:7071",
        env = "STOREFRONT_MOCKS_LISTEN",
        hide_env_values = true,
        value_parser = listen_address
    )]
    listen: SocketAddr,
    /// A name under which the stubs are asked, beside localhost and their address; may be given several times
    #[arg(
        long = "host",
        value_name = "NAME",
        env = "STOREFRONT_MOCKS_HOST",
        hide_env_values = true,
        value_delimiter = ','
    )]
    hosts: Vec<String>,
    /// Where the mailbox takes mail by SMTP
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7025", env = "STOREFRONT_MOCKS_SMTP", hide_env_values = true, value_parser = listen_address)]
    smtp: SocketAddr,
    /// Where the card gateway posts its events
    #[arg(
        long,
        value_name = "URL",
        env = "STOREFRONT_MOCKS_WEBHOOK",
        hide_env_values = true,
        requires = "webhook_secret"
    )]
    webhook: Option<String>,
    /// What those events are signed with
    #[arg(long, value_name = "SECRET", env = "STOREFRONT_MOCKS_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Option<String>,
    /// The card gateway's secret key
    #[arg(
        long,
        value_name = "KEY",
        default_value = "sk_test_storefront",
        env = "STOREFRONT_MOCKS_CARD_KEY",
        hide_env_values = true
    )]
    card_key: String,
    /// How long the slow test card takes, in milliseconds
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 3_000,
        env = "STOREFRONT_MOCKS_SLOW_CARD_MS",
        hide_env_values = true
    )]
    slow_card_ms: u64,
    /// Keep payments, mails and product changes in this file between runs
    #[arg(long, value_name = "FILE", env = "STOREFRONT_MOCKS_STATE", hide_env_values = true)]
    state: Option<PathBuf>,
}

/// An address, also as `localhost:PORT`, `:PORT` or `PORT`, which are this machine alone.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    match port.parse() {
        Ok(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Err(_) => text.parse().map_err(|_| "use ADDRESS:PORT, localhost:PORT, :PORT or PORT".to_owned()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The stubs cannot run. {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> io::Result<()> {
    let webhook = options.webhook.zip(options.webhook_secret).map(|(url, secret)| WebhookTarget { url, secret });
    let config = MocksConfig {
        http: options.listen,
        smtp: options.smtp,
        webhook,
        hosts: options.hosts,
        card_key: options.card_key,
        slow_card_ms: options.slow_card_ms,
        state_file: options.state,
        ..MocksConfig::default()
    };
    let mocks = Mocks::start(config).await?;
    announce(&mocks)?;
    wait_for_stop_signal().await?;
    mocks.shutdown().await;
    Ok(())
}

fn announce(mocks: &Mocks) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "products      {}", mocks.products_url())?;
    writeln!(out, "card gateway  {}", mocks.card_gateway_url())?;
    writeln!(out, "mailbox       {}", mocks.mailbox_url())?;
    writeln!(out, "smtp          smtp://{}", mocks.smtp_addr())?;
    writeln!(out, "faults        {}", mocks.faults_url())?;
    out.flush()
}

#[cfg(unix)]
async fn wait_for_stop_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait_for_stop_signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
