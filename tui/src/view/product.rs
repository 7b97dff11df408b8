//! Words about a product that several screens show, and its page.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use storefront_api::Product;

use crate::money;
use crate::state::{Model, PictureState};
use crate::view::surface::Surface;
use crate::view::text::{width, wrap, wrap_into};
use crate::view::theme::Theme;
use crate::view::when;
use crate::view::widgets::{OneLine, Sprite};

/// Note on a price while the product service is unreachable.
pub(super) const STALE: &str = "price as last known";
/// Maximum stock at which the remaining number is shown.
const SCARCE_STOCK: u32 = 10;
/// Width of lines of text that are pleasant to read.
const TEXT_WIDTH: u16 = 64;

/// Whether and how many are left.
pub(super) fn stock(model: &Model, product: &Product, theme: &Theme) -> (String, Style) {
    match (product.active, product.available) {
        (false, _) => ("withdrawn".to_owned(), theme.bad),
        // A shop that cannot write counts no stock.
        (true, 0) if !model.unfit.is_empty() => ("stock unknown".to_owned(), theme.warn),
        (true, 0) => ("sold out".to_owned(), theme.bad),
        (true, left @ 1..=SCARCE_STOCK) => (format!("only {left} left"), theme.warn),
        (true, _) => ("in stock".to_owned(), theme.good),
    }
}

/// What is out of the ordinary about a product: that little of it is left, or that it is on sale.
pub(super) fn badge(model: &Model, product: &Product, theme: &Theme) -> Option<(String, Style)> {
    if product.available <= SCARCE_STOCK || !product.active {
        return Some(stock(model, product, theme));
    }
    product.compare_at_price.map(|_| ("sale".to_owned(), theme.accent))
}

/// The price, what it was before, and the stock.
pub(super) fn price_line(model: &Model, product: &Product, theme: &Theme) -> Line<'static> {
    let (word, stock_style) = stock(model, product, theme);
    let mut spans = vec![Span::styled(money::shown(product.price), theme.accent)];
    if let Some(was) = product.compare_at_price {
        spans.extend([Span::styled("  was ", theme.dim), Span::styled(money::shown(was), theme.struck)]);
    }
    spans.extend([Span::styled("  ", theme.dim), Span::styled(word, stock_style)]);
    Line::from(spans)
}

/// Notes on a product: how fresh its price is, how many are in the basket, and in how many other baskets it is.
pub(super) fn notes(model: &Model, product: &Product, theme: &Theme) -> Vec<Line<'static>> {
    let stale = product.stale.then(|| Line::styled(STALE, theme.warn));
    let held = match model.basket.quantity_of(&product.id) {
        0 => None,
        held => Some(Line::styled(format!("{held} in the basket"), theme.accent)),
    };
    let others = match product.in_baskets {
        0 => None,
        1 => Some(Line::styled("1 other has it in their basket", theme.dim)),
        others => Some(Line::styled(format!("{others} others have it in their basket"), theme.dim)),
    };
    [stale, held, others].into_iter().flatten().collect()
}

/// Everything about a product in words, with an empty line between groups where there is room.
pub(super) fn describe(model: &Model, product: &Product, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let spacious = area.height >= 12;
    let gap = |lines: &mut Vec<Line<'static>>| {
        if spacious {
            lines.push(Line::default());
        }
    };
    let mut lines: Vec<Line<'static>> =
        wrap_into(&product.name, area.width, 2).into_iter().map(|line| Line::styled(line, theme.strong)).collect();
    lines.push(price_line(model, product, theme));
    let notes = notes(model, product, theme);
    let brief = if area.height >= 8 { notes.len() } else { usize::from(product.stale) };
    lines.extend(notes.into_iter().take(brief));
    gap(&mut lines);
    let text = wrap(&product.description, area.width.min(TEXT_WIDTH));
    let room = usize::from(area.height).saturating_sub(lines.len());
    let cut = text.len() > room;
    lines.extend(
        text.into_iter()
            .take(room)
            .enumerate()
            .map(|(at, line)| Line::styled(if cut && at + 1 == room { format!("{line} …") } else { line }, theme.dim)),
    );
    gap(&mut lines);
    lines.extend(facts(product, theme));
    for (row, line) in area.rows().zip(lines) {
        OneLine::new(line).render(row, surface);
    }
}

/// The attributes of a product, one a line.
fn facts(product: &Product, theme: &Theme) -> impl Iterator<Item = Line<'static>> {
    let label = product.attributes.keys().map(|key| width(key)).max().unwrap_or(0).min(14);
    let (dim, text) = (theme.dim, theme.text);
    let pairs: Vec<(String, String)> =
        product.attributes.iter().map(|(key, value)| (key.replace('_', " "), value.clone())).collect();
    pairs.into_iter().map(move |(key, value)| {
        let key = format!("{key:<wide$}  ", wide = usize::from(label));
        Line::from(vec![Span::styled(key, dim), Span::styled(value, text)])
    })
}

/// Draws the page of the selected product: its picture as large as fits, and everything that is known.
pub(super) fn page(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some(product) = model.shop.selected() else { return };
    let picture = match model.shop.pictures.get(&product.id) {
        Some(PictureState::Here(picture)) => Some(picture),
        Some(PictureState::Loading | PictureState::Missing) | None => None,
    };
    let mut words = area;
    if let Some(picture) = picture {
        let sprite = Sprite::magnified(picture, theme);
        let room = Rect { width: area.width.saturating_sub(40), ..area };
        let (wide, _) = sprite.size_in(room);
        if wide > 0 {
            sprite.render(Rect { width: wide, ..area }, surface);
            [_, words] = Layout::horizontal([Constraint::Length(wide + 4), Constraint::Fill(1)]).areas(area);
        }
    }
    let [words, foot] = Layout::vertical([Constraint::Fill(1), Constraint::Length(2)]).areas(words);
    describe(model, product, theme, words, surface);
    let since = when::day_or_time(product.listed_at, model.now, &model.zone);
    let small = [
        format!("{}  ·  in the range since {since}", product.category),
        format!("{}  ·  VAT {} % included", product.sku, product.vat_rate_percent),
    ];
    for (row, line) in foot.rows().zip(small) {
        if area.height >= 14 {
            OneLine::new(Line::styled(line, theme.dim)).render(row, surface);
        }
    }
}
