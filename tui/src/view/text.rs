//! Writes text by display width and never cuts it silently: what does not fit ends in `…`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use tui_input::Input;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::wrap::split;
pub(super) use crate::wrap::wrap;

/// Width of a text in cells.
pub(super) fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// Returns the text, or as much of it as fits with an ellipsis. Control characters become spaces; invisible characters
/// and those that change the text direction are removed.
pub(super) fn fit(text: &str, room: u16) -> String {
    let clean = storefront_api::text::cleaned(text, false);
    if width(&clean) <= room {
        return clean;
    }
    let mut kept = String::new();
    let mut used = 0;
    for letter in clean.chars() {
        let wide = letter.width().unwrap_or(0);
        if used + wide + 1 > usize::from(room) {
            break;
        }
        used += wide;
        kept.push(letter);
    }
    if room > 0 {
        kept.push('…');
    }
    kept
}

/// Writes a text within `room` cells; returns where it ends.
pub(super) fn put(buffer: &mut Buffer, x: u16, y: u16, text: &str, style: Style, room: u16) -> u16 {
    let area = buffer.area;
    if y < area.top() || y >= area.bottom() || x >= area.right() || room == 0 {
        return x;
    }
    let room = room.min(area.right() - x);
    buffer.set_stringn(x, y, fit(text, room), usize::from(room), style).0
}

/// The visible part of a field's text within `room` cells, and the cell of the cursor. Scrolls by whole letters of any
/// width.
pub(super) fn visible(input: &Input, room: u16) -> (String, u16) {
    // The cursor may be behind the last letter.
    let hidden = input.visual_cursor().saturating_sub(usize::from(room.saturating_sub(1)));
    let (mut skipped, mut bytes) = (0, 0);
    for letter in input.value().chars().take(input.cursor()) {
        // A character without width belongs to the letter before it.
        if skipped >= hidden && letter.width() != Some(0) {
            break;
        }
        skipped += letter.width().unwrap_or(0);
        bytes += letter.len_utf8();
    }
    let shown = input.value().get(bytes..).unwrap_or_default().to_owned();
    (shown, u16::try_from(input.visual_cursor().saturating_sub(skipped)).unwrap_or(0))
}

/// Writes a text that ends before `right`; returns where it begins.
pub(super) fn put_right(buffer: &mut Buffer, right: u16, y: u16, text: &str, style: Style, room: u16) -> u16 {
    let text = fit(text, room);
    let x = right.saturating_sub(width(&text));
    put(buffer, x, y, &text, style, room);
    x
}

/// Writes pieces one after another within `room` cells; returns where they end.
pub(super) fn put_all(buffer: &mut Buffer, x: u16, y: u16, pieces: &[(&str, Style)], room: u16) -> u16 {
    let right = x.saturating_add(room);
    pieces.iter().fold(x, |x, (text, style)| put(buffer, x, y, text, *style, right.saturating_sub(x)))
}

/// Draws a horizontal rule.
pub(super) fn rule(buffer: &mut Buffer, area: Rect, y: u16, style: Style) {
    for x in area.left()..area.right() {
        put(buffer, x, y, "─", style, 1);
    }
}

/// Wraps a text into at most `most` lines; the last has all the rest, so that [`put`] marks where it is cut.
pub(super) fn wrap_into(text: &str, room: u16, most: usize) -> Vec<String> {
    let mut lines = wrap(text, room);
    if lines.len() > most {
        let rest = lines.split_off(most.saturating_sub(1)).join(" ");
        lines.push(rest);
    }
    lines
}

/// Splits a text into lines of at most `room` cells at any character, keeping the indentation; for JSON.
pub(super) fn fold(text: &str, room: u16) -> Vec<String> {
    let room = usize::from(room.max(1));
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut rest = line.to_owned();
        while rest.width() > room && rest.chars().count() > 1 {
            let (head, tail) = split(&rest, room);
            lines.push(head);
            rest = tail;
        }
        lines.push(rest);
    }
    lines
}

/// Formats numbers as bars, the largest with the full height of a line.
pub(super) fn sparkline(values: &[u64]) -> String {
    const SIGNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let bar = |value: &u64| usize::try_from(value.saturating_mul(7).div_ceil(most)).unwrap_or(0);
    values.iter().map(|value| SIGNS[bar(value).min(SIGNS.len() - 1)]).collect()
}

/// The first line to show so that `cursor` is visible, near the middle.
pub(super) fn first_line(cursor: usize, len: usize, height: u16) -> usize {
    let height = usize::from(height);
    cursor.saturating_sub(height / 2).min(len.saturating_sub(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_says_so() {
        assert_eq!(fit("teapot", 6), "teapot");
        assert_eq!(fit("teapot", 5), "teap…");
        assert_eq!(fit("茶壶茶", 5), "茶壶…");
        assert_eq!(fit("a\tb\u{1b}", 9), "a b ");
        assert_eq!(fit("teapot", 0), "");
    }

    #[test]
    fn text_is_broken_between_words_and_long_words_anywhere() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap_into("one two three four", 7, 2), ["one two", "three four"]);
        assert_eq!(wrap_into("one two three four", 7, 1), ["one two three four"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("茶壶茶", 1), ["茶", "壶", "茶"]);
        assert_eq!(fold("  ab", 3), ["  a", "b"]);
    }

    #[test]
    fn a_field_scrolls_by_whole_letters_and_its_cursor_stays_in_sight() {
        let part = |text: &str, room| visible(&Input::new(text.to_owned()), room);
        assert_eq!(part("teapot", 10), ("teapot".to_owned(), 6));
        assert_eq!(part("teapot", 4), ("pot".to_owned(), 3));
        assert_eq!(part("橡木桌子很大", 13), ("橡木桌子很大".to_owned(), 12));
        assert_eq!(part("橡木桌子很大", 7), ("子很大".to_owned(), 6));
        assert_eq!(part("橡木桌子很大", 6), ("很大".to_owned(), 4));
        assert_eq!(part("e\u{301}e\u{301}e\u{301}", 3), ("e\u{301}e\u{301}".to_owned(), 2));
        for room in 1..12 {
            for text in ["👩 x 橡木 ab", "aaaaaaaaaaaaaaaaaaaa", "木木木木木木木木"] {
                let input = Input::new(text.to_owned());
                for cursor in 0..=text.chars().count() {
                    let (shown, at) = visible(&input.clone().with_cursor(cursor), room);
                    assert!(at < room.max(1) && text.ends_with(&shown), "{text} at {cursor} in {room}: {shown} {at}");
                }
            }
        }
    }

    #[test]
    fn bars_are_as_high_as_the_highest_allows() {
        assert_eq!(sparkline(&[0, 1, 50, 100]), "▁▂▅█");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn the_cursor_stays_in_sight() {
        for len in 0..30 {
            for cursor in 0..len {
                let first = first_line(cursor, len, 7);
                assert!(first <= cursor && cursor < first + 7, "{cursor} of {len}");
            }
        }
    }
}
