//! Wraps text by display width. Knows no drawing, so that the state can count lines.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Wraps a text into lines of at most `room` cells, between words where possible.
pub(crate) fn wrap(text: &str, room: u16) -> Vec<String> {
    let room = usize::from(room.max(1));
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let needed = line.width() + usize::from(!line.is_empty()) + word.width();
            if needed > room && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            while line.width() > room && line.chars().count() > 1 {
                let (head, tail) = split(&line, room);
                lines.push(head);
                line = tail;
            }
        }
        lines.push(line);
    }
    lines
}

/// Splits a text into as much as fits, at least one character, and the rest.
pub(crate) fn split(text: &str, room: usize) -> (String, String) {
    let mut used = 0;
    let at = text.char_indices().find(|(_, letter)| {
        used += letter.width().unwrap_or(0);
        used > room
    });
    let first = text.chars().next().map_or(0, char::len_utf8);
    let at = at.map_or(text.len(), |(at, _)| at.max(first));
    (text[..at].to_owned(), text[at..].to_owned())
}

/// Fits a line of a document with tables and rules into a width. A line that fits stays as it is. Otherwise a rule is
/// cut, the text right of a gap moves to the right edge, on a line of its own if necessary, and anything else is
/// wrapped between words.
pub(crate) fn fitted(line: &str, wide: u16) -> Vec<String> {
    if line.width() <= usize::from(wide) {
        return vec![line.to_owned()];
    }
    let rule =
        line.chars().next().filter(|first| !first.is_alphanumeric() && line.chars().all(|other| other == *first));
    if let Some(stroke) = rule {
        return vec![stroke.to_string().repeat(wide.into())];
    }
    let Some((left, right)) = columns(line) else {
        return wrap(line, wide);
    };
    let (left_wide, right_wide, wide_cells) = (left.width(), right.width(), usize::from(wide));
    if left_wide + 2 + right_wide <= wide_cells {
        return vec![format!(
            "{left}{right:>room$}",
            room = wide_cells - left_wide + right.chars().count() - right_wide
        )];
    }
    let mut lines = wrap(left, wide);
    let at_the_right = if right_wide <= wide_cells { vec![right] } else { wrap(&right, wide) };
    lines.extend(at_the_right.into_iter().map(|text| {
        let gap = wide_cells.saturating_sub(text.width());
        format!("{:gap$}{text}", "")
    }));
    lines
}

/// Splits a line at its first gap; the gaps on the right are closed to two cells.
fn columns(line: &str) -> Option<(&str, String)> {
    let begins = line.len() - line.trim_start().len();
    let at = begins + line[begins..].find("   ")?;
    let right: Vec<&str> = line[at..].split("  ").map(str::trim).filter(|text| !text.is_empty()).collect();
    Some((&line[..at], right.join("  "))).filter(|(left, right)| !left.trim().is_empty() && !right.is_empty())
}
