//! Runs the whole shop inside this process: server, event log and the stubs of the systems around it.
//!
//! The only file of the client that may name the server and the stubs. What the client does with the shop goes over HTTP
//! all the same.

use std::fs::{File, TryLockError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr, bail};
use storefront_api::Seller;
use storefront_mocks::{Mocks, MocksConfig, WebhookTarget};
use storefront_server::config::{address_lines, demo_seller};
use storefront_server::{
    BASKET_LIFE, Config, FirstOperator, RESERVATION_LIFE, Secret, Server, StoreChoice, Terms, running_at,
};
use uuid::Uuid;

pub use storefront_server::{HostName, TlsFiles, WebOrigin};

pub(crate) use storefront_server::{listen_address, parse_life, parse_switch};

/// File name of the event log in the data folder.
const LOG_FILE: &str = "shop.db";

/// Where the embedded shop keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataPlace {
    /// In a folder, which is created if it does not exist.
    Folder(PathBuf),
    /// In memory: it ends with the process.
    Memory,
}

/// Options of the embedded shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// Where its data is kept.
    pub data: DataPlace,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether it may listen beyond this machine although everyone may do everything.
    pub open_to_network: bool,
    /// Whether everything but what is public needs a session.
    pub secured: bool,
    /// For how long stock is promised to an order that is not paid.
    pub reservation_life: Duration,
    /// After how long without a change a basket is over.
    pub basket_life: Duration,
    /// Certificate and key; without them connections are not encrypted.
    pub tls: Option<TlsFiles>,
    /// Names under which it is asked, beside its address and those of this machine.
    pub hosts: Vec<HostName>,
    /// Origins of other web pages that may do everything.
    pub allow_origins: Vec<WebOrigin>,
    /// Whether webhooks of a secured shop may go to private networks and without encryption.
    pub webhook_allow_private: bool,
    /// Who sells, as invoices name it.
    pub seller: Seller,
}

/// Builds the seller; missing fields are those of a demo.
pub fn seller(name: Option<String>, address: Option<&str>, vat_id: Option<String>) -> Seller {
    let demo = demo_seller();
    Seller {
        name: name.unwrap_or(demo.name),
        address: address.map_or(demo.address, address_lines),
        vat_id: vat_id.or(demo.vat_id).filter(|id| !id.is_empty()),
    }
}

impl EmbeddedOptions {
    /// Options for a free port on the loopback interface.
    pub fn new(data: DataPlace) -> Self {
        Self {
            data,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            open_to_network: false,
            secured: false,
            reservation_life: RESERVATION_LIFE,
            basket_life: BASKET_LIFE,
            tls: None,
            hosts: Vec::new(),
            allow_origins: Vec::new(),
            webhook_allow_private: false,
            seller: demo_seller(),
        }
    }

    /// Sets the listen address. With `open_to_network`, a loopback address becomes the unspecified address.
    pub fn listen_on(&mut self, address: SocketAddr, open_to_network: bool) {
        self.listen = match (open_to_network && address.ip().is_loopback(), address.ip()) {
            (true, IpAddr::V4(_)) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())),
            (true, IpAddr::V6(_)) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port())),
            (false, _) => address,
        };
        self.open_to_network = open_to_network;
    }
}

/// The running shop. End it with [`Embedded::shutdown`], so that the log is closed in order.
#[derive(Debug)]
pub struct Embedded {
    server: Server,
    mocks: Mocks,
    url: String,
    join_url: String,
    /// Held while the shop is open.
    _lock: Option<FolderLock>,
}

/// An exclusive lock on the data folder, released when dropped.
#[derive(Debug)]
struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing alone is not enough: a child process that is being started holds a copy of every open file until it
        // executes. If unlocking fails, the lock ends with that.
        let _ends_later = self.0.unlock();
    }
}

/// Starts the stubs and the shop.
///
/// # Errors
/// When the folder or the log cannot be used (also because another shop has them open), or the address cannot be
/// listened on.
pub async fn start(options: EmbeddedOptions) -> Result<Embedded> {
    let mut lock = None;
    let (store, state_file) = match &options.data {
        DataPlace::Memory => (StoreChoice::Memory, None),
        DataPlace::Folder(folder) => {
            std::fs::create_dir_all(folder).wrap_err_with(|| format!("cannot make the folder {}", folder.display()))?;
            lock = Some(claim(folder)?);
            (StoreChoice::File(folder.join(LOG_FILE)), Some(folder.join("stubs.jsonl")))
        }
    };
    let mocks = Mocks::start(MocksConfig { state_file, ..MocksConfig::default() })
        .await
        .wrap_err("the stubs of the systems around the shop do not start")?;
    let mail_url = format!("smtp://{}", mocks.smtp_addr());
    // Only these stubs sign with this secret.
    let secret = format!("whsec_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let config = Config {
        listen: options.listen,
        card_webhook_secret: Some(Secret::new(&secret)),
        store,
        open_to_network: options.open_to_network,
        secured: options.secured,
        reservation_life: options.reservation_life,
        basket_life: options.basket_life,
        tls: options.tls,
        // The stub of the card gateway knows no certificate.
        plain_loopback: true,
        hosts: options.hosts,
        allow_origins: options.allow_origins,
        webhook_allow_private: options.webhook_allow_private,
        seller: options.seller,
        lab: Some(mocks.base_url()),
        // Every new wallet of the demo holds 10,000.00.
        terms: Terms { opening_balance: 1_000_000, ..Terms::default() },
        ..Config::in_memory(mocks.products_url(), mocks.card_gateway_url(), mail_url)
    };
    let server = Server::start(config).await?;
    let (url, join_url) = (server.url(), server.join_url());
    let webhooks = format!("{}/v1/webhooks/card-gateway", server.plain_url());
    mocks.card_gateway().send_webhooks_to(Some(WebhookTarget { url: webhooks, secret }));
    Ok(Embedded { server, mocks, url, join_url, _lock: lock })
}

/// Locks the data folder before anything in it is touched: the stubs rewrite their state file when they start, which
/// would overwrite the file of a running shop.
fn claim(folder: &Path) -> Result<FolderLock> {
    let path = folder.join("shop-lock");
    let lock = File::create(&path).wrap_err_with(|| format!("cannot make {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(FolderLock(lock)),
        Err(TryLockError::WouldBlock) => {
            // A shop that is still starting has not written its URL yet.
            let url = running_at(&folder.join(LOG_FILE));
            let at = url.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
            let join = url.as_deref().unwrap_or("URL");
            bail!(
                "the shop in {} is open already{at}: join it with `storefront --server {join}`, or open one in memory with \
                 `storefront --ephemeral`",
                folder.display()
            )
        }
        Err(TryLockError::Error(failure)) => Err(failure).wrap_err_with(|| format!("cannot lock {}", path.display())),
    }
}

impl Embedded {
    /// The first operator of a secured shop while the one-time password has not been changed.
    pub fn first_operator(&self) -> Option<&FirstOperator> {
        self.server.first_operator()
    }

    /// Base URL of the shop.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Base URL for those who join: from other machines too, where these are let in.
    pub fn join_url(&self) -> &str {
        &self.join_url
    }

    /// Base URL of the stub mailbox.
    pub fn mailbox_url(&self) -> String {
        self.mocks.mailbox_url()
    }

    /// Base URL of the stubs' fault switches.
    pub fn faults_url(&self) -> String {
        self.mocks.faults_url()
    }

    /// Shuts the shop down in order, within seconds.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
        self.mocks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_shop_that_is_open_is_not_opened_again_and_its_stubs_keep_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions::new(DataPlace::Folder(folder.path().to_owned()));
        let open = start(options.clone()).await.unwrap();
        let file = || std::fs::metadata(folder.path().join("stubs.jsonl")).unwrap().ino();
        let before = file();
        let refusal = start(options.clone()).await.unwrap_err();
        assert_eq!(file(), before, "the stubs' file was replaced under those that write it");
        let join = format!("storefront --server {}", open.join_url());
        assert!(format!("{refusal:#}").contains(&join), "{refusal:#}");
        let again = start(options.clone()).await.unwrap_err();
        assert!(format!("{again:#}").contains(&join), "a look does not wipe it out: {again:#}");
        open.shutdown().await;
        start(options).await.unwrap().shutdown().await;
    }
}
