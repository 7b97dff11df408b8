//! Draws events as lines, and one event in full.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::Event;

use crate::event_text;
use crate::state::{Model, OpenOrder};
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::{json, row, when};

/// The start of an event's line.
pub(super) struct LinePrefix<'a> {
    /// The time or the elapsed time, right-aligned in `time_width` cells.
    pub(super) time: &'a str,
    pub(super) time_width: u16,
}

/// Draws position, time, stream, event and description; as much as fits, the description is dropped first.
pub(super) fn line(
    event: &Event,
    start: &LinePrefix<'_>,
    chosen: bool,
    theme: &Theme,
    row: Rect,
    surface: &mut Surface<'_>,
) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let room = |x: u16| row.right().saturating_sub(x);
    let mut x = row.x + 2;
    if row.width >= 60 {
        let position = event.position.to_string();
        put_right(surface, x + 6, row.y, &position, on_row(theme.dim), 6);
        x += 8;
    }
    if row.width >= 50 || start.time_width <= 8 {
        put_right(surface, x + start.time_width, row.y, start.time, on_row(theme.dim), start.time_width);
        x += start.time_width + 2;
    }
    let kind = event_text::stream_kind(event);
    let what = event.kind.split_once('.').map_or(event.kind.as_str(), |(_, what)| what).replace('_', " ");
    if row.width < 50 {
        let x = put(surface, x, row.y, kind, on_row(context(kind, theme)), room(x)) + 1;
        put(surface, x, row.y, &what, on_row(theme.text), room(x));
        return;
    }
    put(surface, x, row.y, kind, on_row(context(kind, theme)), 8);
    x += 10;
    let named = if row.width >= 72 { 20 } else { 15 };
    put(surface, x, row.y, &what, on_row(theme.text), named.min(room(x)));
    x += named + 2;
    put(surface, x, row.y, &event_text::describe(event), on_row(theme.dim), room(x));
}

/// The time since the previous event of an order: `+12 ms`.
pub(super) fn elapsed(model: &Model, open: &OpenOrder, place: usize) -> String {
    format!("+{}", when::span_as(model.spans, open.gap_before_ms(place)))
}

/// Draws an event with all its fields.
pub(super) fn whole(event: &Event, time: &str, scroll: usize, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let facts = [
        ("position", event.position.to_string()),
        ("type", format!("{} v{}", event.kind, event.schema_version)),
        ("stream", format!("{} @ {}", event.stream, event.version)),
        ("time", time.to_owned()),
        ("actor", event.actor.clone()),
        ("cause", event.causation_id.clone().unwrap_or_else(|| "none".to_owned())),
        ("about", event.correlation_id.clone()),
        ("id", event.id.to_string()),
    ];
    let facts = facts.iter().take(if area.height < 14 { 4 } else { facts.len() });
    let mut line = 0;
    for (label, value) in facts {
        let row = row(area, line);
        if row.height == 0 {
            return;
        }
        put(surface, row.x, row.y, label, theme.dim, 9);
        put(surface, row.x + 10, row.y, value, theme.text, row.width.saturating_sub(10));
        line += 1;
    }
    line += 1;
    let lines = json::lines(&event.data, area.width);
    let room = usize::from(area.height).saturating_sub(line);
    let first = scroll.min(lines.len().saturating_sub(room));
    for (place, text) in lines.iter().skip(first).take(room).enumerate() {
        let row = row(area, line + place);
        // A cut end is marked.
        let cut = (place == 0 && first > 0) || (place + 1 == room && first + room < lines.len());
        let (text, style) = if cut { ("…", theme.dim) } else { (text.as_str(), theme.text) };
        put(surface, row.x, row.y, text, style, row.width);
    }
}

/// The style of an event's context; contexts that shoppers see differ from internal ones.
pub(super) fn context(kind: &str, theme: &Theme) -> Style {
    match kind {
        "order" => theme.accent,
        "payment" => theme.good,
        "stock" | "product" => theme.dim,
        _ => theme.text,
    }
}
