//! Listens, and runs a shop behind the address until it is told to stop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use storefront_eventlog::StoreError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Config, StoreChoice};
use crate::http::connections;
use crate::runtime::compose::StartError;
use crate::runtime::open_files;
use crate::runtime::restart::Runtime;

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
