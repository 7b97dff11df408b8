//! Payment intents of the simulated card gateway: created, confirmed, authenticated by the cardholder or not,
//! cancelled.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::{Money, OrderId, PaymentId};
use storefront_domain::payment::PaymentEvent;
use storefront_eventlog::Version;

use super::coverage::Coverage;
use super::gateway::{Gateway, GatewayState, unknown};
use super::points;
use super::rng_clock;
use super::script::{EXTERNAL_DELAY, OwnerAnswer};
use super::world::{World, lock};
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::{CancelOutcome, CardIntent, Charge, CreateOutcome, IntentStatus, Refusal};
use crate::integrations::card_webhooks::GatewayEvent;
use crate::store::{aggregates, streams};

/// A card that is declined.
pub(super) const DECLINED: &str = "pm_card_visa_chargeDeclined";
/// A card with a slow confirmation.
pub(super) const SLOW: &str = "pm_card_slow";
/// A card that is charged.
pub(super) const GOOD: &str = "pm_card_visa";
/// A card that requires authentication.
pub(super) const NEEDS_AUTHENTICATION: &str = "pm_card_authenticationRequired";
/// Time for which the gateway delays its answer at most.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(super) struct Charged {
    pub(super) reference: String,
    pub(super) order_id: OrderId,
    pub(super) payment_id: PaymentId,
    pub(super) amount: Money,
    pub(super) token: String,
    pub(super) state: IntentState,
    /// Whether it was confirmed.
    pub(super) confirmed: bool,
}

/// The state of a payment intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntentState {
    Created,
    Processing,
    AwaitsAuthentication,
    Paid,
    Refused,
    Cancelled,
}

impl IntentState {
    /// Whether the state is final.
    pub(super) fn has_ended(self) -> bool {
        matches!(self, Self::Paid | Self::Cancelled)
    }
}

impl Charged {
    fn intent(&self) -> CardIntent {
        let status = match self.state {
            IntentState::Created => IntentStatus::RequiresConfirmation,
            IntentState::Processing => IntentStatus::Processing,
            IntentState::AwaitsAuthentication => {
                IntentStatus::RequiresAction { url: format!("https://bank.example/{}", self.reference) }
            }
            IntentState::Paid => IntentStatus::Succeeded,
            IntentState::Refused => IntentStatus::Declined(refusal()),
            IntentState::Cancelled => IntentStatus::Cancelled,
        };
        CardIntent { reference: self.reference.clone(), status }
    }
}

fn refusal() -> Refusal {
    Refusal { reason: "generic_decline".to_owned(), message: "Declined.".to_owned() }
}

impl GatewayState {
    fn place(&self, reference: &str) -> Option<usize> {
        self.charges.iter().position(|charged| charged.reference == reference)
    }
}

impl Gateway {
    pub(super) async fn create_intent(&self, charge: &Charge) -> Result<CreateOutcome, GatewayError> {
        self.before(points::BEFORE_CREATE).await?;
        let intent = self.0.world.create_intent(charge);
        self.after(points::AFTER_CREATE).await?;
        Ok(CreateOutcome::Created(intent))
    }

    pub(super) async fn confirm_intent(&self, reference: &str) -> Result<CardIntent, GatewayError> {
        let world = &self.0.world;
        self.before(points::BEFORE_CONFIRM).await?;
        let index = world.gateway().place(reference).ok_or_else(|| unknown("there is no such intent"))?;
        if let Some(work) = world.begin(index) {
            tokio::spawn(world.clone().finish(index, work));
            // A little longer than the processing, so that the outcome is known.
            rng_clock::sleep((work + Duration::from_millis(1)).min(GATEWAY_TIMEOUT)).await;
        }
        let charged = world.gateway().charges[index].clone();
        if let Err(lost) = self.after(points::AFTER_CONFIRM).await {
            if charged.state == IntentState::Paid {
                rng_clock::mark(Coverage::PaidButAnswerLost);
            }
            return Err(lost);
        }
        Ok(charged.intent())
    }

    pub(super) async fn find_intent(&self, reference: &str) -> Result<Option<CardIntent>, GatewayError> {
        self.before(points::BEFORE_FIND).await?;
        let found = {
            let gateway = self.0.world.gateway();
            gateway.place(reference).map(|index| gateway.charges[index].intent())
        };
        self.0.world.release_held_webhooks().await;
        Ok(found)
    }

    pub(super) async fn cancel_intent(&self, reference: &str) -> Result<CancelOutcome, GatewayError> {
        self.before(points::BEFORE_CANCEL).await?;
        let outcome = self.0.world.cancel_intent(reference)?;
        self.after(points::AFTER_CANCEL).await?;
        Ok(outcome)
    }
}

impl World {
    /// Whether the log has the intent of a payment.
    fn log_names(&self, charged: &Charged) -> bool {
        let events = self.log.stream(&streams::payment(charged.payment_id), Version(1), usize::MAX);
        events.iter().any(|recorded| {
            let event = aggregates::decode::<PaymentEvent>(recorded);
            matches!(event, Ok(PaymentEvent::IntentCreated { reference }) if reference == charged.reference)
        })
    }

    fn create_intent(self: &Arc<Self>, charge: &Charge) -> CardIntent {
        let mut gateway = self.gateway();
        if let Some(known) = gateway.charge_keys.get(&charge.key) {
            return gateway.charges[*known].intent();
        }
        let index = gateway.charges.len();
        let reference = format!("pi_new_{index}");
        rng_clock::trace(|| format!("the gateway keeps {reference} over {} under {}", charge.amount, charge.key));
        let charged = Charged {
            reference: reference.clone(),
            order_id: charge.order_id,
            payment_id: charge.payment_id,
            amount: charge.amount,
            token: charge.token.clone(),
            state: IntentState::Created,
            confirmed: false,
        };
        gateway.charge_keys.insert(charge.key.clone(), index);
        gateway.charges.push(charged.clone());
        drop(gateway);
        rng_clock::mark_change();
        self.send_webhook(charge.payment_id, GatewayEvent::Created { reference });
        charged.intent()
    }

    /// Starts the processing of a new intent; returns its duration.
    fn begin(&self, index: usize) -> Option<Duration> {
        let mut gateway = self.gateway();
        let charged = &mut gateway.charges[index];
        if charged.state != IntentState::Created {
            return None;
        }
        if !self.log_names(charged) {
            let breach = format!("{} was confirmed before its name was in the log", charged.reference);
            lock(&self.breaches).push(breach);
        }
        (charged.state, charged.confirmed) = (IntentState::Processing, true);
        rng_clock::mark_change();
        let slow = charged.token == SLOW;
        Some(Duration::from_millis(if slow { rng_clock::between(1000..60_000) } else { rng_clock::between(0..800) }))
    }

    async fn finish(self: Arc<Self>, index: usize, work: Duration) {
        rng_clock::sleep(work).await;
        let token = self.gateway().charges[index].token.clone();
        match token.as_str() {
            DECLINED => self.end_intent(index, IntentState::Refused),
            NEEDS_AUTHENTICATION => {
                let payment_id = {
                    let mut gateway = self.gateway();
                    gateway.charges[index].state = IntentState::AwaitsAuthentication;
                    gateway.charges[index].payment_id
                };
                rng_clock::mark_change();
                rng_clock::trace(|| "the bank wants to hear from the card's owner".to_owned());
                self.send_webhook(
                    payment_id,
                    GatewayEvent::Other { kind: "payment_intent.requires_action".to_owned() },
                );
                tokio::spawn(self.answer_authentication(index));
            }
            _ => self.end_intent(index, IntentState::Paid),
        }
    }

    /// The cardholder answers the bank after a while: authenticated, failed, or never.
    async fn answer_authentication(self: Arc<Self>, index: usize) {
        let answer = match &self.script {
            Some(script) => {
                rng_clock::sleep(EXTERNAL_DELAY).await;
                script.owner
            }
            None => {
                let long = rng_clock::random_below(4) == 0;
                let takes = if long { rng_clock::between(0..1_200_000) } else { rng_clock::between(0..30_000) };
                rng_clock::sleep(Duration::from_millis(takes)).await;
                match rng_clock::random_below(8) {
                    0 => OwnerAnswer::Never,
                    1 | 2 => OwnerAnswer::Fails,
                    _ => OwnerAnswer::Passes,
                }
            }
        };
        if self.gateway().charges[index].state != IntentState::AwaitsAuthentication {
            rng_clock::mark(Coverage::AuthenticationTooLate);
            return;
        }
        match answer {
            OwnerAnswer::Never => rng_clock::mark(Coverage::AuthenticationGivenUp),
            OwnerAnswer::Fails => {
                rng_clock::mark(Coverage::AuthenticationFailed);
                self.end_intent(index, IntentState::Refused);
            }
            OwnerAnswer::Passes => {
                rng_clock::mark(Coverage::AuthenticationPassed);
                self.end_intent(index, IntentState::Paid);
            }
        }
    }

    fn cancel_intent(self: &Arc<Self>, reference: &str) -> Result<CancelOutcome, GatewayError> {
        let Some(index) = self.gateway().place(reference) else { return Ok(CancelOutcome::NotFound) };
        let state = self.gateway().charges[index].state;
        match state {
            IntentState::Processing => Err(unknown("the gateway is at work, and cannot give up")),
            IntentState::Paid => Ok(CancelOutcome::AlreadySucceeded),
            IntentState::Cancelled => Ok(CancelOutcome::Cancelled),
            IntentState::Created | IntentState::AwaitsAuthentication | IntentState::Refused => {
                rng_clock::mark(Coverage::IntentCancelled);
                self.end_intent(index, IntentState::Cancelled);
                Ok(CancelOutcome::Cancelled)
            }
        }
    }

    /// Whether an intent awaits authentication: the shop is not idle then, even if nothing happens for long.
    pub(super) fn awaits_authentication(&self) -> bool {
        self.gateway().charges.iter().any(|charged| charged.state == IntentState::AwaitsAuthentication)
    }

    /// Cancels an intent at the gateway itself.
    pub(super) fn cancel_at_the_gateway(self: &Arc<Self>) {
        let waits = |charged: &Charged| charged.state == IntentState::AwaitsAuthentication;
        let Some(index) = self.gateway().charges.iter().position(waits) else { return };
        rng_clock::mark(Coverage::GivenUpAtTheGateway);
        self.end_intent(index, IntentState::Cancelled);
    }

    fn end_intent(self: &Arc<Self>, index: usize, state: IntentState) {
        let charged = {
            let mut gateway = self.gateway();
            gateway.charges[index].state = state;
            gateway.charges[index].clone()
        };
        rng_clock::mark_change();
        let Charged { reference, payment_id, amount, .. } = charged;
        rng_clock::trace(|| format!("the gateway has {reference} over {amount}: {state:?}"));
        let event = match state {
            IntentState::Paid => {
                GatewayEvent::Succeeded { reference, amount: amount.amount, currency: amount.currency.to_string() }
            }
            IntentState::Refused => {
                let Refusal { reason, message } = refusal();
                GatewayEvent::Declined { reference, reason, message }
            }
            IntentState::Cancelled => GatewayEvent::Cancelled { reference },
            IntentState::Created | IntentState::Processing | IntentState::AwaitsAuthentication => return,
        };
        self.send_webhook(payment_id, event);
    }

    /// Sends a webhook with a valid signature and wrong content: another amount, currency, intent or payment. It must
    /// not change anything.
    pub(super) fn send_wrong_webhook(self: &Arc<Self>) {
        let charges = self.gateway().charges.clone();
        if charges.is_empty() {
            return;
        }
        let Charged { reference, payment_id, amount, .. } = rng_clock::pick(&charges);
        let (amount, currency) = (amount.amount, amount.currency.to_string());
        let (payment_id, event) = match rng_clock::random_below(5) {
            0 => (payment_id, GatewayEvent::Succeeded { reference, amount: amount + 1, currency }),
            1 => (payment_id, GatewayEvent::Succeeded { reference, amount, currency: "usd".to_owned() }),
            2 => (PaymentId(crate::random::id()), GatewayEvent::Succeeded { reference, amount, currency }),
            3 => {
                let (reference, Refusal { reason, message }) = ("pi_of_others".to_owned(), refusal());
                (payment_id, GatewayEvent::Declined { reference, reason, message })
            }
            _ => (payment_id, GatewayEvent::Cancelled { reference: "pi_of_others".to_owned() }),
        };
        rng_clock::mark(Coverage::WrongWebhook);
        self.send_webhook(payment_id, event);
    }
}
