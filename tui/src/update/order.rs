//! An open order: its timeline grows as events arrive; its state always comes from the shop.

use storefront_api::{Order, OrderId, OrderNumber, OrderStatus, StepState, Timeline, Timestamp};

use crate::state::{Failure, Load, Model, OpenOrder, Phase, Question, Screen, Section, Tone};
use crate::update::{Effect, Request, refuse};

/// How long after the last event a running step still shows its seconds, in milliseconds.
const STEP_TIMER_MS: i64 = 120_000;

/// Said about an order in a state of a later server.
pub(super) const UNKNOWN_STATE: &str = "This client does not know the state of the order; a newer one does.";

/// Opens an order from the current screen.
pub(super) fn open(model: &mut Model, id: OrderId) -> Vec<Effect> {
    let from = model.screen;
    // Whoever comes from behind the shop wants to know what happened.
    let turned = model.section() == Section::Backstage;
    match &mut model.order {
        Some(open) if open.id == id => (open.from, open.turned) = (from, turned),
        Some(_) | None => model.order = Some(OpenOrder { from, turned, ..OpenOrder::new(id) }),
    }
    model.screen = Screen::Order;
    fetch(model)
}

/// Fetches events after the last known one. One request at a time: events meanwhile are fetched after it.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() {
        return Vec::new();
    }
    let Some(open) = &mut model.order else { return Vec::new() };
    if open.asking {
        open.ask_again = true;
        return Vec::new();
    }
    open.asking = true;
    vec![Effect::Request(Request::Timeline { id: open.id, after: open.known })]
}

pub(super) fn on_timeline(model: &mut Model, id: OrderId, result: Result<Timeline, Failure>) -> Vec<Effect> {
    let Some(open) = model.order.as_mut().filter(|open| open.id == id) else {
        // The response belongs to an order that is not open any more.
        return Vec::new();
    };
    open.asking = false;
    match result {
        Ok(timeline) => {
            // More events follow.
            let more = timeline.next_after < timeline.head && !timeline.events.is_empty();
            if timeline.reset {
                open.truncate(0);
            }
            open.append(timeline.events, timeline.next_after);
            open.steps = timeline.steps;
            open.load = Load::Ready;
            let again = std::mem::take(&mut open.ask_again) || more;
            open.order = Some(timeline.order);
            if again { fetch(model) } else { Vec::new() }
        }
        Err(failure) => {
            open.ask_again = false;
            if open.order.is_none() || matches!(failure, Failure::Refused(_)) {
                open.load = Load::Failed(failure);
            }
            Vec::new()
        }
    }
}

/// Opens the order that was found by its number; or completes the log's filter, when that asked for it.
pub(super) fn on_found(
    model: &mut Model,
    number: OrderNumber,
    result: Result<Option<OrderId>, Failure>,
) -> Vec<Effect> {
    let for_filter = model.screen == Screen::Log && model.log.asked_for == Some(number);
    match result {
        Ok(Some(id)) if for_filter => {
            model.log.remember_number(&number.to_string(), &id.to_string());
            model.log.filter_again();
            Vec::new()
        }
        Ok(Some(id)) => open(model, id),
        Ok(None) => {
            model.toast(Tone::Plain, format!("There is no order {number} in this shop."));
            Vec::new()
        }
        Err(failure) => {
            refuse(model, &failure);
            Vec::new()
        }
    }
}

/// The next time at which a running step's seconds change on screen.
pub(super) fn next_tick(model: &Model) -> Option<Timestamp> {
    if !matches!(model.screen, Screen::Order | Screen::Checkout) || !model.is_live() || model.reduced_motion {
        return None;
    }
    let open = model.order.as_ref()?;
    let counting = open.steps.iter().any(|step| matches!(step.state, StepState::Running | StepState::Waiting));
    let fresh = open.events.last().is_some_and(|event| model.now.unix_ms() - event.time.unix_ms() < STEP_TIMER_MS);
    (counting && fresh).then(|| model.in_ms(1_000))
}

pub(super) fn on_cancelled(model: &mut Model, key: &str, result: Result<Order, Failure>) -> Vec<Effect> {
    let Some(open) = model.order.as_mut().filter(|open| open.cancelling.as_deref() == Some(key)) else {
        return Vec::new();
    };
    open.cancelling = None;
    match result {
        Ok(order) => {
            open.order = Some(order);
            model.toast(Tone::Plain, "The order is cancelled; money and goods go back.");
            fetch(model)
        }
        Err(failure) => {
            refuse(model, &failure);
            fetch(model)
        }
    }
}

/// Opens the question whether to cancel the order, where that is possible.
pub(super) fn ask_to_cancel(model: &mut Model) {
    let Some(order) = model.order.as_ref().and_then(|open| open.order.as_ref()) else { return };
    match order.status {
        OrderStatus::CheckedOut | OrderStatus::Confirmed => {
            model.question = Some(Question::CancelOrder(order.id));
        }
        OrderStatus::InProgress => model.toast(Tone::Plain, "This order is still a basket: nothing to cancel."),
        OrderStatus::Shipped | OrderStatus::Delivered => {
            model.toast(Tone::Plain, "The goods are on their way: too late to cancel.");
        }
        OrderStatus::Cancelled => model.toast(Tone::Plain, "This order is cancelled already."),
        OrderStatus::Expired => model.toast(Tone::Plain, "This basket's time is over: nothing to cancel."),
        OrderStatus::Unknown => model.toast(Tone::Plain, UNKNOWN_STATE),
    }
}

/// Opens the order that is being checked out again.
pub(super) fn watch_again(model: &mut Model) -> Vec<Effect> {
    if let Some(id) = model.checkout.watched()
        && model.order.as_ref().is_none_or(|open| open.id != id)
    {
        model.order = Some(OpenOrder::new(id));
    }
    fetch(model)
}

/// Shows an order's progress through the checkout.
pub(super) fn watch(model: &mut Model, order: Order) -> Vec<Effect> {
    let id = order.id;
    model.checkout.phase = Phase::Watching(id);
    model.order = Some(OpenOrder { order: Some(order), ..OpenOrder::new(id) });
    fetch(model)
}
