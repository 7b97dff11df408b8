//! The screen Counter: dispatches to its five parts and keeps them up to date.

mod charges;
mod dispatch;
mod products;
mod sales;
mod stock;

use storefront_api::{Event, OrderSummary, Page, Product, ProductServiceState};

use crate::state::counter::{Accepted, CounterForm, CounterRequest, Part};
use crate::state::{Failure, Form, InvalidField, Model, PageRequest, Screen};
use crate::update::{Effect, Request};

pub(super) use charges::on_charges;
pub(super) use dispatch::{ask_to_change_email, ask_to_deliver, ask_to_ship, next_status, open_order};
pub(super) use products::{
    ask_for_new, ask_to_confirm_withdrawals, ask_to_describe, ask_to_reprice, ask_to_withdraw_or_relist,
    toggle_withdrawn,
};
pub(super) use sales::on_sales;
pub(super) use stock::{ask_for_threshold, ask_to_adjust, ask_to_count, ask_to_receive, on_stock};

/// Delay before a changed list is fetched again, to gather changes.
const REFRESH_DELAY_MS: i64 = 150;
/// The same for sales, which need more requests.
const SALES_DELAY_MS: i64 = 1_000;
/// Delay after the last typed letter before a search.
const SEARCH_DELAY_MS: i64 = 80;
/// Delay before a retry after a failure.
const RETRY_DELAY_MS: i64 = 2_000;

/// Fetches what the screen shows.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() {
        return Vec::new();
    }
    let min_position = model.min_position(model.views_of(Screen::Counter));
    let counter = &mut model.counter;
    counter.refresh_at = None;
    vec![Effect::Request(match counter.part {
        Part::Stock => {
            counter.stock.sequence += 1;
            Request::Stock { sequence: counter.stock.sequence, min_position }
        }
        Part::Products => {
            let ask = counter.products.list.ask();
            let query = counter.products.query(ask.cursor.clone(), min_position);
            Request::CounterProducts { ask, query }
        }
        Part::Orders => {
            let ask = counter.orders.list.ask();
            let query = counter.orders.query(ask.cursor.clone(), min_position);
            Request::CounterOrders { ask, query }
        }
        Part::Sales => {
            counter.sales.sequence += 1;
            Request::Sales { sequence: counter.sales.sequence, min_position }
        }
        Part::Charges => {
            counter.charges.sequence += 1;
            Request::Charges { sequence: counter.charges.sequence }
        }
    })]
}

/// Fetches missing pages near the cursor, one after another.
pub(super) fn fetch_missing(model: &mut Model) -> Vec<Effect> {
    if !model.shows(Screen::Counter) || !model.is_live() {
        return Vec::new();
    }
    let counter = &mut model.counter;
    let request = match counter.part {
        Part::Products => counter.products.list.ask_for_more().map(|ask| {
            let query = counter.products.query(ask.cursor.clone(), None);
            Request::CounterProducts { ask, query }
        }),
        Part::Orders => counter.orders.list.ask_for_more().map(|ask| {
            let query = counter.orders.query(ask.cursor.clone(), None);
            Request::CounterOrders { ask, query }
        }),
        Part::Stock | Part::Sales | Part::Charges => None,
    };
    request.map(Effect::Request).into_iter().collect()
}

pub(super) fn on_products(
    model: &mut Model,
    ask: &PageRequest,
    result: Result<Page<Product>, Failure>,
    service: Option<ProductServiceState>,
) -> Vec<Effect> {
    let products = &mut model.counter.products;
    products.service = service.or(products.service.take());
    let lost = products.list.put(ask, result, |product| product.id.clone());
    retry_later(model, lost)
}

pub(super) fn on_orders(
    model: &mut Model,
    ask: &PageRequest,
    result: Result<Page<OrderSummary>, Failure>,
) -> Vec<Effect> {
    let lost = model.counter.orders.list.put(ask, result, |order| order.id);
    retry_later(model, lost)
}

/// Schedules the next request after a failure, unless the shop is away: then its return is the occasion.
fn retry_later(model: &mut Model, lost: bool) -> Vec<Effect> {
    if lost && model.is_live() {
        model.counter.refresh_at = Some(model.in_ms(RETRY_DELAY_MS));
    }
    Vec::new()
}

/// Opens another part.
pub(super) fn step_part(model: &mut Model, by: isize) -> Vec<Effect> {
    leave(model);
    model.counter.part = model.counter.part.step(by);
    fetch(model)
}

/// Moves the cursor.
pub(super) fn step(model: &mut Model, by: isize) {
    let (_, len) = model.counter.place();
    let counter = &mut model.counter;
    match counter.part {
        Part::Stock => counter.stock.list.step(by, len),
        Part::Products => counter.products.list.step(by),
        Part::Orders => counter.orders.list.step(by),
        Part::Sales => counter.sales.scroll = counter.sales.scroll.saturating_add_signed(by).min(len.saturating_sub(1)),
        Part::Charges => counter.charges.list.step(by, len),
    }
}

/// The id of the selected line.
pub(super) fn chosen_id(model: &Model) -> Option<String> {
    let counter = &model.counter;
    match counter.part {
        Part::Stock => counter.stock.selected().map(|item| item.product_id.to_string()),
        Part::Products => counter.products.list.selected().map(|product| product.id.to_string()),
        Part::Orders => counter.orders.list.selected().map(|order| order.id.to_string()),
        Part::Charges => counter.charges.selected().map(|charge| charge.reference.clone()),
        Part::Sales => None,
    }
}

/// Opens the refund form for the selected order or charge.
pub(super) fn ask_to_refund(model: &mut Model) {
    if model.screen == Screen::Counter && model.counter.part == Part::Charges {
        return charges::ask_to_refund(model);
    }
    dispatch::ask_to_refund(model);
}

/// Starts typing a search, where the part has one.
pub(super) fn search(model: &mut Model) {
    model.counter.typing = model.counter.search().is_some();
}

/// Schedules a search for when the typing pauses.
pub(super) fn on_search_typed(model: &mut Model) {
    match model.counter.part {
        Part::Products => model.counter.products.list.start_over(),
        Part::Orders => model.counter.orders.list.start_over(),
        Part::Stock | Part::Sales | Part::Charges => {}
    }
    model.counter.refresh_at = Some(model.in_ms(SEARCH_DELAY_MS));
}

/// Clears the search and leaves its field.
pub(super) fn clear_search(model: &mut Model) {
    model.counter.typing = false;
    let was_empty = model.counter.search().is_none_or(|search| search.value().is_empty());
    if let Some(search) = model.counter.search_mut()
        && !was_empty
    {
        search.reset();
        on_search_typed(model);
    }
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    if model.counter.refresh_at.is_some_and(|at| at <= model.now) { fetch(model) } else { Vec::new() }
}

/// Schedules a fetch when an event changes what is shown, and records low stock.
pub(super) fn on_event(model: &mut Model, event: &Event) {
    stock::on_event(model, event);
    if !model.shows(Screen::Counter) || model.counter.refresh_at.is_some() {
        return;
    }
    let (contexts, delay_ms): (&[&str], i64) = match model.counter.part {
        Part::Stock => (&["stock."], REFRESH_DELAY_MS),
        Part::Products => (&["product.", "stock.", "withdrawals."], REFRESH_DELAY_MS),
        Part::Orders => (&["order.", "payment."], REFRESH_DELAY_MS),
        Part::Sales => (&["order.", "payment."], SALES_DELAY_MS),
        // Every fetch asks the card gateway, so only for events that change the list.
        Part::Charges => (&["payment.found"], REFRESH_DELAY_MS),
    };
    if contexts.iter().any(|context| event.kind.starts_with(context)) {
        model.counter.refresh_at = Some(model.in_ms(delay_ms));
    }
}

/// Clears the alarms: they belong to another log.
pub(super) fn forget(model: &mut Model) {
    model.counter.stock.alarms.clear();
}

/// Clears the alarms that were shown when the part or the screen is left.
pub(super) fn leave(model: &mut Model) {
    model.counter.typing = false;
    if model.screen == Screen::Counter && model.counter.part == Part::Stock {
        model.counter.stock.alarms.clear();
    }
}

/// Builds the request of a form, or returns its invalid fields.
pub(super) fn request(form: &Form, work: &CounterForm) -> Result<CounterRequest, Vec<InvalidField>> {
    match work {
        CounterForm::Receive(id) => stock::receive(form, id),
        CounterForm::Adjust(id) => stock::adjust(form, id),
        CounterForm::Count(id) => stock::count(form, id),
        CounterForm::SetThreshold(id) => stock::set_threshold(form, id),
        CounterForm::Reprice(id, currency) => products::reprice(form, id, *currency),
        CounterForm::Withdraw(id) => Ok(CounterRequest::Withdraw(id.clone())),
        CounterForm::Relist(id) => Ok(CounterRequest::Relist(id.clone())),
        CounterForm::Describe(was) => products::describe(form, was),
        CounterForm::Create(currency) => products::create(form, *currency),
        CounterForm::Ship(id) => dispatch::ship(form, *id),
        CounterForm::Deliver(id) => Ok(dispatch::deliver(form, *id)),
        CounterForm::ConfirmWithdrawals => Ok(CounterRequest::ConfirmWithdrawals),
        CounterForm::RefundCharge(reference) => Ok(CounterRequest::RefundCharge(reference.clone())),
        CounterForm::ChangeEmail(id) => dispatch::change_email(form, *id),
        CounterForm::Refund(id, currency) => dispatch::refund(form, *id, *currency),
    }
}

/// Handles an accepted form.
pub(super) fn accepted(model: &mut Model, work: &CounterForm, accepted: Accepted) -> Vec<Effect> {
    match accepted {
        Accepted::Stock(item) => stock::accepted(model, work, item),
        Accepted::Product(product) => products::accepted(model, work, &product),
        Accepted::Withdrawals(withdrawn) => products::withdrawn(model, withdrawn),
        Accepted::Payment(payment) => charges::refunded(model, &payment),
        Accepted::Order(order) => return dispatch::accepted(model, work, *order),
    }
    if model.shows(Screen::Counter) { fetch(model) } else { Vec::new() }
}

/// Parses a typed whole number.
fn whole<T: std::str::FromStr>(form: &Form, pointer: &'static str, example: &str) -> Result<T, Vec<InvalidField>> {
    let text = form.text(pointer);
    text.parse().map_err(|_| vec![(pointer, format!("a whole number, such as {example}"))])
}
