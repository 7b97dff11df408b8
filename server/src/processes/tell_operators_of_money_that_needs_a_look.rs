//! Alerts operators to money that needs attention: a refund that failed while the shop still has the money, and a
//! dispute that the bank expects an answer to.
//!
//! Each alert parks its order in this process only, so it appears in readiness and under `GET /v1/processes` with the
//! action to take, and delays nothing else. A retry checks whether the matter is settled; a skip states that it is.

use storefront_api::PaymentId;
use storefront_domain::payment::{Payment, PaymentEvent, Refund, RefundState};

use crate::payments::refunds;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::Store;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "money-alarms", types: &["payment.refund_failed", "payment.disputed"] };

pub(crate) async fn handle(store: Store, delivery: Delivery) -> Result<(), HandlerError> {
    let recorded = &delivery.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let (payment, _) = aggregates::load::<PaymentEvent>(&store, &recorded.stream_name()).await?;
    let alarm = match aggregates::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::RefundFailed { refund_id: Some(refund_id), detail, .. } if detail != refunds::GIVEN_UP_DETAIL => {
            let failed = payment.refund(refund_id).filter(|failed| is_money_with_shop(&payment, failed));
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
        _ => None,
    };
    alarm.map_or(Ok(()), |alarm| Err(HandlerError::Permanent(alarm)))
}

/// Returns whether the money of a failed refund is neither refunded otherwise nor on its way.
fn is_money_with_shop(payment: &Payment, failed: &Refund) -> bool {
    let has_failed = matches!(failed.state, RefundState::Failed { .. });
    has_failed && payment.left().is_some_and(|left| left.amount >= failed.amount.amount)
}

#[cfg(test)]
#[path = "tell_operators_of_money_that_needs_a_look_tests.rs"]
mod tests;
