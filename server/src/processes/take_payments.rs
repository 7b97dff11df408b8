//! Payments: carries out `payment.requested` and `payment.refund_requested` at the card gateway, and gives up there what was
//! declined or cancelled. What is to be paid from a wallet is for `pay_from_wallets`; what costs nothing, or is paid without
//! money, needs no gateway.
//!
//! The gateway is first asked to keep an intent, under a key made from the event's id, which moves no money. Only when its
//! name stands in the log is it confirmed, under a key of its own. So whatever answer is lost and however often this program
//! is killed, there is one charge; an attempt without an answer is recorded and asked again; and only the gateway's
//! own word ever makes a payment declined. What the gateway contradicts (another amount) is parked for a person to look at.
//!
//! Every intent ends: one that was declined, or that nobody wants any more, is cancelled at the gateway. Money that was
//! captured all the same is recorded, and the checkout gives it back.
//!
//! The gateway keeps a key for a day. An intent whose name is not known after that is not asked for again.
//! A refund that is older is looked for in the gateway's list first, and asked for again only where the list proves that there
//! is none. One that the gateway works on for days is noted as pending, and is none of this process's business from then on:
//! see `ask_about_pending_refunds`.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::{Money, OrderId, PaymentId, PaymentMethod, RefundId, Timestamp};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::payment::{self, Payment, PaymentCommand, PaymentEvent, RefundState, Request};
use storefront_eventlog::{Recorded, Version};

use crate::backoff;
use crate::clock;
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::{CancelOutcome, Charge, CreateOutcome, Intent, IntentStatus, Refusal};
use crate::integrations::card_refunds::{Refund, RefundOutcome};
use crate::integrations::ports::PaymentGateway;
use crate::payments::CARD_PAYMENTS;
use crate::payments::refunds;
use crate::payments::refunds::LearnError;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retrying};
use crate::store::streams;

/// What the payments listen to.
pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    name: CARD_PAYMENTS,
    types: &["payment.requested", "payment.declined", "payment.cancelled", "payment.refund_requested"],
};

/// For so long a question is repeated under its key. The gateway keeps keys for at least 24 hours (Stripe's API
/// reference, "Idempotent requests"); an hour is left for clocks that differ and answers that take their time.
const KEY_LIFE_MS: i64 = 23 * 60 * 60 * 1000;

/// So many lost answers are recorded in the log; later ones are asked again without a further word.
const RECORDED_ATTEMPTS: u32 = 20;

/// The pauses between attempts: 0.25 s, doubling to 30 s, with jitter.
const PAUSES: backoff::Backoff = backoff::Backoff::new(Duration::from_millis(250), Duration::from_secs(30));

/// Handles one event. An order waits for its card's owner for as long as its goods are kept, which is `reservation_life`.
pub(crate) async fn handle(
    store: Store,
    cards: Arc<dyn PaymentGateway>,
    reservation_life: Duration,
    delivery: Delivery,
) -> Result<(), HandlerError> {
    let recorded = &delivery.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let work = Work { store: &store, cards: &*cards, recorded, payment_id, reservation_life, delivery: &delivery };
    match aggregates::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::Requested { amount, method, .. } => match (method, amount.amount > 0) {
            (PaymentMethod::Card { .. }, true) => work.charge().await,
            (PaymentMethod::Wallet, true) => Ok(()),
            (PaymentMethod::None, true)
            | (PaymentMethod::Card { .. } | PaymentMethod::Wallet | PaymentMethod::None, false) => {
                work.take_nothing().await
            }
        },
        PaymentEvent::Declined { .. } | PaymentEvent::Cancelled => work.give_up().await,
        PaymentEvent::RefundRequested { refund_id, amount, reason } => work.refund(refund_id, amount, reason).await,
        PaymentEvent::IntentCreated { .. }
        | PaymentEvent::AuthenticationRequired { .. }
        | PaymentEvent::Succeeded { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::OutcomeUnknown { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundFound { .. }
        | PaymentEvent::Refunded { .. }
        | PaymentEvent::RefundFailed { .. }
        | PaymentEvent::Disputed { .. }
        | PaymentEvent::DisputeFundsWithdrawn { .. }
        | PaymentEvent::DisputeClosed { .. } => Ok(()),
    }
}

struct Work<'a> {
    store: &'a Store,
    cards: &'a dyn PaymentGateway,
    recorded: &'a Recorded,
    payment_id: PaymentId,
    reservation_life: Duration,
    delivery: &'a Delivery,
}

/// Whether a refund has yet to be asked for at the gateway, as far as is known.
fn is_to_be_made(payment: &Payment, refund_id: RefundId) -> bool {
    payment.refund(refund_id).is_some_and(|refund| refund.state == RefundState::Open)
}

/// Whether the gateway may be asked under the key of an intent: only while it surely knows what came of the first time.
fn may_ask_again(intended_at: Timestamp, now: Timestamp) -> bool {
    now.unix_ms() - intended_at.unix_ms() < KEY_LIFE_MS
}

impl Work<'_> {
    /// There is nothing to pay, or it is paid without money.
    async fn take_nothing(&self) -> Result<(), HandlerError> {
        if !self.load().await?.is_pending() {
            return Ok(());
        }
        Ok(self.record(&PaymentCommand::RecordSuccess { reference: "none".to_owned() }, true).await?)
    }

    async fn charge(&self) -> Result<(), HandlerError> {
        let payment = self.load().await?;
        let Payment::Requested { request, intent, attempts } = &payment else { return Ok(()) };
        let kept = match intent {
            Some(reference) => Intent { reference: reference.clone(), status: IntentStatus::RequiresConfirmation },
            None => {
                self.check_age("a payment")?;
                match self.cards.create(&self.wish(request)).await {
                    Ok(CreateOutcome::Created(intent)) => intent,
                    Ok(CreateOutcome::Refused(refusal)) => return self.decline(refusal).await,
                    Err(error) => return self.no_answer(attempts + 1, error).await,
                }
            }
        };
        if intent.is_none() {
            let reference = kept.reference.clone();
            self.record(&PaymentCommand::RecordIntent { reference }, false).await?;
            // Given up meanwhile: then it is not confirmed, and what was created is cancelled in a moment.
            if !matches!(self.load().await?, Payment::Requested { .. }) {
                return Ok(());
            }
        }
        let confirmed = match kept.status {
            IntentStatus::RequiresConfirmation => {
                let key = format!("{}-confirm", self.key());
                self.cards.confirm(&kept.reference, request.amount, &key).await
            }
            IntentStatus::RequiresAction { .. }
            | IntentStatus::Processing
            | IntentStatus::Succeeded
            | IntentStatus::Declined(_)
            | IntentStatus::Cancelled => Ok(kept),
        };
        match confirmed {
            Ok(intent) => self.take_outcome(request.order_id, intent, attempts + 1).await,
            Err(error) => self.no_answer(attempts + 1, error).await,
        }
    }

    /// What the gateway is asked to keep.
    fn wish(&self, request: &Request) -> Charge {
        let token = match &request.method {
            PaymentMethod::Card { token } => token.clone(),
            PaymentMethod::Wallet | PaymentMethod::None => String::new(),
        };
        let Request { order_id, amount, .. } = *request;
        Charge { amount, token, order_id, payment_id: self.payment_id, key: self.key() }
    }

    /// Records what the gateway says of a payment that was confirmed.
    async fn take_outcome(&self, order_id: OrderId, intent: Intent, attempt: u32) -> Result<(), HandlerError> {
        let Intent { reference, status } = intent;
        let outcome = match status {
            IntentStatus::Succeeded => PaymentCommand::RecordSuccess { reference },
            IntentStatus::RequiresAction { url } => {
                let expires_at = self.given_back_at(order_id).await?;
                PaymentCommand::RecordAuthenticationRequired { reference, url, expires_at }
            }
            IntentStatus::Declined(refusal) => return self.decline(refusal).await,
            IntentStatus::Cancelled => return self.decline(Refusal::cancelled()).await,
            IntentStatus::Processing | IntentStatus::RequiresConfirmation => {
                let detail = format!("the gateway is still at work on {reference}");
                return self.no_answer(attempt, GatewayError::Unknown { detail }).await;
            }
        };
        Ok(self.record(&outcome, true).await?)
    }

    async fn decline(&self, Refusal { reason, message }: Refusal) -> Result<(), HandlerError> {
        Ok(self.record(&PaymentCommand::RecordDecline { reason, message }, true).await?)
    }

    /// When the goods of an order are given back if it is not paid by then.
    async fn given_back_at(&self, order_id: OrderId) -> Result<Timestamp, Failure> {
        let mut reserved_ms = self.recorded.time_ms;
        aggregates::for_each(self.store, &streams::checkout(order_id), |recorded| {
            if matches!(aggregates::decode(recorded)?, CheckoutEvent::StockReserved) {
                reserved_ms = recorded.time_ms;
            }
            Ok(())
        })
        .await?;
        let life_ms = i64::try_from(self.reservation_life.as_millis()).unwrap_or(i64::MAX / 2);
        Ok(Timestamp::from_unix_ms(reserved_ms.saturating_add(life_ms)))
    }

    /// Ends at the gateway what was declined or is no longer wanted, so that nobody can pay it later.
    async fn give_up(&self) -> Result<(), HandlerError> {
        let payment = self.load().await?;
        let (request, reference) = match &payment {
            Payment::Cancelled { request, intent: Some(reference) }
            | Payment::Declined { request, intent: Some(reference), .. } => (request, Some(reference.clone())),
            Payment::Cancelled { request, intent: None } => (request, self.find_out(request).await?),
            // Refused before the gateway kept anything; or the money came in, and is given back if nobody wants it.
            Payment::Declined { intent: None, .. }
            | Payment::Succeeded { .. }
            | Payment::Requested { .. }
            | Payment::AuthenticationRequired { .. }
            | Payment::Unknown => return Ok(()),
        };
        let Some(reference) = reference.filter(|_| is_by_card(request)) else { return Ok(()) };
        match self.cards.cancel(&reference).await {
            Ok(CancelOutcome::Cancelled | CancelOutcome::NotFound) => Ok(()),
            Ok(CancelOutcome::AlreadySucceeded) => {
                Ok(self.record(&PaymentCommand::RecordSuccess { reference }, true).await?)
            }
            Err(error) => Err(self.away(error)),
        }
    }

    /// The gateway's name for a payment that was given up before it was known. Whether the gateway was ever asked to keep
    /// an intent cannot be told after a crash; asked once more under the same key it keeps that one and no other. It moves
    /// no money, and is cancelled next.
    async fn find_out(&self, request: &Request) -> Result<Option<String>, HandlerError> {
        let first = self.store.read_stream(&self.recorded.stream_name(), Version(1), 1).await.map_err(Failure::from)?;
        let Some(first) = first.first().filter(|_| is_by_card(request)) else { return Ok(None) };
        if !may_ask_again(Timestamp::from_unix_ms(first.time_ms), clock::now()) {
            return Ok(None);
        }
        let wish = Charge { key: key_of(first), ..self.wish(request) };
        match self.cards.create(&wish).await {
            Ok(CreateOutcome::Created(Intent { reference, .. })) => {
                self.record(&PaymentCommand::RecordIntent { reference: reference.clone() }, false).await?;
                Ok(Some(reference))
            }
            Ok(CreateOutcome::Refused(_)) => Ok(None),
            Err(error) => Err(self.away(error)),
        }
    }

    /// Nobody knows what became of it: ask again, unless that does not help.
    fn away(&self, error: GatewayError) -> HandlerError {
        match error {
            GatewayError::Unknown { detail } => {
                HandlerError::Away { detail, pause: PAUSES.pause(self.delivery.attempt) }
            }
            GatewayError::Contradiction { detail } => HandlerError::Hopeless(detail),
        }
    }

    async fn refund(&self, said: Option<RefundId>, amount: Money, reason: String) -> Result<(), HandlerError> {
        let Some(refund_id) = refunds::id_of(self.store, self.recorded, said).await? else { return Ok(()) };
        let payment = self.load().await?;
        if !is_to_be_made(&payment, refund_id) {
            return Ok(());
        }
        let Some(reference) = payment.reference().map(str::to_owned) else { return Ok(()) };
        // What was paid without money goes back without money.
        let outcome = match payment.request().map(|request| &request.method) {
            Some(PaymentMethod::Card { .. }) => {
                if !self.may_ask_again() {
                    self.learn_whether_it_was_made(&reference).await?;
                    if !is_to_be_made(&self.load().await?, refund_id) {
                        return Ok(());
                    }
                    if said.is_none() {
                        // One that was asked for before refunds had ids cannot be told from another by the list.
                        self.check_age("a refund")?;
                    }
                }
                let ids = said.map(|refund_id| (self.payment_id, refund_id));
                let refund = Refund { reference: reference.clone(), amount, key: self.key(), reason, ids };
                self.cards.refund(&refund).await
            }
            Some(PaymentMethod::None) | None => Ok(RefundOutcome::Succeeded { reference: self.key() }),
            Some(PaymentMethod::Wallet) => return Ok(()),
        };
        let outcome = match outcome {
            Ok(RefundOutcome::Succeeded { reference }) => PaymentCommand::RecordRefund { refund_id, reference },
            Ok(RefundOutcome::Pending { reference }) => PaymentCommand::RecordRefundPending { refund_id, reference },
            Ok(RefundOutcome::Failed { reference, detail }) => {
                PaymentCommand::RecordRefundFailure { refund_id, reference: Some(reference), detail }
            }
            Ok(RefundOutcome::Refused { detail }) => {
                // Perhaps the money went back already, by another hand: the books must say so before this refund ends.
                match refunds::learn(self.store, self.cards, self.payment_id, &reference).await {
                    Ok(_) => {}
                    Err(LearnError::Gateway(error)) => return Err(self.away(error)),
                    Err(LearnError::Failed(failure)) => return Err(failure.into()),
                }
                if !is_to_be_made(&self.load().await?, refund_id) {
                    return Ok(());
                }
                PaymentCommand::RecordRefundFailure { refund_id, reference: None, detail }
            }
            Err(error) => return Err(self.away(error)),
        };
        Ok(self.record(&outcome, true).await?)
    }

    /// The key of a refund is too old to be used without a look; the gateway's list tells whether the refund was made, and
    /// proves that it was not.
    async fn learn_whether_it_was_made(&self, reference: &str) -> Result<(), HandlerError> {
        match refunds::learn(self.store, self.cards, self.payment_id, reference).await {
            Ok(_) => Ok(()),
            Err(LearnError::Gateway(error)) => Err(HandlerError::Hopeless(format!(
                "a refund has had no answer for 23 hours, and the card gateway does not say whether it made it ({error}): \
                 retry when it answers again; skip to give the refund up",
            ))),
            Err(LearnError::Failed(failure)) => Err(failure.into()),
        }
    }

    /// Records an attempt without an answer; the next one is due after a pause.
    async fn no_answer(&self, attempt: u32, error: GatewayError) -> Result<(), HandlerError> {
        let detail = match error {
            GatewayError::Unknown { detail } => detail,
            GatewayError::Contradiction { detail } => return Err(HandlerError::Hopeless(detail)),
        };
        let pause = PAUSES.pause(attempt);
        if attempt <= RECORDED_ATTEMPTS {
            let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2);
            let next_attempt_at = Timestamp::from_unix_ms(clock::now().unix_ms() + pause_ms);
            let detail = detail.clone();
            self.record(&PaymentCommand::RecordUnknown { attempt, detail, next_attempt_at }, false).await?;
        }
        Err(HandlerError::Away { detail, pause })
    }

    async fn record(&self, command: &PaymentCommand, finishes: bool) -> Result<(), Failure> {
        let stream = streams::payment(self.payment_id);
        retrying(|| async {
            let (payment, version) = aggregates::load::<PaymentEvent>(self.store, &stream).await?;
            let events = payment::decide(&payment, command.clone())?;
            let mut batch = AppendBuilder::new(clock::now(), Cause::event(self.recorded, SUBSCRIPTION.name));
            batch.add(stream.clone(), version, &events);
            if batch.is_empty() {
                return Ok(());
            }
            if finishes {
                batch.checkpoint(self.delivery.checkpoint.clone());
            }
            self.store.append(batch.into_append()).await.map_err(Failure::Append)?;
            Ok(())
        })
        .await
    }

    async fn load(&self) -> Result<Payment, Failure> {
        Ok(aggregates::load::<PaymentEvent>(self.store, &streams::payment(self.payment_id)).await?.0)
    }

    /// Whether the gateway surely knows the key still.
    fn may_ask_again(&self) -> bool {
        may_ask_again(Timestamp::from_unix_ms(self.recorded.time_ms), clock::now())
    }

    /// Refuses to ask the gateway about something that it may have forgotten.
    fn check_age(&self, what: &str) -> Result<(), HandlerError> {
        if self.may_ask_again() {
            return Ok(());
        }
        Err(HandlerError::Hopeless(format!(
            "{what} has had no answer for 23 hours and is not asked for again, as that could move the money twice: look \
             up {} at the card gateway",
            self.key()
        )))
    }

    /// One key for one event, for ever.
    fn key(&self) -> String {
        key_of(self.recorded)
    }
}

fn key_of(recorded: &Recorded) -> String {
    format!("storefront-{}", recorded.id)
}

/// Whether the gateway has to do with it at all.
fn is_by_card(request: &Request) -> bool {
    matches!(request.method, PaymentMethod::Card { .. }) && request.amount.amount > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_asked_again_only_while_it_surely_remembers_the_first_time() {
        let intended_at = Timestamp::from_unix_ms(1_772_366_400_000);
        let after_ms = |ms: i64| may_ask_again(intended_at, Timestamp::from_unix_ms(intended_at.unix_ms() + ms));
        let hour_ms = 60 * 60 * 1000;
        assert!(after_ms(0));
        assert!(after_ms(23 * hour_ms - 1));
        assert!(!after_ms(23 * hour_ms));
        assert!(!after_ms(400 * hour_ms));
        assert!(after_ms(-hour_ms), "a clock that was set back is no reason to give up");
    }
}
