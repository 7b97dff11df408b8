//! A refund that the card gateway works on for days is asked about now and then, until it has come to an end.
//!
//! The gateway tells by itself (a webhook), as a rule before anybody asks; this is the net for what it could not tell. Asking
//! is a GET under the gateway's own name for the refund: it moves no money, has no key that grows old, and holds up nothing
//! else of the order, because a durable timer does it and not a turn of a process; see [`crate::processes::engine::timers`].

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storefront_api::{PaymentId, RefundId};
use storefront_domain::payment::{self, PaymentError, PaymentEvent, RefundState};
use storefront_eventlog::{JsonText, Timer, TimerChange};
use tracing::warn;
use uuid::Uuid;

use crate::clock;
use crate::integrations::ports::PaymentGateway;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::processes::engine::timers::Timers;
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::Failure;
use crate::store::streams;

/// What the questions listen to.
pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "pending-refunds", types: &["payment.refund_pending", "payment.refund_found"] };

/// How long the shop waits before it asks, and between two questions.
pub(crate) const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// What a timer needs to know when it is due.
#[derive(Serialize, Deserialize)]
struct Note {
    payment_id: PaymentId,
    refund_id: RefundId,
    correlation_id: String,
    /// The event that set the timer.
    cause: Uuid,
}

/// Handles one event: sets the timer of a refund.
pub(crate) async fn handle(store: Store, timers: Timers, delivery: Delivery) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let refund_id = match aggregates::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::RefundPending { refund_id, .. } | PaymentEvent::RefundFound { refund_id, .. } => refund_id,
        PaymentEvent::Requested { .. }
        | PaymentEvent::IntentCreated { .. }
        | PaymentEvent::AuthenticationRequired { .. }
        | PaymentEvent::Succeeded { .. }
        | PaymentEvent::Declined { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::OutcomeUnknown { .. }
        | PaymentEvent::Cancelled
        | PaymentEvent::RefundRequested { .. }
        | PaymentEvent::Refunded { .. }
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::Disputed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { .. } => return Ok(()),
    };
    let (payment, _) = aggregates::load::<PaymentEvent>(&store, &recorded.stream_name()).await?;
    let is_pending = |refund: &payment::Refund| matches!(refund.state, RefundState::Pending { .. });
    if !payment.refund(refund_id).is_some_and(is_pending) {
        return Ok(());
    }
    let correlation_id = recorded.correlation_id().to_owned();
    let mut batch = AppendBuilder::new(clock::now(), Cause::event(recorded, SUBSCRIPTION.name));
    batch.timer(TimerChange::Set {
        owner: timers.owner.to_owned(),
        timer: refund_id.to_string(),
        due_ms: recorded.time_ms.saturating_add(interval_ms()),
        note: JsonText::of(&Note { payment_id, refund_id, correlation_id, cause: recorded.id })?,
        as_read: None,
    });
    batch.checkpoint(delivery.checkpoint.clone());
    store.append(batch.into_append()).await.map_err(Failure::Append)?;
    timers.news.notify_one();
    Ok(())
}

/// What is to be written now that a timer is due: what became of the refund, or when to ask again.
pub(crate) async fn judge(
    store: Store,
    cards: Arc<dyn PaymentGateway>,
    timer: Timer,
) -> Result<AppendBuilder, Failure> {
    let Note { payment_id, refund_id, correlation_id, cause } = timer.note.parse()?;
    let actor = format!("process:{}", timer.owner);
    let cause = Cause { correlation_id, causation_id: Some(cause.to_string()), actor };
    let mut batch = AppendBuilder::new(clock::now(), cause);
    let stream = streams::payment(payment_id);
    let (payment, version) = aggregates::load::<PaymentEvent>(&store, &stream).await?;
    let Some(RefundState::Pending { reference }) = payment.refund(refund_id).map(|refund| &refund.state) else {
        batch.timer(timer.fired());
        return Ok(batch);
    };
    let told = match cards.find_refund(reference).await {
        Ok(Some(listed)) => Some(listed),
        Ok(None) => {
            warn!(%payment_id, reference, "the card gateway does not know a refund that it had; asking again later");
            None
        }
        Err(unknown) => {
            warn!(%payment_id, reference, error = %unknown, "the card gateway does not say what became of a refund");
            None
        }
    };
    if let Some(listed) = told {
        match payment::decide(&payment, listed.into_command()) {
            Ok(events) if !events.is_empty() => {
                batch.add(stream, version, &events);
                batch.timer(timer.fired());
                return Ok(batch);
            }
            Ok(_) => {}
            Err(refusal @ (PaymentError::OtherOutcome | PaymentError::NotPaid)) => {
                warn!(%payment_id, reference, error = %refusal, "the gateway contradicts what is recorded");
            }
            Err(other) => return Err(other.into()),
        }
    }
    let due_ms = store.now_ms().await?.saturating_add(interval_ms());
    batch.timer(timer.fired_and_set_again(due_ms, timer.note.clone()));
    Ok(batch)
}

fn interval_ms() -> i64 {
    i64::try_from(INTERVAL.as_millis()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
#[path = "ask_about_pending_refunds_tests.rs"]
mod tests;
