//! Goes from screen to screen and from layer to layer.

use crate::state::{Model, Panes, Phase, Screen, Tone};
use crate::update::{Effect, account, checkout, counter, lab, order, orders, processes};

pub(super) fn go(model: &mut Model, screen: Screen) -> Vec<Effect> {
    if model.screen == Screen::Checkout {
        checkout::leave(model);
    }
    counter::leave(model);
    stop_typing(model);
    model.shop.page = false;
    if model.section() != screen.section() {
        model.elsewhere = model.tab();
    }
    // Good news has been seen by now; errors stay for their time.
    model.toasts.retain(|toast| toast.tone == Tone::Bad);
    model.screen = screen;
    // While an order is being checked out, the tab shows that.
    if screen == Screen::Basket && matches!(model.checkout.phase, Phase::Watching(_)) && model.basket.is_empty() {
        model.screen = Screen::Checkout;
        return order::watch_again(model);
    }
    fetch_screen(model, screen)
}

/// Fetches what a screen shows when it comes into sight.
pub(super) fn fetch_screen(model: &mut Model, screen: Screen) -> Vec<Effect> {
    match screen {
        Screen::Orders => orders::fetch(model),
        Screen::Processes => processes::fetch(model),
        Screen::Lab => lab::fetch(model),
        Screen::Counter => counter::fetch(model),
        Screen::Account => account::fetch(model),
        Screen::Basket | Screen::Shop | Screen::Checkout | Screen::Order | Screen::Log | Screen::Replay => Vec::new(),
    }
}

/// Goes to the other section; of two screens side by side, to the other one, so that they change sides.
pub(super) fn switch(model: &mut Model) -> Vec<Effect> {
    let Some(other) = model.beside(model.size.0) else { return go(model, model.elsewhere) };
    let own = if model.screen == Screen::Order { Screen::Order } else { model.tab() };
    let effects = go(model, other);
    if Panes::can_show(own) {
        model.pane = Some(own);
    }
    effects
}

/// The tab beside the open one, in the same section.
pub(super) fn neighbour(model: &Model, by: isize) -> Screen {
    let (tabs, open) = (model.section().tabs(), model.tab());
    let here = tabs.iter().position(|tab| *tab == open).unwrap_or(0);
    tabs[(here + tabs.len()).saturating_add_signed(by) % tabs.len()]
}

/// Goes back by one layer.
pub(super) fn back(model: &mut Model) -> Vec<Effect> {
    if model.screen == Screen::Processes && processes::leave(model) {
        return Vec::new();
    }
    if std::mem::take(&mut model.shop.page) || close_detail(model) {
        return Vec::new();
    }
    match model.screen {
        Screen::Checkout => match model.checkout.phase {
            Phase::Form => {
                if checkout::step_back(model) {
                    return Vec::new();
                }
                go(model, Screen::Basket)
            }
            Phase::Watching(_) => go(model, Screen::Shop),
        },
        Screen::Order => {
            let from = model.order.as_ref().map_or(Screen::Orders, |open| open.from);
            go(model, from)
        }
        Screen::Shop
        | Screen::Basket
        | Screen::Orders
        | Screen::Log
        | Screen::Processes
        | Screen::Lab
        | Screen::Counter
        | Screen::Account => go(model, Screen::Shop),
        Screen::Replay => Vec::new(),
    }
}

/// Closes the topmost layer; without one, quits.
pub(super) fn close(model: &mut Model) -> Vec<Effect> {
    if !model.has_a_layer() {
        return vec![Effect::Quit];
    }
    if model.paper.take().is_some() || close_detail(model) {
        return Vec::new();
    }
    back(model)
}

/// Closes the whole event beside a list of events. Returns whether it was open.
fn close_detail(model: &mut Model) -> bool {
    match (model.screen, &mut model.order) {
        (Screen::Log, _) => std::mem::take(&mut model.log.detail),
        (Screen::Order | Screen::Replay, Some(open)) if open.turned || model.screen == Screen::Replay => {
            std::mem::take(&mut open.detail)
        }
        _ => false,
    }
}

/// Ends the typing of a search, on every screen; the searches stay.
pub(super) fn stop_typing(model: &mut Model) {
    (model.shop.typing, model.orders.typing) = (false, false);
    (model.log.typing, model.counter.typing) = (false, false);
    type_in_timeline(model, false);
}

/// Begins or ends the typing of a search among the events of a timeline.
pub(super) fn type_in_timeline(model: &mut Model, typing: bool) {
    if let Some(open) = &mut model.order {
        open.typing = typing;
    }
}
