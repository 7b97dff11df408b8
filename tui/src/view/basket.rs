//! Draws the basket: lines, notices and totals.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::money;
use crate::state::{Line, Load, Model, reopen_reason_text};
use crate::view::text::{first_line, put, put_right, rule, wrap_into};
use crate::view::theme::Theme;
use crate::view::{below, choose, failed, instead, row};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let lines = model.basket.lines();
    if lines.is_empty() {
        return match &model.basket.load {
            Load::Loading => instead(theme, area, "Looking into the basket", "A moment, please.", buffer),
            Load::Failed(failure) => failed(theme, area, "The basket", failure, buffer),
            Load::Ready => {
                instead(theme, area, "The basket is empty", "1 leads to the shop; Enter there puts things in.", buffer)
            }
        };
    }
    let area = Rect { width: area.width.min(96), ..area };
    let mut body = area;
    if let Some(reason) = model.basket.reopened_because() {
        let roomy = area.height >= 16;
        let notice = wrap_into(&reopen_reason_text(reason), body.width, if roomy { 2 } else { 1 });
        for (line, text) in notice.iter().enumerate() {
            put(buffer, body.x, row(body, line).y, text, theme.bad, body.width);
        }
        body = below(body, if roomy { 3 } else { 1 });
    }
    let totals = totals(model);
    let totals_height = u16::try_from(totals.len() + 1).unwrap_or(3).min(body.height / 2);
    let room = body.height - totals_height;
    let per_line = per_line(&lines, room);
    let wanted = u16::try_from(lines.len() * per_line).unwrap_or(room);
    let height = room.min(wanted);
    draw_lines(model, &lines, per_line, theme, Rect { height, ..body }, buffer);
    let gap = u16::from(room >= height + 2);
    draw_totals(&totals, theme, Rect { height: totals_height, ..below(body, height + gap) }, buffer);
}

fn draw_lines(model: &Model, lines: &[Line], per_line: usize, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let tall = per_line > 1;
    let room = usize::from(area.height) / per_line;
    let cursor = model.basket.list.cursor;
    let first = first_line(cursor, lines.len(), u16::try_from(room).unwrap_or(u16::MAX));
    for (place, line) in lines.iter().enumerate().skip(first).take(room) {
        let at = row(area, (place - first) * per_line);
        let chosen = place == cursor;
        if chosen {
            choose(theme, at, buffer);
        }
        draw_row(line, theme, at, chosen, buffer);
        if let Some(notice) = &line.notice
            && tall
        {
            let under = row(area, (place - first) * per_line + 1);
            put(buffer, under.x + 2, under.y, &format!("! {notice}"), theme.bad, under.width.saturating_sub(2));
        }
    }
}

/// Rows per line: a second one for notices, if there are any and there is room.
fn per_line(lines: &[Line], height: u16) -> usize {
    let noticed = lines.iter().any(|line| line.notice.is_some());
    if noticed && height >= 4 { 2 } else { 1 }
}

fn draw_row(line: &Line, theme: &Theme, row: Rect, chosen: bool, buffer: &mut Buffer) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let total = money::shown(line.total());
    put_right(buffer, row.right().saturating_sub(1), row.y, &total, on_row(theme.text), 14);
    let mut right = row.right().saturating_sub(14);
    let quantity = if chosen { format!("− {:>2} +", line.quantity) } else { format!("{:>2}  ", line.quantity) };
    put_right(buffer, right, row.y, &quantity, on_row(if chosen { theme.accent } else { theme.text }), 8);
    right = right.saturating_sub(8);
    if row.width >= 64 {
        put_right(buffer, right, row.y, &money::shown(line.unit_price), on_row(theme.dim), 12);
        right = right.saturating_sub(13);
    }
    let mark = match (line.pending, line.notice.is_some()) {
        (true, _) => " …",
        (false, true) => " !",
        (false, false) => "",
    };
    let name = format!("{}{mark}", line.name);
    put(buffer, row.x + 2, row.y, &name, on_row(theme.text), right.saturating_sub(row.x + 3));
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

fn draw_totals(totals: &[(String, String)], theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    rule(buffer, area, area.y, theme.faint);
    let surplus = totals.len().saturating_sub(usize::from(area.height - 1));
    for (line, (label, amount)) in totals.iter().skip(surplus).enumerate() {
        let row = row(area, line + 1);
        let last = line + surplus + 1 == totals.len();
        let style = if last { theme.strong } else { theme.dim };
        put_right(buffer, row.right().saturating_sub(1), row.y, amount, style, 16);
        put_right(buffer, row.right().saturating_sub(18), row.y, label, style, 24);
    }
}
