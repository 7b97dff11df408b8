//! What a person configures: theme, colours, mouse, keys. Read from one TOML file, checked whole before anything starts.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::keys::{Keymap, Place, Remapped, word};
use crate::settings::ThemeName;

/// A colour that a theme is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Background,
    Text,
    Dim,
    Faint,
    Accent,
    Good,
    Warn,
    Bad,
    Selection,
}

/// Red, green, blue.
pub(crate) type Rgb = (u8, u8, u8);
/// Other colours for some roles of a theme.
pub(crate) type Colours = BTreeMap<Role, Rgb>;

/// What was configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub(crate) theme: Option<ThemeName>,
    pub(crate) mouse: Option<bool>,
    pub(crate) keys: Keymap,
    colours: BTreeMap<ThemeName, Colours>,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    theme: Option<ThemeName>,
    mouse: Option<bool>,
    colours: BTreeMap<ThemeName, BTreeMap<Role, String>>,
    keys: Remapped,
}

impl Config {
    /// Reads a file; where there need not be one, a missing file configures nothing.
    ///
    /// # Errors
    /// One sentence with the file's name and what is wrong in it.
    pub(crate) fn read(path: &Path, must_be: bool) -> Result<Self, String> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|wrong| format!("{}{wrong}.", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_be => Ok(Self::default()),
            Err(error) => Err(format!("{} cannot be read: {error}.", path.display())),
        }
    }

    /// Other colours for a theme.
    pub(crate) fn colours(&self, theme: ThemeName) -> Option<&Colours> {
        self.colours.get(&theme)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
            let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
            format!("{line}: {}", error.message().lines().collect::<Vec<_>>().join(" ").trim_end_matches('.'))
        })?;
        let keys = Keymap::with(&file.keys).map_err(|wrong| format!(": {wrong}"))?;
        let mut colours: BTreeMap<ThemeName, Colours> = BTreeMap::new();
        for (theme, roles) in file.colours {
            for (role, colour) in roles {
                let rgb = rgb(&colour).ok_or_else(|| {
                    let place = format!("colours.{}.{}", word(theme), word(role));
                    format!(": {place}: {colour:?} is no colour; one is written as #e9a55f")
                })?;
                colours.entry(theme).or_default().insert(role, rgb);
            }
        }
        Ok(Self { theme: file.theme, mouse: file.mouse, keys, colours })
    }
}

fn rgb(text: &str) -> Option<Rgb> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some((part(0)?, part(2)?, part(4)?))
}

/// The file that changes nothing, with every key and what it does: what `storefront config` prints.
pub(crate) fn documented() -> String {
    let mut text = HEAD.to_owned();
    let keys = Keymap::default();
    let mut place: Option<Place> = None;
    let mut bindings: Vec<_> = keys.all().iter().collect();
    bindings.sort_by_key(|binding| binding.place);
    for binding in bindings {
        // Writing to a string cannot fail.
        if place != Some(binding.place) {
            let _ = writeln!(text, "\n[keys.{}]", word(binding.place));
            place = Some(binding.place);
        }
        let written: Vec<String> = binding.keys.iter().map(|key| format!("{:?}", key.written())).collect();
        let _ = writeln!(text, "# {}\n{} = [{}]", binding.help, word(binding.action), written.join(", "));
    }
    text
}

const HEAD: &str = "\
# What the client of the storefront looks like and which keys it takes. Everything may be left out; what stands here is
# how it is without this file. It is read from storefront/config.toml in your configuration folder, or with --config FILE.

# dark, light, high_contrast or mono; without it the terminal says, and the client remembers what you chose last.
# theme = \"dark\"

# Clicks and the wheel go to the client; without it the terminal selects text. A key switches it.
# mouse = false

# Colours of a theme: background, text, dim, faint, accent, good, warn, bad, selection.
# [colours.dark]
# accent = \"#e9a55f\"

# Keys, by where they hold. A key is a letter or sign, Enter, Esc, Tab, Shift-Tab, Backspace, Del, Space, Up, Down, Left,
# Right, PgUp, PgDn, Home, End, or one of these after Ctrl- or Alt-. No key may mean two things at one place.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Action, Context, Key};

    #[test]
    fn what_is_printed_is_what_holds_without_a_file() {
        let printed = documented();
        let config = Config::parse(&printed).unwrap();
        assert_eq!(config.keys, Keymap::default());
        assert_eq!((config.theme, config.mouse), (None, None));
        let without_marks = printed.replace("# theme =", "theme =").replace("# mouse =", "mouse =");
        let config = Config::parse(&without_marks).unwrap();
        assert_eq!((config.theme, config.mouse), (Some(ThemeName::Dark), Some(false)));
    }

    #[test]
    fn theme_colours_and_keys_are_taken_from_the_file() {
        let text = "theme = \"light\"\n[colours.light]\naccent = \"#010203\"\n[keys.shop]\nnext_sort = [\"Z\"]\n";
        let config = Config::parse(text).unwrap();
        assert_eq!(config.theme, Some(ThemeName::Light));
        assert_eq!(config.colours(ThemeName::Light).unwrap()[&Role::Accent], (1, 2, 3));
        assert_eq!(config.keys.action(Context::Shop, Key::char('Z')), Some(Action::NextSort));
        assert!(Config::parse("").is_ok());
    }

    #[test]
    fn what_is_wrong_is_told_in_one_line_with_its_place() {
        for (text, told) in [
            ("theme = \"pink\"", ", line 1: "),
            ("\n\ncolour = 3", ", line 3: unknown field `colour`"),
            ("[keys.shop]\ndance = [\"z\"]", ", line 2: unknown variant `dance`"),
            ("[keys.shop]\nadd = [\"i\"]", ": keys: i means both shop.add and shop.only_in_stock"),
            ("[colours.dark]\naccent = \"red\"", ": colours.dark.accent: \"red\" is no colour"),
            ("theme = ", ", line 1: "),
        ] {
            let said = Config::parse(text).unwrap_err();
            assert!(said.starts_with(told) && !said.contains('\n'), "{text:?}: {said}");
        }
    }
}
