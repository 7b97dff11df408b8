//! The screen Counter: what the shopkeeper does, in five parts.

mod charges;
mod dispatch;
mod products;
mod sales;
mod stock;

use storefront_api::{
    Event, OrderListQuery, OrderSummary, Page, Product, ProductQuery, ProductServiceState, StockItem, UnmatchedCharges,
};

use crate::state::counter::{Agreed, Figures, Part, Request, Work};
use crate::state::{Ask, Failure, FieldWrong, Form, Model, Screen};
use crate::update::Effect;

pub(super) use dispatch::{ask_to_change_email, ask_to_deliver, ask_to_ship, next_status, open_order};
pub(super) use products::{
    ask_for_new, ask_to_confirm_withdrawals, ask_to_describe, ask_to_reprice, ask_to_withdraw_or_relist,
    toggle_withdrawn,
};
pub(super) use stock::{ask_for_threshold, ask_to_adjust, ask_to_count, ask_to_receive};

/// How long to gather changes before looking again.
const REFRESH_DELAY_MS: i64 = 150;
/// The same for the sales, which take more requests.
const SALES_DELAY_MS: i64 = 1_000;
/// How long to wait for the next letter before asking.
const SEARCH_DELAY_MS: i64 = 80;
/// How long to wait after a failure.
const RETRY_DELAY_MS: i64 = 2_000;

/// Something to be fetched for this screen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CounterRequest {
    Stock { sequence: u64, min_position: Option<u64> },
    Products { ask: Ask, query: Box<ProductQuery> },
    Orders { ask: Ask, query: Box<OrderListQuery> },
    Sales { sequence: u64, min_position: Option<u64> },
    Charges { sequence: u64 },
}

/// What was fetched.
#[derive(Debug)]
pub(crate) enum CounterResponse {
    Stock { sequence: u64, result: Result<Page<StockItem>, Failure> },
    Products { ask: Ask, result: Result<Page<Product>, Failure>, service: Option<ProductServiceState> },
    Orders { ask: Ask, result: Result<Page<OrderSummary>, Failure> },
    Sales { sequence: u64, result: Result<Box<Figures>, Failure> },
    Charges { sequence: u64, result: Result<UnmatchedCharges, Failure> },
}

/// Asks for what the screen shows.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() {
        return Vec::new();
    }
    let min_position = model.min_position(model.views_shown());
    let counter = &mut model.counter;
    counter.refresh_at = None;
    vec![Effect::Counter(match counter.part {
        Part::Stock => {
            counter.stock.sequence += 1;
            CounterRequest::Stock { sequence: counter.stock.sequence, min_position }
        }
        Part::Products => {
            let ask = counter.products.list.ask();
            let query = counter.products.query(ask.cursor.clone(), min_position);
            CounterRequest::Products { ask, query: Box::new(query) }
        }
        Part::Orders => {
            let ask = counter.orders.list.ask();
            let query = counter.orders.query(ask.cursor.clone(), min_position);
            CounterRequest::Orders { ask, query: Box::new(query) }
        }
        Part::Sales => {
            counter.sales.sequence += 1;
            CounterRequest::Sales { sequence: counter.sales.sequence, min_position }
        }
        Part::Charges => {
            counter.charges.sequence += 1;
            CounterRequest::Charges { sequence: counter.charges.sequence }
        }
    })]
}

/// Asks for the pages near the cursor that are not there, one after another.
pub(super) fn fetch_what_is_missing(model: &mut Model) -> Vec<Effect> {
    if model.screen != Screen::Counter || !model.is_live() {
        return Vec::new();
    }
    let counter = &mut model.counter;
    let errand = match counter.part {
        Part::Products => counter.products.list.ask_for_more().map(|ask| {
            let query = counter.products.query(ask.cursor.clone(), None);
            CounterRequest::Products { ask, query: Box::new(query) }
        }),
        Part::Orders => counter.orders.list.ask_for_more().map(|ask| {
            let query = counter.orders.query(ask.cursor.clone(), None);
            CounterRequest::Orders { ask, query: Box::new(query) }
        }),
        Part::Stock | Part::Sales | Part::Charges => None,
    };
    errand.map(Effect::Counter).into_iter().collect()
}

pub(super) fn on_news(model: &mut Model, news: CounterResponse) -> Vec<Effect> {
    let counter = &mut model.counter;
    let lost = match news {
        CounterResponse::Stock { sequence, result } => stock::on_stock(&mut counter.stock, sequence, result),
        CounterResponse::Products { ask, result, service } => {
            if service.is_some() {
                counter.products.service = service;
            }
            counter.products.list.put(&ask, result, |product: &Product| product.id.clone())
        }
        CounterResponse::Orders { ask, result } => {
            counter.orders.list.put(&ask, result, |order: &OrderSummary| order.id)
        }
        CounterResponse::Sales { sequence, result } => sales::on_sales(&mut counter.sales, sequence, result),
        CounterResponse::Charges { sequence, result } => charges::on_charges(&mut counter.charges, sequence, result),
    };
    if lost && model.is_live() {
        model.counter.refresh_at = Some(model.in_ms(RETRY_DELAY_MS));
    }
    Vec::new()
}

/// Goes to another part.
pub(super) fn step_part(model: &mut Model, by: isize) -> Vec<Effect> {
    leave(model);
    model.counter.part = model.counter.part.step(by);
    ask(model)
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

/// The id of what is chosen.
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

/// Begins to give money back: of the chosen order, or a chosen charge.
pub(super) fn ask_to_refund(model: &mut Model) {
    if model.screen == Screen::Counter && model.counter.part == Part::Charges {
        return charges::ask_to_refund(model);
    }
    dispatch::ask_to_refund(model);
}

/// Begins to type a search, where the part has one.
pub(super) fn search(model: &mut Model) {
    model.counter.typing = model.counter.search().is_some();
}

/// Something was typed into the search: ask when the typing pauses.
pub(super) fn searched(model: &mut Model) {
    match model.counter.part {
        Part::Products => model.counter.products.list.start_over(),
        Part::Orders => model.counter.orders.list.start_over(),
        Part::Stock | Part::Sales | Part::Charges => {}
    }
    model.counter.refresh_at = Some(model.in_ms(SEARCH_DELAY_MS));
}

/// Takes the search off and leaves its field.
pub(super) fn clear_search(model: &mut Model) {
    model.counter.typing = false;
    let was_empty = model.counter.search().is_none_or(|search| search.value().is_empty());
    if let Some(search) = model.counter.search_mut()
        && !was_empty
    {
        search.reset();
        searched(model);
    }
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    if model.counter.refresh_at.is_some_and(|at| at <= model.now) { ask(model) } else { Vec::new() }
}

/// Something happened in the shop: look again soon if it shows here, and remember what ran low.
pub(super) fn heard(model: &mut Model, event: &Event) {
    stock::heard(model, event);
    if model.screen != Screen::Counter || model.counter.refresh_at.is_some() {
        return;
    }
    let (contexts, delay_ms): (&[&str], i64) = match model.counter.part {
        Part::Stock => (&["stock."], REFRESH_DELAY_MS),
        Part::Products => (&["product.", "stock.", "withdrawals."], REFRESH_DELAY_MS),
        Part::Orders => (&["order.", "payment."], REFRESH_DELAY_MS),
        Part::Sales => (&["order.", "payment."], SALES_DELAY_MS),
        // Every look asks the card gateway: only for what changes the list.
        Part::Charges => (&["payment.found"], REFRESH_DELAY_MS),
    };
    if contexts.iter().any(|context| event.kind.starts_with(context)) {
        model.counter.refresh_at = Some(model.in_ms(delay_ms));
    }
}

/// Another log may stand behind the shop: what ran low in the old one is of no matter.
pub(super) fn forget(model: &mut Model) {
    model.counter.stock.alarms.clear();
}

/// The part or the screen is left: what showed has been seen.
pub(super) fn leave(model: &mut Model) {
    model.counter.typing = false;
    if model.screen == Screen::Counter && model.counter.part == Part::Stock {
        model.counter.stock.alarms.clear();
    }
}

/// What a filled-in form asks of the shop, or what is wrong with it.
pub(super) fn request(form: &Form, work: &Work) -> Result<Request, Vec<FieldWrong>> {
    match work {
        Work::Receive(id) => stock::receive(form, id),
        Work::Adjust(id) => stock::adjust(form, id),
        Work::Count(id) => stock::count(form, id),
        Work::SetThreshold(id) => stock::set_threshold(form, id),
        Work::Reprice(id, currency) => products::reprice(form, id, *currency),
        Work::Withdraw(id) => Ok(Request::Withdraw(id.clone())),
        Work::Relist(id) => Ok(Request::Relist(id.clone())),
        Work::Describe(was) => products::describe(form, was),
        Work::Create(currency) => products::create(form, *currency),
        Work::Ship(id) => dispatch::ship(form, *id),
        Work::Deliver(id) => Ok(dispatch::deliver(form, *id)),
        Work::ConfirmWithdrawals => Ok(Request::ConfirmWithdrawals),
        Work::RefundCharge(reference) => Ok(Request::RefundCharge(reference.clone())),
        Work::ChangeEmail(id) => dispatch::change_email(form, *id),
        Work::Refund(id, currency) => dispatch::refund(form, *id, *currency),
    }
}

/// The shop did what a form asked for.
pub(super) fn agreed(model: &mut Model, work: &Work, agreed: Agreed) -> Vec<Effect> {
    match agreed {
        Agreed::Stock(item) => stock::agreed(model, work, item),
        Agreed::Product(product) => products::agreed(model, work, &product),
        Agreed::Withdrawals(withdrawn) => products::withdrawn(model, withdrawn),
        Agreed::Payment(payment) => charges::refunded(model, &payment),
        Agreed::Order(order) => return dispatch::agreed(model, work, *order),
    }
    if model.screen == Screen::Counter { ask(model) } else { Vec::new() }
}

/// A whole number as people type it, or what is wrong with it.
fn whole<T: std::str::FromStr>(form: &Form, pointer: &'static str, example: &str) -> Result<T, Vec<FieldWrong>> {
    let text = form.text(pointer);
    text.parse().map_err(|_| vec![(pointer, format!("a whole number, such as {example}"))])
}
