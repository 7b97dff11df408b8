//! The client's own key type, and how keys are written: with symbols on screen, with words in files.

use std::fmt;
use std::str::FromStr;

/// A key without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
}

/// A key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) code: Code,
    pub(crate) ctrl: bool,
    pub(crate) alt: bool,
}

impl Key {
    pub(crate) const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    pub(crate) const fn char(letter: char) -> Self {
        Self::plain(Code::Char(letter))
    }

    pub(crate) const fn ctrl(letter: char) -> Self {
        Self { code: Code::Char(letter), ctrl: true, alt: false }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.alt {
            f.write_str("Alt-")?;
        }
        match self.code {
            Code::Char(' ') => f.write_str("Space"),
            Code::Char(letter) if self.ctrl => write!(f, "Ctrl-{}", letter.to_uppercase()),
            Code::Char(letter) => write!(f, "{letter}"),
            Code::Enter => f.write_str("Enter"),
            Code::Esc => f.write_str("Esc"),
            Code::Tab => f.write_str("Tab"),
            Code::BackTab => f.write_str("Shift-Tab"),
            Code::Backspace => f.write_str("Backspace"),
            Code::Delete => f.write_str("Del"),
            Code::Up => f.write_str("↑"),
            Code::Down => f.write_str("↓"),
            Code::Left => f.write_str("←"),
            Code::Right => f.write_str("→"),
            Code::PageUp => f.write_str("PgUp"),
            Code::PageDown => f.write_str("PgDn"),
            Code::Home => f.write_str("Home"),
            Code::End => f.write_str("End"),
        }
    }
}

/// Names of keys in files.
const NAMES: [(&str, Code); 15] = [
    ("Enter", Code::Enter),
    ("Esc", Code::Esc),
    ("Tab", Code::Tab),
    ("Shift-Tab", Code::BackTab),
    ("Backspace", Code::Backspace),
    ("Del", Code::Delete),
    ("Up", Code::Up),
    ("Down", Code::Down),
    ("Left", Code::Left),
    ("Right", Code::Right),
    ("PgUp", Code::PageUp),
    ("PgDn", Code::PageDown),
    ("Home", Code::Home),
    ("End", Code::End),
    ("Space", Code::Char(' ')),
];

impl Key {
    /// Formats the key as files write it, in words and letters: `Ctrl-P`, `Up`, `/`.
    pub(crate) fn written(self) -> String {
        let name = NAMES.iter().find(|(_, code)| *code == self.code).map(|(name, _)| *name);
        match name {
            Some(name) if !self.ctrl => format!("{}{name}", if self.alt { "Alt-" } else { "" }),
            _ => self.to_string(),
        }
    }
}

/// A text that names no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoKey(String);

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no key {:?}; keys are written as a, ?, Enter, Up, PgDn, Space, Ctrl-P, Alt-x, and Ctrl-H, Ctrl-I and Ctrl-M are Backspace, Tab and Enter",
            self.0
        )
    }
}

impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let none = || NoKey(text.to_owned());
        if let Some((_, code)) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(Self::plain(*code));
        }
        if let Some(rest) = text.strip_prefix("Alt-") {
            return Ok(Self { alt: true, ..rest.parse().map_err(|_: NoKey| none())? });
        }
        if let Some(rest) = text.strip_prefix("Ctrl-") {
            // A terminal sends Backspace, Tab and Enter for H, I and M.
            return match single(rest).map(|letter| letter.to_ascii_lowercase()) {
                Some(letter) if letter.is_ascii_lowercase() && !matches!(letter, 'h' | 'i' | 'm') => {
                    Ok(Self::ctrl(letter))
                }
                _ => Err(none()),
            };
        }
        single(text).filter(|letter| !letter.is_control()).map(Self::char).ok_or_else(none)
    }
}

fn single(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters.next().filter(|_| letters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_they_are_labelled() {
        let texts = [Key::ctrl('c'), Key::char('?'), Key::plain(Code::BackTab)].map(|key| key.to_string());
        assert_eq!(texts, ["Ctrl-C", "?", "Shift-Tab"]);
        assert_eq!(Key::plain(Code::Up).to_string(), "↑");
    }

    #[test]
    fn whatever_is_written_is_read_again() {
        let mut keys: Vec<Key> = NAMES.iter().map(|(_, code)| Key::plain(*code)).collect();
        keys.extend([Key::char('a'), Key::char('A'), Key::char('/'), Key::char('-'), Key::ctrl('p')]);
        keys.push(Key { alt: true, ..Key::char('x') });
        for key in keys {
            assert_eq!(key.written().parse(), Ok(key), "{}", key.written());
        }
        for wrong in ["", "ab", "Ctrl-", "Ctrl-1", "Return", "Alt-", "\n", "Ctrl-I", "Ctrl-M", "ctrl-h"] {
            assert!(wrong.parse::<Key>().is_err(), "{wrong:?}");
        }
    }
}
