//! Draws the palette.

use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::keys::{Action, Context};
use crate::state::{Model, Palette};
use crate::view::help::frame;
use crate::view::surface::Surface;
use crate::view::text::{put, visible, width};
use crate::view::theme::Theme;
use crate::view::widgets::OneLine;

/// Draws it over the screen; returns the cursor of the field.
pub(super) fn draw(
    palette: &Palette,
    model: &Model,
    theme: &Theme,
    screen: Rect,
    surface: &mut Surface<'_>,
) -> Option<Position> {
    let lines = palette.lines(&model.account);
    let size = (72, screen.height.saturating_sub(4).clamp(10, 26));
    let area = frame(" What to do, what to find ", theme, screen, size, surface);
    let [head, _, list, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
            .areas(area);
    let x = put(surface, head.x, head.y, "> ", theme.accent, head.width);
    let field = Rect { x, width: head.right().saturating_sub(x), ..head };
    surface.set_style(field, theme.field);
    let (shown, at) = visible(&palette.filter, field.width);
    put(surface, x, head.y, &shown, theme.field, field.width);
    if palette.filter.value().is_empty() {
        let what = "an action, a product, an order, an invoice, a mail";
        OneLine::new(Span::styled(what, theme.field.patch(theme.dim))).render(field, surface);
    }
    for (place, row, chosen) in surface.list(theme, list, palette.list.cursor, lines.len()) {
        let Some(entry) = lines.get(place) else { continue };
        let on_row = |style: Style| if chosen { style.patch(theme.selected) } else { style };
        let (side, style) = if entry.key.is_empty() { (&entry.about, theme.dim) } else { (&entry.key, theme.accent) };
        let inside = Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row };
        let [text, _, about] = Layout::horizontal([
            Constraint::Fill(1),
            Constraint::Length(1),
            Constraint::Length(width(side).min(inside.width / 2)),
        ])
        .areas(inside);
        OneLine::new(Span::styled(entry.text.as_str(), on_row(theme.text))).render(text, surface);
        OneLine::right(Span::styled(side.as_str(), on_row(style))).render(about, surface);
    }
    let line = match lines.get(palette.list.cursor) {
        Some(entry) => {
            let enter = model.keys.label(Context::Help, Action::RunHelp);
            let words = format!(" {}", entry.command.outcome());
            Line::from_iter([Span::styled(enter, theme.accent), Span::styled(words, theme.dim)])
        }
        None if palette.search_at.is_some() => Line::styled("Looking…", theme.dim),
        None => Line::styled("Nothing is called that.", theme.dim),
    };
    OneLine::new(line).render(Rect { x: foot.x + 2, width: foot.width.saturating_sub(2), ..foot }, surface);
    Some(Position::new(x + at.min(field.width), head.y))
}
