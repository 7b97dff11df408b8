//! A refund of a payment, and its state.

use storefront_api::{Money, RefundId};

/// A refund of a payment, or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: RefundId,
    pub amount: Money,
    /// Empty for a refund that was made at the gateway.
    pub reason: String,
    /// Whether it was made at the gateway, and not requested by the shop.
    pub is_found: bool,
    pub state: RefundState,
}

/// The state of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Requested; there is no outcome yet.
    Open,
    /// The gateway processes it.
    Pending {
        /// Id of the refund at the gateway.
        reference: String,
    },
    Done {
        /// Id of the refund at the gateway.
        reference: String,
    },
    /// The money did not go back, or has returned.
    Failed {
        /// Id of the refund at the gateway, if there is one.
        reference: Option<String>,
        detail: String,
    },
}

impl Refund {
    /// Id of the refund at the gateway, once it has one.
    pub fn reference(&self) -> Option<&String> {
        match &self.state {
            RefundState::Open => None,
            RefundState::Pending { reference } | RefundState::Done { reference } => Some(reference),
            RefundState::Failed { reference, detail: _ } => reference.as_ref(),
        }
    }

    /// Whether there is no outcome yet.
    pub fn is_open(&self) -> bool {
        matches!(self.state, RefundState::Open | RefundState::Pending { .. })
    }

    /// Whether the payer has the money.
    pub fn is_done(&self) -> bool {
        matches!(self.state, RefundState::Done { .. })
    }

    /// Whether it was requested before refunds had ids, so that its id is a number.
    pub fn is_older_than_ids(&self) -> bool {
        self.id.is_numbered()
    }
}
