//! The screen Counter: what the shopkeeper does.

mod stock;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::state::Model;
use crate::view::theme::Theme;

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    stock::draw(model, theme, area, buffer);
}
