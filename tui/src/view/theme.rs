//! Colours: four themes for three colour depths and none. Every style has a role; screens name roles, never colours. A
//! state always has a word or a sign as well.

use ratatui::style::{Color, Modifier, Style};

use crate::config::{Colours, Rgb, Role};
use crate::preferences::ThemeName;

/// Colour depth of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    True,
    Indexed,
    Basic,
    None,
}

#[derive(Clone)]
struct Palette {
    background: Rgb,
    text: Rgb,
    dim: Rgb,
    faint: Rgb,
    accent: Rgb,
    good: Rgb,
    warn: Rgb,
    bad: Rgb,
    selection: Rgb,
}

const DARK: Palette = Palette {
    background: (0x16, 0x18, 0x1d),
    text: (0xd9, 0xdc, 0xe2),
    dim: (0x93, 0x99, 0xa6),
    faint: (0x3b, 0x40, 0x4b),
    accent: (0xe9, 0xa5, 0x5f),
    good: (0x92, 0xc3, 0x83),
    warn: (0xe2, 0xc5, 0x6b),
    bad: (0xe8, 0x84, 0x78),
    selection: (0x2a, 0x2f, 0x3a),
};

const LIGHT: Palette = Palette {
    background: (0xfb, 0xfa, 0xf7),
    text: (0x2a, 0x2c, 0x32),
    dim: (0x63, 0x68, 0x72),
    faint: (0xcd, 0xcc, 0xc8),
    accent: (0xa0, 0x4e, 0x08),
    good: (0x2a, 0x70, 0x31),
    warn: (0x80, 0x5b, 0x00),
    bad: (0xb0, 0x32, 0x27),
    selection: (0xee, 0xe8, 0xdc),
};

const HIGH_CONTRAST: Palette = Palette {
    background: (0x00, 0x00, 0x00),
    text: (0xff, 0xff, 0xff),
    dim: (0xd8, 0xd8, 0xd8),
    faint: (0x9a, 0x9a, 0x9a),
    accent: (0xff, 0xd7, 0x5f),
    good: (0x87, 0xff, 0x87),
    warn: (0xff, 0xff, 0x87),
    bad: (0xff, 0xaf, 0xaf),
    selection: (0x26, 0x26, 0x50),
};

impl Palette {
    fn role(&mut self, role: Role) -> &mut Rgb {
        match role {
            Role::Background => &mut self.background,
            Role::Text => &mut self.text,
            Role::Dim => &mut self.dim,
            Role::Faint => &mut self.faint,
            Role::Accent => &mut self.accent,
            Role::Good => &mut self.good,
            Role::Warn => &mut self.warn,
            Role::Bad => &mut self.bad,
            Role::Selection => &mut self.selection,
        }
    }
}

/// The styles of a theme, by role.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    pub(crate) depth: Depth,
    pub(crate) background: Rgb,
    pub(crate) text: Style,
    pub(crate) strong: Style,
    pub(crate) dim: Style,
    /// Rules and borders.
    pub(crate) faint: Style,
    pub(crate) accent: Style,
    pub(crate) good: Style,
    pub(crate) warn: Style,
    pub(crate) bad: Style,
    /// Overlay of the selected line.
    pub(crate) selected: Style,
    /// The open tab.
    pub(crate) tab: Style,
    /// Struck-out text.
    pub(crate) struck: Style,
    /// A text field.
    pub(crate) field: Style,
}

impl Theme {
    /// A theme at a colour depth. Without colours, always the mono theme.
    pub(crate) fn new(name: ThemeName, depth: Depth) -> Self {
        Self::with(name, depth, None)
    }

    /// A theme with configured colours for some roles. The mono theme has none to change.
    pub(crate) fn with(name: ThemeName, depth: Depth, colours: Option<&Colours>) -> Self {
        let mut palette = match name {
            ThemeName::Dark => DARK.clone(),
            ThemeName::Light => LIGHT.clone(),
            ThemeName::HighContrast => HIGH_CONTRAST.clone(),
            ThemeName::Mono => return mono(),
        };
        for (role, colour) in colours.into_iter().flatten() {
            *palette.role(*role) = *colour;
        }
        let mut theme = match depth {
            Depth::None => return mono(),
            Depth::True => coloured(&palette, depth, |(r, g, b)| Color::Rgb(r, g, b)),
            Depth::Indexed => coloured(&palette, depth, |rgb| Color::Indexed(indexed(rgb))),
            Depth::Basic => basic(name, &palette),
        };
        if name == ThemeName::HighContrast {
            // A background on which all colours have their contrast is close to black, so it is not enough.
            theme.selected = theme.selected.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        }
        theme
    }
}

fn coloured(palette: &Palette, depth: Depth, colour: impl Fn(Rgb) -> Color) -> Theme {
    let background = colour(palette.background);
    let on = |rgb| Style::new().fg(colour(rgb)).bg(background);
    let bold = Modifier::BOLD;
    Theme {
        depth,
        background: palette.background,
        text: on(palette.text),
        strong: on(palette.text).add_modifier(bold),
        dim: on(palette.dim),
        faint: on(palette.faint),
        accent: on(palette.accent),
        good: on(palette.good),
        warn: on(palette.warn),
        bad: on(palette.bad),
        selected: Style::new().bg(colour(palette.selection)),
        tab: on(palette.accent).add_modifier(bold | Modifier::UNDERLINED),
        struck: on(palette.dim).add_modifier(Modifier::CROSSED_OUT),
        field: Style::new().fg(colour(palette.text)).bg(colour(palette.selection)),
    }
}

/// With 16 colours the terminal's own palette is used, so the background stays as it is.
fn basic(name: ThemeName, palette: &Palette) -> Theme {
    let light = name == ThemeName::Light;
    let of = |on_dark: Color, on_light: Color| Style::new().fg(if light { on_light } else { on_dark });
    let plain = Style::new();
    let accent = of(Color::Yellow, Color::Blue);
    Theme {
        depth: Depth::Basic,
        background: palette.background,
        text: plain,
        strong: plain.add_modifier(Modifier::BOLD),
        dim: of(Color::Gray, Color::DarkGray),
        faint: of(Color::DarkGray, Color::Gray),
        accent,
        good: of(Color::LightGreen, Color::Green),
        warn: of(Color::LightYellow, Color::Magenta),
        bad: of(Color::LightRed, Color::Red),
        selected: plain.add_modifier(Modifier::REVERSED),
        tab: accent.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        struck: of(Color::Gray, Color::DarkGray).add_modifier(Modifier::CROSSED_OUT),
        field: plain.add_modifier(Modifier::UNDERLINED),
    }
}

fn mono() -> Theme {
    let plain = Style::new();
    let with = |modifier| plain.add_modifier(modifier);
    Theme {
        depth: Depth::None,
        background: DARK.background,
        text: plain,
        strong: with(Modifier::BOLD),
        dim: with(Modifier::DIM),
        faint: with(Modifier::DIM),
        accent: with(Modifier::BOLD),
        good: plain,
        warn: with(Modifier::BOLD),
        bad: with(Modifier::BOLD),
        selected: with(Modifier::REVERSED),
        tab: with(Modifier::BOLD | Modifier::UNDERLINED),
        struck: with(Modifier::CROSSED_OUT | Modifier::DIM),
        field: with(Modifier::UNDERLINED),
    }
}

/// The colour of a pixel at a colour depth; `None` without colours.
pub(crate) fn pixel(rgb: Rgb, depth: Depth) -> Option<Color> {
    match depth {
        Depth::True => Some(Color::Rgb(rgb.0, rgb.1, rgb.2)),
        Depth::Indexed => Some(Color::Indexed(indexed(rgb))),
        Depth::Basic => Some(nearest_basic(rgb)),
        Depth::None => None,
    }
}

/// The nearest of the 240 fixed colours of a 256-colour terminal: the 6×6×6 cube from 16 on, the greys from 232 on.
fn indexed(rgb: Rgb) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |value: u8| (0..6).min_by_key(|at| LEVELS[*at].abs_diff(value)).unwrap_or(0);
    let (r, g, b) = (level(rgb.0), level(rgb.1), level(rgb.2));
    let cube = (LEVELS[r], LEVELS[g], LEVELS[b]);
    let mean = (u16::from(rgb.0) + u16::from(rgb.1) + u16::from(rgb.2)) / 3;
    let step = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = (8 + 10 * step, 8 + 10 * step, 8 + 10 * step);
    if distance(rgb, grey) < distance(rgb, cube) { 232 + step } else { 16 + (36 * r + 6 * g + b) as u8 }
}

fn nearest_basic(rgb: Rgb) -> Color {
    const COLOURS: [(Rgb, Color); 16] = [
        ((0, 0, 0), Color::Black),
        ((205, 0, 0), Color::Red),
        ((0, 205, 0), Color::Green),
        ((205, 205, 0), Color::Yellow),
        ((0, 0, 238), Color::Blue),
        ((205, 0, 205), Color::Magenta),
        ((0, 205, 205), Color::Cyan),
        ((229, 229, 229), Color::Gray),
        ((127, 127, 127), Color::DarkGray),
        ((255, 0, 0), Color::LightRed),
        ((0, 255, 0), Color::LightGreen),
        ((255, 255, 0), Color::LightYellow),
        ((92, 92, 255), Color::LightBlue),
        ((255, 0, 255), Color::LightMagenta),
        ((0, 255, 255), Color::LightCyan),
        ((255, 255, 255), Color::White),
    ];
    COLOURS.iter().min_by_key(|(known, _)| distance(rgb, *known)).map_or(Color::Reset, |(_, colour)| *colour)
}

fn distance(a: Rgb, b: Rgb) -> u32 {
    let part = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    part(a.0, b.0) + part(a.1, b.1) + part(a.2, b.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours by WCAG 2.2, "relative luminance" and "contrast ratio".
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |(r, g, b): Rgb| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn everything_that_is_read_stands_out_from_its_background() {
        for (palette, least) in [(DARK, 4.5), (LIGHT, 4.5), (HIGH_CONTRAST, 7.0)] {
            for background in [palette.background, palette.selection] {
                for (name, colour) in [
                    ("text", palette.text),
                    ("dim", palette.dim),
                    ("accent", palette.accent),
                    ("good", palette.good),
                    ("warn", palette.warn),
                    ("bad", palette.bad),
                ] {
                    let found = contrast(colour, background);
                    assert!(found >= least, "{name} {colour:?} on {background:?}: {found:.1}");
                }
            }
        }
    }

    #[test]
    fn colours_are_brought_down_to_what_the_terminal_has() {
        assert_eq!(indexed((255, 0, 0)), 196);
        assert_eq!(indexed((0, 0, 0)), 16);
        assert_eq!(indexed((128, 128, 128)), 244);
        assert_eq!(nearest_basic((250, 250, 250)), Color::White);
        assert_eq!(pixel((1, 2, 3), Depth::None), None);
    }

    #[test]
    fn a_colour_of_ones_own_takes_its_place() {
        let own = Colours::from([(Role::Accent, (1, 2, 3))]);
        assert_eq!(Theme::with(ThemeName::Dark, Depth::True, Some(&own)).accent.fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(Theme::with(ThemeName::Mono, Depth::True, Some(&own)).accent.fg, None);
    }

    #[test]
    fn without_colours_every_theme_is_mono() {
        for name in [ThemeName::Dark, ThemeName::Light, ThemeName::HighContrast, ThemeName::Mono] {
            let theme = Theme::new(name, Depth::None);
            assert_eq!((theme.text.fg, theme.text.bg, theme.bad.fg), (None, None, None));
            assert!(theme.selected.add_modifier.contains(Modifier::REVERSED));
        }
    }
}
