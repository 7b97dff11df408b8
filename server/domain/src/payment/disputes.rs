//! Disputes: the cardholder claims the money back from the bank, and the gateway withdraws it from the shop.

use storefront_api::Money;

use super::{Payment, PaymentError, PaymentEvent};

/// A dispute of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Id of the dispute at the gateway.
    pub dispute: String,
    pub amount: Money,
    /// Machine-readable reason, in the words of the gateway.
    pub reason: String,
    pub state: DisputeState,
}

/// The state of a dispute, which only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeState {
    /// The bank inquires; the shop has the money.
    Open,
    /// The bank has taken the money until the dispute is decided.
    Withdrawn,
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
    /// Whether it is not decided yet.
    pub fn is_open(&self) -> bool {
        matches!(self.state, DisputeState::Open | DisputeState::Withdrawn)
    }

    /// Whether the shop does not have the money now.
    pub fn holds_money(&self) -> bool {
        matches!(self.state, DisputeState::Withdrawn | DisputeState::Closed(DisputeOutcome::Lost))
    }
}

/// The events of a report about a dispute; none when the recorded state is as far or further.
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

/// Adds a dispute that has been opened. A known dispute, or one in another currency, changes nothing.
pub(super) fn open(disputes: &mut Vec<Dispute>, paid: Money, dispute: &str, amount: Money, reason: &str) {
    let is_known = disputes.iter().any(|known| known.dispute == dispute);
    if !is_known && amount.currency == paid.currency && amount.amount > 0 {
        let (dispute, reason) = (dispute.to_owned(), reason.to_owned());
        disputes.push(Dispute { dispute, amount, reason, state: DisputeState::Open });
    }
}

/// Moves an undecided dispute forward to a state. Anything else changes nothing.
pub(super) fn advance(payment: &mut Payment, dispute: &str, state: DisputeState) {
    let Payment::Succeeded { disputes, .. } = payment else { return };
    if let Some(known) = disputes.iter_mut().find(|known| known.dispute == dispute)
        && known.is_open()
        && known.state < state
    {
        known.state = state;
    }
}
