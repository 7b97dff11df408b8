//! The screens Shop, Basket and Checkout.

use storefront_api::{Order, OrderStatus, Product};

use super::page::Page;
use super::words::{count, field, listed, step};
use crate::keys::Action;
use crate::money;
use crate::state::{Field, Line, Model, PAYMENTS, Phase, Step, WALLET, reopen_reason_text};

pub(super) fn shop(model: &Model) -> Page {
    let shop = &model.shop;
    let mut page = Page::new("shop", "Shop.");
    let words = shop.search.value().trim();
    if shop.typing {
        page.say("search", field("Search", shop.search.value()));
    }
    if !page.loaded(&shop.products.load, "The products") {
        return page;
    }
    let shelf = shop.category.as_ref().map_or_else(|| "all shelves".to_owned(), |name| format!("shelf {name}"));
    let search = if words.is_empty() { String::new() } else { format!("found by {words:?}") };
    let stock = if shop.in_stock { "only in stock" } else { "" };
    let products = count(shop.products.total, "product", "products");
    page.say("list", format!("{}.", listed([products.as_str(), &shelf, &search, stock, shop.sort_name()])));
    if shop.products.total == 0 {
        let more = match &shop.suggestion {
            Some(meant) => format!("Nothing found. Did you mean {meant:?}?"),
            None if shop.is_narrowed() => "Nothing found. Esc shows everything again.".to_owned(),
            None => "No products yet.".to_owned(),
        };
        page.say("selected", more);
        return page;
    }
    if let Some(held) = shop.selected().map(|product| model.basket.quantity_of(&product.id)).filter(|held| *held > 0) {
        page.say("quantity", format!("{held} in the basket."));
    }
    match shop.selected() {
        Some(product) => {
            page.select(
                shop.products.list.cursor,
                shop.products.total,
                listed([product.name.clone(), price(product), stock_of(model, product)]),
            );
            page.say("description", about(product));
        }
        None => page.select(shop.products.list.cursor, shop.products.total, "A moment, please."),
    }
    let [add, search, check_out] = [Action::Add, Action::Search, Action::CheckOut].map(|action| model.key(action));
    page.open_with("keys", format!("{add} adds it, {search} searches, {check_out} checks out."));
    page
}

fn price(product: &Product) -> String {
    let now = money::shown(product.price);
    match product.compare_at_price {
        Some(was) => format!("{now}, on sale, was {}", money::shown(was)),
        None => now,
    }
}

/// Maximum stock at which the remaining number is said.
const SCARCE_STOCK: u32 = 10;

fn stock_of(model: &Model, product: &Product) -> String {
    match (product.active, product.available) {
        (false, _) => "withdrawn".to_owned(),
        // A shop that cannot write counts no stock.
        (true, 0) if !model.unfit.is_empty() => "stock unknown".to_owned(),
        (true, 0) => "sold out".to_owned(),
        (true, left) if left <= SCARCE_STOCK => format!("only {left} left"),
        (true, _) => "in stock".to_owned(),
    }
}

fn about(product: &Product) -> String {
    let stale = if product.stale { "Price as last known." } else { "" };
    let more = product.attributes.iter().map(|(name, value)| format!("{}: {value}", name.replace('_', " ")));
    let more = listed(more);
    [stale, &product.description, &more].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

pub(super) fn basket(model: &Model) -> Page {
    let basket = &model.basket;
    let mut page = Page::new("basket", "Basket.");
    let lines = basket.lines();
    if let Some(reason) = basket.reopened_because() {
        page.say("reopened", reopen_reason_text(reason));
    }
    if lines.is_empty() {
        if page.loaded(&basket.load, "The basket") {
            page.say("selected", "The basket is empty.");
        }
        return page;
    }
    for (place, line) in lines.iter().enumerate() {
        page.open_with(format!("line {place}"), line_text(line));
        if let Some(notice) = &line.notice {
            page.say(format!("notice {}", line.product_id), format!("{}: {notice}", line.name));
        }
    }
    if let Some((code, discount)) = basket.discount() {
        page.say("voucher", format!("Voucher {code}: minus {}.", money::shown(discount)));
    }
    page.say("total", format!("Total {}.", money::shown(basket.total())));
    if let Some(line) = lines.get(basket.list.cursor) {
        page.select(basket.list.cursor, lines.len(), line_text(line));
    }
    let [check_out, more, fewer] = [Action::CheckOut, Action::More, Action::Fewer].map(|action| model.key(action));
    page.open_with("keys", format!("{check_out} checks out, {more} and {fewer} change how many."));
    page
}

fn line_text(line: &Line) -> String {
    format!(
        "{} of {}, {} each, {}",
        line.quantity,
        line.name,
        money::shown(line.unit_price),
        money::shown(line.total())
    )
}

pub(super) fn checkout(model: &Model) -> Page {
    match model.checkout.phase {
        Phase::Form => form(model),
        Phase::Watching(id) => watch(model, &id.to_string()),
    }
}

fn form(model: &Model) -> Page {
    let checkout = &model.checkout;
    let (name, title) = match checkout.focus.step() {
        Step::Basket | Step::Where => ("checkout where", "Checkout: where it goes."),
        Step::How => ("checkout how", "Checkout: how to pay."),
        Step::Review => ("checkout review", "Checkout: everything once more, before it is bought."),
    };
    let mut page = Page::new(name, title);
    if let Some(notice) = &checkout.notice {
        page.say("notice", notice.clone());
    }
    let step = checkout.focus.step();
    if step != Step::Where {
        let wrong = checkout.errors.iter().find(|(wrong, _)| *wrong == Field::Payment);
        let wrong = wrong.map(|(_, error)| format!(". Wrong: {error}")).unwrap_or_default();
        page.say("focus", format!("{}{wrong}", payment(model)));
    }
    for known in checkout.fields().into_iter().filter(|_| step != Step::How) {
        let (label, focused) = (checkout.label(known), checkout.focus == known);
        let error = checkout.errors.iter().find(|(wrong, _)| *wrong == known).map(|(_, error)| error.as_str());
        let Some(input) = checkout.input(known) else { continue };
        let hint = checkout.hint(known).unwrap_or_default();
        let text = listed([field(label, input.value()).as_str(), hint]);
        let wrong = error.map(|error| format!(". Wrong: {error}")).unwrap_or_default();
        let (key, text) = (format!("field {label}"), format!("{text}{wrong}"));
        if focused {
            page.say("focus", format!("Field {text}"));
        } else {
            page.open_with(key, text);
        }
    }
    if let Some(submission) = &checkout.submission {
        let text = if submission.tries.again == 0 {
            "Sending the order."
        } else {
            "The shop does not answer. Your order is sent again by itself, and bought once."
        };
        page.say("submit", text);
    } else {
        let total = money::shown(checkout.new_total.unwrap_or_else(|| model.basket.total()));
        let [buy, next, back] = [Action::Buy, Action::Submit, Action::Back].map(|action| model.key(action));
        let text = match step {
            Step::Review => format!("{buy} buys for {total}, {back} goes back."),
            Step::Basket | Step::Where | Step::How => format!("{next} goes on, {back} goes back. Total {total}."),
        };
        page.say("submit", text);
    }
    page
}

fn payment(model: &Model) -> String {
    let checkout = &model.checkout;
    let chosen = checkout.payment();
    let balance = model.account.balance().filter(|_| chosen.token == WALLET);
    let balance = balance.map(|balance| format!(", {} in it", money::shown(balance))).unwrap_or_default();
    let total = checkout.new_total.unwrap_or_else(|| model.basket.total());
    let refusal = model.wallet_refusal(total).map(|refusal| format!(". Wrong: {refusal}")).unwrap_or_default();
    let place = checkout.payment_index() + 1;
    let choices =
        if checkout.focus == Field::Payment { format!(", {place} of {}", PAYMENTS.len()) } else { String::new() };
    format!("Payment{choices}: {}{balance}{refusal}", chosen.name)
}

fn watch(model: &Model, id: &str) -> Page {
    let mut page = Page::new(format!("checkout {id}"), "Your order.");
    let Some((open, order)) = model.order.as_ref().and_then(|open| Some((open, open.order.as_ref()?))) else {
        page.say("status", "Looking for your order.");
        return page;
    };
    for known in &open.steps {
        page.say(format!("step {}", known.name), step(model, known));
    }
    page.say("status", status(order));
    page
}

/// How an order that was just bought is doing.
fn status(order: &Order) -> String {
    let total = money::shown(order.total);
    match order.status {
        OrderStatus::InProgress => "The order is open again. Nothing was charged.".to_owned(),
        OrderStatus::CheckedOut => match &order.payment_action {
            Some(action) => format!("Your bank asks you to confirm {total}. Confirm at {}", action.url),
            None => format!("Your order over {total} is on its way through the checkout. You can leave."),
        },
        OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => {
            let number = order.number.as_deref().unwrap_or("Your order");
            let email = order.email.as_deref().unwrap_or("you");
            format!("{number} is confirmed. Thank you! {total} paid; a mail goes to {email}.")
        }
        OrderStatus::Expired => "The basket is over: nothing happened in it for too long.".to_owned(),
        OrderStatus::Unknown => "The order goes on in a state that this client does not know.".to_owned(),
        OrderStatus::Cancelled => "The order is cancelled. Money and goods go back.".to_owned(),
    }
}
