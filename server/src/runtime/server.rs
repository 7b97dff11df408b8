//! Listens on the address and runs the shop behind it until shutdown.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use storefront_api::Password;
use storefront_eventlog::StoreError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Config, StoreChoice};
use crate::http::connections;
use crate::runtime::compose::StartError;
use crate::runtime::open_files;
use crate::runtime::restart::Runtime;

/// A running server. If it is dropped without [`Server::shutdown`], it runs until the async runtime ends.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    runtime: RuntimeHandle,
    first_operator: Option<FirstOperator>,
    _address_file: Option<AddressFile>,
}

/// The first operator of a secured shop, and the password for one sign-in, which must change it.
#[derive(Clone, Debug)]
pub struct FirstOperator {
    /// The mail address to sign in with.
    pub email: String,
    /// The one-time password; it is known nowhere else.
    pub password: Password,
}

/// Keeps the shop out of the `Debug` output.
struct RuntimeHandle(Arc<Runtime>);

impl std::fmt::Debug for RuntimeHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime(…)")
    }
}

impl Server {
    /// Opens the log, starts views and processes, and listens. The external systems need not be reachable yet.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        if !config.listen.ip().is_loopback() && !config.open_to_network && !config.secured {
            return Err(StartError::OpenToNetwork(config.listen));
        }
        let default_vat_rate = config.default_vat_rate;
        let address = config.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
        config.listen = address;
        config.card_return_url.get_or_insert_with(|| format!("http://{address}/v1/payments/return"));
        let stop = CancellationToken::new();
        let connection_limits = config.connections;
        let log = match &config.store {
            StoreChoice::File(path) => Some(path.clone()),
            StoreChoice::Memory | StoreChoice::Postgres(_) => None,
        };
        let lacks_webhook_secret = config.card_webhook_secret.is_none();
        let operator_email = config.operator_email.clone();
        let (runtime, password) =
            Runtime::open(config, stop.clone()).await.map_err(|error| add_running_url(error, log.as_deref()))?;
        if lacks_webhook_secret {
            warn!(
                "no webhook secret: events of the card gateway are refused, and outcomes are polled; set \
                 --card-webhook-secret or STOREFRONT_CARD_WEBHOOK_SECRET"
            );
        }
        let address_file = log.map(|path| AddressFile::write(&path, &join_url(address)));
        let open_files = open_files::raise_limit();
        let serving = connections::serve(listener, runtime.gate.clone(), connection_limits, open_files, stop.clone());
        let serving = tokio::spawn(serving);
        match default_vat_rate {
            Some(rate) => {
                info!(%rate, "products of which the product service names no VAT rate are sold at the default rate")
            }
            None => info!("products of which the product service names no VAT rate are not sold"),
        }
        info!(%address, "the shop is open");
        let first_operator = password.map(|password| FirstOperator { email: operator_email.to_string(), password });
        let runtime = RuntimeHandle(runtime);
        Ok(Self { address, stop, serving, runtime, first_operator, _address_file: address_file })
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the first operator while the one-time password has not been changed; `None` in open mode.
    pub fn first_operator(&self) -> Option<&FirstOperator> {
        self.first_operator.as_ref()
    }

    /// Returns the base URL for this machine.
    pub fn url(&self) -> String {
        format!("http://{}", with_ip(self.address, IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }

    /// Returns the base URL for other clients. When the server listens on every address, it is one that other
    /// machines on the network reach.
    pub fn join_url(&self) -> String {
        join_url(self.address)
    }

    /// Accepts no new requests, finishes those in flight, stops the processes and closes the log; within ten seconds.
    pub async fn shutdown(self) {
        self.stop.cancel();
        let serving = async { drop(self.serving.await) };
        self.runtime.0.close(serving).await;
    }
}

fn join_url(address: SocketAddr) -> String {
    format!("http://{}", with_ip(address, network_ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))))
}

/// Replaces an unspecified IP address by `ip`.
fn with_ip(address: SocketAddr, ip: IpAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::new(ip, address.port()) } else { address }
}

/// Returns the IP address of this machine on its network: the source address of a connection to the outside. Nothing
/// is sent; the destination is an address for documentation (RFC 5737).
fn network_ip() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}

/// A file beside the log with the URL of the running server, for a program that finds the log in use. Removed with
/// the server; a file left by a killed server is never read, because its log is free.
#[derive(Debug)]
struct AddressFile(PathBuf);

impl AddressFile {
    fn write(log: &Path, url: &str) -> Self {
        let path = Self::path(log);
        if let Err(failure) = std::fs::write(&path, url) {
            warn!(error = %failure, "cannot write the address file");
        }
        Self(path)
    }

    fn path(log: &Path) -> PathBuf {
        let mut path = log.as_os_str().to_owned();
        path.push("-address");
        path.into()
    }
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        // A file left behind does no harm: the log is free.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Returns the URL of the server that has a log file open, if it has written one.
pub fn running_at(log: &Path) -> Option<String> {
    let url = std::fs::read_to_string(AddressFile::path(log)).ok()?;
    url.starts_with("http://").then_some(url)
}

/// Adds the URL of the other server to the error when the log is in use.
fn add_running_url(error: StartError, log: Option<&Path>) -> StartError {
    match (error, log.and_then(running_at)) {
        (StartError::Store(why @ StoreError::InUse(_)), Some(url)) => StartError::RunsAlready { why, url },
        (error, _) => error,
    }
}
