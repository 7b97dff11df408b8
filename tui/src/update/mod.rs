//! The client's state transitions: `update` changes the model by a message and returns effects. Pure: everything it
//! needs is in the message, the time included. Knows no runtime, no network and no terminal.

mod account;
mod actions;
mod addresses;
mod basket;
mod checkout;
mod counter;
mod document;
mod feed;
mod find;
mod form;
mod help;
mod lab;
mod navigation;
mod order;
mod orders;
mod palette;
mod panes;
mod pictures;
mod preferences;
mod processes;
mod replay;
mod request;
mod session;
mod shop;
mod start_over;
#[cfg(test)]
pub(crate) mod tests;
mod timeline;
mod typing;

use storefront_api::{CustomerId, Event, Paused, Role, SignedIn, Timestamp};
use uuid::Uuid;

use crate::keys::{Action, Key};
use crate::preferences::Preferences;
use crate::settings::Settings;
use crate::state::session::FirstOperator;
use crate::state::{Connection, Failure, Hit, Model, Replay, Tone};

pub(crate) use request::{FileKind, Request, Response};

/// An input of the client.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, moved once")]
pub(crate) enum Msg {
    Key(Key),
    Paste(String),
    Resize {
        width: u16,
        height: u16,
    },
    /// A time that [`next_deadline`] returned has come.
    Tick,
    /// The shop's URL is known; no request has been sent yet.
    ShopFound {
        url: String,
        mailbox_url: Option<String>,
        embedded: bool,
        first_run: bool,
    },
    /// The embedded shop has an operator who has not signed in yet.
    FirstOperatorFound(FirstOperator),
    Feed(Feed),
    Response(Response),
    /// A file was written (its path), or not (why).
    Saved(Result<String, String>),
    /// Basket, settings or session could not be kept, with the reason.
    NotKept(String),
    /// The replay of a file starts.
    Replay(Replay),
    Click(Hit),
    /// The mouse wheel was turned by `lines`.
    Wheel {
        lines: i16,
    },
    /// The process is to quit.
    Quit,
}

/// What the feed of the log reports.
#[derive(Debug)]
pub(crate) enum Feed {
    /// The newest events, without known ones before; replaces all events.
    Loaded { events: Vec<Event> },
    /// Events after the last known one.
    NewEvents { events: Vec<Event> },
    /// The shop is reachable again.
    Online,
    /// The log's id (`None` while it is empty), and whether the shop has a lab.
    Shop { log: Option<Uuid>, lab: bool },
    /// A fault switch of the lab was changed.
    SwitchThrown,
    /// The shop wants a session for its log: there is none, or it does not take this one.
    SessionWanted {
        /// Whether a token was refused.
        refused: bool,
    },
    /// What is paused has changed.
    Paused(Paused),
    /// Why the shop cannot do its work, though it answers; empty when it can.
    Unfit(Vec<String>),
    /// The shop was started over with another log.
    StartedOver,
    /// The shop is not reachable, with the reason.
    Offline(String),
}

/// An effect for the driver.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Sends a request to the shop.
    Request(Request),
    /// Reads the log again from its newest events.
    FollowAnew,
    /// Reads the log again as somebody else, who sees other events of it.
    FollowAs,
    /// Asks the shop now whether it can do its work.
    Examine,
    /// Copies a text to the clipboard.
    Copy(String),
    /// Writes a file into the working folder.
    Save {
        name: String,
        contents: Vec<u8>,
    },
    /// Stores the settings.
    Keep(Box<Settings>),
    /// Stores the session; `None` while nobody is signed in.
    KeepSession(Option<Box<SignedIn>>),
    /// Writes what was chosen to the configuration file.
    Configure(Preferences),
    Suspend,
    Redraw,
    Quit,
}

/// Changes the model by a message that arrived at `now`.
pub(crate) fn update(model: &mut Model, now: Timestamp, msg: Msg) -> Vec<Effect> {
    model.now = model.now.max(now);
    model.changed = true;
    let before = model.settings();
    let token = model.account.session.as_ref().map(|session| session.token.clone());
    let reader = reader(model);
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
            // The basket's id is stored from the start, so that it survives a crash.
            vec![Effect::Keep(Box::new(model.settings()))]
        }
        Msg::FirstOperatorFound(operator) => {
            model.first_operator = Some(operator);
            Vec::new()
        }
        Msg::Feed(feed) => feed::on_feed(model, feed),
        Msg::Response(response) => on_response(model, response),
        Msg::Saved(result) => {
            match result {
                Ok(place) => model.toast(Tone::Good, format!("Saved as {place}")),
                Err(why) => model.toast(Tone::Bad, why),
            }
            Vec::new()
        }
        Msg::NotKept(why) => {
            model.toast(Tone::Bad, why);
            Vec::new()
        }
        Msg::Replay(replay) => replay::start(model, replay),
        Msg::Click(hit) => actions::click(model, hit),
        Msg::Wheel { lines } => actions::wheel(model, lines),
        Msg::Quit => vec![Effect::Quit],
    };
    effects.extend(timeline::fetch_missing(model));
    effects.extend(document::fetch_missing(model));
    effects.extend(shop::fetch_missing(model));
    effects.extend(pictures::fetch_missing(model));
    effects.extend(orders::fetch_missing(model));
    effects.extend(counter::fetch_missing(model));
    effects.extend(account::fetch_missing(model));
    effects.extend(session::renew(model));
    if model.secured {
        // What the one before has seen is not for the next. While nobody may read the log, there is nothing to follow.
        let now = self::reader(model);
        if now.is_some() && now != reader {
            effects.push(Effect::FollowAs);
        }
        let operator = model.account.is_operator();
        effects.retain(|effect| !matches!(effect, Effect::Request(request) if !operator && request.is_for_operators()));
    }
    let session = model.account.session.as_ref();
    if session.map(|session| &session.token) != token.as_ref() {
        effects.push(Effect::KeepSession(session.cloned().map(Box::new)));
    }
    let after = model.settings();
    if after != before {
        effects.push(Effect::Keep(Box::new(after)));
    }
    effects
}

/// Who reads the log in a shop where everybody needs a session.
fn reader(model: &Model) -> Option<(CustomerId, Role)> {
    model.account.session.as_ref().map(|session| (session.customer_id, session.role))
}

/// Takes in the response to a request.
fn on_response(model: &mut Model, response: Response) -> Vec<Effect> {
    let mut effects = match &response {
        Response::Changed { result: Err(failure), .. }
        | Response::CheckedOut { result: Err(failure), .. }
        | Response::Submitted { result: Err(failure), .. } => suspect(model, failure),
        _ => Vec::new(),
    };
    if response.is_session_over() {
        session::suspect(model);
    }
    effects.extend(match response {
        Response::Products { ask, result } => shop::on_products(model, &ask, result),
        Response::Categories { result } => shop::on_categories(model, result),
        Response::Picture { id, result } => pictures::on_picture(model, id, result),
        Response::Found { sequence, result } => palette::on_found(model, sequence, result),
        Response::OrderFound { number, result } => order::on_found(model, number, result),
        Response::Basket { id, result } => basket::on_basket(model, id, result),
        Response::Changed { key, result } => basket::on_changed(model, &key, result),
        Response::CheckedOut { key, result } => checkout::on_checked_out(model, &key, result),
        Response::Submitted { key, result } => form::on_submitted(model, &key, result),
        Response::Orders { ask, result } => orders::on_orders(model, &ask, result),
        Response::Timeline { id, result } => {
            if let Ok(timeline) = &result {
                checkout::follow(model, &timeline.order);
            }
            order::on_timeline(model, id, result)
        }
        Response::Cancelled { key, result } => order::on_cancelled(model, &key, result),
        Response::Diff { id, position, result } => timeline::on_diff(model, id, position, result),
        Response::Diagram { id, copy, result } => timeline::on_diagram(model, id, copy, result),
        Response::OrderDocuments { order, result } => document::on_papers(model, order, result),
        Response::Registered { key, result } => account::on_registered(model, &key, result),
        Response::Guest { result } => session::on_guest(model, result),
        Response::Renewed { key, result } => session::on_renewed(model, &key, result),
        Response::Me { customer, result } => session::on_me(model, customer, result),
        Response::Sessions { ask, result } => {
            account::on_page(model, |account| &mut account.sessions, &ask, result, |session| session.id)
        }
        Response::Addresses { ask, result } => {
            account::on_page(model, |account| &mut account.addresses, &ask, result, |address| address.id)
        }
        Response::Wallet { customer, result } => account::on_wallet(model, customer, result),
        Response::Movements { ask, result } => {
            account::on_page(model, |account| &mut account.movements, &ask, result, |movement| movement.version)
        }
        Response::Vouchers { ask, result } => {
            account::on_page(model, |account| &mut account.vouchers, &ask, result, |voucher| voucher.code.clone())
        }
        Response::Invoices { ask, result } => {
            account::on_page(model, |account| &mut account.invoices, &ask, result, |invoice| invoice.number.clone())
        }
        Response::Mails { ask, result } => account::on_mails(model, &ask, result),
        Response::DocumentText { number, result } => document::on_text(model, &number, result),
        Response::DocumentFile { number, kind, result } => document::on_file(model, &number, kind, result),
        Response::Processes { result } => processes::on_fetched(model, result),
        Response::Parked { process, result } => processes::on_parked(model, process, result),
        Response::Controlled { key, result } => processes::on_controlled(model, &key, result),
        Response::Scenarios { result } => lab::on_scenarios(model, result),
        Response::Faults { result } => lab::on_faults(model, result),
        Response::Played { name, result } => lab::on_played(model, &name, result),
        Response::Broken { stub, result } => lab::on_broken(model, stub, result),
        Response::Reset { result } => lab::on_reset(model, result),
        Response::Stock { sequence, result } => counter::on_stock(model, sequence, result),
        Response::CounterProducts { ask, result, service } => counter::on_products(model, &ask, result, service),
        Response::CounterOrders { ask, result } => counter::on_orders(model, &ask, result),
        Response::Sales { sequence, result } => counter::on_sales(model, sequence, result),
        Response::Charges { sequence, result } => counter::on_charges(model, sequence, result),
    });
    effects
}

/// The next time at which the model needs a [`Msg::Tick`]; `None` when it needs none.
pub(crate) fn next_deadline(model: &Model) -> Option<Timestamp> {
    let toasts = model.toasts.iter().map(|toast| toast.until);
    let submission = model.checkout.submission.as_ref().and_then(|submission| submission.retry_at);
    let ageing = match model.connection {
        Connection::Offline { .. } => Some(model.in_ms(if model.reduced_motion { 60_000 } else { 1_000 })),
        Connection::Opening | Connection::Live => None,
    };
    [
        model.shop.search_at,
        model.shop.products.refresh_at,
        model.basket.retry_at,
        model.orders.list.refresh_at,
        submission,
        model.counter.refresh_at,
        model.form.as_ref().and_then(|form| form.sending.as_ref()).and_then(|sending| sending.retry_at),
        ageing,
        model.started_over.map(|known| known.until),
        model.palette.as_ref().and_then(|palette| palette.search_at),
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

/// Fetches everything that the screen shows again.
pub(crate) fn refetch(model: &mut Model) -> Vec<Effect> {
    let mut effects = vec![Effect::Request(Request::Categories)];
    effects.extend(shop::fetch(model));
    effects.extend(basket::fetch(model));
    effects.extend(basket::send_next(model));
    effects.extend(checkout::send(model));
    effects.extend(form::send(model));
    effects.extend(order::fetch(model));
    effects.extend(processes::on_reconnect(model));
    effects.extend(lab::on_reconnect(model));
    effects.extend(account::refetch(model));
    let beside = model.beside(model.size.0);
    for screen in [Some(model.screen), beside].into_iter().flatten() {
        effects.extend(navigation::fetch_screen(model, screen));
    }
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
    effects.extend(palette::on_tick(model));
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

/// Delay before the next attempt in milliseconds: 200, doubling up to 5,000. `seed` takes up to a quarter off, so that
/// many clients do not retry at once.
pub(crate) fn backoff_ms(retries: u32, seed: u128) -> i64 {
    let full = 200_i64.saturating_mul(1 << retries.min(5)).min(5_000);
    let spread = i64::try_from(seed % 256).unwrap_or(0);
    full - full / 4 * spread / 256
}

/// Creates an idempotency key.
fn new_key(model: &Model) -> String {
    (model.new_id)().to_string()
}

/// Shows why a request was refused.
fn refuse(model: &mut Model, failure: &Failure) {
    model.toast(Tone::Bad, failure.sentence().to_owned());
}

/// Notes that the shop cannot do its work, when that is why a write was refused, and has it asked what is the matter.
fn suspect(model: &mut Model, failure: &Failure) -> Vec<Effect> {
    match failure {
        Failure::Refused(problem) if problem.code == "log_unavailable" => {
            if model.unfit.is_empty() {
                model.unfit = vec![failure.sentence().to_owned()];
            }
            vec![Effect::Examine]
        }
        Failure::Refused(_) | Failure::Unreachable(_) | Failure::Unexpected(_) => Vec::new(),
    }
}
