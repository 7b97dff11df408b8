//! Events of streams `payment-{id}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use storefront_api::{OrderId, RefundId, Timestamp};
use storefront_domain::payment::{self as domain, PaymentEvent};

use super::fields::Fields;
use super::shapes::{Money, Nothing, PaymentMethod};
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] = &[
    "payment.requested",
    "payment.intent_created",
    "payment.authentication_required",
    "payment.succeeded",
    "payment.found",
    "payment.declined",
    "payment.outcome_unknown",
    "payment.cancelled",
    "payment.refund_requested",
    "payment.refund_pending",
    "payment.refund_found",
    "payment.refunded",
    "payment.refund_failed",
    "payment.disputed",
    "payment.dispute_funds_withdrawn",
    "payment.dispute_closed",
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
struct Found {
    order_id: OrderId,
    amount: Money,
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

/// `refund_id` is null in events of version 1, which had none.
#[derive(Serialize, Deserialize)]
struct RefundRequested {
    amount: Money,
    reason: String,
    refund_id: Option<RefundId>,
}

#[derive(Serialize, Deserialize)]
struct RefundPending {
    refund_id: RefundId,
    reference: String,
}

#[derive(Serialize, Deserialize)]
struct RefundFound {
    refund_id: RefundId,
    reference: String,
    amount: Money,
}

/// `refund_id` is null in events of version 1, which had none.
#[derive(Serialize, Deserialize)]
struct Refunded {
    amount: Money,
    reference: String,
    refund_id: Option<RefundId>,
}

/// `refund_id` is null in events of version 1, which had none.
#[derive(Serialize, Deserialize)]
struct RefundFailed {
    detail: String,
    refund_id: Option<RefundId>,
    reference: Option<String>,
}

/// `payment.refund_requested` and `payment.refunded`, from version 1 to 2. Version 1 had no `refund_id`: a request
/// was known by its place in the stream, and an outcome belonged to the oldest open refund. Version 2 says so with null.
pub(super) fn refund_has_an_id(mut fields: Fields) -> Fields {
    fields.insert("refund_id".to_owned(), Value::Null);
    fields
}

/// `payment.refund_failed`, from version 1 to 2: as [`refund_has_an_id`], and version 1 did not say whether the gateway had
/// made the refund.
pub(super) fn failed_refund_has_an_id(fields: Fields) -> Fields {
    let mut fields = refund_has_an_id(fields);
    fields.insert("reference".to_owned(), Value::Null);
    fields
}

#[derive(Serialize, Deserialize)]
struct Disputed {
    dispute: String,
    amount: Money,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct DisputeFundsWithdrawn {
    dispute: String,
}

#[derive(Serialize, Deserialize)]
struct DisputeClosed {
    dispute: String,
    outcome: DisputeOutcome,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DisputeOutcome {
    Won,
    Lost,
}

impl From<domain::DisputeOutcome> for DisputeOutcome {
    fn from(outcome: domain::DisputeOutcome) -> Self {
        match outcome {
            domain::DisputeOutcome::Won => Self::Won,
            domain::DisputeOutcome::Lost => Self::Lost,
        }
    }
}

impl From<DisputeOutcome> for domain::DisputeOutcome {
    fn from(outcome: DisputeOutcome) -> Self {
        match outcome {
            DisputeOutcome::Won => Self::Won,
            DisputeOutcome::Lost => Self::Lost,
        }
    }
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
        PaymentEvent::Found { order_id, amount, reference } => {
            encoded("payment.found", 1, &Found { order_id, amount: amount.into(), reference })
        }
        PaymentEvent::Declined { reason, message } => encoded("payment.declined", 1, &Declined { reason, message }),
        PaymentEvent::OutcomeUnknown { attempt, detail, next_attempt_at } => {
            encoded("payment.outcome_unknown", 1, &OutcomeUnknown { attempt, detail, next_attempt_at })
        }
        PaymentEvent::Cancelled => encoded("payment.cancelled", 1, &Nothing {}),
        event @ (PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundFound { .. }
        | PaymentEvent::Refunded { .. }
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::Disputed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { .. }) => encode_later(event),
    }
}

/// What happens after success.
fn encode_later(event: PaymentEvent) -> Encoded {
    match event {
        PaymentEvent::RefundRequested { refund_id, amount, reason } => {
            encoded("payment.refund_requested", 2, &RefundRequested { amount: amount.into(), reason, refund_id })
        }
        PaymentEvent::RefundPending { refund_id, reference } => {
            encoded("payment.refund_pending", 1, &RefundPending { refund_id, reference })
        }
        PaymentEvent::RefundFound { refund_id, reference, amount } => {
            encoded("payment.refund_found", 1, &RefundFound { refund_id, reference, amount: amount.into() })
        }
        PaymentEvent::Refunded { refund_id, amount, reference } => {
            encoded("payment.refunded", 2, &Refunded { amount: amount.into(), reference, refund_id })
        }
        PaymentEvent::RefundFailed { refund_id, reference, detail } => {
            encoded("payment.refund_failed", 2, &RefundFailed { detail, refund_id, reference })
        }
        PaymentEvent::Disputed { dispute, amount, reason } => {
            encoded("payment.disputed", 1, &Disputed { dispute, amount: amount.into(), reason })
        }
        PaymentEvent::DisputeFundsWithdrawn { dispute } => {
            encoded("payment.dispute_funds_withdrawn", 1, &DisputeFundsWithdrawn { dispute })
        }
        PaymentEvent::DisputeClosed { dispute, outcome } => {
            encoded("payment.dispute_closed", 1, &DisputeClosed { dispute, outcome: outcome.into() })
        }
        other @ (PaymentEvent::Requested { .. }
        | PaymentEvent::IntentCreated { .. }
        | PaymentEvent::AuthenticationRequired { .. }
        | PaymentEvent::Succeeded { .. }
        | PaymentEvent::Declined { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::OutcomeUnknown { .. }
        | PaymentEvent::Cancelled) => encode(&other),
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
        ("payment.found", 1) => {
            let Found { order_id, amount, reference } = parsed(kind, data)?;
            Ok(PaymentEvent::Found { order_id, amount: amount.into(), reference })
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
        ("payment.refund_requested", 2) => {
            let RefundRequested { amount, reason, refund_id } = parsed(kind, data)?;
            Ok(PaymentEvent::RefundRequested { refund_id, amount: amount.into(), reason })
        }
        ("payment.refund_pending", 1) => {
            let RefundPending { refund_id, reference } = parsed(kind, data)?;
            Ok(PaymentEvent::RefundPending { refund_id, reference })
        }
        ("payment.refund_found", 1) => {
            let RefundFound { refund_id, reference, amount } = parsed(kind, data)?;
            Ok(PaymentEvent::RefundFound { refund_id, reference, amount: amount.into() })
        }
        ("payment.refunded", 2) => {
            let Refunded { amount, reference, refund_id } = parsed(kind, data)?;
            Ok(PaymentEvent::Refunded { refund_id, amount: amount.into(), reference })
        }
        ("payment.refund_failed", 2) => {
            let RefundFailed { detail, refund_id, reference } = parsed(kind, data)?;
            Ok(PaymentEvent::RefundFailed { refund_id, reference, detail })
        }
        ("payment.disputed", 1) => {
            let Disputed { dispute, amount, reason } = parsed(kind, data)?;
            Ok(PaymentEvent::Disputed { dispute, amount: amount.into(), reason })
        }
        ("payment.dispute_funds_withdrawn", 1) => {
            let DisputeFundsWithdrawn { dispute } = parsed(kind, data)?;
            Ok(PaymentEvent::DisputeFundsWithdrawn { dispute })
        }
        ("payment.dispute_closed", 1) => {
            let DisputeClosed { dispute, outcome } = parsed(kind, data)?;
            Ok(PaymentEvent::DisputeClosed { dispute, outcome: outcome.into() })
        }
        _ => Err(unknown("payment", KINDS, kind, schema_version)),
    }
}
