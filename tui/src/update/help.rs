//! Opens, moves and closes the help.

use crate::keys::Action;
use crate::state::{Help, Model};

pub(super) fn open(model: &mut Model) {
    model.help = Some(Help::new(model.context()));
}

/// Closes the help and returns the action of the selected line.
pub(super) fn take_selected(model: &mut Model) -> Option<Action> {
    let selected = model.help.take().and_then(|help| help.selected(&model.keys).map(|binding| binding.action));
    selected.filter(|action| *action != Action::Help)
}

pub(super) fn step(model: &mut Model, by: isize) {
    if let Some(help) = &mut model.help {
        let len = help.lines(&model.keys).len();
        help.list.step(by, len);
    }
}
