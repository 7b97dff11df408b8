//! Validation of text that people enter. All fields have the same rules, so that no name, reason or address contains
//! invisible characters.

/// Why a text is refused. The error text follows the name of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// The text has no visible character.
    #[error("must have something in it that can be seen")]
    Blank,
    /// The text is too long.
    #[error("must be at most {max_chars} characters; it is {chars}")]
    TooLong {
        /// Number of characters in the text.
        chars: usize,
        /// Maximum number of characters.
        max_chars: usize,
    },
    /// The text has a control character.
    #[error("must not have control characters; character {place} is U+{code:04X}")]
    Control {
        /// Number of the character in the text, from 1.
        place: usize,
        /// Code point of the character.
        code: u32,
    },
    /// The text has a character that is invisible, or that changes the direction of text.
    #[error("must not have invisible or text-direction characters; character {place} is U+{code:04X}")]
    Invisible {
        /// Number of the character in the text, from 1.
        place: usize,
        /// Code point of the character.
        code: u32,
    },
}

/// Checks a text of one line, of 1 to `max_chars` characters.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_line(text: &str, max_chars: usize) -> Result<(), BadText> {
    check(text, max_chars, |_| false)?;
    if text.chars().any(is_visible) { Ok(()) } else { Err(BadText::Blank) }
}

/// Checks a text of several lines, which may be empty.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_lines(text: &str, max_chars: usize) -> Result<(), BadText> {
    check(text, max_chars, |char| char == '\n')
}

fn check(text: &str, max_chars: usize, allowed: fn(char) -> bool) -> Result<(), BadText> {
    let chars = text.chars().count();
    if chars > max_chars {
        return Err(BadText::TooLong { chars, max_chars });
    }
    let mut before = None;
    let mut rest = text.chars().enumerate().peekable();
    while let Some((index, char)) = rest.next() {
        let (place, code) = (index + 1, u32::from(char));
        if (char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')) && !allowed(char) {
            return Err(BadText::Control { place, code });
        }
        if is_invisible(char) && !is_joining(char, before, rest.peek().map(|(_, next)| *next)) {
            return Err(BadText::Invisible { place, code });
        }
        before = Some(char);
    }
    Ok(())
}

/// Cleans a text of another system: control characters become spaces, and invisible ones are removed. Line breaks stay if
/// `keep_lines` is set.
pub fn cleaned(text: &str, keep_lines: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        if is_invisible(char) && !is_joining(char, before, rest.peek().copied()) {
            continue;
        }
        let breaks = char.is_control() || matches!(char, '\u{2028}' | '\u{2029}');
        let kept = if breaks && !(keep_lines && char == '\n') { ' ' } else { char };
        clean.push(kept);
        before = Some(kept);
    }
    clean
}

/// Combining marks, which are seen on another character only.
const MARKS: [(char, char); 7] = [
    ('\u{300}', '\u{36f}'),
    ('\u{1ab0}', '\u{1aff}'),
    ('\u{1dc0}', '\u{1dff}'),
    ('\u{20d0}', '\u{20ff}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{fe20}', '\u{fe2f}'),
    ('\u{e0100}', '\u{e01ef}'),
];

/// Whether a character is visible by itself: not blank, not invisible, and not a combining mark.
fn is_visible(char: char) -> bool {
    let is_mark = MARKS.iter().any(|(first, last)| (*first..=*last).contains(&char));
    !char.is_whitespace() && !char.is_control() && !is_mark && !is_invisible(char)
}

/// Whether a character is invisible, or changes how others are shown: format characters (general category Cf), what else
/// is `Default_Ignorable_Code_Point` (Unicode 16, `DerivedCoreProperties.txt`) but for variation selectors, and the
/// empty braille pattern.
pub fn is_invisible(char: char) -> bool {
    char >= INVISIBLE[0].0 && INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&char))
}

/// The ranges of [`is_invisible`].
const INVISIBLE: [(char, char); 26] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e00ff}'),
    ('\u{e01f0}', '\u{e0fff}'),
];

/// Characters that break a line or control a device.
const CONTROLS: [(char, char); 3] = [('\u{0}', '\u{1f}'), ('\u{7f}', '\u{9f}'), ('\u{2028}', '\u{2029}')];

/// Blanks of a line: what has the property `White_Space` and is no control character.
const BLANKS: [(char, char); 7] = [
    (' ', ' '),
    ('\u{a0}', '\u{a0}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{2000}', '\u{200a}'),
    ('\u{202f}', '\u{202f}'),
    ('\u{205f}', '\u{205f}'),
    ('\u{3000}', '\u{3000}'),
];

/// A regular expression (ECMA 262) for texts that [`check_line`] takes, whatever their length. It is stricter with joiners, and
/// does not know characters beyond U+FFFF.
pub fn line_pattern() -> String {
    let refused = character_class(&CONTROLS) + &character_class(&INVISIBLE);
    let not_visible = character_class(&BLANKS) + &character_class(&MARKS);
    format!("^[^{refused}]*[^{refused}{not_visible}][^{refused}]*$")
}

/// A regular expression (ECMA 262) for texts that [`check_lines`] takes; see [`line_pattern`].
pub fn lines_pattern() -> String {
    let controls = [('\u{0}', '\u{9}'), ('\u{b}', '\u{1f}'), CONTROLS[1], CONTROLS[2]];
    format!("^[^{}{}]*$", character_class(&controls), character_class(&INVISIBLE))
}

/// The ranges within a character class, as far as four hexadecimal digits can say them.
fn character_class(ranges: &[(char, char)]) -> String {
    let ranges = ranges.iter().map(|(first, last)| (u32::from(*first), u32::from(*last)));
    ranges.filter(|(_, last)| *last <= 0xffff).map(|(first, last)| format!("\\u{first:04x}-\\u{last:04x}")).collect()
}

/// Whether a joiner is part of a word. In Persian, Urdu and the scripts of India, the zero-width joiner and non-joiner select
/// the form of a letter; between emoji, the joiner makes one picture of several. Between other letters it has no purpose.
fn is_joining(char: char, before: Option<char>, after: Option<char>) -> bool {
    matches!(char, '\u{200c}' | '\u{200d}') && before.is_some_and(can_be_joined) && after.is_some_and(can_be_joined)
}

/// Whether a character is of a script whose letters join or stack (Arabic, Syriac, N'Ko, Thaana, the scripts of South and
/// Southeast Asia, Mongolian), or an emoji or its variation selector.
fn can_be_joined(char: char) -> bool {
    matches!(char, '\u{600}'..='\u{e7f}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{1cd0}'..='\u{1cff}'
        | '\u{a8e0}'..='\u{a8ff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{2190}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}'
        | '\u{fe0f}' | '\u{11000}'..='\u{11fff}' | '\u{1f000}'..='\u{1faff}')
        && !is_invisible(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_script_pass() {
        for text in [
            "Łukasz Żółć",
            "Ελένη Παπαδοπούλου",
            "Ирина",
            "محمد بن سلمان",
            "می\u{200c}خواهم",
            "שרה",
            "สมชาย ใจดี",
            "क्\u{200d}ष",
            "王小明",
            "葛\u{e0100}飾区",
            "e\u{301}clair",
            "👩\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}",
            "O’Brien-Smith (c/o Müller)",
        ] {
            assert_eq!(check_line(text, 100), Ok(()), "{text}");
            assert_eq!(cleaned(text, false), text);
        }
    }

    #[test]
    fn what_shows_nothing_is_blank() {
        for text in ["", " ", "\u{a0}\u{3000}", "\u{301}", "\u{fe0f}"] {
            assert_eq!(check_line(text, 100), Err(BadText::Blank), "{text:?}");
        }
        assert_eq!(check_lines("", 100), Ok(()));
    }

    #[test]
    fn characters_that_hide_or_reverse_text_are_refused_and_reported() {
        for hidden in [
            '\u{ad}',
            '\u{61c}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fffb}',
            '\u{e0041}',
        ] {
            let text = format!("Ada{hidden}Lovelace");
            let code = u32::from(hidden);
            assert_eq!(check_line(&text, 100), Err(BadText::Invisible { place: 4, code }), "U+{code:04X}");
            assert_eq!(check_lines(&text, 100), Err(BadText::Invisible { place: 4, code }), "U+{code:04X}");
            assert_eq!(cleaned(&text, true), "AdaLovelace", "U+{code:04X}");
            assert!(check_line(&hidden.to_string(), 100).is_err(), "U+{code:04X} alone");
        }
        // At the ends of a word a joiner joins nothing.
        assert!(check_line("می\u{200c}", 100).is_err());
        assert!(check_line("\u{200d}क", 100).is_err());
    }

    #[test]
    fn control_characters_are_refused_and_a_line_break_too_where_there_is_one_line() {
        assert_eq!(check_line("a\nb", 100), Err(BadText::Control { place: 2, code: 10 }));
        assert_eq!(check_lines("a\nb", 100), Ok(()));
        assert_eq!(check_lines("a\r\nb", 100), Err(BadText::Control { place: 2, code: 13 }));
        assert_eq!(check_line("a\u{2028}b", 100), Err(BadText::Control { place: 2, code: 0x2028 }));
        assert_eq!(cleaned("a\r\nb\u{2028}c", false), "a  b c");
        assert_eq!(cleaned("a\r\nb", true), "a \nb");
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(check_line(&"ł".repeat(100), 100), Ok(()));
        assert_eq!(check_line(&"ł".repeat(101), 100), Err(BadText::TooLong { chars: 101, max_chars: 100 }));
    }
}
