//! Draws the names of a screen's parts, and the keys that switch between them.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::{Tabs, Widget};

use crate::view::surface::Surface;
use crate::view::text::{put, width};
use crate::view::theme::Theme;

/// Cells between two names.
const GAP: u16 = 2;

/// Draws all names where they fit, otherwise the open part's name and number; returns where that ends.
pub(super) fn draw(
    names: &[&str],
    open: usize,
    keys: &str,
    theme: &Theme,
    area: Rect,
    surface: &mut Surface<'_>,
) -> u16 {
    let room = |x: u16| area.right().saturating_sub(x);
    let all: u16 = names.iter().map(|name| width(name) + GAP).sum();
    let mut x = area.x;
    if all + width(keys) <= area.width {
        let style = |place: usize| if place == open { theme.tab } else { theme.dim };
        let titles = names.iter().enumerate().map(|(place, name)| Span::styled(*name, style(place)));
        // Each title has its style already.
        let tabs = Tabs::new(titles).select(open).divider("").padding("", "  ").highlight_style(Style::new());
        tabs.render(area, surface);
        x += all;
    } else {
        let name = names.get(open).copied().unwrap_or_default();
        x = put(surface, x, area.y, name, theme.tab, room(x)) + GAP;
        x = put(surface, x, area.y, &format!("{} of {}", open + 1, names.len()), theme.dim, room(x)) + GAP;
    }
    put(surface, x, area.y, keys, theme.accent, room(x))
}
