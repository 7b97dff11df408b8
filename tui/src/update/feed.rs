//! Handles the feed: what new events make the client fetch again, and whether the shop is reachable.

use storefront_api::{Event, Paused};
use uuid::Uuid;

use crate::state::{Connection, Model, OpenOrder, Screen};
use crate::update::{
    Effect, Feed, Request, account, basket, checkout, counter, form, lab, order, orders, processes, refetch, session,
    shop, start_over,
};

pub(super) fn on_feed(model: &mut Model, feed: Feed) -> Vec<Effect> {
    match feed {
        Feed::Loaded { events } => {
            model.log.reset();
            model.log.append(events);
            online(model);
            counter::forget(model);
            // Another log may be at the same address, so everything that was fetched before is dropped.
            if let Some(open) = &mut model.order {
                let kept = OpenOrder {
                    from: open.from,
                    turned: open.turned,
                    order: open.order.take(),
                    view: open.view,
                    ..OpenOrder::new(open.id)
                };
                *open = kept;
            }
            model.account.forget_lists();
            refetch(model)
        }
        Feed::NewEvents { events } => {
            online(model);
            on_events(model, events)
        }
        Feed::Online => {
            online(model);
            refetch(model)
        }
        Feed::Shop { log, lab } => on_shop(model, log, lab),
        Feed::StartedOver => start_over::start_over(model),
        Feed::SessionWanted { refused } => {
            if refused {
                session::suspect(model);
            }
            session::on_session_wanted(model)
        }
        Feed::Paused(paused) => on_paused(model, paused),
        Feed::Unfit(reasons) => {
            model.unfit = reasons;
            Vec::new()
        }
        Feed::SwitchThrown => {
            online(model);
            lab::switch_thrown(model)
        }
        Feed::Offline(reason) => {
            if let Connection::Offline { reason: known, .. } = &mut model.connection {
                *known = reason;
            } else {
                model.connection = Connection::Offline { since: model.now, reason };
            }
            Vec::new()
        }
    }
}

/// Records which log this is. Another log than in the last run means that the shop was started over meanwhile.
fn on_shop(model: &mut Model, log: Option<Uuid>, lab: bool) -> Vec<Effect> {
    let other = model.log_id.is_some() && log.is_some() && model.log_id != log;
    let effects = if other { start_over::start_over(model) } else { Vec::new() };
    model.log_id = log.or(model.log_id);
    if lab {
        checkout::offer_demo(model);
    }
    effects
}

/// Records what is paused; lists whose read models are at another position than before are fetched again.
fn on_paused(model: &mut Model, paused: Paused) -> Vec<Effect> {
    let elsewhere = paused.views != model.paused.views;
    model.paused = paused;
    processes::changed(model);
    if elsewhere && model.shop_url.is_some() { refetch(model) } else { Vec::new() }
}

fn online(model: &mut Model) {
    if model.is_live() {
        return;
    }
    model.connection = Connection::Live;
    model.shop.pictures.forget_unfinished();
    // Pending retries run at once.
    model.basket.retry_at = None;
    if let Some(submission) = &mut model.checkout.submission {
        submission.retry_at = None;
    }
    form::online(model);
    if let Some(open) = &mut model.order {
        open.asking = false;
        open.past.asking = None;
        open.past.failed = None;
        (open.papers.asking, open.papers.known) = (false, 0);
    }
    account::online(model);
}

fn on_events(model: &mut Model, events: Vec<Event>) -> Vec<Effect> {
    let seen = model.log.last_position;
    let fresh: Vec<Event> = events.into_iter().filter(|event| event.position > seen).collect();
    let open_id = model.order.as_ref().map(|open| open.id.to_string());
    let basket_stream = format!("order-{}", model.basket.order_id);
    let basket_version = model.basket.order.as_ref().map_or(0, |order| order.version);
    let watched = model.checkout.watched().filter(|id| model.order.as_ref().is_none_or(|open| open.id != *id));
    let watched_text = watched.map(|id| id.to_string());
    let (mut about_open, mut about_watched, mut about_basket, mut about_orders) = (false, false, false, false);
    for event in &fresh {
        about_open |= open_id.as_ref() == Some(&event.correlation_id);
        about_watched |= watched_text.as_ref() == Some(&event.correlation_id);
        about_basket |= event.stream == basket_stream && event.version > basket_version;
        about_orders |= event.kind.starts_with("order.") || event.kind.starts_with("payment.");
        if event.kind.starts_with("product.") {
            picture_may_have_changed(model, event);
        }
        counter::on_event(model, event);
        let about_range = ["product.", "category.", "stock."].iter().any(|kind| event.kind.starts_with(kind));
        if about_range || (event.stream != basket_stream && changes_a_basket(&event.kind)) {
            shop::changed(model);
        }
    }
    if !fresh.is_empty() {
        processes::changed(model);
        lab::changed(model);
    }
    let mut effects = account::on_events(model, &fresh);
    model.log.append(fresh);
    if about_open {
        effects.extend(order::fetch(model));
    }
    if about_watched && let Some(id) = watched {
        effects.push(Effect::Request(Request::Timeline { id, after: model.log.last_position }));
    }
    // While a change is pending, its response brings the basket.
    if about_basket && model.basket.pending.is_empty() {
        effects.extend(basket::fetch(model));
    }
    if about_orders && model.shows(Screen::Orders) {
        orders::changed(model);
    }
    effects
}

/// Whether an event may change the number of other baskets with a product.
fn changes_a_basket(kind: &str) -> bool {
    matches!(
        kind,
        "order.item_added"
            | "order.item_removed"
            | "order.checked_out"
            | "order.reopened"
            | "order.cancelled"
            | "order.expired"
    )
}

fn picture_may_have_changed(model: &mut Model, event: &Event) {
    if event.kind == "product.changed"
        && let Some(Ok(id)) = event.stream.strip_prefix("product-").map(str::parse)
    {
        model.shop.pictures.forget(&id);
    }
}
