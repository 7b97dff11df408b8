//! A screen as SVG, for pictures of it in documents.

use std::fmt::Write;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use crate::state::Model;
use crate::view::theme::Theme;
use crate::view::view;

/// A cell's size in the picture.
const CELL: (u16, u16) = (9, 19);
/// Draws the model at a size.
///
/// # Errors
/// Never in practice: the screen is in memory.
pub(crate) fn draw(model: &Model, theme: &Theme, (width, height): (u16, u16)) -> color_eyre::Result<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height))?;
    terminal.draw(|frame| {
        view(model, theme, frame);
    })?;
    Ok(svg(terminal.backend().buffer(), theme))
}

/// A screen as SVG: backgrounds and half-blocks as rectangles, everything else as text placed cell by cell.
fn svg(buffer: &Buffer, theme: &Theme) -> String {
    let (r, g, b) = theme.background;
    let background = format!("#{r:02x}{g:02x}{b:02x}");
    let (width, height) = (buffer.area.width * CELL.0 + 24, buffer.area.height * CELL.1 + 24);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{background}\"/>\n"
    );
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            cell(&mut out, &buffer[(x, y)], x, y, &background);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn cell(out: &mut String, cell: &Cell, x: u16, y: u16, background: &str) {
    let (left, top) = (12 + x * CELL.0, 12 + y * CELL.1);
    let mut colours = (hex(cell.fg).unwrap_or("#d9dce2".into()), hex(cell.bg).unwrap_or(background.into()));
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut colours.0, &mut colours.1);
    }
    let (ink, paper) = colours;
    let (wide, high) = CELL;
    if cell.symbol() == "▀" {
        let half = high / 2;
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{high}\" fill=\"{paper}\" shape-rendering=\"crispEdges\"/>"
        );
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{half}\" fill=\"{ink}\" shape-rendering=\"crispEdges\"/>"
        );
        return;
    }
    if paper != background {
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{high}\" fill=\"{paper}\" shape-rendering=\"crispEdges\"/>"
        );
    }
    let symbol = cell.symbol();
    if symbol.trim().is_empty() {
        return;
    }
    let mut look = String::new();
    if cell.modifier.contains(Modifier::BOLD) {
        look.push_str(" font-weight=\"bold\"");
    }
    if cell.modifier.contains(Modifier::CROSSED_OUT) {
        look.push_str(" text-decoration=\"line-through\"");
    } else if cell.modifier.contains(Modifier::UNDERLINED) {
        look.push_str(" text-decoration=\"underline\"");
    }
    let text = symbol.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (length, base) = (wide * u16::try_from(symbol.width().max(1)).unwrap_or(1), top + 14);
    let _ = writeln!(out, "<text x=\"{left}\" y=\"{base}\" textLength=\"{length}\" fill=\"{ink}\"{look}>{text}</text>");
}

fn hex(colour: Color) -> Option<String> {
    match colour {
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        _ => None,
    }
}
