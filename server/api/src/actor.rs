//! The chosen name of an actor.

use std::fmt;
use std::str::FromStr;

/// The name of an actor in open mode, such as `Pair 3`: 1 to 50 visible characters. It becomes the actor of events, so it
/// cannot be one of the names that the shop itself uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActorName(String);

/// Why a text is not the name of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadActorName {
    /// The name is too short or too long.
    #[error("a name has 1 to {MAX_CHARACTERS} characters")]
    Length,
    /// The name has an invisible character, or one that changes how others are shown.
    #[error("a name has visible characters and single spaces only")]
    Invisible,
    /// The shop itself uses such names.
    #[error("the shop itself acts under this name: choose another one, without a colon")]
    Reserved,
}

/// Maximum length of a name in characters.
const MAX_CHARACTERS: usize = 50;
/// Names that the shop and its external systems use; all their other names have a colon.
const RESERVED: [&str; 10] =
    ["guest", "customer", "operator", "shop", "system", "process", "lab", "test", "card-gateway", "product-service"];

impl ActorName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActorName {
    type Err = BadActorName;

    fn from_str(text: &str) -> Result<Self, BadActorName> {
        let text = text.trim();
        if !(1..=MAX_CHARACTERS).contains(&text.chars().count()) {
            return Err(BadActorName::Length);
        }
        if text.chars().any(is_invisible) || text.contains("  ") {
            return Err(BadActorName::Invisible);
        }
        if text.contains(':') || RESERVED.contains(&text.to_lowercase().as_str()) {
            return Err(BadActorName::Reserved);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ActorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a character is a control, a space of another kind, or one that only changes how others are shown.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || (letter.is_whitespace() && letter != ' ')
        || matches!(
            letter,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, BadActorName> {
        text.parse::<ActorName>().map(|name| name.to_string())
    }

    #[test]
    fn a_name_is_what_people_call_themselves() {
        for name in ["Pair 3", "Åsa & Łukasz", "小明", "🦊", "x", &"ü".repeat(50)] {
            assert_eq!(parse(&format!(" {name} ")), Ok(name.to_owned()));
        }
    }

    #[test]
    fn nobody_is_called_what_cannot_be_seen_or_is_too_long() {
        for (text, why) in [
            ("", BadActorName::Length),
            ("   ", BadActorName::Length),
            (&"x".repeat(51), BadActorName::Length),
            ("a\u{1b}[31mb", BadActorName::Invisible),
            ("a\u{9b}b", BadActorName::Invisible),
            ("a\nb", BadActorName::Invisible),
            ("a\u{202e}b", BadActorName::Invisible),
            ("\u{200b}", BadActorName::Invisible),
            ("a  b", BadActorName::Invisible),
        ] {
            assert_eq!(parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn nobody_acts_under_a_name_of_the_shop() {
        for name in ["guest", "Operator", "card-gateway", "process:payments", "customer:7"] {
            assert_eq!(parse(name), Err(BadActorName::Reserved), "{name}");
        }
    }
}
