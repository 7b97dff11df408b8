//! Events of streams `payment-{id}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use storefront_api::{OrderId, RefundId, Timestamp};
use storefront_domain::payment::{self as domain, PaymentEvent};
use utoipa::ToSchema;

use super::fields::Fields;
use super::shapes::{Money, NoData, PaymentMethod};
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "payment-{id}";
    "payment.requested" [1, 2] Requested,
        "An intent: the amount is to be charged. A process does it under a key made from the id of this event",
        by ["process:checkout"];
    "payment.intent_created" [1] IntentCreated,
        "The card gateway knows the payment under this reference; nothing is charged yet",
        by ["process:payments", "POST /v1/webhooks/card-gateway"];
    "payment.authentication_required" [1] AuthenticationRequired,
        "The shopper has to confirm the payment at this address",
        by ["process:payments"];
    "payment.succeeded" [1] Succeeded,
        "The amount is charged",
        by ["process:payments", "process:wallets", "process:authentications", "POST /v1/webhooks/card-gateway"];
    "payment.found" [1] Found,
        "A charge at the gateway that no payment had asked for was entered, so that it can be given back",
        by ["POST /v1/payments/unmatched/{reference}/refunds"];
    "payment.declined" [1] Declined,
        "The payment was declined, and nothing is charged",
        by ["process:payments", "process:wallets", "process:authentications", "POST /v1/webhooks/card-gateway"];
    "payment.outcome_unknown" [1] OutcomeUnknown,
        "The gateway did not answer; it is asked again under the same key",
        by ["process:payments"];
    "payment.cancelled" [1] NoData,
        "The payment is given up; what is charged all the same goes back",
        by ["process:checkout", "process:reservations"];
    "payment.refund_requested" [1, 2] RefundRequested,
        "An intent: the amount is to go back. A process does it under a key made from the id of the refund",
        by ["POST /v1/orders/{id}/refunds", "POST /v1/payments/unmatched/{reference}/refunds",
            "POST /v1/webhooks/card-gateway", "process:checkout", "process:payments", "process:authentications"];
    "payment.refund_pending" [1] RefundPending,
        "The gateway has taken the refund and tells the outcome later",
        by ["process:payments"];
    "payment.refund_found" [1] RefundFound,
        "A refund was made at the gateway itself",
        by ["POST /v1/webhooks/card-gateway", "process:pending-refunds"];
    "payment.refunded" [1, 2] Refunded,
        "The amount has gone back",
        by ["process:payments", "process:wallets", "process:pending-refunds", "POST /v1/webhooks/card-gateway"];
    "payment.refund_failed" [1, 2] RefundFailed,
        "The refund failed; an operator has to look at it",
        by ["process:payments", "process:wallets", "process:pending-refunds", "POST /v1/webhooks/card-gateway",
            "POST /v1/processes/{name}/parked/{sequence}/skip"];
    "payment.disputed" [1] Disputed,
        "The holder of the card disputes the payment",
        by ["POST /v1/webhooks/card-gateway", "process:pending-refunds"];
    "payment.dispute_funds_withdrawn" [1] DisputeFundsWithdrawn,
        "The gateway took the disputed amount back",
        by ["POST /v1/webhooks/card-gateway", "process:pending-refunds"];
    "payment.dispute_closed" [1] DisputeClosed,
        "The dispute is decided",
        by ["POST /v1/webhooks/card-gateway", "process:pending-refunds"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Requested {
    order_id: OrderId,
    amount: Money,
    payment: PaymentMethod,
}

/// `payment.requested`, from version 1 to 2. Version 1 had the payment method (`method`, `token`) among the event's own
/// fields, where names could collide. Version 2 nests it as `payment`, as `order.checked_out` and `checkout.started` always
/// did.
pub(super) fn nest_payment_method(mut fields: Fields) -> Fields {
    let payment =
        ["method", "token"].into_iter().filter_map(|name| fields.shift_remove_entry(name)).collect::<Fields>();
    fields.insert("payment".to_owned(), payment.into());
    fields
}

#[derive(Serialize, Deserialize, ToSchema)]
struct IntentCreated {
    reference: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct AuthenticationRequired {
    reference: String,
    url: String,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Succeeded {
    reference: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Found {
    order_id: OrderId,
    amount: Money,
    reference: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Declined {
    reason: String,
    message: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct OutcomeUnknown {
    attempt: u32,
    detail: String,
    next_attempt_at: Timestamp,
}

/// `refund_id` is null in events of version 1, which had none.
#[derive(Serialize, Deserialize, ToSchema)]
struct RefundRequested {
    amount: Money,
    reason: String,
    refund_id: Option<RefundId>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct RefundPending {
    refund_id: RefundId,
    reference: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct RefundFound {
    refund_id: RefundId,
    reference: String,
    amount: Money,
}

/// `refund_id` is null in events of version 1, which had none.
#[derive(Serialize, Deserialize, ToSchema)]
struct Refunded {
    amount: Money,
    reference: String,
    refund_id: Option<RefundId>,
}

/// `refund_id` is null in events of version 1, which had none.
#[derive(Serialize, Deserialize, ToSchema)]
struct RefundFailed {
    detail: String,
    refund_id: Option<RefundId>,
    reference: Option<String>,
}

/// `payment.refund_requested` and `payment.refunded`, from version 1 to 2: adds `refund_id` as null. In version 1, a request
/// was identified by its place in the stream, and an outcome belonged to the oldest open refund; null stands for that.
pub(super) fn add_refund_id(mut fields: Fields) -> Fields {
    fields.insert("refund_id".to_owned(), Value::Null);
    fields
}

/// `payment.refund_failed`, from version 1 to 2: as [`add_refund_id`], and adds `reference` as null, as version 1 did not store
/// whether the gateway had made the refund.
pub(super) fn add_refund_id_and_reference(fields: Fields) -> Fields {
    let mut fields = add_refund_id(fields);
    fields.insert("reference".to_owned(), Value::Null);
    fields
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Disputed {
    dispute: String,
    amount: Money,
    reason: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct DisputeFundsWithdrawn {
    dispute: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct DisputeClosed {
    dispute: String,
    outcome: DisputeOutcome,
}

#[derive(Serialize, Deserialize, ToSchema)]
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

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &PaymentEvent) -> Encoded {
    match event.clone() {
        PaymentEvent::Requested { order_id, amount, method } => {
            let (amount, payment) = (amount.into(), method.into());
            encode_shape("payment.requested", 2, &Requested { order_id, amount, payment })
        }
        PaymentEvent::IntentCreated { reference } => {
            encode_shape("payment.intent_created", 1, &IntentCreated { reference })
        }
        PaymentEvent::AuthenticationRequired { reference, url, expires_at } => {
            encode_shape("payment.authentication_required", 1, &AuthenticationRequired { reference, url, expires_at })
        }
        PaymentEvent::Succeeded { reference } => encode_shape("payment.succeeded", 1, &Succeeded { reference }),
        PaymentEvent::Found { order_id, amount, reference } => {
            encode_shape("payment.found", 1, &Found { order_id, amount: amount.into(), reference })
        }
        PaymentEvent::Declined { reason, message } => {
            encode_shape("payment.declined", 1, &Declined { reason, message })
        }
        PaymentEvent::OutcomeUnknown { attempt, detail, next_attempt_at } => {
            encode_shape("payment.outcome_unknown", 1, &OutcomeUnknown { attempt, detail, next_attempt_at })
        }
        PaymentEvent::Cancelled => encode_shape("payment.cancelled", 1, &NoData {}),
        event @ (PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundFound { .. }
        | PaymentEvent::Refunded { .. }
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::Disputed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { .. }) => encode_after_success(event),
    }
}

/// Encodes the events that follow a successful payment.
fn encode_after_success(event: PaymentEvent) -> Encoded {
    match event {
        PaymentEvent::RefundRequested { refund_id, amount, reason } => {
            encode_shape("payment.refund_requested", 2, &RefundRequested { amount: amount.into(), reason, refund_id })
        }
        PaymentEvent::RefundPending { refund_id, reference } => {
            encode_shape("payment.refund_pending", 1, &RefundPending { refund_id, reference })
        }
        PaymentEvent::RefundFound { refund_id, reference, amount } => {
            encode_shape("payment.refund_found", 1, &RefundFound { refund_id, reference, amount: amount.into() })
        }
        PaymentEvent::Refunded { refund_id, amount, reference } => {
            encode_shape("payment.refunded", 2, &Refunded { amount: amount.into(), reference, refund_id })
        }
        PaymentEvent::RefundFailed { refund_id, reference, detail } => {
            encode_shape("payment.refund_failed", 2, &RefundFailed { detail, refund_id, reference })
        }
        PaymentEvent::Disputed { dispute, amount, reason } => {
            encode_shape("payment.disputed", 1, &Disputed { dispute, amount: amount.into(), reason })
        }
        PaymentEvent::DisputeFundsWithdrawn { dispute } => {
            encode_shape("payment.dispute_funds_withdrawn", 1, &DisputeFundsWithdrawn { dispute })
        }
        PaymentEvent::DisputeClosed { dispute, outcome } => {
            encode_shape("payment.dispute_closed", 1, &DisputeClosed { dispute, outcome: outcome.into() })
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

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<PaymentEvent, CodecError> {
    match (kind, schema_version) {
        ("payment.requested", 2) => {
            let Requested { order_id, amount, payment } = parse(kind, data)?;
            Ok(PaymentEvent::Requested { order_id, amount: amount.into(), method: payment.into() })
        }
        ("payment.intent_created", 1) => {
            let IntentCreated { reference } = parse(kind, data)?;
            Ok(PaymentEvent::IntentCreated { reference })
        }
        ("payment.authentication_required", 1) => {
            let AuthenticationRequired { reference, url, expires_at } = parse(kind, data)?;
            Ok(PaymentEvent::AuthenticationRequired { reference, url, expires_at })
        }
        ("payment.succeeded", 1) => {
            let Succeeded { reference } = parse(kind, data)?;
            Ok(PaymentEvent::Succeeded { reference })
        }
        ("payment.found", 1) => {
            let Found { order_id, amount, reference } = parse(kind, data)?;
            Ok(PaymentEvent::Found { order_id, amount: amount.into(), reference })
        }
        ("payment.declined", 1) => {
            let Declined { reason, message } = parse(kind, data)?;
            Ok(PaymentEvent::Declined { reason, message })
        }
        ("payment.outcome_unknown", 1) => {
            let OutcomeUnknown { attempt, detail, next_attempt_at } = parse(kind, data)?;
            Ok(PaymentEvent::OutcomeUnknown { attempt, detail, next_attempt_at })
        }
        ("payment.cancelled", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(PaymentEvent::Cancelled)
        }
        ("payment.refund_requested", 2) => {
            let RefundRequested { amount, reason, refund_id } = parse(kind, data)?;
            Ok(PaymentEvent::RefundRequested { refund_id, amount: amount.into(), reason })
        }
        ("payment.refund_pending", 1) => {
            let RefundPending { refund_id, reference } = parse(kind, data)?;
            Ok(PaymentEvent::RefundPending { refund_id, reference })
        }
        ("payment.refund_found", 1) => {
            let RefundFound { refund_id, reference, amount } = parse(kind, data)?;
            Ok(PaymentEvent::RefundFound { refund_id, reference, amount: amount.into() })
        }
        ("payment.refunded", 2) => {
            let Refunded { amount, reference, refund_id } = parse(kind, data)?;
            Ok(PaymentEvent::Refunded { refund_id, amount: amount.into(), reference })
        }
        ("payment.refund_failed", 2) => {
            let RefundFailed { detail, refund_id, reference } = parse(kind, data)?;
            Ok(PaymentEvent::RefundFailed { refund_id, reference, detail })
        }
        ("payment.disputed", 1) => {
            let Disputed { dispute, amount, reason } = parse(kind, data)?;
            Ok(PaymentEvent::Disputed { dispute, amount: amount.into(), reason })
        }
        ("payment.dispute_funds_withdrawn", 1) => {
            let DisputeFundsWithdrawn { dispute } = parse(kind, data)?;
            Ok(PaymentEvent::DisputeFundsWithdrawn { dispute })
        }
        ("payment.dispute_closed", 1) => {
            let DisputeClosed { dispute, outcome } = parse(kind, data)?;
            Ok(PaymentEvent::DisputeClosed { dispute, outcome: outcome.into() })
        }
        _ => Err(unknown_type("payment", KINDS, kind, schema_version)),
    }
}
