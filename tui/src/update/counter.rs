//! The screen Counter: what the shopkeeper does: stock, products, orders, sales.

use crate::state::Model;
use crate::update::Effect;

/// Asks for what the screen shows.
pub(super) fn ask(_model: &mut Model) -> Vec<Effect> {
    Vec::new()
}

/// Moves the cursor.
pub(super) fn step(_model: &mut Model, _by: isize) {}
