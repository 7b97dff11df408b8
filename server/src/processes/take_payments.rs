//! Carries out `payment.requested` and `payment.refund_requested` at the card gateway, and cancels there what was
//! declined or cancelled. Payments from a wallet belong to `pay_from_wallets`; a payment of nothing, or without
//! money, needs no gateway.
//!
//! The gateway is first asked to create an intent, under a key made from the event's id; that moves no money. Only
//! when the intent's name is in the log is it confirmed, under a key of its own. So there is one charge, whatever
//! answer is lost and however often this program is killed. An attempt without an answer is recorded and repeated,
//! and only the gateway's answer makes a payment declined. What the gateway contradicts (such as another amount) is
//! parked for an operator.
//!
//! Every intent ends: one that was declined or is no longer wanted is cancelled at the gateway. Money that was
//! captured all the same is recorded, and the checkout refunds it.
//!
//! The gateway keeps a key for a day. A payment whose intent is not known after that is not requested again. An older
//! refund is first looked for in the gateway's list, and requested again only where the list proves that there is
//! none. A refund that the gateway works on for days is recorded as pending, and `ask_about_pending_refunds` follows
//! it from then on.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::{Money, OrderId, PaymentId, PaymentMethod, RefundId, Timestamp};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::payment::{self, Payment, PaymentCommand, PaymentEvent, PaymentRequest, RefundState};
use storefront_eventlog::{Recorded, Version};

use crate::backoff::Backoff;
use crate::clock;
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::{CancelOutcome, CardIntent, Charge, CreateOutcome, IntentStatus, Refusal};
use crate::integrations::card_refunds::{Refund, RefundOutcome};
use crate::integrations::ports::PaymentGateway;
use crate::payments::CARD_PAYMENTS;
use crate::payments::refunds;
use crate::payments::refunds::GatewaySyncError;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{Cause, Store};
use crate::store::commands::{Failure, execute};
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    name: CARD_PAYMENTS,
    types: &["payment.requested", "payment.declined", "payment.cancelled", "payment.refund_requested"],
};

/// Time during which a request is repeated under its key. The gateway keeps keys for at least 24 hours (Stripe's API
/// reference, "Idempotent requests"); one hour is left for clock differences and slow answers.
const KEY_LIFE_MS: i64 = 23 * 60 * 60 * 1000;

/// Maximum number of attempts without an answer that are recorded in the log; later ones are only repeated.
const MAX_RECORDED_ATTEMPTS: u32 = 20;

/// Pauses between attempts: 0.25 s, doubling to 30 s, with jitter.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));

/// Handles one event. A payment waits for the cardholder's authentication for `reservation_life`, as long as the
/// goods are reserved.
pub(crate) async fn handle(
    store: Store,
    cards: Arc<dyn PaymentGateway>,
    reservation_life: Duration,
    delivery: Delivery,
) -> Result<(), HandlerError> {
    let recorded = &delivery.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let work =
        CardPayment { store: &store, cards: &*cards, recorded, payment_id, reservation_life, delivery: &delivery };
    match aggregates::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::Requested { amount, method, .. } => match (method, amount.amount > 0) {
            (PaymentMethod::Card { .. }, true) => work.charge().await,
            (PaymentMethod::Wallet, true) => Ok(()),
            (PaymentMethod::None, true)
            | (PaymentMethod::Card { .. } | PaymentMethod::Wallet | PaymentMethod::None, false) => {
                work.record_free_payment().await
            }
        },
        PaymentEvent::Declined { .. } | PaymentEvent::Cancelled => work.cancel_intent().await,
        PaymentEvent::RefundRequested { refund_id, amount, reason } => work.refund(refund_id, amount, reason).await,
        _ => Ok(()),
    }
}

/// One event of a card payment.
struct CardPayment<'a> {
    store: &'a Store,
    cards: &'a dyn PaymentGateway,
    recorded: &'a Recorded,
    payment_id: PaymentId,
    reservation_life: Duration,
    delivery: &'a Delivery,
}

/// Returns whether a refund has still to be requested, as far as the log shows.
fn is_refund_open(payment: &Payment, refund_id: RefundId) -> bool {
    payment.refund(refund_id).is_some_and(|refund| refund.state == RefundState::Open)
}

/// Returns whether a request may be repeated under the key of an intent: only while the gateway certainly keeps the
/// key.
fn may_ask_again(intended_at: Timestamp, now: Timestamp) -> bool {
    now.unix_ms() - intended_at.unix_ms() < KEY_LIFE_MS
}

impl CardPayment<'_> {
    /// Records the success of a payment of nothing, or without money.
    async fn record_free_payment(&self) -> Result<(), HandlerError> {
        if !self.load().await?.is_pending() {
            return Ok(());
        }
        Ok(self.record(&PaymentCommand::RecordSuccess { reference: "none".to_owned() }, true).await?)
    }

    async fn charge(&self) -> Result<(), HandlerError> {
        let payment = self.load().await?;
        let Payment::Requested { request, intent, attempts } = &*payment else { return Ok(()) };
        let intent_at_gateway = match intent {
            Some(reference) => CardIntent { reference: reference.clone(), status: IntentStatus::RequiresConfirmation },
            None => {
                self.check_age("a payment")?;
                match self.cards.create(&self.charge_request(request)).await {
                    Ok(CreateOutcome::Created(intent)) => intent,
                    Ok(CreateOutcome::Refused(refusal)) => return self.decline(refusal).await,
                    Err(error) => return self.record_no_answer(attempts + 1, error).await,
                }
            }
        };
        if intent.is_none() {
            let reference = intent_at_gateway.reference.clone();
            self.record(&PaymentCommand::RecordIntent { reference }, false).await?;
            // Cancelled meanwhile: it is not confirmed, and the next event cancels the intent.
            if !matches!(*self.load().await?, Payment::Requested { .. }) {
                return Ok(());
            }
        }
        let confirmed = match intent_at_gateway.status {
            IntentStatus::RequiresConfirmation => {
                let key = format!("{}-confirm", self.key());
                self.cards.confirm(&intent_at_gateway.reference, request.amount, &key).await
            }
            IntentStatus::RequiresAction { .. }
            | IntentStatus::Processing
            | IntentStatus::Succeeded
            | IntentStatus::Declined(_)
            | IntentStatus::Cancelled => Ok(intent_at_gateway),
        };
        match confirmed {
            Ok(intent) => self.record_outcome(request.order_id, intent, attempts + 1).await,
            Err(error) => self.record_no_answer(attempts + 1, error).await,
        }
    }

    /// The request that creates the intent.
    fn charge_request(&self, request: &PaymentRequest) -> Charge {
        let token = match &request.method {
            PaymentMethod::Card { token } => token.clone(),
            PaymentMethod::Wallet | PaymentMethod::None => String::new(),
        };
        let PaymentRequest { order_id, amount, .. } = *request;
        Charge { amount, token, order_id, payment_id: self.payment_id, key: self.key() }
    }

    /// Records the outcome of a payment that was confirmed.
    async fn record_outcome(&self, order_id: OrderId, intent: CardIntent, attempt: u32) -> Result<(), HandlerError> {
        let CardIntent { reference, status } = intent;
        let outcome = match status {
            IntentStatus::Succeeded => PaymentCommand::RecordSuccess { reference },
            IntentStatus::RequiresAction { url } => {
                let expires_at = self.reservation_ends_at(order_id).await?;
                PaymentCommand::RecordAuthenticationRequired { reference, url, expires_at }
            }
            IntentStatus::Declined(refusal) => return self.decline(refusal).await,
            IntentStatus::Cancelled => return self.decline(Refusal::cancelled()).await,
            IntentStatus::Processing | IntentStatus::RequiresConfirmation => {
                let detail = format!("the gateway is still at work on {reference}");
                return self.record_no_answer(attempt, GatewayError::Unknown { detail }).await;
            }
        };
        Ok(self.record(&outcome, true).await?)
    }

    async fn decline(&self, Refusal { reason, message }: Refusal) -> Result<(), HandlerError> {
        Ok(self.record(&PaymentCommand::RecordDecline { reason, message }, true).await?)
    }

    /// Returns when the reserved goods of an order are released if it is not paid by then.
    async fn reservation_ends_at(&self, order_id: OrderId) -> Result<Timestamp, Failure> {
        let mut reserved_ms = self.recorded.time_ms;
        aggregates::for_each(self.store, &streams::checkout(order_id), |recorded| {
            if matches!(aggregates::decode(recorded)?, CheckoutEvent::StockReserved) {
                reserved_ms = recorded.time_ms;
            }
            Ok(())
        })
        .await?;
        let life_ms = clock::as_ms(self.reservation_life);
        Ok(Timestamp::from_unix_ms(reserved_ms.saturating_add(life_ms)))
    }

    /// Cancels at the gateway what was declined or is no longer wanted, so that nobody can pay it later.
    async fn cancel_intent(&self) -> Result<(), HandlerError> {
        let payment = self.load().await?;
        let (request, reference) = match &*payment {
            Payment::Cancelled { request, intent: Some(reference) }
            | Payment::Declined { request, intent: Some(reference), .. } => (request, Some(reference.clone())),
            Payment::Cancelled { request, intent: None } => (request, self.find_unrecorded_intent(request).await?),
            // Refused before an intent existed; or the money arrived, and the checkout refunds it if the order is
            // over.
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
            Err(error) => Err(self.handler_error(error)),
        }
    }

    /// Returns the intent of a payment that was cancelled before its intent was recorded. After a crash it is unknown
    /// whether the gateway created one; the same request under the same key returns that one and creates no second.
    /// It moves no money, and is cancelled next.
    async fn find_unrecorded_intent(&self, request: &PaymentRequest) -> Result<Option<String>, HandlerError> {
        let first = self.store.read_stream(&self.recorded.stream_name(), Version(1), 1).await.map_err(Failure::from)?;
        let Some(first) = first.first().filter(|_| is_by_card(request)) else { return Ok(None) };
        if !may_ask_again(Timestamp::from_unix_ms(first.time_ms), clock::now()) {
            return Ok(None);
        }
        let charge = Charge { key: key_of(first), ..self.charge_request(request) };
        match self.cards.create(&charge).await {
            Ok(CreateOutcome::Created(CardIntent { reference, .. })) => {
                self.record(&PaymentCommand::RecordIntent { reference: reference.clone() }, false).await?;
                Ok(Some(reference))
            }
            Ok(CreateOutcome::Refused(_)) => Ok(None),
            Err(error) => Err(self.handler_error(error)),
        }
    }

    /// Maps a gateway error: without an answer it is retried, a contradiction is permanent.
    fn handler_error(&self, error: GatewayError) -> HandlerError {
        match error {
            GatewayError::Unknown { detail } => {
                HandlerError::Unavailable { detail, pause: BACKOFF.pause(self.delivery.attempt) }
            }
            GatewayError::Contradiction { detail } => HandlerError::Permanent(detail),
        }
    }

    async fn refund(&self, recorded_id: Option<RefundId>, amount: Money, reason: String) -> Result<(), HandlerError> {
        let Some(refund_id) = refunds::resolve_id(self.store, self.recorded, recorded_id).await? else { return Ok(()) };
        let payment = self.load().await?;
        if !is_refund_open(&payment, refund_id) {
            return Ok(());
        }
        let Some(reference) = payment.reference().map(str::to_owned) else { return Ok(()) };
        // A payment without money is refunded without money.
        let outcome = match payment.request().map(|request| &request.method) {
            Some(PaymentMethod::Card { .. }) => {
                if !self.may_ask_again() {
                    self.sync_old_refund(&reference).await?;
                    if !is_refund_open(&*self.load().await?, refund_id) {
                        return Ok(());
                    }
                    if recorded_id.is_none() {
                        // The list does not identify a refund that was requested before refunds had ids.
                        self.check_age("a refund")?;
                    }
                }
                let ids = recorded_id.map(|refund_id| (self.payment_id, refund_id));
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
                // The money may have been refunded at the gateway itself. That must be recorded before this refund
                // ends.
                match refunds::sync_from_gateway(self.store, self.cards, self.payment_id, &reference).await {
                    Ok(_) => {}
                    Err(GatewaySyncError::Gateway(error)) => return Err(self.handler_error(error)),
                    Err(GatewaySyncError::Failed(failure)) => return Err(failure.into()),
                }
                if !is_refund_open(&*self.load().await?, refund_id) {
                    return Ok(());
                }
                PaymentCommand::RecordRefundFailure { refund_id, reference: None, detail }
            }
            Err(error) => return Err(self.handler_error(error)),
        };
        Ok(self.record(&outcome, true).await?)
    }

    /// Reads the gateway's list because the key of a refund is too old to repeat the request: the list shows whether
    /// the refund was made.
    async fn sync_old_refund(&self, reference: &str) -> Result<(), HandlerError> {
        match refunds::sync_from_gateway(self.store, self.cards, self.payment_id, reference).await {
            Ok(_) => Ok(()),
            Err(GatewaySyncError::Gateway(error)) => Err(HandlerError::Permanent(format!(
                "a refund has had no answer for 23 hours, and the card gateway does not say whether it made it ({error}): \
                 retry when it answers again; skip to give the refund up",
            ))),
            Err(GatewaySyncError::Failed(failure)) => Err(failure.into()),
        }
    }

    /// Records an attempt without an answer, and returns the error that retries it after a pause.
    async fn record_no_answer(&self, attempt: u32, error: GatewayError) -> Result<(), HandlerError> {
        let detail = match error {
            GatewayError::Unknown { detail } => detail,
            GatewayError::Contradiction { detail } => return Err(HandlerError::Permanent(detail)),
        };
        let pause = BACKOFF.pause(attempt);
        if attempt <= MAX_RECORDED_ATTEMPTS {
            let pause_ms = clock::as_ms(pause);
            let next_attempt_at = Timestamp::from_unix_ms(clock::now().unix_ms() + pause_ms);
            let detail = detail.clone();
            self.record(&PaymentCommand::RecordUnknown { attempt, detail, next_attempt_at }, false).await?;
        }
        Err(HandlerError::Unavailable { detail, pause })
    }

    async fn record(&self, command: &PaymentCommand, finishes: bool) -> Result<(), Failure> {
        let stream = streams::payment(self.payment_id);
        let cause = Cause::event(self.recorded, SUBSCRIPTION.name);
        let checkpoint = finishes.then_some(&self.delivery.checkpoint);
        let decide = |payment: &Payment| payment::decide(payment, command.clone());
        execute(self.store, &stream, &cause, checkpoint, decide).await?;
        Ok(())
    }

    async fn load(&self) -> Result<Arc<Payment>, Failure> {
        Ok(aggregates::load::<PaymentEvent>(self.store, &streams::payment(self.payment_id)).await?.0)
    }

    /// Returns whether the gateway certainly keeps the key of this event.
    fn may_ask_again(&self) -> bool {
        may_ask_again(Timestamp::from_unix_ms(self.recorded.time_ms), clock::now())
    }

    /// Fails permanently when the gateway may have forgotten the key of this event.
    fn check_age(&self, what: &str) -> Result<(), HandlerError> {
        if self.may_ask_again() {
            return Ok(());
        }
        Err(HandlerError::Permanent(format!(
            "{what} has had no answer for 23 hours and is not asked for again, as that could move the money twice: look \
             up {} at the card gateway",
            self.key()
        )))
    }

    /// The idempotency key of this event.
    fn key(&self) -> String {
        key_of(self.recorded)
    }
}

fn key_of(recorded: &Recorded) -> String {
    format!("storefront-{}", recorded.id)
}

/// Returns whether the payment goes through the gateway.
fn is_by_card(request: &PaymentRequest) -> bool {
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
