//! Draws the timeline as lanes: a column for each part of the shop, an arrow from each cause to its event. Long gaps
//! are folded into a line of their own.

use ratatui::layout::Rect;
use ratatui::style::Style;
use storefront_api::Event;

use crate::event_text;
use crate::state::{Model, OpenOrder};
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::{below, event, row, when};

/// The lanes from left to right: their names, and short ones for narrow screens.
const LANES: [(&str, &str); 6] = [
    ("shopper", "you"),
    ("order", "order"),
    ("checkout", "check"),
    ("stock", "stock"),
    ("payment", "pay"),
    ("mail", "mail"),
];
/// The lane of commands.
const SHOPPER: usize = 0;
/// Minimum gap that is folded.
const LONG_GAP_MS: i64 = 60_000;

/// The lane of an event, by its stream; unknown streams are in the lane of the order.
fn lane(event: &Event) -> usize {
    match event_text::stream_kind(event) {
        "checkout" => 2,
        "stock" | "product" => 3,
        "payment" | "wallet" | "invoice" => 4,
        "email" => 5,
        _ => 1,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Event(usize),
    Gap(i64),
}

pub(super) fn draw(model: &Model, open: &OpenOrder, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let times: u16 = if area.width >= 60 { 11 } else { 2 };
    let wide = area.width.saturating_sub(times) / 6;
    let x_of = |lane: usize| area.x + times + wide * u16::try_from(lane).unwrap_or(0);
    for (place, (name, short)) in LANES.iter().enumerate() {
        let name = if wide >= 10 { name } else { short };
        put(surface, x_of(place), area.y, name, theme.dim, wide.max(1));
    }
    let body = below(area, 1);
    for (line_number, line) in window(open, usize::from(body.height)).into_iter().enumerate() {
        let row = row(body, line_number);
        let chosen = line == Line::Event(open.list.cursor);
        if let Line::Event(place) = line {
            surface.line(theme, row, place, open.list.cursor);
        }
        let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
        for lane in 0..LANES.len() {
            put(surface, x_of(lane), row.y, "│", on_row(theme.faint), 1);
        }
        match line {
            Line::Gap(gap_ms) => {
                let text = format!("⋯ {}", when::span_as(model.spans, gap_ms));
                put(surface, area.x + 2, row.y, &text, theme.dim, times.max(10).saturating_sub(2));
            }
            Line::Event(place) => {
                if times > 2 {
                    let time = event::elapsed(model, open, place);
                    put_right(surface, area.x + 10, row.y, &time, on_row(theme.dim), 8);
                }
                draw_event(open, place, &on_row, theme, (row, &x_of), surface);
            }
        }
    }
}

/// Draws the arrow and the name of an event.
fn draw_event(
    open: &OpenOrder,
    place: usize,
    on_row: &dyn Fn(Style) -> Style,
    theme: &Theme,
    (row, x_of): (Rect, &dyn Fn(usize) -> u16),
    surface: &mut Surface<'_>,
) {
    let event = &open.events[place];
    let to = lane(event);
    let from = open.tree.cause(place).map_or(SHOPPER, |cause| lane(&open.events[cause]));
    let what = event.kind.split_once('.').map_or(event.kind.as_str(), |(_, what)| what).replace('_', " ");
    let (x, y) = (x_of(to), row.y);
    let line = on_row(theme.accent);
    let end = match from.cmp(&to) {
        std::cmp::Ordering::Less => {
            put(surface, x_of(from), y, "●", line, 1);
            for x in x_of(from) + 1..x {
                put(surface, x, y, "─", on_row(theme.dim), 1);
            }
            put(surface, x, y, "▶", line, 1)
        }
        std::cmp::Ordering::Equal => put(surface, x, y, "●", line, 1),
        std::cmp::Ordering::Greater => {
            for x in x + 1..x_of(from) {
                put(surface, x, y, "─", on_row(theme.dim), 1);
            }
            put(surface, x_of(from), y, "●", line, 1);
            put(surface, x, y, "◀", line, 1)
        }
    };
    let end = put(surface, end, y, " ", on_row(theme.text), 1);
    let end = put(surface, end, y, &what, on_row(theme.text), row.right().saturating_sub(end));
    put(surface, end, y, " ", on_row(theme.text), 1);
}

/// The lines that fit, with the selected event near the middle.
fn window(open: &OpenOrder, room: usize) -> Vec<Line> {
    let folded = |place: usize| open.gap_before_ms(place) >= LONG_GAP_MS;
    let above = room / 2;
    // At most `room` events matter on either side, however many there are.
    let first = open.list.cursor.saturating_sub(room);
    let last = (open.list.cursor + room + 1).min(open.events.len());
    let mut lines = Vec::new();
    let mut cursor = 0;
    for place in first..last {
        if folded(place) {
            lines.push(Line::Gap(open.gap_before_ms(place)));
        }
        if place == open.list.cursor {
            cursor = lines.len();
        }
        lines.push(Line::Event(place));
    }
    let start = cursor.saturating_sub(above).min(lines.len().saturating_sub(room));
    lines.into_iter().skip(start).take(room).collect()
}

#[cfg(test)]
mod tests {
    use storefront_api::{OrderId, Timestamp};
    use uuid::Uuid;

    use super::*;
    use crate::update::tests::world::an_event;

    fn opened(times_ms: &[i64]) -> OpenOrder {
        let mut open = OpenOrder::new(OrderId(Uuid::nil()));
        let event = |(at, time): (u64, &i64)| Event {
            time: Timestamp::from_unix_ms(*time),
            ..an_event(at, "order.started", "7")
        };
        open.append((1..).zip(times_ms).map(event).collect(), 0);
        open
    }

    #[test]
    fn a_long_gap_takes_one_line() {
        let open = opened(&[0, 5, 180_005, 180_006]);
        let lines = [Line::Event(0), Line::Event(1), Line::Gap(180_000), Line::Event(2), Line::Event(3)];
        assert_eq!(window(&open, 9), lines);
        assert_eq!(window(&open, 2), lines[3..]);
    }

    #[test]
    fn the_chosen_event_is_always_in_sight() {
        let times: Vec<i64> = (0..40).map(|at| at * 90_000).collect();
        let mut open = opened(&times);
        for place in 0..40 {
            open.select(place);
            for room in 1..12 {
                let lines = window(&open, room);
                assert!(lines.contains(&Line::Event(place)) && lines.len() <= room, "{place} in {room}: {lines:?}");
            }
        }
    }
}
