//! A line of a list in columns, none of which loses its end silently.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use crate::view::widgets::OneLine;

/// Cells beside each other on one row, each with its width.
#[derive(Clone, Debug)]
pub(in crate::view) struct Cells<'a> {
    cells: Vec<(Constraint, OneLine<'a>)>,
    /// Empty cells between two columns.
    gap: u16,
}

impl<'a> Cells<'a> {
    /// No columns yet, with so many empty cells between two of them.
    pub(in crate::view) const fn new(gap: u16) -> Self {
        Self { cells: Vec::new(), gap }
    }

    /// Adds a column that takes what the others leave.
    pub(in crate::view) fn fill(self, line: impl Into<Line<'a>>) -> Self {
        self.with(Constraint::Fill(1), OneLine::new(line))
    }

    /// Adds a column whose text begins at its left edge.
    pub(in crate::view) fn left(self, width: u16, line: impl Into<Line<'a>>) -> Self {
        self.with(Constraint::Length(width), OneLine::new(line))
    }

    /// Adds a column whose text ends at its right edge.
    pub(in crate::view) fn right(self, width: u16, line: impl Into<Line<'a>>) -> Self {
        self.with(Constraint::Length(width), OneLine::right(line))
    }

    /// The same with more columns where there is room for them.
    pub(in crate::view) fn when(self, room: bool, more: impl FnOnce(Self) -> Self) -> Self {
        if room { more(self) } else { self }
    }

    fn with(mut self, width: Constraint, line: OneLine<'a>) -> Self {
        self.cells.push((width, line));
        self
    }
}

impl Widget for &Cells<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let widths = self.cells.iter().map(|(width, _)| *width);
        let areas = Layout::horizontal(widths).spacing(self.gap).split(area);
        for ((_, line), area) in self.cells.iter().zip(areas.iter()) {
            line.render(*area, buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(cells: &Cells, wide: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, wide, 1));
        cells.render(buffer.area, &mut buffer);
        buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn columns_keep_their_width_and_what_does_not_fit_says_so() {
        let cells = |room| Cells::new(1).fill("a teapot").when(room, |cells| cells.left(5, "blue")).right(6, "9.50");
        assert_eq!(drawn(&cells(true), 21), "a teapot blue    9.50");
        assert_eq!(drawn(&cells(false), 21), "a teapot         9.50");
        assert_eq!(drawn(&cells(true), 18), "a te… blue    9.50");
    }
}
