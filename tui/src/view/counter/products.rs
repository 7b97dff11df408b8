//! Draws the products: prices, sales, and withdrawn ones.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use storefront_api::{HeldWithdrawals, Product};

use crate::keys::Action;
use crate::money;
use crate::state::{Load, Model};
use crate::view::counter::search_off;
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::{below, failed, instead, list_head, row};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let products = &model.counter.products;
    let what = if products.withdrawn { "Off the shelf" } else { "In the range" };
    let count = match products.list.total {
        1 => "1 product".to_owned(),
        total => format!("{total} products"),
    };
    let cursor = list_head::draw(what, (&products.search, model.counter.typing), &count, theme, row(area, 0), surface);
    let alarm = products.held_withdrawals();
    if let Some(HeldWithdrawals { missing, sold }) = alarm {
        let key = model.key(Action::ConfirmWithdrawals);
        let said = format!(
            "{missing} of {sold} products are missing from the product service, and stay for sale; {key} takes them off"
        );
        let row = row(area, 1);
        put(surface, row.x, row.y, &said, theme.warn, row.width);
    }
    let body = below(area, if area.height >= 14 || alarm.is_some() { 2 } else { 1 });
    match &products.list.load {
        Load::Loading => instead(theme, body, "Fetching the products", "A moment, please.", surface),
        Load::Failed(failure) => failed(theme, body, "The products", failure, surface),
        Load::Ready if products.list.total == 0 => nothing(model, theme, body, surface),
        Load::Ready => lines(model, theme, body, surface),
    }
    cursor
}

fn nothing(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let products = &model.counter.products;
    let [new, withdrawn] = [Action::NewProduct, Action::OnlyWithdrawn].map(|action| model.key(action));
    let (title, more) = match (products.search.value().is_empty(), products.withdrawn) {
        (false, _) => ("Nothing found", search_off(model)),
        (true, true) => ("Nothing is off the shelf", format!("{withdrawn} goes back to what is on it.")),
        (true, false) => ("No products", format!("{new} puts the first one into the range.")),
    };
    instead(theme, area, title, &more, surface);
}

fn lines(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let list = &model.counter.products.list;
    for (place, row, chosen) in surface.list(theme, area, list.list.cursor, list.total) {
        match list.items.get(place) {
            Some(product) => draw_row(product, theme, row, chosen, surface),
            None => _ = put(surface, row.x + 4, row.y, "…", theme.dim, row.width),
        }
    }
}

fn draw_row(product: &Product, theme: &Theme, row: Rect, chosen: bool, surface: &mut Surface<'_>) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let (sign, style) = match (product.active, product.stale) {
        (false, _) => ("✗", theme.bad),
        (true, true) => ("◌", theme.warn),
        (true, false) => (" ", theme.dim),
    };
    put(surface, row.x + 2, row.y, sign, on_row(style), 1);
    let mut right = row.right().saturating_sub(1);
    if row.width >= 76 {
        let left = format!("{} left", product.available);
        let style = if product.available == 0 { theme.bad } else { theme.dim };
        put_right(surface, right, row.y, &left, on_row(style), 10);
        right = right.saturating_sub(12);
    }
    put_right(surface, right, row.y, &money::shown(product.price), on_row(theme.text), 12);
    right = right.saturating_sub(13);
    if row.width >= 60 {
        if let Some(was) = product.compare_at_price {
            put_right(surface, right, row.y, &money::shown(was), on_row(theme.struck), 11);
            put(surface, right.saturating_sub(16), row.y, "sale", on_row(theme.accent), 4);
        }
        right = right.saturating_sub(19);
    }
    if row.width >= 100 {
        put_right(surface, right, row.y, &product.sku, on_row(theme.dim), 14);
        right = right.saturating_sub(16);
        put(surface, right.saturating_sub(18), row.y, &product.category, on_row(theme.dim), 18);
        right = right.saturating_sub(19);
    }
    let x = row.x + 4;
    put(surface, x, row.y, &product.name, on_row(theme.text), right.saturating_sub(x + 1));
}
