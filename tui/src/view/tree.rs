//! Draws the timeline as a tree: under each event its effects.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::event_text;
use crate::state::{Model, OpenOrder, TreeRow};
use crate::view::event::context;
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::when;

/// Maximum depth that is drawn; deeper branches are drawn there too.
const MAX_DEPTH: usize = 12;

pub(super) fn draw(model: &Model, open: &OpenOrder, theme: &Theme, area: Rect, surface: &mut Surface<'_>) {
    let rows = open.tree.rows();
    let cursor = open.tree.row_of(open.list.cursor);
    for (line, row, chosen) in surface.list(theme, area, cursor, rows.len()) {
        let Some(at) = rows.get(line) else { continue };
        draw_row(model, open, at, (row, chosen), theme, surface);
    }
}

fn draw_row(
    model: &Model,
    open: &OpenOrder,
    at: &TreeRow,
    (row, chosen): (Rect, bool),
    theme: &Theme,
    surface: &mut Surface<'_>,
) {
    let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
    let room = |x: u16| row.right().saturating_sub(x);
    let event = &open.events[at.place];
    let mut right = row.right();
    let mut x = row.x + 2;
    if row.width >= 60 {
        put_right(surface, x + 6, row.y, &event.position.to_string(), on_row(theme.dim), 6);
        x += 8;
        // The time since its cause.
        if let Some(cause) = open.tree.cause(at.place) {
            let after = event.time.unix_ms().saturating_sub(open.events[cause].time.unix_ms());
            right = put_right(
                surface,
                right,
                row.y,
                &format!("+{}", when::span_as(model.spans, after)),
                on_row(theme.dim),
                9,
            );
        } else {
            right = put_right(surface, right, row.y, "a command", on_row(theme.dim), 9);
        }
        right = right.min(row.right() - 9).saturating_sub(1);
    }
    x = put(surface, x, row.y, &branch(at), on_row(theme.dim), room(x));
    let kind = event_text::stream_kind(event);
    let what = event.kind.split_once('.').map_or(event.kind.as_str(), |(_, what)| what).replace('_', " ");
    x = put(surface, x, row.y, kind, on_row(context(kind, theme)), right.saturating_sub(x)) + 1;
    x = put(surface, x, row.y, &what, on_row(theme.text), right.saturating_sub(x)) + 2;
    let meaning = event_text::describe(event);
    if meaning != what && row.width >= 60 {
        put(surface, x, row.y, &meaning, on_row(theme.dim), right.saturating_sub(x));
    }
}

/// The lines that lead to an event: `│  ├─ `.
fn branch(at: &TreeRow) -> String {
    let mut text = String::new();
    if at.depth == 0 {
        return text;
    }
    let from = at.depth.saturating_sub(MAX_DEPTH);
    if from > 0 {
        text.push_str("… ");
    }
    for depth in from + 1..at.depth {
        text.push_str(if depth < 64 && at.rails & (1 << depth) != 0 { "│  " } else { "   " });
    }
    text.push_str(if at.last { "└─ " } else { "├─ " });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lead_from_a_cause_to_its_effects() {
        let row = |depth, last, rails| TreeRow { place: 0, depth, last, rails };
        assert_eq!(branch(&row(0, true, 0)), "");
        assert_eq!(branch(&row(1, false, 0)), "├─ ");
        assert_eq!(branch(&row(2, true, 0b10)), "│  └─ ");
        assert_eq!(branch(&row(2, true, 0)), "   └─ ");
        assert!(branch(&row(200, true, 0)).starts_with("…"));
    }
}
