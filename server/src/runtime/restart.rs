//! The shop behind one address, which can be started over while it keeps the address: the door is closed, the log is put away
//! under another name, and a shop with a new log opens behind the same door.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use storefront_api::{LabReset, Stub};
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

/// So often it is looked whose log it is that may be set back.
const HEALTH_INTERVAL: Duration = Duration::from_secs(5);
/// The pause between two attempts to open a shop on a database that was set back.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// The door, and whatever is behind it now.
pub(crate) struct Runtime {
    config: Config,
    stop: CancellationToken,
    pub(crate) gate: Arc<Gate>,
    running: Mutex<Option<RunningShop>>,
    /// Itself, for the lab inside.
    me: Weak<dyn ShopControl>,
}

impl Runtime {
    /// Opens a shop behind a door.
    ///
    /// # Errors
    /// See [`StartError`].
    pub(crate) async fn open(config: Config, stop: CancellationToken) -> Result<Arc<Self>, StartError> {
        let runtime = Arc::new_cyclic(|me| Self {
            config,
            stop,
            gate: Arc::default(),
            running: Mutex::new(None),
            me: Weak::clone(me) as _,
        });
        *runtime.running.lock().await = Some(runtime.build(None).await?);
        tokio::spawn(runtime.clone().opens_anew_when_the_log_is_set_back());
        Ok(runtime)
    }

    /// Closes the shop for good, once its last requests are answered.
    pub(crate) async fn close(&self, requests: impl Future<Output = ()>) {
        if let Some(running) = self.running.lock().await.take() {
            running.close(requests).await;
        }
        self.gate.close(0, Duration::ZERO).await;
    }

    /// Starts the shop over with a new log, and the stubs with it. Answers the name under which the old log is kept; the new
    /// log has that answer under the key of the request before anybody enters, so that a repeat finds it.
    ///
    /// # Errors
    /// See [`ResetError`]; everything is as it was then, but for work that was broken off and goes on.
    async fn start_over(&self, context: Context) -> Result<Done, ResetError> {
        let mut running = self.running.try_lock().map_err(|_| ResetError::Running)?;
        let file = match &self.config.store {
            StoreChoice::Memory => None,
            StoreChoice::File(path) => Some(path.clone()),
            StoreChoice::Postgres(_) => return Err(ResetError::Shared),
        };
        let Some(lab) = running.as_ref().and_then(|running| running.lab.clone()) else {
            return Err(ResetError::Running);
        };
        // Whoever does not answer now will not do it later either.
        lab.stubs.faults(Stub::Products).await?;
        lab.close()?;
        if let Some(old) = running.take() {
            old.stop();
            // The request that asks for this is inside itself.
            if !self.gate.close(1, SHUTDOWN_TIMEOUT).await {
                warn!("some requests did not end before the shop was started over");
            }
            old.close(std::future::ready(())).await;
        }
        let done = async {
            let kept = file.as_deref().map(LogArchive::prepare).transpose()?;
            lab.stubs.start_over().await?;
            kept.map(LogArchive::carry_out).transpose()
        };
        let kept = done.await;
        // With what is there now: a new log, or the old one when it could not be put away.
        match (RunningShop::open(&self.config, self.stop.child_token(), &self.me, None).await, kept) {
            (Ok((opened, shop)), kept) => {
                *running = Some(opened);
                let done = match kept {
                    Ok(kept_as) => Self::answer(&shop, &context, kept_as).await,
                    Err(refusal) => Err(refusal),
                };
                self.gate.open(http::router(shop));
                info!(done = done.is_ok(), "the shop is started over");
                done
            }
            (Err(failure), kept) => {
                error!(error = %failure, kept = ?kept.ok(), "the shop could not be opened again; start the server anew");
                Err(ResetError::Start(failure.to_string()))
            }
        }
    }

    async fn answer(shop: &Shop, context: &Context, kept_as: Option<String>) -> Result<Done, ResetError> {
        let body = serde_json::to_value(LabReset { kept_as }).map_err(Failure::from)?;
        let reply = Reply { status: 200, location: None, version: None, body };
        Ok(commands::keep(&shop.store, context, reply).await?)
    }

    /// Waits for a database that is set back under the shop, and then has everybody begin with what is there.
    async fn opens_anew_when_the_log_is_set_back(self: Arc<Self>) {
        let (stop, runtime) = (self.stop.clone(), self);
        let watching = async move {
            loop {
                let health = runtime.running.lock().await.as_ref().map(|running| running.log_health.clone());
                // Closed for good.
                let Some(health) = health else { return };
                // A shop that is started over has another log, and another health.
                if let Some(how) = clock::timeout(HEALTH_INTERVAL, health.set_back()).await {
                    runtime.open_anew(how).await;
                }
            }
        };
        stop.run_until_cancelled(watching).await;
    }

    async fn open_anew(&self, how: SetBack) {
        let mut running = self.running.lock().await;
        let Some(old) = running.take() else { return };
        error!(known = %how.known, head = %how.head, "the log was set back; the shop is opened anew on what is there");
        let set_back = LogSetBack { how, epoch: old.epoch, noticed_at: clock::now() };
        old.stop();
        if !self.gate.close(0, SHUTDOWN_TIMEOUT).await {
            warn!("some requests did not end before the shop was opened anew");
        }
        old.close(std::future::ready(())).await;
        loop {
            match self.build(Some(&set_back)).await {
                Ok(opened) => {
                    *running = Some(opened);
                    info!("the shop is open again on the log that was set back");
                    return;
                }
                Err(failure) => {
                    error!(error = %failure, "the shop cannot be opened on the log that was set back; trying again")
                }
            }
            clock::sleep(REOPEN_PAUSE).await;
        }
    }

    async fn build(&self, set_back: Option<&LogSetBack>) -> Result<RunningShop, StartError> {
        let (running, shop) = RunningShop::open(&self.config, self.stop.child_token(), &self.me, set_back).await?;
        self.gate.open(http::router(shop));
        Ok(running)
    }
}

#[async_trait]
impl ShopControl for Runtime {
    async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> LocalResponse {
        self.gate.ask(method, path, body).await
    }

    async fn reset(self: Arc<Self>, context: Context) -> Result<Done, ResetError> {
        self.start_over(context).await
    }
}

/// A closed log in a file that is to be put away.
struct LogArchive {
    from: PathBuf,
    to: PathBuf,
    views: PathBuf,
}

impl LogArchive {
    /// Finds a free name for it, and looks whether nobody uses it.
    fn prepare(path: &Path) -> Result<Self, ResetError> {
        let from = path.canonicalize()?;
        // Whoever closes it last takes these away; somebody who still reads it would read the new log through them.
        if ["-wal", "-shm"].iter().any(|ending| beside(&from, ending).exists()) {
            return Err(ResetError::InUse);
        }
        let now = clock::now().to_string();
        let day: String = now.split('.').next().unwrap_or_default().replace([':', '-'], "");
        let name = from.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let ending = from.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        let named = |count: u32| match count {
            0 => from.with_file_name(format!("{name}-until-{day}{ending}")),
            more => from.with_file_name(format!("{name}-until-{day}-{more}{ending}")),
        };
        let free = (0..1000).map(named).find(|path| !path.exists());
        let to = free.ok_or_else(|| io::Error::other("there is no free name for it"))?;
        Ok(Self { from, to, views: beside(path, "-views") })
    }

    /// Gives it its other name. What can be built anew from a log, and was built from this one, goes.
    fn carry_out(self) -> Result<String, ResetError> {
        let Self { from, to, views } = self;
        std::fs::rename(&from, &to)?;
        if let Some(folder) = from.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        for file in [views.clone(), beside(&views, "-wal"), beside(&views, "-shm")] {
            match std::fs::remove_file(&file) {
                Ok(()) => {}
                Err(failure) if failure.kind() == io::ErrorKind::NotFound => {}
                // Their rows are noticed as those of another log.
                Err(failure) => warn!(error = %failure, "the views of the old log could not be removed"),
            }
        }
        Ok(to.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(ending);
    beside.into()
}
