//! A cursor over a list, and how far its data has come.

use crate::state::Failure;

/// How far the data of a screen has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Load {
    /// Nothing has been asked for yet, or the answer is not in.
    #[default]
    Loading,
    /// This is what the shop said last.
    Ready,
    /// The shop did not say: why.
    Failed(Failure),
}

/// Which line of a list is chosen. Always within the list that it was last clamped to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) cursor: usize,
}

impl List {
    /// Moves by so many lines and stays within `len`.
    pub(crate) fn step(&mut self, by: isize, len: usize) {
        self.cursor = self.cursor.saturating_add_signed(by);
        self.clamp(len);
    }

    /// Stays within `len`.
    pub(crate) fn clamp(&mut self, len: usize) {
        self.cursor = self.cursor.min(len.saturating_sub(1));
    }
}
