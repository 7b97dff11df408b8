//! The client's whole state as plain data: no clock, no network, no terminal. `update` changes it, `view` reads it.

pub(crate) mod account;
mod action_availability;
mod basket;
mod checkout;
pub(crate) mod counter;
mod document;
mod failure;
mod form;
mod help;
mod hit;
pub(crate) mod lab;
mod list;
mod log;
mod order;
mod orders;
mod paged_list;
mod pages;
mod palette;
mod panes;
mod preferences_view;
mod processes;
mod replay;
mod screen;
pub(crate) mod session;
mod shop;
mod timeline;

pub(crate) use account::{Account, Mail, Mails, Registration};
pub(crate) use basket::{Basket, Change, Line, MAX_LINE_QUANTITY};
pub(crate) use checkout::{
    Checkout, Field, PAYMENTS, Payment, Phase, Step, Submission, USUAL_PAYMENTS, WALLET, reopen_reason_text,
};
pub(crate) use counter::{Counter, Part};
pub(crate) use document::{DocumentView, Page};
pub(crate) use failure::{Failure, RetryState};
pub(crate) use form::{Accepted, Form, FormField, FormPurpose, FormRequest, InvalidField, Sending};
pub(crate) use help::Help;
pub(crate) use hit::Hit;
pub(crate) use lab::Lab;
pub(crate) use list::{List, Load, nearest};
pub(crate) use log::Log;
pub(crate) use order::{MAX_TIMELINE_EVENTS, OpenOrder, Question};
pub(crate) use orders::{Orders, order_title, summary_title};
pub(crate) use paged_list::{PageRequest, PagedList};
pub(crate) use pages::{PAGE, Pages};
pub(crate) use palette::{Command, Found, Palette};
pub(crate) use panes::Panes;
pub(crate) use preferences_view::{Preference, PreferencesView};
pub(crate) use processes::{
    ControlCommand, MAX_PENDING_CONTROLS, Parked, PendingControl, Processes, Row, Target, Waiting,
    sentence as process_sentence,
};
pub(crate) use replay::{REAL_TIME, Replay, SPEED_RANGE, pause_ms, shown as shown_speed};
pub(crate) use screen::{Screen, Section};
pub(crate) use shop::{Grid, Picture, PictureState, SORTS, Shop};
pub(crate) use timeline::{Past, TimelineView, Tree, TreeRow};

use storefront_api::{Paused, PausedView, ProductId, Timestamp};
use uuid::Uuid;

use crate::keys::{Action, Context, Keymap};
use crate::preferences::{Preferences, Spans, ThemeName, Times};
use crate::settings::Settings;

/// The connection to the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// No response yet.
    Opening,
    Live,
    Offline {
        /// When the first request failed.
        since: Timestamp,
        /// The reason, as a sentence.
        reason: String,
    },
}

/// Tone of a toast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Plain,
    Bad,
}

/// A short notice that disappears by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    pub(crate) until: Timestamp,
}

/// Maximum number of toasts; older ones are dropped.
const MAX_TOASTS: usize = 3;

/// Notice that the shop was started over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartedOver {
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
}

/// The state of the whole client.
#[derive(Debug)]
pub(crate) struct Model {
    /// The time of the last message.
    pub(crate) now: Timestamp,
    /// The time zone in which times are shown, and the one of this machine.
    pub(crate) zone: jiff::tz::TimeZone,
    pub(crate) local_zone: jiff::tz::TimeZone,
    pub(crate) times: Times,
    /// How spans of time are written.
    pub(crate) spans: Spans,
    /// Whether the terminal is notified while the person looks elsewhere.
    pub(crate) notifications: bool,
    /// Whether nothing moves by itself but what happens in the shop.
    pub(crate) reduced_motion: bool,
    /// The preferences that were changed on the screen, to be written to the configuration file.
    pub(crate) preferences: Preferences,
    /// Path of that file; `None`: it is not written.
    pub(crate) config_file: Option<String>,
    /// Source of new ids.
    pub(crate) new_id: fn() -> Uuid,
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    /// Whether something visible may have changed since the last frame.
    pub(crate) changed: bool,
    /// Whether the shop is embedded in this process.
    pub(crate) embedded: bool,
    /// The operator of an embedded shop who has not signed in yet.
    pub(crate) first_operator: Option<session::FirstOperator>,
    /// Whether an embedded shop accepts other machines.
    pub(crate) open_to_network: bool,
    /// The actor name.
    pub(crate) actor: Option<String>,
    /// URL of the shop, once known.
    pub(crate) shop_url: Option<String>,
    /// URL of the stub mailbox.
    pub(crate) mailbox_url: Option<String>,
    pub(crate) connection: Connection,
    /// Whether the shop wants a session of everybody.
    pub(crate) secured: bool,
    /// Why the shop cannot do its work, though it answers.
    pub(crate) unfit: Vec<String>,
    /// Id of the shop's log; `None` until it has a first event.
    pub(crate) log_id: Option<Uuid>,
    /// Set for a while after the shop was started over.
    pub(crate) started_over: Option<StartedOver>,
    /// What is paused, by the shop's last response.
    pub(crate) paused: Paused,
    pub(crate) screen: Screen,
    /// The tab that was open last in the other section.
    pub(crate) elsewhere: Screen,
    /// Whether the screen is read out line by line instead of being drawn: then nothing is beside anything else.
    pub(crate) read_out: bool,
    /// The screen that is shown beside the open one, and the one that was last.
    pub(crate) pane: Option<Screen>,
    pub(crate) last_pane: Screen,
    /// The list of screens for that, while it is open.
    pub(crate) panes: Option<Panes>,
    /// The preferences, while they are open.
    pub(crate) preferences_view: Option<PreferencesView>,
    pub(crate) theme: ThemeName,
    pub(crate) toasts: Vec<Toast>,
    pub(crate) shop: Shop,
    pub(crate) basket: Basket,
    pub(crate) checkout: Checkout,
    pub(crate) orders: Orders,
    pub(crate) order: Option<OpenOrder>,
    pub(crate) log: Log,
    pub(crate) counter: Counter,
    pub(crate) processes: Processes,
    pub(crate) lab: Lab,
    pub(crate) account: Account,
    /// The replay of a file.
    pub(crate) replay: Option<Replay>,
    /// The active key table.
    pub(crate) keys: Keymap,
    /// Whether mouse events are captured instead of selecting text in the terminal.
    pub(crate) mouse: bool,
    /// Whether the terminal may have a clipboard that can be written.
    pub(crate) has_clipboard: bool,
    /// The help, while it is open.
    pub(crate) help: Option<Help>,
    /// The palette, while it is open.
    pub(crate) palette: Option<Palette>,
    /// The form, while one is open.
    pub(crate) form: Option<Form>,
    /// The document over the screen, while one is open.
    pub(crate) paper: Option<DocumentView>,
    /// The question that must be answered first.
    pub(crate) question: Option<Question>,
}

impl Model {
    /// The initial state, before any request.
    pub(crate) fn new(settings: &Settings, now: Timestamp, new_id: fn() -> Uuid) -> Self {
        let basket_id = settings.basket.unwrap_or_else(|| storefront_api::OrderId(new_id()));
        Self {
            now,
            zone: jiff::tz::TimeZone::UTC,
            local_zone: jiff::tz::TimeZone::UTC,
            times: Times::default(),
            spans: Spans::default(),
            notifications: true,
            reduced_motion: false,
            preferences: Preferences::default(),
            config_file: None,
            new_id,
            size: (80, 24),
            changed: true,
            embedded: false,
            first_operator: None,
            open_to_network: false,
            actor: None,
            shop_url: None,
            mailbox_url: None,
            connection: Connection::Opening,
            secured: false,
            unfit: Vec::new(),
            log_id: settings.log,
            started_over: None,
            paused: Paused::default(),
            screen: match settings.screen {
                Screen::Checkout if settings.checking_out.is_some() => Screen::Checkout,
                Screen::Checkout => Screen::Basket,
                Screen::Order => Screen::Orders,
                Screen::Replay => Screen::Shop,
                other => other,
            },
            elsewhere: match settings.screen.section() {
                Section::Shop => Screen::Log,
                Section::Backstage => Screen::Shop,
            },
            read_out: false,
            pane: settings.pane,
            last_pane: settings.pane.unwrap_or(Screen::Log),
            panes: None,
            preferences_view: None,
            theme: settings.theme.unwrap_or_default(),
            toasts: Vec::new(),
            shop: Shop::new(settings),
            basket: Basket::new(basket_id),
            checkout: Checkout::new(settings),
            orders: Orders::default(),
            order: settings.checking_out.map(OpenOrder::new),
            log: Log::default(),
            counter: Counter::default(),
            processes: Processes::default(),
            lab: Lab::default(),
            account: Account::new(settings),
            replay: None,
            keys: Keymap::default(),
            mouse: settings.mouse,
            has_clipboard: true,
            help: None,
            palette: None,
            form: None,
            paper: None,
            question: None,
        }
    }

    /// The settings to store for the next start.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            basket: Some(self.basket.order_id),
            checking_out: self.checkout.watched(),
            screen: self.screen,
            pane: self.pane,
            product: self.shop.selected().map(|product| product.id.clone()).or_else(|| self.shop.wanted.clone()),
            products_as_list: !self.shop.cards,
            theme: Some(self.theme),
            contact: self.checkout.contact(),
            payment: Some(self.checkout.payment().token.to_owned()),
            mouse: self.mouse,
            customer: self.account.number(),
            log: self.log_id,
        }
    }

    /// The open tab. An order belongs to the one from which it was opened.
    pub(crate) fn tab(&self) -> Screen {
        match (self.screen, &self.order) {
            (Screen::Order, Some(open)) => open.from.tab(),
            (screen, _) => screen.tab(),
        }
    }

    /// The section of the screen.
    pub(crate) fn section(&self) -> Section {
        self.tab().section()
    }

    /// The command by which others join this shop, once its URL is known.
    pub(crate) fn join_command(&self) -> Option<String> {
        self.shop_url.as_ref().map(|url| format!("storefront --server {url}"))
    }

    /// The read models behind a screen's lists.
    pub(crate) fn views_of(&self, screen: Screen) -> &'static [&'static str] {
        match screen {
            Screen::Shop => &["products", "stock", "categories"],
            Screen::Orders => &["orders"],
            Screen::Counter => match self.counter.part {
                Part::Stock => &["stock", "products"],
                Part::Products => &["products", "categories"],
                Part::Orders => &["orders"],
                Part::Sales => &["statistics", "orders"],
                Part::Charges => &[],
            },
            Screen::Account => match self.account.part {
                account::Part::Vouchers => &["vouchers"],
                account::Part::Invoices => &["invoices"],
                account::Part::Wallet
                | account::Part::Mailbox
                | account::Part::Profile
                | account::Part::Sessions
                | account::Part::Addresses => &[],
            },
            Screen::Basket
            | Screen::Checkout
            | Screen::Order
            | Screen::Log
            | Screen::Processes
            | Screen::Lab
            | Screen::Replay => &[],
        }
    }

    /// The minimum position of a list from some read models, so that it is not older than the known events. A paused
    /// read model is asked for no more than its own position: it answers as it is.
    pub(crate) fn min_position(&self, views: &[&str]) -> Option<u64> {
        let paused = self.paused.views.iter().filter(|view| views.contains(&view.name.as_str()));
        let position = paused.map(|view| view.position).fold(self.log.last_position, u64::min);
        Some(position).filter(|position| *position > 0)
    }

    /// The paused read model of the screen that is furthest behind.
    pub(crate) fn stale_view(&self) -> Option<&PausedView> {
        let shown = self.views_of(self.screen);
        let of_screen = self.paused.views.iter().filter(|view| shown.contains(&view.name.as_str()));
        of_screen.min_by_key(|view| view.position)
    }

    /// The active key context.
    pub(crate) fn context(&self) -> Context {
        if self.question.is_some() {
            return Context::Confirm;
        }
        if self.help.is_some() || self.palette.is_some() {
            return Context::Help;
        }
        if self.panes.is_some() {
            return Context::Panes;
        }
        if self.preferences_view.is_some() {
            return Context::Preferences;
        }
        if self.form.is_some() {
            return Context::Form;
        }
        match self.paper.as_ref().map(DocumentView::page) {
            Some(Page::Document(_)) => Context::Document,
            Some(Page::Mail(_)) => Context::Letter,
            None => self.screen_context(),
        }
    }

    /// Whether a screen is for operators of the shop, and none is signed in.
    pub(crate) fn is_closed(&self, screen: Screen) -> bool {
        let for_operators = matches!(screen, Screen::Processes | Screen::Lab | Screen::Counter);
        for_operators && self.secured && !self.account.is_operator()
    }

    /// The key context of the screen itself.
    pub(crate) fn screen_context(&self) -> Context {
        match self.screen {
            closed if self.is_closed(closed) => Context::ForOperators,
            Screen::Shop if self.shop.typing => Context::Search,
            Screen::Shop if self.shop.page => Context::Product,
            Screen::Shop if self.shop.grid(self.own_size()).is_some() => Context::ShopCards,
            Screen::Shop => Context::Shop,
            Screen::Basket => Context::Basket,
            Screen::Checkout => match (&self.checkout.phase, self.checkout.focus) {
                (Phase::Watching(_), _) => Context::CheckoutProgress,
                (Phase::Form, Field::Payment) => Context::CheckoutPayment,
                (Phase::Form, Field::Review) => Context::CheckoutReview,
                (Phase::Form, _) => Context::CheckoutField,
            },
            Screen::Orders if self.orders.typing => Context::Search,
            Screen::Orders => Context::Orders,
            Screen::Order | Screen::Replay if self.order.as_ref().is_some_and(|open| open.typing) => Context::Search,
            Screen::Order if self.order.as_ref().is_some_and(|open| !open.turned) => Context::Parcel,
            Screen::Order if self.view() == TimelineView::Scrubber => Context::Scrubber,
            Screen::Order => Context::Order,
            Screen::Replay => Context::Replay,
            Screen::Log if self.log.typing => Context::Search,
            Screen::Log => Context::Log,
            Screen::Processes => Context::Processes,
            Screen::Lab => Context::Lab,
            Screen::Counter if self.counter.typing => Context::Search,
            Screen::Counter => match self.counter.part {
                Part::Stock => Context::CounterStock,
                Part::Products => Context::CounterProducts,
                Part::Orders => Context::CounterOrders,
                Part::Sales => Context::CounterSales,
                Part::Charges => Context::CounterCharges,
            },
            Screen::Account => self.account.context(self.mailbox_url.is_some()),
        }
    }

    /// The active view of the timeline.
    pub(crate) fn view(&self) -> TimelineView {
        self.order.as_ref().map_or(TimelineView::List, |open| open.view)
    }

    /// A product's name, or its id when unknown.
    pub(crate) fn product_name(&self, id: &ProductId) -> String {
        let known = self.shop.products.find(|product| product.id == *id);
        known.map_or_else(|| id.to_string(), |(_, product)| product.name.clone())
    }

    /// The label of an action's key on this screen.
    pub(crate) fn key(&self, action: Action) -> String {
        self.keys.label(self.screen_context(), action)
    }

    /// Shows a toast for a few seconds.
    pub(crate) fn toast(&mut self, tone: Tone, text: impl Into<String>) {
        let seconds = match tone {
            Tone::Good | Tone::Plain => 4,
            Tone::Bad => 8,
        };
        let text = text.into();
        self.toasts.retain(|toast| toast.text != text);
        self.toasts.push(Toast { text, tone, until: self.in_ms(seconds * 1000) });
        let surplus = self.toasts.len().saturating_sub(MAX_TOASTS);
        self.toasts.drain(..surplus);
    }

    /// The time `delay_ms` from now.
    pub(crate) fn in_ms(&self, delay_ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(self.now.unix_ms().saturating_add(delay_ms))
    }

    /// Whether the shop cannot do its work because its disk is full, as it says.
    pub(crate) fn disk_is_full(&self) -> bool {
        self.unfit.iter().any(|reason| reason.contains("no room left on its disk"))
    }

    pub(crate) fn is_live(&self) -> bool {
        self.connection == Connection::Live
    }
}
