//! Draws the list of screens that can stand beside the open one.

use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use crate::keys::Context;
use crate::state::{Model, Panes, Screen};
use crate::view::help::frame;
use crate::view::surface::Surface;
use crate::view::theme::Theme;
use crate::view::widgets::OneLine;

pub(super) fn draw(open: &Panes, model: &Model, theme: &Theme, screen: Rect, surface: &mut Surface<'_>) {
    let high = u16::try_from(open.lines.len()).unwrap_or(8) + 2;
    let area = frame(" Beside this screen ", theme, screen, (34, high), surface);
    for (place, row, chosen) in surface.list(theme, area, open.list.cursor, open.lines.len()) {
        let Some(line) = open.lines.get(place).copied() else { continue };
        let style = if chosen { theme.text.patch(theme.selected) } else { theme.text };
        let inside = Rect { x: row.x + 2, width: row.width.saturating_sub(3), ..row };
        OneLine::new(Span::styled(Panes::name(line), style)).render(inside, surface);
        let shown = if line == model.pane { "shown" } else { "" };
        let tab = line.filter(|screen| *screen != Screen::Order);
        let key = tab.map(|screen| model.keys.label(Context::Shop, screen.opened_by())).unwrap_or_default();
        let side = if shown.is_empty() { key.as_str() } else { shown };
        let style = if chosen { theme.dim.patch(theme.selected) } else { theme.dim };
        OneLine::right(Span::styled(side, style)).render(inside, surface);
    }
}
