//! The screen Processes: what the shop does by itself, how far each process and view is, and what waits.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::state::Model;
use crate::view::instead;
use crate::view::theme::Theme;

pub(super) fn draw(_model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    instead(theme, area, "Processes", "", buffer);
    None
}
