//! How each event changes a payment.

use storefront_api::{PaymentMethod, RefundId};

use super::PaymentEvent;
use super::disputes::{self, Dispute};
use super::refund::{Refund, RefundState};
use super::state::{Authentication, Payment, PaymentRequest, not_given_back};

/// The payment after an event. Never fails: an event that does not fit the state, or refunds more than was paid, leaves
/// the payment as it was.
pub fn evolve(payment: Payment, event: &PaymentEvent) -> Payment {
    match payment {
        Payment::Unknown => match event {
            PaymentEvent::Requested { order_id, amount, method } => Payment::Requested {
                request: PaymentRequest { order_id: *order_id, amount: *amount, method: method.clone() },
                intent: None,
                attempts: 0,
            },
            // The gateway does not report the card token, and a refund does not need it.
            PaymentEvent::Found { order_id, amount, reference } => {
                let method = PaymentMethod::Card { token: String::new() };
                succeeded(PaymentRequest { order_id: *order_id, amount: *amount, method }, reference)
            }
            PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Succeeded { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => Payment::Unknown,
        },
        Payment::Requested { request, intent, attempts } => after_request(request, intent, attempts, event),
        Payment::AuthenticationRequired { request, intent, authentication } => match event {
            PaymentEvent::Succeeded { reference } => succeeded(request, reference),
            PaymentEvent::Declined { reason, message } => declined(request, Some(intent), reason, message),
            PaymentEvent::Cancelled => Payment::Cancelled { request, intent: Some(intent) },
            PaymentEvent::Requested { .. }
            | PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Found { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => Payment::AuthenticationRequired { request, intent, authentication },
        },
        Payment::Succeeded { request, reference, refunds, disputes } => {
            let refunds = refunds_after(&request, refunds, &disputes, event);
            let disputes = disputes::after(disputes, request.amount, event);
            Payment::Succeeded { request, reference, refunds, disputes }
        }
        // A charge after the cancellation must be recorded, or it could not be refunded.
        Payment::Cancelled { request, intent } => match event {
            PaymentEvent::Succeeded { reference } => succeeded(request, reference),
            PaymentEvent::IntentCreated { reference } => {
                Payment::Cancelled { request, intent: intent.or_else(|| Some(reference.clone())) }
            }
            PaymentEvent::Requested { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::Found { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => Payment::Cancelled { request, intent },
        },
        Payment::Declined { request, intent, reason, message } => match event {
            PaymentEvent::Succeeded { reference } => succeeded(request, reference),
            PaymentEvent::Requested { .. }
            | PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Declined { .. }
            | PaymentEvent::Found { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::Cancelled
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Refunded { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => Payment::Declined { request, intent, reason, message },
        },
    }
}

fn after_request(request: PaymentRequest, intent: Option<String>, attempts: u32, event: &PaymentEvent) -> Payment {
    match event {
        PaymentEvent::IntentCreated { reference } => {
            Payment::Requested { request, intent: intent.or_else(|| Some(reference.clone())), attempts }
        }
        PaymentEvent::AuthenticationRequired { reference, url, expires_at } => Payment::AuthenticationRequired {
            request,
            intent: reference.clone(),
            authentication: Authentication { url: url.clone(), expires_at: *expires_at },
        },
        PaymentEvent::Succeeded { reference } => succeeded(request, reference),
        PaymentEvent::Declined { reason, message } => declined(request, intent, reason, message),
        PaymentEvent::OutcomeUnknown { attempt, .. } => {
            Payment::Requested { request, intent, attempts: attempts.max(*attempt) }
        }
        PaymentEvent::Cancelled => Payment::Cancelled { request, intent },
        PaymentEvent::Requested { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundFound { .. }
        | PaymentEvent::Refunded { .. }
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::Disputed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { .. } => Payment::Requested { request, intent, attempts },
    }
}

fn declined(request: PaymentRequest, intent: Option<String>, reason: &str, message: &str) -> Payment {
    Payment::Declined { request, intent, reason: reason.to_owned(), message: message.to_owned() }
}

fn succeeded(request: PaymentRequest, reference: &str) -> Payment {
    Payment::Succeeded { request, reference: reference.to_owned(), refunds: Vec::new(), disputes: Vec::new() }
}

fn refunds_after(
    request: &PaymentRequest,
    mut refunds: Vec<Refund>,
    disputes: &[Dispute],
    event: &PaymentEvent,
) -> Vec<Refund> {
    match event {
        PaymentEvent::RefundRequested { refund_id, amount, reason } => {
            let rest = not_given_back(request, &refunds, disputes);
            let id = refund_id.unwrap_or_else(|| RefundId::numbered(refunds.len() + 1));
            let is_new = refunds.iter().all(|refund| refund.id != id);
            if is_new && amount.currency == rest.currency && (1..=rest.amount).contains(&amount.amount) {
                let reason = reason.clone();
                refunds.push(Refund { id, amount: *amount, reason, is_found: false, state: RefundState::Open });
            }
        }
        // A refund at the gateway is a fact, even when it exceeds what is left.
        PaymentEvent::RefundFound { refund_id, reference, amount } => {
            let is_new = |refund: &Refund| refund.id != *refund_id && refund.reference() != Some(reference);
            if refunds.iter().all(is_new) && amount.currency == request.amount.currency && amount.amount > 0 {
                let state = RefundState::Pending { reference: reference.clone() };
                let (reason, is_found) = (String::new(), true);
                refunds.push(Refund { id: *refund_id, amount: *amount, reason, is_found, state });
            }
        }
        PaymentEvent::RefundPending { refund_id, reference } => {
            if let Some(refund) = find_refund(&mut refunds, Some(*refund_id)).filter(|refund| may_begin(refund)) {
                refund.state = RefundState::Pending { reference: reference.clone() };
            }
        }
        PaymentEvent::Refunded { refund_id, amount: _, reference } => {
            let can_be_done =
                |refund: &&mut Refund| may_begin(refund) || matches!(refund.state, RefundState::Pending { .. });
            if let Some(refund) = find_refund(&mut refunds, *refund_id).filter(can_be_done) {
                refund.state = RefundState::Done { reference: reference.clone() };
            }
        }
        PaymentEvent::RefundFailed { refund_id, reference, detail } => {
            let has_not_failed = |refund: &&mut Refund| !matches!(refund.state, RefundState::Failed { .. });
            if let Some(refund) = find_refund(&mut refunds, *refund_id).filter(has_not_failed) {
                let reference = reference.clone().or_else(|| refund.reference().cloned());
                refund.state = RefundState::Failed { reference, detail: detail.clone() };
            }
        }
        PaymentEvent::Requested { .. }
        | PaymentEvent::IntentCreated { .. }
        | PaymentEvent::AuthenticationRequired { .. }
        | PaymentEvent::Succeeded { .. }
        | PaymentEvent::Declined { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::OutcomeUnknown { .. }
        | PaymentEvent::Cancelled
        | PaymentEvent::Disputed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { .. } => {}
    }
    refunds
}

/// The refund with an id; for old events without an id, the oldest open refund.
fn find_refund(refunds: &mut [Refund], id: Option<RefundId>) -> Option<&mut Refund> {
    refunds.iter_mut().find(|refund| match id {
        Some(id) => refund.id == id,
        None => refund.state == RefundState::Open,
    })
}

/// Whether the gateway is not known to have the refund, so that it may still begin there.
fn may_begin(refund: &Refund) -> bool {
    matches!(refund.state, RefundState::Open | RefundState::Failed { reference: None, .. })
}
