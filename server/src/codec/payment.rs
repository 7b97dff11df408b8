//! Events of streams `payment-{id}`.

use serde::{Deserialize, Serialize};
use storefront_api::{OrderId, Timestamp};
use storefront_domain::payment::PaymentEvent;

use super::shapes::{Money, Nothing, PaymentMethod};
use super::upcast::Fields;
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &[
    "payment.requested",
    "payment.intent_created",
    "payment.authentication_required",
    "payment.succeeded",
    "payment.declined",
    "payment.outcome_unknown",
    "payment.cancelled",
    "payment.refund_requested",
    "payment.refunded",
    "payment.refund_failed",
];

#[derive(Serialize, Deserialize)]
struct Requested {
    order_id: OrderId,
    amount: Money,
    payment: PaymentMethod,
}

/// `payment.requested`, from version 1 to 2. Version 1 had the way to pay (`method`, `token`) among the event's own fields,
/// where a way to pay could never have had a field of a name that the event has too. Version 2 sets it apart as `payment`,
/// as `order.checked_out` and `checkout.started` always did.
pub(super) fn requested_sets_its_payment_apart(mut fields: Fields) -> Fields {
    let payment =
        ["method", "token"].into_iter().filter_map(|name| fields.shift_remove_entry(name)).collect::<Fields>();
    fields.insert("payment".to_owned(), payment.into());
    fields
}

#[derive(Serialize, Deserialize)]
struct IntentCreated {
    reference: String,
}

#[derive(Serialize, Deserialize)]
struct AuthenticationRequired {
    reference: String,
    url: String,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Succeeded {
    reference: String,
}

#[derive(Serialize, Deserialize)]
struct Declined {
    reason: String,
    message: String,
}

#[derive(Serialize, Deserialize)]
struct OutcomeUnknown {
    attempt: u32,
    detail: String,
    next_attempt_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct RefundRequested {
    amount: Money,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct Refunded {
    amount: Money,
    reference: String,
}

#[derive(Serialize, Deserialize)]
struct RefundFailed {
    detail: String,
}

/// An event as it is stored now.
pub(crate) fn encode(event: &PaymentEvent) -> Encoded {
    match event.clone() {
        PaymentEvent::Requested { order_id, amount, method } => {
            let (amount, payment) = (amount.into(), method.into());
            encoded("payment.requested", 2, &Requested { order_id, amount, payment })
        }
        PaymentEvent::IntentCreated { reference } => encoded("payment.intent_created", 1, &IntentCreated { reference }),
        PaymentEvent::AuthenticationRequired { reference, url, expires_at } => {
            encoded("payment.authentication_required", 1, &AuthenticationRequired { reference, url, expires_at })
        }
        PaymentEvent::Succeeded { reference } => encoded("payment.succeeded", 1, &Succeeded { reference }),
        PaymentEvent::Declined { reason, message } => encoded("payment.declined", 1, &Declined { reason, message }),
        PaymentEvent::OutcomeUnknown { attempt, detail, next_attempt_at } => {
            encoded("payment.outcome_unknown", 1, &OutcomeUnknown { attempt, detail, next_attempt_at })
        }
        PaymentEvent::Cancelled => encoded("payment.cancelled", 1, &Nothing {}),
        PaymentEvent::RefundRequested { amount, reason } => {
            encoded("payment.refund_requested", 1, &RefundRequested { amount: amount.into(), reason })
        }
        PaymentEvent::Refunded { amount, reference } => {
            encoded("payment.refunded", 1, &Refunded { amount: amount.into(), reference })
        }
        PaymentEvent::RefundFailed { detail } => encoded("payment.refund_failed", 1, &RefundFailed { detail }),
    }
}

/// A stored event in its present shape.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<PaymentEvent, CodecError> {
    match (kind, schema_version) {
        ("payment.requested", 2) => {
            let Requested { order_id, amount, payment } = parsed(kind, data)?;
            Ok(PaymentEvent::Requested { order_id, amount: amount.into(), method: payment.into() })
        }
        ("payment.intent_created", 1) => {
            let IntentCreated { reference } = parsed(kind, data)?;
            Ok(PaymentEvent::IntentCreated { reference })
        }
        ("payment.authentication_required", 1) => {
            let AuthenticationRequired { reference, url, expires_at } = parsed(kind, data)?;
            Ok(PaymentEvent::AuthenticationRequired { reference, url, expires_at })
        }
        ("payment.succeeded", 1) => {
            let Succeeded { reference } = parsed(kind, data)?;
            Ok(PaymentEvent::Succeeded { reference })
        }
        ("payment.declined", 1) => {
            let Declined { reason, message } = parsed(kind, data)?;
            Ok(PaymentEvent::Declined { reason, message })
        }
        ("payment.outcome_unknown", 1) => {
            let OutcomeUnknown { attempt, detail, next_attempt_at } = parsed(kind, data)?;
            Ok(PaymentEvent::OutcomeUnknown { attempt, detail, next_attempt_at })
        }
        ("payment.cancelled", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(PaymentEvent::Cancelled)
        }
        ("payment.refund_requested", 1) => {
            let RefundRequested { amount, reason } = parsed(kind, data)?;
            Ok(PaymentEvent::RefundRequested { amount: amount.into(), reason })
        }
        ("payment.refunded", 1) => {
            let Refunded { amount, reference } = parsed(kind, data)?;
            Ok(PaymentEvent::Refunded { amount: amount.into(), reference })
        }
        ("payment.refund_failed", 1) => {
            let RefundFailed { detail } = parsed(kind, data)?;
            Ok(PaymentEvent::RefundFailed { detail })
        }
        _ => Err(unknown("payment", KINDS, kind, schema_version)),
    }
}
