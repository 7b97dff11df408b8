//! Makes text safe for terminals, files and pipes: removes characters that a terminal interprets.

/// Returns the text on one line. Control characters (C0, DEL and C1, which begin escape sequences) and characters that
/// change the text direction become spaces.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(|letter| if is_unsafe(letter) { ' ' } else { letter }).collect()
}

/// Returns the reason for a failure in words, where a library tells it in its own.
pub(crate) fn reason(text: &str) -> String {
    text.replace(NO_TLS, "nothing speaks TLS there; try http:// in place of https://")
}

/// How rustls tells that the other side does not speak TLS.
const NO_TLS: &str = "received corrupt message of type InvalidContentType";

/// Returns JSON on one line with such characters escaped, which keeps its meaning.
pub(crate) fn json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_unsafe(letter) {
            plain.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// Whether a terminal may interpret this character instead of showing it.
fn is_unsafe(letter: char) -> bool {
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
        assert!(!plain.chars().any(is_unsafe), "{plain:?}");
        assert_eq!(serde_json::from_str::<String>(&plain).unwrap(), FOUL);
    }
}
