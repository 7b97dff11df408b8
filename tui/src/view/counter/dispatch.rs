//! Draws the orders to ship, shipped and delivered.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use storefront_api::OrderStatus;

use crate::keys::Action;
use crate::state::{Load, Model};
use crate::view::counter::{head, search_off};
use crate::view::text::{first_line, put};
use crate::view::theme::Theme;
use crate::view::{below, choose, failed, instead, orders, row};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let orders = &model.counter.orders;
    let count = match orders.list.total {
        1 => "1 order".to_owned(),
        total => format!("{total} orders"),
    };
    let cursor = head(model, list_title(orders.status), (&orders.search, &count), theme, row(area, 0), buffer);
    let body = below(area, if area.height >= 14 { 2 } else { 1 });
    match &orders.list.load {
        Load::Loading => instead(theme, body, "Fetching the orders", "A moment, please.", buffer),
        Load::Failed(failure) => failed(theme, body, "The orders", failure, buffer),
        Load::Ready if orders.list.total == 0 => {
            let more = if orders.search.value().is_empty() {
                format!("{} shows those in another state.", model.key(Action::NextStatus))
            } else {
                search_off(model)
            };
            instead(theme, body, "No orders here", &more, buffer);
        }
        Load::Ready => lines(model, theme, body, buffer),
    }
    cursor
}

/// Title of the list.
fn list_title(status: Option<OrderStatus>) -> &'static str {
    match status {
        None => "All orders",
        Some(OrderStatus::Confirmed) => "To be sent",
        Some(OrderStatus::Shipped) => "On their way",
        Some(OrderStatus::Delivered) => "Arrived",
        Some(OrderStatus::InProgress) => "Open baskets",
        Some(OrderStatus::CheckedOut) => "Checking out",
        Some(OrderStatus::Cancelled) => "Cancelled",
        Some(OrderStatus::Expired) => "Over",
    }
}

fn lines(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let list = &model.counter.orders.list;
    let first = first_line(list.list.cursor, list.total, area.height);
    for line in 0..usize::from(area.height).min(list.total - first) {
        let row = row(area, line);
        let chosen = first + line == list.list.cursor;
        if chosen {
            choose(theme, row, buffer);
        }
        match list.items.get(first + line) {
            Some(order) => {
                orders::draw_row(model, order, theme, row, (chosen, model.counter.orders.status.is_none()), buffer)
            }
            None => _ = put(buffer, row.x + 4, row.y, "…", theme.dim, row.width),
        }
    }
}
