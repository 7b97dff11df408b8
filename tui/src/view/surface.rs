//! The buffer of a frame together with the regions that take clicks: whatever draws something clickable registers it
//! where it draws it.

use std::ops::{Deref, DerefMut};

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Scrollbar, ScrollbarOrientation, ScrollbarState, StatefulWidget};

use crate::keys::Action;
use crate::state::Hit;
use crate::view::text::{first_line, put};
use crate::view::theme::Theme;

/// Mark before the selected line.
const MARK: &str = "▌";

/// The regions of a frame that take clicks.
#[derive(Debug, Default)]
pub(crate) struct Hits(Vec<(Rect, Hit)>);

impl Hits {
    /// What a click on a cell means; of regions that overlap, the one that was drawn last counts.
    pub(crate) fn at(&self, column: u16, row: u16) -> Option<Hit> {
        let cell = Position::new(column, row);
        self.0.iter().rev().find(|(area, _)| area.contains(cell)).map(|(_, hit)| *hit)
    }
}

/// What is drawn on.
pub(super) struct Surface<'a> {
    buffer: &'a mut Buffer,
    hits: Hits,
    cursor: Option<Position>,
}

impl<'a> Surface<'a> {
    pub(super) fn new(buffer: &'a mut Buffer) -> Self {
        Self { buffer, hits: Hits::default(), cursor: None }
    }

    pub(super) fn into_hits(self) -> Hits {
        self.hits
    }

    /// The cursor of the field that is typed in, when whatever draws it has placed it.
    pub(super) fn cursor(&self) -> Option<Position> {
        self.cursor
    }

    /// Places the cursor of the field that is typed in.
    pub(super) fn place_cursor(&mut self, at: Position) {
        self.cursor = Some(at);
    }

    /// What lies under a dialog takes no clicks any more.
    pub(super) fn cover(&mut self) {
        self.hits.0.clear();
    }

    /// Draws something that takes no clicks.
    pub(super) fn without_hits(&mut self, draw: impl FnOnce(&mut Self)) {
        let before = self.hits.0.len();
        draw(self);
        self.hits.0.truncate(before);
    }

    /// A region that runs an action.
    pub(super) fn button(&mut self, area: Rect, action: Action) {
        self.hits.0.push((area, Hit::Run(action)));
    }

    /// A region that stands for an item of a list without being drawn as the selected line.
    pub(super) fn item(&mut self, area: Rect, place: usize, cursor: usize) {
        let by = isize::try_from(place).unwrap_or(0) - isize::try_from(cursor).unwrap_or(0);
        self.hits.0.push((area, Hit::Line(by)));
    }

    /// A line of a list; the selected one is marked. Returns whether it is that.
    pub(super) fn line(&mut self, theme: &Theme, row: Rect, place: usize, cursor: usize) -> bool {
        self.item(row, place, cursor);
        if place == cursor {
            self.choose(theme, row);
        }
        place == cursor
    }

    /// The lines of a list that are in sight: the place of each, its row, and whether it is the selected one, which is
    /// marked. A list that is longer has a scroll bar.
    pub(super) fn list(&mut self, theme: &Theme, area: Rect, cursor: usize, len: usize) -> Vec<(usize, Rect, bool)> {
        let first = first_line(cursor, len, area.height);
        let mut lines = area;
        if len > usize::from(area.height) && area.width > 1 {
            lines.width -= 1;
            let hidden = len - usize::from(area.height);
            let bar = Scrollbar::new(ScrollbarOrientation::VerticalRight).begin_symbol(None).end_symbol(None);
            let bar = bar.track_symbol(Some("│")).thumb_symbol("┃").track_style(theme.faint).thumb_style(theme.dim);
            bar.render(area, self.buffer, &mut ScrollbarState::new(hidden + 1).position(first));
        }
        let lines = lines.rows().zip(first..len);
        lines.map(|(row, place)| (place, row, self.line(theme, row, place, cursor))).collect()
    }

    /// Marks a row as the selected line.
    pub(super) fn choose(&mut self, theme: &Theme, row: Rect) {
        self.set_style(row, theme.selected);
        if row.width > 0 {
            put(self, row.x, row.y, MARK, theme.accent.patch(theme.selected), 1);
        }
    }
}

impl Deref for Surface<'_> {
    type Target = Buffer;

    fn deref(&self) -> &Buffer {
        self.buffer
    }
}

impl DerefMut for Surface<'_> {
    fn deref_mut(&mut self) -> &mut Buffer {
        self.buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preferences::ThemeName;
    use crate::view::theme::Depth;

    #[test]
    fn a_click_counts_on_a_line_and_not_beside_or_below_it() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 10));
        let theme = Theme::new(ThemeName::Dark, Depth::True);
        let mut surface = Surface::new(&mut buffer);
        surface.list(&theme, Rect::new(2, 1, 20, 8), 1, 3);
        let hits = surface.into_hits();
        assert_eq!([(2, 1), (21, 2), (5, 3)].map(|(x, y)| hits.at(x, y)), [-1, 0, 1].map(|by| Some(Hit::Line(by))));
        assert_eq!([(1, 1), (22, 1), (5, 4), (5, 0)].map(|(x, y)| hits.at(x, y)), [None; 4]);
    }

    #[test]
    fn what_a_dialog_covers_takes_no_clicks() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 10));
        let mut surface = Surface::new(&mut buffer);
        surface.button(Rect::new(0, 0, 5, 1), Action::GoShop);
        surface.cover();
        surface.button(Rect::new(1, 0, 5, 1), Action::Yes);
        let hits = surface.into_hits();
        assert_eq!((hits.at(0, 0), hits.at(1, 0)), (None, Some(Hit::Run(Action::Yes))));
    }
}
