//! Money that does not go where it should needs an operator: a refund that failed while the money is with the shop still,
//! and a dispute that the bank waits to hear about.
//!
//! Each parks its order in this process, and nowhere else: so it shows in readiness and under `GET /v1/processes`, with
//! what to do. A retry finds out whether it has been dealt with; a skip says that it has. Nothing else waits for either.

use storefront_api::PaymentId;
use storefront_domain::payment::{Payment, PaymentEvent, Refund, RefundState};

use crate::payments::refunds;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::Store;
use crate::store::streams;

/// What the operators' attention listens to.
pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "money-alarms", types: &["payment.refund_failed", "payment.disputed"] };

/// Handles one event.
pub(crate) async fn handle(store: Store, delivery: Delivery) -> Result<(), HandlerError> {
    let recorded = &delivery.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let (payment, _) = aggregates::load::<PaymentEvent>(&store, &recorded.stream_name()).await?;
    let alarm = match aggregates::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::RefundFailed { refund_id: Some(refund_id), detail, .. } if detail != refunds::GIVEN_UP => {
            let failed = payment.refund(refund_id).filter(|failed| is_with_us(&payment, failed));
            failed.map(|Refund { amount, .. }| {
                format!(
                    "a refund of {amount} failed and the money is with the shop ({detail}): give it back in another way or \
                     again with POST /v1/orders/…/refunds, then retry; the payment is {payment_id}"
                )
            })
        }
        PaymentEvent::Disputed { dispute, amount, reason } => {
            let is_open = payment.disputes().iter().any(|known| known.dispute == dispute && known.is_open());
            is_open.then(|| {
                format!(
                    "the cardholder disputes {amount} ({reason}): answer {dispute} at the card gateway, then retry; the \
                     payment is {payment_id}"
                )
            })
        }
        PaymentEvent::Requested { .. }
        | PaymentEvent::IntentCreated { .. }
        | PaymentEvent::AuthenticationRequired { .. }
        | PaymentEvent::Succeeded { .. }
        | PaymentEvent::Declined { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::OutcomeUnknown { .. }
        | PaymentEvent::Cancelled
        | PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundFound { .. }
        | PaymentEvent::Refunded { .. }
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { .. } => None,
    };
    alarm.map_or(Ok(()), |alarm| Err(HandlerError::Hopeless(alarm)))
}

/// Whether the money of a refund that failed is neither back nor on its way.
fn is_with_us(payment: &Payment, failed: &Refund) -> bool {
    let has_failed = matches!(failed.state, RefundState::Failed { .. });
    has_failed && payment.left().is_some_and(|left| left.amount >= failed.amount.amount)
}

#[cfg(test)]
#[path = "tell_operators_of_money_that_needs_a_look_tests.rs"]
mod tests;
