//! The basket: changes are shown at once, sent one after another under their own idempotency keys, and dropped when
//! refused.

use storefront_api::{Order, OrderId, OrderItem, OrderStatus, VoucherCode};

use crate::keys::{Action, Context};
pub(super) use crate::state::MAX_LINE_QUANTITY;
use crate::state::{
    Basket, Change, Failure, Form, FormField, FormPurpose, FormRequest, InvalidField, Line, Load, Model, RetryState,
    Screen, Tone,
};
use crate::update::{Effect, Request, backoff_ms, new_key, order, refuse};

/// Maximum number of removed lines that can be restored.
const MAX_UNDO_LINES: usize = 20;

/// Fetches the basket.
pub(super) fn fetch(model: &mut Model) -> Vec<Effect> {
    if model.shop_url.is_none() {
        Vec::new()
    } else {
        vec![Effect::Request(Request::Basket { id: model.basket.order_id })]
    }
}

/// Applies a change on screen and queues it for the shop.
pub(super) fn change(model: &mut Model, change: Change) -> Vec<Effect> {
    let key = new_key(model);
    if !model.basket.push(key, change) {
        model.toast(Tone::Bad, "Too many changes are waiting for the shop. Try again when it answers.");
    }
    model.checkout.new_total = None;
    model.basket.list.clamp(model.basket.lines().len());
    send_next(model)
}

/// Sends the first pending change, unless one is running or waiting for a retry.
pub(super) fn send_next(model: &mut Model) -> Vec<Effect> {
    let basket = &mut model.basket;
    if basket.in_flight || basket.retry_at.is_some() || model.shop_url.is_none() {
        return Vec::new();
    }
    let Some(first) = basket.pending.front() else { return Vec::new() };
    basket.in_flight = true;
    vec![Effect::Request(Request::Change {
        order_id: basket.order_id,
        key: first.key.clone(),
        change: first.change.clone(),
    })]
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    if model.basket.retry_at.is_some_and(|at| at <= model.now) {
        model.basket.retry_at = None;
        return send_next(model);
    }
    Vec::new()
}

/// Handles the response to a pending change.
pub(super) fn on_changed(model: &mut Model, key: &str, result: Result<Order, Failure>) -> Vec<Effect> {
    if model.basket.pending.front().is_none_or(|first| first.key != key) {
        return Vec::new();
    }
    model.basket.in_flight = false;
    match result {
        Ok(order) => {
            model.basket.pending.pop_front();
            model.basket.tries = RetryState::default();
            take_order(&mut model.basket, Some(order));
            let mut effects = hand_over(model);
            effects.extend(send_next(model));
            effects
        }
        Err(failure) if model.basket.tries.should_retry(&failure) => {
            schedule_retry(model);
            Vec::new()
        }
        Err(Failure::Refused(problem)) if problem.code == "order_state" => start_anew(model),
        Err(failure) => {
            model.basket.pending.pop_front();
            model.basket.tries = RetryState::default();
            refuse(model, &failure);
            let mut effects = fetch(model);
            effects.extend(send_next(model));
            effects
        }
    }
}

fn schedule_retry(model: &mut Model) {
    let seed = (model.new_id)().as_u128();
    model.basket.retry_at = Some(model.in_ms(backoff_ms(model.basket.tries.previous_attempts(), seed)));
}

/// The order is no basket any more (bought or cancelled elsewhere): added items move to a new one.
fn start_anew(model: &mut Model) -> Vec<Effect> {
    let pending: Vec<Change> = model.basket.pending.drain(..).map(|pending| pending.change).collect();
    renew(model);
    model.toast(Tone::Plain, "The basket was bought or closed elsewhere; this is a new one.");
    for change in pending.into_iter().filter(|change| matches!(change, Change::Add { .. })) {
        let key = new_key(model);
        model.basket.push(key, change);
    }
    send_next(model)
}

/// Replaces the basket by an empty one with a new id.
pub(super) fn renew(model: &mut Model) {
    model.basket = Basket { load: Load::Ready, ..Basket::new(OrderId((model.new_id)())) };
}

/// Makes the open order the basket, if it is one.
pub(super) fn adopt_open_order(model: &mut Model) -> Vec<Effect> {
    let Some(order) = model.order.as_ref().and_then(|open| open.order.clone()) else { return Vec::new() };
    if order.status != OrderStatus::InProgress {
        model.toast(Tone::Plain, "Only an order that is still open can be the basket.");
        return Vec::new();
    }
    if order.id != model.basket.order_id {
        if !model.basket.pending.is_empty() {
            model.toast(Tone::Plain, "The basket is still on its way to the shop. Try again in a moment.");
            return Vec::new();
        }
        replace(model, order);
    }
    model.screen = Screen::Basket;
    fetch(model)
}

/// Puts everything that is in the open order into the basket once more.
pub(super) fn add_again(model: &mut Model) -> Vec<Effect> {
    let Some(order) = model.order.as_ref().and_then(|open| open.order.clone()) else { return Vec::new() };
    if order.id == model.basket.order_id {
        model.toast(Tone::Plain, "This is the basket already.");
        return Vec::new();
    }
    let mut effects = Vec::new();
    for item in order.items {
        let OrderItem { product_id, name, unit_price, quantity, .. } = item;
        let line = Line { product_id, name, unit_price, quantity, notice: None, pending: true };
        effects.extend(change(model, Change::Add { line }));
    }
    let key = model.keys.label(Context::Parcel, Action::GoBasket);
    model.toast(Tone::Good, format!("All of it is in the basket; {key} shows it."));
    effects
}

/// Replaces the basket by an order.
pub(super) fn replace(model: &mut Model, order: Order) {
    model.basket = Basket { load: Load::Ready, order: Some(order.clone()), ..Basket::new(order.id) };
}

/// Handles a fetched basket.
pub(super) fn on_basket(model: &mut Model, id: OrderId, result: Result<Option<Order>, Failure>) -> Vec<Effect> {
    if id != model.basket.order_id {
        return Vec::new();
    }
    match result {
        Ok(Some(order)) if order.status != OrderStatus::InProgress => {
            let bought = order.status == OrderStatus::CheckedOut;
            renew(model);
            // Bought by this client just before it ended, or on another device: follow the order.
            if bought && model.checkout.watched().is_none() {
                if model.screen == Screen::Basket {
                    model.screen = Screen::Checkout;
                } else {
                    let key = model.keys.label(Context::Shop, Action::GoBasket);
                    model.toast(Tone::Plain, format!("Your order is on its way through the checkout; {key} shows it."));
                }
                return order::watch(model, order);
            }
        }
        Ok(order) => {
            model.basket.load = Load::Ready;
            take_order(&mut model.basket, order);
            model.checkout.new_total = None;
        }
        Err(failure) => {
            if model.basket.order.is_none() {
                model.basket.load = Load::Failed(failure);
            }
        }
    }
    Vec::new()
}

/// Stores the shop's order, unless a newer version is known.
fn take_order(basket: &mut Basket, order: Option<Order>) {
    let known = basket.order.as_ref().map_or(0, |order| order.version);
    if order.as_ref().is_none_or(|order| order.version >= known) {
        basket.order = order;
        basket.load = Load::Ready;
    }
    let lines = basket.lines();
    basket.refused.retain(|id, _| lines.iter().any(|line| line.product_id == *id));
    basket.list.clamp(lines.len());
}

/// Changes the quantity of the selected line.
pub(super) fn step_quantity(model: &mut Model, by: i32) -> Vec<Effect> {
    let Some(line) = chosen(model) else { return Vec::new() };
    let quantity = line.quantity.saturating_add_signed(by);
    if quantity == 0 {
        return remove(model);
    }
    if quantity > MAX_LINE_QUANTITY {
        model.toast(Tone::Bad, format!("At most {MAX_LINE_QUANTITY} of one product."));
        return Vec::new();
    }
    model.basket.refused.remove(&line.product_id);
    change(model, Change::Set { product_id: line.product_id, quantity })
}

/// Removes the selected line; it can be restored.
pub(super) fn remove(model: &mut Model) -> Vec<Effect> {
    let Some(line) = chosen(model) else { return Vec::new() };
    let undo = model.keys.label(Context::Basket, Action::Undo);
    model.toast(Tone::Plain, format!("{} is out of the basket; {undo} puts it back", line.name));
    let product_id = line.product_id.clone();
    remember(model, line);
    change(model, Change::Remove { product_id })
}

/// Removes all lines; each can be restored.
pub(super) fn empty(model: &mut Model) -> Vec<Effect> {
    if model.basket.lines().is_empty() {
        return Vec::new();
    }
    let undo = model.keys.label(Context::Basket, Action::Undo);
    model.toast(Tone::Plain, format!("The basket is empty; {undo} puts back line by line"));
    for line in model.basket.lines().into_iter().rev() {
        remember(model, line);
    }
    change(model, Change::Empty)
}

/// Restores the line that was removed last.
pub(super) fn undo(model: &mut Model) -> Vec<Effect> {
    let Some(line) = model.basket.removed.pop() else { return Vec::new() };
    let line = Line { notice: None, ..line };
    change(model, Change::Add { line })
}

/// Applies a voucher to the basket.
pub(super) fn use_voucher(model: &mut Model, code: VoucherCode) -> Vec<Effect> {
    if model.basket.is_empty() {
        model.toast(Tone::Plain, "The basket is empty: put something in first, then use the voucher.");
        return Vec::new();
    }
    let key = model.keys.label(Context::Vouchers, Action::GoBasket);
    model.toast(Tone::Plain, format!("The voucher {code} goes to the basket; {key} shows it."));
    change(model, Change::UseVoucher { code })
}

/// Opens the form for a voucher code.
pub(super) fn enter_voucher(model: &mut Model) {
    if model.basket.is_empty() {
        model.toast(Tone::Plain, "The basket is empty: put something in first, then use the voucher.");
    } else if !model.basket.pending.is_empty() {
        model.toast(Tone::Plain, "The basket is still on its way to the shop. Try again in a moment.");
    } else {
        let about = match model.basket.voucher() {
            Some((code, _)) => format!("It takes the place of {code}."),
            None => "It takes its amount off the total.".to_owned(),
        };
        let field = FormField::new("/code", "Code", "5 letters and digits", "");
        model.form = Some(Form::new(FormPurpose::Voucher, "Use a voucher", about, vec![field]));
    }
}

/// Builds the request of the voucher form.
pub(super) fn voucher_request(order_id: OrderId, form: &Form) -> Result<FormRequest, Vec<InvalidField>> {
    let code = form
        .text("/code")
        .parse()
        .map_err(|_| vec![("/code", "must be 5 letters and digits, such as k3v9q".to_owned())])?;
    Ok(FormRequest::UseVoucher { order_id, code })
}

/// Handles an accepted voucher.
pub(super) fn voucher_used(model: &mut Model, order: Order) -> Vec<Effect> {
    if order.id == model.basket.order_id {
        let off = crate::money::shown(order.discount);
        model.toast(Tone::Good, format!("The voucher takes off {off}"));
        take_order(&mut model.basket, Some(order));
        model.checkout.new_total = None;
    }
    Vec::new()
}

/// Removes the voucher.
pub(super) fn drop_voucher(model: &mut Model) -> Vec<Effect> {
    if model.basket.voucher().is_none() {
        model.toast(Tone::Plain, "No voucher is used for this basket.");
        return Vec::new();
    }
    change(model, Change::DropVoucher)
}

/// Transfers the basket to whoever shops now, once none of its changes is being sent. An order belongs for ever to
/// whoever started it, so everything moves to a new one.
pub(super) fn hand_over(model: &mut Model) -> Vec<Effect> {
    if !model.account.hand_over || !model.basket.pending.is_empty() || model.checkout.submission.is_some() {
        return Vec::new();
    }
    model.account.hand_over = false;
    let Some(order) = model.basket.order.take().filter(|order| order.customer_id != model.account.customer) else {
        return fetch(model);
    };
    let (lines, voucher) = (Basket { order: Some(order.clone()), ..Basket::new(order.id) }.lines(), order.voucher);
    renew(model);
    for line in lines {
        let key = new_key(model);
        model.basket.push(key, Change::Add { line });
    }
    if let Some(code) = voucher {
        let key = new_key(model);
        model.basket.push(key, Change::UseVoucher { code });
    }
    // The response is not needed: an abandoned basket expires by itself.
    let mut effects =
        vec![Effect::Request(Request::Change { order_id: order.id, key: new_key(model), change: Change::Empty })];
    effects.extend(send_next(model));
    effects
}

fn chosen(model: &Model) -> Option<Line> {
    model.basket.lines().into_iter().nth(model.basket.list.cursor)
}

fn remember(model: &mut Model, line: Line) {
    let removed = &mut model.basket.removed;
    removed.push(line);
    let surplus = removed.len().saturating_sub(MAX_UNDO_LINES);
    removed.drain(..surplus);
}
