//! Opens and closes the palette.

use crate::state::{Command, Model, Palette};

pub(super) fn open(model: &mut Model) {
    let join = model.join_command();
    model.palette = Some(Palette::new(&model.keys, model.context(), join.as_deref()));
}

/// Closes the palette and returns the selected command.
pub(super) fn take_selected(model: &mut Model) -> Option<Command> {
    model.palette.take().and_then(|palette| palette.selected())
}
