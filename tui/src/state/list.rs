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

/// The nearest line after the cursor, or before it, that `is` accepts; past the end it goes on from the other end.
pub(crate) fn nearest(cursor: usize, len: usize, by: isize, is: impl Fn(usize) -> bool) -> Option<usize> {
    let lines = (1..=len).map(|far| (cursor + if by > 0 { far } else { len - far }) % len);
    lines.into_iter().find(|line| is(*line))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_match_is_after_or_before_the_cursor_and_around_the_end() {
        let is = |line: usize| [2, 5].contains(&line);
        assert_eq!([0, 2, 5, 6].map(|cursor| nearest(cursor, 8, 1, is)), [Some(2), Some(5), Some(2), Some(2)]);
        assert_eq!([0, 2, 5, 6].map(|cursor| nearest(cursor, 8, -1, is)), [Some(5), Some(5), Some(2), Some(5)]);
        assert_eq!((nearest(0, 8, 1, |_| false), nearest(0, 0, 1, |_| true)), (None, None));
        assert_eq!(nearest(2, 4, 1, |line| line == 2), Some(2));
    }
}
