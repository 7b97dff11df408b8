//! Refunds between the log and the card gateway: which one an event asks for, and what the gateway says became of each.
//!
//! The gateway's lists are the truth: whoever hears that something happened there (a notice, a refusal, a lost answer) reads
//! them and records what is new. They are read with GET, which moves no money and may be repeated for ever.

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

/// What is recorded of a refund that an operator gave up while it was parked.
pub(crate) const GIVEN_UP: &str = "given up by an operator before the gateway had answered";

/// Why it could not be learnt what the gateway did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LearnError {
    /// The gateway gave no answer.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The shop itself failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl ListedRefund {
    /// The command that records it; the id is for the case that nobody here has asked for it.
    pub(crate) fn into_command(self) -> PaymentCommand {
        let Self { reference, amount, refund_id, reason, progress } = self;
        let new_id = RefundId(random::id());
        PaymentCommand::RecordGatewayRefund(GatewayRefund { refund_id, new_id, reference, amount, reason, progress })
    }
}

/// The id of the refund that an event of a payment is about; events of old do not say, and are counted.
pub(crate) async fn id_of(
    store: &Store,
    recorded: &Recorded,
    said: Option<RefundId>,
) -> Result<Option<RefundId>, LoadError> {
    if said.is_some() {
        return Ok(said);
    }
    let until = at(store, recorded).await?;
    Ok(until.refunds().last().map(|refund| refund.id))
}

/// The payment as it was right after an event of its stream.
pub(crate) async fn at(store: &Store, recorded: &Recorded) -> Result<Payment, LoadError> {
    folded(store, recorded, recorded.version).await
}

/// The payment as it was right before an event of its stream.
pub(crate) async fn before(store: &Store, recorded: &Recorded) -> Result<Payment, LoadError> {
    folded(store, recorded, Version(recorded.version.0.saturating_sub(1))).await
}

async fn folded(store: &Store, recorded: &Recorded, until: Version) -> Result<Payment, LoadError> {
    let mut then = Payment::default();
    aggregates::for_each(store, &recorded.stream_name(), |earlier| {
        if earlier.version <= until {
            then = payment::evolve(std::mem::take(&mut then), &aggregates::decode::<PaymentEvent>(earlier)?);
        }
        Ok(())
    })
    .await?;
    Ok(then)
}

/// Gives up the refund that a process was to carry out at a position of the log, if that is what stands there and it is
/// that process's to carry out.
pub(crate) async fn give_up(
    store: &Store,
    batch: &mut AppendBuilder,
    process: &str,
    position: Position,
) -> Result<(), Failure> {
    let before = Position(position.0.saturating_sub(1));
    let filter = Filter { types: vec!["payment.refund_requested".to_owned()], ..Filter::default() };
    let slice = store.read_all(before, 1, &filter).await?;
    let Some(recorded) = slice.events.first().filter(|recorded| recorded.position == position) else { return Ok(()) };
    let PaymentEvent::RefundRequested { refund_id, .. } = aggregates::decode(recorded)? else { return Ok(()) };
    let stream = recorded.stream_name();
    let (payment, version) = aggregates::load::<PaymentEvent>(store, &stream).await?;
    let carried_out_by = match payment.request().map(|request| &request.method) {
        Some(PaymentMethod::Wallet) => WALLET_PAYMENTS,
        Some(PaymentMethod::Card { .. } | PaymentMethod::None) | None => CARD_PAYMENTS,
    };
    let Some(refund_id) = id_of(store, recorded, refund_id).await?.filter(|_| process == carried_out_by) else {
        return Ok(());
    };
    let is_open = |refund: &payment::Refund| refund.state == RefundState::Open;
    if payment.refund(refund_id).is_some_and(is_open) {
        let detail = GIVEN_UP.to_owned();
        let command = PaymentCommand::RecordRefundFailure { refund_id, reference: None, detail };
        batch.add(stream, version, &payment::decide(&payment, command)?);
    }
    Ok(())
}

/// Reads which refunds and disputes of a payment the gateway has, and records what is new; `false` when nothing is.
pub(crate) async fn learn(
    store: &Store,
    cards: &dyn PaymentGateway,
    payment_id: PaymentId,
    reference: &str,
) -> Result<bool, LearnError> {
    let refunds = cards.list_refunds(reference).await?;
    let disputes = cards.list_disputes(reference).await?;
    let mut is_news = false;
    // The oldest first, as they happened.
    for listed in refunds.into_iter().rev() {
        is_news |= record(store, payment_id, &listed.into_command()).await?;
    }
    for ListedDispute { reference, amount, reason, state } in disputes.into_iter().rev() {
        let command = PaymentCommand::RecordDispute { dispute: reference, amount, reason, state };
        is_news |= record(store, payment_id, &command).await?;
    }
    Ok(is_news)
}

async fn record(store: &Store, payment_id: PaymentId, command: &PaymentCommand) -> Result<bool, Failure> {
    match record_payment(store, payment_id, command, "card-gateway").await {
        Err(Failure::Payment(refusal @ (PaymentError::OtherOutcome | PaymentError::NotPaid))) => {
            warn!(%payment_id, error = %refusal, "the gateway contradicts what is recorded; nothing is changed");
            Ok(false)
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "refunds_tests.rs"]
mod tests;
