//! Reads the environment: folders, colours, default shop. The only file of the client that does.

use std::env;
use std::path::PathBuf;

use crate::preferences::ThemeName;
use crate::view::theme::Depth;

/// Where the client and the embedded shop keep their data: `XDG_DATA_HOME`, or the usual place of the system.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || folder("HOME").or_else(|| folder("USERPROFILE"));
    let usual = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    let data =
        folder("XDG_DATA_HOME").or_else(|| folder("LOCALAPPDATA")).or_else(|| home().map(|home| home.join(usual)))?;
    Some(data.join("storefront"))
}

/// Where the configuration is looked for: in `XDG_CONFIG_HOME`, or the usual place of the system.
pub(crate) fn config_file() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || folder("HOME").or_else(|| folder("USERPROFILE"));
    let usual = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    let config = folder("XDG_CONFIG_HOME").or_else(|| folder("APPDATA")).or_else(|| Some(home()?.join(usual)))?;
    Some(config.join("storefront").join("config.toml"))
}

/// Whether the terminal says that it can only print lines.
pub(crate) fn is_dumb() -> bool {
    env::var("TERM").is_ok_and(|term| term == "dumb")
}

/// Whether the terminal may take texts into a clipboard (OSC 52). The Linux console and Terminal of macOS do not.
pub(crate) fn has_clipboard() -> bool {
    let text = |name: &str| env::var(name).unwrap_or_default();
    !matches!(text("TERM").as_str(), "linux" | "dumb") && text("TERM_PROGRAM") != "Apple_Terminal"
}

/// Reads a variable unchanged.
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name)
}

/// How many colours the terminal shows, as far as it says. `NO_COLOR` (no-color.org) means none.
pub(crate) fn colour_depth() -> Depth {
    let text = |name: &str| env::var(name).unwrap_or_default();
    depth(&text("NO_COLOR"), &text("COLORTERM"), &text("TERM"))
}

/// Whether lines that go to a terminal, or elsewhere, may be coloured: `NO_COLOR` (no-color.org) says no, `CLICOLOR_FORCE`
/// (bixense.com/clicolors) says yes wherever they go; without either, only on a terminal that has colours.
pub(crate) fn may_colour(is_terminal: bool) -> bool {
    let text = |name: &str| env::var(name).unwrap_or_default();
    colours(&text("NO_COLOR"), &text("CLICOLOR_FORCE"), &text("TERM"), is_terminal)
}

fn colours(no_color: &str, force: &str, term: &str, is_terminal: bool) -> bool {
    let forced = !matches!(force, "" | "0");
    no_color.is_empty() && (forced || (is_terminal && term != "dumb"))
}

/// Light or dark, as far as the terminal says (`COLORFGBG`).
pub(crate) fn theme() -> ThemeName {
    theme_for(&env::var("COLORFGBG").unwrap_or_default())
}

fn depth(no_color: &str, colorterm: &str, term: &str) -> Depth {
    if !no_color.is_empty() || term == "dumb" {
        Depth::None
    } else if matches!(colorterm, "truecolor" | "24bit") || term.ends_with("-direct") {
        Depth::True
    } else if term.contains("256color") || term.contains("kitty") || term.contains("ghostty") {
        Depth::Indexed
    } else {
        Depth::Basic
    }
}

fn theme_for(colorfgbg: &str) -> ThemeName {
    let background = colorfgbg.rsplit(';').next().and_then(|number| number.parse::<u8>().ok());
    match background {
        Some(7 | 9..=15) => ThemeName::Light,
        Some(_) | None => ThemeName::Dark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_says_how_many_colours_it_has() {
        assert_eq!(depth("1", "truecolor", "xterm"), Depth::None);
        assert_eq!(depth("", "truecolor", "xterm"), Depth::True);
        assert_eq!(depth("", "", "xterm-256color"), Depth::Indexed);
        assert_eq!(depth("", "", "linux"), Depth::Basic);
        assert_eq!(depth("", "truecolor", "dumb"), Depth::None);
    }

    #[test]
    fn lines_are_coloured_on_a_terminal_or_when_that_is_forced_and_never_against_a_wish() {
        assert!(colours("", "", "xterm", true) && colours("", "1", "xterm", false));
        for (no_color, force, term, is_terminal) in
            [("", "", "xterm", false), ("1", "1", "xterm", true), ("", "0", "xterm", false), ("", "", "dumb", true)]
        {
            assert!(!colours(no_color, force, term, is_terminal), "{no_color} {force} {term} {is_terminal}");
        }
    }

    #[test]
    fn a_light_background_asks_for_the_light_theme() {
        assert_eq!(theme_for("0;15"), ThemeName::Light);
        assert_eq!(theme_for("15;default;0"), ThemeName::Dark);
        assert_eq!(theme_for(""), ThemeName::Dark);
    }
}
