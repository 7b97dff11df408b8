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

/// A line of a text that was set with tables and rules: as it stands where it fits, else a rule is cut and the gaps of
/// anything else are closed.
pub(crate) fn fitted(line: &str, wide: u16) -> Vec<String> {
    if line.width() <= usize::from(wide) {
        return vec![line.to_owned()];
    }
    let rule =
        line.chars().next().filter(|first| !first.is_alphanumeric() && line.chars().all(|other| other == *first));
    match rule {
        Some(stroke) => vec![stroke.to_string().repeat(wide.into())],
        None => wrap(line, wide),
    }
}
