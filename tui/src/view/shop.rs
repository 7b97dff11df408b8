//! Draws the shop: a window of cards or a list, beside it the categories and the basket where there is room.

use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use storefront_api::Product;

use crate::keys::Action;
use crate::money;
use crate::state::{Grid, Load, Model, Picture, PictureState, Shop};
use crate::view::surface::Surface;
use crate::view::text::{first_line, put, put_right, rule, visible, width, wrap_into};
use crate::view::theme::Theme;
use crate::view::widgets::{Card, OneLine, Sprite};
use crate::view::{basket, below, failed, instead, product, row};

/// Minimum width for list and detail side by side.
const SIDE_BY_SIDE_MIN_WIDTH: u16 = 86;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let shop = &model.shop;
    // The part of the window that is the screen's own, with its margins.
    let size = (area.width + 4, surface.area.height);
    if shop.page {
        product::page(model, theme, area, surface);
        return None;
    }
    let cursor = filters(shop, theme, row(area, 0), surface);
    let gap = if area.height >= 16 { 2 } else { 1 };
    let mut body = below(area, gap);
    if size.0 >= Shop::CATEGORIES_MIN_WIDTH {
        let [left, _, rest] = columns(body, [Constraint::Length(20), Constraint::Length(3), Constraint::Fill(1)]);
        categories(shop, theme, left, surface);
        body = rest;
    }
    if size.0 >= Shop::BASKET_MIN_WIDTH {
        let wide = Shop::BASKET_WIDTH;
        let [rest, _, right] = columns(body, [Constraint::Fill(1), Constraint::Length(3), Constraint::Length(wide)]);
        basket::column(model, theme, right, surface);
        body = rest;
    }
    if let Some(grid) = shop.grid(size) {
        window(model, grid, theme, body, surface);
    } else if area.width >= SIDE_BY_SIDE_MIN_WIDTH {
        let side = if area.width >= 112 { 40 } else { 34 };
        let [left, _, right] = columns(body, [Constraint::Fill(1), Constraint::Length(3), Constraint::Length(side)]);
        list(model, theme, left, surface);
        beside(model, theme, right, surface);
    } else {
        above_each_other(model, theme, body, surface);
    }
    cursor
}

fn columns<const N: usize>(area: Rect, widths: [Constraint; N]) -> [Rect; N] {
    Layout::horizontal(widths).areas(area)
}

/// Draws the list, and the selected product under it in as many lines as there is room for.
fn above_each_other(model: &Model, theme: &Theme, body: Rect, surface: &mut Surface<'_>) {
    let under = match body.height {
        0..10 => 2,
        10..15 => 5,
        _ => 9,
    };
    let [top, _, bottom] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(1), Constraint::Length(under)]).areas(body);
    list(model, theme, top, surface);
    if body.height >= 10 {
        rule(surface, body, top.bottom(), theme.faint);
        underneath(model, theme, bottom, surface);
    } else {
        brief(model, theme, bottom, surface);
    }
}

/// Draws the filters and the number of products. Returns the cursor while a search is typed.
fn filters(shop: &Shop, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let count = match (&shop.products.load, shop.products.total) {
        (Load::Loading, _) => "loading".to_owned(),
        (_, 0) if !shop.is_narrowed() => "no products yet".to_owned(),
        (_, 1) => "1 product".to_owned(),
        (_, total) => format!("{total} products"),
    };
    OneLine::right(Span::styled(count.clone(), theme.dim)).render(area, surface);
    let area = Rect { width: area.width.saturating_sub(width(&count) + 1), ..area };
    let words = shop.search.value();
    if !shop.typing && words.is_empty() {
        OneLine::new(narrowing(shop, theme)).render(area, surface);
        return None;
    }
    let x = put(surface, area.x, area.y, "/ ", theme.accent, area.width);
    let field = Rect { x, width: area.right().saturating_sub(x).min(28), ..area };
    let (shown, at) = visible(&shop.search, field.width);
    if shop.typing {
        surface.set_style(field, theme.field);
    }
    let style = if shop.typing { theme.field } else { theme.strong };
    let end = put(surface, x, area.y, &shown, style, field.width);
    let after = if shop.typing { field.right() } else { end } + 2;
    OneLine::new(narrowing(shop, theme))
        .render(Rect { x: after, width: area.right().saturating_sub(after), ..area }, surface);
    shop.typing.then(|| Position::new(x + at.min(field.width), area.y))
}

/// Category, order and filter.
fn narrowing<'a>(shop: &'a Shop, theme: &Theme) -> Line<'a> {
    let category = shop.category.as_deref().unwrap_or("All shelves");
    let style = if shop.category.is_some() { theme.strong } else { theme.text };
    let mut spans =
        vec![Span::styled(category, style), Span::styled("  ", theme.dim), Span::styled(shop.sort_name(), theme.dim)];
    if shop.in_stock {
        spans.extend([Span::styled("  ", theme.dim), Span::styled("only in stock", theme.strong)]);
    }
    Line::from(spans)
}

/// Draws the categories as a column.
fn categories(shop: &Shop, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let all: u32 = shop.categories.iter().map(|category| category.products).sum();
    let is_chosen = |name: &str| shop.category.as_deref() == Some(name);
    let names = std::iter::once(("All shelves", all, shop.category.is_none()))
        .chain(shop.categories.iter().map(|c| (c.name.as_str(), c.products, is_chosen(&c.name))));
    for (row, (name, count, chosen)) in area.rows().zip(names) {
        let style = if chosen { theme.accent } else { theme.dim };
        let right = put_right(surface, row.right(), row.y, &count.to_string(), theme.dim, 6);
        put(surface, row.x, row.y, name, style, right.saturating_sub(row.x + 1));
    }
}

/// Draws what stands in place of the products while there are none; returns whether there are some.
fn has_products(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> bool {
    let shop = &model.shop;
    match &shop.products.load {
        Load::Loading => placeholders(theme, area, surface),
        Load::Failed(failure) => failed(theme, area, "The shelves", failure, surface),
        Load::Ready if shop.products.total > 0 => return true,
        // A shop that has just opened is still being filled.
        Load::Ready if model.embedded && !shop.is_narrowed() => placeholders(theme, area, surface),
        Load::Ready => {
            let (title, more) = match &shop.suggestion {
                Some(meant) => ("Nothing found", format!("Did you mean {meant:?}? Esc shows everything again.")),
                None if shop.is_narrowed() => ("Nothing found", "Esc shows everything again.".to_owned()),
                None => (
                    "No products yet",
                    "They come from the product service, and show up here when it has some.".to_owned(),
                ),
            };
            instead(theme, area, title, &more, surface);
        }
    }
    false
}

fn placeholders(theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    for (row, long) in area.rows().zip([18, 14, 21, 16, 12, 19, 15, 17]) {
        put(surface, row.x + 2, row.y, &"·".repeat(long), theme.faint, row.width.saturating_sub(12));
        put_right(surface, row.right().saturating_sub(1), row.y, "··.··", theme.faint, 8);
    }
}

/// The picture of a product, once it is here.
fn picture<'a>(model: &'a Model, product: &Product) -> Option<&'a Picture> {
    match model.shop.pictures.get(&product.id) {
        Some(PictureState::Here(picture)) => Some(picture),
        Some(PictureState::Loading | PictureState::Missing) | None => None,
    }
}

/// Draws the cards, and under them what is known about the chosen product.
fn window(model: &Model, grid: Grid, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let shop = &model.shop;
    let (card_wide, card_high) = Shop::CARD;
    if !has_products(model, theme, area, surface) {
        return;
    }
    // A banner may take a row away.
    let lines = u16::try_from(grid.rows).unwrap_or(1).min(area.height / card_high).max(1);
    let [cards, _, words] =
        Layout::vertical([Constraint::Length(lines * card_high), Constraint::Length(1), Constraint::Fill(1)])
            .areas(area);
    let products = &shop.products;
    let all = products.total.div_ceil(grid.columns);
    let first = first_line(products.list.cursor / grid.columns, all, lines) * grid.columns;
    let across = u16::try_from(grid.columns).unwrap_or(1);
    let wide = (cards.width / across).clamp(card_wide.min(cards.width), card_wide + 6);
    let places = (0..lines).flat_map(|line| (0..across).map(move |column| (column, line)));
    for (place, (column, line)) in (first..products.total).zip(places) {
        let slot = Rect::new(cards.x + column * wide, cards.y + line * card_high, wide, card_high).intersection(cards);
        surface.item(Rect { width: slot.width.saturating_sub(1), ..slot }, place, products.list.cursor);
        let Some(product) = products.items.get(place) else {
            put(surface, slot.x + 2, slot.y, "· · · ·", theme.faint, slot.width);
            continue;
        };
        let chosen = place == products.list.cursor;
        let held = model.basket.quantity_of(&product.id);
        let badge = product::badge(model, product, theme);
        let card = Card { product, picture: picture(model, product), badge, held, chosen, theme };
        card.render(slot, surface);
    }
    rule(surface, area, cards.bottom(), theme.faint);
    if let Some(product) = shop.selected() {
        in_lines(model, product, theme, words, surface);
    }
}

/// Draws the chosen product in a few lines.
fn in_lines(model: &Model, product: &Product, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let mut title = vec![Span::styled(product.name.clone(), theme.strong), Span::raw("  ")];
    title.extend(product::price_line(model, product, theme).spans);
    for note in product::notes(model, product, theme) {
        title.push(Span::styled("  ·  ", theme.dim));
        title.extend(note.spans.into_iter().map(|span| span.style(note.style)));
    }
    let text = wrap_into(&product.description, area.width.min(90), usize::from(area.height.saturating_sub(1)).min(3));
    let lines = std::iter::once(Line::from(title)).chain(text.into_iter().map(|text| Line::styled(text, theme.dim)));
    for (row, line) in area.rows().zip(lines) {
        OneLine::new(line).render(row, surface);
    }
}

fn list(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let products = &model.shop.products;
    if !has_products(model, theme, area, surface) {
        return;
    }
    for (place, row, chosen) in surface.list(theme, area, products.list.cursor, products.total) {
        match products.items.get(place) {
            Some(product) => draw_row(model, theme, row, product, chosen, surface),
            None => _ = put(surface, row.x + 2, row.y, "· · · · · · · ·", theme.faint, row.width.saturating_sub(2)),
        }
    }
}

fn draw_row(model: &Model, theme: &Theme, row: Rect, product: &Product, chosen: bool, surface: &mut Surface<'_>) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let price = money::shown(product.price);
    let price_style = if product.compare_at_price.is_some() { theme.accent } else { theme.text };
    let end = row.right().saturating_sub(1);
    let mut right = put_right(surface, end, row.y, &price, on_row(price_style), row.width).min(end.saturating_sub(9));
    if let Some((word, style)) = product::badge(model, product, theme).filter(|_| row.width >= 44) {
        right = put_right(surface, right.saturating_sub(2), row.y, &word, on_row(style), 13);
    }
    let held = model.basket.quantity_of(&product.id);
    if held > 0 {
        right = put_right(surface, right.saturating_sub(2), row.y, &format!("{held}×"), on_row(theme.accent), 3);
    }
    let style = if product.available == 0 || !product.active { theme.dim } else { theme.text };
    put(surface, row.x + 2, row.y, &product.name, on_row(style), right.saturating_sub(row.x + 3));
}

/// Draws the selected product in a column: picture, then text.
fn beside(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some(product) = model.shop.selected() else { return };
    let mut rest = area;
    let words = 9;
    surface.button(area, Action::OpenProduct);
    if let Some(picture) = picture(model, product) {
        let sprite = Sprite::new(picture, theme);
        let room = Rect { height: area.height.saturating_sub(words), ..area };
        let (_, height) = sprite.size_in(room);
        sprite.render(room, surface);
        rest = below(area, if height > 0 { height + 1 } else { 0 });
    } else if product.has_picture && area.height >= 16 + words {
        rest = below(area, 17);
    }
    product::describe(model, product, theme, rest, surface);
}

/// Draws the selected product under the list: picture at the left, text at the right.
fn underneath(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some(product) = model.shop.selected() else { return };
    let mut rest = area;
    surface.button(area, Action::OpenProduct);
    if product.has_picture && area.width >= 60 && area.height >= 8 {
        if let Some(picture) = picture(model, product) {
            Sprite::new(picture, theme).render(Rect { width: 16, height: 8, ..area }, surface);
        }
        rest = Rect { x: area.x + 19, width: area.width - 19, ..area };
    }
    product::describe(model, product, theme, rest, surface);
}

/// Draws the selected product in two lines.
fn brief(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some(product) = model.shop.selected() else { return };
    let (word, style) = product::stock(model, product, theme);
    let right = put_right(surface, area.right(), area.y, &word, style, area.width);
    put(surface, area.x, area.y, &product.name, theme.strong, right.saturating_sub(area.x + 1));
    let (more, style) =
        if product.stale { (product::STALE, theme.warn) } else { (product.description.as_str(), theme.dim) };
    put(surface, area.x, area.y + 1, more, style, area.width);
}
