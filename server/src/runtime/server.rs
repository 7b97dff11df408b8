//! Listens on the address and runs the shop behind it until shutdown.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use storefront_api::Password;
use storefront_eventlog::StoreError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::config::{Config, StoreChoice};
use crate::http::connections;
use crate::http::tls::Tls;
use crate::runtime::compose::StartError;
use crate::runtime::open_files;
use crate::runtime::restart::Runtime;
use crate::runtime::urls::Urls;

/// A running server. If it is dropped without [`Server::shutdown`], it runs until the async runtime ends.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    urls: Urls,
    /// The address without encryption, for programs of this machine.
    plain_address: Option<SocketAddr>,
    stop: CancellationToken,
    /// Tasks that serve a listener each.
    serving: TaskTracker,
    runtime: RuntimeHandle,
    first_operator: Option<FirstOperator>,
    drain: Duration,
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
        let tls = config.tls.clone().map(Tls::open).transpose();
        let tls = tls.map_err(|failure| StartError::Tls(failure.to_string()))?.map(Arc::new);
        let (listener, address) = listen(address).await?;
        config.listen = address;
        let urls = Urls::of(address, &config.hosts, tls.as_deref());
        let plain = match tls.is_some() && config.plain_loopback {
            true => Some(listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?),
            false => None,
        };
        let own_page = if tls.is_some() { urls.join.clone() } else { format!("http://{address}") };
        let prefix = config.path_prefix.clone().unwrap_or_default();
        config.card_return_url.get_or_insert_with(|| format!("{own_page}{prefix}/v1/payments/return"));
        if config.secured && tls.is_none() && !address.ip().is_loopback() {
            warn!(
                "connections are not encrypted: passwords and tokens can be read on the way; set --tls-cert and \
                 --tls-key, or put a proxy with TLS in front and listen where only it connects"
            );
        }
        let stop = CancellationToken::new();
        let (connection_limits, drain) = (config.connections, config.drain);
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
        let address_file = log.map(|path| AddressFile::write(&path, &urls.join));
        let open_files = open_files::raise_limit();
        let serving = TaskTracker::new();
        let plain_address = plain.as_ref().map(|(_, address)| *address);
        if let Some(tls) = tls.clone() {
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(tls.follow_files()).await });
        }
        for (listener, tls) in
            [Some((listener, tls)), plain.map(|(listener, _)| (listener, None))].into_iter().flatten()
        {
            let gate = runtime.gate.clone();
            serving.spawn(connections::serve(listener, gate, tls, connection_limits, open_files, stop.clone()));
        }
        serving.close();
        match default_vat_rate {
            Some(rate) => {
                info!(%rate, "products of which the product service names no VAT rate are sold at the default rate")
            }
            None => info!("products of which the product service names no VAT rate are not sold"),
        }
        info!(%address, url = urls.join, "the shop is open");
        let first_operator = password.map(|password| FirstOperator { email: operator_email.to_string(), password });
        let runtime = RuntimeHandle(runtime);
        Ok(Self {
            address,
            urls,
            plain_address,
            stop,
            serving,
            runtime,
            first_operator,
            drain,
            _address_file: address_file,
        })
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
        self.urls.local.clone()
    }

    /// Returns the base URL for other clients. When the server listens on every address, it is one that other
    /// machines on the network reach.
    pub fn join_url(&self) -> String {
        self.urls.join.clone()
    }

    /// Returns the base URL without encryption of an encrypted server with [`Config::plain_loopback`], else
    /// [`Server::url`].
    pub fn plain_url(&self) -> String {
        self.plain_address.map_or_else(|| self.url(), |address| format!("http://{address}"))
    }

    /// Answers for the time of [`Config::drain`] as before, with a readiness that says no. Then accepts no new requests,
    /// finishes those in flight, stops the processes and closes the log; within ten seconds.
    pub async fn shutdown(self) {
        if !self.drain.is_zero() {
            self.runtime.0.gate.drain();
            info!(seconds = self.drain.as_secs(), "the server stops soon");
            tokio::time::sleep(self.drain).await;
        }
        self.stop.cancel();
        self.runtime.0.close(self.serving.wait()).await;
    }
}

/// Listens on an address, and returns the one that was bound.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
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
    ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)).then_some(url)
}

/// Adds the URL of the other server to the error when the log is in use.
fn add_running_url(error: StartError, log: Option<&Path>) -> StartError {
    match (error, log.and_then(running_at)) {
        (StartError::Store(why @ StoreError::InUse(_)), Some(url)) => StartError::RunsAlready { why, url },
        (error, _) => error,
    }
}
