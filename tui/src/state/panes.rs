//! Two screens side by side: which they are, their sizes, and the list of those that can stand beside the open one.

use crate::state::{List, Model, Screen, Section};

#[derive(Debug)]
pub(crate) struct Panes {
    /// What each line shows beside the open screen; `None`: nothing.
    pub(crate) lines: Vec<Option<Screen>>,
    pub(crate) list: List,
}

impl Panes {
    /// The screens that can stand beside another.
    const SCREENS: [Screen; 7] =
        [Screen::Shop, Screen::Basket, Screen::Orders, Screen::Order, Screen::Log, Screen::Processes, Screen::Counter];

    /// Whether a screen can stand beside another.
    pub(crate) fn can_show(screen: Screen) -> bool {
        Self::SCREENS.contains(&screen)
    }

    /// All but the open screen; the one that is shown is selected, or the one that was last.
    pub(crate) fn new(model: &Model) -> Self {
        let others = Self::SCREENS.into_iter().filter(|screen| !model.is_open(*screen)).map(Some);
        let lines: Vec<Option<Screen>> = others.chain([None]).collect();
        let shown = model.pane.unwrap_or(model.last_pane);
        let cursor = lines.iter().position(|line| *line == Some(shown)).unwrap_or(0);
        Self { lines, list: List { cursor } }
    }

    /// The name of a line.
    pub(crate) const fn name(line: Option<Screen>) -> &'static str {
        match line {
            Some(Screen::Order) => "The open order",
            Some(screen) => screen.name(),
            None => "One screen only",
        }
    }
}

impl Model {
    /// Width of the window from which two screens fit side by side.
    pub(crate) const SPLIT_MIN_WIDTH: u16 = 120;

    /// Whether a screen is the open one, or what its tab shows at this moment.
    pub(crate) fn is_open(&self, screen: Screen) -> bool {
        let of_order = screen == Screen::Order || self.screen == Screen::Order;
        screen == self.screen || (!of_order && screen.tab() == self.screen.tab())
    }

    /// The screen beside the open one in a window of a width, while two are shown. Where the chosen one is open itself, it
    /// is one of the other section.
    pub(crate) fn beside(&self, width: u16) -> Option<Screen> {
        let pane = self.pane.filter(|pane| Panes::can_show(*pane))?;
        if self.read_out || width < Self::SPLIT_MIN_WIDTH || self.screen == Screen::Replay {
            return None;
        }
        Some(match (self.is_open(pane), self.section(), self.elsewhere) {
            (false, _, _) => pane,
            (true, Section::Shop, _) => Screen::Log,
            (true, Section::Backstage, Screen::Basket) => Screen::Basket,
            (true, Section::Backstage, _) => Screen::Shop,
        })
    }

    /// Whether a screen is in sight: open, or beside the open one.
    pub(crate) fn shows(&self, screen: Screen) -> bool {
        self.screen == screen || self.beside(self.size.0) == Some(screen)
    }

    /// Width of the open screen's own part of a window.
    pub(crate) fn own_width(&self, width: u16) -> u16 {
        if self.beside(width).is_some() { width / 5 * 3 } else { width }
    }

    /// Columns and rows of the open screen's own part of the window.
    pub(crate) fn own_size(&self) -> (u16, u16) {
        let width = self.own_width(self.size.0);
        (if self.read_out { width.min(80) } else { width }, self.size.1)
    }
}
