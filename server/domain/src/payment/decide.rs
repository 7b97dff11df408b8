//! The events that a command leads to, or why a payment refuses it.

use storefront_api::Timestamp;

use super::{Payment, PaymentCommand, PaymentError, PaymentEvent, decide_refunds, disputes};

/// The events of a command; none when it changes nothing.
///
/// Reports of the gateway are late, repeated and out of order, so most repeats lead to no events. The exceptions:
/// - Success is recorded after `Cancelled` and after `Declined` too. The capture may have been under way during the
///   cancellation, or may follow a failed attempt; the shop has the money then, and only a recorded payment can be refunded.
/// - A decline after success, and a success under another reference, contradict the recorded outcome. They are refused, and
///   an operator must decide.
/// - A report about another intent than the one of this payment is refused.
///
/// # Errors
/// Why the payment refuses the command; nothing is written then.
pub fn decide(payment: &Payment, command: PaymentCommand) -> Result<Vec<PaymentEvent>, PaymentError> {
    match command {
        PaymentCommand::Request { order_id, amount, method } => {
            let requested = PaymentEvent::Requested { order_id, amount, method };
            Ok(if *payment == Payment::Unknown { vec![requested] } else { vec![] })
        }
        PaymentCommand::RecordIntent { reference } => record_intent(payment, reference),
        PaymentCommand::RecordAuthenticationRequired { reference, url, expires_at } => {
            record_authentication_required(payment, reference, url, expires_at)
        }
        PaymentCommand::RecordSuccess { reference } => match payment {
            Payment::Unknown => Err(PaymentError::NotFound),
            Payment::Requested { .. }
            | Payment::AuthenticationRequired { .. }
            | Payment::Declined { .. }
            | Payment::Cancelled { .. } => {
                check_intent(payment, &reference)?;
                Ok(vec![PaymentEvent::Succeeded { reference }])
            }
            Payment::Succeeded { reference: known, .. } if *known == reference => Ok(vec![]),
            Payment::Succeeded { .. } => Err(PaymentError::OtherOutcome),
        },
        PaymentCommand::RecordFound { order_id, amount, reference } => match payment {
            Payment::Unknown => Ok(vec![PaymentEvent::Found { order_id, amount, reference }]),
            Payment::Succeeded { reference: known, .. } if *known == reference => Ok(vec![]),
            Payment::Requested { .. }
            | Payment::AuthenticationRequired { .. }
            | Payment::Succeeded { .. }
            | Payment::Declined { .. }
            | Payment::Cancelled { .. } => Err(PaymentError::OtherOutcome),
        },
        PaymentCommand::RecordDecline { reason, message } => match payment {
            Payment::Unknown => Err(PaymentError::NotFound),
            Payment::Requested { .. } | Payment::AuthenticationRequired { .. } => {
                Ok(vec![PaymentEvent::Declined { reason, message }])
            }
            // No money has moved in either state.
            Payment::Declined { .. } | Payment::Cancelled { .. } => Ok(vec![]),
            Payment::Succeeded { .. } => Err(PaymentError::OtherOutcome),
        },
        PaymentCommand::RecordUnknown { attempt, detail, next_attempt_at } => match payment {
            Payment::Unknown => Err(PaymentError::NotFound),
            Payment::Requested { attempts, .. } if attempt > *attempts => {
                Ok(vec![PaymentEvent::OutcomeUnknown { attempt, detail, next_attempt_at }])
            }
            Payment::Requested { .. }
            | Payment::AuthenticationRequired { .. }
            | Payment::Succeeded { .. }
            | Payment::Declined { .. }
            | Payment::Cancelled { .. } => Ok(vec![]),
        },
        // No money moves after a decline, and a payment that succeeded can only be refunded.
        PaymentCommand::Cancel => Ok(if payment.is_pending() { vec![PaymentEvent::Cancelled] } else { vec![] }),
        PaymentCommand::RefundAll { refund_id, reason } => Ok(decide_refunds::refund_all(payment, refund_id, reason)),
        PaymentCommand::Refund { refund_id, amount, reason } => {
            decide_refunds::refund(payment, refund_id, amount, reason)
        }
        PaymentCommand::RecordRefund { refund_id, reference } => {
            decide_refunds::record_refund(payment, refund_id, reference)
        }
        PaymentCommand::RecordRefundPending { refund_id, reference } => {
            decide_refunds::record_pending(payment, refund_id, reference)
        }
        PaymentCommand::RecordRefundFailure { refund_id, reference, detail } => {
            decide_refunds::record_failure(payment, refund_id, reference, detail)
        }
        PaymentCommand::RecordGatewayRefund(listed) => decide_refunds::record_listed(payment, listed),
        PaymentCommand::RecordDispute { dispute, amount, reason, state } => {
            disputes::record(payment, dispute, amount, reason, state)
        }
    }
}

fn record_intent(payment: &Payment, reference: String) -> Result<Vec<PaymentEvent>, PaymentError> {
    match payment {
        Payment::Unknown => Err(PaymentError::NotFound),
        Payment::Requested { intent: None, .. } | Payment::Cancelled { intent: None, .. } => {
            Ok(vec![PaymentEvent::IntentCreated { reference }])
        }
        Payment::Requested { .. }
        | Payment::AuthenticationRequired { .. }
        | Payment::Succeeded { .. }
        | Payment::Declined { .. }
        | Payment::Cancelled { .. } => Ok(vec![]),
    }
}

fn record_authentication_required(
    payment: &Payment,
    reference: String,
    url: String,
    expires_at: Timestamp,
) -> Result<Vec<PaymentEvent>, PaymentError> {
    match payment {
        Payment::Unknown => Err(PaymentError::NotFound),
        Payment::Requested { .. } => {
            check_intent(payment, &reference)?;
            Ok(vec![PaymentEvent::AuthenticationRequired { reference, url, expires_at }])
        }
        Payment::AuthenticationRequired { .. }
        | Payment::Succeeded { .. }
        | Payment::Declined { .. }
        | Payment::Cancelled { .. } => Ok(vec![]),
    }
}

/// Checks that a reported id of an intent is that of this payment, if the payment has one.
fn check_intent(payment: &Payment, reference: &str) -> Result<(), PaymentError> {
    match payment.intent() {
        Some(known) if known != reference => {
            Err(PaymentError::OtherIntent { known: known.to_owned(), reported: reference.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}
