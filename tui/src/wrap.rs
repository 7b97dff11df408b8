//! Text in lines by display width. Knows no drawing, so that the state can count lines.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text in lines of at most `room` cells, broken between words where that is possible.
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

/// As much as fits, but at least one character, and the rest.
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

/// A line of a text that was set with tables and rules: as it stands where it fits. Else a rule is cut, what stands at the
/// right of a gap goes to the right edge, on a line of its own if it must, and anything else is broken between words.
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

/// What stands left of the first gap of a line, and all that stands right of it with its gaps closed to two cells.
fn columns(line: &str) -> Option<(&str, String)> {
    let begins = line.len() - line.trim_start().len();
    let at = begins + line[begins..].find("   ")?;
    let right: Vec<&str> = line[at..].split("  ").map(str::trim).filter(|text| !text.is_empty()).collect();
    Some((&line[..at], right.join("  "))).filter(|(left, right)| !left.trim().is_empty() && !right.is_empty())
}
