//! Draws the basket: lines with thumbnails, notices and totals; as a screen, and as a column beside the products.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Block, BorderType, Borders, Padding, Widget};
use storefront_api::ProductId;

use crate::keys::{Action, Context};
use crate::money;
use crate::state::{Line, Load, Model, PictureState, Screen, reopen_reason_text};
use crate::view::surface::Surface;
use crate::view::text::{first_line, put, put_right, rule, wrap_into};
use crate::view::theme::Theme;
use crate::view::widgets::{OneLine, Sprite};
use crate::view::{below, failed, instead, row};

/// Columns and rows of a thumbnail.
pub(super) const THUMBNAIL: (u16, u16) = (8, 4);
/// Rows of a line with a thumbnail.
const TALL: usize = 5;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let lines = model.basket.lines();
    if lines.is_empty() {
        return match &model.basket.load {
            Load::Loading => instead(theme, area, "Looking into the basket", "A moment, please.", surface),
            Load::Failed(failure) => failed(theme, area, "The basket", failure, surface),
            Load::Ready => instead(theme, area, "The basket is empty", &nothing(model), surface),
        };
    }
    let area = Rect { width: area.width.min(96), ..area };
    let mut body = area;
    if let Some(reason) = model.basket.reopened_because() {
        let roomy = area.height >= 16;
        let notice = wrap_into(&reopen_reason_text(reason), body.width, if roomy { 2 } else { 1 });
        for (row, text) in body.rows().zip(&notice) {
            OneLine::new(Text::styled(text, theme.bad)).render(row, surface);
        }
        body = below(body, if roomy { 3 } else { 1 });
    }
    let totals = totals(model);
    let totals_height = u16::try_from(totals.len() + 1).unwrap_or(3).min(body.height / 2);
    let room = body.height - totals_height;
    let per_line = per_line(&lines, room);
    let wanted = u16::try_from(lines.len() * per_line).unwrap_or(room);
    let height = room.min(wanted);
    draw_lines(model, &lines, per_line, theme, Rect { height, ..body }, surface);
    let gap = u16::from(room >= height + 2 && per_line < TALL);
    draw_totals(&totals, theme, Rect { height: totals_height, ..below(body, height + gap) }, surface);
}

/// What leads on where nothing is in the basket.
fn nothing(model: &Model) -> String {
    let shop = model.keys.label(Context::Basket, Action::GoShop);
    let add = model.keys.label(Context::Shop, Action::Add);
    format!("{shop} leads to the shop; {add} there puts things in.")
}

fn draw_lines(model: &Model, lines: &[Line], per_line: usize, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let room = usize::from(area.height) / per_line;
    let cursor = model.basket.list.cursor;
    let first = first_line(cursor, lines.len(), u16::try_from(room).unwrap_or(u16::MAX));
    for (place, line) in lines.iter().enumerate().skip(first).take(room) {
        let top = row(area, (place - first) * per_line);
        let slot = Rect { height: u16::try_from(per_line).unwrap_or(1), ..top };
        surface.item(slot, place, cursor);
        let mut words = top;
        if per_line == TALL {
            let [image, _, rest] =
                Layout::horizontal([Constraint::Length(THUMBNAIL.0 + 2), Constraint::Length(1), Constraint::Fill(1)])
                    .areas(slot);
            let image = Rect { x: image.x + 2, width: THUMBNAIL.0, height: THUMBNAIL.1, ..image };
            thumbnail(model, &line.product_id, theme, image, surface);
            words = Rect { y: rest.y + 1, height: 1, ..rest };
        }
        let chosen = surface.line(theme, words, place, cursor);
        draw_row(line, theme, words, chosen, surface);
        if let Some(notice) = &line.notice
            && per_line > 1
        {
            let under = Rect { x: words.x + 2, y: words.y + 1, width: words.width.saturating_sub(2), height: 1 };
            OneLine::new(Text::styled(format!("! {notice}"), theme.bad)).render(under, surface);
        }
    }
}

/// Draws the small picture of a product, once it is here.
pub(super) fn thumbnail(model: &Model, id: &ProductId, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    if let Some(PictureState::Here(picture)) = model.shop.pictures.get(id) {
        Sprite::new(picture, theme).render(area, surface);
    }
}

/// Rows per line: as many as a thumbnail needs, or a second one for notices, if there is room.
fn per_line(lines: &[Line], height: u16) -> usize {
    let noticed = lines.iter().any(|line| line.notice.is_some());
    if lines.len() * TALL <= usize::from(height) {
        TALL
    } else if noticed && height >= 4 {
        2
    } else {
        1
    }
}

fn draw_row(line: &Line, theme: &Theme, row: Rect, chosen: bool, surface: &mut Surface<'_>) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let total = money::shown(line.total());
    put_right(surface, row.right().saturating_sub(1), row.y, &total, on_row(theme.text), 14);
    let mut right = row.right().saturating_sub(14);
    let quantity = if chosen { format!("− {:>2} +", line.quantity) } else { format!("{:>2}  ", line.quantity) };
    let x = put_right(surface, right, row.y, &quantity, on_row(if chosen { theme.accent } else { theme.text }), 8);
    if chosen {
        surface.button(Rect { x, width: 2, ..row }, Action::Fewer);
        surface.button(Rect { x: right.saturating_sub(2), width: 2, ..row }, Action::More);
    }
    right = right.saturating_sub(8);
    if row.width >= 64 {
        put_right(surface, right, row.y, &money::shown(line.unit_price), on_row(theme.dim), 12);
        right = right.saturating_sub(13);
    }
    let name = format!("{}{}", line.name, mark(line));
    put(surface, row.x + 2, row.y, &name, on_row(theme.text), right.saturating_sub(row.x + 3));
}

/// A sign behind a line that waits for the shop, or about which there is a notice.
const fn mark(line: &Line) -> &'static str {
    match (line.pending, line.notice.is_some()) {
        (true, _) => " …",
        (false, true) => " !",
        (false, false) => "",
    }
}

/// Texts below the lines; the last is the total to pay.
fn totals(model: &Model) -> Vec<(String, String)> {
    let basket = &model.basket;
    let mut totals = Vec::new();
    if let Some(order) = basket.order.as_ref().filter(|_| basket.pending.is_empty()) {
        if let Some((code, discount)) = basket.discount() {
            totals.push(("Subtotal".to_owned(), money::shown(order.subtotal)));
            totals.push((format!("Voucher {code}"), format!("−{}", money::shown(discount))));
        }
        for tax in &order.tax {
            totals.push((format!("includes VAT {} %", tax.rate_percent), money::shown(tax.amount)));
        }
    }
    if let Some((code, true)) = basket.voucher() {
        totals.push((format!("Voucher {code}"), "…".to_owned()));
    }
    totals.push(("Total".to_owned(), money::shown(basket.total())));
    totals
}

fn draw_totals(totals: &[(String, String)], theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    if area.height == 0 {
        return;
    }
    rule(surface, area, area.y, theme.faint);
    let surplus = totals.len().saturating_sub(usize::from(area.height - 1));
    for (line, (label, amount)) in totals.iter().skip(surplus).enumerate() {
        let row = row(area, line + 1);
        let last = line + surplus + 1 == totals.len();
        let style = if last { theme.strong } else { theme.dim };
        put_right(surface, row.right().saturating_sub(1), row.y, amount, style, 16);
        put_right(surface, row.right().saturating_sub(18), row.y, label, style, 24);
    }
}

/// Draws the basket beside the products.
pub(super) fn column(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let block = Block::new().borders(Borders::LEFT).border_style(theme.faint);
    let inside = block.inner(area);
    block.render(area, surface);
    let inside = Rect { x: inside.x + 2, width: inside.width.saturating_sub(2), ..inside };
    surface.button(inside, Action::GoBasket);
    let [head, _, body] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(inside);
    OneLine::new(Text::styled("Your basket", theme.strong)).render(head, surface);
    if model.basket.lines().is_empty() {
        let add = model.keys.label(Context::Shop, Action::Add);
        OneLine::new(Text::styled(format!("Nothing yet; {add} puts things in."), theme.dim)).render(body, surface);
        return;
    }
    let [bill, foot] = Layout::vertical([Constraint::Fill(1), Constraint::Length(2)]).areas(body);
    let used = bill_of(model, theme, bill, surface);
    let way_on = Rect { y: (bill.y + used + 1).min(foot.y + 1), height: 1, ..foot };
    let key = model.keys.label(Context::Shop, Action::CheckOut);
    let words = [Span::styled(key, theme.accent), Span::styled(" check out", theme.dim)];
    OneLine::new(Text::from_iter(words)).render(way_on, surface);
    surface.button(way_on, Action::CheckOut);
}

/// Draws what is bought beside the form of the checkout.
pub(super) fn receipt(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let block = Block::bordered().border_type(BorderType::Rounded).border_style(theme.faint);
    let block = block.title(" Your order ").title_style(theme.dim).padding(Padding::horizontal(1));
    let used = bill_of(model, theme, block.inner(area), surface);
    block.render(Rect { height: (used + 2).min(area.height), ..area }, surface);
}

/// Draws lines and totals, with thumbnails where all of them fit; returns the number of rows.
fn bill_of(model: &Model, theme: &Theme, area: Rect, surface: &mut Surface<'_>) -> u16 {
    let lines = model.basket.lines();
    let totals = totals(model);
    let room = usize::from(area.height).saturating_sub(totals.len() + 1);
    let per_line = [TALL, 2, 1].into_iter().find(|rows| lines.len() * rows <= room).unwrap_or(1);
    // Where not all lines fit, the last row says how many there are.
    let shown = if lines.len() * per_line <= room { lines.len() } else { room.saturating_sub(1) };
    let chosen = model.shop.selected().map(|product| &product.id).filter(|_| model.screen == Screen::Shop);
    for (place, line) in lines.iter().take(shown).enumerate() {
        let mut words = row(area, place * per_line);
        if per_line == TALL {
            let image = Rect { width: THUMBNAIL.0, height: THUMBNAIL.1, ..words };
            thumbnail(model, &line.product_id, theme, image, surface);
            let left = THUMBNAIL.0 + 2;
            words = Rect { x: words.x + left, y: words.y + 1, width: words.width.saturating_sub(left), height: 1 };
        }
        let style = if line.notice.is_some() {
            theme.bad
        } else if chosen == Some(&line.product_id) {
            theme.accent
        } else {
            theme.text
        };
        let sign = if line.notice.is_some() { "! " } else { "" };
        let waits = if line.pending { " …" } else { "" };
        let total = money::shown(line.total());
        let mut name = words;
        if per_line == 1 {
            let right = put_right(surface, words.right(), words.y, &total, style, 12);
            name.width = right.saturating_sub(words.x + 1);
        } else {
            let under = Rect { y: words.y + 1, ..words };
            OneLine::right(Text::styled(total, theme.text)).render(under, surface);
            if let Some(notice) = &line.notice {
                OneLine::new(Text::styled(notice.as_str(), theme.bad)).render(under, surface);
            }
        }
        let text = format!("{sign}{} × {}{waits}", line.quantity, line.name);
        OneLine::new(Text::styled(text, style)).render(name, surface);
    }
    let mut used = shown * per_line;
    if shown < lines.len() {
        let more = format!("and {} more", lines.len() - shown);
        OneLine::new(Text::styled(more, theme.dim)).render(row(area, used), surface);
        used += 1;
    }
    let line = row(area, used);
    rule(surface, line, line.y, theme.faint);
    for (place, (label, amount)) in totals.iter().enumerate() {
        let style = if place + 1 == totals.len() { theme.strong } else { theme.dim };
        let line = row(area, used + 1 + place);
        OneLine::new(Text::styled(label.as_str(), style)).render(line, surface);
        OneLine::right(Text::styled(amount.as_str(), style)).render(line, surface);
    }
    u16::try_from(used + 1 + totals.len()).unwrap_or(u16::MAX)
}
