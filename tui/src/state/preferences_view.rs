//! The list of preferences over the screen.

use crate::keys::word;
use crate::preferences::{Preferences, Spans, ThemeName, Times};
use crate::state::{List, Model};

#[derive(Debug, Default)]
pub(crate) struct PreferencesView {
    pub(crate) list: List,
}

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preference {
    Theme,
    Mouse,
    Notifications,
    Motion,
    Times,
    Spans,
}

impl Preference {
    /// All lines, in their order.
    pub(crate) const ALL: [Self; 6] =
        [Self::Theme, Self::Mouse, Self::Notifications, Self::Motion, Self::Times, Self::Spans];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Theme => "Theme",
            Self::Mouse => "Mouse",
            Self::Notifications => "Notifications",
            Self::Motion => "Motion",
            Self::Times => "Times",
            Self::Spans => "Spans of time",
        }
    }

    /// What it means, in a sentence.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Theme => "The colours; what you see here is how it looks.",
            Self::Mouse => "On: a click chooses and opens. Off: the terminal selects text.",
            Self::Notifications => {
                "While you look elsewhere, the terminal says how your order ends and what goes wrong."
            }
            Self::Motion => "Reduced: nothing counts or moves by itself, only what happens in the shop.",
            Self::Times => "In the zone of this machine, or in UTC like the log.",
            Self::Spans => "Below ten seconds as 1.2 s, or as 1234 ms.",
        }
    }
}

impl Model {
    /// The value of a preference as a word.
    pub(crate) fn preference(&self, which: Preference) -> String {
        let on = |on: bool| if on { "on" } else { "off" };
        match which {
            Preference::Theme => return word(self.theme).replace('_', " "),
            Preference::Mouse => on(self.mouse),
            Preference::Notifications => on(self.notifications),
            Preference::Motion if self.reduced_motion => "reduced",
            Preference::Motion => "full",
            Preference::Times => match self.times {
                Times::Local => "local",
                Times::Utc => "UTC",
            },
            Preference::Spans => match self.spans {
                Spans::Short => "short",
                Spans::Milliseconds => "milliseconds",
            },
        }
        .to_owned()
    }

    /// Changes a preference to its next or previous value, and notes that it was chosen.
    pub(crate) fn change_preference(&mut self, which: Preference, by: isize) {
        let chosen = &mut self.preferences;
        match which {
            Preference::Theme => {
                let here = ThemeName::ALL.iter().position(|theme| *theme == self.theme).unwrap_or(0);
                let count = ThemeName::ALL.len();
                self.theme = ThemeName::ALL[(here + count).saturating_add_signed(by) % count];
                chosen.theme = Some(self.theme);
            }
            Preference::Mouse => {
                self.mouse = !self.mouse;
                chosen.mouse = Some(self.mouse);
            }
            Preference::Notifications => {
                self.notifications = !self.notifications;
                chosen.notifications = Some(self.notifications);
            }
            Preference::Motion => {
                self.reduced_motion = !self.reduced_motion;
                chosen.reduced_motion = Some(self.reduced_motion);
            }
            Preference::Times => {
                let times = if self.times == Times::Local { Times::Utc } else { Times::Local };
                self.show_times(times);
                self.preferences.times = Some(times);
            }
            Preference::Spans => {
                self.spans = if self.spans == Spans::Short { Spans::Milliseconds } else { Spans::Short };
                chosen.spans = Some(self.spans);
            }
        }
    }

    /// Takes what is configured.
    pub(crate) fn configure(&mut self, preferences: Preferences) {
        let Preferences { theme, mouse, notifications, reduced_motion, times, spans } = preferences;
        self.theme = theme.unwrap_or(self.theme);
        self.mouse = mouse.unwrap_or(self.mouse);
        self.notifications = notifications.unwrap_or(self.notifications);
        self.reduced_motion = reduced_motion.unwrap_or(self.reduced_motion);
        self.spans = spans.unwrap_or(self.spans);
        self.show_times(times.unwrap_or(self.times));
    }

    fn show_times(&mut self, times: Times) {
        self.times = times;
        self.zone = match times {
            Times::Local => self.local_zone.clone(),
            Times::Utc => jiff::tz::TimeZone::UTC,
        };
    }
}
