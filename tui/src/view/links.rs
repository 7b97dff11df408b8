//! Makes the links on the screen ones that a terminal opens (OSC 8), also where they are broken over lines. Changes cells
//! that are drawn already and nothing that is seen.

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, CellDiffOption};

use crate::state::Model;

/// Minimum number of characters at the end of a line that are taken for the beginning of a link.
const MIN_PART: usize = 16;

/// Marks the link at which a bank asks for a confirmation.
pub(crate) fn mark(model: &Model, buffer: &mut Buffer) {
    let order = model.order.as_ref().and_then(|open| open.order.as_ref());
    if let Some(action) = order.and_then(|order| order.payment_action.as_ref())
        && model.has_clipboard
    {
        mark_link(&action.url, buffer);
    }
}

/// Marks every place of a link.
fn mark_link(url: &str, buffer: &mut Buffer) {
    if url.chars().any(|letter| !letter.is_ascii_graphic()) {
        return;
    }
    let area = buffer.area;
    let mut rest: Option<&str> = None;
    for y in area.top()..area.bottom() {
        let row: Vec<char> =
            (area.left()..area.right()).map(|x| buffer[(x, y)].symbol().chars().next().unwrap_or(' ')).collect();
        let (begin, length, wanted) = match rest {
            // The line goes on with the rest, behind its margin.
            Some(rest) => {
                let Some(begin) =
                    row.iter().position(|letter| letter.is_ascii_alphanumeric() || *letter == rest_sign(rest))
                else {
                    return;
                };
                (begin, common(&row[begin..], rest), rest)
            }
            None => {
                let starts = (0..row.len()).map(|begin| (begin, common(&row[begin..], url)));
                let Some((begin, length)) = starts.max_by_key(|(_, length)| *length) else { return };
                (begin, length, url)
            }
        };
        if length < MIN_PART.min(wanted.len()) {
            rest = None;
            continue;
        }
        for x in begin..begin + length {
            link_cell(url, buffer, area.left() + u16::try_from(x).unwrap_or(0), y);
        }
        rest = Some(&wanted[length..]).filter(|rest| !rest.is_empty());
    }
}

fn rest_sign(rest: &str) -> char {
    rest.chars().next().unwrap_or(' ')
}

/// How many characters of a row and a text are the same from their beginning.
fn common(row: &[char], text: &str) -> usize {
    row.iter().zip(text.chars()).take_while(|(here, wanted)| *here == wanted).count()
}

/// Each cell is a link of its own, so that any of them can be drawn alone; the id joins them.
fn link_cell(url: &str, buffer: &mut Buffer, x: u16, y: u16) {
    let cell = &mut buffer[(x, y)];
    let linked = format!("\x1b]8;id=bank;{url}\x1b\\{}\x1b]8;;\x1b\\", cell.symbol());
    cell.set_symbol(&linked);
    cell.set_diff_option(CellDiffOption::ForcedWidth(NonZeroU16::MIN));
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_link_is_one_also_where_it_is_broken_over_two_lines_and_looks_as_before() {
        let url = "http://bank.example/confirm/0123456789abcdef";
        let mut buffer = Buffer::empty(Rect::new(0, 0, 35, 3));
        buffer.set_string(0, 0, "  at http://bank.example/confirm/01", Style::new());
        buffer.set_string(0, 1, "  23456789abcdef in a browser", Style::new());
        mark_link(url, &mut buffer);
        let linked = |x: u16, y: u16| buffer[(x, y)].symbol().contains(url);
        assert!(!linked(4, 0) && linked(5, 0) && linked(34, 0));
        assert!(!linked(1, 1) && linked(2, 1) && linked(15, 1) && !linked(16, 1));
        let mut terminal = vt100::Parser::new(3.try_into().unwrap(), 35.try_into().unwrap(), 0);
        for y in 0..2 {
            let row: String = (0..35).map(|x| buffer[(x, y)].symbol()).collect();
            terminal.process(row.as_bytes());
        }
        assert_eq!(terminal.screen().rows(0, 35).next().as_deref(), Some("  at http://bank.example/confirm/01"));
    }
}
