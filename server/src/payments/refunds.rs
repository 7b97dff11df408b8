//! Refunds: which refund an event of a payment is about, and what the gateway's lists say about each.
//!
//! The gateway's lists are authoritative: after any sign of a change (a webhook, a refusal, a lost answer) they are
//! read and what is new is recorded. Reading is a GET, which moves no money and can be repeated.

use storefront_api::{PaymentId, PaymentMethod, RefundId};
use storefront_domain::payment::{
    self, GatewayRefund, Payment, PaymentCommand, PaymentError, PaymentEvent, RefundState,
};
use storefront_eventlog::{Filter, Position, Recorded, Version};
use tracing::warn;

use crate::integrations::card_gateway::GatewayError;
use crate::integrations::gateway_lists::{ListedDispute, ListedRefund};
use crate::integrations::ports::PaymentGateway;
use crate::payments::{CARD_PAYMENTS, WALLET_PAYMENTS};
use crate::random;
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, LoadError, Store};
use crate::store::commands::{Failure, record_payment};

/// The recorded reason of a refund that an operator skipped while it was parked.
pub(crate) const GIVEN_UP_DETAIL: &str = "given up by an operator before the gateway had answered";

/// Why refunds and disputes could not be read from the gateway and recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewaySyncError {
    /// The gateway gave no answer.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The shop itself failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl ListedRefund {
    /// Returns the command that records this refund. Its new id is used only if the shop did not request the refund.
    pub(crate) fn into_command(self) -> PaymentCommand {
        let Self { reference, amount, refund_id, reason, progress } = self;
        let new_id = RefundId(random::id());
        PaymentCommand::RecordGatewayRefund(GatewayRefund { refund_id, new_id, reference, amount, reason, progress })
    }
}

/// Returns the id of the refund that an event is about. Old events carry no id (`recorded_id`); then it is the last
/// refund up to that event.
pub(crate) async fn resolve_id(
    store: &Store,
    recorded: &Recorded,
    recorded_id: Option<RefundId>,
) -> Result<Option<RefundId>, LoadError> {
    if recorded_id.is_some() {
        return Ok(recorded_id);
    }
    let payment = payment_after(store, recorded).await?;
    Ok(payment.refunds().last().map(|refund| refund.id))
}

/// Loads the payment as it was right after an event of its stream.
pub(crate) async fn payment_after(store: &Store, recorded: &Recorded) -> Result<Payment, LoadError> {
    payment_at_version(store, recorded, recorded.version).await
}

/// Loads the payment as it was right before an event of its stream.
pub(crate) async fn payment_before(store: &Store, recorded: &Recorded) -> Result<Payment, LoadError> {
    payment_at_version(store, recorded, Version(recorded.version.0.saturating_sub(1))).await
}

async fn payment_at_version(store: &Store, recorded: &Recorded, last: Version) -> Result<Payment, LoadError> {
    aggregates::load_where::<PaymentEvent>(store, &recorded.stream_name(), |earlier| earlier.version <= last).await
}

/// If the event at `position` requested a refund that `process` is to carry out and that is still open, adds its
/// failure to the append. For the skip of a parked refund.
pub(crate) async fn give_up_parked(
    store: &Store,
    batch: &mut AppendBuilder,
    process: &str,
    position: Position,
) -> Result<(), Failure> {
    let before = Position(position.0.saturating_sub(1));
    let filter = Filter { types: vec!["payment.refund_requested".to_owned()], ..Filter::default() };
    let page = store.read_all(before, 1, &filter).await?;
    let Some(recorded) = page.events.first().filter(|recorded| recorded.position == position) else { return Ok(()) };
    let PaymentEvent::RefundRequested { refund_id, .. } = aggregates::decode(recorded)? else { return Ok(()) };
    let stream = recorded.stream_name();
    let (payment, version) = aggregates::load::<PaymentEvent>(store, &stream).await?;
    let carried_out_by = match payment.request().map(|request| &request.method) {
        Some(PaymentMethod::Wallet) => WALLET_PAYMENTS,
        Some(PaymentMethod::Card { .. } | PaymentMethod::None) | None => CARD_PAYMENTS,
    };
    let Some(refund_id) = resolve_id(store, recorded, refund_id).await?.filter(|_| process == carried_out_by) else {
        return Ok(());
    };
    let is_open = |refund: &payment::Refund| refund.state == RefundState::Open;
    if payment.refund(refund_id).is_some_and(is_open) {
        let detail = GIVEN_UP_DETAIL.to_owned();
        let command = PaymentCommand::RecordRefundFailure { refund_id, reference: None, detail };
        batch.add(stream, version, &payment::decide(&payment, command)?);
    }
    Ok(())
}

/// Reads the refunds and disputes of a payment from the gateway and records what is new. Returns `false` when nothing
/// is.
///
/// # Errors
/// See [`GatewaySyncError`].
pub(crate) async fn sync_from_gateway(
    store: &Store,
    cards: &dyn PaymentGateway,
    payment_id: PaymentId,
    reference: &str,
) -> Result<bool, GatewaySyncError> {
    let refunds = cards.list_refunds(reference).await?;
    let disputes = cards.list_disputes(reference).await?;
    let mut has_changed = false;
    // Oldest first, in the order in which they happened.
    for listed in refunds.into_iter().rev() {
        has_changed |= record_unless_contradicted(store, payment_id, &listed.into_command()).await?;
    }
    for ListedDispute { reference, amount, reason, state } in disputes.into_iter().rev() {
        let command = PaymentCommand::RecordDispute { dispute: reference, amount, reason, state };
        has_changed |= record_unless_contradicted(store, payment_id, &command).await?;
    }
    Ok(has_changed)
}

async fn record_unless_contradicted(
    store: &Store,
    payment_id: PaymentId,
    command: &PaymentCommand,
) -> Result<bool, Failure> {
    match record_payment(store, payment_id, command, "card-gateway").await {
        Err(Failure::Payment(refusal @ (PaymentError::OtherOutcome | PaymentError::NotPaid))) => {
            warn!(%payment_id, error = %refusal, "the card gateway contradicts the recorded outcome; nothing is changed");
            Ok(false)
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "refunds_tests.rs"]
mod tests;
