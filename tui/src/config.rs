//! What a person configures: preferences, colours, keys. Read from one TOML file, checked whole before anything starts;
//! preferences that are changed on the screen are written to it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::atomic_file;
use crate::keys::{Keymap, Place, Remapped, word};
use crate::preferences::{Preferences, Spans, ThemeName, Times};

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
    pub(crate) preferences: Preferences,
    pub(crate) keys: Keymap,
    colours: BTreeMap<ThemeName, Colours>,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    theme: Option<ThemeName>,
    mouse: Option<bool>,
    notifications: Option<bool>,
    reduced_motion: Option<bool>,
    times: Option<Times>,
    spans: Option<Spans>,
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
        let File { theme, mouse, notifications, reduced_motion, times, spans, .. } = file;
        let preferences = Preferences { theme, mouse, notifications, reduced_motion, times, spans };
        Ok(Self { preferences, keys, colours })
    }
}

/// Writes what was chosen into a file, whose other lines stay as they are.
///
/// # Errors
/// One sentence with the file's name when it cannot be read or written, or would not be valid any more.
pub(crate) fn write(path: &Path, chosen: &Preferences) -> Result<(), String> {
    let failed = |error: io::Error| format!("The settings cannot be kept in {}: {error}.", path.display());
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    // The mark with which some editors begin a file is no part of its first line.
    let (mark, lines) = text.strip_prefix('\u{feff}').map_or(("", text.as_str()), |lines| ("\u{feff}", lines));
    let lines =
        lines_of(chosen).into_iter().fold(lines.to_owned(), |text, (name, value)| with_value(&text, name, &value));
    let text = format!("{mark}{lines}");
    Config::parse(&text).map_err(|wrong| format!("{}{wrong}.", path.display()))?;
    atomic_file::replace(path, text.as_bytes()).map_err(failed)
}

/// What was chosen, as names and values of the file.
fn lines_of(chosen: &Preferences) -> Vec<(&'static str, String)> {
    let Preferences { theme, mouse, notifications, reduced_motion, times, spans } = *chosen;
    let quoted = |text: String| format!("{text:?}");
    let values = [
        ("theme", theme.map(|theme| quoted(word(theme)))),
        ("mouse", mouse.map(|on| on.to_string())),
        ("notifications", notifications.map(|on| on.to_string())),
        ("reduced_motion", reduced_motion.map(|on| on.to_string())),
        ("times", times.map(|times| quoted(word(times)))),
        ("spans", spans.map(|spans| quoted(word(spans)))),
    ];
    values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A text in which a setting has a value, with the line ends that the text has: in its line, or else after the line that explains it or before the first table.
fn with_value(text: &str, name: &str, value: &str) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push_str(end);
    }
    let head = lines.iter().position(|line| line.trim_start().starts_with('[')).unwrap_or(lines.len());
    let sets = |line: &String| line.split_once('=').is_some_and(|(key, _)| key.trim() == name);
    let explains = |line: &String| line.trim_start().strip_prefix('#').is_some_and(|line| sets(&line.to_owned()));
    let line = format!("{name} = {value}{end}");
    let here = lines[..head].iter().position(sets);
    match (here, lines[..head].iter().position(explains)) {
        (Some(here), _) => lines[here] = line,
        (None, Some(here)) => lines.insert(here + 1, line),
        (None, None) => {
            // The comment above a table belongs to it.
            let comment = lines[..head].iter().rev().take_while(|line| line.trim_start().starts_with('#')).count();
            lines.insert(if head < lines.len() { head - comment } else { head }, line);
        }
    }
    lines.concat()
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

# While you look elsewhere, the terminal says how your order ends and what goes wrong.
# notifications = true

# Nothing counts or moves by itself, only what happens in the shop.
# reduced_motion = false

# local or utc: the zone in which times are shown.
# times = \"local\"

# short or milliseconds: how spans of time are written.
# spans = \"short\"

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
        assert_eq!(config.preferences, Preferences::default());
        let names = ["theme", "mouse", "notifications", "reduced_motion", "times", "spans"];
        let without_marks =
            names.iter().fold(printed, |text, name| text.replace(&format!("# {name} ="), &format!("{name} =")));
        let usual = Preferences {
            theme: Some(ThemeName::Dark),
            mouse: Some(false),
            notifications: Some(true),
            reduced_motion: Some(false),
            times: Some(Times::Local),
            spans: Some(Spans::Short),
        };
        assert_eq!(Config::parse(&without_marks).unwrap().preferences, usual);
    }

    #[test]
    fn theme_colours_and_keys_are_taken_from_the_file() {
        let text = "theme = \"light\"\n[colours.light]\naccent = \"#010203\"\n[keys.shop]\nnext_sort = [\"Z\"]\n";
        let config = Config::parse(text).unwrap();
        assert_eq!(config.preferences.theme, Some(ThemeName::Light));
        assert_eq!(config.colours(ThemeName::Light).unwrap()[&Role::Accent], (1, 2, 3));
        assert_eq!(config.keys.action(Context::Shop, Key::char('Z')), Some(Action::NextSort));
        assert!(Config::parse("").is_ok());
    }

    #[test]
    fn the_example_of_the_readme_is_valid() {
        let readme = include_str!("../README.md");
        let (_, example) = readme.split_once("```toml\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let config = Config::parse(example).unwrap();
        assert_eq!(config.keys.action(Context::Shop, Key::char('Z')), Some(Action::NextSort));
    }

    #[test]
    fn what_is_wrong_is_reported_in_one_line_with_its_place() {
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

    #[test]
    fn what_is_chosen_on_the_screen_is_written_and_everything_else_in_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("storefront/config.toml");
        let chosen =
            Preferences { theme: Some(ThemeName::Light), spans: Some(Spans::Milliseconds), ..Preferences::default() };
        write(&path, &chosen).unwrap();
        assert_eq!(Config::read(&path, true).unwrap().preferences, chosen, "a file is begun");
        let mine = "# mine\ntheme = \"dark\" # at night\n\n# my keys\n[keys.shop]\nnext_sort = [\"Z\"]\n";
        fs::write(&path, mine).unwrap();
        write(&path, &chosen).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let expected =
            "# mine\ntheme = \"light\"\n\nspans = \"milliseconds\"\n# my keys\n[keys.shop]\nnext_sort = [\"Z\"]\n";
        assert_eq!(text, expected);
        // The printed file explains each setting.
        fs::write(&path, documented()).unwrap();
        write(&path, &chosen).unwrap();
        let config = Config::read(&path, true).unwrap();
        assert_eq!((config.preferences, config.keys), (chosen, Keymap::default()));
        assert!(fs::read_to_string(&path).unwrap().contains("# theme = \"dark\"\ntheme = \"light\"\n"));
    }

    #[test]
    fn a_byte_order_mark_line_ends_of_another_system_and_the_mode_of_the_file_stay() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "\u{feff}theme = \"dark\"\r\n\r\n[keys.shop]\r\nnext_sort = [\"Z\"]").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let chosen = Preferences { theme: Some(ThemeName::Light), mouse: Some(true), ..Preferences::default() };
        write(&path, &chosen).unwrap();
        let expected = "\u{feff}theme = \"light\"\r\n\r\nmouse = true\r\n[keys.shop]\r\nnext_sort = [\"Z\"]\r\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Config::read(&path, true).unwrap().preferences, chosen);
    }

    #[test]
    fn a_file_that_is_wrong_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "theme = ").unwrap();
        let chosen = Preferences { mouse: Some(true), ..Preferences::default() };
        let why = write(&path, &chosen).unwrap_err();
        assert!(why.contains("config.toml"), "{why}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theme = ");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
    }
}
