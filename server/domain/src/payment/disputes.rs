//! Disputes: the cardholder claims the money back from the bank, and the gateway withdraws it from the shop.

use storefront_api::Money;

use super::{Payment, PaymentError, PaymentEvent};

/// A dispute of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Id of the dispute at the gateway.
    pub dispute: String,
    /// How much of the payment.
    pub amount: Money,
    /// Machine-readable reason.
    pub reason: String,
    /// Present state.
    pub state: DisputeState,
}

/// How far a dispute has come. It only ever moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeState {
    /// The bank inquires; the shop has the money.
    Open,
    /// The bank has taken the money until the dispute is decided.
    Withdrawn,
    /// It is decided.
    Closed(DisputeOutcome),
}

/// For whom a dispute was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeOutcome {
    /// Decided for the shop, which has the money. Also an inquiry that ended without a dispute.
    Won,
    /// Decided for the cardholder, who has the money.
    Lost,
}

impl Dispute {
    /// Whether it is still to be decided.
    pub fn is_open(&self) -> bool {
        matches!(self.state, DisputeState::Open | DisputeState::Withdrawn)
    }

    /// Whether the shop does not have the money now.
    pub fn holds_money(&self) -> bool {
        matches!(self.state, DisputeState::Withdrawn | DisputeState::Closed(DisputeOutcome::Lost))
    }
}

pub(super) fn record(
    payment: &Payment,
    dispute: String,
    amount: Money,
    reason: String,
    state: DisputeState,
) -> Result<Vec<PaymentEvent>, PaymentError> {
    let Payment::Succeeded { request, disputes, .. } = payment else {
        return Err(if *payment == Payment::Unknown { PaymentError::NotFound } else { PaymentError::NotPaid });
    };
    if amount.currency != request.amount.currency || amount.amount <= 0 {
        return Err(PaymentError::OtherOutcome);
    }
    let known = disputes.iter().find(|known| known.dispute == dispute).map(|known| known.state);
    if matches!(known, Some(DisputeState::Closed(_))) || known.is_some_and(|known| known >= state) {
        return Ok(vec![]);
    }
    let mut events = Vec::new();
    if known.is_none() {
        events.push(PaymentEvent::Disputed { dispute: dispute.clone(), amount, reason });
    }
    match state {
        DisputeState::Open => {}
        DisputeState::Withdrawn => events.push(PaymentEvent::DisputeFundsWithdrawn { dispute }),
        DisputeState::Closed(outcome) => events.push(PaymentEvent::DisputeClosed { dispute, outcome }),
    }
    Ok(events)
}

/// The disputes after an event. An event that does not fit changes nothing.
pub(super) fn after(mut disputes: Vec<Dispute>, amount_paid: Money, event: &PaymentEvent) -> Vec<Dispute> {
    let advance = |disputes: &mut Vec<Dispute>, named: &str, state| {
        let open = disputes.iter_mut().find(|known| known.dispute == named && known.is_open());
        if let Some(known) = open.filter(|known| known.state < state) {
            known.state = state;
        }
    };
    match event {
        PaymentEvent::Disputed { dispute, amount, reason } => {
            let is_known = disputes.iter().any(|known| known.dispute == *dispute);
            if !is_known && amount.currency == amount_paid.currency && amount.amount > 0 {
                let (dispute, reason) = (dispute.clone(), reason.clone());
                disputes.push(Dispute { dispute, amount: *amount, reason, state: DisputeState::Open });
            }
        }
        PaymentEvent::DisputeFundsWithdrawn { dispute } => advance(&mut disputes, dispute, DisputeState::Withdrawn),
        PaymentEvent::DisputeClosed { dispute, outcome } => {
            advance(&mut disputes, dispute, DisputeState::Closed(*outcome));
        }
        PaymentEvent::Requested { .. }
        | PaymentEvent::IntentCreated { .. }
        | PaymentEvent::AuthenticationRequired { .. }
        | PaymentEvent::Succeeded { .. }
        | PaymentEvent::Declined { .. }
        | PaymentEvent::Found { .. }
        | PaymentEvent::OutcomeUnknown { .. }
        | PaymentEvent::Cancelled
        | PaymentEvent::RefundRequested { .. }
        | PaymentEvent::RefundPending { .. }
        | PaymentEvent::RefundFound { .. }
        | PaymentEvent::Refunded { .. }
        | PaymentEvent::RefundFailed { .. } => {}
    }
    disputes
}
