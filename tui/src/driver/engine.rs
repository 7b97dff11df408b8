//! Owns the model: takes messages in, runs effects, and feeds their responses back as messages. Knows no terminal, so
//! that tests can drive it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use storefront_api::{SignedIn, Timestamp, Token};
use storefront_client::Client;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::task::AbortOnDropHandle;

use crate::config;
use crate::driver::kept_file::KeptFile;
use crate::driver::outbox::Outbox;
use crate::driver::{feed, requests};
use crate::preferences::Preferences;
use crate::session_file::SessionFile;
use crate::settings::{Settings, SettingsFile};
use crate::state::Model;
use crate::update::{Effect, Msg, Request, next_deadline, update};

/// Capacity of the message queue.
const MESSAGE_QUEUE_LEN: usize = 256;
/// Maximum number of concurrent requests; further ones wait.
const MAX_CONCURRENT_REQUESTS: usize = 8;

/// An effect that needs the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TerminalCommand {
    /// A text for the clipboard.
    Copy(String),
    Quit,
    Suspend,
    Redraw,
}

/// A wall clock that never goes backwards while the process runs: the monotonic time since the system's clock was last
/// ahead of it. The monotonic time stands still while the machine sleeps, so the system's clock is ahead afterwards.
#[derive(Clone, Copy, Debug)]
struct Clock {
    set_to_ms: i64,
    set: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { set_to_ms: jiff::Timestamp::now().as_millisecond(), set: Instant::now() }
    }

    fn now(&mut self) -> Timestamp {
        self.at(jiff::Timestamp::now().as_millisecond(), Instant::now())
    }

    /// The time, when the system's clock and the monotonic one say this.
    fn at(&mut self, system_ms: i64, now: Instant) -> Timestamp {
        let passed = i64::try_from(now.saturating_duration_since(self.set).as_millis()).unwrap_or(i64::MAX);
        let time_ms = self.set_to_ms.saturating_add(passed);
        if system_ms > time_ms {
            *self = Self { set_to_ms: system_ms, set: now };
        }
        Timestamp::from_unix_ms(time_ms.max(system_ms))
    }
}

/// Marks a message that is valid in every generation.
const ANY_GENERATION: u64 = u64::MAX;

/// The model with the tasks and channels that work for it.
pub(crate) struct Engine {
    pub(crate) model: Model,
    clock: Clock,
    client: Option<Client>,
    sender: Sender<(u64, Msg)>,
    receiver: Receiver<(u64, Msg)>,
    /// Number of times that the shop was started over.
    generation: u64,
    tasks: JoinSet<()>,
    turns: Arc<tokio::sync::Semaphore>,
    /// Aborts the latest request for products when the next one starts.
    listing: Option<AbortHandle>,
    feed: Option<AbortOnDropHandle<()>>,
    /// The token with which the feed reads the log, where the shop wants one.
    reader: watch::Sender<Option<Token>>,
    /// Has the feed ask at once whether the shop can do its work.
    examine: Arc<Notify>,
    /// The files that follow the model; `None` for what is not kept.
    settings: Option<KeptFile<Settings>>,
    session: Option<KeptFile<Option<SignedIn>>>,
    /// What was chosen on the screen, in the configuration file.
    preferences: Option<KeptFile<Preferences>>,
}

impl Engine {
    /// Creates the engine from the settings of the last run. Without a file, settings are not saved.
    pub(crate) fn new(settings: &Settings, file: Option<SettingsFile>) -> Self {
        let mut clock = Clock::start();
        let mut model = Model::new(settings, clock.now(), uuid::Uuid::now_v7);
        model.local_zone = jiff::tz::TimeZone::system();
        model.zone = model.local_zone.clone();
        let (sender, receiver) = mpsc::channel(MESSAGE_QUEUE_LEN);
        let outbox = Outbox { sender: sender.clone(), generation: ANY_GENERATION };
        let settings = file.map(|file| {
            let path = file.path().to_owned();
            KeptFile::new(path, settings.clone(), move |settings| file.write(settings), outbox)
        });
        Self {
            model,
            clock,
            client: None,
            sender,
            receiver,
            generation: 0,
            tasks: JoinSet::new(),
            turns: Arc::new(tokio::sync::Semaphore::new(MAX_CONCURRENT_REQUESTS)),
            listing: None,
            feed: None,
            reader: watch::Sender::new(None),
            examine: Arc::default(),
            settings,
            session: None,
            preferences: None,
        }
    }

    /// Takes what is configured, and keeps what is chosen on the screen in a file.
    pub(crate) fn configure(&mut self, preferences: Preferences, file: Option<PathBuf>) {
        self.model.configure(preferences);
        self.model.config_file = file.as_ref().map(|path| path.display().to_string());
        self.preferences = file.map(|path| {
            let write = {
                let path = path.clone();
                move |chosen: &Preferences| config::write(&path, chosen)
            };
            KeptFile::new(path, Preferences::default(), write, self.outbox(ANY_GENERATION))
        });
    }

    /// Goes on with the session of the last run, and keeps the session in its file.
    pub(crate) fn resume_session(&mut self, file: SessionFile) {
        let kept = file.read();
        if let Some(session) = kept.clone() {
            self.model.account.resume(session, self.clock.now());
        }
        let path = file.path().to_owned();
        let write = move |session: &Option<SignedIn>| file.write(session.as_ref());
        self.session = Some(KeptFile::new(path, kept, write, self.outbox(ANY_GENERATION)));
    }

    /// Connects to the shop and starts to follow its log.
    pub(crate) fn connect(&mut self, client: Client) {
        self.client = Some(client);
        self.follow();
    }

    /// Follows the log from its newest events.
    fn follow(&mut self) {
        let (examine, reader) = (self.examine.clone(), self.reader.subscribe());
        let client = self.client.clone();
        self.feed = client.map(|client| feed::follow(client, reader, self.outbox(self.generation), examine));
    }

    fn outbox(&self, generation: u64) -> Outbox {
        Outbox { sender: self.sender.clone(), generation }
    }

    /// Updates the model by a message and starts its effects. Returns the effects that need the terminal.
    pub(crate) fn take(&mut self, msg: Msg) -> Vec<TerminalCommand> {
        let effects = update(&mut self.model, self.clock.now(), msg);
        let session = self.model.account.session.as_ref().filter(|_| self.model.secured);
        let token = session.map(|session| session.token.clone());
        self.reader.send_if_modified(|known| {
            let is_other = *known != token;
            *known = token;
            is_other
        });
        effects.into_iter().filter_map(|effect| self.start(effect)).collect()
    }

    fn start(&mut self, effect: Effect) -> Option<TerminalCommand> {
        match effect {
            Effect::Quit => return Some(TerminalCommand::Quit),
            Effect::Suspend => return Some(TerminalCommand::Suspend),
            Effect::Redraw => return Some(TerminalCommand::Redraw),
            Effect::Copy(text) => return Some(TerminalCommand::Copy(text)),
            Effect::Save { name, contents } => {
                let sender = self.outbox(ANY_GENERATION);
                self.tasks.spawn(async move {
                    let saved = tokio::task::spawn_blocking(move || save(&name, &contents)).await;
                    let saved = saved.unwrap_or_else(|_| Err("The file could not be written.".to_owned()));
                    // A send fails only when the client ends.
                    let _ = sender.send(Msg::Saved(saved)).await;
                });
            }
            Effect::FollowAnew => {
                self.generation += 1;
                self.follow();
            }
            Effect::FollowAs => self.follow(),
            Effect::Examine => self.examine.notify_one(),
            Effect::Keep(settings) => {
                if let Some(kept) = &self.settings {
                    kept.set(*settings);
                }
            }
            Effect::KeepSession(session) => {
                if let Some(kept) = &self.session {
                    kept.set(session.map(|session| *session));
                }
            }
            Effect::Configure(preferences) => {
                if let Some(chosen) = &self.preferences {
                    chosen.set(preferences);
                }
            }
            Effect::Request(request) => self.send(request),
        }
        None
    }

    /// Sends a request. One for products takes the place of the one before.
    fn send(&mut self, request: Request) {
        let Some(client) = &self.client else { return };
        let account = &self.model.account;
        let client = match (&account.session, account.customer) {
            (Some(session), _) => client.with_token(session.token.clone()),
            (None, Some(customer)) => client.of_customer(customer),
            (None, None) => client.clone(),
        };
        // The log of the new shop is often seen before the answer to the request that made it.
        let generation = if matches!(request, Request::Reset) { ANY_GENERATION } else { self.generation };
        let (sender, turns) = (self.outbox(generation), self.turns.clone());
        let lists_products = matches!(request, Request::Products { .. });
        let task = self.tasks.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire_owned().await;
            let response = requests::send(&client, request).await;
            // A send fails only when the client ends.
            let _ = sender.send(Msg::Response(response)).await;
        });
        if lists_products && let Some(earlier) = self.listing.replace(task) {
            earlier.abort();
        }
    }

    /// Waits for the next message: a response, an event of the log, or the model's next deadline. Cancel safe.
    ///
    /// # Errors
    /// When a task panicked.
    pub(crate) async fn next(&mut self) -> color_eyre::Result<Msg> {
        let deadline = next_deadline(&self.model).map(|at| at.unix_ms() - self.clock.now().unix_ms());
        let delay = Duration::from_millis(deadline.unwrap_or(i64::MAX).max(1).unsigned_abs());
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        return Err(color_eyre::eyre::eyre!("A part of the client broke down."));
                    }
                }
                Some((from, msg)) = self.receiver.recv() => if from >= self.generation { return Ok(msg) },
                () = tokio::time::sleep(delay), if deadline.is_some() => return Ok(Msg::Tick),
            }
        }
    }

    /// Returns a message that is queued already.
    pub(crate) fn next_now(&mut self) -> Option<Msg> {
        while let Ok((from, msg)) = self.receiver.try_recv() {
            if from >= self.generation {
                return Some(msg);
            }
        }
        None
    }

    /// Whether a change that the shopper made is still being sent and can still arrive.
    pub(crate) fn is_sending(&self) -> bool {
        let Model { basket, checkout, account, form, processes, .. } = &self.model;
        let form = form.as_ref().is_some_and(|form| form.sending.is_some());
        let steering = !processes.asked.is_empty();
        let account = account.registration.is_some();
        let buying = !basket.pending.is_empty() || checkout.submission.is_some();
        (buying || form || steering || account) && self.model.is_live()
    }

    /// Stops all tasks and writes settings, session and preferences one last time. A write that hangs is given up.
    ///
    /// # Errors
    /// When they cannot be written: the basket and what was typed are not there at the next start.
    pub(crate) async fn close(mut self) -> Result<(), String> {
        self.feed = None;
        self.tasks.shutdown().await;
        // What was chosen last may not be written yet.
        let (chosen, settings) = (self.model.preferences, self.model.settings());
        let settings_kept = match self.settings {
            Some(file) => file.close(settings).await,
            None => Ok(()),
        };
        let session_kept = match self.session {
            Some(file) => file.close(self.model.account.session).await,
            None => Ok(()),
        };
        let preferences_kept = match self.preferences.filter(|_| chosen != Preferences::default()) {
            Some(file) => file.close(chosen).await,
            None => Ok(()),
        };
        settings_kept.and(session_kept).and(preferences_kept)
    }
}

/// Writes a file into the working folder and returns its path.
fn save(name: &str, contents: &[u8]) -> Result<String, String> {
    let path = std::path::absolute(name).unwrap_or_else(|_| name.into());
    match std::fs::write(&path, contents) {
        Ok(()) => Ok(path.display().to_string()),
        Err(error) => Err(format!("{} could not be written: {error}.", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_while_the_machine_sleeps_and_never_back() {
        let start = Instant::now();
        let mut clock = Clock { set_to_ms: 1_000_000, set: start };
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(clock.at(1_000_500, at(500)).unix_ms(), 1_000_500);
        // Eight hours of sleep: the monotonic clock stood still.
        let hours_ms = 8 * 3_600_000;
        assert_eq!(clock.at(1_000_600 + hours_ms, at(600)).unix_ms(), 1_000_600 + hours_ms);
        // Somebody sets the clock back.
        assert_eq!(clock.at(5, at(700)).unix_ms(), 1_000_700 + hours_ms);
    }
}
