//! Draws the line above a list that can be searched.

use ratatui::layout::{Position, Rect};
use tui_input::Input;

use crate::view::surface::Surface;
use crate::view::text::{put, put_right, visible};
use crate::view::theme::Theme;

/// Draws the head of a list: its title, the search and the number of lines; returns the search's cursor.
pub(super) fn draw(
    what: &str,
    (search, typing): (&Input, bool),
    count: &str,
    theme: &Theme,
    area: Rect,
    surface: &mut Surface<'_>,
) -> Option<Position> {
    let right = put_right(surface, area.right(), area.y, count, theme.dim, 16);
    let room = |x: u16| right.saturating_sub(x + 1);
    let mut x = put(surface, area.x, area.y, what, theme.text, room(area.x)) + 2;
    if !typing && search.value().is_empty() {
        return None;
    }
    x = put(surface, x, area.y, "/ ", theme.accent, room(x));
    let field = room(x).min(28);
    let (shown, at) = visible(search, field);
    if typing {
        surface.set_style(Rect { x, width: field, height: 1, ..area }, theme.field);
    }
    put(surface, x, area.y, &shown, if typing { theme.field } else { theme.strong }, field);
    typing.then(|| Position::new(x + at.min(field), area.y))
}
