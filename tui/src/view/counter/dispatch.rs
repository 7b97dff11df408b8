//! Draws the orders to ship, shipped and delivered.

use ratatui::layout::{Position, Rect};
use storefront_api::OrderStatus;

use crate::keys::Action;
use crate::state::{Load, Model};
use crate::view::counter::search_off;
use crate::view::surface::Surface;
use crate::view::text::put;
use crate::view::theme::Theme;
use crate::view::{below, failed, instead, list_head, orders, row};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let orders = &model.counter.orders;
    let count = match orders.list.total {
        1 => "1 order".to_owned(),
        total => format!("{total} orders"),
    };
    let cursor = list_head::draw(
        list_title(orders.status),
        (&orders.search, model.counter.typing),
        &count,
        theme,
        row(area, 0),
        surface,
    );
    let body = below(area, if area.height >= 14 { 2 } else { 1 });
    match &orders.list.load {
        Load::Loading => instead(theme, body, "Fetching the orders", "A moment, please.", surface),
        Load::Failed(failure) => failed(theme, body, "The orders", failure, surface),
        Load::Ready if orders.list.total == 0 => {
            let more = if orders.search.value().is_empty() {
                format!("{} shows those in another state.", model.key(Action::NextStatus))
            } else {
                search_off(model)
            };
            instead(theme, body, "No orders here", &more, surface);
        }
        Load::Ready => lines(model, theme, body, surface),
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
        Some(OrderStatus::Unknown) => "In an unknown state",
    }
}

fn lines(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let list = &model.counter.orders.list;
    for (place, row, chosen) in surface.list(theme, area, list.list.cursor, list.total) {
        match list.items.get(place) {
            Some(order) => {
                orders::draw_row(model, order, theme, row, (chosen, model.counter.orders.status.is_none()), surface)
            }
            None => _ = put(surface, row.x + 4, row.y, "…", theme.dim, row.width),
        }
    }
}
