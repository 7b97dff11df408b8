//! A refund of a payment, and how far it has come.

use storefront_api::{Money, RefundId};

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// How much.
    pub amount: Money,
    /// Why; empty for one that was made at the gateway.
    pub reason: String,
    /// Whether it was made at the gateway, and the shop learnt of it.
    pub is_found: bool,
    /// What became of it.
    pub state: RefundState,
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Asked for; the answer is not in.
    Open,
    /// The gateway works on it.
    Pending {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// The money went back, under this name of the gateway's.
    Done {
        /// The gateway's name for the refund.
        reference: String,
    },
    /// It did not happen, or the money has returned.
    Failed {
        /// The gateway's name for the refund, if it made one.
        reference: Option<String>,
        /// Why.
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

    /// Whether it has no outcome yet.
    pub fn is_open(&self) -> bool {
        matches!(self.state, RefundState::Open | RefundState::Pending { .. })
    }

    /// Whether the money is with its payer.
    pub fn is_done(&self) -> bool {
        matches!(self.state, RefundState::Done { .. })
    }

    /// Whether it was asked for before refunds had ids: its id is a number then.
    pub fn is_older_than_ids(&self) -> bool {
        self.id.is_numbered()
    }
}
