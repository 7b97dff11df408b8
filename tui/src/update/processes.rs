//! The screen Processes: what the shop does by itself, how far each process and view is, and what waits.

use crate::state::Model;
use crate::update::Effect;

/// Asks for what the screen shows.
pub(super) fn ask(_model: &mut Model) -> Vec<Effect> {
    Vec::new()
}

/// Moves the cursor.
pub(super) fn step(_model: &mut Model, _by: isize) {}
