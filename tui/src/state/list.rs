//! A cursor over a list, and the loading state of a screen.

use crate::state::Failure;

/// Loading state of a screen's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Load {
    /// Not requested yet, or no response yet.
    #[default]
    Loading,
    /// The shop's last response is shown.
    Ready,
    /// The request failed.
    Failed(Failure),
}

/// The selected line of a list. Always within the length that it was last clamped to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) cursor: usize,
}

impl List {
    /// Moves by `by` lines within `len`.
    pub(crate) fn step(&mut self, by: isize, len: usize) {
        self.cursor = self.cursor.saturating_add_signed(by);
        self.clamp(len);
    }

    /// Clamps the cursor to `len`.
    pub(crate) fn clamp(&mut self, len: usize) {
        self.cursor = self.cursor.min(len.saturating_sub(1));
    }
}
