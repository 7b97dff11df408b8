//! A payment that waits for its card's owner: the gateway tells by itself what came of it (a webhook), and it is asked now
//! and then, in case that word is lost. When the order has waited long enough, `give_back_what_is_not_paid_in_time` ends it.
//!
//! Each payment that waits sets a durable timer, which commits with the checkpoint; see [`crate::processes::engine::timers`].

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storefront_api::PaymentId;
use storefront_domain::payment::{self, Payment, PaymentCommand, PaymentEvent};
use storefront_eventlog::{JsonText, Timer, TimerChange};
use tracing::{error, warn};
use uuid::Uuid;

use crate::clock;
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::{Intent, IntentStatus, Refusal};
use crate::integrations::ports::PaymentGateway;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::processes::engine::timers::{Timers, batch_about};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::Failure;
use crate::store::streams;

/// What it listens to.
pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "authentications", types: &["payment.authentication_required"] };

/// The pauses between questions: 2 s, then half as much again each time, to 30 s.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a timer needs to know when it is due.
#[derive(Serialize, Deserialize)]
struct Note {
    payment_id: PaymentId,
    /// The event that set the timer.
    cause: Uuid,
    /// How long it was waited last.
    pause_ms: u64,
}

/// Handles one event: sets the timer of a payment that waits.
pub(crate) async fn handle(store: Store, timers: Timers, delivery: Delivery) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let (payment, _) = aggregates::load::<PaymentEvent>(&store, &recorded.stream_name()).await?;
    let Payment::AuthenticationRequired { request, .. } = &payment else { return Ok(()) };
    let note = Note { payment_id, cause: recorded.id, pause_ms: ms(FIRST_PAUSE) };
    let mut batch = AppendBuilder::new(clock::now(), Cause::event(recorded, SUBSCRIPTION.name));
    batch.timer(TimerChange::Set {
        owner: timers.owner.to_owned(),
        timer: request.order_id.to_string(),
        due_ms: due_ms(store.now_ms().await?, note.pause_ms),
        note: JsonText::of(&note)?,
        as_read: None,
    });
    batch.checkpoint(delivery.checkpoint.clone());
    store.append(batch.into_append()).await.map_err(Failure::Append)?;
    timers.news.notify_one();
    Ok(())
}

/// What is to be written now that a timer is due: what the gateway says has become of the payment, or that it is asked
/// again later.
pub(crate) async fn judge(
    store: Store,
    cards: Arc<dyn PaymentGateway>,
    timer: Timer,
) -> Result<AppendBuilder, Failure> {
    let Note { payment_id, cause, pause_ms } = timer.note.parse()?;
    let mut batch = batch_about(&timer, Some(cause));
    let stream = streams::payment(payment_id);
    let (payment, version) = aggregates::load::<PaymentEvent>(&store, &stream).await?;
    let Payment::AuthenticationRequired { request, intent, .. } = &payment else {
        batch.timer(timer.fired());
        return Ok(batch);
    };
    match outcome(payment_id, cards.find(intent, request.amount).await) {
        Some(outcome) => {
            batch.add(stream, version, &payment::decide(&payment, outcome)?);
            batch.timer(timer.fired());
        }
        None => {
            let pause_ms = (pause_ms + pause_ms / 2).min(ms(LONGEST_PAUSE));
            let note = JsonText::of(&Note { payment_id, cause, pause_ms })?;
            batch.timer(timer.fired_and_set_again(due_ms(store.now_ms().await?, pause_ms), note));
        }
    }
    Ok(batch)
}

/// What is to be recorded of a payment that waited; `None` while it waits.
fn outcome(payment_id: PaymentId, found: Result<Option<Intent>, GatewayError>) -> Option<PaymentCommand> {
    let intent = match found {
        Ok(intent) => intent?,
        Err(error @ GatewayError::Unknown { .. }) => {
            warn!(%payment_id, %error, "it is not known what became of an authentication; asking again");
            return None;
        }
        Err(error @ GatewayError::Contradiction { .. }) => {
            error!(%payment_id, %error, "the card gateway contradicts a payment that waits for its card's owner");
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

fn due_ms(now_ms: i64, pause_ms: u64) -> i64 {
    now_ms.saturating_add(i64::try_from(pause_ms).unwrap_or(i64::MAX / 2))
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
