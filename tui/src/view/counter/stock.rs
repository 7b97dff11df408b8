//! Draws the stock: a gauge for each product, the lowest first.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;
use storefront_api::StockItem;

use crate::state::counter::{Level, name_of};
use crate::state::{Load, Model};
use crate::view::surface::Surface;
use crate::view::text::{put, put_all, put_right};
use crate::view::theme::Theme;
use crate::view::widgets::StockGauge;
use crate::view::{below, failed, instead, row};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let stock = &model.counter.stock;
    match &stock.load {
        Load::Loading => return instead(theme, area, "Fetching the stock", "A moment, please.", surface),
        Load::Failed(failure) => return failed(theme, area, "The stock", failure, surface),
        Load::Ready => {}
    }
    summary(model, theme, row(area, 0), surface);
    let body = below(area, if area.height >= 14 { 2 } else { 1 });
    let items = stock.shown();
    if items.is_empty() {
        let (title, more) = if stock.only_low {
            ("Nothing is low", "Everything has more than it needs.")
        } else {
            ("No stock yet", "A product shows up here when its first pieces come in.")
        };
        return instead(theme, body, title, more, surface);
    }
    let most = items.iter().map(|item| item.on_hand).max().unwrap_or(0);
    for (place, row, chosen) in surface.list(theme, body, stock.list.cursor, items.len()) {
        let Some(item) = items.get(place) else { continue };
        draw_row(model, item, theme, row, chosen, most, surface);
    }
}

fn summary(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let stock = &model.counter.stock;
    let (low, out) = stock.counts();
    let listed = stock.shown().len();
    let shown = match stock.total {
        _ if stock.only_low => "Only what is low".to_owned(),
        total if total > listed as u64 => format!("{listed} of {total} products"),
        _ => format!("{listed} products"),
    };
    let (out_words, low_words) = (format!("✗ {out} out"), format!("! {low} low"));
    let style = |count: usize, style: Style| if count == 0 { theme.dim } else { style };
    let pieces = [
        (shown.as_str(), theme.text),
        ("   ", theme.dim),
        (out_words.as_str(), style(out, theme.bad)),
        ("   ", theme.dim),
        (low_words.as_str(), style(low, theme.warn)),
    ];
    let x = put_all(surface, area.x, area.y, &pieces, area.width);
    let legend = "█ available  ▒ reserved  ┊ low";
    if area.right().saturating_sub(x) > 36 {
        put_right(surface, area.right(), area.y, legend, theme.dim, 32);
    }
}

fn draw_row(
    model: &Model,
    item: &StockItem,
    theme: &Theme,
    row: Rect,
    chosen: bool,
    most: u32,
    surface: &mut Surface<'_>,
) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let (sign, word, style) = match Level::of(item) {
        Level::Out => ("✗", "out", theme.bad),
        Level::Low => ("!", "low", theme.warn),
        Level::Enough => (" ", "", theme.dim),
    };
    let news = model.counter.stock.alarms.contains(&item.product_id);
    put(surface, row.x + 2, row.y, sign, on_row(style), 1);
    let name = name_of(item);
    let named = if row.width >= 60 { row.width.saturating_sub(4) / 3 } else { row.width.saturating_sub(18) };
    let name_style = if news { theme.strong } else { theme.text };
    put(surface, row.x + 4, row.y, &name, on_row(name_style), named);
    let right = row.right().saturating_sub(1);
    if row.width < 60 {
        put_right(surface, right, row.y, word, on_row(style), 4);
        put_right(surface, right.saturating_sub(5), row.y, &item.available.to_string(), on_row(theme.strong), 7);
        return;
    }
    put_right(surface, right, row.y, word, on_row(style), 4);
    let mut numbers = format!("{} of {}", item.available, item.on_hand);
    if item.reserved > 0 && row.width >= 90 {
        numbers = format!("{numbers}, {} reserved", item.reserved);
    }
    let wide = if row.width >= 90 { 24 } else { 12 };
    put_right(surface, right.saturating_sub(5), row.y, &numbers, on_row(theme.text), wide);
    let x = row.x + 4 + named + 2;
    let gauge = Rect { x, width: right.saturating_sub(5 + wide + 2).saturating_sub(x).min(60), ..row };
    let styles = [on_row(style_of(item, theme)), on_row(theme.dim), on_row(theme.faint)];
    StockGauge { item, most, styles }.render(gauge, surface);
}

fn style_of(item: &StockItem, theme: &Theme) -> Style {
    match Level::of(item) {
        Level::Out => theme.bad,
        Level::Low => theme.warn,
        Level::Enough => theme.good,
    }
}
