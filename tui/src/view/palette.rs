//! Draws the palette.

use ratatui::layout::{Position, Rect};

use crate::state::Palette;
use crate::view::help::frame;
use crate::view::surface::Surface;
use crate::view::text::{put, put_right, visible, width};
use crate::view::theme::Theme;
use crate::view::{below, row};

/// Draws it over the screen; returns the cursor of the field.
pub(super) fn draw(palette: &Palette, theme: &Theme, screen: Rect, surface: &mut Surface<'_>) -> Option<Position> {
    let lines = palette.lines();
    let area = frame(" What to do ", theme, screen, (64, screen.height.saturating_sub(4).clamp(10, 24)), surface);
    let head = row(area, 0);
    let x = put(surface, head.x, head.y, "> ", theme.accent, head.width);
    let room = head.right().saturating_sub(x);
    surface.set_style(Rect { x, width: room, ..head }, theme.field);
    let (shown, at) = visible(&palette.filter, room);
    put(surface, x, head.y, &shown, theme.field, room);
    let list = below(area, 2);
    for (place, row, chosen) in surface.list(theme, list, palette.list.cursor, lines.len()) {
        let Some(entry) = lines.get(place) else { continue };
        let (text, key) = if chosen {
            (theme.text.patch(theme.selected), theme.accent.patch(theme.selected))
        } else {
            (theme.text, theme.accent)
        };
        put_right(surface, row.right(), row.y, &entry.key, key, 10);
        let taken = if entry.key.is_empty() { 0 } else { width(&entry.key) + 1 };
        put(surface, row.x + 2, row.y, &entry.text, text, row.width.saturating_sub(2 + taken));
    }
    if lines.is_empty() {
        put(surface, list.x + 2, list.y, "Nothing here is called that.", theme.dim, list.width);
    }
    Some(Position::new(x + at.min(room), head.y))
}
