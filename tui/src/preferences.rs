//! What a person prefers on every shop's screen: stored in the configuration file, changed there or on the screen.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThemeName {
    #[default]
    Dark,
    Light,
    HighContrast,
    Mono,
}

impl ThemeName {
    /// All values, in the order in which a key steps through them.
    pub(crate) const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::HighContrast, Self::Mono];
}

/// In which zone times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Times {
    /// The zone of this machine.
    #[default]
    Local,
    Utc,
}

/// How spans of time are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spans {
    /// In the unit that fits: `12 ms`, `1.2 s`, `3 min`.
    #[default]
    Short,
    Milliseconds,
}

/// What was chosen; `None` where the default holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    pub(crate) theme: Option<ThemeName>,
    /// Whether mouse events are captured.
    pub(crate) mouse: Option<bool>,
    /// Whether the terminal is notified while the person looks elsewhere.
    pub(crate) notifications: Option<bool>,
    /// Whether nothing moves by itself but what happens in the shop.
    pub(crate) reduced_motion: Option<bool>,
    pub(crate) times: Option<Times>,
    pub(crate) spans: Option<Spans>,
}

impl Preferences {
    /// What was chosen here, and otherwise there.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            theme: self.theme.or(other.theme),
            mouse: self.mouse.or(other.mouse),
            notifications: self.notifications.or(other.notifications),
            reduced_motion: self.reduced_motion.or(other.reduced_motion),
            times: self.times.or(other.times),
            spans: self.spans.or(other.spans),
        }
    }
}
