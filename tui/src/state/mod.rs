//! Everything that the client knows at a moment. Plain data: no clock, no network, no terminal. `update` changes it, `view`
//! reads it.

pub(crate) mod account;
mod action_availability;
mod basket;
mod checkout;
pub(crate) mod counter;
mod document;
mod form;
mod help;
pub(crate) mod lab;
mod list;
mod log;
mod order;
mod orders;
mod paged_list;
mod pages;
mod palette;
mod processes;
mod replay;
mod shop;
mod timeline;

pub(crate) use account::{Account, AccountList, Mail, Mails, Registration};
pub(crate) use basket::{Basket, Change, Line, QUANTITY_LIMIT};
pub(crate) use checkout::{Checkout, Field, PAYMENTS, Payment, Phase, Submission, WALLET, reopen_reason_text};
pub(crate) use counter::{Counter, Part};
pub(crate) use document::{DocumentView, Page};
pub(crate) use form::{Agreed, FieldWrong, Form, FormField, FormFor, Request, Sending};
pub(crate) use help::Help;
pub(crate) use lab::Lab;
pub(crate) use list::{List, Load};
pub(crate) use log::Log;
pub(crate) use order::{OpenOrder, Question, TIMELINE_KEPT};
pub(crate) use orders::Orders;
pub(crate) use paged_list::{Ask, PagedList};
pub(crate) use pages::{PAGE, Pages};
pub(crate) use palette::{Command, Palette};
pub(crate) use processes::{
    ASKED_LIMIT, Asked, Parked, Processes, Row, Steer, Target, Waiting, sentence as process_sentence,
};
pub(crate) use replay::{REAL_TIME, Replay, SPEEDS, pause_ms, shown as shown_speed};
pub(crate) use shop::{Picture, PictureState, SORTS, Shop};
pub(crate) use timeline::{Past, TimelineView, Tree, TreeRow};

use storefront_api::{Paused, PausedView, Problem, ProductId, Timestamp};
use uuid::Uuid;

use crate::keys::{Action, Context, Keymap};
use crate::settings::{Settings, ThemeName};

/// A screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Screen {
    #[default]
    Shop,
    Basket,
    Checkout,
    Orders,
    Order,
    Log,
    Processes,
    Lab,
    Counter,
    Account,
    /// A timeline from a file; the only screen then.
    Replay,
}

impl Screen {
    /// The screens that have a tab, in the order of the tabs.
    pub(crate) const TABS: [Self; 8] =
        [Self::Shop, Self::Basket, Self::Orders, Self::Log, Self::Processes, Self::Lab, Self::Counter, Self::Account];

    /// The tab under which a screen stands.
    pub(crate) const fn tab(self) -> Self {
        match self {
            Self::Shop => Self::Shop,
            Self::Basket | Self::Checkout => Self::Basket,
            Self::Orders | Self::Order => Self::Orders,
            Self::Log | Self::Processes | Self::Lab | Self::Counter | Self::Account | Self::Replay => self,
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Shop => "Shop",
            Self::Basket => "Basket",
            Self::Checkout => "Checkout",
            Self::Orders => "Orders",
            Self::Order => "Order",
            Self::Log => "Log",
            Self::Processes => "Processes",
            Self::Lab => "Lab",
            Self::Counter => "Counter",
            Self::Account => "Account",
            Self::Replay => "Replay",
        }
    }
}

/// Whether the shop answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// It has not answered yet.
    Opening,
    Live,
    Offline {
        /// Since when.
        since: Timestamp,
        /// Why, as a sentence.
        reason: String,
    },
}

/// Why something asked of the shop did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The shop refused, and says why.
    Refused(Box<Problem>),
    /// It could not be reached: worth trying again.
    Unreachable(String),
    /// The answer makes no sense.
    Unexpected(String),
}

/// How often something is sent again although the shop said that it cannot take it just now.
const PATIENCE: u32 = 4;

impl Failure {
    /// What went wrong, as a sentence.
    pub(crate) fn sentence(&self) -> &str {
        match self {
            Self::Refused(problem) if problem.detail.is_empty() => &problem.title,
            Self::Refused(problem) => &problem.detail,
            Self::Unreachable(text) | Self::Unexpected(text) => text,
        }
    }
}

/// How often in a row something was sent in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetryState {
    /// How often it will have been sent again.
    pub(crate) again: u32,
    /// How often the shop has asked to come again, since it was last not reached at all.
    put_off: u32,
}

impl RetryState {
    /// How often it had been sent again before the last time.
    pub(crate) fn before(self) -> u32 {
        self.again.saturating_sub(1)
    }

    /// Whether sending the same again, under the same key, is the thing to do after this failure: for ever when there was no
    /// answer, a few times when the shop cannot take it just now. If so, it is counted.
    pub(crate) fn go_on_after(&mut self, failure: &Failure) -> bool {
        let put_off = match failure {
            Failure::Unreachable(_) => 0,
            Failure::Refused(problem) if problem.code == "request_in_progress" => self.put_off,
            Failure::Refused(problem) if matches!(problem.status, 429 | 503) && self.put_off < PATIENCE => {
                self.put_off + 1
            }
            Failure::Refused(_) | Failure::Unexpected(_) => return false,
        };
        *self = Self { again: self.again.saturating_add(1), put_off };
        true
    }
}

/// How a toast is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Plain,
    Bad,
}

/// A line that says what just happened and goes away by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    pub(crate) until: Timestamp,
}

/// How many toasts show at once; older ones give way.
const TOASTS: usize = 3;

/// The shop was started over, which is told for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartedOver {
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
}

/// The whole client.
#[derive(Debug)]
pub(crate) struct Model {
    /// The time of the last message.
    pub(crate) now: Timestamp,
    /// Where the shopper is, for times of day.
    pub(crate) zone: jiff::tz::TimeZone,
    /// Where new ids come from.
    pub(crate) new_id: fn() -> Uuid,
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    /// Whether something visible may have changed since the last drawing.
    pub(crate) changed: bool,
    /// Whether everything runs inside this process.
    pub(crate) embedded: bool,
    /// Whether a shop inside this process lets other machines in.
    pub(crate) open_to_network: bool,
    /// The name under which the shopper acts.
    pub(crate) actor: Option<String>,
    /// Where the shop is, once it is found.
    pub(crate) shop_url: Option<String>,
    /// Where the stub's mail can be read.
    pub(crate) mailbox_url: Option<String>,
    pub(crate) connection: Connection,
    /// Which log the shop has; `None` until it has a first event.
    pub(crate) log_id: Option<Uuid>,
    /// The shop was started over lately.
    pub(crate) started_over: Option<StartedOver>,
    /// What is paused, as the shop said last.
    pub(crate) paused: Paused,
    pub(crate) screen: Screen,
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
    /// A timeline from a file, being played.
    pub(crate) replay: Option<Replay>,
    /// Which key does what.
    pub(crate) keys: Keymap,
    /// Clicks and the wheel come here, instead of selecting text in the terminal.
    pub(crate) mouse: bool,
    /// The help, while it lies over the screen.
    pub(crate) help: Option<Help>,
    /// The palette, while it lies over the screen.
    pub(crate) palette: Option<Palette>,
    /// A form, while it lies over the screen.
    pub(crate) form: Option<Form>,
    /// An invoice, a credit note or a mail, while it lies over the screen.
    pub(crate) paper: Option<DocumentView>,
    /// A question that must be answered first.
    pub(crate) question: Option<Question>,
}

impl Model {
    /// The client as it starts, before anything has been asked of the shop.
    pub(crate) fn new(settings: &Settings, now: Timestamp, new_id: fn() -> Uuid) -> Self {
        let basket_id = settings.basket.unwrap_or_else(|| storefront_api::OrderId(new_id()));
        Self {
            now,
            zone: jiff::tz::TimeZone::UTC,
            new_id,
            size: (80, 24),
            changed: true,
            embedded: false,
            open_to_network: false,
            actor: None,
            shop_url: None,
            mailbox_url: None,
            connection: Connection::Opening,
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
            help: None,
            palette: None,
            form: None,
            paper: None,
            question: None,
        }
    }

    /// What is worth keeping until the next start.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            basket: Some(self.basket.order_id),
            checking_out: self.checkout.watched(),
            screen: self.screen,
            product: self.shop.selected().map(|product| product.id.clone()).or_else(|| self.shop.wanted.clone()),
            theme: Some(self.theme),
            contact: self.checkout.contact(),
            payment: Some(self.checkout.payment().token.to_owned()),
            mouse: self.mouse,
            customer: self.account.customer,
            log: self.log_id,
        }
    }

    /// The command by which others join this shop, once it is found.
    pub(crate) fn join_command(&self) -> Option<String> {
        self.shop_url.as_ref().map(|url| format!("storefront --server {url}"))
    }

    /// The read models that the screen's lists come from.
    pub(crate) fn views_shown(&self) -> &'static [&'static str] {
        match self.screen {
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
                account::Part::Wallet | account::Part::Mailbox | account::Part::Profile => &[],
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

    /// The position that a list from some read models must have come to, so that it is not older than the news. Where one of
    /// them is paused, that is no more than where it stands: it answers as it is.
    pub(crate) fn min_position(&self, views: &[&str]) -> Option<u64> {
        let paused = self.paused.views.iter().filter(|view| views.contains(&view.name.as_str()));
        let position = paused.map(|view| view.position).fold(self.log.last_position, u64::min);
        Some(position).filter(|position| *position > 0)
    }

    /// The paused read model, of those that the screen shows, that stands furthest behind.
    pub(crate) fn stale_view(&self) -> Option<&PausedView> {
        let shown = self.views_shown();
        let of_screen = self.paused.views.iter().filter(|view| shown.contains(&view.name.as_str()));
        of_screen.min_by_key(|view| view.position)
    }

    /// What has the keyboard now.
    pub(crate) fn context(&self) -> Context {
        if self.question.is_some() {
            return Context::Confirm;
        }
        if self.help.is_some() || self.palette.is_some() {
            return Context::Help;
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

    /// What has the keyboard when nothing lies over the screen.
    pub(crate) fn screen_context(&self) -> Context {
        match self.screen {
            Screen::Shop if self.shop.typing => Context::Search,
            Screen::Shop => Context::Shop,
            Screen::Basket => Context::Basket,
            Screen::Checkout => match (&self.checkout.phase, self.checkout.focus) {
                (Phase::Watching(_), _) => Context::CheckoutProgress,
                (Phase::Form, Field::Payment) => Context::CheckoutPayment,
                (Phase::Form, _) => Context::CheckoutField,
            },
            Screen::Orders => Context::Orders,
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

    /// How the timeline is looked at.
    pub(crate) fn view(&self) -> TimelineView {
        self.order.as_ref().map_or(TimelineView::List, |open| open.view)
    }

    /// A product's name, where it is known; else its id.
    pub(crate) fn product_name(&self, id: &ProductId) -> String {
        let known = self.shop.items.iter().find(|(_, product)| product.id == *id);
        known.map_or_else(|| id.to_string(), |(_, product)| product.name.clone())
    }

    /// The key that is shown for an action on this screen.
    pub(crate) fn key(&self, action: Action) -> String {
        self.keys.label(self.screen_context(), action)
    }

    /// Says something for a few seconds.
    pub(crate) fn toast(&mut self, tone: Tone, text: impl Into<String>) {
        let seconds = match tone {
            Tone::Good | Tone::Plain => 4,
            Tone::Bad => 8,
        };
        let text = text.into();
        self.toasts.retain(|toast| toast.text != text);
        self.toasts.push(Toast { text, tone, until: self.in_ms(seconds * 1000) });
        let surplus = self.toasts.len().saturating_sub(TOASTS);
        self.toasts.drain(..surplus);
    }

    /// The moment so many milliseconds from now.
    pub(crate) fn in_ms(&self, delay_ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(self.now.unix_ms().saturating_add(delay_ms))
    }

    pub(crate) fn is_live(&self) -> bool {
        self.connection == Connection::Live
    }
}
