//! Asks the gateway about payments that wait for the cardholder's authentication. The gateway reports the outcome by
//! webhook; this process polls in case that event is lost. When the order has waited long enough,
//! `give_back_what_is_not_paid_in_time` ends it.
//!
//! Each waiting payment sets a durable timer, which commits with the checkpoint; see
//! [`crate::processes::engine::timers`].

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storefront_api::PaymentId;
use storefront_domain::payment::{self, Payment, PaymentCommand, PaymentEvent};
use storefront_eventlog::{JsonText, Timer};
use tracing::{error, warn};
use uuid::Uuid;

use crate::clock;
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::{CardIntent, IntentStatus, Refusal};
use crate::integrations::ports::PaymentGateway;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::processes::engine::timers::{Timers, append_for_timer};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::Failure;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "authentications", types: &["payment.authentication_required"] };

/// Pauses between polls: 2 s, then half as much again each time, to 30 s.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The data stored with a timer, as JSON.
#[derive(Serialize, Deserialize)]
struct TimerNote {
    payment_id: PaymentId,
    /// The event that set the timer.
    cause: Uuid,
    /// The last pause, in milliseconds.
    pause_ms: i64,
}

/// Handles one event: sets the timer of a waiting payment.
pub(crate) async fn handle(store: Store, timers: Timers, delivery: Delivery) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let (payment, _) = aggregates::load::<PaymentEvent>(&store, &recorded.stream_name()).await?;
    let Payment::AuthenticationRequired { request, .. } = &*payment else { return Ok(()) };
    let note = TimerNote { payment_id, cause: recorded.id, pause_ms: clock::as_ms(FIRST_PAUSE) };
    let due_ms = clock::store_ms().saturating_add(note.pause_ms);
    timers.set(&store, &delivery, request.order_id.to_string(), due_ms, JsonText::of(&note)?).await
}

/// Handles a due timer: records the outcome of the payment, or sets the timer again.
pub(crate) async fn handle_timer(
    store: Store,
    cards: Arc<dyn PaymentGateway>,
    timer: Timer,
) -> Result<AppendBuilder, Failure> {
    let TimerNote { payment_id, cause, pause_ms } = timer.note.parse()?;
    let mut batch = append_for_timer(&timer, Some(cause));
    let stream = streams::payment(payment_id);
    let (payment, version) = aggregates::load::<PaymentEvent>(&store, &stream).await?;
    let Payment::AuthenticationRequired { request, intent, .. } = &*payment else {
        batch.timer(timer.fired());
        return Ok(batch);
    };
    match outcome_command(payment_id, cards.find(intent, request.amount).await) {
        Some(outcome) => {
            batch.add(stream, version, &payment::decide(&payment, outcome)?);
            batch.timer(timer.fired());
        }
        None => {
            let pause_ms = (pause_ms + pause_ms / 2).min(clock::as_ms(MAX_PAUSE));
            let note = JsonText::of(&TimerNote { payment_id, cause, pause_ms })?;
            batch.timer(timer.fired_and_set_again(clock::store_ms().saturating_add(pause_ms), note));
        }
    }
    Ok(batch)
}

/// Returns the command that records the outcome; `None` while the payment waits.
fn outcome_command(payment_id: PaymentId, found: Result<Option<CardIntent>, GatewayError>) -> Option<PaymentCommand> {
    let intent = match found {
        Ok(intent) => intent?,
        Err(error @ GatewayError::Unknown { .. }) => {
            warn!(%payment_id, %error, "the outcome of an authentication is unknown; asking again");
            return None;
        }
        Err(error @ GatewayError::Contradiction { .. }) => {
            error!(%payment_id, %error, "the card gateway contradicts a payment that waits for authentication");
            return None;
        }
    };
    let declined = |Refusal { reason, message }| Some(PaymentCommand::RecordDecline { reason, message });
    match intent.status {
        IntentStatus::Succeeded => Some(PaymentCommand::RecordSuccess { reference: intent.reference }),
        IntentStatus::Declined(refusal) => declined(refusal),
        IntentStatus::Cancelled => declined(Refusal::cancelled()),
        IntentStatus::RequiresConfirmation | IntentStatus::RequiresAction { .. } | IntentStatus::Processing => None,
    }
}
