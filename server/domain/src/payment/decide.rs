//! What a payment answers to a command: the events to write, or why not.

use storefront_api::Timestamp;

use super::{Payment, PaymentCommand, PaymentError, PaymentEvent, decide_refunds, disputes};

/// The events of a command; none when it changes nothing.
///
/// A gateway's answers come late, twice and out of order, so most repeats are answered with nothing. Three things differ:
/// - Success is recorded after `Cancelled` and after `Declined` too. The capture may have been under way while the order was
///   given up, or may follow an attempt that failed; the money is with us then, and only a recorded payment can be refunded.
/// - A decline after success, and success under another reference contradict what is recorded. They are refused, and
///   somebody must look.
/// - What is told of another intent than the one that the gateway keeps for the payment is refused, and means nothing.
///
/// # Errors
/// Why the payment refuses the command; nothing is written then.
pub fn decide(payment: &Payment, command: PaymentCommand) -> Result<Vec<PaymentEvent>, PaymentError> {
    match command {
        PaymentCommand::Request { order_id, amount, method } => Ok(match payment {
            Payment::Unknown => vec![PaymentEvent::Requested { order_id, amount, method }],
            Payment::Requested { .. }
            | Payment::AuthenticationRequired { .. }
            | Payment::Succeeded { .. }
            | Payment::Declined { .. }
            | Payment::Cancelled { .. } => vec![],
        }),
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
            | Payment::AuthenticationRequired { .. }
            | Payment::Succeeded { .. }
            | Payment::Declined { .. }
            | Payment::Cancelled { .. } => Ok(vec![]),
        },
        PaymentCommand::Cancel => Ok(match payment {
            Payment::Requested { .. } | Payment::AuthenticationRequired { .. } => vec![PaymentEvent::Cancelled],
            // Declined says already that no money moved; what has come in can only be refunded.
            Payment::Unknown | Payment::Succeeded { .. } | Payment::Declined { .. } | Payment::Cancelled { .. } => {
                vec![]
            }
        }),
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

/// Checks that a reported id at the gateway is that of this payment, as far as that is known.
fn check_intent(payment: &Payment, reference: &str) -> Result<(), PaymentError> {
    match payment.intent() {
        Some(known) if known != reference => {
            Err(PaymentError::OtherIntent { known: known.to_owned(), told: reference.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}
