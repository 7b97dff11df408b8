//! What a payment answers to a command: the events to write, or why not.

use storefront_api::Money;

use super::state::not_given_back;
use super::{Payment, PaymentCommand, PaymentError, PaymentEvent, Refund, RefundState};

/// The events that a command leads to; none when everything is so already.
///
/// A gateway's answers come late, twice and out of order, so most repeats are answered with nothing. Two things differ:
/// - Success is recorded after `Cancelled` too. The capture may have been under way while the order was given up; the
///   money is with us then, and only a recorded payment can be refunded.
/// - Success after a decline, a decline after success, and success under another reference contradict what is recorded.
///   They are refused, and somebody must look.
///
/// # Errors
/// Says why the payment refuses. Nothing is to be written then.
pub fn decide(payment: &Payment, command: PaymentCommand) -> Result<Vec<PaymentEvent>, PaymentError> {
    match command {
        PaymentCommand::Request { order_id, amount, method } => Ok(match payment {
            Payment::Unknown => vec![PaymentEvent::Requested { order_id, amount, method }],
            Payment::Requested { .. }
            | Payment::Succeeded { .. }
            | Payment::Declined { .. }
            | Payment::Cancelled { .. } => vec![],
        }),
        PaymentCommand::RecordSuccess { reference } => match payment {
            Payment::Unknown => Err(PaymentError::NotFound),
            Payment::Requested { .. } | Payment::Cancelled { .. } => Ok(vec![PaymentEvent::Succeeded { reference }]),
            Payment::Succeeded { reference: known, .. } if *known == reference => Ok(vec![]),
            Payment::Succeeded { .. } | Payment::Declined { .. } => Err(PaymentError::OtherOutcome),
        },
        PaymentCommand::RecordDecline { reason, message } => match payment {
            Payment::Unknown => Err(PaymentError::NotFound),
            Payment::Requested { .. } => Ok(vec![PaymentEvent::Declined { reason, message }]),
            // Cancelled says already that no money moved.
            Payment::Declined { .. } | Payment::Cancelled { .. } => Ok(vec![]),
            Payment::Succeeded { .. } => Err(PaymentError::OtherOutcome),
        },
        PaymentCommand::RecordUnknown { attempt, detail, next_attempt_at } => match payment {
            Payment::Unknown => Err(PaymentError::NotFound),
            Payment::Requested { attempts, .. } if attempt > *attempts => {
                Ok(vec![PaymentEvent::OutcomeUnknown { attempt, detail, next_attempt_at }])
            }
            Payment::Requested { .. }
            | Payment::Succeeded { .. }
            | Payment::Declined { .. }
            | Payment::Cancelled { .. } => Ok(vec![]),
        },
        PaymentCommand::RecordCancelled => match payment {
            Payment::Unknown => Err(PaymentError::NotFound),
            Payment::Requested { .. } => Ok(vec![PaymentEvent::Cancelled]),
            // Declined says already that no money moved, and that none will.
            Payment::Declined { .. } | Payment::Cancelled { .. } => Ok(vec![]),
            Payment::Succeeded { .. } => Err(PaymentError::OtherOutcome),
        },
        PaymentCommand::RefundAll { reason } => Ok(match payment {
            Payment::Succeeded { request, refunds, .. } => {
                let amount = not_given_back(request, refunds);
                if amount.amount > 0 { vec![PaymentEvent::RefundRequested { amount, reason }] } else { vec![] }
            }
            Payment::Unknown | Payment::Requested { .. } | Payment::Declined { .. } | Payment::Cancelled { .. } => {
                vec![]
            }
        }),
        PaymentCommand::Refund { amount, reason } => refund(payment, amount, reason),
        PaymentCommand::RecordRefund { reference } => record_refund(payment, reference),
        PaymentCommand::RecordRefundFailure { detail } => record_refund_failure(payment, detail),
    }
}

fn refund(payment: &Payment, amount: Option<Money>, reason: String) -> Result<Vec<PaymentEvent>, PaymentError> {
    let left = payment.left().filter(|left| left.amount > 0).ok_or(PaymentError::NothingToRefund)?;
    let amount = amount.unwrap_or(left);
    if amount.currency != left.currency || !(1..=left.amount).contains(&amount.amount) {
        return Err(PaymentError::RefundDoesNotFit { amount, left });
    }
    Ok(vec![PaymentEvent::RefundRequested { amount, reason }])
}

fn record_refund(payment: &Payment, reference: String) -> Result<Vec<PaymentEvent>, PaymentError> {
    let known =
        |refund: &Refund| matches!(&refund.state, RefundState::Done { reference: known } if *known == reference);
    if payment.refunds().iter().any(known) {
        return Ok(vec![]);
    }
    let amount = open_refund_of(payment)?;
    Ok(vec![PaymentEvent::Refunded { amount, reference }])
}

fn record_refund_failure(payment: &Payment, detail: String) -> Result<Vec<PaymentEvent>, PaymentError> {
    match (open_refund_of(payment), payment.refunds().last().map(|refund| &refund.state)) {
        (Ok(_), _) => Ok(vec![PaymentEvent::RefundFailed { detail }]),
        (Err(_), Some(RefundState::Failed)) => Ok(vec![]),
        (Err(refused), Some(RefundState::Open | RefundState::Done { .. }) | None) => Err(refused),
    }
}

fn open_refund_of(payment: &Payment) -> Result<Money, PaymentError> {
    match payment.open_refund() {
        Some(amount) => Ok(amount),
        None if *payment == Payment::Unknown => Err(PaymentError::NotFound),
        None if payment.refunds().is_empty() => Err(PaymentError::NoRefundRequested),
        None => Err(PaymentError::OtherOutcome),
    }
}
