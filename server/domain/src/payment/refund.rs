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
    /// Present state.
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
    /// The refund succeeded.
    Done {
        /// Id of the refund at the gateway.
        reference: String,
    },
    /// It failed, or the money has returned.
    Failed {
        /// Id of the refund at the gateway, if there is one.
        reference: Option<String>,
        detail: String,
    },
}

impl Refund {
    /// The gateway's name for it, once it has one.
    pub fn reference(&self) -> Option<&String> {
        match &self.state {
            RefundState::Open => None,
            RefundState::Pending { reference } | RefundState::Done { reference } => Some(reference),
            RefundState::Failed { reference, detail: _ } => reference.as_ref(),
        }
    }

    /// Whether it is requested or pending.
    pub fn is_open(&self) -> bool {
        matches!(self.state, RefundState::Open | RefundState::Pending { .. })
    }

    /// Whether the payer has the money.
    pub fn is_done(&self) -> bool {
        matches!(self.state, RefundState::Done { .. })
    }

    /// Whether it was requested before refunds had ids; its id is a number then.
    pub fn is_older_than_ids(&self) -> bool {
        self.id.is_numbered()
    }
}
