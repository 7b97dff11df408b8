//! The next and the previous match of what was searched for: a filtered list shows nothing else, in other lists the
//! cursor goes to it.

use crate::state::{Model, Screen, Tone};
use crate::update::{Effect, actions};

/// Goes to the match after the cursor, or before it; past the end, on from the other end.
pub(super) fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    let filter = match model.screen {
        Screen::Shop => Some(&model.shop.search),
        Screen::Orders => Some(&model.orders.search),
        Screen::Log => Some(&model.log.filter),
        Screen::Counter => model.counter.search(),
        Screen::Basket | Screen::Checkout | Screen::Order | Screen::Replay => None,
        Screen::Processes | Screen::Lab | Screen::Account => None,
    };
    if filter.is_some_and(|filter| !filter.value().trim().is_empty()) {
        return actions::step(model, by);
    }
    let found = match (model.screen, &mut model.order) {
        (Screen::Log, _) => model.log.go_to_match(by),
        (Screen::Order | Screen::Replay, Some(open)) => open.go_to_match(by),
        _ => None,
    };
    match found {
        Some(true) => {}
        Some(false) => model.toast(Tone::Plain, "Nothing here matches what was searched for."),
        None => {
            let text = format!("Nothing is searched for; {} starts a search.", model.key(crate::keys::Action::Search));
            model.toast(Tone::Plain, text);
        }
    }
    Vec::new()
}

/// Goes to the first match from the cursor on while the words are typed in a timeline.
pub(super) fn on_typed(model: &mut Model) {
    let Some(open) = &mut model.order else { return };
    if !open.is_match(open.list.cursor) {
        open.go_to_match(1);
    }
}
