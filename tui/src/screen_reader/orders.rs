//! The screens Orders, Order, Log and Replay: orders, and the events that made them.

use storefront_api::{DisputeState, Event, FieldChange, Order, OrderSummary, RefundState};

use super::page::Page;
use super::words::{count, field, listed, order_status, payment_status, short_id, step};
use crate::event_text;
use crate::keys::Action;
use crate::money;
use crate::state::{Model, OpenOrder, TimelineView, shown_speed, summary_title};
use crate::view::when;

/// Number of newest events whose arrival is noticed.
const RECENT_EVENTS: usize = 200;

pub(super) fn list(model: &Model) -> Page {
    let orders = &model.orders;
    let mut page = Page::new("orders", "Orders.");
    if !page.loaded(&orders.list.load, "The orders") {
        return page;
    }
    let which = orders.status.map_or("all orders".to_owned(), |status| format!("only {}", order_status(status)));
    page.say("list", format!("{}, {which}.", count(orders.list.total, "order", "orders")));
    if orders.typing || !orders.search.value().is_empty() {
        page.say("search", field("Search", orders.search.value()));
    }
    match orders.selected() {
        Some(order) => page.select(orders.list.list.cursor, orders.list.total, summary(model, order)),
        None => page.say("selected", "No orders. What you buy shows up here."),
    }
    let [open, filter] = [Action::OpenOrder, Action::NextStatus].map(|action| model.key(action));
    page.open_with("keys", format!("{open} opens it, {filter} shows another state."));
    page
}

/// An order in a list.
pub(super) fn summary(model: &Model, order: &OrderSummary) -> String {
    let name = order.number.clone().unwrap_or_else(|| format!("Order {}", short_id(&order.id.to_string())));
    let pieces = usize::try_from(order.pieces).unwrap_or(usize::MAX);
    listed([
        summary_title(order).as_str(),
        name.as_str(),
        order_status(order.status),
        payment_status(order.payment_status),
        &count(pieces, "piece", "pieces"),
        &money::shown(order.total),
        &when::day_and_time(order.started_at, model.now, &model.zone),
    ])
}

pub(super) fn order(model: &Model) -> Page {
    let Some(open) = &model.order else { return Page::new("order", "Order.") };
    let name = open.order.as_ref().and_then(|order| order.number.clone());
    let name = name.unwrap_or_else(|| short_id(&open.id.to_string()).to_owned());
    let mut page =
        Page::new(format!("order {} {} {}", open.id, open.view.name(), open.turned), format!("Order {name}."));
    let Some(order) = &open.order else {
        page.loaded(&open.load, "The order");
        return page;
    };
    page.say("status", status(order));
    for (place, item) in order.items.iter().enumerate() {
        let text = format!("{} of {}, {}", item.quantity, item.name, money::shown(item.line_total));
        page.open_with(format!("item {place}"), text);
    }
    if let Some(address) = &order.shipping_address {
        page.open_with("address", format!("To {}.", listed(address.lines())));
    }
    for (place, fact) in facts(open, order).into_iter().enumerate() {
        page.say(format!("fact {place}"), fact);
    }
    for known in &open.steps {
        page.say(format!("step {}", known.name), step(model, known));
    }
    if open.turned {
        timeline(model, open, &mut page);
        return page;
    }
    if let Some(shipment) = &order.shipment {
        let arrived = shipment.delivered_at.map_or("on its way", |_| "at your door");
        page.say("parcel", format!("{} {}, {arrived}.", shipment.carrier, shipment.tracking_number));
    }
    let turn = model.key(Action::TurnOver);
    page.open_with("keys", format!("{turn} turns over to the timeline."));
    page
}

fn status(order: &Order) -> String {
    let parts = [order_status(order.status), payment_status(order.payment_status), &money::shown(order.total)];
    format!("{}.", listed(parts))
}

/// Documents, money on its way, and what the bank asks.
fn facts(open: &OpenOrder, order: &Order) -> Vec<String> {
    let mut facts = Vec::new();
    facts.extend(order.payment_action.as_ref().map(|action| format!("Answer your bank at {}", action.url)));
    facts.extend(order.invoice.as_ref().map(|number| format!("Invoice {number}.")));
    let credits = open.papers.invoice.iter().flat_map(|invoice| &invoice.credit_notes);
    facts.extend(credits.map(|credit| format!("Credit note {}, {}.", credit.number, money::shown(credit.amount))));
    facts.extend(order.refunds.iter().map(|refund| {
        let amount = money::shown(refund.amount);
        let how = match refund.state {
            RefundState::Open => "is on its way",
            RefundState::Pending => "is pending at the bank",
            RefundState::Failed => "failed",
            RefundState::Unknown => "in an unknown state",
            RefundState::Done => "is done",
        };
        format!("A refund of {amount} {how}.")
    }));
    facts.extend(order.disputes.iter().map(|dispute| {
        let amount = money::shown(dispute.amount);
        match dispute.state {
            DisputeState::Open => format!("The bank asks about {amount}."),
            DisputeState::Withdrawn => format!("{amount} disputed, held by the bank."),
            DisputeState::Won => format!("The dispute of {amount} is won."),
            DisputeState::Lost => format!("The dispute of {amount} is lost."),
            DisputeState::Unknown => format!("The dispute of {amount} is in an unknown state."),
        }
    }));
    let brought = open.papers.voucher.as_ref();
    facts.extend(brought.map(|voucher| format!("Brought voucher {}, {}.", voucher.code, money::shown(voucher.amount))));
    facts
}

/// The events of an order: new ones as they come, the selected one, its details.
fn timeline(model: &Model, open: &OpenOrder, page: &mut Page) {
    let events = &open.events;
    page.open_with(
        "timeline",
        format!("Timeline as {}: {}.", open.view.name(), count(events.len(), "event", "events")),
    );
    if open.typing || !open.find.value().is_empty() {
        page.say("search", field("Search", open.find.value()));
    }
    if open.view != TimelineView::Scrubber {
        for (place, event) in events.iter().enumerate().skip(events.len().saturating_sub(RECENT_EVENTS)) {
            page.report(format!("event {}", event.position), event_line(event, &since(model, open, place)));
        }
    }
    let Some(event) = open.selected() else { return };
    let place = open.list.cursor;
    let line = event_line(event, &since(model, open, place));
    page.say("selected", line);
    match open.view {
        TimelineView::List | TimelineView::Lanes => {}
        TimelineView::Tree => {
            let cause = open.tree.cause(place).and_then(|cause| events.get(cause));
            let cause =
                cause.map_or("A command caused it.".to_owned(), |cause| format!("Caused by {}.", cause.position));
            page.say("cause", cause);
        }
        TimelineView::Scrubber => scrubber(model, open, event.position, page),
    }
    if open.detail {
        details(event, page);
    }
}

fn since(model: &Model, open: &OpenOrder, place: usize) -> String {
    match place {
        0 => String::new(),
        _ => format!("{} later", when::span_as(model.spans, open.gap_before_ms(place))),
    }
}

/// The order as it was, and what changed.
fn scrubber(model: &Model, open: &OpenOrder, position: u64, page: &mut Page) {
    let place = format!("{} of {}. ", open.list.cursor + 1, open.events.len());
    match open.past.get(position) {
        Some(diff) => {
            let changes = diff.changes.iter().map(change);
            let state = diff.order.as_ref().map_or("It had not begun.".to_owned(), status);
            page.say("then", format!("{place}The order then: {state} Changed: {}", listed(changes)));
        }
        None if open.past.failed.as_ref().is_some_and(|(at, _)| *at == position) => {
            page.say("then", format!("{place}The shop does not say how it was then."));
        }
        None if model.is_live() => page.say("then", format!("{place}Asking the shop how it was then.")),
        None => page.say("then", place),
    }
}

fn change(change: &FieldChange) -> String {
    let name = change.path.trim_start_matches('/').replace(['/', '_'], " ");
    match (&change.before, &change.after) {
        (_, None) => format!("{name} gone"),
        (None, Some(after)) => format!("{name} {after}"),
        (Some(before), Some(after)) => format!("{name} from {before} to {after}"),
    }
}

fn event_line(event: &Event, time: &str) -> String {
    let kind = event_text::stream_kind(event);
    let what = event.kind.split_once('.').map_or(event.kind.as_str(), |(_, what)| what).replace('_', " ");
    let what = if what.starts_with(kind) { what } else { format!("{kind} {what}") };
    format!("Event {}, {}.", event.position, listed([what.as_str(), time, &event_text::describe(event)]))
}

/// All of an event.
fn details(event: &Event, page: &mut Page) {
    let cause = event.causation_id.clone().unwrap_or_else(|| "a command".to_owned());
    let data = serde_json::to_string_pretty(&event.data).unwrap_or_default();
    page.say(
        "details",
        format!(
            "Type {} version {}.\nStream {}, version {}.\nActor {}.\nCause: {cause}.\nId {}.\nData:\n{data}",
            event.kind, event.schema_version, event.stream, event.version, event.actor, event.id
        ),
    );
}

pub(super) fn log(model: &Model) -> Page {
    let log = &model.log;
    let typed = log.filter.value();
    // Another filter is another list.
    let mut page = Page::new(format!("log {typed}"), "Log: every event of the shop.");
    if log.typing || !typed.is_empty() {
        page.say("filter", field("Filter", typed));
    }
    if !log.loaded {
        page.say("load", "The events: a moment, please.");
        return page;
    }
    page.open_with("list", format!("{}.", count(log.len(), "event", "events")));
    let line = |event: &Event| event_line(event, &when::time_of_day(event.time, &model.zone));
    for event in (log.len().saturating_sub(RECENT_EVENTS)..log.len()).filter_map(|place| log.line(place)) {
        page.report(format!("event {}", event.position), line(event));
    }
    if log.paused {
        page.say("paused", "The list is held; new events do not move it.");
    }
    match log.selected() {
        Some(event) => {
            page.say("selected", line(event));
            if log.detail {
                details(event, &mut page);
            }
        }
        None => page.say("selected", "No events."),
    }
    page
}

pub(super) fn replay(model: &Model) -> Page {
    let (Some(replay), Some(open)) = (&model.replay, &model.order) else { return Page::new("replay", "Replay.") };
    let mut page = Page::new("replay", format!("Replay of {}, without a shop.", replay.name));
    let state = match (replay.is_over(), replay.playing) {
        (true, _) => "at its end",
        (false, true) => "playing",
        (false, false) => "held",
    };
    let speed = shown_speed(replay.speed);
    page.say("state", format!("{state}, {} times as fast.", speed.trim_start_matches('×')));
    timeline(model, open, &mut page);
    page
}
