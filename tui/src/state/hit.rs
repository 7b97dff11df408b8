//! What a mouse click means.

use crate::keys::Action;

/// The meaning of a click on a region of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hit {
    /// Selects the line that is so many lines below the selected one; on the selected one, does what Enter does.
    Line(isize),
    Run(Action),
}
