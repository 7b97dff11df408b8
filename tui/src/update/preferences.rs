//! The preferences over the screen: a change holds at once and is written to the configuration file.

use crate::preferences::ThemeName;
use crate::state::{Model, Preference, PreferencesView};
use crate::update::Effect;

pub(super) fn open(model: &mut Model) {
    model.preferences_view = Some(PreferencesView::default());
}

pub(super) fn step(model: &mut Model, by: isize) {
    if let Some(open) = &mut model.preferences_view {
        open.list.step(by, Preference::ALL.len());
    }
}

/// Changes the selected preference.
pub(super) fn change(model: &mut Model, by: isize) -> Vec<Effect> {
    let Some(open) = &model.preferences_view else { return Vec::new() };
    let Some(which) = Preference::ALL.get(open.list.cursor).copied() else { return Vec::new() };
    change_one(model, which, by)
}

pub(super) fn change_one(model: &mut Model, which: Preference, by: isize) -> Vec<Effect> {
    model.change_preference(which, by);
    vec![Effect::Configure(model.preferences)]
}

pub(super) fn choose_theme(model: &mut Model, theme: ThemeName) -> Vec<Effect> {
    (model.theme, model.preferences.theme) = (theme, Some(theme));
    vec![Effect::Configure(model.preferences)]
}
