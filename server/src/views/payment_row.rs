//! What views keep of a payment: enough to fold its next event as the domain does.

use serde::{Deserialize, Serialize};
use storefront_api::{Money, OrderId, PaymentMethod, RefundId, Timestamp};
use storefront_domain::payment::{
    self, Authentication, Dispute, DisputeOutcome, DisputeState, Payment, PaymentEvent, PaymentRequest, Refund,
    RefundState,
};
use uuid::Uuid;

/// A payment as a row keeps it: without the way to pay and without names of the gateway's that tell nothing here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PaymentRow {
    stage: Stage,
    amount: Option<Money>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<RefundRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    disputes: Vec<DisputeRow>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    #[default]
    Unknown,
    Requested,
    AuthenticationRequired,
    Succeeded,
    Declined,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RefundRow {
    id: RefundId,
    amount: Money,
    state: RefundStage,
    reference: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum RefundStage {
    Open,
    Pending,
    Done,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DisputeRow {
    dispute: String,
    amount: Money,
    state: DisputeStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum DisputeStage {
    Open,
    Withdrawn,
    Won,
    Lost,
}

impl PaymentRow {
    /// The row after an event of the payment.
    pub(super) fn after(self, event: &PaymentEvent) -> Self {
        Self::of(&payment::evolve(self.payment(), event))
    }

    /// The payment, as far as the row knows it.
    pub(super) fn payment(&self) -> Payment {
        let Some(amount) = self.amount else { return Payment::Unknown };
        let request = PaymentRequest { order_id: OrderId(Uuid::nil()), amount, method: PaymentMethod::None };
        match self.stage {
            Stage::Unknown => Payment::Unknown,
            Stage::Requested => Payment::Requested { request, intent: None, attempts: 0 },
            Stage::AuthenticationRequired => {
                let authentication = Authentication { url: String::new(), expires_at: Timestamp::from_unix_ms(0) };
                Payment::AuthenticationRequired { request, intent: String::new(), authentication }
            }
            Stage::Declined => {
                Payment::Declined { request, intent: None, reason: String::new(), message: String::new() }
            }
            Stage::Cancelled => Payment::Cancelled { request, intent: None },
            Stage::Succeeded => Payment::Succeeded {
                request,
                reference: String::new(),
                refunds: self.refunds.iter().map(RefundRow::refund).collect(),
                disputes: self.disputes.iter().map(DisputeRow::dispute).collect(),
            },
        }
    }

    fn of(payment: &Payment) -> Self {
        let stage = match payment {
            Payment::Unknown => Stage::Unknown,
            Payment::Requested { .. } => Stage::Requested,
            Payment::AuthenticationRequired { .. } => Stage::AuthenticationRequired,
            Payment::Succeeded { .. } => Stage::Succeeded,
            Payment::Declined { .. } => Stage::Declined,
            Payment::Cancelled { .. } => Stage::Cancelled,
        };
        Self {
            stage,
            amount: payment.request().map(|request| request.amount),
            refunds: payment.refunds().iter().map(RefundRow::of).collect(),
            disputes: payment.disputes().iter().map(DisputeRow::of).collect(),
        }
    }
}

impl RefundRow {
    fn of(refund: &Refund) -> Self {
        let state = match refund.state {
            RefundState::Open => RefundStage::Open,
            RefundState::Pending { .. } => RefundStage::Pending,
            RefundState::Done { .. } => RefundStage::Done,
            RefundState::Failed { .. } => RefundStage::Failed,
        };
        Self { id: refund.id, amount: refund.amount, state, reference: refund.reference().cloned() }
    }

    fn refund(&self) -> Refund {
        let reference = || self.reference.clone().unwrap_or_default();
        let state = match self.state {
            RefundStage::Open => RefundState::Open,
            RefundStage::Pending => RefundState::Pending { reference: reference() },
            RefundStage::Done => RefundState::Done { reference: reference() },
            RefundStage::Failed => RefundState::Failed { reference: self.reference.clone(), detail: String::new() },
        };
        Refund { id: self.id, amount: self.amount, reason: String::new(), is_found: false, state }
    }
}

impl DisputeRow {
    fn of(dispute: &Dispute) -> Self {
        let state = match dispute.state {
            DisputeState::Open => DisputeStage::Open,
            DisputeState::Withdrawn => DisputeStage::Withdrawn,
            DisputeState::Closed(DisputeOutcome::Won) => DisputeStage::Won,
            DisputeState::Closed(DisputeOutcome::Lost) => DisputeStage::Lost,
        };
        Self { dispute: dispute.dispute.clone(), amount: dispute.amount, state }
    }

    fn dispute(&self) -> Dispute {
        let state = match self.state {
            DisputeStage::Open => DisputeState::Open,
            DisputeStage::Withdrawn => DisputeState::Withdrawn,
            DisputeStage::Won => DisputeState::Closed(DisputeOutcome::Won),
            DisputeStage::Lost => DisputeState::Closed(DisputeOutcome::Lost),
        };
        Dispute { dispute: self.dispute.clone(), amount: self.amount, reason: String::new(), state }
    }
}
