//! Payment intents as the simulated card gateway keeps them: created, confirmed, authenticated by the card's owner or not,
//! cancelled. What became of each counts, whatever the shop believes.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::{Money, OrderId, PaymentId};
use storefront_domain::payment::PaymentEvent;
use storefront_eventlog::Version;

use super::coverage::Coverage;
use super::gateway::{Bank, Gateway, unknown};
use super::points;
use super::rng_clock;
use super::script::{EXTERNAL_DELAY, OwnerAnswer};
use super::world::{World, lock};
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::{CancelOutcome, CardIntent, Charge, CreateOutcome, IntentStatus, Refusal};
use crate::integrations::card_webhooks::GatewayEvent;
use crate::store::{aggregates, streams};

/// A card that is refused.
pub(super) const DECLINED: &str = "pm_card_visa_chargeDeclined";
/// A card at which the gateway works for a while.
pub(super) const SLOW: &str = "pm_card_slow";
/// A card that is good.
pub(super) const GOOD: &str = "pm_card_visa";
/// A card whose bank wants to hear from its owner.
pub(super) const ASKS: &str = "pm_card_authenticationRequired";
/// How long the shop waits for the gateway.
const PATIENCE: Duration = Duration::from_secs(10);

/// A card that is to pay, or was.
#[derive(Clone, Debug)]
pub(super) struct Charged {
    pub(super) reference: String,
    pub(super) order_id: OrderId,
    pub(super) payment_id: PaymentId,
    pub(super) amount: Money,
    pub(super) token: String,
    pub(super) stands: Stands,
    /// Whether anybody has said go.
    pub(super) confirmed: bool,
}

/// Where it stands at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    Created,
    AtWork,
    AsksTheOwner,
    Paid,
    Refused,
    Cancelled,
}

impl Stands {
    /// Nothing can become of it any more.
    pub(super) fn has_ended(self) -> bool {
        matches!(self, Self::Paid | Self::Cancelled)
    }
}

impl Charged {
    fn intent(&self) -> CardIntent {
        let status = match self.stands {
            Stands::Created => IntentStatus::RequiresConfirmation,
            Stands::AtWork => IntentStatus::Processing,
            Stands::AsksTheOwner => {
                IntentStatus::RequiresAction { url: format!("https://bank.example/{}", self.reference) }
            }
            Stands::Paid => IntentStatus::Succeeded,
            Stands::Refused => IntentStatus::Declined(refusal()),
            Stands::Cancelled => IntentStatus::Cancelled,
        };
        CardIntent { reference: self.reference.clone(), status }
    }
}

fn refusal() -> Refusal {
    Refusal { reason: "generic_decline".to_owned(), message: "Declined.".to_owned() }
}

impl Bank {
    fn place(&self, reference: &str) -> Option<usize> {
        self.charges.iter().position(|charged| charged.reference == reference)
    }
}

impl Gateway {
    pub(super) async fn creates(&self, charge: &Charge) -> Result<CreateOutcome, GatewayError> {
        self.before(points::BEFORE_CREATE).await?;
        let intent = self.0.world.creates(charge);
        self.after(points::AFTER_CREATE).await?;
        Ok(CreateOutcome::Created(intent))
    }

    pub(super) async fn confirms(&self, reference: &str) -> Result<CardIntent, GatewayError> {
        let world = &self.0.world;
        self.before(points::BEFORE_CONFIRM).await?;
        let index = world.bank().place(reference).ok_or_else(|| unknown("there is no such intent"))?;
        if let Some(work) = world.begins(index) {
            tokio::spawn(world.clone().finishes(index, work));
            // A little longer than the work, so that the outcome is there.
            rng_clock::pass((work + Duration::from_millis(1)).min(PATIENCE)).await;
        }
        let charged = world.bank().charges[index].clone();
        if let Err(lost) = self.after(points::AFTER_CONFIRM).await {
            if charged.stands == Stands::Paid {
                rng_clock::mark(Coverage::PaidButAnswerLost);
            }
            return Err(lost);
        }
        Ok(charged.intent())
    }

    pub(super) async fn finds(&self, reference: &str) -> Result<Option<CardIntent>, GatewayError> {
        self.before(points::BEFORE_FIND).await?;
        let found = {
            let bank = self.0.world.bank();
            bank.place(reference).map(|index| bank.charges[index].intent())
        };
        self.0.world.answers().await;
        Ok(found)
    }

    pub(super) async fn cancels(&self, reference: &str) -> Result<CancelOutcome, GatewayError> {
        self.before(points::BEFORE_CANCEL).await?;
        let outcome = self.0.world.cancels(reference)?;
        self.after(points::AFTER_CANCEL).await?;
        Ok(outcome)
    }
}

impl World {
    /// Whether the log names an intent as the one of its payment.
    fn log_names(&self, charged: &Charged) -> bool {
        let events = self.log.stream(&streams::payment(charged.payment_id), Version(1), usize::MAX);
        events.iter().any(|recorded| {
            let event = aggregates::decode::<PaymentEvent>(recorded);
            matches!(event, Ok(PaymentEvent::IntentCreated { reference }) if reference == charged.reference)
        })
    }

    fn creates(self: &Arc<Self>, charge: &Charge) -> CardIntent {
        let mut bank = self.bank();
        if let Some(known) = bank.charge_keys.get(&charge.key) {
            return bank.charges[*known].intent();
        }
        let index = bank.charges.len();
        let reference = format!("pi_new_{index}");
        rng_clock::tell(|| format!("the gateway keeps {reference} over {} under {}", charge.amount, charge.key));
        let charged = Charged {
            reference: reference.clone(),
            order_id: charge.order_id,
            payment_id: charge.payment_id,
            amount: charge.amount,
            token: charge.token.clone(),
            stands: Stands::Created,
            confirmed: false,
        };
        bank.charge_keys.insert(charge.key.clone(), index);
        bank.charges.push(charged.clone());
        drop(bank);
        rng_clock::changes();
        self.sends_news(charge.payment_id, GatewayEvent::Created { reference });
        charged.intent()
    }

    /// Begins to work if nobody has said go before; answers for how long.
    fn begins(&self, index: usize) -> Option<Duration> {
        let mut bank = self.bank();
        let charged = &mut bank.charges[index];
        if charged.stands != Stands::Created {
            return None;
        }
        if !self.log_names(charged) {
            let breach = format!("{} was confirmed before its name was in the log", charged.reference);
            lock(&self.breaches).push(breach);
        }
        (charged.stands, charged.confirmed) = (Stands::AtWork, true);
        rng_clock::changes();
        let slow = charged.token == SLOW;
        Some(Duration::from_millis(if slow { rng_clock::between(1000..60_000) } else { rng_clock::between(0..800) }))
    }

    async fn finishes(self: Arc<Self>, index: usize, work: Duration) {
        rng_clock::pass(work).await;
        let token = self.bank().charges[index].token.clone();
        match token.as_str() {
            DECLINED => self.ends(index, Stands::Refused),
            ASKS => {
                let payment_id = {
                    let mut bank = self.bank();
                    bank.charges[index].stands = Stands::AsksTheOwner;
                    bank.charges[index].payment_id
                };
                rng_clock::changes();
                rng_clock::tell(|| "the bank wants to hear from the card's owner".to_owned());
                self.sends_news(payment_id, GatewayEvent::Other { kind: "payment_intent.requires_action".to_owned() });
                tokio::spawn(self.hears_from_the_owner(index));
            }
            _ => self.ends(index, Stands::Paid),
        }
    }

    /// The card's owner answers the bank after a while: well, badly, or never.
    async fn hears_from_the_owner(self: Arc<Self>, index: usize) {
        let answer = match &self.script {
            Some(script) => {
                rng_clock::pass(EXTERNAL_DELAY).await;
                script.owner
            }
            None => {
                let long = rng_clock::one_of(4) == 0;
                let takes = if long { rng_clock::between(0..1_200_000) } else { rng_clock::between(0..30_000) };
                rng_clock::pass(Duration::from_millis(takes)).await;
                match rng_clock::one_of(8) {
                    0 => OwnerAnswer::Never,
                    1 | 2 => OwnerAnswer::Fails,
                    _ => OwnerAnswer::Passes,
                }
            }
        };
        if self.bank().charges[index].stands != Stands::AsksTheOwner {
            rng_clock::mark(Coverage::AuthenticationTooLate);
            return;
        }
        match answer {
            OwnerAnswer::Never => rng_clock::mark(Coverage::AuthenticationGivenUp),
            OwnerAnswer::Fails => {
                rng_clock::mark(Coverage::AuthenticationFailed);
                self.ends(index, Stands::Refused);
            }
            OwnerAnswer::Passes => {
                rng_clock::mark(Coverage::AuthenticationPassed);
                self.ends(index, Stands::Paid);
            }
        }
    }

    fn cancels(self: &Arc<Self>, reference: &str) -> Result<CancelOutcome, GatewayError> {
        let Some(index) = self.bank().place(reference) else { return Ok(CancelOutcome::NotFound) };
        let stands = self.bank().charges[index].stands;
        match stands {
            Stands::AtWork => Err(unknown("the gateway is at work, and cannot give up")),
            Stands::Paid => Ok(CancelOutcome::AlreadySucceeded),
            Stands::Cancelled => Ok(CancelOutcome::Cancelled),
            Stands::Created | Stands::AsksTheOwner | Stands::Refused => {
                rng_clock::mark(Coverage::IntentCancelled);
                self.ends(index, Stands::Cancelled);
                Ok(CancelOutcome::Cancelled)
            }
        }
    }

    /// Whether a bank waits for a card's owner: the shop has not come to rest then, however long it is still.
    pub(super) fn a_bank_waits(&self) -> bool {
        self.bank().charges.iter().any(|charged| charged.stands == Stands::AsksTheOwner)
    }

    /// Somebody gives an intent up at the gateway itself.
    pub(super) fn gives_up_at_the_gateway(self: &Arc<Self>) {
        let waits = |charged: &Charged| charged.stands == Stands::AsksTheOwner;
        let Some(index) = self.bank().charges.iter().position(waits) else { return };
        rng_clock::mark(Coverage::GivenUpAtTheGateway);
        self.ends(index, Stands::Cancelled);
    }

    fn ends(self: &Arc<Self>, index: usize, stands: Stands) {
        let charged = {
            let mut bank = self.bank();
            bank.charges[index].stands = stands;
            bank.charges[index].clone()
        };
        rng_clock::changes();
        let Charged { reference, payment_id, amount, .. } = charged;
        rng_clock::tell(|| format!("the gateway has {reference} over {amount}: {stands:?}"));
        let event = match stands {
            Stands::Paid => {
                GatewayEvent::Succeeded { reference, amount: amount.amount, currency: amount.currency.to_string() }
            }
            Stands::Refused => {
                let Refusal { reason, message } = refusal();
                GatewayEvent::Declined { reference, reason, message }
            }
            Stands::Cancelled => GatewayEvent::Cancelled { reference },
            Stands::Created | Stands::AtWork | Stands::AsksTheOwner => return,
        };
        self.sends_news(payment_id, event);
    }

    /// Events that are genuine and wrong: of another amount, another currency, another intent, or of somebody else's payment.
    /// None may change anything.
    pub(super) fn sends_wrong_news(self: &Arc<Self>) {
        let charges = self.bank().charges.clone();
        if charges.is_empty() {
            return;
        }
        let Charged { reference, payment_id, amount, .. } = rng_clock::pick(&charges);
        let (amount, currency) = (amount.amount, amount.currency.to_string());
        let (payment_id, event) = match rng_clock::one_of(5) {
            0 => (payment_id, GatewayEvent::Succeeded { reference, amount: amount + 1, currency }),
            1 => (payment_id, GatewayEvent::Succeeded { reference, amount, currency: "usd".to_owned() }),
            2 => (PaymentId(crate::random::id()), GatewayEvent::Succeeded { reference, amount, currency }),
            3 => {
                let (reference, Refusal { reason, message }) = ("pi_of_others".to_owned(), refusal());
                (payment_id, GatewayEvent::Declined { reference, reason, message })
            }
            _ => (payment_id, GatewayEvent::Cancelled { reference: "pi_of_others".to_owned() }),
        };
        rng_clock::mark(Coverage::WrongNews);
        self.sends_news(payment_id, event);
    }
}
