//! Draws the timeline one event at a time: the position, the order as it was then, and what the event changed. The
//! state always comes from the shop.

use ratatui::layout::Rect;
use serde_json::Value;
use storefront_api::{FieldChange, Money, Order, OrderDiff, ReopenReason};

use crate::money;
use crate::state::{Model, OpenOrder, reopen_reason_text};
use crate::view::labels::{order_status, payment_status};
use crate::view::surface::Surface;
use crate::view::text::{put, put_right, wrap};
use crate::view::theme::Theme;
use crate::view::{below, event, row};

pub(super) fn draw(model: &Model, open: &OpenOrder, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let Some(selected) = open.selected() else { return };
    bar(open, theme, row(area, 0), surface);
    let line = row(area, 1);
    surface.choose(theme, line);
    let time = event::elapsed(model, open, open.list.cursor);
    let start = event::LinePrefix { time: &time, time_width: 8 };
    event::line(selected, &start, true, theme, line, surface);
    let body = below(area, if area.height >= 8 { 3 } else { 2 });
    if body.height == 0 {
        return;
    }
    let known = open.past.get(selected.position);
    let failed = open.past.failed.as_ref().filter(|(position, _)| *position == selected.position);
    if let (None, Some((_, failure))) = (known, failed) {
        let text = format!("The shop does not say: {}", failure.sentence());
        put(surface, body.x + 2, body.y, &text, theme.bad, body.width.saturating_sub(2));
        return;
    }
    let Some((at, diff)) = open.past.nearest(selected.position) else {
        put(surface, body.x + 2, body.y, "Asking the shop how it was then …", theme.dim, body.width);
        return;
    };
    let (title, changes) = if known.is_some() {
        ("The order then".to_owned(), change_texts(diff))
    } else {
        (format!("The order at {at}, until the shop tells"), vec!["…".to_owned()])
    };
    if body.width >= 76 {
        let left = body.width / 2;
        state(&title, diff.order.as_ref(), theme, Rect { width: left - 1, ..body }, surface);
        changes_list(&changes, theme, Rect { x: body.x + left + 1, width: body.width - left - 1, ..body }, surface);
    } else {
        let high = (u16::try_from(changes.len()).unwrap_or(u16::MAX)).saturating_add(1).min(body.height / 2).max(1);
        changes_list(&changes, theme, Rect { height: high, ..body }, surface);
        state(&title, diff.order.as_ref(), theme, below(body, high), surface);
    }
}

/// Draws the position: `◀ ━━━━●──── ▶ 7 of 14`.
fn bar(open: &OpenOrder, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let count = format!("{} of {}", open.list.cursor + 1, open.events.len());
    let right = put_right(surface, area.right(), area.y, &count, theme.text, 16).saturating_sub(3);
    let left = area.x + 2;
    put(surface, area.x, area.y, "◀", theme.accent, 1);
    put(surface, right + 1, area.y, "▶", theme.accent, 1);
    let cells = usize::from(right.saturating_sub(left)).max(1);
    let at = open.list.cursor * (cells - 1) / open.events.len().saturating_sub(1).max(1);
    for (cell, x) in (left..right).enumerate() {
        let (sign, style) = match cell.cmp(&at) {
            std::cmp::Ordering::Less => ("━", theme.accent),
            std::cmp::Ordering::Equal => ("●", theme.strong),
            std::cmp::Ordering::Greater => ("─", theme.faint),
        };
        put(surface, x, area.y, sign, style, 1);
    }
}

/// Draws the order as it was.
fn state(title: &str, order: Option<&Order>, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    put(surface, area.x, area.y, title, theme.dim, area.width);
    let mut lines = below(area, 1);
    if lines.height == 0 {
        return;
    }
    let Some(order) = order else {
        put(surface, lines.x + 2, lines.y, "It had not begun.", theme.text, lines.width);
        return;
    };
    let (word, style) = order_status(order.status, theme);
    let x = put(surface, lines.x + 2, lines.y, word, style, lines.width);
    let money_word = payment_status(order.payment_status);
    let version = format!("version {}", order.version);
    let right = put_right(surface, lines.right(), lines.y, &version, theme.dim, 14);
    put(surface, x + 2, lines.y, money_word, theme.dim, right.saturating_sub(x + 3));
    lines = below(lines, 1);
    let more = 1 + u16::from(order.reopened_because.is_some());
    let room = usize::from(lines.height.saturating_sub(more));
    let shown = if order.items.len() > room { room.saturating_sub(1) } else { order.items.len() };
    for (place, item) in order.items.iter().take(shown).enumerate() {
        let row = row(lines, place);
        let right = put_right(surface, row.right(), row.y, &money::shown(item.line_total), theme.text, 14);
        let name = format!("{} × {}", item.quantity, item.name);
        put(surface, row.x + 2, row.y, &name, theme.text, right.saturating_sub(row.x + 3));
    }
    let mut at = shown;
    if shown < order.items.len() {
        let row = row(lines, at);
        put(surface, row.x + 2, row.y, &format!("and {} more", order.items.len() - shown), theme.dim, row.width);
        at += 1;
    }
    let total = row(lines, at);
    if total.height == 0 {
        return;
    }
    put_right(surface, total.right(), total.y, &money::shown(order.total), theme.strong, 14);
    put(surface, total.x + 2, total.y, "Total", theme.strong, 8);
    if let Some(reason) = &order.reopened_because {
        let row = row(lines, at + 1);
        if row.height > 0 {
            put(surface, row.x + 2, row.y, &reopen_reason_text(reason), theme.warn, row.width.saturating_sub(2));
        }
    }
}

fn changes_list(changes: &[String], theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    put(surface, area.x, area.y, "What the event changed", theme.dim, area.width);
    let body = below(area, 1);
    let lines: Vec<String> = changes.iter().flat_map(|change| wrap(change, body.width.saturating_sub(4))).collect();
    let room = usize::from(body.height);
    for (place, text) in lines.iter().take(room).enumerate() {
        // The last line has all the rest, so that it shows where it is cut.
        let rest = if place + 1 == room { lines[place..].join(" ") } else { text.clone() };
        let row = row(body, place);
        put(surface, row.x + 2, row.y, &rest, theme.text, row.width.saturating_sub(2));
    }
}

/// All changes as texts.
fn change_texts(diff: &OrderDiff) -> Vec<String> {
    if diff.changes.is_empty() {
        return vec!["Nothing in the order itself.".to_owned()];
    }
    diff.changes.iter().map(change_text).collect()
}

fn change_text(change: &FieldChange) -> String {
    let name = change.path.trim_start_matches('/').replace('/', " › ").replace('_', " ");
    match (&change.before, &change.after) {
        (None, Some(after)) => format!("+ {name}: {}", value(after)),
        (Some(before), None) => format!("− {name}: {}", value(before)),
        (Some(before), Some(after)) => format!("{name}: {} → {}", value(before), value(after)),
        (None, None) => name,
    }
}

/// A value as a short text.
fn value(value: &Value) -> String {
    if let Ok(money) = serde_json::from_value::<Money>(value.clone()) {
        return money::shown(money);
    }
    if let Ok(reason) = serde_json::from_value::<ReopenReason>(value.clone()) {
        return reopen_reason_text(&reason);
    }
    match value {
        Value::String(text) => in_words(text),
        Value::Object(fields) => match (fields.get("quantity"), fields.get("name")) {
            (Some(quantity), Some(Value::String(name))) => format!("{quantity} × {name}"),
            _ => fields.values().map(self::value).collect::<Vec<_>>().join(", "),
        },
        Value::Array(items) => items.iter().map(self::value).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Replaces underscores in the names of states; other texts stay as they are.
fn in_words(text: &str) -> String {
    let is_name = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_name { text.replace('_', " ") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_described_in_words() {
        let change = |path: &str, before: Option<Value>, after: Option<Value>| {
            change_text(&FieldChange { path: path.to_owned(), before, after })
        };
        assert_eq!(
            change("/payment_status", Some(json!("pending")), Some(json!("paid"))),
            "payment status: pending → paid"
        );
        let line = json!({"product_id": "mug", "name": "Enamel mug", "quantity": 2});
        assert_eq!(change("/items/mug", None, Some(line)), "+ items › mug: 2 × Enamel mug");
        let total = |amount: i64| Some(json!({"amount": amount, "currency": "EUR"}));
        assert_eq!(change("/total", total(950), total(1900)), "total: 9.50 € → 19.00 €");
        assert_eq!(change("/email", Some(json!("a@b.c")), None), "− email: a@b.c");
    }
}
