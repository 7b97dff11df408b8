//! The palette over the screen.

use crate::state::{Command, Model, Palette, Tone};
use crate::update::{Effect, actions, order, timeline};

pub(super) fn open(model: &mut Model) {
    let join = model.join_command();
    model.palette = Some(Palette::new(&model.keys, model.context(), join.as_deref()));
}

/// Closes the palette and does what the chosen line says.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    match model.palette.take().and_then(|palette| palette.selected()) {
        Some(Command::Action(action)) => return actions::act(model, action),
        Some(Command::Theme(theme)) => model.theme = theme,
        Some(Command::View(view)) => timeline::show(model, view),
        Some(Command::FindOrder(number)) => return vec![Effect::FindOrder(number)],
        Some(Command::OpenOrder(id)) => return order::open(model, id),
        Some(Command::CopyJoin) => {
            let Some(join) = model.join_command() else { return Vec::new() };
            model.toast(Tone::Good, format!("Copied: {join}"));
            return vec![Effect::Copy(join)];
        }
        None => {}
    }
    Vec::new()
}
