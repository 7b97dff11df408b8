//! The screen Counter: what the shopkeeper does.

mod stock;

use storefront_api::{Event, StockList};

use crate::state::counter::{Agreed, Request, Work};
use crate::state::{Failure, FieldWrong, Form, Model, Screen};
use crate::update::Effect;

pub(super) use stock::{ask_for_threshold, ask_to_adjust, ask_to_receive, toggle_only_low};

/// How long to gather changes before looking again.
const REFRESH_DELAY_MS: i64 = 150;
/// How long to wait after a failure.
const RETRY_DELAY_MS: i64 = 2_000;

/// Something to be fetched for this screen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Errand {
    Stock { sequence: u64, min_position: Option<u64> },
}

/// What was fetched.
#[derive(Debug)]
pub(crate) enum News {
    Stock { sequence: u64, result: Result<StockList, Failure> },
}

/// Asks for what the screen shows.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() {
        return Vec::new();
    }
    model.counter.refresh_at = None;
    stock::ask(model)
}

pub(super) fn on_news(model: &mut Model, news: News) -> Vec<Effect> {
    let failed = match news {
        News::Stock { sequence, result } => stock::on_stock(model, sequence, result),
    };
    if failed && model.is_live() {
        model.counter.refresh_at = Some(model.in_ms(RETRY_DELAY_MS));
    }
    Vec::new()
}

/// Moves the cursor.
pub(super) fn step(model: &mut Model, by: isize) {
    let stock = &mut model.counter.stock;
    let len = stock.shown().len();
    stock.list.step(by, len);
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    if model.counter.refresh_at.is_some_and(|at| at <= model.now) { ask(model) } else { Vec::new() }
}

/// Something happened in the shop: look again soon if it shows here, and remember what ran low.
pub(super) fn heard(model: &mut Model, event: &Event) {
    stock::heard(model, event);
    if model.screen == Screen::Counter && event.kind.starts_with("stock.") && model.counter.refresh_at.is_none() {
        model.counter.refresh_at = Some(model.in_ms(REFRESH_DELAY_MS));
    }
}

/// The screen is left: what showed has been seen.
pub(super) fn leave(model: &mut Model) {
    if model.screen == Screen::Counter {
        model.counter.stock.alarms.clear();
    }
}

/// What a filled-in form asks of the shop, or what is wrong with it.
pub(super) fn request(form: &Form, work: &Work) -> Result<Request, Vec<FieldWrong>> {
    match work {
        Work::Receive(id) => stock::receive(form, id),
        Work::Adjust(id) => stock::adjust(form, id),
        Work::SetThreshold(id) => stock::set_threshold(form, id),
    }
}

/// The shop did what a form asked for.
pub(super) fn agreed(model: &mut Model, work: &Work, agreed: Agreed) -> Vec<Effect> {
    match agreed {
        Agreed::Stock(item) => stock::agreed(model, work, item),
    }
    Vec::new()
}

/// A whole number as people type it, or what is wrong with it.
fn whole<T: std::str::FromStr>(form: &Form, pointer: &'static str, example: &str) -> Result<T, Vec<FieldWrong>> {
    let text = form.text(pointer);
    text.parse().map_err(|_| vec![(pointer, format!("a whole number, such as {example}"))])
}
