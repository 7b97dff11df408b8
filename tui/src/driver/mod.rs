//! Runs the client on a terminal: reads keys and signals, passes messages to the engine, and draws. Draws only after a
//! change, at most every 10 ms, and only when all queued messages have been taken in and
//! the terminal has taken the frame before.

mod engine;
mod feed;
mod kept_file;
mod keys;
mod news;
mod outbox;
mod png;
mod requests;
mod signals;
#[cfg(test)]
mod tests;
mod wire;

use std::future::Future;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr, eyre};
use futures_util::future::OptionFuture;
use storefront_api::ActorName;
use storefront_client::Client;
use tokio::time::Instant;

pub(crate) use engine::{Engine, TerminalCommand};
use keys::{Keys, TerminalClosed};
pub(crate) use requests::find_order;
use signals::{Signal, Signals};

use crate::config::Config;
use crate::embedded::{self, Embedded, EmbeddedOptions};
use crate::preferences::Preferences;
use crate::screen_reader::Speaker;
use crate::session_file::SessionFile;
use crate::settings::{Settings, SettingsFile};
use crate::state::Replay;
use crate::state::session::FirstOperator;
use crate::terminal::{self, Input, TerminalGuard, Usage};
use crate::update::Msg;
use crate::view::theme::{Depth, Theme};
use crate::view::{Hits, links, view};

/// Minimum time between two frames.
const FRAME_INTERVAL: Duration = Duration::from_millis(10);
/// How long changes pause before they are said, and how long they wait at most: in general, and while text is typed.
const SPEECH_PAUSE: (Duration, Duration) = (Duration::from_millis(150), Duration::from_secs(1));
const TYPING_PAUSE: (Duration, Duration) = (Duration::from_millis(700), Duration::from_secs(5));
/// Maximum number of messages between two frames.
const MAX_MESSAGES_PER_FRAME: usize = 500;
/// How long quitting waits for requests that are being sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Timeout for the shutdown of the embedded shop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// The shop that the client connects to.
pub(crate) enum Shop {
    /// A shop that runs elsewhere, with the mailbox of a demo if there is one.
    At { client: Client, mailbox_url: Option<String> },
    /// A shop that is started inside this process.
    Inside(EmbeddedOptions),
    /// No shop: a timeline from a file is replayed.
    Nowhere(Replay),
}

/// Options of the client at its start.
pub(crate) struct StartOptions {
    pub(crate) shop: Shop,
    pub(crate) settings: Settings,
    pub(crate) file: Option<SettingsFile>,
    /// Where the session of who is signed in is kept.
    pub(crate) session_file: Option<SessionFile>,
    pub(crate) first_run: bool,
    pub(crate) depth: Depth,
    /// Whether the terminal may have a clipboard that can be written.
    pub(crate) has_clipboard: bool,
    /// Whether lines are said instead of a screen drawn.
    pub(crate) screen_reader: bool,
    /// The configuration file: what is in it, and where preferences are written.
    pub(crate) config: Config,
    pub(crate) config_file: Option<PathBuf>,
    /// The preferences of the command line and the file.
    pub(crate) preferences: Preferences,
    /// The actor name that is sent with every request.
    pub(crate) actor: Option<ActorName>,
}

type Starting = Pin<Box<dyn Future<Output = Result<Embedded>> + Send>>;

/// Starts the shop on the wanted port, or on a free one where that is taken. The port is tried first because a shop
/// that fails to start has started its stubs already.
async fn start_somewhere(mut options: EmbeddedOptions) -> Result<Embedded> {
    let taken = std::net::TcpListener::bind(options.listen).is_err_and(|error| error.kind() == ErrorKind::AddrInUse);
    if taken {
        options.listen.set_port(0);
    }
    embedded::start(options).await
}

/// Runs the client until the shopper quits.
///
/// # Errors
/// When the terminal cannot be used, the embedded shop does not start, or a part of the client breaks down. The terminal
/// is as it was before.
pub(crate) async fn run(start: StartOptions) -> Result<()> {
    let mut engine = Engine::new(&start.settings, start.file.clone());
    if let Some(file) = start.session_file.clone() {
        engine.resume_session(file);
    }
    engine.model.keys = start.config.keys.clone();
    engine.configure(start.preferences, start.config_file.clone());
    engine.model.has_clipboard = start.has_clipboard;
    engine.model.read_out = start.screen_reader;
    engine.model.actor = start.actor.as_ref().map(ToString::to_string);
    let usage = if start.screen_reader { Usage::Lines } else { Usage::Screen };
    let terminal = TerminalGuard::enter(usage).wrap_err("The terminal cannot be used")?;
    let mut app = App {
        engine,
        terminal,
        depth: start.depth,
        config: start.config.clone(),
        speaker: start.screen_reader.then(Speaker::default),
        looks_elsewhere: false,
        news: None,
        drawn_at: None,
        taken_at: None,
        hits: Hits::default(),
        embedded: None,
        actor: start.actor.clone(),
    };
    let outcome = app.run(start).await;
    let App { engine, terminal, embedded, .. } = app;
    drop(terminal);
    let kept = engine.close().await;
    if let Some(embedded) = embedded
        && tokio::time::timeout(SHUTDOWN_TIMEOUT, embedded.shutdown()).await.is_err()
    {
        tracing::warn!("the embedded shop did not stop in time");
    }
    let panic_messages = terminal::panic_messages();
    let outcome = outcome.and(kept.map_err(|why| eyre!(why)));
    if panic_messages.is_empty() { outcome } else { outcome.wrap_err(panic_messages.join("\n")) }
}

struct App {
    engine: Engine,
    terminal: TerminalGuard,
    depth: Depth,
    config: Config,
    /// What says lines instead of drawing frames, with a screen reader.
    speaker: Option<Speaker>,
    /// Whether the person looks at something else, and the news at the last frame.
    looks_elsewhere: bool,
    news: Option<String>,
    drawn_at: Option<Instant>,
    /// When the first and the last message since then were taken in.
    taken_at: Option<(Instant, Instant)>,
    /// What takes clicks in the last frame.
    hits: Hits,
    embedded: Option<Embedded>,
    actor: Option<ActorName>,
}

impl App {
    async fn run(&mut self, start: StartOptions) -> Result<()> {
        let (width, height) = self.terminal.size();
        self.take(Msg::Resize { width, height });
        // The first frame is drawn before anything else.
        self.draw()?;
        let mut starting = self.find_shop(start.shop, start.first_run)?;
        let mut keys = Keys::read(self.terminal.input())?;
        let mut signals = Signals::new()?;
        // A size that came before its signal was listened for.
        let (width, height) = self.terminal.measure()?;
        self.take(Msg::Resize { width, height });
        loop {
            let (idle, frame_at) = (self.terminal.is_idle(), self.next_frame());
            let draws = self.engine.model.changed && idle;
            let mut commands = tokio::select! {
                biased;
                signal = signals.next() => match signal {
                    Signal::End => self.take(Msg::Quit),
                    // SIGHUP is followed by SIGCONT, and then the terminal may be gone.
                    Signal::Continued => match self.terminal.enter_again() {
                        Ok(()) => vec![TerminalCommand::Redraw],
                        Err(_) => vec![TerminalCommand::Quit],
                    },
                    Signal::Resized => match self.terminal.measure() {
                        Ok((width, height)) => self.take(Msg::Resize { width, height }),
                        Err(_) => vec![TerminalCommand::Quit],
                    },
                },
                flushed = self.terminal.flush(), if !idle => match flushed {
                    Ok(()) => Vec::new(),
                    Err(_) => vec![TerminalCommand::Quit],
                },
                key = keys.next() => match key {
                    Ok(input) => self.take_input(input),
                    // A closed terminal quits the client.
                    Err(TerminalClosed) => vec![TerminalCommand::Quit],
                },
                Some(embedded) = OptionFuture::from(starting.as_mut()) => {
                    starting = None;
                    self.opened(embedded?, start.first_run)?
                }
                msg = self.engine.next() => self.take(msg?),
                () = tokio::time::sleep_until(frame_at), if draws => Vec::new(),
            };
            commands.extend(self.take_what_waits(&mut keys));
            for command in commands {
                let ends = match command {
                    TerminalCommand::Quit => true,
                    TerminalCommand::Copy(text) => self.terminal.copy(&text).is_err(),
                    TerminalCommand::Suspend => self.suspend(&mut signals).await.is_err(),
                    TerminalCommand::Redraw => {
                        self.engine.model.changed = true;
                        self.speaker.iter_mut().for_each(Speaker::start_again);
                        self.terminal.redraw().is_err()
                    }
                };
                if ends {
                    return self.flush().await;
                }
            }
            // A terminal that cannot be drawn on is closed too.
            let draws = self.engine.model.changed && self.terminal.is_idle() && Instant::now() >= self.next_frame();
            if draws && self.draw().is_err() {
                return self.flush().await;
            }
        }
    }

    /// Starts the embedded shop, or connects to the one that runs elsewhere.
    fn find_shop(&mut self, shop: Shop, first_run: bool) -> Result<Option<Starting>> {
        match shop {
            Shop::Inside(options) => {
                self.engine.model.open_to_network = options.open_to_network;
                let task = tokio::spawn(start_somewhere(options));
                Ok(Some(Box::pin(async move { task.await.wrap_err("The embedded shop broke down")? })))
            }
            Shop::At { client, mailbox_url } => {
                let url = client.base_url().to_owned();
                self.engine.connect(self.acting(client));
                self.take(Msg::ShopFound { url, mailbox_url, embedded: false, first_run });
                Ok(None)
            }
            Shop::Nowhere(replay) => {
                self.take(Msg::Replay(replay));
                Ok(None)
            }
        }
    }

    fn opened(&mut self, embedded: Embedded, first_run: bool) -> Result<Vec<TerminalCommand>> {
        let url = embedded.join_url().to_owned();
        let mailbox_url = Some(embedded.mailbox_url());
        self.engine.connect(self.acting(Client::new(embedded.url())?));
        let operator = embedded.first_operator();
        let operator =
            operator.map(|first| FirstOperator { email: first.email.clone(), password: first.password.clone() });
        self.embedded = Some(embedded);
        if let Some(operator) = operator {
            self.take(Msg::FirstOperatorFound(operator));
        }
        Ok(self.take(Msg::ShopFound { url, mailbox_url, embedded: true, first_run }))
    }

    /// Adds the actor name to a client.
    fn acting(&self, client: Client) -> Client {
        match &self.actor {
            Some(actor) => client.acting_as(actor.clone()),
            None => client,
        }
    }

    fn take_input(&mut self, input: Input) -> Vec<TerminalCommand> {
        let msg = match input {
            Input::Key(key) => Msg::Key(key),
            Input::Paste(text) => Msg::Paste(text),
            Input::Wheel { lines } => Msg::Wheel { lines },
            Input::Focus(is_here) => {
                self.looks_elsewhere = !is_here;
                return Vec::new();
            }
            Input::Click { column, row } => match self.hits.at(column, row) {
                Some(hit) => Msg::Click(hit),
                None => return Vec::new(),
            },
        };
        self.take(msg)
    }

    /// Takes in all queued events and messages, so that one frame shows all of them.
    fn take_what_waits(&mut self, keys: &mut Keys) -> Vec<TerminalCommand> {
        let mut commands = Vec::new();
        for _ in 0..MAX_MESSAGES_PER_FRAME {
            match keys.next_now() {
                Ok(Some(input)) => commands.extend(self.take_input(input)),
                Ok(None) => match self.engine.next_now() {
                    Some(msg) => commands.extend(self.take(msg)),
                    None => break,
                },
                Err(TerminalClosed) => {
                    commands.push(TerminalCommand::Quit);
                    break;
                }
            }
        }
        commands
    }

    /// Takes a message in, and remembers when.
    fn take(&mut self, msg: Msg) -> Vec<TerminalCommand> {
        let now = Instant::now();
        self.taken_at = Some(self.taken_at.map_or((now, now), |(first, _)| (first, now)));
        self.engine.take(msg)
    }

    /// When a change may be drawn. What is said waits until the changes pause, or somebody stops typing, so that a half is
    /// not said before the whole.
    fn next_frame(&self) -> Instant {
        let Some((first, last)) = self.taken_at.filter(|_| self.speaker.is_some()) else {
            return self.drawn_at.map_or_else(Instant::now, |at| at + FRAME_INTERVAL);
        };
        let (pause, most) = if self.engine.model.context().takes_text() { TYPING_PAUSE } else { SPEECH_PAUSE };
        (last + pause).min(first + most)
    }

    fn draw(&mut self) -> Result<()> {
        let model = &mut self.engine.model;
        model.changed = false;
        self.taken_at = None;
        if let Some(speaker) = &mut self.speaker {
            self.drawn_at = Some(Instant::now());
            let lines = speaker.speak(model);
            if !lines.is_empty() {
                self.terminal.print(&lines)?;
            }
            return Ok(());
        }
        let theme = Theme::with(model.theme, self.depth, self.config.colours(model.theme));
        let model = &*model;
        self.terminal.use_mouse(model.mouse)?;
        let mut hits = Hits::default();
        self.terminal.draw(|frame| {
            hits = view(model, &theme, frame);
            links::mark(model, frame.buffer_mut());
        })?;
        self.hits = hits;
        let news = news::latest(model);
        let notified = model.notifications && self.looks_elsewhere;
        if let Some(text) = news.as_ref().filter(|_| notified && news != self.news) {
            self.terminal.notify(text)?;
        }
        self.news = news;
        self.drawn_at = Some(Instant::now());
        Ok(())
    }

    /// Waits a short time for requests that are being sent.
    async fn flush(&mut self) -> Result<()> {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        while self.engine.is_sending() {
            match tokio::time::timeout_at(deadline, self.engine.next()).await {
                Ok(msg) => {
                    self.take(msg?);
                }
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Suspends the process until the shell continues it.
    async fn suspend(&mut self, signals: &mut Signals) -> Result<()> {
        self.terminal.leave();
        signals.stop().await;
        self.terminal.enter_again()?;
        self.engine.model.changed = true;
        self.speaker.iter_mut().for_each(Speaker::start_again);
        Ok(())
    }
}
