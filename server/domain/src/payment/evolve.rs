//! How each event changes a payment.

use storefront_api::{Money, PaymentMethod, RefundId};

use super::disputes;
use super::refund::{Refund, RefundState};
use super::state::{Authentication, Payment, PaymentRequest};
use super::{DisputeState, PaymentEvent};

/// The payment after an event. Never fails: an event that does not fit the state, or refunds more than was paid, leaves
/// the payment as it was.
pub fn evolve(mut payment: Payment, event: &PaymentEvent) -> Payment {
    match event {
        PaymentEvent::Requested { order_id, amount, method } => {
            if payment == Payment::Unknown {
                let request = PaymentRequest { order_id: *order_id, amount: *amount, method: method.clone() };
                return Payment::Requested { request, intent: None, attempts: 0 };
            }
        }
        // The gateway does not report the card token, and a refund does not need it.
        PaymentEvent::Found { order_id, amount, reference } => {
            if payment == Payment::Unknown {
                let method = PaymentMethod::Card { token: String::new() };
                return succeeded(PaymentRequest { order_id: *order_id, amount: *amount, method }, reference);
            }
        }
        PaymentEvent::IntentCreated { reference } => {
            if let Payment::Requested { intent, .. } | Payment::Cancelled { intent, .. } = &mut payment {
                intent.get_or_insert_with(|| reference.clone());
            }
        }
        PaymentEvent::AuthenticationRequired { reference, url, expires_at } => {
            return match payment {
                Payment::Requested { request, .. } => Payment::AuthenticationRequired {
                    request,
                    intent: reference.clone(),
                    authentication: Authentication { url: url.clone(), expires_at: *expires_at },
                },
                other => other,
            };
        }
        // A charge after a decline or a cancellation is recorded too, or it could not be refunded.
        PaymentEvent::Succeeded { reference } => {
            return match payment {
                Payment::Requested { request, .. }
                | Payment::AuthenticationRequired { request, .. }
                | Payment::Declined { request, .. }
                | Payment::Cancelled { request, .. } => succeeded(request, reference),
                other @ (Payment::Unknown | Payment::Succeeded { .. }) => other,
            };
        }
        PaymentEvent::Declined { reason, message } => {
            return end_pending(payment, |request, intent| {
                let (reason, message) = (reason.clone(), message.clone());
                Payment::Declined { request, intent, reason, message }
            });
        }
        PaymentEvent::OutcomeUnknown { attempt, .. } => {
            if let Payment::Requested { attempts, .. } = &mut payment {
                *attempts = (*attempts).max(*attempt);
            }
        }
        PaymentEvent::Cancelled => {
            return end_pending(payment, |request, intent| Payment::Cancelled { request, intent });
        }
        PaymentEvent::RefundRequested { refund_id, amount, reason } => {
            request_refund(&mut payment, *refund_id, *amount, reason);
        }
        PaymentEvent::RefundFound { refund_id, reference, amount } => {
            add_found_refund(&mut payment, *refund_id, reference, *amount);
        }
        PaymentEvent::RefundPending { refund_id, reference } => {
            if let Some(refund) = find_refund(&mut payment, Some(*refund_id)).filter(|refund| may_begin(refund)) {
                refund.state = RefundState::Pending { reference: reference.clone() };
            }
        }
        PaymentEvent::Refunded { refund_id, amount: _, reference } => {
            let can_be_done =
                |refund: &&mut Refund| may_begin(refund) || matches!(refund.state, RefundState::Pending { .. });
            if let Some(refund) = find_refund(&mut payment, *refund_id).filter(can_be_done) {
                refund.state = RefundState::Done { reference: reference.clone() };
            }
        }
        PaymentEvent::RefundFailed { refund_id, reference, detail } => {
            let has_not_failed = |refund: &&mut Refund| !matches!(refund.state, RefundState::Failed { .. });
            if let Some(refund) = find_refund(&mut payment, *refund_id).filter(has_not_failed) {
                let reference = reference.clone().or_else(|| refund.reference().cloned());
                refund.state = RefundState::Failed { reference, detail: detail.clone() };
            }
        }
        PaymentEvent::Disputed { dispute, amount, reason } => {
            if let Payment::Succeeded { request, disputes, .. } = &mut payment {
                disputes::open(disputes, request.amount, dispute, *amount, reason);
            }
        }
        PaymentEvent::DisputeFundsWithdrawn { dispute } => {
            disputes::advance(&mut payment, dispute, DisputeState::Withdrawn);
        }
        PaymentEvent::DisputeClosed { dispute, outcome } => {
            disputes::advance(&mut payment, dispute, DisputeState::Closed(*outcome));
        }
    }
    payment
}

fn succeeded(request: PaymentRequest, reference: &str) -> Payment {
    Payment::Succeeded { request, reference: reference.to_owned(), refunds: Vec::new(), disputes: Vec::new() }
}

/// Ends a payment that has no outcome yet, and leaves any other as it is.
fn end_pending(payment: Payment, end: impl FnOnce(PaymentRequest, Option<String>) -> Payment) -> Payment {
    match payment {
        Payment::Requested { request, intent, .. } => end(request, intent),
        Payment::AuthenticationRequired { request, intent, .. } => end(request, Some(intent)),
        other => other,
    }
}

fn request_refund(payment: &mut Payment, id: Option<RefundId>, amount: Money, reason: &str) {
    let left = payment.left();
    let (Payment::Succeeded { refunds, .. }, Some(left)) = (payment, left) else { return };
    let id = id.unwrap_or_else(|| RefundId::numbered(refunds.len() + 1));
    let is_new = refunds.iter().all(|refund| refund.id != id);
    if is_new && amount.currency == left.currency && (1..=left.amount).contains(&amount.amount) {
        refunds.push(Refund { id, amount, reason: reason.to_owned(), is_found: false, state: RefundState::Open });
    }
}

/// A refund at the gateway is a fact, even when it exceeds what is left.
fn add_found_refund(payment: &mut Payment, id: RefundId, reference: &String, amount: Money) {
    let Payment::Succeeded { request, refunds, .. } = payment else { return };
    let is_new = |refund: &Refund| refund.id != id && refund.reference() != Some(reference);
    if refunds.iter().all(is_new) && amount.currency == request.amount.currency && amount.amount > 0 {
        let state = RefundState::Pending { reference: reference.clone() };
        refunds.push(Refund { id, amount, reason: String::new(), is_found: true, state });
    }
}

/// The refund with an id; for old events without an id, the oldest open refund.
fn find_refund(payment: &mut Payment, id: Option<RefundId>) -> Option<&mut Refund> {
    let Payment::Succeeded { refunds, .. } = payment else { return None };
    refunds.iter_mut().find(|refund| match id {
        Some(id) => refund.id == id,
        None => refund.state == RefundState::Open,
    })
}

/// Whether the gateway is not known to have the refund, so that it may still begin there.
fn may_begin(refund: &Refund) -> bool {
    matches!(refund.state, RefundState::Open | RefundState::Failed { reference: None, .. })
}
