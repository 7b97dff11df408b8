//! The palette over the screen.

use crate::state::{Command, Model, Palette};
use crate::update::{Effect, act, timeline};

pub(super) fn open(model: &mut Model) {
    model.palette = Some(Palette::new(&model.keys, model.context()));
}

/// Closes the palette and does what the chosen line says.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    match model.palette.take().and_then(|palette| palette.selected()) {
        Some(Command::Action(action)) => return act::act(model, action),
        Some(Command::Theme(theme)) => model.theme = theme,
        Some(Command::View(view)) => timeline::show(model, view),
        None => {}
    }
    Vec::new()
}
