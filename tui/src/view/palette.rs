//! Draws the palette.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::state::Palette;
use crate::view::help::frame;
use crate::view::text::{first_line, put, put_right, visible, width};
use crate::view::theme::Theme;
use crate::view::{below, choose, row};

/// Draws it over the screen; returns the cursor of the field.
pub(super) fn draw(palette: &Palette, theme: &Theme, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
    let lines = palette.lines();
    let area = frame(" What to do ", theme, screen, (64, screen.height.saturating_sub(4).clamp(10, 24)), buffer);
    let head = row(area, 0);
    let x = put(buffer, head.x, head.y, "> ", theme.accent, head.width);
    let room = head.right().saturating_sub(x);
    buffer.set_style(Rect { x, width: room, ..head }, theme.field);
    let (shown, at) = visible(&palette.filter, room);
    put(buffer, x, head.y, &shown, theme.field, room);
    let list = below(area, 2);
    let first = first_line(palette.list.cursor, lines.len(), list.height);
    for (place, entry) in lines.iter().enumerate().skip(first).take(usize::from(list.height)) {
        let row = row(list, place - first);
        let chosen = place == palette.list.cursor;
        let (text, key) = if chosen {
            choose(theme, row, buffer);
            (theme.text.patch(theme.selected), theme.accent.patch(theme.selected))
        } else {
            (theme.text, theme.accent)
        };
        put_right(buffer, row.right(), row.y, &entry.key, key, 10);
        let taken = if entry.key.is_empty() { 0 } else { width(&entry.key) + 1 };
        put(buffer, row.x + 2, row.y, &entry.text, text, row.width.saturating_sub(2 + taken));
    }
    if lines.is_empty() {
        put(buffer, list.x + 2, list.y, "Nothing here is called that.", theme.dim, list.width);
    }
    Some(Position::new(x + at.min(room), head.y))
}
