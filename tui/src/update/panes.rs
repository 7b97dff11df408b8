//! Chooses the screen that stands beside the open one.

use crate::state::{Model, Panes, Screen, Tone};
use crate::update::{Effect, navigation};

/// Opens the list of screens; pressed again in it, switches between one screen and two.
pub(super) fn open_or_switch(model: &mut Model) -> Vec<Effect> {
    if model.panes.take().is_some() {
        let pane = if model.pane.is_some() { None } else { Some(model.last_pane) };
        return show(model, pane);
    }
    if model.read_out || model.size.0 < Model::SPLIT_MIN_WIDTH {
        let text = format!("Two screens need a window of {} columns.", Model::SPLIT_MIN_WIDTH);
        model.toast(Tone::Plain, text);
        return Vec::new();
    }
    model.panes = Some(Panes::new(model));
    Vec::new()
}

/// Closes the list and shows the selected screen beside the open one.
pub(super) fn choose(model: &mut Model) -> Vec<Effect> {
    let Some(panes) = model.panes.take() else { return Vec::new() };
    let pane = panes.lines.get(panes.list.cursor).copied().flatten();
    show(model, pane)
}

fn show(model: &mut Model, pane: Option<Screen>) -> Vec<Effect> {
    model.pane = pane;
    model.last_pane = pane.unwrap_or(model.last_pane);
    model.beside(model.size.0).map(|screen| navigation::fetch_screen(model, screen)).unwrap_or_default()
}
