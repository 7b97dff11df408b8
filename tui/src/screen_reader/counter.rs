//! The screen Counter: the shopkeeper's work.

use storefront_api::{StockItem, UnmatchedReason};

use super::orders;
use super::page::Page;
use super::words::{count, field, listed, order_status};
use crate::money;
use crate::state::counter::{Figures, Level, STATES, name_of};
use crate::state::{Model, Part};
use crate::view::when;

pub(super) fn page(model: &Model) -> Page {
    let part = model.counter.part;
    let mut page = Page::new(format!("counter {}", part.name()), format!("Counter: {}.", part.name()));
    if let Some(search) = model.counter.search()
        && (model.counter.typing || !search.value().is_empty())
    {
        page.say("search", field("Search", search.value()));
    }
    match part {
        Part::Stock => stock(model, &mut page),
        Part::Products => products(model, &mut page),
        Part::Orders => dispatch(model, &mut page),
        Part::Sales => sales(model, &mut page),
        Part::Charges => charges(model, &mut page),
    }
    page
}

fn stock(model: &Model, page: &mut Page) {
    let stock = &model.counter.stock;
    if !page.loaded(&stock.load, "The stock") {
        return;
    }
    let (low, out) = stock.counts();
    let which = if stock.only_low { "only what is low" } else { "" };
    let products = count(stock.shown().len(), "product", "products");
    page.say("list", format!("{}.", listed([products.as_str(), which, &format!("{out} out"), &format!("{low} low")])));
    match stock.selected() {
        Some(item) => page.select(stock.list.cursor, stock.shown().len(), stock_text(item)),
        None => page.say("selected", "Nothing here."),
    }
}

fn stock_text(item: &StockItem) -> String {
    let level = match Level::of(item) {
        Level::Out => "out",
        Level::Low => "low",
        Level::Enough => "",
    };
    let reserved = if item.reserved > 0 { format!("{} reserved", item.reserved) } else { String::new() };
    listed([
        name_of(item).as_str(),
        level,
        &format!("{} of {} available", item.available, item.on_hand),
        &reserved,
        &format!("low at {}", item.threshold),
    ])
}

fn products(model: &Model, page: &mut Page) {
    let products = &model.counter.products;
    if !page.loaded(&products.list.load, "The products") {
        return;
    }
    let which = if products.withdrawn { "withdrawn" } else { "" };
    page.say("list", format!("{}.", listed([count(products.list.total, "product", "products").as_str(), which])));
    if let Some(held) = products.held_withdrawals() {
        page.say("held", format!("{} products are missing at the product service and wait for a word.", held.missing));
    }
    match products.list.selected() {
        Some(product) => {
            let parts = [product.name.as_str(), &money::shown(product.price), &product.category, &product.sku];
            page.select(products.list.list.cursor, products.list.total, listed(parts));
        }
        None => page.say("selected", "Nothing here."),
    }
}

fn dispatch(model: &Model, page: &mut Page) {
    let orders = &model.counter.orders;
    if !page.loaded(&orders.list.load, "The orders") {
        return;
    }
    let which = orders.status.map_or("all", order_status);
    page.say("list", format!("{}, {which}.", count(orders.list.total, "order", "orders")));
    match orders.list.selected() {
        Some(order) => page.select(orders.list.list.cursor, orders.list.total, orders::summary(model, order)),
        None => page.say("selected", "Nothing here."),
    }
}

fn sales(model: &Model, page: &mut Page) {
    let sales = &model.counter.sales;
    let Some(Figures { statistics, states }) = &sales.figures else {
        page.loaded(&sales.load, "The sales");
        return;
    };
    page.say("revenue", format!("Revenue {}.", money::shown(statistics.revenue)));
    page.say("orders", format!("Orders {}, {} cancelled.", statistics.orders, statistics.cancelled));
    page.say("average", format!("Average order {}.", money::shown(statistics.average_order)));
    page.say("refunded", format!("Given back {}.", money::shown(statistics.refunded)));
    for (state, count) in STATES.into_iter().zip(states) {
        page.open_with(format!("state {state:?}"), format!("{}: {count}.", order_status(state)));
    }
    for product in &statistics.top_products {
        page.open_with(format!("product {}", product.name), format!("Sold: {} of {}.", product.pieces, product.name));
    }
}

fn charges(model: &Model, page: &mut Page) {
    let charges = &model.counter.charges;
    if !page.loaded(&charges.load, "The charges") {
        return;
    }
    page.say("list", count(charges.items.len(), "charge without a payment here.", "charges without a payment here."));
    let Some(charge) = charges.selected() else { return };
    let why = match charge.reason {
        UnmatchedReason::NoOrder => "no such order",
        UnmatchedReason::NoPayment => "the order has no payment",
        UnmatchedReason::OtherAmount => "the order has another amount",
    };
    let at = when::day_or_time(charge.charged_at, model.now, &model.zone);
    let text = listed([money::shown(charge.left).as_str(), why, &at, &charge.reference]);
    page.select(charges.list.cursor, charges.items.len(), text);
}
