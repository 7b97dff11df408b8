//! Draws the products: prices, sales, and withdrawn ones.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use storefront_api::{HeldWithdrawals, Product};

use crate::keys::Action;
use crate::money;
use crate::state::{Load, Model};
use crate::view::counter::{head, search_off};
use crate::view::text::{first_line, put, put_right};
use crate::view::theme::Theme;
use crate::view::{below, choose, failed, instead, row};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let products = &model.counter.products;
    let what = if products.withdrawn { "Off the shelf" } else { "In the range" };
    let count = match products.list.total {
        1 => "1 product".to_owned(),
        total => format!("{total} products"),
    };
    let cursor = head(model, what, (&products.search, &count), theme, row(area, 0), buffer);
    let alarm = products.held_withdrawals();
    if let Some(HeldWithdrawals { missing, sold }) = alarm {
        let key = model.key(Action::ConfirmWithdrawals);
        let said = format!(
            "{missing} of {sold} products are missing from the product service, and stay for sale; {key} takes them off"
        );
        let row = row(area, 1);
        put(buffer, row.x, row.y, &said, theme.warn, row.width);
    }
    let body = below(area, if area.height >= 14 || alarm.is_some() { 2 } else { 1 });
    match &products.list.load {
        Load::Loading => instead(theme, body, "Fetching the products", "A moment, please.", buffer),
        Load::Failed(failure) => failed(theme, body, "The products", failure, buffer),
        Load::Ready if products.list.total == 0 => nothing(model, theme, body, buffer),
        Load::Ready => lines(model, theme, body, buffer),
    }
    cursor
}

fn nothing(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let products = &model.counter.products;
    let [new, withdrawn] = [Action::NewProduct, Action::OnlyWithdrawn].map(|action| model.key(action));
    let (title, more) = match (products.search.value().is_empty(), products.withdrawn) {
        (false, _) => ("Nothing found", search_off(model)),
        (true, true) => ("Nothing is off the shelf", format!("{withdrawn} goes back to what is on it.")),
        (true, false) => ("No products", format!("{new} puts the first one into the range.")),
    };
    instead(theme, area, title, &more, buffer);
}

fn lines(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let list = &model.counter.products.list;
    let first = first_line(list.list.cursor, list.total, area.height);
    for line in 0..usize::from(area.height).min(list.total - first) {
        let row = row(area, line);
        let chosen = first + line == list.list.cursor;
        if chosen {
            choose(theme, row, buffer);
        }
        match list.items.get(first + line) {
            Some(product) => draw_row(product, theme, row, chosen, buffer),
            None => _ = put(buffer, row.x + 4, row.y, "…", theme.dim, row.width),
        }
    }
}

fn draw_row(product: &Product, theme: &Theme, row: Rect, chosen: bool, buffer: &mut Buffer) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let (sign, style) = match (product.active, product.stale) {
        (false, _) => ("✗", theme.bad),
        (true, true) => ("◌", theme.warn),
        (true, false) => (" ", theme.dim),
    };
    put(buffer, row.x + 2, row.y, sign, on_row(style), 1);
    let mut right = row.right().saturating_sub(1);
    if row.width >= 76 {
        let left = format!("{} left", product.available);
        let style = if product.available == 0 { theme.bad } else { theme.dim };
        put_right(buffer, right, row.y, &left, on_row(style), 10);
        right = right.saturating_sub(12);
    }
    put_right(buffer, right, row.y, &money::shown(product.price), on_row(theme.text), 12);
    right = right.saturating_sub(13);
    if row.width >= 60 {
        if let Some(was) = product.compare_at_price {
            put_right(buffer, right, row.y, &money::shown(was), on_row(theme.struck), 11);
            put(buffer, right.saturating_sub(16), row.y, "sale", on_row(theme.accent), 4);
        }
        right = right.saturating_sub(19);
    }
    if row.width >= 100 {
        put_right(buffer, right, row.y, &product.sku, on_row(theme.dim), 14);
        right = right.saturating_sub(16);
        put(buffer, right.saturating_sub(18), row.y, &product.category, on_row(theme.dim), 18);
        right = right.saturating_sub(19);
    }
    let x = row.x + 4;
    put(buffer, x, row.y, &product.name, on_row(theme.text), right.saturating_sub(x + 1));
}
