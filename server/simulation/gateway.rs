//! The simulated card gateway, whose state is the reference for what was charged and refunded. [`super::intents`] has
//! its payment intents, [`super::gateway_refunds`] its refunds and disputes, [`super::notices`] its webhooks.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use storefront_api::{Money, PaymentId, RefundId, Timestamp};
use storefront_domain::payment::{DisputeOutcome, DisputeState, RefundProgress};

use super::intents::{Charged, IntentState};
use super::points;
use super::rng_clock;
use super::server::{Failed, Server};
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::card_intents::{CancelOutcome, CardIntent, Charge, CreateOutcome};
use crate::integrations::card_refunds::{Refund, RefundOutcome};
use crate::integrations::gateway_lists::{ListedCharge, ListedCharges, ListedDispute, ListedRefund};
use crate::integrations::ports::PaymentGateway;

/// The state of the card gateway.
#[derive(Default)]
pub(super) struct GatewayState {
    pub(super) charges: Vec<Charged>,
    pub(super) refunds: Vec<Refunded>,
    pub(super) disputes: Vec<Disputed>,
    pub(super) charge_keys: BTreeMap<String, usize>,
    pub(super) refund_keys: BTreeMap<String, usize>,
    pub(super) closed: bool,
}

/// A refund at the gateway.
#[derive(Clone, Debug)]
pub(super) struct Refunded {
    pub(super) reference: String,
    pub(super) charge: String,
    pub(super) amount: Money,
    /// The id that the shop gave it; `None` for one that was made at the gateway or by an earlier version.
    pub(super) refund_id: Option<RefundId>,
    /// The reason that the shop gave.
    pub(super) reason: Option<String>,
    /// The first answer, which is repeated under the same key.
    pub(super) first: RefundProgress,
    pub(super) progress: RefundProgress,
}

/// A dispute of a charge.
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

    /// The answer to a request with its key.
    pub(super) fn outcome(&self) -> RefundOutcome {
        // A pending refund is read again.
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

impl GatewayState {
    /// The charged amount less refunds and disputes, in minor units.
    pub(super) fn kept(&self, charged: &Charged) -> i64 {
        let of_charge = |charge: &str| charge == charged.reference;
        let back = self.refunds.iter().filter(|refund| of_charge(&refund.charge) && !refund.has_failed());
        let held = self.disputes.iter().filter(|dispute| of_charge(&dispute.charge) && dispute.holds_money());
        let gone = back.map(|refund| refund.amount.amount).chain(held.map(|dispute| dispute.amount.amount));
        if charged.state == IntentState::Paid { charged.amount.amount - gone.sum::<i64>() } else { 0 }
    }

    /// Records a charge of a recorded history.
    pub(super) fn record_charge(&mut self, key: &str, charged: Charged) {
        self.charge_keys.insert(key.to_owned(), self.charges.len());
        self.charges.push(charged);
    }

    /// Records a refund of a recorded history.
    pub(super) fn record_refund(&mut self, key: &str, payment: PaymentId, amount: Money, reference: String) {
        let charged =
            self.charges.iter().find(|charged| charged.payment_id == payment && charged.state == IntentState::Paid);
        let charge = charged.expect("what is refunded was charged").reference.clone();
        self.refund_keys.insert(key.to_owned(), self.refunds.len());
        let done = RefundProgress::Succeeded;
        let (refund_id, reason) = (None, None);
        let (first, progress) = (done.clone(), done);
        self.refunds.push(Refunded { reference, charge, amount, refund_id, reason, first, progress });
    }
}

/// The connection of one server to the card gateway.
pub(super) struct Gateway(pub(super) Arc<Server>);

pub(super) fn unknown(detail: &str) -> GatewayError {
    GatewayError::Unknown { detail: detail.to_owned() }
}

impl Gateway {
    pub(super) async fn before(&self, place: &'static str) -> Result<(), GatewayError> {
        let trouble = rng_clock::card_gateway_failures();
        self.0.point(place, trouble).await.map_err(|Failed| unknown("the connection was refused"))?;
        if self.0.world.gateway().closed { Err(unknown("the gateway is closed")) } else { Ok(()) }
    }

    /// The effect stays, whether the answer arrives or not.
    pub(super) async fn after(&self, place: &'static str) -> Result<(), GatewayError> {
        self.0.world.release_held_webhooks().await;
        let trouble = rng_clock::fault_plan().outside_lost;
        self.0.point(place, trouble).await.map_err(|Failed| unknown("the answer is lost"))
    }
}

#[async_trait]
impl PaymentGateway for Gateway {
    async fn create(&self, charge: &Charge) -> Result<CreateOutcome, GatewayError> {
        self.create_intent(charge).await
    }

    async fn confirm(&self, reference: &str, _amount: Money, _key: &str) -> Result<CardIntent, GatewayError> {
        self.confirm_intent(reference).await
    }

    async fn find(&self, reference: &str, _amount: Money) -> Result<Option<CardIntent>, GatewayError> {
        self.find_intent(reference).await
    }

    async fn cancel(&self, reference: &str) -> Result<CancelOutcome, GatewayError> {
        self.cancel_intent(reference).await
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError> {
        self.before(points::BEFORE_REFUND).await?;
        let outcome = self.0.world.refund_once(refund);
        self.after(points::AFTER_REFUND).await?;
        Ok(outcome)
    }

    async fn find_refund(&self, reference: &str) -> Result<Option<ListedRefund>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let listed = {
            let gateway = self.0.world.gateway();
            gateway.refunds.iter().find(|refund| refund.reference == reference).map(Refunded::listed)
        };
        self.0.world.release_held_webhooks().await;
        Ok(listed)
    }

    async fn list_refunds(&self, payment_reference: &str) -> Result<Vec<ListedRefund>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let gateway = self.0.world.gateway();
        let of_payment = gateway.refunds.iter().rev().filter(|refund| refund.charge == payment_reference);
        Ok(of_payment.map(Refunded::listed).collect())
    }

    async fn list_disputes(&self, payment_reference: &str) -> Result<Vec<ListedDispute>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let gateway = self.0.world.gateway();
        let of_payment = gateway.disputes.iter().rev().filter(|dispute| dispute.charge == payment_reference);
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
        let gateway = self.0.world.gateway();
        Ok(gateway.charges.iter().find(|charged| charged.reference == reference).map(|charged| charged.payment_id))
    }
}
