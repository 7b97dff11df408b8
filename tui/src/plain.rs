//! Text as a line for terminals, files and pipes: nothing in it that a terminal would act on, wherever it comes from.

/// A text on one line, without control characters (C0, DEL and C1, which begin escape sequences) and without characters that
/// turn the direction of what follows; each becomes a space.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(|letter| if acts(letter) { ' ' } else { letter }).collect()
}

/// JSON on one line in which such characters are escaped: it says the same.
pub(crate) fn json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if acts(letter) {
            plain.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// Whether a terminal may do something at this character other than show it.
fn acts(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A colour, a title (OSC 0), the clipboard (OSC 52), the same with 8-bit controls, and a turn of direction.
    const FOUL: &str = "a\u{1b}[31mb\u{1b}]0;x\u{7}c\u{9b}31md\u{9d}52;c;eA==\u{9c}e\u{7f}\u{202e}f\ng";

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left_in_a_line() {
        let plain = line(FOUL);
        assert_eq!(plain, "a [31mb ]0;x c 31md 52;c;eA== e  f g");
        assert_eq!(line("Łódź – 橡木 🦊"), "Łódź – 橡木 🦊");
    }

    #[test]
    fn json_says_the_same_without_them() {
        let told = serde_json::to_string(FOUL).unwrap();
        let plain = json(&told);
        assert!(!plain.chars().any(acts), "{plain:?}");
        assert_eq!(serde_json::from_str::<String>(&plain).unwrap(), FOUL);
    }
}
