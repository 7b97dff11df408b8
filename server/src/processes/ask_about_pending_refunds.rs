//! Polls the card gateway about refunds that it works on for days, until they end.
//!
//! The gateway normally reports the outcome by webhook first; polling covers an event that is lost. A poll is a GET
//! under the gateway's own name for the refund: it moves no money and needs no key that expires. It blocks nothing
//! else of the order, because a durable timer triggers it and not a delivery; see
//! [`crate::processes::engine::timers`].

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storefront_api::{PaymentId, RefundId};
use storefront_domain::payment::{self, PaymentError, PaymentEvent, RefundState};
use storefront_eventlog::{JsonText, Timer};
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

pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "pending-refunds", types: &["payment.refund_pending", "payment.refund_found"] };

/// Time before the first poll, and between two polls.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The data stored with a timer, as JSON.
#[derive(Serialize, Deserialize)]
struct TimerNote {
    payment_id: PaymentId,
    refund_id: RefundId,
    correlation_id: String,
    /// The event that set the timer.
    cause: Uuid,
}

/// Handles one event: sets the timer of a pending refund.
pub(crate) async fn handle(store: Store, timers: Timers, delivery: Delivery) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let (PaymentEvent::RefundPending { refund_id, .. } | PaymentEvent::RefundFound { refund_id, .. }) =
        aggregates::decode(recorded)?
    else {
        return Ok(());
    };
    let (payment, _) = aggregates::load::<PaymentEvent>(&store, &recorded.stream_name()).await?;
    let is_pending = |refund: &payment::Refund| matches!(refund.state, RefundState::Pending { .. });
    if !payment.refund(refund_id).is_some_and(is_pending) {
        return Ok(());
    }
    let correlation_id = recorded.correlation_id().to_owned();
    let note = JsonText::of(&TimerNote { payment_id, refund_id, correlation_id, cause: recorded.id })?;
    let due_ms = recorded.time_ms.saturating_add(clock::as_ms(POLL_INTERVAL));
    timers.set(&store, &delivery, refund_id.to_string(), due_ms, note).await
}

/// Handles a due timer: records the outcome of the refund, or sets the timer again.
pub(crate) async fn handle_timer(
    store: Store,
    cards: Arc<dyn PaymentGateway>,
    timer: Timer,
) -> Result<AppendBuilder, Failure> {
    let TimerNote { payment_id, refund_id, correlation_id, cause } = timer.note.parse()?;
    let actor = format!("process:{}", timer.owner);
    let cause = Cause { correlation_id, causation_id: Some(cause.to_string()), actor };
    let mut batch = AppendBuilder::new(clock::now(), cause);
    let stream = streams::payment(payment_id);
    let (payment, version) = aggregates::load::<PaymentEvent>(&store, &stream).await?;
    let Some(RefundState::Pending { reference }) = payment.refund(refund_id).map(|refund| &refund.state) else {
        batch.timer(timer.fired());
        return Ok(batch);
    };
    let listed = match cards.find_refund(reference).await {
        Ok(Some(listed)) => Some(listed),
        Ok(None) => {
            warn!(%payment_id, reference, "the card gateway no longer knows a refund; asking again later");
            None
        }
        Err(unknown) => {
            warn!(%payment_id, reference, error = %unknown, "cannot read a refund from the card gateway; asking again later");
            None
        }
    };
    if let Some(listed) = listed {
        match payment::decide(&payment, listed.into_command()) {
            Ok(events) if !events.is_empty() => {
                batch.add(stream, version, &events);
                batch.timer(timer.fired());
                return Ok(batch);
            }
            Ok(_) => {}
            Err(refusal @ (PaymentError::OtherOutcome | PaymentError::NotPaid)) => {
                warn!(%payment_id, reference, error = %refusal, "the card gateway contradicts the recorded refund");
            }
            Err(other) => return Err(other.into()),
        }
    }
    let due_ms = clock::store_ms().saturating_add(clock::as_ms(POLL_INTERVAL));
    batch.timer(timer.fired_and_set_again(due_ms, timer.note.clone()));
    Ok(batch)
}

#[cfg(test)]
#[path = "ask_about_pending_refunds_tests.rs"]
mod tests;
