//! A line of text that never loses its end silently.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::view::text::{put, width};

/// A line of text on one row; where it does not fit, it ends in `…`. Follows the alignment of the line.
#[derive(Clone, Debug)]
pub(in crate::view) struct OneLine<'a>(Line<'a>);

impl<'a> OneLine<'a> {
    pub(in crate::view) fn new(line: impl Into<Line<'a>>) -> Self {
        Self(line.into())
    }

    /// The same at the right edge.
    pub(in crate::view) fn right(line: impl Into<Line<'a>>) -> Self {
        Self(line.into().right_aligned())
    }
}

impl Widget for &OneLine<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let wide = self.0.spans.iter().map(|span| width(&span.content)).fold(0, u16::saturating_add);
        let spare = area.width.saturating_sub(wide);
        let mut x = area.x
            + match self.0.alignment {
                Some(Alignment::Right) => spare,
                Some(Alignment::Center) => spare / 2,
                Some(Alignment::Left) | None => 0,
            };
        if area.height == 0 {
            return;
        }
        for Span { content, style } in &self.0.spans {
            let room = area.right().saturating_sub(x);
            let end = put(buffer, x, area.y, content, self.0.style.patch(*style), room);
            if width(content) > room {
                return;
            }
            x = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(line: &OneLine, wide: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, wide, 1));
        line.render(buffer.area, &mut buffer);
        buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn what_does_not_fit_says_so() {
        let line = OneLine::new(vec![Span::raw("tea"), Span::raw("pot "), Span::raw("blue")]);
        assert_eq!(drawn(&line, 12), "teapot blue ");
        assert_eq!(drawn(&line, 9), "teapot b…");
        assert_eq!(drawn(&line, 5), "teap…");
        assert_eq!(drawn(&OneLine::right("tea"), 5), "  tea");
        assert_eq!(drawn(&OneLine::right("teapot"), 4), "tea…");
    }
}
