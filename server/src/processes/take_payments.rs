//! Payments: carries out `payment.requested` and `payment.refund_requested` at the card gateway. What is to be paid from
//! a wallet is for `pay_from_wallets`; what costs nothing, or is paid without money, needs no gateway.
//!
//! The gateway is asked under a key made from the intent's event id, and under that key only, however often this program
//! is killed: so there is one charge. An attempt without an answer is recorded and asked again; only the gateway's own
//! word ever makes a payment declined.
//!
//! The gateway keeps a key for a day. A payment that is older is never asked for again, because that could charge twice: it is
//! parked, and stays pending until the gateway tells by itself (a webhook), or a person looks. A refund that is older is
//! looked for in the gateway's list first, and asked for again only where the list proves that there is none.
//!
//! A refund that the gateway works on for days is noted as pending, and is none of this process's business from then on: see
//! `ask_about_pending_refunds`.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::{Money, PaymentId, PaymentMethod, RefundId, Timestamp};
use storefront_domain::payment::{self, Payment, PaymentCommand, PaymentEvent, RefundState};
use storefront_eventlog::Recorded;

use super::patience::Trouble;
use super::runner::{Listener, Turn};
use crate::clock;
use crate::commands::{Failure, retrying};
use crate::integrations::card_gateway::{Charge, ChargeOutcome, GatewayError, Refund, RefundOutcome};
use crate::integrations::outside::Cards;
use crate::integrations::retry;
use crate::refunds::{self, LearnError};
use crate::stored::{self, Batch, Cause, Store};
use crate::streams;

/// What the payments listen to.
pub(crate) const LISTENER: Listener =
    Listener { name: "payments", types: &["payment.requested", "payment.refund_requested"] };

/// For so long a question is repeated under its key. The gateway keeps keys for at least 24 hours (Stripe's API
/// reference, "Idempotent requests"); an hour is left for clocks that differ and answers that take their time.
const KEY_LIFE_MS: i64 = 23 * 60 * 60 * 1000;

/// So many lost answers are recorded in the log; later ones are asked again without a further word.
const RECORDED_ATTEMPTS: u32 = 20;

/// The pauses between attempts: 0.25 s, doubling to 30 s, with jitter.
const PAUSES: retry::Backoff = retry::Backoff::new(Duration::from_millis(250), Duration::from_secs(30));

/// Handles one event.
pub(crate) async fn handle(store: Store, cards: Arc<dyn Cards>, turn: Turn) -> Result<(), Trouble> {
    let recorded = &turn.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let work = Work { store: &store, cards: &*cards, recorded, payment_id, turn: &turn };
    match stored::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::Requested { amount, method, .. } => match (method, amount.amount > 0) {
            (PaymentMethod::Card { token }, true) => work.charge(amount, token).await,
            (PaymentMethod::Wallet, true) => Ok(()),
            (PaymentMethod::None, true)
            | (PaymentMethod::Card { .. } | PaymentMethod::Wallet | PaymentMethod::None, false) => {
                work.take_nothing().await
            }
        },
        PaymentEvent::RefundRequested { refund_id, amount, reason } => work.refund(refund_id, amount, reason).await,
        PaymentEvent::IntentCreated { .. }
        | PaymentEvent::AuthenticationRequired { .. }
        | PaymentEvent::Succeeded { .. }
        | PaymentEvent::Declined { .. }
        | PaymentEvent::OutcomeUnknown { .. }
        | PaymentEvent::Cancelled
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
    cards: &'a dyn Cards,
    recorded: &'a Recorded,
    payment_id: PaymentId,
    turn: &'a Turn,
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
    async fn take_nothing(&self) -> Result<(), Trouble> {
        if !self.load().await?.is_pending() {
            return Ok(());
        }
        Ok(self.record(&PaymentCommand::RecordSuccess { reference: "none".to_owned() }, true).await?)
    }

    async fn charge(&self, amount: Money, token: String) -> Result<(), Trouble> {
        let payment = self.load().await?;
        let Some(order_id) = payment.request().map(|request| request.order_id) else { return Ok(()) };
        if !payment.is_pending() {
            return Ok(());
        }
        self.check_age("a payment")?;
        let (payment_id, key) = (self.payment_id, self.key());
        let outcome = match self.cards.charge(&Charge { amount, token, order_id, payment_id, key }).await {
            Ok(ChargeOutcome::Succeeded { reference }) => PaymentCommand::RecordSuccess { reference },
            Ok(ChargeOutcome::Declined { reason, message }) => PaymentCommand::RecordDecline { reason, message },
            Err(GatewayError::Unknown { detail }) => return self.no_answer(payment.attempts() + 1, detail).await,
        };
        Ok(self.record(&outcome, true).await?)
    }

    async fn refund(&self, said: Option<RefundId>, amount: Money, reason: String) -> Result<(), Trouble> {
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
                    Err(LearnError::Gateway(GatewayError::Unknown { detail })) => return Err(self.away(detail)),
                    Err(LearnError::Failed(failure)) => return Err(failure.into()),
                }
                if !is_to_be_made(&self.load().await?, refund_id) {
                    return Ok(());
                }
                PaymentCommand::RecordRefundFailure { refund_id, reference: None, detail }
            }
            Err(GatewayError::Unknown { detail }) => return Err(self.away(detail)),
        };
        Ok(self.record(&outcome, true).await?)
    }

    /// The key of a refund is too old to be used without a look; the gateway's list tells whether the refund was made, and
    /// proves that it was not.
    async fn learn_whether_it_was_made(&self, reference: &str) -> Result<(), Trouble> {
        match refunds::learn(self.store, self.cards, self.payment_id, reference).await {
            Ok(_) => Ok(()),
            Err(LearnError::Gateway(GatewayError::Unknown { detail })) => Err(Trouble::Hopeless(format!(
                "a refund has had no answer for 23 hours, and the card gateway does not say whether it made it ({detail}): \
                 retry when it answers again; skip to give the refund up",
            ))),
            Err(LearnError::Failed(failure)) => Err(failure.into()),
        }
    }

    fn away(&self, detail: String) -> Trouble {
        Trouble::Away { detail, pause: PAUSES.pause(self.turn.attempt) }
    }

    /// Records an attempt without an answer; the next one is due after a pause.
    async fn no_answer(&self, attempt: u32, detail: String) -> Result<(), Trouble> {
        let pause = PAUSES.pause(attempt);
        if attempt <= RECORDED_ATTEMPTS {
            let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2);
            let next_attempt_at = Timestamp::from_unix_ms(clock::now().unix_ms() + pause_ms);
            let detail = detail.clone();
            self.record(&PaymentCommand::RecordUnknown { attempt, detail, next_attempt_at }, false).await?;
        }
        Err(Trouble::Away { detail, pause })
    }

    async fn record(&self, command: &PaymentCommand, finishes: bool) -> Result<(), Failure> {
        let stream = streams::payment(self.payment_id);
        retrying(|| async {
            let (payment, version) = stored::load::<PaymentEvent>(self.store, &stream).await?;
            let events = payment::decide(&payment, command.clone())?;
            let mut batch = Batch::new(clock::now(), Cause::event(self.recorded, LISTENER.name));
            batch.add(stream.clone(), version, &events);
            if batch.is_empty() {
                return Ok(());
            }
            if finishes {
                batch.checkpoint(self.turn.checkpoint.clone());
            }
            self.store.append(batch.into_append()).await.map_err(Failure::Append)?;
            Ok(())
        })
        .await
    }

    async fn load(&self) -> Result<Payment, Failure> {
        Ok(stored::load::<PaymentEvent>(self.store, &streams::payment(self.payment_id)).await?.0)
    }

    /// Whether the gateway surely knows the key still.
    fn may_ask_again(&self) -> bool {
        may_ask_again(Timestamp::from_unix_ms(self.recorded.time_ms), clock::now())
    }

    /// Refuses to ask the gateway about something that it may have forgotten.
    fn check_age(&self, what: &str) -> Result<(), Trouble> {
        if self.may_ask_again() {
            return Ok(());
        }
        Err(Trouble::Hopeless(format!(
            "{what} has had no answer for 23 hours and is not asked for again, as that could move the money twice: look \
             up {} at the card gateway",
            self.key()
        )))
    }

    /// One key for one intent, for ever.
    fn key(&self) -> String {
        format!("storefront-{}", self.recorded.id)
    }
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
