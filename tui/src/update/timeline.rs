//! Events on screen: views of a timeline, causes and effects, past states, and copying.

use storefront_api::{Event, OrderDiff, OrderId};

use crate::keys::Context;
use crate::state::{Failure, Model, Screen, TimelineView, Tone};
use crate::update::{Effect, Request, account, counter, refuse};

/// Maximum number of bytes to copy at once; several terminals accept at most 100 kB as base64.
const CLIPBOARD_BYTES: usize = 74_000;

pub(super) fn step_view(model: &mut Model, by: isize) {
    // The scrubber needs the shop; a file has none.
    let count = TimelineView::ALL.len() - usize::from(model.screen == Screen::Replay);
    if let Some(open) = &mut model.order {
        open.view = open.view.step(by, count);
    }
}

pub(super) fn show(model: &mut Model, view: TimelineView) {
    if let Some(open) = &mut model.order {
        open.view = view;
    }
}

/// Fetches the order's state at the selected event, when the scrubber shows it and it is unknown. One request at a
/// time: intermediate events are skipped while the cursor moves fast.
pub(super) fn fetch_missing(model: &mut Model) -> Vec<Effect> {
    if model.screen != Screen::Order || model.view() != TimelineView::Scrubber || !model.is_live() {
        return Vec::new();
    }
    let Some(open) = &mut model.order else { return Vec::new() };
    let Some(position) = open.selected().map(|event| event.position) else { return Vec::new() };
    let past = &mut open.past;
    let failed = past.failed.as_ref().is_some_and(|(at, _)| *at == position);
    if past.asking.is_some() || failed || past.get(position).is_some() {
        return Vec::new();
    }
    past.asking = Some(position);
    vec![Effect::Request(Request::Diff { id: open.id, position })]
}

pub(super) fn on_diff(
    model: &mut Model,
    id: OrderId,
    position: u64,
    result: Result<OrderDiff, Failure>,
) -> Vec<Effect> {
    let Some(open) = model.order.as_mut().filter(|open| open.id == id) else { return Vec::new() };
    open.past.asking = None;
    match result {
        Ok(diff) => {
            open.past.failed = None;
            open.past.put(position, diff);
        }
        Err(failure) => open.past.failed = Some((position, failure)),
    }
    Vec::new()
}

pub(super) fn go_to_cause(model: &mut Model) {
    let Some(open) = &mut model.order else { return };
    match open.tree.cause(open.list.cursor) {
        Some(cause) => open.select(cause),
        None if open.events.is_empty() => {}
        None => model.toast(Tone::Plain, "A command led to this: no event stands before it."),
    }
}

pub(super) fn go_to_effect(model: &mut Model) {
    let Some(open) = &mut model.order else { return };
    match open.tree.effect(open.list.cursor) {
        Some(effect) => open.select(effect),
        None if open.events.is_empty() => {}
        None => model.toast(Tone::Plain, "Nothing has followed from this event."),
    }
}

/// Scrolls in the data of the open event.
pub(super) fn scroll(model: &mut Model, by: isize) {
    let Some(most) = chosen(model).map(lines_of) else { return };
    let scroll = match (model.screen, &mut model.order) {
        (Screen::Log, _) => &mut model.log.detail_scroll,
        (_, Some(open)) => &mut open.detail_scroll,
        (_, None) => return,
    };
    *scroll = scroll.saturating_add_signed(by).min(most);
}

fn lines_of(event: &Event) -> usize {
    serde_json::to_string_pretty(&event.data).map_or(0, |text| text.lines().count().saturating_sub(1))
}

/// The selected event, on a screen with events.
fn chosen(model: &Model) -> Option<&Event> {
    match model.screen {
        Screen::Log => model.log.selected(),
        Screen::Order | Screen::Replay | Screen::Checkout => model.order.as_ref()?.selected(),
        Screen::Shop | Screen::Basket | Screen::Orders => None,
        Screen::Processes | Screen::Lab | Screen::Counter | Screen::Account => None,
    }
}

/// Copies the id of what is selected: an event, an order or a product. While a bank asks for a confirmation at the
/// checkout, copies its link.
pub(super) fn copy_id(model: &mut Model) -> Vec<Effect> {
    if let Some(paper) = &model.paper {
        let text = paper.text.clone();
        return copy(model, text, "the text");
    }
    let id = match model.screen {
        Screen::Checkout if model.confirmation_link().is_some() => model.confirmation_link().map(str::to_owned),
        Screen::Order if model.screen_context() == Context::Parcel => {
            let order = model.order.as_ref().and_then(|open| open.order.as_ref());
            order.map(|order| order.number.clone().unwrap_or_else(|| order.id.to_string()))
        }
        Screen::Log | Screen::Order | Screen::Replay | Screen::Checkout => {
            chosen(model).map(|event| event.id.to_string())
        }
        Screen::Shop => model.shop.selected().map(|product| product.id.to_string()),
        Screen::Basket => model.basket.lines().get(model.basket.list.cursor).map(|line| line.product_id.to_string()),
        Screen::Orders => {
            model.orders.selected().map(|order| order.number.clone().unwrap_or_else(|| order.id.to_string()))
        }
        Screen::Processes => model.processes.chosen_waiting().map(|waiting| waiting.sequence().to_owned()),
        Screen::Lab => model.lab.run().and_then(|run| run.orders.first()).map(ToString::to_string),
        Screen::Counter => counter::chosen_id(model),
        Screen::Account => account::name_of_chosen(model),
    };
    let Some(id) = id else {
        model.toast(Tone::Plain, "There is nothing here to copy.");
        return Vec::new();
    };
    let what = id.clone();
    copy(model, id, &what)
}

/// Copies the whole event as JSON.
pub(super) fn copy_event(model: &mut Model) -> Vec<Effect> {
    let Some(event) = chosen(model) else { return Vec::new() };
    let what = format!("event {} as JSON", event.position);
    let Ok(text) = serde_json::to_string_pretty(event) else { return Vec::new() };
    copy(model, text, &what)
}

/// Filters the log by the order or request of the selected event; again, clears the filter.
pub(super) fn only_this_order(model: &mut Model) {
    let Some(event) = model.log.selected() else { return };
    let (position, wanted) = (event.position, format!("order:{}", event.correlation_id));
    if model.log.filter.value() == wanted {
        model.log.filter.reset();
    } else {
        model.log.filter = tui_input::Input::new(wanted);
    }
    model.log.filter_again();
    model.log.select(position);
}

/// Sends a text to the terminal's clipboard. A terminal does not say whether it took it, so neither does the client.
pub(super) fn copy(model: &mut Model, text: String, what: &str) -> Vec<Effect> {
    if text.len() > CLIPBOARD_BYTES {
        model.toast(Tone::Bad, "That is too long for the clipboard of a terminal.");
        return Vec::new();
    }
    if !model.has_clipboard {
        model.toast(Tone::Bad, format!("This terminal has no clipboard; it would be {what}."));
        return Vec::new();
    }
    model.toast(Tone::Plain, format!("Sent to the terminal's clipboard: {what}"));
    vec![Effect::Copy(text)]
}

/// Fetches the timeline's diagram from the shop.
pub(super) fn ask_for_diagram(model: &mut Model, copy: bool) -> Vec<Effect> {
    let Some(open) = &model.order else { return Vec::new() };
    vec![Effect::Request(Request::Diagram { id: open.id, copy })]
}

pub(super) fn on_diagram(
    model: &mut Model,
    id: OrderId,
    copy_it: bool,
    result: Result<String, Failure>,
) -> Vec<Effect> {
    match result {
        Ok(text) if copy_it => copy(model, text, "the diagram"),
        Ok(text) => {
            let order = model.order.as_ref().and_then(|open| open.order.as_ref()).filter(|order| order.id == id);
            let name = order.and_then(|order| order.number.clone()).unwrap_or_else(|| id.to_string());
            vec![Effect::Save { name: format!("storefront-order-{name}.md"), contents: text.into_bytes() }]
        }
        Err(failure) => {
            refuse(model, &failure);
            Vec::new()
        }
    }
}
