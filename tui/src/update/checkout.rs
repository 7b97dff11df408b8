//! The checkout: the form, one submission that is sent until there is a definite response, and the order's end.

use storefront_api::{Order, OrderId, OrderStatus, Problem, ReopenReason};
use tui_input::Input;

use crate::keys::{Action, Context};
use crate::settings::Contact;
use crate::state::{Failure, Field, Model, Phase, RetryState, Screen, Step, Submission, Tone, reopen_reason_text};
use crate::update::{Effect, Request, backoff_ms, basket, new_key, order};

/// Opens the checkout, unless there is nothing to buy.
pub(super) fn start(model: &mut Model) -> Vec<Effect> {
    if model.basket.is_empty() {
        model.toast(Tone::Plain, "The basket is empty: put something in first.");
    } else {
        model.screen = Screen::Checkout;
        open(model);
    }
    Vec::new()
}

/// Opens the form at the first field that needs attention.
fn open(model: &mut Model) {
    let checkout = &mut model.checkout;
    if checkout.submission.is_some() {
        return;
    }
    checkout.phase = Phase::Form;
    model.toasts.retain(|toast| toast.tone == Tone::Bad);
    let wrong = checkout.request(model.basket.total()).err().unwrap_or_default();
    checkout.focus = wrong.first().map_or(Field::Review, |(field, _)| *field);
    checkout.errors.clear();
    checkout.notice = model.basket.reopened_because().map(reopen_reason_text);
}

/// Fills in the demo contact, unless somebody has typed something.
pub(super) fn offer_demo(model: &mut Model) {
    if model.checkout.contact() == Contact::default() {
        offer(model, &Contact::demo());
    }
}

pub(super) fn offer(model: &mut Model, contact: &Contact) {
    let texts = [
        (Field::Name, &contact.name),
        (Field::Street, &contact.street),
        (Field::Line2, &contact.line2),
        (Field::PostalCode, &contact.postal_code),
        (Field::City, &contact.city),
        (Field::State, &contact.state),
        (Field::Country, &contact.country),
        (Field::Phone, &contact.phone),
        (Field::Email, &contact.email),
    ];
    for (field, text) in texts {
        if let Some(input) = model.checkout.input_mut(field) {
            *input = Input::new(text.clone());
        }
    }
}

/// Clears the errors of an edited field.
pub(super) fn on_edit(model: &mut Model) {
    let focus = model.checkout.focus;
    model.checkout.errors.retain(|(field, _)| *field != focus);
}

/// Goes to the next or the previous field; the steps follow one another.
pub(super) fn step_field(model: &mut Model, by: isize) {
    let focus = model.checkout.focus;
    let fields = model.checkout.fields();
    let place = fields.iter().position(|field| *field == focus);
    let there = place.and_then(|place| fields.get(place.checked_add_signed(by)?).copied());
    match (there, focus, by > 0) {
        (Some(field), _, _) => model.checkout.focus = field,
        (None, Field::Payment, true) => enter(model),
        (None, Field::Review, false) => model.checkout.focus = Field::Payment,
        (None, Field::Payment, false) => model.checkout.focus = Field::Email,
        (None, Field::Email, true) => model.checkout.focus = Field::Payment,
        (None, _, _) => {}
    }
}

/// Goes on: to the next field, from the last one to the payment, and from there to the review. Nothing is sent.
pub(super) fn enter(model: &mut Model) {
    match model.checkout.focus {
        Field::Review => {
            let key = model.key(Action::Buy);
            model.toast(Tone::Plain, format!("{key} buys. Enter does not, so that nothing is bought by mistake."));
        }
        Field::Payment => {
            let total = model.checkout.new_total.unwrap_or_else(|| model.basket.total());
            if let Some(why_not) = model.wallet_refusal(total) {
                model.checkout.errors = vec![(Field::Payment, why_not)];
            } else if !point_out(model) {
                model.checkout.focus = Field::Review;
            }
        }
        Field::Email => {
            if !point_out(model) {
                model.checkout.focus = Field::Payment;
            }
        }
        _ => step_field(model, 1),
    }
}

/// Marks the fields that are wrong, and goes to the first. Returns whether there is one.
fn point_out(model: &mut Model) -> bool {
    let wrong = model.checkout.wrong_fields();
    if let Some((field, _)) = wrong.first() {
        model.checkout.focus = *field;
    }
    model.checkout.errors = wrong;
    !model.checkout.errors.is_empty()
}

/// Goes a step back. Returns whether there is one before.
pub(super) fn step_back(model: &mut Model) -> bool {
    let before = match model.checkout.focus.step() {
        Step::Review => Field::Payment,
        Step::How => Field::Name,
        Step::Where | Step::Basket => return false,
    };
    if model.checkout.submission.is_none() {
        model.checkout.focus = before;
    }
    model.checkout.submission.is_none()
}

/// Moves the payment choice; before the first one, returns to the fields.
pub(super) fn step_payment(model: &mut Model, by: isize) {
    on_edit(model);
    if !model.checkout.step_payment(by) && by < 0 {
        step_field(model, -1);
    }
}

/// Submits the order, once: pressing again while it is being sent does nothing more.
pub(super) fn submit(model: &mut Model) -> Vec<Effect> {
    if model.checkout.submission.is_some() {
        return Vec::new();
    }
    if model.basket.is_empty() {
        model.toast(Tone::Plain, "The basket is empty: put something in first.");
        return Vec::new();
    }
    if !model.basket.pending.is_empty() {
        model.toast(Tone::Plain, "The basket is still on its way to the shop. Try again in a moment.");
        return Vec::new();
    }
    let total = model.checkout.new_total.unwrap_or_else(|| model.basket.total());
    if let Some(why_not) = model.wallet_refusal(total) {
        model.checkout.focus = Field::Payment;
        model.checkout.errors = vec![(Field::Payment, why_not)];
        return Vec::new();
    }
    match model.checkout.request(total) {
        Err(errors) => {
            model.checkout.focus = errors.first().map_or(model.checkout.focus, |(field, _)| *field);
            model.checkout.errors = errors;
            Vec::new()
        }
        Ok(request) => {
            let checkout = &mut model.checkout;
            checkout.errors.clear();
            checkout.notice = None;
            checkout.submission = Some(Submission {
                key: (model.new_id)().to_string(),
                order_id: model.basket.order_id,
                request,
                in_flight: false,
                retry_at: None,
                tries: RetryState::default(),
            });
            send(model)
        }
    }
}

/// Sends the submission, unless it is running or waiting for a retry.
pub(super) fn send(model: &mut Model) -> Vec<Effect> {
    let Some(submission) = &mut model.checkout.submission else { return Vec::new() };
    if submission.in_flight || submission.retry_at.is_some() {
        return Vec::new();
    }
    submission.in_flight = true;
    vec![Effect::Request(Request::CheckOut {
        order_id: submission.order_id,
        key: submission.key.clone(),
        request: Box::new(submission.request.clone()),
    })]
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    match &mut model.checkout.submission {
        Some(submission) if submission.retry_at.is_some_and(|at| at <= now) => {
            submission.retry_at = None;
            send(model)
        }
        _ => Vec::new(),
    }
}

/// Handles the response to the submission.
pub(super) fn on_checked_out(model: &mut Model, key: &str, result: Result<Order, Failure>) -> Vec<Effect> {
    let Some(submission) = model.checkout.submission.as_mut().filter(|sent| sent.key == key) else { return Vec::new() };
    match result {
        Ok(order) => {
            model.checkout.submission = None;
            model.checkout.new_total = None;
            basket::renew(model);
            order::watch(model, order)
        }
        Err(failure) if submission.tries.should_retry(&failure) => schedule_retry(model),
        Err(Failure::Refused(problem)) => {
            model.checkout.submission = None;
            refused(model, &problem)
        }
        Err(failure) => {
            model.checkout.submission = None;
            model.checkout.notice = Some(failure.sentence().to_owned());
            basket::fetch(model)
        }
    }
}

fn schedule_retry(model: &mut Model) -> Vec<Effect> {
    let seed = (model.new_id)().as_u128();
    let now = model.now;
    if let Some(submission) = &mut model.checkout.submission {
        submission.in_flight = false;
        let delay = backoff_ms(submission.tries.previous_attempts(), seed);
        submission.retry_at = Some(storefront_api::Timestamp::from_unix_ms(now.unix_ms() + delay));
    }
    Vec::new()
}

fn refused(model: &mut Model, problem: &Problem) -> Vec<Effect> {
    let key = model.keys.label(Context::CheckoutReview, Action::Buy);
    let checkout = &mut model.checkout;
    if let Some(new_total) = problem.new_total {
        checkout.new_total = Some(new_total);
        let shown = crate::money::shown(new_total);
        checkout.notice = Some(format!("The total is now {shown}. Nothing was charged. {key} buys at this total."));
    } else {
        checkout.notice = Some(Failure::Refused(Box::new(problem.clone())).sentence().to_owned());
    }
    for error in &problem.errors {
        if let Some(field) = Field::by_pointer(&error.pointer) {
            checkout.errors.push((field, error.detail.clone()));
        }
    }
    if let Some((field, _)) = checkout.errors.first() {
        checkout.focus = *field;
    }
    for id in &problem.product_ids {
        let said = problem.errors.iter().find(|error| error.pointer.ends_with(&format!("/{id}")));
        let text = said.map_or_else(|| "cannot be bought".to_owned(), |error| error.detail.clone());
        model.basket.refused.insert(id.clone(), text);
    }
    basket::fetch(model)
}

/// Takes in a new state of the watched order: ends the watching when the order has left the checkout.
pub(super) fn follow(model: &mut Model, order: &Order) {
    if model.checkout.watched() != Some(order.id) {
        return;
    }
    match order.status {
        OrderStatus::InProgress => on_reopened(model, order),
        OrderStatus::CheckedOut | OrderStatus::Unknown => {}
        OrderStatus::Confirmed
        | OrderStatus::Shipped
        | OrderStatus::Delivered
        | OrderStatus::Cancelled
        | OrderStatus::Expired => {
            if model.screen != Screen::Checkout {
                announce_end(model, order);
                model.checkout.phase = Phase::Form;
            }
        }
    }
}

fn announce_end(model: &mut Model, order: &Order) {
    let name = order.number.clone().unwrap_or_else(|| "Your order".to_owned());
    if order.status == OrderStatus::Cancelled {
        model.toast(Tone::Plain, format!("{name} is cancelled."));
    } else if order.status == OrderStatus::Expired {
        model.toast(Tone::Plain, "Nothing happened in the basket for too long: it is over.");
    } else {
        model.toast(Tone::Good, format!("{name} is confirmed."));
    }
}

/// The order is a basket again: returns to the payment with the reason, unless another basket has been started
/// meanwhile.
fn on_reopened(model: &mut Model, order: &Order) {
    model.checkout.phase = Phase::Form;
    let reason = order.reopened_because.as_ref().map(reopen_reason_text);
    let reason = reason.unwrap_or_else(|| "The checkout did not go through.".to_owned());
    if !model.basket.is_empty() && model.basket.order_id != order.id {
        model.toast(Tone::Bad, format!("{reason} The order is open again under Orders."));
        return;
    }
    basket::replace(model, order.clone());
    if let Some(ReopenReason::OutOfStock { product_ids }) = &order.reopened_because {
        for id in product_ids {
            model.basket.refused.insert(id.clone(), "too few are left".to_owned());
        }
    }
    if model.screen == Screen::Checkout {
        open(model);
        model.checkout.focus = Field::Payment;
    } else {
        model.toast(Tone::Bad, format!("{reason} The basket is as it was."));
    }
}

/// Leaves the progress of an order that has left the checkout.
pub(super) fn leave(model: &mut Model) {
    if let Some(order) = model.order.as_ref().and_then(|open| open.order.as_ref())
        && order.status != OrderStatus::CheckedOut
    {
        model.checkout.phase = Phase::Form;
    }
}

/// Cancels an order, once.
pub(super) fn cancel(model: &mut Model, id: OrderId) -> Vec<Effect> {
    let key = new_key(model);
    let Some(open) = model.order.as_mut().filter(|open| open.id == id && open.cancelling.is_none()) else {
        return Vec::new();
    };
    open.cancelling = Some(key.clone());
    vec![Effect::Request(Request::Cancel { id, key })]
}
