//! The screen Orders: fetching, filtering and opening.

use storefront_api::{OrderListQuery, OrderSummary, Page};

use crate::state::{Failure, List, Load, Model, Screen};
use crate::update::{Effect, order};

/// Delay before a changed list is fetched again, to gather changes.
const REFRESH_DELAY_MS: i64 = 100;
/// Distance from the end of the loaded orders at which more are fetched.
const PREFETCH_MARGIN: usize = 10;

/// Fetches the list again from its first page.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() {
        return Vec::new();
    }
    let position = model.min_position(&["orders"]);
    let orders = &mut model.orders;
    orders.refresh_at = None;
    orders.sequence += 1;
    orders.asking = true;
    vec![Effect::FetchOrders { sequence: orders.sequence, more: false, query: orders.query(position) }]
}

pub(super) fn on_orders(
    model: &mut Model,
    sequence: u64,
    more: bool,
    result: Result<Page<OrderSummary>, Failure>,
) -> Vec<Effect> {
    let orders = &mut model.orders;
    if sequence != orders.sequence {
        return Vec::new();
    }
    orders.asking = false;
    match result {
        Ok(page) => {
            let chosen = orders.selected().map(|order| order.id).filter(|_| orders.list.cursor > 0);
            if !more {
                orders.items.clear();
            }
            orders.items.extend(page.items);
            orders.total = usize::try_from(page.total).unwrap_or(usize::MAX).max(orders.items.len());
            orders.next_cursor = page.next_cursor;
            orders.load = Load::Ready;
            if let Some(place) = chosen.and_then(|id| orders.items.iter().position(|order| order.id == id)) {
                orders.list.cursor = place;
            }
            orders.list.clamp(orders.items.len());
        }
        Err(failure) => {
            if orders.items.is_empty() {
                orders.load = Load::Failed(failure);
            }
            if model.is_live() {
                model.orders.refresh_at = Some(model.in_ms(2_000));
            }
        }
    }
    Vec::new()
}

/// Moves the cursor and fetches more near the end.
pub(super) fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    let orders = &mut model.orders;
    orders.list.step(by, orders.items.len());
    if orders.asking || orders.list.cursor + PREFETCH_MARGIN < orders.items.len() {
        return Vec::new();
    }
    let Some(cursor) = orders.next_cursor.clone() else { return Vec::new() };
    orders.asking = true;
    let query = OrderListQuery { cursor: Some(cursor), ..orders.query(None) };
    vec![Effect::FetchOrders { sequence: orders.sequence, more: true, query }]
}

/// Schedules a fetch after an order changed.
pub(super) fn changed(model: &mut Model) {
    if model.screen == Screen::Orders && model.orders.refresh_at.is_none() {
        model.orders.refresh_at = Some(model.in_ms(REFRESH_DELAY_MS));
    }
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    if model.orders.refresh_at.is_some_and(|at| at <= model.now) { fetch(model) } else { Vec::new() }
}

pub(super) fn next_status(model: &mut Model) -> Vec<Effect> {
    model.orders.next_status();
    model.orders.list = List::default();
    model.orders.items.clear();
    model.orders.load = Load::Loading;
    fetch(model)
}

/// Opens the selected order.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.orders.selected().map(|order| order.id) else { return Vec::new() };
    order::open(model, id)
}
