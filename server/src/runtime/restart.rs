//! The shop behind one address, which can be replaced while the server keeps listening: the gate is closed, the log
//! is archived under another name, and a shop with a new log opens behind the same gate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use storefront_api::{LabReset, Password, Stub};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock;
use crate::config::{Config, StoreChoice};
use crate::http;
use crate::http::gate::Gate;
use crate::http::state::Shop;
use crate::lab::{LocalResponse, ResetError, ShopControl};
use crate::runtime::compose::StartError;
use crate::runtime::running_shop::{LogSetBack, RunningShop, SHUTDOWN_TIMEOUT};
use crate::store::commands;
use crate::store::commands::{Context, Done, Failure, Reply};
use crate::store::log_health::SetBack;

/// Interval at which the watcher picks up the current log's health, which changes with a reset.
const HEALTH_INTERVAL: Duration = Duration::from_secs(5);
/// Pause between two attempts to open a shop on a database that was set back.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// The gate, and the shop that runs behind it.
pub(crate) struct Runtime {
    config: Config,
    stop: CancellationToken,
    pub(crate) gate: Arc<Gate>,
    running: Mutex<Option<RunningShop>>,
    /// A reference to itself, for the lab of the running shop.
    this: Weak<dyn ShopControl>,
}

impl Runtime {
    /// Opens a shop and the gate in front of it. Returns the one-time password of the first operator of a secured shop, if
    /// there is a new one.
    ///
    /// # Errors
    /// See [`StartError`].
    pub(crate) async fn open(
        config: Config,
        stop: CancellationToken,
    ) -> Result<(Arc<Self>, Option<Password>), StartError> {
        let runtime = Arc::new_cyclic(|this| Self {
            config,
            stop,
            gate: Arc::default(),
            running: Mutex::new(None),
            this: Weak::clone(this) as _,
        });
        let running = runtime.build(None).await?;
        let one_time_password = match runtime.config.secured {
            true => running.ensure_operator(&runtime.config).await?,
            false => {
                running.warn_of_operator_in_open_mode(&runtime.config).await?;
                None
            }
        };
        *runtime.running.lock().await = Some(running);
        tokio::spawn(runtime.clone().reopen_when_set_back());
        Ok((runtime, one_time_password))
    }

    /// Closes the shop finally, once `requests` are finished.
    pub(crate) async fn close(&self, requests: impl Future<Output = ()>) {
        if let Some(running) = self.running.lock().await.take() {
            running.close(requests).await;
        }
        self.gate.close(0, Duration::ZERO).await;
    }

    /// Replaces the shop by one with a new log, and resets the stubs. The reply names the archived log. The new log
    /// stores it under the request's idempotency key before the gate opens, so that a repeated request finds it.
    ///
    /// # Errors
    /// See [`ResetError`]. The shop then continues as it was; interrupted work is repeated.
    async fn reset_log(&self, context: Context) -> Result<Done, ResetError> {
        let mut running = self.running.try_lock().map_err(|_| ResetError::Running)?;
        let file = match &self.config.store {
            StoreChoice::Memory => None,
            StoreChoice::File(path) => Some(path.clone()),
            StoreChoice::Postgres(_) => return Err(ResetError::Shared),
        };
        let Some(lab) = running.as_ref().and_then(|running| running.lab.clone()) else {
            return Err(ResetError::Running);
        };
        // A stub that does not answer now will not answer later either.
        lab.stubs.faults(Stub::Products).await?;
        lab.close()?;
        if let Some(old) = running.take() {
            old.stop();
            // The reset request itself is in flight.
            if !self.gate.close(1, SHUTDOWN_TIMEOUT).await {
                warn!("some requests did not finish before the shop was reset");
            }
            old.close(std::future::ready(())).await;
        }
        let archive = async {
            let log_archive = file.as_deref().map(LogArchive::prepare).transpose()?;
            lab.stubs.reset().await?;
            log_archive.map(LogArchive::rename).transpose()
        };
        let archived = archive.await;
        // Opens with the log that is there now: a new one, or the old one when it could not be archived.
        match (RunningShop::open(&self.config, self.stop.child_token(), &self.this, None).await, archived) {
            (Ok((opened, shop)), archived) => {
                *running = Some(opened);
                let done = match archived {
                    Ok(kept_as) => Self::store_reset_reply(&shop, &context, kept_as).await,
                    Err(refusal) => Err(refusal),
                };
                self.gate.open(http::interface(shop));
                info!(done = done.is_ok(), "the shop is reset");
                done
            }
            (Err(failure), archived) => {
                error!(error = %failure, archived = ?archived.ok(), "cannot reopen the shop; restart the server");
                Err(ResetError::Start(failure.to_string()))
            }
        }
    }

    async fn store_reset_reply(shop: &Shop, context: &Context, kept_as: Option<String>) -> Result<Done, ResetError> {
        let body = serde_json::to_value(LabReset { kept_as }).map_err(Failure::from)?;
        let reply = Reply { status: 200, location: None, version: None, body };
        Ok(commands::store_reply(&shop.store, context, reply).await?)
    }

    /// Reopens the shop whenever its database is set back, until `stop`.
    async fn reopen_when_set_back(self: Arc<Self>) {
        let (stop, runtime) = (self.stop.clone(), self);
        let watch = async move {
            loop {
                let health = runtime.running.lock().await.as_ref().map(|running| running.log_health.clone());
                // Closed finally.
                let Some(health) = health else { return };
                // A shop that was reset has another log, and another health.
                if let Some(how) = clock::timeout(HEALTH_INTERVAL, health.set_back()).await {
                    runtime.reopen(how).await;
                }
            }
        };
        stop.run_until_cancelled(watch).await;
    }

    async fn reopen(&self, how: SetBack) {
        let mut running = self.running.lock().await;
        let Some(old) = running.take() else { return };
        error!(known = %how.known, head = %how.head, "the log was set back; reopening the shop");
        let set_back = LogSetBack { how, epoch: old.epoch, noticed_at: clock::now() };
        old.stop();
        if !self.gate.close(0, SHUTDOWN_TIMEOUT).await {
            warn!("some requests did not finish before the shop was reopened");
        }
        old.close(std::future::ready(())).await;
        loop {
            match self.build(Some(&set_back)).await {
                Ok(opened) => {
                    *running = Some(opened);
                    info!("the shop is open again after the log was set back");
                    return;
                }
                Err(failure) => {
                    error!(error = %failure, "cannot open the shop after the log was set back; retrying")
                }
            }
            clock::sleep(REOPEN_PAUSE).await;
        }
    }

    async fn build(&self, set_back: Option<&LogSetBack>) -> Result<RunningShop, StartError> {
        let (running, shop) = RunningShop::open(&self.config, self.stop.child_token(), &self.this, set_back).await?;
        self.gate.open(http::interface(shop));
        Ok(running)
    }
}

#[async_trait]
impl ShopControl for Runtime {
    async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> LocalResponse {
        self.gate.send(method, path, body).await
    }

    async fn reset(self: Arc<Self>, context: Context) -> Result<Done, ResetError> {
        self.reset_log(context).await
    }
}

/// A closed log file that is to be archived.
struct LogArchive {
    from: PathBuf,
    to: PathBuf,
    views: PathBuf,
}

impl LogArchive {
    /// Chooses a free name and checks that no other program uses the log.
    fn prepare(path: &Path) -> Result<Self, ResetError> {
        let from = path.canonicalize()?;
        // SQLite removes these files on the last close. A program that still has the log open would read the new log
        // through them.
        if ["-wal", "-shm"].iter().any(|ending| with_suffix(&from, ending).exists()) {
            return Err(ResetError::InUse);
        }
        let now = clock::now().to_string();
        let day: String = now.split('.').next().unwrap_or_default().replace([':', '-'], "");
        let name = from.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let ending = from.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        let candidate = |count: u32| match count {
            0 => from.with_file_name(format!("{name}-until-{day}{ending}")),
            more => from.with_file_name(format!("{name}-until-{day}-{more}{ending}")),
        };
        let free = (0..1000).map(candidate).find(|path| !path.exists());
        let to = free.ok_or_else(|| io::Error::other("there is no free name for it"))?;
        Ok(Self { from, to, views: with_suffix(path, "-views") })
    }

    /// Renames the log and removes its views, which can be rebuilt. Returns the new file name.
    fn rename(self) -> Result<String, ResetError> {
        let Self { from, to, views } = self;
        std::fs::rename(&from, &to)?;
        if let Some(folder) = from.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        // Tokens of the old log are not good for the new one.
        let keys = with_suffix(&from, "-keys");
        for file in [views.clone(), with_suffix(&views, "-wal"), with_suffix(&views, "-shm"), keys] {
            match std::fs::remove_file(&file) {
                Ok(()) => {}
                Err(failure) if failure.kind() == io::ErrorKind::NotFound => {}
                // The views detect that their rows belong to another log.
                Err(failure) => warn!(error = %failure, "cannot remove the views or the keys of the old log"),
            }
        }
        Ok(to.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
