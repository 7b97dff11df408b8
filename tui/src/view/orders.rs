//! Draws the screen Orders.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::OrderSummary;

use crate::keys::{Action, Context};
use crate::money;
use crate::state::{Load, Model};
use crate::view::labels::{order_status, short_id};
use crate::view::text::{first_line, put, put_right, width};
use crate::view::theme::Theme;
use crate::view::{below, choose, failed, instead, row, when};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let orders = &model.orders;
    let count = match orders.total {
        1 => "1 order".to_owned(),
        total => format!("{total} orders"),
    };
    let head = row(area, 0);
    let filter = orders.status.map_or("All orders", |wanted| order_status(wanted, theme).0);
    let style = if orders.status.is_some() { theme.strong } else { theme.text };
    put(buffer, head.x, head.y, filter, style, head.width);
    put_right(buffer, head.right(), head.y, &count, theme.dim, 16);
    let body = below(area, if area.height >= 16 { 2 } else { 1 });
    match &orders.load {
        Load::Loading => return instead(theme, body, "Fetching the orders", "A moment, please.", buffer),
        Load::Failed(failure) => return failed(theme, body, "The orders", failure, buffer),
        Load::Ready => {}
    }
    if orders.items.is_empty() {
        let key = model.keys.label(Context::Orders, Action::NextStatus);
        let more = if orders.status.is_some() {
            format!("{key} shows those in another state.")
        } else {
            "What you buy shows up here.".to_owned()
        };
        return instead(theme, body, "No orders", &more, buffer);
    }
    let first = first_line(orders.list.cursor, orders.items.len(), body.height);
    for (place, order) in orders.items.iter().enumerate().skip(first).take(usize::from(body.height)) {
        let row = row(body, place - first);
        let chosen = place == orders.list.cursor;
        if chosen {
            choose(theme, row, buffer);
        }
        draw_row(model, order, theme, row, (chosen, true), buffer);
    }
}

/// Draws a line of a list of orders, with or without its status.
pub(super) fn draw_row(
    model: &Model,
    order: &OrderSummary,
    theme: &Theme,
    row: Rect,
    (chosen, with_state): (bool, bool),
    buffer: &mut Buffer,
) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let id = order.id.to_string();
    let name = order.number.as_deref().unwrap_or_else(|| short_id(&id));
    let name_style = if order.number.is_some() { theme.text } else { theme.dim };
    let mut right = row.right().saturating_sub(1);
    let narrow = row.width < 50;
    if !narrow {
        let when = when::day_or_time(order.changed_at, model.now, &model.zone);
        put_right(buffer, right, row.y, &when, on_row(theme.dim), 6);
        right = right.saturating_sub(8);
    }
    let total = money::shown(order.total);
    put_right(buffer, right, row.y, &total, on_row(theme.text), 12);
    right = right.saturating_sub(if narrow { width(&total).max(9) + 1 } else { 13 });
    let mut x = row.x + 2;
    if row.width >= 60 || !with_state {
        put(buffer, x, row.y, name, on_row(name_style), if narrow { 10 } else { 13 });
        x += if narrow { 11 } else { 15 };
    }
    if with_state {
        let (word, style) = order_status(order.status, theme);
        put(buffer, x, row.y, word, on_row(style), 12);
        x += if narrow { 13 } else { 14 };
    }
    let what = match (&order.first_item, order.pieces) {
        (Some(name), 1) => name.clone(),
        (Some(name), pieces) => format!("{name}, {pieces} pieces"),
        (None, _) => "empty".to_owned(),
    };
    put(buffer, x, row.y, &what, on_row(theme.dim), right.saturating_sub(x + 1));
}
