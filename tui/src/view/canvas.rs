//! A terminal in memory, to measure how long a frame takes to draw and to write.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::state::Model;
use crate::view::theme::Theme;
use crate::view::view;

/// Counts bytes and drops them.
#[derive(Clone, Default)]
struct Counter(Rc<Cell<usize>>);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal.
pub(crate) struct Canvas {
    terminal: Terminal<CrosstermBackend<Counter>>,
    written: Counter,
}

impl Canvas {
    /// Creates a terminal of a size in columns and rows.
    ///
    /// # Errors
    /// Never in practice: it is in memory.
    pub(crate) fn new((width, height): (u16, u16)) -> io::Result<Self> {
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
        let written = Counter::default();
        Ok(Self { terminal: Terminal::with_options(CrosstermBackend::new(written.clone()), options)?, written })
    }

    /// Draws a frame; returns the number of bytes that a terminal would have received.
    ///
    /// # Errors
    /// As [`Canvas::new`].
    pub(crate) fn draw(&mut self, model: &Model, theme: &Theme) -> io::Result<usize> {
        let before = self.written.0.get();
        self.terminal.draw(|frame| _ = view(model, theme, frame))?;
        Ok(self.written.0.get() - before)
    }
}
