//! The help over the screen.

use crate::keys::Action;
use crate::state::{Help, Model};
use crate::update::{Effect, actions};

pub(super) fn open(model: &mut Model) {
    model.help = Some(Help::new(model.context()));
}

/// Closes the help and does what the chosen line says.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    let chosen = model.help.take().and_then(|help| help.selected(&model.keys).map(|binding| binding.action));
    match chosen {
        Some(action) if action != Action::Help => actions::act(model, action),
        _ => Vec::new(),
    }
}

pub(super) fn step(model: &mut Model, by: isize) {
    if let Some(help) = &mut model.help {
        let len = help.lines(&model.keys).len();
        help.list.step(by, len);
    }
}
