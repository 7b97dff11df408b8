//! Draws the products: prices, sales, and withdrawn ones.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use storefront_api::{HeldWithdrawals, Product};

use crate::keys::Action;
use crate::money;
use crate::state::{Load, Model};
use crate::view::counter::search_off;
use crate::view::surface::Surface;
use crate::view::text::put;
use crate::view::theme::Theme;
use crate::view::widgets::Cells;
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
    let stock = if product.available == 0 { theme.bad } else { theme.dim };
    let was = product.compare_at_price.map(money::shown);
    let sale = if was.is_some() { "sale" } else { "" };
    let text = |text: String, style: Style| Span::styled(text, on_row(style));
    let cells = Cells::new(1)
        .left(1, Span::styled(sign, on_row(style)))
        .fill(text(product.name.clone(), theme.text))
        .when(row.width >= 100, |cells| {
            cells.left(18, text(product.category.clone(), theme.dim)).right(15, text(product.sku.clone(), theme.dim))
        })
        .when(row.width >= 60, |cells| {
            cells
                .right(5, Span::styled(sale, on_row(theme.accent)))
                .right(12, text(was.unwrap_or_default(), theme.struck))
        })
        .right(12, text(money::shown(product.price), theme.text))
        .when(row.width >= 76, |cells| cells.right(11, text(format!("{} left", product.available), stock)));
    cells.render(Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row }, surface);
}
