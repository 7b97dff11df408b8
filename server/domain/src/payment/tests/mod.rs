//! Events and commands that the tests of payments share.

mod charges;
mod properties;
mod refunds;

use storefront_api::RefundId;
use uuid::Uuid;

use super::*;
use crate::testing::{Given, at_minute, euro, order};

fn given(history: impl IntoIterator<Item = PaymentEvent>) -> Given<Payment> {
    crate::testing::given(history)
}

fn card() -> PaymentMethod {
    PaymentMethod::Card { token: "tok_visa".to_owned() }
}

fn requested() -> PaymentEvent {
    PaymentEvent::Requested { order_id: order(1), amount: euro(2_250), method: card() }
}

fn intent_created(reference: &str) -> PaymentEvent {
    PaymentEvent::IntentCreated { reference: reference.to_owned() }
}

fn authentication_required(reference: &str) -> PaymentEvent {
    let (reference, url) = (reference.to_owned(), "https://bank.example".to_owned());
    PaymentEvent::AuthenticationRequired { reference, url, expires_at: at_minute(15) }
}

fn succeeded(reference: &str) -> PaymentEvent {
    PaymentEvent::Succeeded { reference: reference.to_owned() }
}

fn declined() -> PaymentEvent {
    PaymentEvent::Declined { reason: "lost_card".to_owned(), message: "The card was refused.".to_owned() }
}

fn unknown(attempt: u32) -> PaymentEvent {
    PaymentEvent::OutcomeUnknown { attempt, detail: "no answer".to_owned(), next_attempt_at: at_minute(1) }
}

/// The id of a refund; the number says which.
fn refund_id(number: u128) -> RefundId {
    RefundId(Uuid::from_u128(u128::from(u64::MAX) + number))
}

fn refund_requested_as(number: u128, amount: i64) -> PaymentEvent {
    let refund_id = Some(refund_id(number));
    PaymentEvent::RefundRequested { refund_id, amount: euro(amount), reason: "cancelled".to_owned() }
}

fn refund_requested(amount: i64) -> PaymentEvent {
    refund_requested_as(1, amount)
}

fn pending(number: u128, reference: &str) -> PaymentEvent {
    PaymentEvent::RefundPending { refund_id: refund_id(number), reference: reference.to_owned() }
}

fn found(number: u128, amount: i64, reference: &str) -> PaymentEvent {
    let (refund_id, reference) = (refund_id(number), reference.to_owned());
    PaymentEvent::RefundFound { refund_id, reference, amount: euro(amount) }
}

fn refunded_as(number: u128, amount: i64, reference: &str) -> PaymentEvent {
    let (refund_id, reference) = (Some(refund_id(number)), reference.to_owned());
    PaymentEvent::Refunded { refund_id, amount: euro(amount), reference }
}

fn refunded(amount: i64, reference: &str) -> PaymentEvent {
    refunded_as(1, amount, reference)
}

fn failed(number: u128, reference: Option<&str>) -> PaymentEvent {
    let (refund_id, reference) = (Some(refund_id(number)), reference.map(str::to_owned));
    PaymentEvent::RefundFailed { refund_id, reference, detail: "account closed".to_owned() }
}

fn refund_failed() -> PaymentEvent {
    failed(1, None)
}

fn disputed(amount: i64) -> PaymentEvent {
    let (dispute, reason) = ("dp_1".to_owned(), "fraudulent".to_owned());
    PaymentEvent::Disputed { dispute, amount: euro(amount), reason }
}

fn withdrawn() -> PaymentEvent {
    PaymentEvent::DisputeFundsWithdrawn { dispute: "dp_1".to_owned() }
}

fn closed(outcome: DisputeOutcome) -> PaymentEvent {
    PaymentEvent::DisputeClosed { dispute: "dp_1".to_owned(), outcome }
}

fn request() -> PaymentCommand {
    PaymentCommand::Request { order_id: order(1), amount: euro(2_250), method: card() }
}

fn record_intent(reference: &str) -> PaymentCommand {
    PaymentCommand::RecordIntent { reference: reference.to_owned() }
}

fn record_authentication_required(reference: &str) -> PaymentCommand {
    let (reference, url) = (reference.to_owned(), "https://bank.example".to_owned());
    PaymentCommand::RecordAuthenticationRequired { reference, url, expires_at: at_minute(15) }
}

fn record_success(reference: &str) -> PaymentCommand {
    PaymentCommand::RecordSuccess { reference: reference.to_owned() }
}

fn record_decline() -> PaymentCommand {
    PaymentCommand::RecordDecline { reason: "lost_card".to_owned(), message: "The card was refused.".to_owned() }
}

fn record_unknown(attempt: u32) -> PaymentCommand {
    PaymentCommand::RecordUnknown { attempt, detail: "no answer".to_owned(), next_attempt_at: at_minute(1) }
}

fn refund_all_as(number: u128) -> PaymentCommand {
    PaymentCommand::RefundAll { refund_id: refund_id(number), reason: "cancelled".to_owned() }
}

fn refund_all() -> PaymentCommand {
    refund_all_as(1)
}

fn refund(number: u128, amount: Option<i64>) -> PaymentCommand {
    let (refund_id, amount) = (refund_id(number), amount.map(euro));
    PaymentCommand::Refund { refund_id, amount, reason: "cancelled".to_owned() }
}

fn record_refund_as(number: u128, reference: &str) -> PaymentCommand {
    PaymentCommand::RecordRefund { refund_id: refund_id(number), reference: reference.to_owned() }
}

fn record_refund(reference: &str) -> PaymentCommand {
    record_refund_as(1, reference)
}

fn record_pending(number: u128, reference: &str) -> PaymentCommand {
    PaymentCommand::RecordRefundPending { refund_id: refund_id(number), reference: reference.to_owned() }
}

fn record_failure(number: u128, reference: Option<&str>) -> PaymentCommand {
    let (refund_id, reference) = (refund_id(number), reference.map(str::to_owned));
    PaymentCommand::RecordRefundFailure { refund_id, reference, detail: "account closed".to_owned() }
}

fn record_refund_failure() -> PaymentCommand {
    record_failure(1, None)
}

fn listed(ours: Option<u128>, amount: i64, reference: &str, progress: RefundProgress) -> PaymentCommand {
    PaymentCommand::RecordGatewayRefund(GatewayRefund {
        refund_id: ours.map(refund_id),
        new_id: refund_id(9),
        reference: reference.to_owned(),
        amount: euro(amount),
        reason: None,
        progress,
    })
}

fn record_dispute(state: DisputeState) -> PaymentCommand {
    let (dispute, reason) = ("dp_1".to_owned(), "fraudulent".to_owned());
    PaymentCommand::RecordDispute { dispute, amount: euro(2_250), reason, state }
}
