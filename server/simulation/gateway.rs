//! The simulated card gateway: what it did is what counts, whatever the shop believes. Its intents stand in
//! [`super::intents`], its refunds and disputes in [`super::gateway_refunds`], its notices in [`super::notices`].

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use storefront_api::{Money, PaymentId, RefundId, Timestamp};
use storefront_domain::payment::{DisputeOutcome, DisputeState, RefundProgress};

use super::intents::{Charged, Stands};
use super::points;
use super::rng_clock;
use super::server::{Failed, Server};
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::{CancelOutcome, CardIntent, Charge, CreateOutcome};
use crate::integrations::card_refunds::{Refund, RefundOutcome};
use crate::integrations::gateway_lists::{ListedCharge, ListedCharges, ListedDispute, ListedRefund};
use crate::integrations::ports::PaymentGateway;

/// What the card gateway knows.
#[derive(Default)]
pub(super) struct Bank {
    pub(super) charges: Vec<Charged>,
    pub(super) refunds: Vec<Refunded>,
    pub(super) disputes: Vec<Disputed>,
    pub(super) charge_keys: BTreeMap<String, usize>,
    pub(super) refund_keys: BTreeMap<String, usize>,
    pub(super) closed: bool,
}

/// Money that goes back.
#[derive(Clone, Debug)]
pub(super) struct Refunded {
    pub(super) reference: String,
    pub(super) charge: String,
    pub(super) amount: Money,
    /// The id under which the shop asked for it; `None` for one that was made at the gateway, or of old.
    pub(super) refund_id: Option<RefundId>,
    /// Why, as the shop said.
    pub(super) reason: Option<String>,
    /// What was answered first, and is answered under the same key for ever.
    pub(super) first: RefundProgress,
    pub(super) progress: RefundProgress,
}

/// A charge that its cardholder disputes.
#[derive(Clone, Debug)]
pub(super) struct Disputed {
    pub(super) reference: String,
    pub(super) charge: String,
    pub(super) amount: Money,
    pub(super) state: DisputeState,
}

impl Refunded {
    fn listed(&self) -> ListedRefund {
        ListedRefund {
            reference: self.reference.clone(),
            amount: self.amount,
            refund_id: self.refund_id,
            reason: self.reason.clone(),
            progress: self.progress.clone(),
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.progress, RefundProgress::Failed { .. })
    }

    /// What is answered to whoever asks for it under its key.
    pub(super) fn outcome(&self) -> RefundOutcome {
        // One that is pending is looked at once more.
        let told = if self.first == RefundProgress::Pending { &self.progress } else { &self.first };
        let reference = self.reference.clone();
        match told.clone() {
            RefundProgress::Pending => RefundOutcome::Pending { reference },
            RefundProgress::Succeeded => RefundOutcome::Succeeded { reference },
            RefundProgress::Failed { detail } => RefundOutcome::Failed { reference, detail },
        }
    }
}

impl Disputed {
    pub(super) fn holds_money(&self) -> bool {
        matches!(self.state, DisputeState::Withdrawn | DisputeState::Closed(DisputeOutcome::Lost))
    }
}

impl Bank {
    /// What has been taken with a charge and not been given back, in minor units.
    pub(super) fn kept(&self, charged: &Charged) -> i64 {
        let of_charge = |charge: &str| charge == charged.reference;
        let back = self.refunds.iter().filter(|refund| of_charge(&refund.charge) && !refund.has_failed());
        let held = self.disputes.iter().filter(|dispute| of_charge(&dispute.charge) && dispute.holds_money());
        let gone = back.map(|refund| refund.amount.amount).chain(held.map(|dispute| dispute.amount.amount));
        if charged.stands == Stands::Paid { charged.amount.amount - gone.sum::<i64>() } else { 0 }
    }

    /// Takes in a charge of old.
    pub(super) fn remembers(&mut self, key: &str, charged: Charged) {
        self.charge_keys.insert(key.to_owned(), self.charges.len());
        self.charges.push(charged);
    }

    /// Takes in a refund of old.
    pub(super) fn remembers_refund(&mut self, key: &str, payment: PaymentId, amount: Money, reference: String) {
        let charged =
            self.charges.iter().find(|charged| charged.payment_id == payment && charged.stands == Stands::Paid);
        let charge = charged.expect("what is refunded was charged").reference.clone();
        self.refund_keys.insert(key.to_owned(), self.refunds.len());
        let done = RefundProgress::Succeeded;
        let (refund_id, reason) = (None, None);
        let (first, progress) = (done.clone(), done);
        self.refunds.push(Refunded { reference, charge, amount, refund_id, reason, first, progress });
    }
}

/// The card gateway, as one server reaches it.
pub(super) struct Gateway(pub(super) Arc<Server>);

pub(super) fn unknown(detail: &str) -> GatewayError {
    GatewayError::Unknown { detail: detail.to_owned() }
}

impl Gateway {
    pub(super) async fn before(&self, place: &'static str) -> Result<(), GatewayError> {
        let trouble = rng_clock::climate().outside_fails;
        self.0.point(place, trouble).await.map_err(|Failed| unknown("the connection was refused"))?;
        if self.0.world.bank().closed { Err(unknown("the gateway is closed")) } else { Ok(()) }
    }

    /// What was done is done; whether that is heard is another matter.
    pub(super) async fn after(&self, place: &'static str) -> Result<(), GatewayError> {
        self.0.world.answers().await;
        let trouble = rng_clock::climate().outside_lost;
        self.0.point(place, trouble).await.map_err(|Failed| unknown("the answer is lost"))
    }
}

#[async_trait]
impl PaymentGateway for Gateway {
    async fn create(&self, charge: &Charge) -> Result<CreateOutcome, GatewayError> {
        self.creates(charge).await
    }

    async fn confirm(&self, reference: &str, _amount: Money, _key: &str) -> Result<CardIntent, GatewayError> {
        self.confirms(reference).await
    }

    async fn find(&self, reference: &str, _amount: Money) -> Result<Option<CardIntent>, GatewayError> {
        self.finds(reference).await
    }

    async fn cancel(&self, reference: &str) -> Result<CancelOutcome, GatewayError> {
        self.cancels(reference).await
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError> {
        self.before(points::BEFORE_REFUND).await?;
        let outcome = self.0.world.refunds(refund);
        self.after(points::AFTER_REFUND).await?;
        Ok(outcome)
    }

    async fn find_refund(&self, reference: &str) -> Result<Option<ListedRefund>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let listed = {
            let bank = self.0.world.bank();
            bank.refunds.iter().find(|refund| refund.reference == reference).map(Refunded::listed)
        };
        self.0.world.answers().await;
        Ok(listed)
    }

    async fn list_refunds(&self, payment_reference: &str) -> Result<Vec<ListedRefund>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let bank = self.0.world.bank();
        let of_payment = bank.refunds.iter().rev().filter(|refund| refund.charge == payment_reference);
        Ok(of_payment.map(Refunded::listed).collect())
    }

    async fn list_disputes(&self, payment_reference: &str) -> Result<Vec<ListedDispute>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let bank = self.0.world.bank();
        let of_payment = bank.disputes.iter().rev().filter(|dispute| dispute.charge == payment_reference);
        let listed = of_payment.map(|Disputed { reference, amount, state, .. }| ListedDispute {
            reference: reference.clone(),
            amount: *amount,
            reason: "fraudulent".to_owned(),
            state: *state,
        });
        Ok(listed.collect())
    }

    // No simulated operator compares the gateway with the log.
    async fn list_charges(&self, _since: Timestamp) -> Result<ListedCharges, GatewayError> {
        Err(unknown("the simulated gateway lists no charges"))
    }

    async fn find_charge(&self, _payment_reference: &str) -> Result<Option<ListedCharge>, GatewayError> {
        Err(unknown("the simulated gateway lists no charges"))
    }

    async fn payment_of(&self, reference: &str) -> Result<Option<PaymentId>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let bank = self.0.world.bank();
        Ok(bank.charges.iter().find(|charged| charged.reference == reference).map(|charged| charged.payment_id))
    }
}
