//! The form over the screen: editing, one request that is sent until there is a definite response, and its result.

use crate::keys::{Action, Context};
use crate::state::{Accepted, Failure, Form, FormPurpose, FormRequest, Model, RetryState, Sending, Tone};
use crate::update::{Effect, Request, backoff_ms, basket, counter, lab, new_key, session};

/// Focuses another field, wrapping around.
pub(super) fn step_field(model: &mut Model, by: isize) {
    if let Some(form) = &mut model.form
        && !form.fields.is_empty()
    {
        let len = form.fields.len();
        form.focus = (form.focus + len).saturating_add_signed(by) % len;
    }
}

/// Clears the error of the edited field.
pub(super) fn on_edit(model: &mut Model) {
    if let Some(form) = &mut model.form {
        form.refusal = None;
        if let Some(field) = form.fields.get_mut(form.focus) {
            field.error = None;
        }
    }
}

/// Handles Enter: focuses the next field, or sends the form from the last one.
pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    match &model.form {
        Some(form) if form.is_at_the_end() => submit(model),
        _ => {
            step_field(model, 1);
            Vec::new()
        }
    }
}

/// Sends the form, once: pressing again while it is being sent does nothing more.
fn submit(model: &mut Model) -> Vec<Effect> {
    let Some(form) = model.form.as_ref().filter(|form| form.sending.is_none()) else { return Vec::new() };
    let request = match &form.purpose {
        FormPurpose::Account(purpose) => Ok(FormRequest::Account(session::request(model, form, *purpose))),
        FormPurpose::Counter(work) => counter::request(form, work).map(FormRequest::Counter),
        FormPurpose::Lab(number) => lab::request(model, form, number).map(FormRequest::Lab),
        FormPurpose::Voucher => basket::voucher_request(model.basket.order_id, form),
    };
    let key = new_key(model);
    let Some(form) = &mut model.form else { return Vec::new() };
    form.refusal = None;
    match request {
        Ok(request) => {
            form.sending =
                Some(Sending { key, request, in_flight: false, retry_at: None, tries: RetryState::default() });
            send(model)
        }
        Err(wrong) => {
            form.mark(wrong);
            Vec::new()
        }
    }
}

/// Sends the request, unless it is running or waiting for a retry.
pub(super) fn send(model: &mut Model) -> Vec<Effect> {
    let sending = model.form.as_mut().and_then(|form| form.sending.as_mut());
    match sending {
        Some(sending) if !sending.in_flight && sending.retry_at.is_none() => {
            sending.in_flight = true;
            vec![Effect::Request(Request::Submit {
                key: sending.key.clone(),
                request: Box::new(sending.request.clone()),
            })]
        }
        _ => Vec::new(),
    }
}

/// The shop is back: pending retries run at once.
pub(super) fn online(model: &mut Model) {
    if let Some(sending) = model.form.as_mut().and_then(|form| form.sending.as_mut()) {
        sending.retry_at = None;
    }
}

pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    match model.form.as_mut().and_then(|form| form.sending.as_mut()) {
        Some(sending) if sending.retry_at.is_some_and(|at| at <= now) => {
            sending.retry_at = None;
            send(model)
        }
        _ => Vec::new(),
    }
}

/// Handles the response to the request.
pub(super) fn on_submitted(model: &mut Model, key: &str, result: Result<Accepted, Failure>) -> Vec<Effect> {
    let sent = |form: &&mut Form| form.sending.as_ref().is_some_and(|sending| sending.key == key);
    let Some(form) = model.form.as_mut().filter(sent) else { return Vec::new() };
    match result {
        Ok(accepted) => {
            let purpose = form.purpose.clone();
            model.form = None;
            match (purpose, accepted) {
                (FormPurpose::Account(purpose), Accepted::Account(accepted)) => {
                    session::accepted(model, purpose, accepted)
                }
                (FormPurpose::Counter(work), Accepted::Counter(accepted)) => counter::accepted(model, &work, accepted),
                (FormPurpose::Lab(_), Accepted::Lab(accepted)) => lab::accepted(model, accepted),
                (FormPurpose::Voucher, Accepted::Voucher(order)) => basket::voucher_used(model, *order),
                // A response always has the kind of its request.
                (FormPurpose::Account(_) | FormPurpose::Counter(_) | FormPurpose::Lab(_) | FormPurpose::Voucher, _) => {
                    Vec::new()
                }
            }
        }
        Err(failure) if form.sending.as_mut().is_some_and(|sending| sending.tries.should_retry(&failure)) => {
            schedule_retry(model);
            Vec::new()
        }
        Err(failure) => {
            form.sending = None;
            let known_address = session::is_known_address(&form.purpose, &failure);
            match &failure {
                Failure::Refused(_) if known_address => form.refusal = Some(session::KNOWN_ADDRESS.to_owned()),
                Failure::Refused(problem) => form.refuse(problem, failure.sentence()),
                Failure::Unreachable(_) | Failure::Unexpected(_) => form.refusal = Some(failure.sentence().to_owned()),
            }
            Vec::new()
        }
    }
}

fn schedule_retry(model: &mut Model) {
    let seed = (model.new_id)().as_u128();
    let now_ms = model.now.unix_ms();
    if let Some(sending) = model.form.as_mut().and_then(|form| form.sending.as_mut()) {
        sending.in_flight = false;
        let at_ms = now_ms.saturating_add(backoff_ms(sending.tries.previous_attempts(), seed));
        sending.retry_at = Some(storefront_api::Timestamp::from_unix_ms(at_ms));
    }
}

/// Closes the form. A request that was sent may still take effect.
pub(super) fn leave(model: &mut Model) {
    if let Some(form) = model.form.take()
        && form.sending.is_some()
    {
        let log = model.keys.label(Context::Shop, Action::GoLog);
        let said = format!("{}: it was sent already and may have been done; {log} shows the log.", form.title);
        model.toast(Tone::Bad, said);
    }
}
