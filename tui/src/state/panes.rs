//! The list of screens that can stand beside the open one.

use crate::state::{List, Model, Screen};

/// The open list.
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
