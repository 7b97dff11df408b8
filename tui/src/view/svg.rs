//! Draws a screen as SVG, for documents.

use std::fmt::Write;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use crate::state::Model;
use crate::view::theme::Theme;
use crate::view::view;

/// Width and height of a cell in pixels.
const CELL_SIZE: (u16, u16) = (9, 19);

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

/// Converts a screen into SVG: backgrounds and half-blocks as rectangles, everything else as text. Neighbouring cells
/// of the same look are one element; its length is given, so that cells keep their place with any font.
fn svg(buffer: &Buffer, theme: &Theme) -> String {
    let (r, g, b) = theme.background;
    let background = format!("#{r:02x}{g:02x}{b:02x}");
    let (width, height) = (buffer.area.width * CELL_SIZE.0 + 24, buffer.area.height * CELL_SIZE.1 + 24);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{background}\"/>\n"
    );
    for y in 0..buffer.area.height {
        let cells: Vec<Look> = (0..buffer.area.width).map(|x| Look::of(&buffer[(x, y)], &background)).collect();
        let top = 12 + y * CELL_SIZE.1;
        papers(&mut out, &cells, top, &background);
        inks(&mut out, &cells, top);
    }
    out.push_str("</svg>\n");
    out
}

/// The look of a cell.
struct Look {
    symbol: String,
    ink: String,
    paper: String,
    /// Font attributes of its text.
    font: &'static str,
}

impl Look {
    fn of(cell: &Cell, background: &str) -> Self {
        let mut ink = hex(cell.fg).unwrap_or("#d9dce2".into());
        let mut paper = hex(cell.bg).unwrap_or(background.into());
        if cell.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut ink, &mut paper);
        }
        let bold = cell.modifier.contains(Modifier::BOLD);
        let font = if cell.modifier.contains(Modifier::CROSSED_OUT) {
            " text-decoration=\"line-through\""
        } else {
            match (bold, cell.modifier.contains(Modifier::UNDERLINED)) {
                (true, true) => " font-weight=\"bold\" text-decoration=\"underline\"",
                (true, false) => " font-weight=\"bold\"",
                (false, true) => " text-decoration=\"underline\"",
                (false, false) => "",
            }
        };
        Self { symbol: cell.symbol().to_owned(), ink, paper, font }
    }

    fn is_half_block(&self) -> bool {
        self.symbol == "▀"
    }

    fn is_blank(&self) -> bool {
        self.symbol.trim().is_empty()
    }
}

fn papers(out: &mut String, cells: &[Look], top: u16, background: &str) {
    let mut x = 0;
    while let Some(first) = cells.get(x) {
        let same = |one: &Look, other: &Look| {
            let blocks = (one.is_half_block(), other.is_half_block());
            one.paper == other.paper && blocks.0 == blocks.1 && (!blocks.0 || one.ink == other.ink)
        };
        let run = cells[x..].iter().take_while(|cell| same(first, cell)).count();
        let mut rectangle = |fill: &str, high: u16| {
            let (left, wide) = (left(x), run * usize::from(CELL_SIZE.0));
            let _ = writeln!(
                out,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{high}\" fill=\"{fill}\" shape-rendering=\"crispEdges\"/>"
            );
        };
        if first.paper != background {
            rectangle(&first.paper, CELL_SIZE.1);
        }
        if first.is_half_block() && first.ink != first.paper {
            rectangle(&first.ink, CELL_SIZE.1 / 2);
        }
        x += run;
    }
}

fn inks(out: &mut String, cells: &[Look], top: u16) {
    let mut x = 0;
    while let Some(first) = cells.get(x) {
        if first.is_blank() || first.is_half_block() {
            x += 1;
            continue;
        }
        // ASCII letters share an element; of other signs, whose width depends on the font, only equal ones do.
        let plain = first.symbol.is_ascii();
        let goes_on = |cell: &Look| {
            let fits = if plain { cell.symbol.is_ascii() && !cell.is_blank() } else { cell.symbol == first.symbol };
            fits && cell.ink == first.ink && cell.font == first.font
        };
        let mut end = x + 1;
        while let Some(cell) = cells.get(end) {
            let bridged = plain && cell.is_blank() && cells.get(end + 1).is_some_and(goes_on);
            if !goes_on(cell) && !bridged {
                break;
            }
            end += 1;
        }
        let text: String = cells[x..end].iter().map(|cell| cell.symbol.as_str()).collect();
        let (left, base, length) = (left(x), top + 14, text.width() * usize::from(CELL_SIZE.0));
        let (ink, font) = (&first.ink, first.font);
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ =
            writeln!(out, "<text x=\"{left}\" y=\"{base}\" textLength=\"{length}\" fill=\"{ink}\"{font}>{text}</text>");
        x = end;
    }
}

/// Left edge of a column in pixels.
fn left(column: usize) -> usize {
    12 + column * usize::from(CELL_SIZE.0)
}

fn hex(colour: Color) -> Option<String> {
    match colour {
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;
    use crate::preferences::ThemeName;
    use crate::view::theme::Depth;

    fn drawn(change: impl FnOnce(&mut Buffer, &Theme)) -> Vec<String> {
        let theme = Theme::new(ThemeName::Dark, Depth::True);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        buffer.set_style(buffer.area, theme.text);
        change(&mut buffer, &theme);
        let all = svg(&buffer, &theme);
        all.lines().skip(2).filter(|line| *line != "</svg>").map(str::to_owned).collect()
    }

    #[test]
    fn what_looks_the_same_is_one_text_and_stands_in_its_cells() {
        let lines = drawn(|buffer, theme| {
            buffer.set_string(0, 0, "a <b>", theme.text);
            buffer.set_string(7, 0, "──", theme.faint);
            buffer.set_string(9, 0, "●x", theme.good);
        });
        let starts: Vec<&str> = lines.iter().map(|line| line.split(" fill").next().unwrap()).collect();
        let expected = [
            "<text x=\"12\" y=\"26\" textLength=\"45\"",
            "<text x=\"75\" y=\"26\" textLength=\"18\"",
            "<text x=\"93\" y=\"26\" textLength=\"9\"",
            "<text x=\"102\" y=\"26\" textLength=\"9\"",
        ];
        assert_eq!(starts, expected);
        assert!(lines[0].ends_with(">a &lt;b&gt;</text>"), "{}", lines[0]);
    }

    #[test]
    fn backgrounds_and_half_blocks_are_rectangles_as_wide_as_they_are() {
        let lines = drawn(|buffer, theme| {
            buffer.set_style(Rect::new(0, 0, 3, 1), theme.selected);
            let sky = Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Rgb(4, 5, 6));
            buffer.set_string(5, 0, "▀▀", sky);
        });
        let starts: Vec<&str> = lines.iter().map(|line| line.split(" shape").next().unwrap()).collect();
        let expected = [
            "<rect x=\"12\" y=\"12\" width=\"27\" height=\"19\" fill=\"#2a2f3a\"",
            "<rect x=\"57\" y=\"12\" width=\"18\" height=\"19\" fill=\"#040506\"",
            "<rect x=\"57\" y=\"12\" width=\"18\" height=\"9\" fill=\"#010203\"",
        ];
        assert_eq!(starts, expected);
    }
}
