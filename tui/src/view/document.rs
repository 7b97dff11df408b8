//! Draws a document over the screen: between the header and the hint bar, as wide as its text where that fits.

use ratatui::layout::Rect;
use ratatui::widgets::{Block, BorderType, Borders, Clear, Widget};

use crate::state::{DocumentView, Load, Page};
use crate::view::surface::Surface;
use crate::view::text::{put, put_right};
use crate::view::theme::Theme;
use crate::view::{failed, instead, row};

pub(super) fn draw(paper: &DocumentView, theme: &Theme, screen: Rect, surface: &mut Surface<'_>) {
    let size = (screen.width, screen.height);
    let (wide, high) = DocumentView::room(size);
    let boxed = screen.width >= wide + 6;
    let over = Rect { y: screen.y + 1, height: high + 2, ..screen };
    let over = if boxed { Rect { x: screen.x + (screen.width - wide - 4) / 2, width: wide + 4, ..over } } else { over };
    let title = match paper.page() {
        Page::Document(number) => format!(" {number} "),
        Page::Mail(_) => " Mail ".to_owned(),
    };
    surface.cover();
    Clear.render(over, surface);
    surface.set_style(over, theme.text);
    Block::new()
        .borders(if boxed { Borders::ALL } else { Borders::TOP | Borders::BOTTOM })
        .border_type(BorderType::Rounded)
        .border_style(theme.faint)
        .title(title)
        .title_style(theme.strong)
        .render(over, surface);
    let margin = if boxed { 2 } else { 1 };
    let area = Rect { x: over.x + margin, y: over.y + 1, width: over.width - 2 * margin, height: high };
    match &paper.load {
        Load::Loading => return instead(theme, area, "Fetching it", "A moment, please.", surface),
        Load::Failed(failure) => return failed(theme, area, "The document", failure, surface),
        Load::Ready => {}
    }
    let lines = paper.lines(size);
    let room = usize::from(high);
    let first = paper.scroll.min(lines.len().saturating_sub(room));
    for (place, line) in lines.iter().skip(first).take(room).enumerate() {
        put(surface, area.x, row(area, place).y, line, theme.text, area.width);
    }
    // The rule below shows which page this is, and how much follows.
    let (at, count) = paper.place();
    if count > 1 {
        put(surface, area.x, area.bottom(), &format!(" {at} of {count} "), theme.dim, area.width);
    }
    let more = lines.len().saturating_sub(first + room);
    if more > 0 {
        put_right(surface, area.right(), area.bottom(), &format!(" ↓ {more} more "), theme.dim, area.width);
    }
}
