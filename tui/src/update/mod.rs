//! What a message changes, and what is to be done about it. Pure: `update` gets everything it needs in the message, the
//! time included, and asks for I/O by returning effects. Knows no runtime, no network and no terminal.

pub(crate) mod account;
mod actions;
mod basket;
mod checkout;
pub(crate) mod counter;
mod document;
mod feed;
mod form;
mod help;
pub(crate) mod lab;
mod order;
mod orders;
mod palette;
pub(crate) mod processes;
mod replay;
mod shop;
mod start_over;
#[cfg(test)]
pub(crate) mod tests;
mod timeline;
mod typing;

use storefront_api::{
    CategoryList, Checkout as CheckoutRequest, Event, Order, OrderDiff, OrderId, OrderListQuery, OrderNumber,
    OrderSummary, Page, Paused, ProductId, ProductPage, ProductQuery, Timeline, Timestamp,
};
use uuid::Uuid;

use crate::keys::{Action, Key};
use crate::settings::Settings;
use crate::state::{Agreed, Change, Connection, Failure, Model, Picture, Replay, Request, Screen, Tone};

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Msg {
    Key(Key),
    Paste(String),
    Resize {
        width: u16,
        height: u16,
    },
    /// A moment that [`next_deadline`] named has come.
    Tick,
    /// The shop's address is known; nothing has been asked of it yet.
    ShopFound {
        url: String,
        mailbox_url: Option<String>,
        embedded: bool,
        first_run: bool,
    },
    Feed(Feed),
    Products {
        sequence: u64,
        /// Which page, from 0, and whether it replaces what was there.
        page: usize,
        anew: bool,
        result: Result<ProductPage, Failure>,
    },
    Categories(Result<CategoryList, Failure>),
    Picture {
        id: ProductId,
        result: Result<Option<Picture>, Failure>,
    },
    Basket {
        id: OrderId,
        result: Result<Option<Order>, Failure>,
    },
    Changed {
        key: String,
        result: Result<Order, Failure>,
    },
    CheckedOut {
        key: String,
        result: Result<Order, Failure>,
    },
    Orders {
        sequence: u64,
        more: bool,
        result: Result<Page<OrderSummary>, Failure>,
    },
    Timeline {
        id: OrderId,
        result: Result<Timeline, Failure>,
    },
    Cancelled {
        key: String,
        result: Result<Order, Failure>,
    },
    /// What the event at a position changed.
    Diff {
        id: OrderId,
        position: u64,
        result: Result<OrderDiff, Failure>,
    },
    Diagram {
        id: OrderId,
        copy: bool,
        result: Result<String, Failure>,
    },
    /// The order of a number, if there is one.
    OrderFound {
        number: OrderNumber,
        result: Result<Option<OrderId>, Failure>,
    },
    /// A response for the screen Counter.
    Counter(counter::CounterResponse),
    /// The shop's word on a form.
    Submitted {
        key: String,
        result: Result<Agreed, Failure>,
    },
    Processes(processes::Response),
    Lab(lab::Response),
    Account(account::Response),
    /// A file was written: where, or why not.
    Saved(Result<String, String>),
    /// A timeline from a file is to be played.
    Replay(Replay),
    /// The mouse was pressed so many rows below the chosen line.
    Click {
        rows: i16,
    },
    /// The wheel was turned, by so many lines.
    Wheel {
        lines: i16,
    },
    /// The process is to end.
    Quit,
}

/// New events from the log.
#[derive(Debug)]
pub(crate) enum Feed {
    /// The newest events, after nothing was known; replaces what was.
    Loaded { events: Vec<Event> },
    /// What came after the last event.
    NewEvents { events: Vec<Event> },
    /// The shop answers again.
    Online,
    /// Which log it is (`None` while it is empty), and whether the shop has a lab.
    Shop { log: Option<Uuid>, lab: bool },
    /// Something was broken on purpose in the lab, or mended.
    SwitchThrown,
    /// This is paused now.
    Paused(Paused),
    /// The shop was started over: its log is another one.
    StartedOver,
    /// The shop does not answer: why.
    Offline(String),
}

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    FetchProducts {
        sequence: u64,
        page: usize,
        anew: bool,
        query: ProductQuery,
    },
    FetchCategories,
    FetchPicture(ProductId),
    FetchBasket(OrderId),
    SendChange {
        order_id: OrderId,
        key: String,
        change: Change,
    },
    CheckOut {
        order_id: OrderId,
        key: String,
        request: Box<CheckoutRequest>,
    },
    FetchOrders {
        sequence: u64,
        more: bool,
        query: OrderListQuery,
    },
    FetchTimeline {
        id: OrderId,
        after: u64,
    },
    CancelOrder {
        id: OrderId,
        key: String,
    },
    FetchDiff {
        id: OrderId,
        position: u64,
    },
    FetchDiagram {
        id: OrderId,
        copy: bool,
    },
    /// Ask for the order of a number.
    FindOrder(OrderNumber),
    /// Something to be fetched for the screen Counter.
    Counter(counter::CounterRequest),
    /// A filled-in form; the same key until there is a definite answer.
    Submit {
        key: String,
        request: Box<Request>,
    },
    Processes(processes::Request),
    Lab(lab::Request),
    /// Forget where the log was read to, and read it anew.
    FollowAnew,
    Account(account::Request),
    /// Put a text into the clipboard.
    Copy(String),
    /// Write a file of the working folder.
    Save {
        name: String,
        contents: Vec<u8>,
    },
    /// Keep what should outlive the client.
    Keep(Box<Settings>),
    Suspend,
    Redraw,
    Quit,
}

/// Changes the model by a message that arrived at `now`.
pub(crate) fn update(model: &mut Model, now: Timestamp, msg: Msg) -> Vec<Effect> {
    model.now = model.now.max(now);
    model.changed = true;
    let before = model.settings();
    let mut effects = match msg {
        Msg::Key(key) => on_key(model, key),
        Msg::Paste(text) => typing::on_paste(model, &text),
        Msg::Resize { width, height } => {
            model.size = (width, height);
            Vec::new()
        }
        Msg::Tick => on_tick(model),
        Msg::ShopFound { url, mailbox_url, embedded, first_run } => {
            model.shop_url = Some(url);
            model.mailbox_url = mailbox_url;
            model.embedded = embedded;
            if embedded && first_run {
                checkout::offer_demo(model);
            }
            if first_run {
                let keys =
                    [Action::Add, Action::CheckOut, Action::Help, Action::Palette].map(|action| model.key(action));
                let [add, check_out, help, palette] = keys;
                let join = model.join_command().map(|join| format!(" Others join with: {join}")).unwrap_or_default();
                model.toast(
                    Tone::Plain,
                    format!("Welcome. {add} puts things into the basket, {check_out} checks out, {help} lists all keys, {palette} finds what to do.{join}"),
                );
            }
            // The basket's id is kept from the start, so that it survives whatever happens.
            vec![Effect::Keep(Box::new(model.settings()))]
        }
        Msg::Feed(news) => feed::on_feed(model, news),
        Msg::Products { sequence, page, anew, result } => shop::on_products(model, sequence, (page, anew), result),
        Msg::Categories(result) => shop::on_categories(model, result),
        Msg::Picture { id, result } => shop::on_picture(model, id, result),
        Msg::Basket { id, result } => basket::on_basket(model, id, result),
        Msg::Changed { key, result } => basket::on_changed(model, &key, result),
        Msg::CheckedOut { key, result } => checkout::on_checked_out(model, &key, result),
        Msg::Orders { sequence, more, result } => orders::on_orders(model, sequence, more, result),
        Msg::Timeline { id, result } => {
            if let Ok(timeline) = &result {
                checkout::follow(model, &timeline.order);
            }
            order::on_timeline(model, id, result)
        }
        Msg::Cancelled { key, result } => order::on_cancelled(model, &key, result),
        Msg::Diff { id, position, result } => timeline::on_diff(model, id, position, result),
        Msg::Diagram { id, copy, result } => timeline::on_diagram(model, id, copy, result),
        Msg::OrderFound { number, result } => order::on_found(model, number, result),
        Msg::Counter(news) => counter::on_news(model, news),
        Msg::Submitted { key, result } => form::on_submitted(model, &key, result),
        Msg::Processes(news) => processes::on_news(model, news),
        Msg::Lab(news) => lab::on_news(model, news),
        Msg::Account(news) => account::on_news(model, news),
        Msg::Saved(result) => {
            match result {
                Ok(place) => model.toast(Tone::Good, format!("Saved as {place}")),
                Err(why) => model.toast(Tone::Bad, why),
            }
            Vec::new()
        }
        Msg::Replay(replay) => replay::start(model, replay),
        Msg::Click { rows } => actions::click(model, rows),
        Msg::Wheel { lines } => actions::step(model, lines.into()),
        Msg::Quit => vec![Effect::Quit],
    };
    effects.extend(timeline::fetch_what_is_missing(model));
    effects.extend(document::fetch_what_is_missing(model));
    effects.extend(shop::fetch_what_is_missing(model));
    effects.extend(counter::fetch_what_is_missing(model));
    let after = model.settings();
    if after != before {
        effects.push(Effect::Keep(Box::new(after)));
    }
    effects
}

/// When the model wants a [`Msg::Tick`]; `None`: not until something else happens.
pub(crate) fn next_deadline(model: &Model) -> Option<Timestamp> {
    let toasts = model.toasts.iter().map(|toast| toast.until);
    let submission = model.checkout.submission.as_ref().and_then(|submission| submission.retry_at);
    let ageing = match model.connection {
        Connection::Offline { .. } => Some(model.in_ms(1000)),
        Connection::Opening | Connection::Live => None,
    };
    [
        model.shop.search_at,
        model.shop.refresh_at,
        model.basket.retry_at,
        model.orders.refresh_at,
        submission,
        model.counter.refresh_at,
        model.form.as_ref().and_then(|form| form.sending.as_ref()).and_then(|sending| sending.retry_at),
        ageing,
        model.started_over.map(|known| known.until),
        order::next_tick(model),
        processes::next_tick(model),
        lab::next_tick(model),
        account::next_tick(model),
        model.replay.as_ref().and_then(|replay| replay.next_at),
    ]
    .into_iter()
    .flatten()
    .chain(toasts)
    .min()
}

/// Asks anew for everything that the screen shows.
pub(crate) fn refetch(model: &mut Model) -> Vec<Effect> {
    let mut effects = vec![Effect::FetchCategories];
    effects.extend(shop::ask(model));
    effects.extend(basket::ask(model));
    effects.extend(basket::send_next(model));
    effects.extend(checkout::send(model));
    effects.extend(form::send(model));
    effects.extend(order::ask(model));
    effects.extend(processes::on_return(model));
    effects.extend(lab::on_return(model));
    effects.extend(account::ask_again(model));
    effects.extend(match model.screen {
        Screen::Orders => orders::ask(model),
        Screen::Processes => processes::ask(model),
        Screen::Lab => lab::ask(model),
        Screen::Counter => counter::ask(model),
        Screen::Account => account::ask(model),
        Screen::Shop | Screen::Basket | Screen::Checkout | Screen::Order | Screen::Log | Screen::Replay => Vec::new(),
    });
    effects
}

fn on_tick(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    model.toasts.retain(|toast| toast.until > now);
    model.started_over = model.started_over.filter(|known| known.until > now);
    let mut effects = shop::on_tick(model);
    effects.extend(basket::on_tick(model));
    effects.extend(checkout::on_tick(model));
    effects.extend(orders::on_tick(model));
    effects.extend(counter::on_tick(model));
    effects.extend(form::on_tick(model));
    effects.extend(processes::on_tick(model));
    effects.extend(lab::on_tick(model));
    effects.extend(account::on_tick(model));
    replay::on_tick(model);
    effects
}

fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
    let context = model.context();
    if let Some(action) = model.keys.action(context, key) {
        return actions::act(model, action);
    }
    if context.takes_text() { typing::on_key(model, key) } else { Vec::new() }
}

/// How long to wait before the next attempt: 0.2 s, then twice as long each time, at most 5 s; the last part is spread
/// by `seed`, so that many clients do not come at once.
pub(crate) fn backoff_ms(retries: u32, seed: u128) -> i64 {
    let full = 200_i64.saturating_mul(1 << retries.min(5)).min(5_000);
    let spread = i64::try_from(seed % 256).unwrap_or(0);
    full - full / 4 * spread / 256
}

/// A new key for one intention.
fn new_key(model: &Model) -> String {
    (model.new_id)().to_string()
}

/// Says why something that the shopper asked for did not happen.
fn refuse(model: &mut Model, failure: &Failure) {
    model.toast(Tone::Bad, failure.sentence().to_owned());
}
