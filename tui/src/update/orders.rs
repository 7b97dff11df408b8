//! The screen Orders: fetching, filtering and opening.

use storefront_api::{OrderSummary, Page};

use crate::state::{Failure, Model, PageRequest, Screen};
use crate::update::{Effect, Request, order};

/// Delay after the last typed letter before a search.
const SEARCH_DELAY_MS: i64 = 80;
/// Delay before a changed list is fetched again, to gather changes.
const REFRESH_DELAY_MS: i64 = 100;
/// Delay before a retry after a failure.
const RETRY_DELAY_MS: i64 = 2_000;

/// Fetches the page under the cursor again.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() {
        return Vec::new();
    }
    let position = model.min_position(&["orders"]);
    let ask = model.orders.list.ask();
    let query = model.orders.query(ask.cursor.clone(), position);
    vec![Effect::Request(Request::Orders { ask, query })]
}

/// Fetches missing pages near the cursor, one after another.
pub(super) fn fetch_missing(model: &mut Model) -> Vec<Effect> {
    if !model.shows(Screen::Orders) || !model.is_live() {
        return Vec::new();
    }
    let Some(ask) = model.orders.list.ask_for_more() else { return Vec::new() };
    let query = model.orders.query(ask.cursor.clone(), None);
    vec![Effect::Request(Request::Orders { ask, query })]
}

pub(super) fn on_orders(
    model: &mut Model,
    ask: &PageRequest,
    result: Result<Page<OrderSummary>, Failure>,
) -> Vec<Effect> {
    let lost = model.orders.list.put(ask, result, |order| order.id);
    if lost && model.is_live() {
        model.orders.list.refresh_at = Some(model.in_ms(RETRY_DELAY_MS));
    }
    Vec::new()
}

/// Schedules a fetch after an order changed.
pub(super) fn changed(model: &mut Model) {
    if model.shows(Screen::Orders) && model.orders.list.refresh_at.is_none() {
        model.orders.list.refresh_at = Some(model.in_ms(REFRESH_DELAY_MS));
    }
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    if model.orders.list.refresh_at.is_some_and(|at| at <= model.now) { fetch(model) } else { Vec::new() }
}

/// Schedules a search for when the typing pauses.
pub(super) fn on_search_typed(model: &mut Model) {
    model.orders.list.start_over();
    model.orders.list.refresh_at = Some(model.in_ms(SEARCH_DELAY_MS));
}

/// Clears the search and leaves its field.
pub(super) fn clear_search(model: &mut Model) {
    model.orders.typing = false;
    if !model.orders.search.value().is_empty() {
        model.orders.search.reset();
        on_search_typed(model);
    }
}

pub(super) fn next_status(model: &mut Model) -> Vec<Effect> {
    model.orders.next_status();
    model.orders.list.forget();
    fetch(model)
}

/// Opens the selected order.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.orders.selected().map(|order| order.id) else { return Vec::new() };
    order::open(model, id)
}
