//! Draws the shop: categories, the list and the selected product. Side by side where there is room, otherwise one above
//! the other.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use storefront_api::Product;

use crate::money;
use crate::state::{Load, Model, PictureState, Shop};
use crate::view::text::{first_line, put, put_all, put_right, rule, visible, width, wrap};
use crate::view::theme::Theme;
use crate::view::{below, choose, failed, instead, picture, row};

/// Minimum width for list and detail side by side.
const SIDE_BY_SIDE_MIN_WIDTH: u16 = 86;
/// Minimum width for a column of categories.
const SHELVES_MIN_WIDTH: u16 = 112;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let shop = &model.shop;
    let cursor = filters(shop, theme, row(area, 0), buffer);
    let gap = if area.height >= 16 { 2 } else { 1 };
    let mut body = below(area, gap);
    if area.width >= SHELVES_MIN_WIDTH {
        shelves(shop, theme, Rect { width: 20, ..body }, buffer);
        body = Rect { x: body.x + 23, width: body.width - 23, ..body };
    }
    if area.width >= SIDE_BY_SIDE_MIN_WIDTH {
        let side = if area.width >= SHELVES_MIN_WIDTH { 40 } else { 34 };
        list(model, theme, Rect { width: body.width - side - 3, ..body }, buffer);
        let detail = Rect { x: body.right() - side, width: side, ..body };
        beside(model, theme, detail, buffer);
        return cursor;
    }
    let under = match body.height {
        0..10 => 2,
        10..15 => 5,
        _ => 9,
    };
    let height = body.height.saturating_sub(under + 1);
    list(model, theme, Rect { height, ..body }, buffer);
    let detail = below(body, height + 1);
    if body.height >= 10 {
        rule(buffer, body, body.y + height, theme.faint);
        underneath(model, theme, detail, buffer);
    } else {
        brief(model, theme, detail, buffer);
    }
    cursor
}

/// Draws the filters and the number of products. Returns the cursor while a search is typed.
fn filters(shop: &Shop, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let count = match (&shop.load, shop.total) {
        (Load::Loading, _) => "loading".to_owned(),
        (_, 1) => "1 product".to_owned(),
        (_, total) => format!("{total} products"),
    };
    let right = put_right(buffer, area.right(), area.y, &count, theme.dim, area.width);
    let room = |x: u16| right.saturating_sub(x + 1);
    let words = shop.search.value();
    if shop.typing || !words.is_empty() {
        let x = put(buffer, area.x, area.y, "/ ", theme.accent, room(area.x));
        let field = room(x).min(28);
        let (shown, at) = visible(&shop.search, field);
        if shop.typing {
            buffer.set_style(Rect { x, y: area.y, width: field, height: 1 }, theme.field);
        }
        let end = put(buffer, x, area.y, &shown, if shop.typing { theme.field } else { theme.strong }, field);
        let after = if shop.typing { x + field } else { end };
        put_all(buffer, after + 2, area.y, &pieces(shop, theme), room(after + 2));
        return shop.typing.then(|| Position::new(x + at.min(field), area.y));
    }
    put_all(buffer, area.x, area.y, &pieces(shop, theme), room(area.x));
    None
}

fn pieces<'a>(shop: &'a Shop, theme: &Theme) -> Vec<(&'a str, Style)> {
    let shelf = shop.category.as_deref().unwrap_or("All shelves");
    let mut pieces = vec![(shelf, if shop.category.is_some() { theme.strong } else { theme.text }), ("  ", theme.dim)];
    pieces.push((shop.sort_name(), theme.dim));
    if shop.in_stock {
        pieces.extend([("  ", theme.dim), ("only in stock", theme.strong)]);
    }
    pieces
}

/// Draws the categories as a column.
fn shelves(shop: &Shop, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let all: u32 = shop.categories.iter().map(|category| category.products).sum();
    let names = std::iter::once(("All shelves", all, shop.category.is_none())).chain(
        shop.categories
            .iter()
            .map(|c| (c.name.as_str(), c.products, shop.category.as_deref() == Some(c.name.as_str()))),
    );
    for (line, (name, count, chosen)) in names.enumerate().take(usize::from(area.height)) {
        let row = row(area, line);
        let style = if chosen { theme.accent } else { theme.dim };
        let right = put_right(buffer, row.right(), row.y, &count.to_string(), theme.dim, 6);
        put(buffer, row.x, row.y, name, style, right.saturating_sub(row.x + 1));
    }
}

fn list(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let shop = &model.shop;
    match &shop.load {
        Load::Loading => return placeholders(theme, area, buffer),
        // A shop that has just opened is still being filled.
        Load::Ready if model.embedded && shop.total == 0 && !shop.is_narrowed() => {
            return placeholders(theme, area, buffer);
        }
        Load::Failed(failure) => return failed(theme, area, "The shelves", failure, buffer),
        Load::Ready => {}
    }
    if shop.total == 0 {
        let more = match &shop.suggestion {
            Some(meant) => format!("Did you mean {meant:?}? Esc shows everything again."),
            None if shop.is_narrowed() => "Esc shows everything again.".to_owned(),
            None => "The shelves are empty.".to_owned(),
        };
        return instead(theme, area, "Nothing found", &more, buffer);
    }
    let first = first_line(shop.list.cursor, shop.total, area.height);
    for line in 0..usize::from(area.height).min(shop.total - first) {
        let chosen = first + line == shop.list.cursor;
        let row = row(area, line);
        if chosen {
            choose(theme, row, buffer);
        }
        match shop.items.get(first + line) {
            Some(product) => draw_row(model, theme, row, product, chosen, buffer),
            None => {
                put(buffer, row.x + 2, row.y, "· · · · · · · ·", theme.faint, row.width.saturating_sub(2));
            }
        }
    }
}

fn placeholders(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    for line in 0..area.height.min(8) {
        let long = u16::from(b"\x12\x0e\x15\x10\x0c\x13\x0f\x11"[usize::from(line)]);
        let y = area.y + line;
        put(buffer, area.x + 2, y, &"·".repeat(usize::from(long)), theme.faint, area.width.saturating_sub(12));
        put_right(buffer, area.right().saturating_sub(1), y, "··.··", theme.faint, 8);
    }
}

fn draw_row(model: &Model, theme: &Theme, row: Rect, product: &Product, chosen: bool, buffer: &mut Buffer) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let price = money::shown(product.price);
    let price_style = if product.compare_at_price.is_some() { theme.accent } else { theme.text };
    let end = row.right().saturating_sub(1);
    let mut right = put_right(buffer, end, row.y, &price, on_row(price_style), row.width).min(end.saturating_sub(9));
    let roomy = row.width >= 44;
    if product.compare_at_price.is_some() && roomy {
        right = put_right(buffer, right.saturating_sub(2), row.y, "sale", on_row(theme.accent), 4);
    }
    if roomy && (product.available <= SCARCE_STOCK || !product.active) {
        let (word, style) = stock(product, theme);
        right = put_right(buffer, right.saturating_sub(2), row.y, &word, on_row(style), 12);
    }
    let held = model.basket.quantity_of(&product.id);
    let note = match (chosen && model.shop.quantity > 1, held) {
        (true, _) => format!("+{}", model.shop.quantity),
        (false, 0) => String::new(),
        (false, held) => format!("{held}×"),
    };
    if !note.is_empty() {
        right = put_right(buffer, right.saturating_sub(2), row.y, &note, on_row(theme.accent), 3);
    }
    let style = if product.available == 0 || !product.active { theme.dim } else { theme.text };
    put(buffer, row.x + 2, row.y, &product.name, on_row(style), right.saturating_sub(row.x + 3));
}

/// Note on a price while the product service is unreachable.
const STALE: &str = "price as last known";

/// Maximum stock at which the remaining number is shown.
const SCARCE_STOCK: u32 = 10;

fn stock(product: &Product, theme: &Theme) -> (String, Style) {
    match (product.active, product.available) {
        (false, _) => ("withdrawn".to_owned(), theme.bad),
        (true, 0) => ("sold out".to_owned(), theme.bad),
        (true, left @ 1..=SCARCE_STOCK) => (format!("only {left} left"), theme.warn),
        (true, _) => ("in stock".to_owned(), theme.good),
    }
}

/// Draws the selected product in a column: picture, then text.
fn beside(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(product) = model.shop.selected() else { return };
    let mut rest = area;
    let words = 9;
    if let Some(PictureState::Here(picture)) = model.shop.pictures.get(&product.id) {
        let room = Rect { height: area.height.saturating_sub(words), ..area };
        let (_, height) = picture::draw(picture, theme, room, buffer);
        rest = below(area, if height > 0 { height + 1 } else { 0 });
    } else if product.has_picture && area.height >= 16 + words {
        rest = below(area, 17);
    }
    describe(model, product, theme, rest, buffer);
}

/// Draws the selected product under the list: picture at the left, text at the right.
fn underneath(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(product) = model.shop.selected() else { return };
    let mut rest = area;
    if product.has_picture && area.width >= 60 && area.height >= 8 {
        if let Some(PictureState::Here(picture)) = model.shop.pictures.get(&product.id) {
            picture::draw(picture, theme, Rect { width: 16, height: 8, ..area }, buffer);
        }
        rest = Rect { x: area.x + 19, width: area.width - 19, ..area };
    }
    describe(model, product, theme, rest, buffer);
}

/// Draws the selected product in two lines.
fn brief(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(product) = model.shop.selected() else { return };
    let (word, style) = stock(product, theme);
    let right = put_right(buffer, area.right(), area.y, &word, style, area.width);
    put(buffer, area.x, area.y, &product.name, theme.strong, right.saturating_sub(area.x + 1));
    let (more, style) = if product.stale { (STALE, theme.warn) } else { (product.description.as_str(), theme.dim) };
    put(buffer, area.x, area.y + 1, more, style, area.width);
}

fn describe(model: &Model, product: &Product, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut y = area.y;
    for line in wrap(&product.name, area.width).into_iter().take(2) {
        put(buffer, area.x, y, &line, theme.strong, area.width);
        y += 1;
    }
    y = prices(model, product, theme, Rect { y, height: area.bottom().saturating_sub(y), ..area }, buffer);
    let spacious = area.height >= 12;
    y += u16::from(spacious);
    for line in wrap(&product.description, area.width.min(64)) {
        if y >= area.bottom() {
            return;
        }
        let last = y + 1 == area.bottom();
        put(buffer, area.x, y, &if last { format!("{line} …") } else { line }, theme.dim, area.width);
        y += 1;
    }
    y += u16::from(spacious);
    let label = product.attributes.keys().map(|key| width(key)).max().unwrap_or(0).min(14);
    for (key, value) in &product.attributes {
        if y >= area.bottom() {
            return;
        }
        put(buffer, area.x, y, &key.replace('_', " "), theme.dim, label);
        put(buffer, area.x + label + 2, y, value, theme.text, area.width.saturating_sub(label + 2));
        y += 1;
    }
}

/// Draws price and stock; returns the line below.
fn prices(model: &Model, product: &Product, theme: &Theme, area: Rect, buffer: &mut Buffer) -> u16 {
    let (word, stock_style) = stock(product, theme);
    let price = money::shown(product.price);
    let was = product.compare_at_price.map(money::shown);
    let mut pieces = vec![(price.as_str(), theme.accent)];
    if let Some(was) = &was {
        pieces.extend([("  was ", theme.dim), (was.as_str(), theme.struck)]);
    }
    pieces.extend([("  ", theme.dim), (word.as_str(), stock_style)]);
    put_all(buffer, area.x, area.y, &pieces, area.width);
    let mut y = area.y + 1;
    if product.stale {
        put(buffer, area.x, y, STALE, theme.warn, area.width);
        y += 1;
    }
    let held = model.basket.quantity_of(&product.id);
    if held > 0 && area.height >= 8 {
        put(buffer, area.x, y, &format!("{held} in the basket"), theme.accent, area.width);
        y += 1;
    }
    if product.in_baskets > 0 && area.height >= 8 {
        let others = match product.in_baskets {
            1 => "1 other has it in their basket".to_owned(),
            others => format!("{others} others have it in their basket"),
        };
        put(buffer, area.x, y, &others, theme.dim, area.width);
        y += 1;
    }
    y
}
