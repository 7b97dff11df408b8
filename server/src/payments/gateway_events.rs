//! Records what the card gateway's events say about payments, refunds and disputes. Nothing here charges or refunds.
//!
//! An event of a refund or dispute only says that something changed. What changed is read from the gateway's lists, so the order
//! in which events arrive does not matter.

use storefront_api::PaymentId;
use storefront_domain::payment::{PaymentCommand, PaymentError, PaymentEvent};
use storefront_eventlog::Version;
use tracing::{error, info, warn};

use crate::integrations::card_amounts;
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::Refusal;
use crate::integrations::card_webhooks::{GatewayEvent, Webhook};
use crate::integrations::ports::PaymentGateway;
use crate::payments::refunds;
use crate::payments::refunds::GatewaySyncError;
use crate::store::aggregates;
use crate::store::aggregates::Store;
use crate::store::commands::{Failure, record_payment};
use crate::store::repeat_counters::WebhookOutcome;
use crate::store::streams;

/// Why an event was not recorded. The gateway may send it again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayEventError {
    /// The gateway did not answer a question about the event.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The event is about a refund or dispute of a payment whose own outcome is not recorded yet.
    #[error("the payment itself is not recorded yet")]
    PaymentNotRecorded,
    /// The shop itself failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<GatewaySyncError> for GatewayEventError {
    fn from(error: GatewaySyncError) -> Self {
        match error {
            GatewaySyncError::Gateway(error) => Self::Gateway(error),
            GatewaySyncError::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// Returns the correlation id of a payment's stream, which is the id of its order; `None` when the stream is empty or the event
/// names no payment.
pub(crate) async fn order_of_payment(store: &Store, payment_id: Option<PaymentId>) -> Result<Option<String>, Failure> {
    let Some(payment_id) = payment_id else { return Ok(None) };
    let first = store.read_stream(&streams::payment(payment_id), Version(1), 1).await?;
    Ok(first.first().map(|requested| requested.correlation_id().to_owned()))
}

/// Records what an event says. The caller has verified its signature.
///
/// # Errors
/// See [`GatewayEventError`].
pub(crate) async fn record(
    store: &Store,
    cards: &dyn PaymentGateway,
    Webhook { id, payment_id, event, .. }: Webhook,
) -> Result<WebhookOutcome, GatewayEventError> {
    if let GatewayEvent::AfterPayment { reference } = &event {
        return record_refunds_and_disputes(store, cards, payment_id, reference).await;
    }
    let Some(payment_id) = payment_id else { return Ok(WebhookOutcome::Ignored) };
    let (payment, _) =
        aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await.map_err(Failure::from)?;
    let Some(request) = payment.request() else {
        info!(%payment_id, webhook = id, "an event names a payment that is not ours; ignoring it");
        return Ok(WebhookOutcome::Ignored);
    };
    if let GatewayEvent::Declined { reference, .. } | GatewayEvent::Cancelled { reference } = &event
        && !intent_belongs_to_payment(store, cards, payment_id, payment.intent(), reference).await?
    {
        info!(%payment_id, webhook = id, reference, "an event names an intent that is not this payment's; ignoring it");
        return Ok(WebhookOutcome::Ignored);
    }
    let command = match event {
        GatewayEvent::Created { reference } => PaymentCommand::RecordIntent { reference },
        GatewayEvent::Succeeded { reference, amount, currency } => {
            if !card_amounts::is_same(request.amount, amount, &currency) {
                error!(
                    %payment_id, webhook = id, reference, amount, currency, asked = %request.amount,
                    "the card gateway reports another amount than was requested; nothing is recorded, an operator must look"
                );
                return Ok(WebhookOutcome::Contradicts);
            }
            PaymentCommand::RecordSuccess { reference }
        }
        GatewayEvent::Declined { reason, message, reference: _ } => PaymentCommand::RecordDecline { reason, message },
        // The shop did not cancel a payment that is pending here, and nobody can pay it any more: it counts as declined.
        GatewayEvent::Cancelled { reference: _ } => {
            let Refusal { reason, message } = Refusal::cancelled();
            PaymentCommand::RecordDecline { reason, message }
        }
        GatewayEvent::AfterPayment { .. } | GatewayEvent::Other { .. } => return Ok(WebhookOutcome::Ignored),
    };
    match record_payment(store, payment_id, &command, "card-gateway").await {
        Ok(true) => Ok(WebhookOutcome::Applied),
        Ok(false) => Ok(WebhookOutcome::Repeated),
        Err(Failure::Payment(PaymentError::NotFound)) => Ok(WebhookOutcome::Ignored),
        Err(Failure::Payment(refusal @ PaymentError::OtherIntent { .. })) => {
            error!(%payment_id, webhook = id, error = %refusal, "the card gateway has money for a payment that is not the shop's; an operator must look");
            Ok(WebhookOutcome::Contradicts)
        }
        Err(Failure::Payment(PaymentError::OtherOutcome | PaymentError::NoRefundRequested)) => {
            warn!(%payment_id, webhook = id, "a late event contradicts the recorded outcome; ignoring it");
            Ok(WebhookOutcome::Ignored)
        }
        Err(other) => Err(other.into()),
    }
}

/// Returns whether an intent that ended without money belongs to a payment. While the log does not name the payment's intent
/// (`known`), the gateway is asked; a match is recorded at once, so that the end of the payment also ends its intent.
async fn intent_belongs_to_payment(
    store: &Store,
    cards: &dyn PaymentGateway,
    payment_id: PaymentId,
    known: Option<&str>,
    reference: &str,
) -> Result<bool, GatewayEventError> {
    if let Some(known) = known {
        return Ok(known == reference);
    }
    if cards.payment_of(reference).await? != Some(payment_id) {
        return Ok(false);
    }
    let intent = PaymentCommand::RecordIntent { reference: reference.to_owned() };
    record_payment(store, payment_id, &intent, "card-gateway").await?;
    Ok(true)
}

/// Reads the refunds and disputes of a payment from the gateway and records what is new. Fails while the gateway does not answer
/// or the payment itself is not recorded, so that the event is sent again.
async fn record_refunds_and_disputes(
    store: &Store,
    cards: &dyn PaymentGateway,
    payment_id: Option<PaymentId>,
    reference: &str,
) -> Result<WebhookOutcome, GatewayEventError> {
    let payment_id = match payment_id {
        Some(payment_id) => payment_id,
        // A refund or dispute that the shop did not request carries only the gateway's own reference.
        None => match cards.payment_of(reference).await? {
            Some(payment_id) => payment_id,
            None => return Ok(WebhookOutcome::Ignored),
        },
    };
    let (payment, _) =
        aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await.map_err(Failure::from)?;
    match payment.reference() {
        Some(known) if known == reference => {
            match refunds::sync_from_gateway(store, cards, payment_id, reference).await? {
                true => Ok(WebhookOutcome::Applied),
                false => Ok(WebhookOutcome::Repeated),
            }
        }
        None if payment.request().is_some() => Err(GatewayEventError::PaymentNotRecorded),
        Some(_) | None => {
            info!(%payment_id, reference, "an event names a payment that is not ours; ignoring it");
            Ok(WebhookOutcome::Ignored)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::aggregates::{AppendBuilder, Cause};
    use crate::testing::{FakeCards, a_log, at_second, card, euro, order, payment};

    #[tokio::test]
    async fn an_intent_that_ended_is_believed_to_be_the_payments_only_on_the_gateways_word() {
        let (store, cards) = (a_log(), FakeCards::default());
        let cause = Cause { correlation_id: "order".to_owned(), causation_id: None, actor: "test".to_owned() };
        let mut batch = AppendBuilder::new(at_second(1), cause);
        let requested = PaymentEvent::Requested { order_id: order(1), amount: euro(2000), method: card() };
        batch.add(streams::payment(payment(1)), Version(0), &[requested]);
        store.append(batch.into_append()).await.unwrap();
        let record_cancelled = |reference: &str| {
            let (payment_id, event) = (Some(payment(1)), GatewayEvent::Cancelled { reference: reference.to_owned() });
            record(&store, &cards, Webhook { id: "evt_1".to_owned(), created_unix_s: 1, payment_id, event })
        };
        let kinds = || async {
            let events = store.read_stream(&streams::payment(payment(1)), Version(1), 10).await.unwrap();
            events.iter().map(|recorded| recorded.kind().to_owned()).collect::<Vec<_>>()
        };
        assert!(
            record_cancelled("pi_1").await.is_err(),
            "the event is to be sent again while the gateway does not answer"
        );
        *cards.intents.lock().unwrap() = vec![("pi_1".to_owned(), payment(1)), ("pi_2".to_owned(), payment(2))];
        for others in ["pi_2", "pi_unheard_of"] {
            assert_eq!(record_cancelled(others).await.ok(), Some(WebhookOutcome::Ignored));
        }
        assert_eq!(kinds().await, ["payment.requested"]);
        assert_eq!(record_cancelled("pi_1").await.ok(), Some(WebhookOutcome::Applied));
        assert_eq!(kinds().await, ["payment.requested", "payment.intent_created", "payment.declined"]);
        assert_eq!(record_cancelled("pi_2").await.ok(), Some(WebhookOutcome::Ignored));
        assert_eq!(record_cancelled("pi_1").await.ok(), Some(WebhookOutcome::Repeated));
    }
}
